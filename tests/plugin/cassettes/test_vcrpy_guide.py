"""What docs/cassettes.md says of vcrpy: every example runs, and prints what it says."""

from __future__ import annotations

import hashlib
import re
import shlex
from pathlib import Path

import pytest

from pytest_occystrap import FakeRegistry
from tests.support.examples import blocks, commands, matches

PAGE = Path(__file__).resolve().parents[3] / "docs" / "cassettes.md"
TITLE = "With pytest-recording and vcrpy"


def test_the_examples(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in their order; what is recorded is replayed with the registry gone."""
    text = PAGE.read_text().split(f"\n## {TITLE}\n")[1].split("\n## ")[0]
    shown = [each for each in blocks(PAGE) if each.text in text]
    for block in shown:
        if block.language == "python":
            name, _, content = block.text.partition("\n")
            (pytester.path / name.removeprefix("# ")).write_text(content)
    ran = 0
    with FakeRegistry(images=["org/app:1"]) as registry:
        monkeypatch.setenv("REGISTRY", registry.url)
        for block in shown:
            for command in commands(block) if block.language == "console" else ():
                _, *arguments = shlex.split(command.words)
                result = pytester.runpytest_subprocess("-p", "no:cov", *arguments)
                assert matches(command.output, f"{result.stdout.str()}\n"), result.stdout.str()
                registry.close()
                ran += 1
    pytester.runpytest_subprocess("test_machine.py").assert_outcomes(passed=1)
    assert ran == 2


def test_the_name_that_is_shown() -> None:
    """A file is called by what its test is called, where that can't be the name of a file."""
    (shown,) = re.findall(r"`test_it\[a-b\]-(\w+)\.yaml`", PAGE.read_text())
    assert shown == hashlib.sha256(b"test_it[a/b]").hexdigest()[:8]
