"""The kinds of work, and how each tool is told to do them: a table.

Rule: a tool that can't do a kind of work, or would do less than the others, has no row for it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

__all__ = ["INSTALL", "TOOLS", "Job", "Tool", "Work", "find_tools"]

INSTALL: Final = {
    "skopeo": "apt-get install skopeo",
    "docker-registry": "apt-get install docker-registry",
}


@final
@dataclass(frozen=True, slots=True)
class Job:
    """Where an image is, as host/name:tag and as a tar, and where it goes.

    `secure` is the source over TLS, which tools are to trust by the environment.
    """

    source: str
    archive: Path
    target: str
    output: Path
    parallel: int | None = None
    secure: str = ""


@final
@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work; `into_registry` needs an empty one, `image` is the one that it moves.

    `like` is the kind of work that does the same otherwise, with the same result.
    """

    key: str
    title: str
    into_registry: bool = False
    image: str = "full"
    like: str = ""


Command = Callable[[Job], Sequence[str]]


@final
@dataclass(frozen=True, slots=True)
class Tool:
    """A program, and its command for each kind of work that it can do."""

    name: str
    program: Sequence[str]
    commands: Mapping[str, Command]
    version: Sequence[str] = ("--version",)

    def command(self, key: str, job: Job) -> list[str] | None:
        """Return the command, if it can."""
        make = self.commands.get(key)
        return None if make is None else [*self.program, *make(job)]

    def says(self) -> str:
        """Ask it for its version."""
        done = subprocess.run(
            [*self.program, *self.version], capture_output=True, text=True, check=True
        )
        return next(iter(done.stdout.strip().splitlines()), "")


def _occystrap(
    source: Callable[[Job], str], target: Callable[[Job], str], *, secure: bool = False
) -> Command:
    def command(job: Job) -> list[str]:
        options = [] if secure else ["--insecure"]
        if job.parallel is not None:
            options += ["-j", str(job.parallel)]
        return [*options, "process", source(job), target(job)]

    return command


def _skopeo(
    source: Callable[[Job], str], target: Callable[[Job], str], *, secure: bool = False
) -> Command:
    options = ["--insecure-policy", "copy"]
    if not secure:
        options += ["--src-tls-verify=false", "--dest-tls-verify=false"]
    return lambda job: [*options, source(job), target(job)]


def _regctl(target: Callable[[Job], str]) -> Command:
    def command(job: Job) -> list[str]:
        hosts = [name.partition("/")[0] for name in (job.source, job.target)]
        plain = [part for host in hosts for part in ("--host", f"reg={host},tls=disabled")]
        return [*plain, "image", "copy", job.source, target(job)]

    return command


def _same(*arguments: str) -> Command:
    return lambda _: arguments


_PULL: Final = _occystrap(lambda j: f"registry://{j.source}", lambda j: f"tar://{j.output}")
_LAYOUT: Final = _occystrap(lambda j: f"registry://{j.source}", lambda j: f"ocidir://{j.output}")
_SKOPEO_PULL: Final = _skopeo(
    lambda j: f"docker://{j.source}", lambda j: f"docker-archive:{j.output}:bench/image:1"
)
_SKOPEO_LAYOUT: Final = _skopeo(lambda j: f"docker://{j.source}", lambda j: f"oci:{j.output}:1")


def _crane_layout(job: Job) -> list[str]:
    return ["pull", "--insecure", "--format=oci", job.source, str(job.output)]


def _oras_layout(job: Job) -> list[str]:
    return ["cp", "--from-plain-http", "--to-oci-layout", job.source, f"{job.output}:1"]


def _oras_copy(job: Job) -> list[str]:
    return ["cp", "--from-plain-http", "--to-plain-http", job.source, job.target]


#: The first is the one under measurement.
TOOLS: Final = (
    Tool(
        "occystrap",
        (sys.executable, "-m", "occystrap"),
        {
            "pull": _PULL,
            "push": _occystrap(lambda j: f"tar://{j.archive}", lambda j: f"registry://{j.target}"),
            "copy": _occystrap(
                lambda j: f"registry://{j.source}", lambda j: f"registry://{j.target}"
            ),
            "layout": _LAYOUT,
            "pull-tls": _occystrap(
                lambda j: f"registry://{j.secure}", lambda j: f"tar://{j.output}", secure=True
            ),
            "layout-tls": _occystrap(
                lambda j: f"registry://{j.secure}", lambda j: f"ocidir://{j.output}", secure=True
            ),
            "small": _LAYOUT,
            "version": _same("--version"),
            "help": _same("--help"),
        },
    ),
    Tool(
        "skopeo",
        ("skopeo",),
        {
            "pull": _SKOPEO_PULL,
            "push": _skopeo(
                lambda j: f"docker-archive:{j.archive}", lambda j: f"docker://{j.target}"
            ),
            "copy": _skopeo(lambda j: f"docker://{j.source}", lambda j: f"docker://{j.target}"),
            "layout": _SKOPEO_LAYOUT,
            "pull-tls": _skopeo(
                lambda j: f"docker://{j.secure}",
                lambda j: f"docker-archive:{j.output}:bench/image:1",
                secure=True,
            ),
            "layout-tls": _skopeo(
                lambda j: f"docker://{j.secure}", lambda j: f"oci:{j.output}:1", secure=True
            ),
            "small": _SKOPEO_LAYOUT,
            "version": _same("--version"),
            "help": _same("--help"),
        },
    ),
    Tool(
        "crane",
        ("crane",),
        {
            "push": lambda j: ["push", "--insecure", str(j.archive), j.target],
            "copy": lambda j: ["copy", "--insecure", j.source, j.target],
            "layout": _crane_layout,
            "layout-tls": lambda j: ["pull", "--format=oci", j.secure, str(j.output)],
            "small": _crane_layout,
            "version": _same("version"),
            "help": _same("--help"),
        },
        ("version",),
    ),
    Tool(
        "regctl",
        ("regctl",),
        {
            "copy": _regctl(lambda j: j.target),
            "layout": _regctl(lambda j: f"ocidir://{j.output}:1"),
            "small": _regctl(lambda j: f"ocidir://{j.output}:1"),
        },
        ("version",),
    ),
    Tool(
        "oras",
        ("oras",),
        {"copy": _oras_copy, "layout": _oras_layout, "small": _oras_layout},
        ("version",),
    ),
)


def find_tools() -> list[Tool]:
    """Find the tools that are installed.

    Raises:
        RuntimeError: one is missing that the figures are compared with.
    """
    for program, install in INSTALL.items():
        if shutil.which(program) is None:
            raise RuntimeError(f"{program} is not installed; install it with: {install}")
    return [tool for tool in TOOLS if shutil.which(tool.program[0]) is not None]
