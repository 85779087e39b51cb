"""The media types of the image world, one table.

Rule: what a media type means is looked up here; nobody compares strings.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md and
https://distribution.github.io/distribution/spec/manifest-v2-2/#media-types
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = [
    "DOCKER_CONFIG",
    "DOCKER_INDEX",
    "DOCKER_LAYER",
    "DOCKER_MANIFEST",
    "MANIFEST_ACCEPT",
    "OCI_CONFIG",
    "OCI_EMPTY",
    "OCI_INDEX",
    "OCI_LAYER",
    "OCI_MANIFEST",
    "OCTET_STREAM",
    "Compression",
    "Family",
    "Kind",
    "MediaType",
    "essence",
    "layer_media_type",
    "lookup",
]


class Kind(Enum):
    """What stands behind a media type."""

    MANIFEST = "manifest"
    INDEX = "index"
    CONFIG = "config"
    LAYER = "layer"


class Family(Enum):
    """Whose vocabulary a media type belongs to."""

    DOCKER = "docker"
    OCI = "oci"


class Compression(Enum):
    """How the bytes of a layer are stored."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
_DOCKER_FOREIGN: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
_OCI_FOREIGN: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
OCTET_STREAM: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class MediaType:
    """A row of the table; a foreign layer is fetched from elsewhere and never pushed."""

    name: str
    kind: Kind
    family: Family
    compression: Compression = Compression.NONE
    foreign: bool = False


def _layers(base: str, family: Family, separator: str, *, foreign: bool) -> list[MediaType]:
    suffixes = {Compression.NONE: "", Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}
    return [
        MediaType(f"{base}{separator if suffix else ''}{suffix}", Kind.LAYER, family, how, foreign)
        for how, suffix in suffixes.items()
    ]


_TABLE: Final = {
    row.name: row
    for row in [
        MediaType(DOCKER_MANIFEST, Kind.MANIFEST, Family.DOCKER),
        MediaType(DOCKER_INDEX, Kind.INDEX, Family.DOCKER),
        MediaType(DOCKER_CONFIG, Kind.CONFIG, Family.DOCKER),
        *_layers(DOCKER_LAYER, Family.DOCKER, ".", foreign=False),
        *_layers(_DOCKER_FOREIGN, Family.DOCKER, ".", foreign=True),
        MediaType(OCI_MANIFEST, Kind.MANIFEST, Family.OCI),
        MediaType(OCI_INDEX, Kind.INDEX, Family.OCI),
        MediaType(OCI_CONFIG, Kind.CONFIG, Family.OCI),
        *_layers(OCI_LAYER, Family.OCI, "+", foreign=False),
        *_layers(_OCI_FOREIGN, Family.OCI, "+", foreign=True),
    ]
}
_LAYER_NAMES: Final = {
    (row.family, row.compression): row.name
    for row in _TABLE.values()
    if row.kind is Kind.LAYER and not row.foreign
}

#: What a client that understands all of it sends; a registry left without this list may make
#: up a schema 1 manifest with another digest (Quay), or answer 404 (GHCR).
MANIFEST_ACCEPT: Final = f"{OCI_MANIFEST}, {OCI_INDEX}, {DOCKER_MANIFEST}, {DOCKER_INDEX}"


def essence(content_type: str) -> str:
    """Return the media type without parameters, in lower case (RFC 9110 section 8.3.1)."""
    return content_type.partition(";")[0].strip().lower()


def lookup(content_type: str) -> MediaType | None:
    """Return the row for a media type or Content-Type; None for what isn't in the table."""
    return _TABLE.get(essence(content_type))


def layer_media_type(family: Family, compression: Compression) -> str:
    """Return the media type of a layer that is stored like this.

    Docker never named one for zstd; the name here is what tools have settled on.
    """
    return _LAYER_NAMES[family, compression]
