"""The archives that tools make of an image.

The shapes were seen with docker 20.10, 26.1 and 28.5 (both image stores), podman 4.3, crane and
buildx.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from occystrap.oci.media_types import (
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Compression,
    Family,
    layer_media_type,
)
from tests.support.images import Entry, SampleImage, file, layer, sha256, special, stored

__all__ = [
    "SHAPES",
    "crane_pull",
    "docker_containerd_save",
    "docker_legacy_save",
    "docker_save",
    "oci_layout",
    "oci_layout_of_platforms",
    "podman_save",
    "public_tool_tar",
    "tar_of",
]


def tar_of(entries: Iterable[tuple[str, bytes | str]]) -> bytes:
    """Make an archive of files; text instead of bytes makes a symbolic link to it.

    A name that ends with a slash is a directory.
    """
    return layer(*(_member(name, content) for name, content in entries))


def _member(name: str, content: bytes | str) -> Entry:
    if name.endswith("/"):
        return special(name, tarfile.DIRTYPE, mode=0o755)
    if isinstance(content, str):
        return special(name, tarfile.SYMTYPE, content)
    return file(name, content)


def _manifest(config: str, names: Iterable[str] | None, layers: Iterable[str]) -> bytes:
    tags = None if names is None else list(names)
    return json.dumps([{"Config": config, "RepoTags": tags, "Layers": list(layers)}]).encode()


def docker_legacy_save(image: SampleImage) -> bytes:
    """Save as docker up to 24: directories in the order of their ids, repeated layers as links."""
    ids = [sha256(f"{number} {diff_id}".encode()) for number, diff_id in enumerate(image.diff_ids)]
    entries: list[tuple[str, bytes | str]] = []
    for identifier, number in sorted(zip(ids, range(len(ids)), strict=True)):
        first = image.diff_ids.index(image.diff_ids[number])
        content = f"../{ids[first]}/layer.tar" if first != number else image.layers[number]
        entries += [
            (f"{identifier}/VERSION", b"1.0"),
            (f"{identifier}/json", b"{}"),
            (f"{identifier}/layer.tar", content),
        ]
    config = f"{image.config_hex}.json"
    layers = [f"{identifier}/layer.tar" for identifier in ids]
    return tar_of(
        [
            *entries,
            (config, image.config),
            ("manifest.json", _manifest(config, image.names, layers)),
            ("repositories", b"{}"),
        ]
    )


def _blobs(*contents: bytes) -> list[tuple[str, bytes]]:
    above = [("blobs/", b""), ("blobs/sha256/", b"")]
    named = sorted((f"blobs/sha256/{sha256(content)}", content) for content in set(contents))
    return [*above, *named]


def _oci_manifest(
    image: SampleImage, layers: Sequence[bytes], compression: Compression, media_type: str
) -> bytes:
    family = Family.DOCKER if media_type == DOCKER_MANIFEST else Family.OCI
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": _descriptor(image.config, OCI_CONFIG),
            "layers": [_descriptor(blob, layer_media_type(family, compression)) for blob in layers],
        }
    ).encode()


def _descriptor(content: bytes, media_type: str, **more: object) -> dict[str, object]:
    digest = f"sha256:{sha256(content)}"
    return {"mediaType": media_type, "digest": digest, "size": len(content), **more}


def _layout_documents(*manifests: dict[str, object]) -> list[tuple[str, bytes]]:
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(manifests)}
    return [
        ("index.json", json.dumps(index).encode()),
        ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
    ]


def _compatible(
    image: SampleImage, compression: Compression, media_type: str
) -> list[tuple[str, bytes | str]]:
    layers = [stored(tar, compression) for tar in image.layers]
    manifest = _oci_manifest(image, layers, compression, media_type)
    annotations = {"io.containerd.image.name": f"docker.io/{image.names[0]}"}
    paths = [f"blobs/sha256/{sha256(blob)}" for blob in layers]
    saved = _manifest(f"blobs/sha256/{image.config_hex}", image.names, paths)
    return [
        *_blobs(*layers, image.config, manifest),
        *_layout_documents(_descriptor(manifest, media_type, annotations=annotations)),
        ("manifest.json", saved),
    ]


def docker_save(image: SampleImage) -> bytes:
    """Save as docker from 25 on: an OCI layout with a manifest.json, layers as plain tars."""
    entries = _compatible(image, Compression.NONE, OCI_MANIFEST)
    return tar_of([*entries, ("repositories", b"{}")])


def docker_containerd_save(image: SampleImage) -> bytes:
    """Save as docker with containerd's image store: layers as they were pulled."""
    return tar_of(_compatible(image, Compression.GZIP, DOCKER_MANIFEST))


