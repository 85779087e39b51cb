"""`occystrap cassette check`: what it finds, how it says so, and how it ends."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result

from occystrap.main import cli
from occystrap.oci.digest import Digest
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.files import blobs_beside, save_cassette
from pytest_occystrap.cassettes.form import (
    Cassette,
    Interaction,
    RecordedRequest,
    RecordedResponse,
)
from tests.support.secrets_made_up import SHAPED

LAYER = bytes(range(256)) * 10
ANSWER = RecordedResponse(200, "OK", Headers({"Content-Length": "2560"}), Body.of(LAYER))
CASSETTE = Cassette((Interaction(RecordedRequest("GET", "https://r.test/v2/a"), ANSWER),))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one cassette, which has a body of its own."""
    monkeypatch.chdir(tmp_path)
    save_cassette(CASSETTE, tmp_path / "cassettes" / "r.test" / "pull.yaml")
    return tmp_path


def run(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, arguments)


def found(*paths: str) -> dict[str, Any]:
    """Check, and return what is said as JSON."""
    document: dict[str, Any] = json.loads(run("-O", "json", "cassette", "check", *paths).stdout)
    return document


def body_of(home: Path) -> Path:
    """Say where the body is."""
    return blobs_beside(home / "cassettes" / "x.yaml").path_of(Digest.of(LAYER))


def test_what_is_whole_is_fine(home: Path) -> None:
    """Without paths, the cassettes of the project are checked."""
    result = run("cassette", "check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Summary: 1 cassettes, 1 interactions, 0 findings, 0 warnings\n"


def test_a_body_that_is_missing_or_corrupt_is_a_finding(home: Path) -> None:
    """The finding says which cassette, where in it, and which body."""
    body_of(home).write_bytes(LAYER[:-1] + b"x")
    result = run("cassette", "check")
    place = "cassettes/r.test/pull.yaml: interaction 1, response body: "
    assert result.stdout == f"{place}the body {Digest.of(LAYER)} is corrupt\n"
    assert result.exit_code == 1
    body_of(home).unlink()
    assert f"the body {Digest.of(LAYER)} is missing" in run("cassette", "check").stdout


def test_a_body_that_no_cassette_has_is_a_warning(home: Path) -> None:
    """It is told, and all is well; of single files nobody knows who else has their bodies."""
    blobs = blobs_beside(home / "cassettes" / "x.yaml")
    stray = blobs.path_of(blobs.keep(Body.of(b"stray")).digest)
    result = run("cassette", "check")
    assert result.exit_code == 0
    assert result.stdout == (f"{stray}: no cassette has this body (a warning)\n")
    (warning,) = found()["warnings"]
    assert warning == {"path": str(stray), "place": "", "rule": "no cassette has this body"}
    assert found("cassettes/r.test/pull.yaml")["warnings"] == []
    assert found("cassettes/r.test")["warnings"] == []


def test_what_is_no_cassette_is_a_finding(home: Path) -> None:
    """YAML below a directory of cassettes has to be one; other files are none."""
    (home / "cassettes" / "other.yaml").write_text("a: 1")
    (home / "cassettes" / "README.md").write_text("a: 1")
    document = found()
    assert (document["cassettes"], document["interactions"]) == (2, 1)
    (finding,) = document["findings"]
    assert finding["path"] == "cassettes/other.yaml"
    assert "no list of interactions" in finding["rule"]


def test_what_is_beside_the_interactions_is_looked_at(home: Path) -> None:
    """A comment of the file is public, too."""
    path = home / "cassettes" / "r.test" / "pull.yaml"
    token = SHAPED["github-classic"](Random(1))  # noqa: S311 - it has to be the same each time
    path.write_text(f"# made with {token}\n" + path.read_text())
    assert run("cassette", "check").stdout == "cassettes/r.test/pull.yaml: byte 12: github\n"


def test_a_path_that_is_not_there_is_a_mistake_of_the_command_line(home: Path) -> None:
    """The exit code is 2."""
    result = run("cassette", "check", "nowhere")
    assert result.exit_code == 2
    assert "'nowhere' does not exist" in result.stderr


def test_a_command_whose_needs_are_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error is what to install."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    for name in [name for name in sys.modules if name.startswith("pytest_occystrap.cassette")]:
        monkeypatch.delitem(sys.modules, name)
    result = run("cassette", "check")
    assert result.exit_code == 1
    assert "needs yaml" in result.stderr
    assert "pip install 'occystrap[pytest]'" in result.stderr


def test_the_group_tells_its_commands() -> None:
    """Each with its line, and none is imported for it."""
    result = run("cassette", "--help")
    assert re.search(r"check +Look for what no cassette should hold\.", result.stdout)
    assert run("cassette", "chek").exit_code == 2
