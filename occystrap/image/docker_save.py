"""The archives that `docker save` writes, of any version, and those who write alike.

Rule: manifest.json decides; where it stands and what else is there doesn't matter. Layers may be
links, appear twice, and be compressed.
Spec: https://github.com/moby/docker-image-spec/blob/v1.3.1/v1.2.md#combined-image-json--filesystem-changeset-format
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from occystrap.errors import ImageInputError, InvalidManifest
from occystrap.image.archived import ArchivedImage, no_such_name, read_config, same_name
from occystrap.image.compression import sniff
from occystrap.image.layer import StoredLayer, UnnamedLayer
from occystrap.image.sources import VerifiedSource
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.documents import field, load_objects, texts
from occystrap.oci.media_types import Compression, Family, layer_media_type

if TYPE_CHECKING:
    from occystrap.image.archived import ImageFiles
    from occystrap.image.layer import Layer

__all__ = ["MANIFEST", "docker_save_names", "read_docker_save"]

MANIFEST: Final = "manifest.json"
_BLOB: Final = re.compile(r"blobs/(?P<algorithm>sha256|sha512)/(?P<encoded>[a-f0-9]+)")
_CONFIG: Final = re.compile(r"(?:sha256:)?(?P<encoded>[a-f0-9]{64})(?:\.json)?")


@final
@dataclass(frozen=True, slots=True)
class _Entry:
    """One image of manifest.json: its names, and the names of its members."""

    names: tuple[str, ...]
    config: str
    layers: tuple[str, ...]


def read_docker_save(archive: ImageFiles, select: str | None = None) -> ArchivedImage:
    """Read the first image, or the one that has the name.

    Raises:
        ImageInputError: something is missing, too large or doesn't fit together.
        InvalidInput: a document can't be parsed.
        DigestMismatch: the config isn't what its name says.
    """
    entries = _entries(archive)
    if not entries:
        raise ImageInputError(f"{archive.path} holds no image: its {MANIFEST} is empty")
    entry = entries[0] if select is None else _select(archive, entries, select)
    raw = archive.read(entry.config)
    config = read_config(raw, _digest_named(entry.config), len(entry.layers), archive.path)
    pairs = zip(entry.layers, config.diff_ids, strict=True)
    layers = tuple(_layer(archive, path, diff_id) for path, diff_id in pairs)
    return ArchivedImage(entry.names, config, layers)


def docker_save_names(archive: ImageFiles) -> list[str]:
    """List the names of all images.

    Raises:
        ImageInputError: the list of them is missing or too large.
        InvalidManifest: it can't be parsed.
    """
    return [name for entry in _entries(archive) for name in entry.names]


def _entries(archive: ImageFiles) -> list[_Entry]:
    return [_entry(document) for document in load_objects(archive.read(MANIFEST), MANIFEST)]


def _entry(document: dict[str, Any]) -> _Entry:
    config = field(document, "Config", str, MANIFEST)
    if not config:
        raise InvalidManifest(f"{MANIFEST} has an image without a config")
    names, layers = (texts(document, name, MANIFEST) for name in ("RepoTags", "Layers"))
    return _Entry(names, config, layers)


def _select(archive: ImageFiles, entries: list[_Entry], wanted: str) -> _Entry:
    for entry in entries:
        if any(same_name(name, wanted) for name in entry.names):
            return entry
    names = [name for entry in entries for name in entry.names]
    raise no_such_name(archive.path, wanted, names)


def _digest_named(path: str) -> Digest | None:
    match = _CONFIG.fullmatch(posixpath.basename(path))
    return None if match is None else Digest("sha256", match["encoded"])


def _layer(archive: ImageFiles, path: str, diff_id: Digest) -> Layer:
    """Describe a layer by its first bytes and its name.

    Names are the digest of the bytes only below blobs/; elsewhere they may be anything.
    """
    source = archive.source(path)
    compression = sniff(next(source.open(), b""))
    media_type = layer_media_type(Family.DOCKER, compression)
    blob = _BLOB.fullmatch(posixpath.normpath(path))
    if compression is Compression.NONE:
        digest = diff_id
    elif blob is not None:
        digest = Digest(blob["algorithm"], blob["encoded"])
    else:
        return UnnamedLayer(source, diff_id, media_type)
    stored = Descriptor(media_type, digest, source.size)
    return StoredLayer(stored, VerifiedSource(source, digest, "layer"), diff_id)
