"""The cassettes of this repository are clean, and so are those of whoever uses the hook."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from occystrap.main import cli

ROOT = Path(__file__).resolve().parents[3]


def test_this_repository_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """`occystrap cassette check` finds nothing here, as CI would run it."""
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(cli, ["cassette", "check"])
    assert (result.stdout, result.exit_code) == ("", 0)


@pytest.fixture
def hook() -> dict[str, Any]:
    """The hook for pre-commit."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    found: dict[str, Any] = hook
    return found


def test_the_hook_checks_the_files_it_is_given(hook: dict[str, Any], tmp_path: Path) -> None:
    """It is run as pre-commit runs it: the entry, and behind it the names of files."""
    path = tmp_path / "cassettes" / "some.yaml"
    path.parent.mkdir()
    text = "interactions:\n- request: {uri: 'https://r.example/?token=%s', method: GET}\n"
    answer = "  response: {status: {code: 200, message: OK}}\n"
    program, *words = shlex.split(hook["entry"])
    assert program == "occystrap"
    for token, exit_code in (("abc", 1), ("scrubbed-token-1", 0)):
        path.write_text(text % token + answer)
        assert CliRunner().invoke(cli, [*words, str(path)]).exit_code == exit_code


def test_the_hook_is_for_cassettes_and_has_what_it_needs(hook: dict[str, Any]) -> None:
    """YAML below a directory of cassettes, and the extra that reads it."""
    assert re.search(hook["files"], "tests/cassettes/test_pull/test_a.yaml")
    assert re.search(hook["files"], "cassettes/quay.io/list.yml")
    assert not re.search(hook["files"], "docs/cassettes.yaml")
    assert not re.search(hook["files"], "cassettes/blobs/sha256/ab")
    assert (hook["language"], hook["additional_dependencies"]) == ("python", [".[pytest]"])
