"""The tutorial of docs/cassettes.md: every command runs, and prints what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import archives
from tests.support.examples import Block, Command, blocks, commands, matches
from tests.support.images import file, layer, make_image
from tests.support.serving import running

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cassettes.md"
#: The parts of the page that are run here.
PARTS = ("Record your own registry in five minutes", "Recording again", "Verify")


def shown() -> list[Block]:
    """List the blocks of these parts."""
    part, parts = "", dict[int, str]()
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        part = line.removeprefix("## ") if line.startswith("## ") else part
        parts[number] = part
    found = [each for each in blocks(PAGE) if parts[each.line] in PARTS]
    assert {parts[each.line] for each in found} == set(PARTS)
    return found


@pytest.fixture
def addresses(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The two registries of the page, where they really are; one of them has the image."""
    image = make_image(*(layer(file(f"bin/{name}", name.encode() * 9000)) for name in "ab"))
    archive = tmp_path / "busybox.tar"
    archive.write_bytes(archives.docker_save(image.named("busybox:latest")))
    with running("--image", str(archive)) as (_, full), running() as (_, empty):
        yield {"127.0.0.1:5000": full[7:], "127.0.0.1:5001": empty[7:]}


def test_the_tutorial(addresses: dict[str, str], tmp_path: Path) -> None:
    """One command after the other, in one project; files are put where the page says."""
    project = tmp_path / "project"
    (project / "cassettes").mkdir(parents=True)
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = 0
    for block in shown():
        text = re.sub("|".join(addresses), lambda found: addresses[found[0]], block.text)
        if block.language == "toml":
            (project / "cassettes" / "scenarios.toml").write_text(text)
        if block.language == "console":
            for command in commands(Block("", text, block.line)):
                check(command, project, environ)
                ran += 1
    assert ran == 6


def check(command: Command, project: Path, environ: dict[str, str]) -> None:
    """Run a command in a shell; it has to print what the page says."""
    printed = (project / "printed").open("w+")
    with printed:
        code = subprocess.call(
            ["/bin/sh", "-c", command.words],
            stdout=printed,
            stderr=printed,
            cwd=project,
            env=environ,
        )
        printed.seek(0)
        output = printed.read()
    assert matches(command.output, output), f"$ {command.words}\n{output}"
    assert code == (1 if "  + status: 404" in command.output else 0)


def test_the_python_of_the_tutorial(pytester: pytest.Pytester) -> None:
    """Its tests pass."""
    (block,) = [each for each in shown() if each.language == "python"]
    first, _, rest = block.text.partition("\n")
    (pytester.path / first.removeprefix("# ")).write_text(rest)
    result = pytester.runpytest_inprocess("-p", "pytest_occystrap")
    assert result.parseoutcomes()["passed"] == 1
