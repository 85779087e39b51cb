"""What clients write: uploads of every kind, mounts, manifests, deletions."""

from __future__ import annotations

import httpx

from occystrap.oci.media_types import MANIFEST_ACCEPT, OCI_INDEX
from tests.support.exercises.content import (
    DOCKER,
    OCI,
    REPOSITORY,
    Pushable,
    index_of,
    push,
    put_blob,
    put_manifest,
)
from tests.support.images import sha256

__all__ = ["delete", "push_chunked", "push_monolithic"]

_OCTETS = {"Content-Type": "application/octet-stream"}
_TARGET = "demo/pushed"


def push_monolithic(client: httpx.Client) -> None:
    """Push an image blob by blob, its parts mounted where they can be, and an index."""
    client.get("/v2/")
    for content in (*DOCKER.layers, DOCKER.config):
        client.head(f"/v2/{_TARGET}/blobs/sha256:{sha256(content)}")
    put_blob(client, _TARGET, DOCKER.layers[0])
    mounted = {"mount": f"sha256:{sha256(DOCKER.layers[1])}", "from": REPOSITORY}
    client.post(f"/v2/{_TARGET}/blobs/uploads/", params=mounted).raise_for_status()
    missed = {"mount": f"sha256:{sha256(b'nowhere')}", "from": REPOSITORY}
    started = client.post(f"/v2/{_TARGET}/blobs/uploads/", params=missed).raise_for_status()
    client.delete(started.headers["Location"]).raise_for_status()
    put_blob(client, _TARGET, DOCKER.config)
    put_manifest(client, _TARGET, "1.0", DOCKER.media_type, DOCKER.manifest)
    put_manifest(client, _TARGET, DOCKER.digest, DOCKER.media_type, DOCKER.manifest)
    push(client, _TARGET, "oci", OCI)
    put_manifest(client, _TARGET, "all", OCI_INDEX, index_of(DOCKER, OCI))
    client.get(f"/v2/{_TARGET}/tags/list").raise_for_status()


def push_chunked(client: httpx.Client) -> None:
    """Push blobs in chunks, of known length and unknown, asked about and given up."""
    content = DOCKER.layers[0]
    digest, middle = f"sha256:{sha256(content)}", len(content) // 2
    place = _started(client)
    for first, piece in ((0, content[:middle]), (middle, content[middle:])):
        chunk = {"Content-Range": f"{first}-{first + len(piece) - 1}", **_OCTETS}
        done = client.patch(place, content=piece, headers=chunk).raise_for_status()
        place = done.headers["Location"]
        client.get(place).raise_for_status()
    client.put(_with_digest(place, digest), headers={"Content-Length": "0"}).raise_for_status()
    content, pieces = DOCKER.layers[1], iter([DOCKER.layers[1][:9], DOCKER.layers[1][9:]])
    streamed = client.patch(_started(client), content=pieces, headers=_OCTETS).raise_for_status()
    end = _with_digest(streamed.headers["Location"], f"sha256:{sha256(content)}")
    client.put(end, headers={"Content-Length": "0"}).raise_for_status()
    client.delete(_started(client)).raise_for_status()
    uploads, config = f"/v2/{_TARGET}/blobs/uploads/", DOCKER.config
    single = {"digest": f"sha256:{sha256(config)}"}
    client.post(uploads, params=single, content=config, headers=_OCTETS)


def _started(client: httpx.Client) -> str:
    answer = client.post(f"/v2/{_TARGET}/blobs/uploads/").raise_for_status()
    place: str = answer.headers["Location"]
    return place


def _with_digest(place: str, digest: str) -> httpx.URL:
    return httpx.URL(place).copy_merge_params({"digest": digest})


def delete(client: httpx.Client) -> None:
    """Push an image, remove its manifest and its blobs, and look at what is left."""
    image = Pushable(DOCKER.media_type, DOCKER.config, DOCKER.layers[:1])
    push(client, _TARGET, "gone", image)
    base, accept = f"/v2/{_TARGET}", {"Accept": MANIFEST_ACCEPT}
    client.delete(f"{base}/manifests/{image.digest}").raise_for_status()
    for reference in ("gone", image.digest):
        client.get(f"{base}/manifests/{reference}", headers=accept)
    client.get(f"{base}/tags/list")
    client.delete(f"{base}/manifests/{image.digest}")
    blob = f"{base}/blobs/sha256:{sha256(image.layers[0])}"
    client.delete(blob).raise_for_status()
    client.head(blob)
    client.get(blob)
    client.delete(blob)
