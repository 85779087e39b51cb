"""The settings of a run as a value, and the context that scripts make of it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from types import SimpleNamespace
from typing import Any

import pytest

from occystrap.options import Options

#: The keys of ctx.obj that scripts lean on.
KEYS = {
    *("OS", "ARCHITECTURE", "VARIANT", "USERNAME", "PASSWORD", "INSECURE", "COMPRESSION"),
    *("MAX_WORKERS", "TEMP_DIR", "LAYER_CACHE", "OUTPUT_FORMAT", "RETRIES", "RATE_LIMIT"),
    *("IMAGE_PARALLEL", "VERIFY", "VERIFY_FULL"),
}


def test_the_context_has_the_public_keys() -> None:
    """And one for every other field."""
    written = Options().to_context()
    assert written.keys() >= KEYS
    assert written.keys() == {each.name.upper() for each in fields(Options)}


def test_options_survive_the_context() -> None:
    """What is written is read again."""
    options = Options(os="windows", password="hush", retries=9, environ={"HOME": "/"})
    assert Options.from_context(SimpleNamespace(obj=options.to_context())) == options


@pytest.mark.parametrize(
    "ctx", [None, object(), SimpleNamespace(obj=None), SimpleNamespace(obj={})]
)
def test_without_a_context_there_are_defaults(ctx: Any) -> None:
    """A script may pass nothing at all."""
    assert Options.from_context(ctx) == Options()


def test_a_context_may_say_less_and_more() -> None:
    """Missing keys are defaults, and keys of others are left alone."""
    ctx = SimpleNamespace(obj={"RETRIES": 1, "CLIENT": object(), "OTHER": 1})
    assert Options.from_context(ctx) == Options(retries=1)


def test_a_script_may_pass_options_themselves() -> None:
    """Where a context is expected."""
    options = Options(retries=1)
    assert Options.from_context(options) is options


def test_options_do_not_change() -> None:
    """They are a value."""
    with pytest.raises(FrozenInstanceError):
        Options().retries = 1  # type: ignore[misc]


def test_options_do_not_show_secrets() -> None:
    """Neither the password nor the environment, which may hold others."""
    shown = repr(Options(username="alice", password="hush", environ={"TOKEN": "hush"}))
    assert "alice" in shown
    assert "hush" not in shown
