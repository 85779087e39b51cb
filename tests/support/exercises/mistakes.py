"""What clients do wrong: every error that a registry has a code for."""

from __future__ import annotations

import json

import httpx

from tests.support.exercises.content import DOCKER, REPOSITORY
from tests.support.images import sha256

__all__ = ["mistakes"]

_BASE = f"/v2/{REPOSITORY}"
_UNKNOWN = f"sha256:{sha256(b'nowhere')}"
_OCTETS = {"Content-Type": "application/octet-stream"}


def mistakes(client: httpx.Client) -> None:
    """Ask for what isn't there, and say what makes no sense."""
    for path in (
        "/v2/demo/unknown/manifests/1.0",
        f"{_BASE}/manifests/unknown",
        f"{_BASE}/manifests/{_UNKNOWN}",
        f"{_BASE}/manifests/sha256:abc",
        f"{_BASE}/blobs/{_UNKNOWN}",
        f"{_BASE}/blobs/sha256:abc",
        f"/v2/demo/unknown/blobs/{_UNKNOWN}",
        f"{_BASE}/referrers/{DOCKER.digest}",
        "/v2/DEMO/app/tags/list",
        "/v2/demo/app/nonsense",
        "/v1/_ping",
        "/",
    ):
        client.get(path)
    _wrong_manifests(client)
    _wrong_uploads(client)
    client.post(f"{_BASE}/manifests/1.0", content=b"")
    client.put("/v2/")


def _wrong_manifests(client: httpx.Client) -> None:
    incomplete = json.loads(DOCKER.manifest)
    incomplete["layers"][0]["digest"] = _UNKNOWN
    for reference, content, kind in (
        ("broken", b"{", DOCKER.media_type),
        ("broken", b"{}", DOCKER.media_type),
        ("broken", DOCKER.manifest, "text/plain"),
        ("incomplete", json.dumps(incomplete).encode(), DOCKER.media_type),
        (_UNKNOWN, DOCKER.manifest, DOCKER.media_type),
        ("not/a/tag", DOCKER.manifest, DOCKER.media_type),
        (".wrong", DOCKER.manifest, DOCKER.media_type),
        ("t" * 129, DOCKER.manifest, DOCKER.media_type),
    ):
        path = f"{_BASE}/manifests/{reference}"
        client.put(path, content=content, headers={"Content-Type": kind})


def _wrong_uploads(client: httpx.Client) -> None:
    uploads = f"{_BASE}/blobs/uploads/"
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        client.request(method, f"{uploads}00000000-0000-4000-8000-000000000000", headers=_OCTETS)
    client.post("/v2/DEMO/app/blobs/uploads/")
    content = DOCKER.layers[0]
    wrong = {"digest": _UNKNOWN}
    place = httpx.URL(client.post(uploads).headers["Location"])
    client.put(place.copy_merge_params(wrong), content=content, headers=_OCTETS)
    place = httpx.URL(client.post(uploads).headers["Location"])
    client.put(place.copy_merge_params({"digest": "md5:abc"}), content=content, headers=_OCTETS)
    place = httpx.URL(client.post(uploads).headers["Location"])
    client.put(place, content=content, headers=_OCTETS)
    place = httpx.URL(client.post(uploads).headers["Location"])
    gap = {"Content-Range": "100-199", **_OCTETS}
    client.patch(place, content=content[:100], headers=gap)
    client.patch(place, content=content[:10], headers={**_OCTETS, "Content-Range": "9-0"})
    client.patch(place.copy_remove_param("_state"), content=content, headers=_OCTETS)
