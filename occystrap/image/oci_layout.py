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

    from occystrap.image.archived import ImageFiles
    from occystrap.oci.descriptor import Descriptor
    from occystrap.oci.platform import Platform

__all__ = [
    "INDEX",
    "LAYOUT",
    "REF_NAME",
    "blob_path",
    "entry_names",
    "layout_blob",
    "layout_bytes",
    "layout_digests",
    "layout_document",
    "layout_entries",
    "layout_has",
    "oci_layout_names",
    "read_oci_layout",
]

INDEX: Final = "index.json"
#: The file by which such a layout is known.
LAYOUT: Final = "oci-layout"
#: Where tools write the name of an image: the whole name, and a name or only the tag.
REF_NAME: Final = "org.opencontainers.image.ref.name"
_NAMES: Final = ("io.containerd.image.name", REF_NAME)
_DEEPEST: Final = 4


def read_oci_layout(
    archive: ImageFiles, platform: Platform, select: str | None = None
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
    raw = layout_bytes(archive, manifest.config)
    config = read_config(raw, manifest.config.digest, len(manifest.layers), archive.path)
    pairs = zip(manifest.layers, config.diff_ids, strict=True)
    layers = tuple(
        StoredLayer(layer, layout_blob(archive, layer), diff_id) for layer, diff_id in pairs
    )
    return ArchivedImage(entry_names(chosen), config, layers, manifest)


def oci_layout_names(archive: ImageFiles) -> list[str]:
    """List the names of all images, each once; the whole name of one that has two.

    Raises:
        ImageInputError: the list of them is missing or too large.
        InvalidManifest: it can't be parsed.
    """
    names = (entry_names(entry)[:1] for entry in _index(archive).manifests)
    return list(dict.fromkeys(name for found in names for name in found))


def layout_digests(archive: ImageFiles) -> list[Digest]:
    """List the digests of what the layout holds: of manifests and of indexes; raises as above."""
    return [entry.digest for entry in _index(archive).manifests]


def _index(archive: ImageFiles) -> Index:
    index = parse_manifest(archive.read(INDEX))
    if not isinstance(index, Index):
        raise InvalidManifest(f"{INDEX} is no index")
    return index


def layout_entries(archive: ImageFiles, wanted: str | None) -> tuple[Index, list[Descriptor]]:
    """Read which images there are, and find those of a name: they differ in the platform.

    Without a name there has to be no choice.

    Raises:
        ImageInputError: there is none, or more than one without a name.
        InvalidManifest: the list of them can't be parsed.
    """
    index = _index(archive)
    if not index.manifests:
        raise ImageInputError(f"{archive.path} holds no image: its {INDEX} is empty")
    names = list(dict.fromkeys(entry_names(entry) for entry in index.manifests))
    if wanted is None and len(names) > 1:
        listed = ", ".join(repr(each[0]) if each else "one without a name" for each in names)
        raise ImageInputError(f"{archive.path} holds several images, name one: {listed}")
    return index, list(_named(archive, index, wanted))


def layout_has(archive: ImageFiles, digest: Digest, name: str) -> bool:
    """Say whether the list of images has one under a name, or under any if that is empty."""
    entries = (entry for entry in _index(archive).manifests if entry.digest == digest)
    return any(not name or name in entry_names(entry) for entry in entries)


def entry_names(descriptor: Descriptor) -> tuple[str, ...]:
    """Return the names of an entry, the whole one first."""
    annotations = dict(descriptor.annotations)
    return tuple(annotations[key] for key in _NAMES if annotations.get(key))


def _named(archive: ImageFiles, index: Index, wanted: str | None) -> Sequence[Descriptor]:
    """Find all entries of one name, the first or the wanted one: they differ in the platform."""
    if wanted is None:
        first = entry_names(index.manifests[0])
        return [entry for entry in index.manifests if entry_names(entry) == first]
    found = [
        entry
        for entry in index.manifests
        if any(same_name(name, wanted) for name in entry_names(entry))
    ]
    if not found:
        names = [name for entry in index.manifests for name in entry_names(entry)]
        raise no_such_name(archive.path, wanted, dict.fromkeys(names))
    return found


def _manifest(archive: ImageFiles, descriptor: Descriptor, platform: Platform) -> Manifest:
    for _ in range(_DEEPEST):
        document = layout_document(archive, descriptor)
        if isinstance(document, Manifest):
            return document
        descriptor = choose(document.manifests, platform)
    raise ImageInputError(f"{archive.path} holds indexes in indexes without end")


def layout_document(archive: ImageFiles, descriptor: Descriptor) -> Manifest | Index:
    """Read a manifest or an index.

    Raises:
        ImageInputError: it is missing, or too large.
        InvalidManifest: it is neither.
        DigestMismatch: it isn't what its name says.
    """
    raw = layout_bytes(archive, descriptor)
    algorithm = descriptor.digest.algorithm
    return parse_manifest(raw, descriptor.media_type, algorithm=algorithm)


def layout_bytes(archive: ImageFiles, descriptor: Descriptor) -> bytes:
    """Read a document, which has to be what its name says."""
    raw = archive.read(blob_path(descriptor.digest))
    actual = Digest.of(raw, descriptor.digest.algorithm)
    if actual != descriptor.digest:
        what = f"{blob_path(descriptor.digest)} of {archive.path}"
        raise DigestMismatch(str(descriptor.digest), str(actual), what)
    return raw


def layout_blob(archive: ImageFiles, descriptor: Descriptor) -> VerifiedSource:
    """Find a layer, which verifies itself when it is read.

    Raises:
        ImageInputError: it is missing.
        SizeMismatch: it has another size.
    """
    source = archive.source(blob_path(descriptor.digest))
    if source.size != descriptor.size:
        what = f"{blob_path(descriptor.digest)} of {archive.path}"
        raise SizeMismatch(descriptor.size, source.size, what)
    return VerifiedSource(source, descriptor.digest, "layer")


def blob_path(digest: Digest) -> str:
    """Name the file of a blob."""
    return f"blobs/{digest.algorithm}/{digest.encoded}"
