"""What a registry may do otherwise than by default, and what the specification's next version has.

All of it in process and in both stores.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from itertools import count

import httpx
import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.registry import Registry
from occystrap.server.store import Store
from tests.support.wire import CONFIG, Wire, error_code, image_manifest

CONTENT = bytes(range(256)) * 4
DIGEST = Digest.of(CONTENT)
UPLOADS = "/v2/a/b/blobs/uploads/"


def wire_of(registry: Registry) -> Wire:
    """Make a plain client."""
    transport = InProcessTransport(registry)
    return Wire(httpx.Client(base_url="http://registry.test", transport=transport))


@pytest.fixture
def wire(store: Store) -> Iterator[Wire]:
    """A registry as it is by default."""
    made = wire_of(Registry(store))
    yield made
    made.client.close()


def test_short_chunks_come_last(store: Store) -> None:
    """A registry may want chunks of a certain length, and says so when an upload begins."""
    wire = wire_of(Registry(store, chunk_min_length=100))
    begun = wire.client.post(UPLOADS)
    assert begun.headers["OCI-Chunk-Min-Length"] == "100"
    location = begun.headers["Location"]
    for start, stop in ((0, 100), (100, 199)):
        span = f"{start}-{stop - 1}"
        response = wire.patch(location, CONTENT[start:stop], Content_Range=span)
        assert response.status_code == 202
        assert "OCI-Chunk-Min-Length" not in response.headers
    for refused in (
        wire.patch(location, CONTENT[199:299], Content_Range="199-298"),
        wire.patch(location, CONTENT[199:]),
        wire.finish(location, DIGEST, CONTENT[199:]),
    ):
        assert (refused.status_code, error_code(refused)) == (400, "SIZE_INVALID")
        assert refused.headers["Range"] == "0-198"
    assert wire.finish(location, Digest.of(CONTENT[:199])).status_code == 201


@pytest.mark.parametrize("last", [b"", CONTENT[500:], CONTENT[100:]])
def test_the_last_chunk_is_as_long_as_it_is(store: Store, last: bytes) -> None:
    """Whether it comes with the commit or before."""
    wire = wire_of(Registry(store, chunk_min_length=400))
    first = CONTENT[: len(CONTENT) - len(last)]
    location = wire.begin("a/b")
    if len(first) >= 400:
        location = wire.patch(location, first).headers["Location"]
    else:
        last = CONTENT
    assert wire.finish(location, DIGEST, last).status_code == 201


def test_any_chunk_will_do_by_default(wire: Wire) -> None:
    """Then nothing is said of it."""
    assert "OCI-Chunk-Min-Length" not in wire.client.post(UPLOADS).headers


def test_a_mount_without_a_source_may_find_one(store: Store) -> None:
    """In any repository; what is in none is an upload."""
    wire = wire_of(Registry(store, automatic_mount=True))
    wire.put_blob("x/y", CONTENT)
    response = wire.client.post(UPLOADS, params={"mount": str(DIGEST)})
    assert (response.status_code, response.headers["Location"]) == (
        201,
        f"/v2/a/b/blobs/{DIGEST}",
    )
    assert wire.get_blob("a/b", DIGEST).content == CONTENT
    absent = {"mount": str(Digest.of(b"absent"))}
    assert wire.client.post(UPLOADS, params=absent).status_code == 202
    elsewhere = {"mount": str(DIGEST), "from": "no/where"}
    assert wire.client.post("/v2/c/blobs/uploads/", params=elsewhere).status_code == 202


def described(content: bytes, media_type: str) -> dict[str, object]:
    """Make a descriptor."""
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def sparse_manifests() -> list[bytes]:
    """An image without one of its layers, and an index with that image and one that never came."""
    config, layer = described(CONFIG, OCI_CONFIG), described(b"absent", OCI_LAYER)
    image = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}
    ).encode()
    entries = [described(image, OCI_MANIFEST), described(b"never came", OCI_MANIFEST)]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return [image, json.dumps(index).encode()]


def test_a_sparse_manifest_is_taken_where_it_is_welcome(store: Store) -> None:
    """With a layer missing, or a platform; as a whole it comes out, and what is missing is not."""
    wire = wire_of(Registry(store, sparse=True))
    wire.put_blob("a/b", CONFIG)
    for raw, media_type in zip(sparse_manifests(), (OCI_MANIFEST, OCI_INDEX), strict=True):
        assert wire.put_manifest("a/b", "tip", raw, media_type).status_code == 201
        got = wire.client.get("/v2/a/b/manifests/tip", headers={"Accept": media_type})
        assert (got.status_code, got.content) == (200, raw)
    assert wire.get_blob("a/b", Digest.of(b"absent")).status_code == 404
    absent = wire.client.get(f"/v2/a/b/manifests/{Digest.of(b'never came')}")
    assert (absent.status_code, error_code(absent)) == (404, "MANIFEST_UNKNOWN")


def test_a_sparse_manifest_still_tells_the_truth_of_what_is_there(store: Store) -> None:
    """A size that isn't the blob's is refused."""
    wire = wire_of(Registry(store, sparse=True))
    wire.put_blob("a/b", CONFIG)
    document = json.loads(sparse_manifests()[0])
    document["config"]["size"] += 1
    response = wire.put_manifest("a/b", "tip", json.dumps(document).encode(), OCI_MANIFEST)
    assert (response.status_code, error_code(response)) == (400, "SIZE_INVALID")


def test_a_sparse_manifest_is_refused_by_default(wire: Wire) -> None:
    """404, with every digest that is missing."""
    wire.put_blob("a/b", CONFIG)
    response = wire.put_manifest("a/b", "tip", sparse_manifests()[0], OCI_MANIFEST)
    assert (response.status_code, error_code(response)) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert response.json()["errors"][0]["detail"] == {"digests": [str(Digest.of(b"absent"))]}


def test_uploads_may_be_named_by_others(store: Store) -> None:
    """A recording wants the same names every time."""
    numbers = count(1)
    wire = wire_of(Registry(store, new_session=lambda: f"upload-{next(numbers)}"))
    assert wire.begin("a/b") == "/v2/a/b/blobs/uploads/upload-1"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_manifest_by_digest_may_bring_its_tags(wire: Wire, algorithm: str) -> None:
    """As many as there are parameters, each confirmed."""
    manifest = wire.put_image("a/b", "other")
    digest = Digest.of(manifest, algorithm)
    url = f"/v2/a/b/manifests/{digest}"
    headers = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    params = {"tag": ["one", "two", "one"]}
    response = wire.client.put(url, params=params, content=manifest, headers=headers)
    assert response.status_code == 201
    assert response.headers.get_list("OCI-Tag") == ["one", "two"]
    for tag in ("one", "two"):
        got = wire.get_manifest("a/b", tag)
        assert (got.content, got.headers["Docker-Content-Digest"]) == (manifest, str(digest))
    assert wire.client.get("/v2/a/b/tags/list").json()["tags"] == ["one", "other", "two"]


def test_a_tag_that_is_none_spoils_the_push(wire: Wire) -> None:
    """400, and no tag is set; a push by tag has no such parameters."""
    manifest = wire.put_image("a/b", "v1")
    url = f"/v2/a/b/manifests/{Digest.of(manifest)}"
    response = wire.client.put(url, params={"tag": ["good", ".bad"]}, content=manifest)
    assert (response.status_code, error_code(response)) == (400, "TAG_INVALID")
    response = wire.client.put("/v2/a/b/manifests/v2?tag=v3", content=manifest)
    assert (response.status_code, "OCI-Tag" in response.headers) == (201, False)
    assert wire.client.get("/v2/a/b/tags/list").json()["tags"] == ["v1", "v2"]


@pytest.fixture
def change(wire: Wire) -> Callable[[str, str, str], httpx.Response]:
    """Push another manifest, or remove one, on a condition."""
    wire.put_blob("a/b", CONTENT)
    manifest = image_manifest(CONTENT)

    def make(method: str, reference: str, condition: str) -> httpx.Response:
        name, _, value = condition.partition(": ")
        url = f"/v2/a/b/manifests/{reference}"
        body = manifest if method == "PUT" else b""
        return wire.client.request(method, url, content=body, headers={name: value})

    return make


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("condition", "done"),
    [
        ('If-Match: "{now}"', True),
        ('If-Match: "x", "{now}"', True),
        ("If-Match: *", True),
        ('If-Match: "{other}"', False),
        ('If-Match: W/"{now}"', False),
        ('If-None-Match: "{other}"', True),
        ('If-None-Match: "{now}"', False),
        ("If-None-Match: *", False),
        ("If-Match: ", True),
    ],
)
def test_a_tag_is_changed_on_a_condition(
    wire: Wire,
    change: Callable[[str, str, str], httpx.Response],
    method: str,
    condition: str,
    done: bool,
) -> None:
    """412 when the tag isn't what the client believes, with what it is; and it stays so."""
    manifest = wire.put_image("a/b", "v1")
    now = Digest.of(manifest)
    response = change(method, "v1", condition.format(now=now, other=Digest.of(b"other")))
    assert response.status_code == ({"PUT": 201, "DELETE": 202}[method] if done else 412)
    assert (wire.get_manifest("a/b", "v1").content == manifest) is not done
    if not done:
        assert response.headers["ETag"] == f'"{now}"'
        assert error_code(response) == "DENIED"


@pytest.mark.parametrize(
    ("condition", "status"), [("If-None-Match: *", 201), ("If-Match: *", 412), ("X: y", 201)]
)
@pytest.mark.parametrize("reference", ["v1", str(Digest.of(image_manifest(CONTENT)))])
def test_a_new_manifest_on_a_condition(
    change: Callable[[str, str, str], httpx.Response], reference: str, condition: str, status: int
) -> None:
    """If-None-Match: * is how a client makes sure that it is the first."""
    response = change("PUT", reference, condition)
    assert response.status_code == status
    assert "ETag" not in response.headers


def test_one_of_many_is_the_first(wire: Wire) -> None:
    """Nobody comes between the look and the change."""
    manifests = [image_manifest(CONTENT, annotations={"n": str(n)}) for n in range(8)]
    wire.put_blob("a/b", CONTENT)
    start, statuses = threading.Barrier(len(manifests)), list[int]()

    def push(manifest: bytes) -> None:
        start.wait(10)
        headers = {"If-None-Match": "*"}
        response = wire.client.put("/v2/a/b/manifests/v1", content=manifest, headers=headers)
        statuses.append(response.status_code)

    threads = [threading.Thread(target=push, args=[manifest]) for manifest in manifests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, *[412] * 7]
