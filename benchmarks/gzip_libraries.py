"""gzip by zlib and by isal: speed in MB/s, and speed and size as ratios to zlib at level 6.

Input: a tar of the standard library of the Python that runs this, made in memory. One thread, best
of three. What is inflated is zlib's output, in pieces of 256 KiB. Figures in docs/dependencies.md.
"""

from __future__ import annotations

import io
import sysconfig
import tarfile
import time
import zlib
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from types import ModuleType
from typing import TypeVar

from isal import isal_zlib

GZIP = 31  # zlib's number for deflate within a gzip header and trailer
PIECE = 1 << 18
ROUNDS = 3

T = TypeVar("T")


def main() -> None:
    """Print a row for each library and level."""
    raw = tar_of_standard_library()
    packed, seconds = best_of(partial(deflate, zlib, 6, raw))
    print(f"input {len(raw) / 1e6:.0f} MB, with zlib at level 6 {len(packed) / 1e6:.0f} MB")
    report("deflate zlib -6", len(raw), seconds, seconds)
    for level in (1, 2, 3):
        result, took = best_of(partial(deflate, isal_zlib, level, raw))
        ratio = len(result) / len(packed)
        report(f"deflate isal -{level}", len(raw), took, seconds, f"{ratio:.2f}x the size")
    _, seconds = best_of(partial(inflate, zlib, packed))
    report("inflate zlib", len(raw), seconds, seconds)
    _, took = best_of(partial(inflate, isal_zlib, packed))
    report("inflate isal", len(raw), took, seconds)


def tar_of_standard_library() -> bytes:
    """Pack what every interpreter has: source text, a few binaries."""

    def wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        skipped = ("__pycache__", "site-packages", "dist-packages")
        return None if any(name in member.name for name in skipped) else member

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(sysconfig.get_path("stdlib"), arcname="lib", filter=wanted)
    return packed.getvalue()


def deflate(library: ModuleType, level: int, raw: bytes) -> bytes:
    """Compress the whole input."""
    compressor = library.compressobj(level, library.DEFLATED, GZIP)
    return bytes(compressor.compress(raw) + compressor.flush())


def inflate(library: ModuleType, packed: bytes) -> int:
    """Decompress piece by piece, as a download is; return the number of bytes."""
    decompressor = library.decompressobj(GZIP)
    pieces = (packed[start : start + PIECE] for start in range(0, len(packed), PIECE))
    return sum(len(decompressor.decompress(piece)) for piece in pieces)


def best_of(work: Callable[[], T]) -> tuple[T, float]:
    """Return the result and the seconds of the fastest run."""

    def timed() -> tuple[T, float]:
        start = time.perf_counter()
        return work(), time.perf_counter() - start

    return min((timed() for _ in range(ROUNDS)), key=itemgetter(1))


def report(what: str, size: int, seconds: float, reference: float, note: str = "") -> None:
    """Print a speed, and how many times that of the reference it is."""
    print(f"{what:16} {size / seconds / 1e6:6.0f} MB/s {reference / seconds:5.1f}x  {note}")


if __name__ == "__main__":
    main()
