"""What the fake registry itself takes: in process, over a socket, in setting up, in memory.

Rule: over a socket the same client asks it and Debian's docker-registry, in turn.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.peers.images import MIB, make_image
from benchmarks.peers.processes import answer_of, serving
from benchmarks.peers.runs import Spread, measure
from benchmarks.peers.table import markdown
from occystrap.client.registry import RegistryClient
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from pytest_occystrap import FakeRegistry
from tests.support.debian_registry import running_debian_registry

__all__ = ["fake_figures", "fake_table"]

_READS: Final = 500
_BLOB: Final = 128
_PUSHED: Final = 1024
_MANIFEST: Final = "/v2/bench/r000/manifests/1"
_ACCEPT: Final = {"Accept": "application/vnd.oci.image.manifest.v1+json"}


def fake_figures(directory: Path, *, quick: bool) -> dict[str, Any]:
    """Measure everything."""
    rounds = 3 if quick else 7
    figures: dict[str, Any] = {
        "in process": [_in_process() for _ in range(rounds)],
        "set up": [_set_up() for _ in range(rounds)],
    }
    figures |= _reads(directory, rounds)
    figures["blob"] = _blob(rounds)
    figures["push"] = _push(directory, 256 if quick else _PUSHED)
    return figures


def _per(count: int, action: Callable[[], object]) -> float:
    """Return the seconds of each time."""
    begin = time.perf_counter()
    for _ in range(count):
        action()
    return (time.perf_counter() - begin) / count


def _in_process() -> float:
    """Return the microseconds of a small request."""
    registry = FakeRegistry(images=["bench/r000:1"])
    taken = _per(_READS, lambda: registry.client.get(_MANIFEST, headers=_ACCEPT))
    registry.close()
    return taken * 1e6


def _set_up() -> float:
    """Return the milliseconds of making one with its client, and closing it."""

    def once() -> None:
        registry = FakeRegistry()
        registry.client.get("/v2/")
        registry.close()

    return _per(20, once) * 1e3


def _reads(directory: Path, rounds: int) -> dict[str, list[float]]:
    """Return the requests a second of both, for manifests over one connection."""
    figures: dict[str, list[float]] = {"reads": [], "reads of docker-registry": []}
    with (
        serving() as there,
        running_debian_registry("docker-registry", directory / "reads") as debian,
    ):
        make_image(directory / "read", MIB).push(debian.host, "bench/r000")
        hosts = dict(zip(figures, (there["host"], debian.host), strict=True))
        for _ in range(rounds):
            for name, host in hosts.items():
                with httpx.Client(base_url=f"http://{host}", headers=_ACCEPT) as client:
                    client.get(_MANIFEST).raise_for_status()
                    figures[name].append(1 / _per(_READS, partial(client.get, _MANIFEST)))
    return figures


def _blob(rounds: int) -> list[float]:
    """Return the MB a second of a large blob over HTTP/1.1."""
    with serving(size=_BLOB) as there:
        url = f"http://{there['host']}/v2/bench/blob/blobs/{there['digest']}"
        size = int(there["size"])
        return [
            4 * size / 1e6 / answer_of("fetch", url, "", "1.1", size, 4)["wall"]
            for _ in range(rounds)
        ]


def _push(directory: Path, size: int) -> dict[str, float]:
    """Return the peak in MiB of a fake registry on the disk that takes a blob, in its process."""
    command = [sys.executable, "-m", "benchmarks.peers.fake", str(directory / "pushed"), str(size)]
    done = measure(command, {"PATH": ""}, directory / "said")
    return {"size": size, "peak": round(done.peak, 1)}


def _take(place: Path, size: int) -> None:
    """Take a blob of so many MiB, which another process pushes."""
    registry = FakeRegistry(directory=place)
    command = [sys.executable, "-m", "benchmarks.peers.fake", registry.host, str(size), "push"]
    subprocess.run(command, check=True)
    registry.close()


def _give(host: str, size: int) -> None:
    pieces = _Pieces(size)
    digest = hashlib.sha256()
    for piece in pieces.open():
        digest.update(piece)
    with RegistryClient(host, secure=False) as registry:
        named = Descriptor(
            "application/octet-stream", Digest("sha256", digest.hexdigest()), pieces.size
        )
        registry.upload_blob("bench/pushed", named, pieces)


class _Pieces:
    """A blob that is never held whole."""

    def __init__(self, count: int) -> None:
        self.size = count * MIB

    def open(self) -> Iterator[bytes]:
        for number in range(self.size // MIB):
            yield number.to_bytes(4, "big") * (MIB // 4)


def fake_table(figures: Mapping[str, Any]) -> str:
    """Write the table."""
    ours, theirs = figures["reads"], figures["reads of docker-registry"]
    ratio = Spread.of([a / b for a, b in zip(ours, theirs, strict=True)])
    push = figures["push"]
    rows = [
        ("a small request in process, µs", Spread.of(figures["in process"]).text(0), "250"),
        ("small reads a second over a socket", Spread.of(ours).text(0), ""),
        ("the same by docker-registry's", ratio.text(), "1.50 or more"),
        ("a blob over a socket, MB/s", Spread.of(figures["blob"]).text(0), "500 or more"),
        ("setting up and closing, ms", Spread.of(figures["set up"]).text(), "2"),
        (f"taking {push['size']} MiB, peak MiB", f"{push['peak']:.0f}", "100"),
    ]
    return markdown(("the fake registry", "measured", "goal"), rows)


if __name__ == "__main__":
    if sys.argv[3:]:
        _give(sys.argv[1], int(sys.argv[2]))
    else:
        _take(Path(sys.argv[1]), int(sys.argv[2]))
