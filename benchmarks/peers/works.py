"""All kinds of work by all tools, in turn, against Debian's docker-registry.

Rule: whatever is moved into a registry goes into an empty one, which no tool has met before: nobody
can mount what an earlier run has left there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

from benchmarks.peers.images import MadeImage
from benchmarks.peers.runs import BenchmarkError, Run, measure
from benchmarks.peers.tools import Job, Tool, Work
from tests.support.debian_registry import running_debian_registry

__all__ = ["IMAGE", "WORKS", "Bench", "Runs", "run_memory", "run_works"]

IMAGE: Final = "bench/image"
WORKS: Final = (
    Work("pull", "registry to docker tar, layers inflated"),
    Work("push", "docker tar to registry", into_registry=True),
    Work("copy", "registry to registry", into_registry=True),
    Work("layout", "registry to OCI layout, as stored"),
    Work("pull-tls", "registry to docker tar, over TLS", like="pull"),
    Work("layout-tls", "registry to OCI layout, over TLS", like="layout"),
    Work("small", "a small image into an OCI layout", image="small"),
    Work("version", "the version", image="small"),
    Work("help", "the help", image="small"),
)

#: The runs of each tool, by kind of work and name.
Runs = dict[str, dict[str, list[Run]]]


@final
@dataclass(frozen=True, slots=True)
class Bench:
    """Where everything is: images by name, the registry that has them, a directory for the rest.

    `secure_host` has them as well, over TLS, by an authority whose certificate is `ca_file`.
    """

    directory: Path
    host: str
    secure_host: str
    ca_file: Path
    registry: str
    images: Mapping[str, MadeImage]

    def run(self, tool: Tool, work: Work, parallel: int | None = None) -> Run | None:
        """Do some work with a tool, and remove what it has written; None if it can't."""
        scratch = self.directory / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        with self._target(work, scratch) as host:
            image = self.images[work.image]
            job = Job(
                f"{self.host}/{IMAGE}-{work.image}:1",
                image.archive,
                f"{host}/{IMAGE}:1",
                scratch / "out",
                parallel,
                f"{self.secure_host}/{IMAGE}-{work.image}:1",
            )
            command = tool.command(work.key, job)
            if command is None:
                return None
            done = measure(command, self._environment(scratch), scratch / "said")
            _look(work, job.output, image)
        shutil.rmtree(scratch)
        return done

    @contextlib.contextmanager
    def _target(self, work: Work, scratch: Path) -> Iterator[str]:
        if not work.into_registry:
            yield self.host
            return
        with running_debian_registry(self.registry, scratch / "target") as target:
            yield target.host

    def _environment(self, scratch: Path) -> dict[str, str]:
        """Give a tool a home of its own: no settings, no logins, and no memory of earlier runs."""
        path = os.environ.get("PATH", os.defpath)
        own = {"HOME": scratch, "TMPDIR": scratch, "SSL_CERT_FILE": self.ca_file}
        return {"PATH": path, **{name: str(value) for name, value in own.items()}}


def _look(work: Work, output: Path, image: MadeImage) -> None:
    """Look whether a tool has written what it should: a fast failure is no fast success."""
    if work.key in ("version", "help") or work.into_registry:
        return
    size = sum(each.stat().st_size for each in (output, *output.rglob("*")) if each.is_file())
    least = image.raw_size if "pull" in (work.key, work.like) else image.stored_size
    if size < least:
        raise BenchmarkError(f"{work.title}: {size} bytes were written, of {least} at least")


def run_works(bench: Bench, tools: Sequence[Tool], rounds: int) -> Runs:
    """Run everything so often; each round begins with another tool."""
    runs: Runs = {}
    for number in range(rounds):
        turned = [*tools[number % len(tools) :], *tools[: number % len(tools)]]
        for work in WORKS:
            for tool in turned:
                done = bench.run(tool, work)
                if done is not None:
                    runs.setdefault(work.key, {}).setdefault(tool.name, []).append(done)
        print(f"round {number + 1} of {rounds}", flush=True)
    return runs


def run_memory(bench: Bench, tool: Tool) -> dict[str, dict[str, float]]:
    """Measure the peak of each kind of work in MiB: a tenth of the image, all of it, and -j 16."""
    peaks: dict[str, dict[str, float]] = {}
    for work in WORKS[:4]:
        cases = {
            "a tenth": (replace(work, image="tenth"), None),
            "whole": (work, None),
            "whole, -j 16": (work, 16),
        }
        for name, (each, parallel) in cases.items():
            done = bench.run(tool, each, parallel)
            if done is not None:
                peaks.setdefault(work.key, {})[name] = round(done.peak, 1)
    return peaks
