"""What docs/cassettes.md says of replaying and loading: every example runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pytest_occystrap import Replay
from pytest_occystrap.cassettes.form import Cassette
from tests.support.examples import blocks

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/cassettes.md"
#: Before a run of pytest inside this one: what libyaml has made of it can't be imported again.
assert yaml.__with_libyaml__ in (True, False)
PARTS = ("Replay", "Load", "The fake held against recordings")


def part(title: str) -> str:
    """Take a part of the page."""
    return PAGE.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]


def files() -> dict[str, str]:
    """Collect the files that these parts show, by the name in their first line."""
    shown = [each.text.partition("\n") for each in blocks(PAGE) if each.language == "python"]
    text = "".join(map(part, PARTS))
    return {name.removeprefix("# "): rest for name, _, rest in shown if name in text}


def test_every_example_passes(pytester: pytest.Pytester) -> None:
    """In a project with the cassettes of this one."""
    (pytester.path / "cassettes").symlink_to(ROOT / "cassettes")
    for name, text in files().items():
        (pytester.path / name).write_text(text)
    result = pytester.runpytest_inprocess("-p", "pytest_occystrap")
    tests = sum(len(re.findall(r"^def test_", text, re.MULTILINE)) for text in files().values())
    assert tests >= 6
    assert result.parseoutcomes() == {"passed": tests}


def test_the_members_are_those_that_there_are() -> None:
    """Each public one has its place."""
    rows = re.findall(r"^\| (`.*?) \|", part("Replay"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert named == {name for name in dir(Replay(Cassette())) if name[0] != "_"}


def test_what_fails_is_shown_as_it_is(pytester: pytest.Pytester) -> None:
    """Line by line."""
    (pytester.path / "cassettes").symlink_to(ROOT / "cassettes")
    pytester.makepyfile(
        """
        import contextlib

        def test_it(fake_registry):
            fake_registry.replay("quay/skopeo-pull")
            with contextlib.suppress(AssertionError):
                fake_registry.client.get("/v2/acme/app-001/manifests/v2.0")
        """
    )
    result = pytester.runpytest_inprocess("-p", "pytest_occystrap")
    shown = re.findall(r"^```\n(nothing.*?)^```", part("Replay"), re.MULTILINE | re.DOTALL)
    assert len(shown) == 1
    assert shown[0] in result.stdout.str()
