"""The distribution API as plain requests, without anything of `occystrap.client`."""

from __future__ import annotations

import json
from dataclasses import dataclass

import httpx

from occystrap.oci import media_types
from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode

__all__ = [
    "CONFIG",
    "WHOLE_CONFIG",
    "Wire",
    "describe",
    "docker",
    "error_code",
    "image_manifest",
    "index_of",
]

CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'

#: The config of an image that has one layer, and says how it came to be.
WHOLE_CONFIG = encode(
    {
        "architecture": "amd64",
        "os": "linux",
        "history": [{"created_by": "a"}],
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{'0' * 64}"]},
    }
)


def describe(content: bytes, media_type: str, **more: object) -> dict[str, object]:
    """Make a descriptor."""
    digest = str(Digest.of(content))
    return {"mediaType": media_type, "digest": digest, "size": len(content), **more}


def image_manifest(config: bytes = CONFIG, *layers: bytes, **more: object) -> bytes:
    """Make an OCI manifest."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": describe(config, media_types.OCI_CONFIG),
        "layers": [describe(layer, media_types.OCI_LAYER) for layer in layers],
    }
    return json.dumps(document | more).encode()


def index_of(*manifests: bytes, **more: object) -> bytes:
    """Make an OCI index."""
    platform = {"os": "linux", "architecture": "amd64"}
    entries = [describe(each, media_types.OCI_MANIFEST, platform=platform) for each in manifests]
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": entries,
    }
    return json.dumps(document | more).encode()


def docker(manifest: bytes) -> bytes:
    """Write a manifest as Docker would."""
    for oci, other in (
        (b"oci.image.manifest.v1", b"docker.distribution.manifest.v2"),
        (b"oci.image.index.v1", b"docker.distribution.manifest.list.v2"),
        (b"oci.image.config.v1", b"docker.container.image.v1"),
    ):
        manifest = manifest.replace(oci, other)
    return manifest


@dataclass(frozen=True, slots=True)
class Wire:
    """A client whose base URL is a registry, and the requests that tests make most."""

    client: httpx.Client

    def begin(self, repository: str) -> str:
        """Open an upload; return its location."""
        response = self.client.post(f"/v2/{repository}/blobs/uploads/")
        assert response.status_code == 202, response.text
        return response.headers["Location"]

    def put_blob(self, repository: str, content: bytes, algorithm: str = "sha256") -> Digest:
        """Upload a blob that has to be taken."""
        digest = Digest.of(content, algorithm)
        response = self.finish(self.begin(repository), digest, content)
        assert response.status_code == 201, response.text
        return digest

    def finish(
        self, location: str, digest: Digest | str, content: bytes = b"", **headers: str
    ) -> httpx.Response:
        """Commit an upload; names of headers are written with underscores."""
        url = httpx.URL(location).copy_merge_params({"digest": str(digest)})
        return self.client.put(url, content=content, headers=_fields(headers))

    def patch(self, location: str, content: bytes, **headers: str) -> httpx.Response:
        """Send a chunk."""
        return self.client.patch(location, content=content, headers=_fields(headers))

    def put_manifest(
        self,
        repository: str,
        reference: str | Digest,
        content: bytes,
        media_type: str = media_types.OCI_MANIFEST,
    ) -> httpx.Response:
        """Send a manifest."""
        url = f"/v2/{repository}/manifests/{reference}"
        return self.client.put(url, content=content, headers={"Content-Type": media_type})

    def put_image(self, repository: str, tag: str, *layers: bytes) -> bytes:
        """Push an image that has to be taken; return its manifest."""
        manifest = image_manifest(CONFIG, *layers)
        for blob in (CONFIG, *layers):
            self.put_blob(repository, blob)
        response = self.put_manifest(repository, tag, manifest)
        assert response.status_code == 201, response.text
        return manifest

    def get_manifest(self, repository: str, reference: str | Digest) -> httpx.Response:
        """Ask for a manifest of any type."""
        return self.client.get(
            f"/v2/{repository}/manifests/{reference}",
            headers={"Accept": media_types.MANIFEST_ACCEPT},
        )

    def get_blob(self, repository: str, digest: Digest, **headers: str) -> httpx.Response:
        """Ask for a blob."""
        url = f"/v2/{repository}/blobs/{digest}"
        return self.client.get(url, headers=_fields(headers))


def _fields(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def error_code(response: httpx.Response) -> str:
    """Return the one error code of an answer."""
    (error,) = response.json()["errors"]
    return str(error["code"])
