"""Manifests and tags: taken only when whole, given back byte for byte, removed."""

from __future__ import annotations

import json

import httpx
import pytest

from occystrap.oci import media_types
from occystrap.oci.digest import Digest
from tests.contract.differences import Differs
from tests.support.wire import CONFIG, Wire, describe, error_code, image_manifest, index_of

LAYER = b"the bytes of a layer"
NAMES = ("Content-Length", "Content-Type", "Docker-Content-Digest", "ETag")


def docker_manifest() -> bytes:
    """Make a manifest of schema 2."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.DOCKER_MANIFEST,
        "config": describe(CONFIG, media_types.DOCKER_CONFIG),
        "layers": [describe(LAYER, f"{media_types.DOCKER_LAYER}.gzip")],
    }
    return json.dumps(document, indent=3).encode()


@pytest.fixture
def blobs(wire: Wire) -> None:
    """The blobs of an image, in the repository a/b."""
    wire.put_blob("a/b", CONFIG)
    wire.put_blob("a/b", LAYER)


@pytest.mark.usefixtures("blobs")
@pytest.mark.parametrize(
    ("manifest", "media_type"),
    [
        (image_manifest(CONFIG, LAYER), media_types.OCI_MANIFEST),
        (docker_manifest(), media_types.DOCKER_MANIFEST),
    ],
)
def test_a_manifest_comes_back_as_it_was_pushed(
    wire: Wire, manifest: bytes, media_type: str
) -> None:
    """By tag and by digest: the same bytes, type and digest."""
    digest = Digest.of(manifest)
    pushed = wire.put_manifest("a/b", "v1", manifest, media_type)
    assert pushed.status_code == 201
    assert pushed.headers["Docker-Content-Digest"] == str(digest)
    assert httpx.URL(pushed.headers["Location"]).path == f"/v2/a/b/manifests/{digest}"
    for reference in ("v1", digest):
        response = wire.get_manifest("a/b", reference)
        assert response.status_code == 200
        assert response.content == manifest
        assert [response.headers[name] for name in NAMES] == [
            str(len(manifest)),
            media_type,
            str(digest),
            f'"{digest}"',
        ]


def test_head_of_a_manifest_is_get_without_the_body(wire: Wire) -> None:
    """HEAD shows the same headers."""
    wire.put_image("a/b", "v1", LAYER)
    get = wire.get_manifest("a/b", "v1")
    accept = {"Accept": media_types.MANIFEST_ACCEPT}
    head = wire.client.head("/v2/a/b/manifests/v1", headers=accept)
    assert (head.status_code, head.content) == (200, b"")
    assert [head.headers[name] for name in NAMES] == [get.headers[name] for name in NAMES]


def test_a_manifest_that_the_client_has_is_not_sent(wire: Wire) -> None:
    """If-None-Match with its entity tag is answered 304."""
    digest = Digest.of(wire.put_image("a/b", "v1", LAYER))
    headers = {"Accept": media_types.MANIFEST_ACCEPT, "If-None-Match": f'"{digest}"'}
    response = wire.client.get("/v2/a/b/manifests/v1", headers=headers)
    assert (response.status_code, response.content) == (304, b"")


@pytest.mark.usefixtures("blobs")
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_manifest_that_is_not_there_is_unknown(wire: Wire, method: str) -> None:
    """404, and the code for those who can read a body."""
    url = f"/v2/a/b/manifests/{Digest.of(b'never pushed')}"
    response = wire.client.request(method, url)
    assert response.status_code == 404
    if method != "HEAD":
        assert error_code(response) == "MANIFEST_UNKNOWN"


@pytest.mark.parametrize("tag", ["absent", ".INVALID", "a" * 129])
def test_a_tag_that_is_not_there_is_unknown(wire: Wire, tag: str) -> None:
    """404 also for what could never be a tag."""
    assert wire.get_manifest("a/b", tag).status_code == 404


def test_a_tag_moves(wire: Wire) -> None:
    """A tag points at what was pushed last; the other stays, by digest."""
    first = wire.put_image("a/b", "v1", LAYER)
    second = wire.put_image("a/b", "v1", LAYER, b"another layer")
    assert wire.get_manifest("a/b", "v1").content == second
    assert wire.get_manifest("a/b", Digest.of(first)).content == first


@pytest.mark.usefixtures("blobs")
def test_a_manifest_pushed_by_digest_has_no_tag(wire: Wire) -> None:
    """It is there under its digest alone."""
    manifest = image_manifest(CONFIG, LAYER)
    assert wire.put_manifest("a/b", Digest.of(manifest), manifest).status_code == 201
    assert wire.get_manifest("a/b", Digest.of(manifest)).content == manifest
    assert wire.get_manifest("a/b", "latest").status_code == 404


@pytest.mark.usefixtures("blobs")
def test_a_manifest_named_by_sha512(wire: Wire, differs: Differs) -> None:
    """The digest that the client chose is the one it is found by."""
    manifest = image_manifest(CONFIG, LAYER)
    digest = Digest.of(manifest, "sha512")
    response = wire.put_manifest("a/b", digest, manifest)
    assert response.status_code == differs("manifest by sha512")
    if response.status_code == 201:
        assert response.headers["Docker-Content-Digest"] == str(digest)
        assert wire.get_manifest("a/b", digest).content == manifest


@pytest.mark.usefixtures("blobs")
def test_a_manifest_under_another_digest_is_refused(wire: Wire) -> None:
    """400 DIGEST_INVALID."""
    response = wire.put_manifest("a/b", Digest.of(b"other"), image_manifest(CONFIG, LAYER))
    assert (response.status_code, error_code(response)) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD"])
def test_what_is_no_digest_names_no_manifest(wire: Wire, differs: Differs, method: str) -> None:
    """400, with a code for those who can read a body."""
    response = wire.client.request(method, "/v2/a/b/manifests/sha256:baddigeststring")
    if method == "PUT":
        assert response.status_code == 400
        assert error_code(response) == differs("code of what is no digest")
    else:
        assert response.status_code == differs("status of what is no digest")


def test_a_manifest_without_its_blobs_is_refused(wire: Wire, differs: Differs) -> None:
    """MANIFEST_BLOB_UNKNOWN names what is missing; a blob of another repository is missing, too."""
    wire.put_blob("a/b", CONFIG)
    wire.put_blob("a/c", LAYER)
    response = wire.put_manifest("a/b", "v1", image_manifest(CONFIG, LAYER))
    assert response.status_code == differs("manifest without its blobs")
    assert error_code(response) == "MANIFEST_BLOB_UNKNOWN"
    assert str(Digest.of(LAYER)) in response.text
    assert wire.get_manifest("a/b", "v1").status_code == 404


@pytest.mark.usefixtures("blobs")
def test_foreign_layers_need_not_be_there(wire: Wire, differs: Differs) -> None:
    """A layer that registries don't distribute is named and not held."""
    layers = [
        describe(
            b"elsewhere",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            urls=["https://example.com/layer"],
        )
    ]
    document = json.loads(docker_manifest()) | {"layers": layers}
    manifest = json.dumps(document).encode()
    response = wire.put_manifest("a/b", "v1", manifest, media_types.DOCKER_MANIFEST)
    assert response.status_code == differs("foreign layer")


