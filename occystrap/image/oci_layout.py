"""OCI image layouts: blobs by digest, and an index.json that says which of them are images.

Rule: everything below index.json is named by its digest, and checked against it.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from occystrap.errors import DigestMismatch, ImageInputError, InvalidManifest, SizeMismatch
from occystrap.image.archived import ArchivedImage, no_such_name, read_config, same_name
from occystrap.image.layer import StoredLayer
from occystrap.image.sources import VerifiedSource
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest, parse_manifest
from occystrap.oci.platform import choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from occystrap.image.archive import Archive
    from occystrap.image.sources import FileSlice
    from occystrap.oci.descriptor import Descriptor
    from occystrap.oci.platform import Platform

__all__ = ["INDEX", "oci_layout_names", "read_oci_layout"]

INDEX: Final = "index.json"
#: Where tools write the name of an image: the whole name, and a name or only the tag.
_NAMES: Final = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_DEEPEST: Final = 4


def read_oci_layout(
    archive: Archive, platform: Platform, select: str | None = None
) -> ArchivedImage:
    """Read the first image, or the one that has the name; of several, that for the platform.

    An image that is the only one is taken for what it is.

    Raises:
        ImageInputError: something is missing, too large or doesn't fit together.
        PlatformNotFound: the image is there for other platforms.
        InvalidInput: a document can't be parsed.
        VerificationError: a blob isn't what its name says.
    """
    index = _index(archive)
    if not index.manifests:
        raise ImageInputError(f"{archive.path} holds no image: its {INDEX} is empty")
    offers = _named(archive, index, select)
    if len(offers) > 1 and any(offer.platform is not None for offer in offers):
        chosen = choose(offers, platform)
    else:
        chosen = offers[0]
    manifest = _manifest(archive, chosen, platform)
    raw = _read(archive, manifest.config)
    config = read_config(raw, manifest.config.digest, len(manifest.layers), archive.path)
    pairs = zip(manifest.layers, config.diff_ids, strict=True)
    layers = tuple(StoredLayer(layer, _blob(archive, layer), diff_id) for layer, diff_id in pairs)
    return ArchivedImage(_names_of(chosen), config, layers, manifest)


def oci_layout_names(archive: Archive) -> list[str]:
    """List the names of all images, each once; the whole name of one that has two.

    Raises:
        ImageInputError: the list of them is missing or too large.
        InvalidManifest: it can't be parsed.
    """
    names = (_names_of(entry)[:1] for entry in _index(archive).manifests)
    return list(dict.fromkeys(name for found in names for name in found))


def _index(archive: Archive) -> Index:
    index = parse_manifest(archive.read(INDEX))
    if not isinstance(index, Index):
        raise InvalidManifest(f"{INDEX} is no index")
    return index


def _names_of(descriptor: Descriptor) -> tuple[str, ...]:
    annotations = dict(descriptor.annotations)
    return tuple(annotations[key] for key in _NAMES if annotations.get(key))


def _named(archive: Archive, index: Index, wanted: str | None) -> Sequence[Descriptor]:
    """Find all entries of one name, the first or the wanted one: they differ in the platform."""
    if wanted is None:
        first = _names_of(index.manifests[0])
        return [entry for entry in index.manifests if _names_of(entry) == first]
    found = [
        entry
        for entry in index.manifests
        if any(same_name(name, wanted) for name in _names_of(entry))
    ]
    if not found:
        names = [name for entry in index.manifests for name in _names_of(entry)]
        raise no_such_name(archive.path, wanted, dict.fromkeys(names))
    return found


def _manifest(archive: Archive, descriptor: Descriptor, platform: Platform) -> Manifest:
    for _ in range(_DEEPEST):
        raw = _read(archive, descriptor)
        algorithm = descriptor.digest.algorithm
        document = parse_manifest(raw, descriptor.media_type, algorithm=algorithm)
        if isinstance(document, Manifest):
            return document
        descriptor = choose(document.manifests, platform)
    raise ImageInputError(f"{archive.path} holds indexes in indexes without end")


def _read(archive: Archive, descriptor: Descriptor) -> bytes:
    raw = archive.read(_path(descriptor))
    actual = Digest.of(raw, descriptor.digest.algorithm)
    if actual != descriptor.digest:
        what = f"{_path(descriptor)} of {archive.path}"
        raise DigestMismatch(str(descriptor.digest), str(actual), what)
    return raw


def _blob(archive: Archive, descriptor: Descriptor) -> VerifiedSource:
    source: FileSlice = archive.source(_path(descriptor))
    if source.size != descriptor.size:
        what = f"{_path(descriptor)} of {archive.path}"
        raise SizeMismatch(descriptor.size, source.size, what)
    return VerifiedSource(source, descriptor.digest, "layer")


def _path(descriptor: Descriptor) -> str:
    return f"blobs/{descriptor.digest.algorithm}/{descriptor.digest.encoded}"
