"""Manifests, indexes, and image configurations.

Rule: the bytes as received are kept and are what the digest is taken of; the parsed fields are a
view on them. Nothing is ever written from a view that was read.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md (and image-index.md,
config.md); Docker schema 2:
https://distribution.github.io/distribution/spec/manifest-v2-2/
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from occystrap.errors import InvalidDigest, InvalidManifest
from occystrap.oci import media_types
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode, load_object, objects, string_map, texts
from occystrap.oci.documents import field as read_field
from occystrap.oci.media_types import Family, Kind, MediaType, lookup
from occystrap.oci.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Config", "Descriptor", "Index", "Manifest", "build_manifest", "parse_manifest"]

_SCHEMA_VERSION: Final = 2


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image, or one artifact: a config and its layers, lowest first."""

    raw: bytes = field(repr=False)
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    digest: Digest
    subject: Descriptor | None = None
    artifact_type: str = ""
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def descriptor(self) -> Descriptor:
        """What the manifest itself is."""
        return Descriptor(self.media_type, self.digest, len(self.raw))

    @property
    def is_image(self) -> bool:
        """Whether there are layers of an image; a chart, a signature or an attestation has none."""
        config = lookup(self.config.media_type)
        layers = [lookup(layer.media_type) for layer in self.layers]
        return (
            config is not None
            and config.kind is Kind.CONFIG
            and all(layer is not None and layer.kind is Kind.LAYER for layer in layers)
        )

    @property
    def references(self) -> tuple[Descriptor, ...]:
        """All content that has to be there before the manifest is."""
        return (self.config, *(layer for layer in self.layers if not layer.foreign))


@dataclass(frozen=True, slots=True)
class Index:
    """A list of manifests, one a platform, or of other indexes."""

    raw: bytes = field(repr=False)
    media_type: str
    manifests: tuple[Descriptor, ...]
    digest: Digest
    subject: Descriptor | None = None
    artifact_type: str = ""
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def descriptor(self) -> Descriptor:
        """What the index itself is."""
        return Descriptor(self.media_type, self.digest, len(self.raw))


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration of an image: its platform, and its layers by the digest of their tar."""

    raw: bytes = field(repr=False)
    platform: Platform
    diff_ids: tuple[Digest, ...]
    digest: Digest

    @classmethod
    def parse(cls, raw: bytes) -> Config:
        """Read an image configuration.

        Raises:
            InvalidManifest: the bytes hold none.
        """
        what = "the image configuration"
        document = load_object(raw, what)
        rootfs: dict[str, Any] = read_field(document, "rootfs", dict, what) or {}
        try:
            diff_ids = tuple(map(Digest.parse, texts(rootfs, "diff_ids", what)))
        except InvalidDigest as error:
            raise InvalidManifest(f"{what} has a diff_id that is no digest: {error}") from error
        return cls(raw, Platform.from_document(document), diff_ids, Digest.of(raw))


def parse_manifest(
    raw: bytes, content_type: str = "", *, algorithm: str = "sha256"
) -> Manifest | Index:
    """Read a manifest or an index, of Docker schema 2 or OCI.

    What the document says of itself counts before the Content-Type, and its shape when both are
    silent. `algorithm` is the one that the digest is taken with.

    Raises:
        InvalidManifest: the bytes hold neither; a schema 1 manifest is neither.
    """
    what = "the manifest"
    document = load_object(raw, what)
    media_type = _media_type(document, content_type)
    subject: dict[str, Any] | None = read_field(document, "subject", dict, what)
    shared = (
        Digest.of(raw, algorithm),
        None if subject is None else Descriptor.from_document(subject),
        read_field(document, "artifactType", str, what) or "",
        string_map(document, "annotations", what),
    )
    if media_type.kind is Kind.INDEX:
        manifests = tuple(map(Descriptor.from_document, objects(document, "manifests", what)))
        return Index(raw, media_type.name, manifests, *shared)
    config: dict[str, Any] | None = read_field(document, "config", dict, what)
    if config is None:
        raise InvalidManifest(f"{what} names no config (it begins {raw[:80]!r})")
    layers = tuple(map(Descriptor.from_document, objects(document, "layers", what)))
    return Manifest(raw, media_type.name, Descriptor.from_document(config), layers, *shared)


#: kind -> the fields of the other kind. A document with both would be one image to some readers
#: and another image to others (CVE-2021-41190).
_FOREIGN_FIELDS: Final = {Kind.INDEX: ("config", "layers"), Kind.MANIFEST: ("manifests",)}


def _media_type(document: dict[str, Any], content_type: str) -> MediaType:
    what = "the manifest"
    version = read_field(document, "schemaVersion", int, what)
    if version != _SCHEMA_VERSION:
        raise InvalidManifest(
            f"{what} has schemaVersion {reprlib.repr(version)}, and only 2 is understood (a"
            " registry may make up version 1 for a client that doesn't list newer types in Accept)"
        )
    declared = read_field(document, "mediaType", str, what) or ""
    served = _known(content_type)
    lists = "manifests" in document and document.get("config") is None
    shape = media_types.OCI_INDEX if lists else media_types.OCI_MANIFEST
    found = _known(declared) if declared else served or _known(shape)
    if found is None:
        raise InvalidManifest(f"{what} has the unknown media type {declared[:100]!r}")
    if any(document.get(name) is not None for name in _FOREIGN_FIELDS[found.kind]):
        raise InvalidManifest(f"{what} is ambiguous: it could be an image or an index")
    if served is not None and served.kind is not found.kind:
        raise InvalidManifest(f"{what} came as {served.name}, but is {found.name}")
    return found


def _known(content_type: str) -> MediaType | None:
    known = media_types.lookup(content_type)
    return known if known is not None and known.kind in _FOREIGN_FIELDS else None


_MANIFEST_TYPES: Final = {
    Family.DOCKER: media_types.DOCKER_MANIFEST,
    Family.OCI: media_types.OCI_MANIFEST,
}


def build_manifest(
    family: Family,
    config: Descriptor,
    layers: Sequence[Descriptor],
    annotations: Sequence[tuple[str, str]] = (),
) -> Manifest:
    """Make the manifest of an image; those of Docker have no annotations."""
    media_type = _MANIFEST_TYPES[family]
    document: dict[str, object] = {
        "schemaVersion": _SCHEMA_VERSION,
        "mediaType": media_type,
        "config": config.to_document(),
        "layers": [layer.to_document() for layer in layers],
    }
    kept = tuple(annotations) if family is Family.OCI else ()
    if kept:
        document["annotations"] = dict(kept)
    raw = encode(document)
    digest = Digest.of(raw)
    return Manifest(raw, media_type, config, tuple(layers), digest, annotations=kept)
