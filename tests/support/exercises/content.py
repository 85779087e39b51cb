"""The images of the recordings: tiny, and the same bytes every time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

from occystrap.oci.media_types import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Compression,
)
from tests.support.images import SampleImage, file, layer, make_image, sha256, stored

__all__ = [
    "DOCKER",
    "OCI",
    "REPOSITORY",
    "TAGS",
    "Pushable",
    "index_of",
    "push",
    "put_blob",
    "put_manifest",
    "seed",
]

REPOSITORY = "demo/app"
TAGS = ("1.0", "1.1", "2.0", "latest")
_GZIP_LAYERS = {
    DOCKER_MANIFEST: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    OCI_MANIFEST: "application/vnd.oci.image.layer.v1.tar+gzip",
}
_CONFIGS = {DOCKER_MANIFEST: DOCKER_CONFIG, OCI_MANIFEST: OCI_CONFIG}


@dataclass(frozen=True, slots=True)
class Pushable:
    """An image as a registry has it: manifest, config, and compressed layers."""

    media_type: str
    config: bytes
    layers: tuple[bytes, ...]

    @property
    def manifest(self) -> bytes:
        """The manifest, as it is pushed."""
        layers = [_descriptor(_GZIP_LAYERS[self.media_type], each) for each in self.layers]
        config = _descriptor(_CONFIGS[self.media_type], self.config)
        return _encode(self.media_type, config=config, layers=layers)

    @property
    def digest(self) -> str:
        """That of the manifest."""
        return f"sha256:{sha256(self.manifest)}"


def _encode(media_type: str, **fields: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, **fields}, indent=2).encode()


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "size": len(content), "digest": f"sha256:{sha256(content)}"}


def _pushable(media_type: str, sample: SampleImage) -> Pushable:
    layers = tuple(stored(each, Compression.GZIP) for each in sample.layers)
    return Pushable(media_type, sample.config, layers)


def _sample(architecture: str) -> SampleImage:
    program = file("bin/tool", f"#!/bin/sh\necho {architecture}\n".encode(), 0o755)
    return make_image(
        layer(program, file("etc/os-release", b"ID=demo\n")),
        layer(file("etc/demo.conf", b"colour = blue\n" * 40)),
        architecture=architecture,
    )


DOCKER = _pushable(DOCKER_MANIFEST, _sample("amd64"))
OCI = _pushable(OCI_MANIFEST, _sample("arm64"))


def index_of(*images: Pushable) -> bytes:
    """Make an index of images of two platforms."""
    manifests = [
        {
            **_descriptor(each.media_type, each.manifest),
            "platform": {"os": "linux", "architecture": json.loads(each.config)["architecture"]},
        }
        for each in images
    ]
    return _encode(OCI_INDEX, manifests=manifests)


def put_blob(client: httpx.Client, repository: str, content: bytes) -> str:
    """Push a blob in two requests; return its digest."""
    digest = f"sha256:{sha256(content)}"
    started = client.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
    place = httpx.URL(started.headers["Location"]).copy_merge_params({"digest": digest})
    kind = {"Content-Type": "application/octet-stream"}
    client.put(place, content=content, headers=kind).raise_for_status()
    return digest


def push(client: httpx.Client, repository: str, tag: str, image: Pushable) -> None:
    """Push an image."""
    for content in dict.fromkeys((*image.layers, image.config)):
        put_blob(client, repository, content)
    put_manifest(client, repository, tag, image.media_type, image.manifest)


def put_manifest(
    client: httpx.Client, repository: str, reference: str, media_type: str, content: bytes
) -> None:
    """Push a manifest or an index, whose parts are there."""
    path, kind = f"/v2/{repository}/manifests/{reference}", {"Content-Type": media_type}
    client.put(path, content=content, headers=kind).raise_for_status()


def seed(client: httpx.Client) -> None:
    """Fill a registry with what the exercises read."""
    for tag in TAGS:
        push(client, REPOSITORY, tag, DOCKER)
    push(client, REPOSITORY, "oci", OCI)
    put_manifest(client, REPOSITORY, "all", OCI_INDEX, index_of(DOCKER, OCI))
    push(client, "demo/other", "1.0", DOCKER)
