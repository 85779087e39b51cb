"""Images of real files of this machine, so that they compress as images do.

Rule: no peer makes them. Layers are compressed with zlib at its level 6, as most images are.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from occystrap.client.registry import RegistryClient
from occystrap.image.sources import FileSlice, SharedFile
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Manifest, parse_manifest
from occystrap.oci.media_types import OCI_MANIFEST

__all__ = ["MIB", "MadeImage", "make_image"]

MIB: Final = 1024 * 1024
_ROOTS: Final = ("/usr/bin", "/usr/lib", "/usr/share", "/usr/sbin", "/usr/include", "/opt")
#: What part of the image each layer has, in percent: one large, some middling, some small.
_SHARES: Final = (38, 25, 17, 11, 6, 3)
_LARGEST_FILE: Final = 48 * MIB
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_READ: Final = 1024 * 1024


@final
@dataclass(frozen=True, slots=True)
class MadeImage:
    """An image on the disk: as `docker save` would write it, and the blobs of a registry."""

    archive: Path
    manifest: Manifest
    blobs: dict[Digest, Path]
    raw_size: int

    @property
    def stored_size(self) -> int:
        """How many bytes its layers have in a registry."""
        return sum(layer.size for layer in self.manifest.layers)

    def push(self, host: str, repository: str) -> None:
        """Put it into a registry under the tag 1."""
        with RegistryClient(host, secure=False) as registry:
            for blob in (self.manifest.config, *self.manifest.layers):
                file = SharedFile(
                    os.open(self.blobs[blob.digest], os.O_RDONLY), str(self.blobs[blob.digest])
                )
                registry.upload_blob(repository, blob, FileSlice(file, 0, blob.size))
                file.close()
            registry.put_manifest(repository, "1", self.manifest)


def make_image(directory: Path, size: int) -> MadeImage:
    """Make an image of six layers with `size` bytes of real files."""
    directory.mkdir(parents=True)
    files = _real_files()
    blobs: dict[Digest, Path] = {}
    layers: list[Descriptor] = []
    tars: list[tuple[Digest, Path]] = []
    for number, share in enumerate(_SHARES):
        tar = _make_tar(directory / f"{number}.tar", files, size * share // 100)
        tars.append((_digest_of(tar), tar))
        stored = _compress(tar)
        layers.append(Descriptor(_GZIP, _digest_of(stored), stored.stat().st_size))
        blobs[layers[-1].digest] = stored
    diff_ids = [str(digest) for digest, _ in tars]
    rootfs = {"type": "layers", "diff_ids": diff_ids}
    config = directory / "config.json"
    config.write_text(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}))
    described = Descriptor(_CONFIG, _digest_of(config), config.stat().st_size)
    blobs[described.digest] = config
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described.to_document(),
        "layers": [layer.to_document() for layer in layers],
    }
    manifest = parse_manifest(json.dumps(document).encode(), OCI_MANIFEST)
    assert isinstance(manifest, Manifest)  # noqa: S101 - narrows the type
    raw_size = sum(tar.stat().st_size for _, tar in tars)
    archive = _save(directory / "image.tar", config, tars)
    return MadeImage(archive, manifest, blobs, raw_size)


def _real_files() -> Iterator[Path]:
    """Walk what is installed, always in the same order."""
    for root in _ROOTS:
        for directory, names, files in os.walk(root):
            names.sort()
            for name in sorted(files):
                path = Path(directory, name)
                if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
                    yield path


def _make_tar(path: Path, files: Iterator[Path], size: int) -> Path:
    with tarfile.open(path, "w") as tar:
        while tar.offset < size:
            found = next(files, None)
            if found is None:
                raise RuntimeError("there are too few files on this machine for such an image")
            if found.stat().st_size <= min(_LARGEST_FILE, 2 * (size - tar.offset) + MIB):
                tar.add(found, str(found).lstrip("/"))
    return path


def _compress(tar: Path) -> Path:
    path = tar.with_suffix(".tar.gz")
    with tar.open("rb") as source, gzip.GzipFile(path, "wb", 6, mtime=0) as target:
        shutil.copyfileobj(source, target, _READ)
    return path


def _digest_of(path: Path) -> Digest:
    with path.open("rb") as file:
        return Digest("sha256", hashlib.file_digest(file, "sha256").hexdigest())


def _save(path: Path, config: Path, tars: list[tuple[Digest, Path]]) -> Path:
    """Write what `docker save` would, and remove the tars."""
    name = f"{_digest_of(config).encoded}.json"
    members = [f"{digest.encoded}/layer.tar" for digest, _ in tars]
    listed = path.with_suffix(".json")
    listed.write_text(
        json.dumps([{"Config": name, "RepoTags": ["bench/image:1"], "Layers": members}])
    )
    with tarfile.open(path, "w") as archive:
        archive.add(config, name)
        for member, (_, tar) in zip(members, tars, strict=True):
            archive.add(tar, member)
            tar.unlink()
        archive.add(listed, "manifest.json")
    return path
