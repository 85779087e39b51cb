"""Recording and replaying a large blob, and a cassette of many exchanges, beside plain vcrpy.

    python benchmarks/cassettes.py [--size MIB] [--exchanges N] [--repeats N]

Ours is vcrpy with our cassettes (`occystrap_vcr`); without vcrpy, it's our recorder and replay.
A blob of random bytes is pulled with httpx from `occystrap registry serve`, and hashed as it comes.
Every run is a process of its own. Seconds are those from opening the cassette to having closed it;
the peak is the operating system's (ru_maxrss), which holds interpreter and imports as well; both
are the best of some runs. On disk is all that was written, in sizes of the blob. Then N small
exchanges are replayed, each asked for once, in their order.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

MIB: Final = 1024 * 1024
#: What is measured, the peer first: names that cassette_runs.py knows.
WAYS: Final = ("vcrpy", "ours", "without vcrpy")


@dataclass(frozen=True, slots=True)
class Run:
    """What a process printed, and its peak of memory in MiB."""

    said: str
    peak: float

    @property
    def seconds(self) -> float:
        """What it printed first, if it measures time."""
        return float(self.said.split()[0])

    @property
    def busy(self) -> float:
        """Seconds of the processor, which other work on the machine changes little."""
        return float(self.said.split()[1])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=50, help="MiB of the blob")
    parser.add_argument("--exchanges", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        large(Path(directory), chosen.size, chosen.repeats)
        many(Path(directory) / "many.yaml", chosen.exchanges, chosen.repeats)


def large(directory: Path, size: int, repeats: int) -> None:
    """Record and replay a blob in each way."""
    print(f"one blob of {size} MiB")
    print(f"{'':24} {'seconds':>8} {'CPU s':>6} {'peak MiB':>9} {'on disk':>8}")
    with registry(directory / "registry") as url:
        blob = run("push", url, size).said
        show("no cassette", [best([run("pull", "none", "once", "", blob) for _ in range(repeats)])])
        recorded = []
        for way in WAYS:
            recorded.append(best([record(directory / way, way, blob) for _ in range(repeats)]))
            written = sum(each.stat().st_size for each in files(directory / way))
            show(f"{way}, record", recorded, f"{written / (size * MIB):7.2f}x")
    replayed = []
    for way in WAYS:  # with the registry gone
        path = cassette(directory / way)
        runs = [run("pull", way, "none", path, blob) for _ in range(repeats)]
        replayed.append(best(runs))
        show(f"{way}, replay", replayed)


def record(directory: Path, way: str, blob: str) -> Run:
    """Record a blob where nothing is yet."""
    shutil.rmtree(directory, ignore_errors=True)
    return run("pull", way, "once", cassette(directory), blob)


def cassette(directory: Path) -> Path:
    """Say where the cassette of a blob is."""
    return directory / "cassettes" / "blob.yaml"


def files(directory: Path) -> Iterator[Path]:
    """List the files below a directory."""
    return (each for each in directory.rglob("*") if each.is_file())


def many(path: Path, count: int, repeats: int) -> None:
    """Replay many small exchanges in each way."""
    print(f"\n{count} exchanges, replayed in their order\n{'':24} {'ms each':>8}")
    run("write", path, count)
    for way, name in {"none": "no cassette", **{way: way for way in WAYS}}.items():
        runs = [run("replay", way, path, count) for _ in range(repeats)]
        print(f"{name:24} {best(runs).seconds / count * 1e3:8.2f}", flush=True)


def run(*arguments: object) -> Run:
    """Have a process do a job, and return what it printed and its peak of memory."""
    script = Path(__file__).with_name("cassette_runs.py")
    process = subprocess.Popen(
        [sys.executable, str(script), *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )
    with cast("IO[str]", process.stdout) as printed:
        said = printed.read().strip()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}: failed")
    return Run(said, usage.ru_maxrss / 1024)


def best(runs: list[Run]) -> Run:
    """Return the least of time and of memory."""
    least = min(runs, key=lambda each: each.seconds)
    return Run(least.said, min(each.peak for each in runs))


def show(name: str, runs: list[Run], size: str = "") -> None:
    """Print the last run, and what it is to the first."""
    last, peer = runs[-1], runs[0]
    line = f"{name:24} {last.seconds:8.2f} {last.busy:6.2f} {last.peak:9.0f} {size:>8}"
    if last is not peer:
        seconds, busy = last.seconds / peer.seconds, last.busy / peer.busy
        line += f"   {seconds:.2f}, {busy:.2f} and {last.peak / peer.peak:.2f} of vcrpy's"
    print(line, flush=True)


@contextlib.contextmanager
def registry(directory: Path) -> Iterator[str]:
    """Serve a registry from a directory."""
    command = [sys.executable, "-m", "occystrap", "registry", "serve"]
    command += ["--listen", "127.0.0.1:0", "--dir", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said = cast("IO[str]", process.stdout)
    try:
        yield "http://" + re.findall(r"127\.0\.0\.1:\d+", said.readline())[0]
    finally:
        process.terminate()
        process.wait()
        said.close()


if __name__ == "__main__":
    main()
