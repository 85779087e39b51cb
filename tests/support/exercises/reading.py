"""What clients read: images, ranges, pages of tags and repositories."""

from __future__ import annotations

import contextlib

import httpx

from occystrap.oci.media_types import MANIFEST_ACCEPT
from tests.support.exercises.content import DOCKER, OCI, REPOSITORY
from tests.support.images import sha256

__all__ = ["list_all", "list_quay", "pull"]

_ACCEPT = {"Accept": MANIFEST_ACCEPT}


def pull(client: httpx.Client) -> None:
    """Pull images by tag and by digest, and blobs whole, in parts, and not at all."""
    base, layer = f"/v2/{REPOSITORY}", f"sha256:{sha256(DOCKER.layers[0])}"
    client.get("/v2/")
    for reference in ("1.0", DOCKER.digest, "oci", OCI.digest, "all"):
        for ask in (client.head, client.get):
            ask(f"{base}/manifests/{reference}", headers=_ACCEPT).raise_for_status()
    client.get(f"{base}/manifests/1.0")  # as what a client gets that says nothing of what it takes
    client.get(f"{base}/manifests/1.0", headers={**_ACCEPT, "If-None-Match": f'"{DOCKER.digest}"'})
    config = f"sha256:{sha256(DOCKER.config)}"
    client.get(f"{base}/blobs/{config}").raise_for_status()
    client.head(f"{base}/blobs/{layer}").raise_for_status()
    client.get(f"{base}/blobs/{layer}").raise_for_status()
    for wanted in ("bytes=0-9", "bytes=10-", "bytes=-5", "bytes=0-1,4-5", "bytes=999999-"):
        # 416 of docker-registry promises more than it sends.
        with contextlib.suppress(httpx.RemoteProtocolError):
            client.get(f"{base}/blobs/{layer}", headers={"Range": wanted})
    client.get(f"{base}/blobs/{layer}", headers={"If-None-Match": f'"{layer}"'})
    client.delete(f"{base}/manifests/1.0")  # by tag: this registry wants a digest


def list_all(client: httpx.Client) -> None:
    """List tags and repositories, at once and page by page."""
    client.get(f"/v2/{REPOSITORY}/tags/list")
    for path in (f"/v2/{REPOSITORY}/tags/list?n=2", "/v2/_catalog?n=1"):
        _page(client, path)
    client.get(f"/v2/{REPOSITORY}/tags/list?n=2&last=2.0")
    for wrong in ("n=0", "n=-1", "n=many", "n=100000"):
        client.get(f"/v2/_catalog?{wrong}")
        client.get(f"/v2/{REPOSITORY}/tags/list?{wrong}")
    client.get("/v2/demo/unknown/tags/list")


def _page(client: httpx.Client, path: str) -> None:
    following: httpx.URL | None = client.base_url.join(path)
    while following is not None:
        answer = client.get(following).raise_for_status()
        link = answer.links.get("next", {}).get("url")
        following = None if link is None else answer.url.join(link)


def list_quay(client: httpx.Client) -> None:
    """List the public repositories of an organisation of a Quay, page by page."""
    asked = {"namespace": "projectquay", "public": "true", "last_modified": "true"}
    while True:
        answer = client.get("/api/v1/repository", params=asked).raise_for_status().json()
        if not answer.get("next_page"):
            return
        asked["next_page"] = answer["next_page"]
