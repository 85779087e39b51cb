"""docs/faults.md names what there is, and no more."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin

import pytest

from pytest_occystrap.faults import EFFECTS, Effect
from pytest_occystrap.faults.grammar import parse_fault
from pytest_occystrap.faults.values import hints_of
from pytest_occystrap.proxy import FaultProxy

TEXT = (Path(__file__).resolve().parents[3] / "docs/faults.md").read_text(encoding="utf-8")
REFERENCE = TEXT.split("## Every effect\n")[1].split("\n## ")[0]
MET = TEXT.split("## What has been met in the wild\n")[1].split("\n## ")[0]


def signature(name: str, kind: type[Effect]) -> str:
    """Write how an effect is made."""
    known = dataclasses.fields(cast("Any", kind))
    words = [
        field.name
        if field.default is dataclasses.MISSING
        else f"{field.name}={field.default!r}".replace("'", '"')
        for field in known
    ]
    return f"{name}({', '.join(words)})"


def test_every_effect_is_in_the_page() -> None:
    """With all that it takes, and a test of its own as an example."""
    shown = re.findall(r"^\| `(\w+\(.*?\))` \|", REFERENCE, re.MULTILINE)
    assert sorted(shown) == sorted(signature(name, kind) for name, kind in EFFECTS.items())
    assert set(re.findall(r"^def test_(\w+)\(", REFERENCE, re.MULTILINE)) == set(EFFECTS)


def words_of(hint: Any) -> list[str]:
    """List the words that a field may be."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [word for kind in get_args(hint) for word in words_of(kind)]


def test_every_word_of_an_effect_is_explained() -> None:
    """What a field may be is in the row of its effect."""
    for name, kind in EFFECTS.items():
        row = next(line for line in REFERENCE.splitlines() if line.startswith(f"| `{name}("))
        hints = hints_of(kind)
        for field in dataclasses.fields(cast("Any", kind)):
            for word in words_of(hints[field.name]):
                assert word in row, name


#: Words of the tables that are no faults: options of registries, fixtures, fields, notes.
OTHER = {"url_lifetime", "token_lifetime", "registry_hosts", "chunk_min_length", "urls"}


@pytest.mark.parametrize("code", sorted(set(re.findall(r"`([^`]+)`", MET)) - OTHER))
def test_what_the_tables_name_can_be_laid(code: str) -> None:
    """Each is a fault, a place, or a value of the fault that stands before it."""
    if code in EFFECTS:
        return
    words = code.replace("=N", "=1").replace(" N", " 1").replace(" ...", " X").replace("...", "x")
    if re.fullmatch(r"cdn|token|manifest|GET.*|PUT.*|PATCH.*|POST.*", words):
        parse_fault(f"{words}: reset")
    elif words in ("bare", "no_scheme", "query", "other_host"):
        parse_fault(f"location {words}")
    elif re.match(r"(body|retry_after)=", words):
        parse_fault(f"status 429 {words}")
    else:
        parse_fault(words)


def test_the_members_of_a_proxy() -> None:
    """Each public one has its place."""
    section = TEXT.split("| member of FaultProxy |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    shown = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    with FaultProxy("http://127.0.0.1:1") as proxy:
        assert shown == {name for name in dir(proxy) if name[0] != "_"}
