"""Looking at a tar file that was written: does it hold what it should?

Rule: nothing is believed that isn't read back.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from occystrap.errors import ImageInputError, OccystrapError, SizeMismatch
from occystrap.image.archive import Archive
from occystrap.image.checks import CheckResults, Severity
from occystrap.oci.digest import Digest, verified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ExpectedTarball", "check_tarball"]


@final
@dataclass(frozen=True, slots=True)
class ExpectedTarball:
    """What a tar file should hold: a manifest and a config, and layers by digest and size."""

    manifest: tuple[str, bytes]
    config: tuple[str, bytes]
    layers: Mapping[str, tuple[Digest, int]]


def check_tarball(path: str, expected: ExpectedTarball, *, full: bool) -> CheckResults:
    """Look whether the file holds all of it; `full` hashes every layer."""
    results = CheckResults()
    try:
        archive = Archive.open(path)
    except ImageInputError as error:
        results.add(Severity.ERROR, "verify.tarball", str(error))
        return results
    with contextlib.closing(archive):
        for check, document in (
            ("verify.tarball", expected.manifest),
            ("verify.config", expected.config),
        ):
            with _noting(results, check):
                _check_document(archive, *document)
        for name, (diff_id, size) in expected.layers.items():
            with _noting(results, "verify.layer"):
                _check_layer(archive, name, diff_id, size, full=full)
    if not results.errors:
        message = f"{path} holds the image, of {len(expected.layers)} different layers"
        results.add(Severity.INFO, "verify.ok", message)
    return results


@contextlib.contextmanager
def _noting(results: CheckResults, check: str) -> Iterator[None]:
    try:
        yield
    except OccystrapError as error:
        results.add(Severity.ERROR, check, str(error))


def _check_document(archive: Archive, name: str, content: bytes) -> None:
    if archive.read(name) != content:
        raise ImageInputError(f"{archive.path}: {name} is not what was written")


def _check_layer(archive: Archive, name: str, diff_id: Digest, size: int, *, full: bool) -> None:
    source = archive.source(name)
    if source.size != size:
        raise SizeMismatch(size, source.size, f"{archive.path}: {name}")
    if full:
        for _ in verified(source.open(), diff_id, size, f"{archive.path}: layer"):
            pass