def podman_save(image: SampleImage) -> bytes:
    """Save as podman: layers by diff_id, and links to them where docker had its layers."""
    config = f"{image.config_hex}.json"
    unique = dict(zip(image.diff_ids, image.layers, strict=True))
    links = [
        (f"{sha256(diff_id.encode())}/layer.tar", f"../{diff_id}.tar") for diff_id in image.diff_ids
    ]
    layers = [f"{diff_id}.tar" for diff_id in image.diff_ids]
    return tar_of(
        [
            *((f"{diff_id}.tar", tar) for diff_id, tar in unique.items()),
            (config, image.config),
            *links,
            ("manifest.json", _manifest(config, image.names, layers)),
        ]
    )


def public_tool_tar(image: SampleImage) -> bytes:
    """Save as the public occystrap: each layer in a directory named by its digest."""
    config = f"{image.config_hex}.json"
    layers = [f"{diff_id}/layer.tar" for diff_id in image.diff_ids]
    unique = dict(zip(layers, image.layers, strict=True))
    manifest = _manifest(config, image.names, layers)
    return tar_of([(config, image.config), *unique.items(), ("manifest.json", manifest)])


def crane_pull(image: SampleImage) -> bytes:
    """Save as crane: gzip layers named by their own digest, the config by a whole digest."""
    config = f"sha256:{image.config_hex}"
    blobs = [stored(tar, Compression.GZIP) for tar in image.layers]
    layers = [f"{sha256(blob)}.tar.gz" for blob in blobs]
    unique = dict(zip(layers, blobs, strict=True))
    manifest = _manifest(config, image.names, layers)
    return tar_of([(config, image.config), *unique.items(), ("manifest.json", manifest)])


def oci_layout(
    *images: SampleImage,
    compression: Compression = Compression.GZIP,
    annotation: str = "org.opencontainers.image.ref.name",
) -> bytes:
    """Make an OCI layout of images, each under its first name."""
    contents: list[bytes] = []
    entries: list[dict[str, object]] = []
    for image in images:
        layers = [stored(tar, compression) for tar in image.layers]
        manifest = _oci_manifest(image, layers, compression, OCI_MANIFEST)
        contents += [*layers, image.config, manifest]
        more = {"annotations": {annotation: image.names[0]}} if image.names else {}
        entries.append(_descriptor(manifest, OCI_MANIFEST, **more))
    return tar_of([*_layout_documents(*entries), *_blobs(*contents)])


def oci_layout_of_platforms(*images: SampleImage, nested: bool = True) -> bytes:
    """Make an OCI layout of one image for several platforms, as an index or side by side.

    An attestation is there too, as buildx makes them.
    """
    contents: list[bytes] = []
    entries: list[dict[str, object]] = []
    for image in images:
        manifest = _oci_manifest(image, image.layers, Compression.NONE, OCI_MANIFEST)
        contents += [*image.layers, image.config, manifest]
        config = json.loads(image.config)
        platform = {key: config[key] for key in ("os", "architecture", "variant") if key in config}
        entries.append(_descriptor(manifest, OCI_MANIFEST, platform=platform))
    attestation = {"os": "unknown", "architecture": "unknown"}
    entries.append(_descriptor(b"{}", OCI_MANIFEST, platform=attestation))
    if nested:
        index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
        contents.append(index.encode())
        entries = [_descriptor(index.encode(), OCI_INDEX)]
    return tar_of([*_layout_documents(*entries), *_blobs(*contents)])


#: Every shape that holds one image, by who writes it.
SHAPES: Final[dict[str, Callable[[SampleImage], bytes]]] = {
    "docker 24": docker_legacy_save,
    "docker 25": docker_save,
    "docker, containerd store": docker_containerd_save,
    "podman": podman_save,
    "occystrap 0.4": public_tool_tar,
    "crane": crane_pull,
    "OCI, plain": lambda image: oci_layout(image, compression=Compression.NONE),
    "OCI, gzip": lambda image: oci_layout(image, compression=Compression.GZIP),
    "OCI, zstd": lambda image: oci_layout(image, compression=Compression.ZSTD),
}
