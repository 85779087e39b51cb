"""Looking at what was written, without anything of `occystrap`."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

from tests.support.debian_registry import DebianRegistry
from tests.support.images import sha256

__all__ = ["layer_digests", "requests_of", "tars_of"]

_ANSWERED = re.compile(
    r'^time=.*"response completed".* http\.request\.method=(\w+) .*'
    r' http\.request\.uri="([^"]+)" .* http\.response\.status=(\d+) '
)


def tars_of(tarball: Path) -> list[str]:
    """Hash the layers of a tarball of `docker save`, in the order of its image."""
    with tarfile.open(tarball) as archive:
        (entry,) = json.loads(_member(archive, "manifest.json"))
        return [sha256(_member(archive, name)) for name in entry["Layers"]]


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    assert member is not None
    return member.read()


def layer_digests(manifest: Any) -> list[str]:
    """Return the digests of the layers of a manifest as bare hex."""
    return [layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]


def requests_of(registry: DebianRegistry) -> list[tuple[str, str, int]]:
    """Read the method, the target and the status of each answer from a registry's log."""
    lines = map(_ANSWERED.match, registry.log.read_text().splitlines())
    return [(line[1], line[2], int(line[3])) for line in lines if line is not None]
