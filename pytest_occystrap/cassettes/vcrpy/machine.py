"""vcrpy's VCR with our ways, made anew or made of one that somebody else has made.

Rule: what a user chooses for a cassette counts, and what keeps a replay true and secrets out is
added to it. So all is decided when a cassette is opened.
"""

from __future__ import annotations

import functools
import os
from datetime import UTC, date, datetime
from typing import Any

import vcr

from pytest_occystrap.cassettes.vcrpy.cassette import OpenCassette
from pytest_occystrap.cassettes.vcrpy.matchers import our_matchers
from pytest_occystrap.cassettes.vcrpy.patches import patches
from pytest_occystrap.cassettes.vcrpy.persister import persister_around
from pytest_occystrap.cassettes.vcrpy.values import KeptRequest

__all__ = ["adopt", "occystrap_vcr"]


class _OurVCR(vcr.VCR):  # type: ignore[misc]  # vcrpy ships no types
    """A VCR whose cassettes are kept, matched and patched in our ways."""

    def use_cassette(self, path: Any = None, **kwargs: Any) -> Any:
        """Open a cassette around a block or a function, as vcrpy's method of this name."""
        if path is not None and not isinstance(path, str | os.PathLike):
            return self.use_cassette(**kwargs)(path)
        if kwargs.pop("with_current_defaults", False):
            settled = self.get_merged_config(path=path, **kwargs)
            return OpenCassette.use_arg_getter(lambda: dict(settled))
        return OpenCassette.use_arg_getter(
            functools.partial(self.get_merged_config, path=path, **kwargs)
        )

    def get_merged_config(self, **kwargs: Any) -> dict[str, Any]:
        """Say how a cassette is opened."""
        config: dict[str, Any] = super().get_merged_config(**kwargs)
        return {
            **config,
            "persister": persister_around(config["persister"], _today),
            "match_on": [*config["match_on"], *our_matchers()],
            "custom_patches": (*config["custom_patches"], *patches()),
            "before_record_request": _with_a_body(config["before_record_request"]),
        }


def occystrap_vcr(**kwargs: Any) -> vcr.VCR:
    """Make a `vcr.VCR` with safe cassettes, bodies by digest and replays that don't lie.

    The arguments are those of `vcr.VCR`.
    """
    return _OurVCR(**kwargs)


def adopt(machine: vcr.VCR) -> None:
    """Give our ways to a VCR that somebody else has made and goes on to set up."""
    machine.__class__ = _OurVCR


def _with_a_body(function: Any) -> Any:
    """Let no body be an empty one: in a cassette they are the same."""

    def before_record_request(request: Any) -> Any:
        request = function(request)
        if request is None or isinstance(request, KeptRequest):
            return request
        if request.body is None:
            request.body = b""
        return request

    return before_record_request


def _today() -> date:
    return datetime.now(UTC).date()
