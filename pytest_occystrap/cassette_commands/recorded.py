"""What `cassette record` says when it has recorded, and how it ends when it hasn't."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import IO, Any, Final

import click

from pytest_occystrap.cassettes.capture import Captured

__all__ = ["FAILED", "Failure", "output_for", "show"]

#: The exit code where the recording, not the command, has failed; as `env` and `timeout` have it.
FAILED: Final = 125


class Failure(click.ClickException):
    """Nothing was recorded."""

    exit_code = FAILED


def output_for(*, as_json: bool) -> IO[str] | None:
    """Say where a command prints: standard output is left to the JSON, if there is to be one."""
    return sys.stderr if as_json else None


def show(captured: Sequence[Captured], *, as_json: bool) -> None:
    """Tell what was recorded, and where it is."""
    if as_json:
        click.echo(json.dumps({"cassettes": [_as_document(each) for each in captured]}, indent=2))
    for each in captured:
        for left in each.left_out:
            click.echo(f"Left out: {left}", err=True)
        count, size = each.bodies
        interactions = len(each.cassette.interactions)
        click.echo(
            f"Recorded {interactions} interactions, {count} bodies of {size} bytes: {each.path}",
            err=True,
        )


def _as_document(captured: Captured) -> dict[str, Any]:
    count, size = captured.bodies
    return {
        "path": str(captured.path),
        "interactions": len(captured.cassette.interactions),
        "bodies": count,
        "bytes": size,
        "left_out": [str(each) for each in captured.left_out],
    }
