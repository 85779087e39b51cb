"""The tables of dialects: sourced, proven and documented."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_occystrap.dialects import DIALECTS, Dialect
from pytest_occystrap.plugin import MakeRegistry
from tests.support.dialect_tables import documentation, proven_knobs, turned_knobs

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "dialects.md"
NAMES = {
    *("distribution2", "distribution3", "docker_hub", "quay", "ghcr", "ecr", "ecr_public", "acr"),
    *("artifact_registry", "gitlab", "harbor", "mcr", "zot"),
}


def test_there_are_thirteen() -> None:
    """Each under its name."""
    assert set(DIALECTS) == NAMES
    assert all(name == dialect.name for name, dialect in DIALECTS.items())


@pytest.mark.parametrize("name", DIALECTS)
def test_each_turned_knob_has_a_source(name: str) -> None:
    """And no source is of a knob that isn't turned."""
    dialect = DIALECTS[name]
    assert set(dialect.sources) == set(turned_knobs(dialect))
    assert all(dialect.sources.values())


@pytest.mark.parametrize("name", DIALECTS)
def test_each_turned_knob_is_proven(name: str) -> None:
    """A test of this folder says that it shows it; and none says so of what isn't turned."""
    proven = {knob for dialect, knob in proven_knobs(HERE) if dialect == name}
    assert proven == set(turned_knobs(DIALECTS[name]))


def test_only_known_dialects_are_proven() -> None:
    """A test that names another proves nothing."""
    assert {dialect for dialect, _ in proven_knobs(HERE)} <= NAMES


def test_a_turned_knob_is_found() -> None:
    """The two tests above look at every knob there is."""
    form = dataclasses.replace(DIALECTS["zot"].uploads, began="x")
    dialect = Dialect("x", "X", uploads=form, http2=False)
    assert turned_knobs(dialect) == {"uploads.began": "x", "http2": False}


def test_tables_are_values() -> None:
    """Nobody can change what others read, but for a copy of their own."""
    dialect: Any = DIALECTS["quay"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        dialect.http2 = False
    changed = dataclasses.replace(dialect, http2=False)
    assert (changed.http2, DIALECTS["quay"].http2) == (False, True)


def test_the_page_is_made_of_the_tables() -> None:
    """`python -m tests.support.dialect_tables` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == documentation()


def test_the_example_of_the_page_works(make_registry: MakeRegistry) -> None:
    """It stands at the top, and it is a test."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own page
    names["test_pulls_from_quay"](make_registry)
