"""Making small images: the same call gives the same digests, on every machine.

Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md and manifest.md; Docker
schema 2 with `media="docker"`
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, Literal, TypeVar

from occystrap.errors import InvalidOption
from occystrap.oci import media_types
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCTET_STREAM, Compression, Family, layer_media_type
from occystrap.oci.platform import Platform
from pytest_occystrap.entries import Entry, write_tar
from pytest_occystrap.images import Document, FakeImage, FakeLayer
from pytest_occystrap.stored import stored

__all__ = [
    "CompressionName",
    "Layer",
    "MediaName",
    "build_artifact",
    "build_image",
    "build_index",
    "random_layers",
]

#: Paths and what is there, or a tar that is ready.
Layer = Mapping[str, Entry | bytes | str] | bytes
MediaName = Literal["oci", "docker"]
CompressionName = Literal["gzip", "zstd", "none"]

_EPOCH: Final = "1970-01-01T00:00:00Z"
_CONFIGS: Final = {Family.OCI: media_types.OCI_CONFIG, Family.DOCKER: media_types.DOCKER_CONFIG}
_MANIFESTS: Final = {
    Family.OCI: media_types.OCI_MANIFEST,
    Family.DOCKER: media_types.DOCKER_MANIFEST,
}
_INDEXES: Final = {Family.OCI: media_types.OCI_INDEX, Family.DOCKER: media_types.DOCKER_INDEX}
_EMPTY: Final = b"{}"
_RANDOM_PIECE: Final = 1024 * 1024

EnumT = TypeVar("EnumT", bound=Enum)


def build_image(
    layers: Sequence[Layer],
    *,
    platform: str = "linux/amd64",
    config: Mapping[str, object] | None = None,
    annotations: Mapping[str, str] | None = None,
    media: MediaName = "oci",
    compression: CompressionName = "gzip",
    reference: str = "",
) -> FakeImage:
    """Make an image.

    Keys of `config` with a capital (`Env`, `Cmd`, `Labels`) say how to run it, the others
    (`created`, `author`, `history`) stand in the configuration as they are.

    Raises:
        occystrap.errors.InvalidOption: one of the arguments isn't what it may be.
    """
    family = _choose(Family, media, "media")
    how = _choose(Compression, compression, "compression")
    made = tuple(_layer(layer, family, how) for layer in layers)
    document = _configuration(made, Platform.parse(platform), config or {})
    described = Document.of(document, _CONFIGS[family])
    content: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": _MANIFESTS[family],
        "config": described.descriptor,
        "layers": [layer.descriptor for layer in made],
        **_annotated(annotations),
    }
    return FakeImage(reference, Document.of(content, _MANIFESTS[family]), described, made)


def build_index(
    images: Mapping[str, FakeImage],
    *,
    annotations: Mapping[str, str] | None = None,
    media: MediaName = "oci",
    reference: str = "",
) -> FakeImage:
    """Make an index of images by platform.

    Raises:
        occystrap.errors.InvalidOption: one of the arguments isn't what it may be.
    """
    media_type = _INDEXES[_choose(Family, media, "media")]
    content: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [
            {**image.manifest.descriptor, "platform": Platform.parse(platform).to_document()}
            for platform, image in images.items()
        ],
        **_annotated(annotations),
    }
    manifest = Document.of(content, media_type)
    return FakeImage(reference, manifest, Document(b"", ""), images=dict(images))


def build_artifact(
    artifact_type: str,
    content: bytes = b"",
    *,
    media_type: str = OCTET_STREAM,
    subject: FakeImage | None = None,
    annotations: Mapping[str, str] | None = None,
    reference: str = "",
) -> FakeImage:
    """Make an artifact, such as a signature, that refers to a subject; it may have no content."""
    empty = Document(_EMPTY, media_types.OCI_EMPTY)
    payload = _blob(content, media_type) if content else _blob(_EMPTY, empty.media_type)
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": empty.descriptor,
        "layers": [payload.descriptor],
        **({} if subject is None else {"subject": subject.manifest.descriptor}),
        **_annotated(annotations),
    }
    manifest = Document.of(document, media_types.OCI_MANIFEST)
    return FakeImage(reference, manifest, empty, (payload,))


def random_layers(size: int, layers: int, seed: int | str) -> Iterator[Layer]:
    """Make layers of one file each, `size` random bytes in all."""
    for number in range(1, layers + 1):
        share = size // layers + (number <= size % layers)
        dice = random.Random(f"{seed}/{number}")  # noqa: S311 - the same bytes again are wanted
        pieces = [
            dice.randbytes(min(_RANDOM_PIECE, share - start))
            for start in range(0, share, _RANDOM_PIECE)
        ]
        yield {f"random/{number}": b"".join(pieces)}


def _layer(layer: Layer, family: Family, compression: Compression) -> FakeLayer:
    tar = layer if isinstance(layer, bytes) else write_tar(layer)
    media_type = layer_media_type(family, compression)
    return _blob(stored(tar, compression), media_type, str(Digest.of(tar)))


def _blob(content: bytes, media_type: str, diff_id: str = "") -> FakeLayer:
    return FakeLayer(media_type, str(Digest.of(content)), len(content), diff_id, lambda: content)


def _configuration(
    layers: Sequence[FakeLayer], platform: Platform, extra: Mapping[str, object]
) -> dict[str, object]:
    return {
        "created": _EPOCH,
        **platform.to_document(),
        "config": {key: value for key, value in extra.items() if key[:1].isupper()},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [
            {"created": _EPOCH, "created_by": f"pytest_occystrap: layer {number}"}
            for number, _ in enumerate(layers, 1)
        ],
        **{key: value for key, value in extra.items() if not key[:1].isupper()},
    }


def _annotated(annotations: Mapping[str, str] | None) -> dict[str, object]:
    return {"annotations": dict(annotations)} if annotations else {}


def _choose(kind: type[EnumT], value: str, name: str) -> EnumT:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(repr(member.value) for member in kind)
        raise InvalidOption(f"{name} is one of {known}, not {value!r}") from None