@pytest.mark.usefixtures("blobs")
@pytest.mark.parametrize("excess", [-1, 1])
def test_a_size_that_is_not_true_is_refused(wire: Wire, differs: Differs, excess: int) -> None:
    """A descriptor has to say how long its content is."""
    document = json.loads(image_manifest(CONFIG, LAYER))
    document["layers"][0]["size"] += excess
    response = wire.put_manifest("a/b", "v1", json.dumps(document).encode())
    assert response.status_code == differs("size that is not true")


def test_an_index_of_what_is_there(wire: Wire) -> None:
    """An index is a manifest of manifests."""
    manifest = wire.put_image("a/b", "v1", LAYER)
    index = index_of(manifest)
    response = wire.put_manifest("a/b", "all", index, media_types.OCI_INDEX)
    assert response.status_code == 201
    got = wire.get_manifest("a/b", "all")
    assert (got.content, got.headers["Content-Type"]) == (index, media_types.OCI_INDEX)


def test_a_docker_list_of_what_is_there(wire: Wire) -> None:
    """Docker's kind of index, as well."""
    manifest = wire.put_image("a/b", "v1", LAYER)
    index = index_of(manifest, mediaType=media_types.DOCKER_INDEX)
    response = wire.put_manifest("a/b", "all", index, media_types.DOCKER_INDEX)
    assert response.status_code == 201
    assert wire.get_manifest("a/b", "all").headers["Content-Type"] == media_types.DOCKER_INDEX


def test_an_index_without_its_manifests_is_refused(wire: Wire, differs: Differs) -> None:
    """What an index names has to be in the repository."""
    wire.put_image("a/c", "v1", LAYER)
    wire.put_blob("a/b", CONFIG)
    index = index_of(image_manifest(CONFIG, LAYER))
    response = wire.put_manifest("a/b", "all", index, media_types.OCI_INDEX)
    assert response.status_code == differs("manifest without its blobs")
    assert error_code(response) == "MANIFEST_BLOB_UNKNOWN"


@pytest.mark.usefixtures("blobs")
@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"not JSON", media_types.OCI_MANIFEST),
        (b"[]", media_types.OCI_MANIFEST),
        (b"", media_types.OCI_MANIFEST),
        (docker_manifest(), media_types.OCI_MANIFEST),
        (image_manifest(CONFIG, LAYER), media_types.DOCKER_MANIFEST),
    ],
)
def test_what_is_no_manifest_is_refused(wire: Wire, content: bytes, media_type: str) -> None:
    """400 MANIFEST_INVALID, also for one of another type than its Content-Type."""
    response = wire.put_manifest("a/b", "v1", content, media_type)
    assert (response.status_code, error_code(response)) == (400, "MANIFEST_INVALID")


@pytest.mark.usefixtures("blobs")
@pytest.mark.parametrize(("excess", "taken"), [(0, True), (1, False)])
def test_a_manifest_has_at_most_four_mebibytes(
    wire: Wire, differs: Differs, excess: int, taken: bool
) -> None:
    """One byte more is too much."""
    manifest = image_manifest(CONFIG, LAYER)
    padded = manifest + b" " * (4 * 1024 * 1024 - len(manifest) + excess)
    response = wire.put_manifest("a/b", "v1", padded)
    assert response.status_code == (201 if taken else differs("manifest that is too big"))


def test_a_removed_tag_leaves_the_manifest(wire: Wire, differs: Differs) -> None:
    """DELETE by tag removes the tag."""
    digest = Digest.of(wire.put_image("a/b", "v1", LAYER))
    response = wire.client.delete("/v2/a/b/manifests/v1")
    assert response.status_code == differs("removing a tag")
    if response.status_code == 202:
        assert wire.get_manifest("a/b", "v1").status_code == 404
        assert wire.client.delete("/v2/a/b/manifests/v1").status_code == 404
    assert wire.get_manifest("a/b", digest).status_code == 200


def test_a_removed_manifest_takes_its_tags_along(wire: Wire) -> None:
    """DELETE by digest removes the manifest and every tag of it."""
    digest = Digest.of(wire.put_image("a/b", "v1", LAYER))
    wire.put_image("a/b", "v2", LAYER)
    wire.put_image("a/b", "other")
    assert wire.client.delete(f"/v2/a/b/manifests/{digest}").status_code == 202
    for reference in (digest, "v1", "v2"):
        assert wire.get_manifest("a/b", reference).status_code == 404
    assert wire.client.get("/v2/a/b/tags/list").json()["tags"] == ["other"]
    assert wire.get_blob("a/b", Digest.of(LAYER)).status_code == 200


@pytest.mark.usefixtures("blobs")
def test_a_subject_may_come_later(wire: Wire, differs: Differs) -> None:
    """A referrer is taken before what it refers to, and told that it was understood."""
    subject = describe(b"later", media_types.OCI_MANIFEST)
    response = wire.put_manifest("a/b", "v1", image_manifest(CONFIG, LAYER, subject=subject))
    assert response.status_code == 201
    assert response.headers.get("OCI-Subject") == differs("subject on push")
