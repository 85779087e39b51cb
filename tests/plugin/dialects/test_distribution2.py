"""Distribution 2.8: the dialect and docker-registry 2.8.2 of Debian answer the same questions."""

from __future__ import annotations

import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode
from occystrap.oci.media_types import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.support.dialects import proves
from tests.support.wire import CONFIG, Wire, docker, error_code, image_manifest, index_of

UNKNOWN = f"sha256:{'0' * 64}"
TEXT = "text/plain; charset=utf-8"


@pytest.fixture
def wire(distribution2: Wire) -> Wire:
    """The dialect, and the registry that it is taken from."""
    return distribution2


@proves("distribution2", "uploads.forwarded", "manifests.forwarded")
def test_a_proxy_tells_it_its_name(wire: Wire) -> None:
    """Location is built of X-Forwarded-Proto and X-Forwarded-Host."""
    wire.put_blob("a/b", CONFIG)
    named = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "hub.example"}
    begun = wire.client.post("/v2/a/b/blobs/uploads/", headers=named)
    assert begun.headers["Location"].startswith("https://hub.example/v2/a/b/blobs/uploads/")
    stored = wire.client.put(
        "/v2/a/b/manifests/1",
        content=docker(image_manifest()),
        headers={**named, "Content-Type": DOCKER_MANIFEST},
    )
    assert stored.headers["Location"].startswith("https://hub.example/v2/a/b/manifests/sha256:")


@proves("distribution2", "manifests.negotiation")
def test_oci_is_for_those_who_name_it(wire: Wire) -> None:
    """Manifests and indexes of OCI aren't there for a client that doesn't accept them."""
    manifest = wire.put_image("a/b", "image")
    assert wire.put_manifest("a/b", "index", index_of(manifest), OCI_INDEX).is_success
    for reference, what in (
        ("image", "manifest found, but accept header does not support OCI manifests"),
        ("index", "index found, but accept header does not support OCI indexes"),
        (Digest.of(manifest), "manifest found, but accept header does not support OCI manifests"),
    ):
        answer = wire.client.get(f"/v2/a/b/manifests/{reference}", headers={"Accept": "*/*"})
        assert (answer.status_code, error_code(answer)) == (404, "MANIFEST_UNKNOWN")
        assert answer.json()["errors"][0]["message"] == f"OCI {what}"
        assert wire.get_manifest("a/b", reference).status_code == 200


@proves("distribution2", "manifests.negotiation")
def test_a_docker_list_becomes_its_image_for_old_clients(wire: Wire) -> None:
    """By tag they get the image for linux/amd64, by digest what they ask for."""
    wire.put_image("a/b", "other")
    manifest = docker(image_manifest())
    listed = docker(index_of(manifest))
    assert wire.put_manifest("a/b", "image", manifest, DOCKER_MANIFEST).is_success
    assert wire.put_manifest("a/b", "list", listed, DOCKER_INDEX).is_success
    old = {"Accept": DOCKER_MANIFEST}
    answer = wire.client.get("/v2/a/b/manifests/list", headers=old)
    assert (answer.content, answer.headers["Content-Type"]) == (manifest, DOCKER_MANIFEST)
    assert answer.headers["Docker-Content-Digest"] == str(Digest.of(manifest))
    by_digest = wire.client.get(f"/v2/a/b/manifests/{Digest.of(listed)}", headers=old)
    assert by_digest.content == listed
    older = wire.client.get("/v2/a/b/manifests/list", headers={"Accept": "text/plain"})
    assert (older.status_code, error_code(older)) == (400, "MANIFEST_INVALID")


@proves("distribution2", "manifests.negotiation")
@pytest.mark.parametrize("accept", ["*/*", DOCKER_MANIFEST])
def test_what_is_not_of_docker_comes_of_a_docker_list_as_it_is(wire: Wire, accept: str) -> None:
    """Whether the client accepts it or not."""
    manifest = wire.put_image("a/b", "image")
    index = index_of(manifest)
    assert wire.put_manifest("a/b", "index", index, OCI_INDEX).is_success
    for content, kind in ((manifest, OCI_MANIFEST), (index, OCI_INDEX)):
        listed = index_of(content).replace(OCI_MANIFEST.encode(), kind.encode())
        listed = listed.replace(OCI_INDEX.encode(), DOCKER_INDEX.encode(), 1)
        assert wire.put_manifest("a/b", "list", listed, DOCKER_INDEX).is_success
        answer = wire.client.get("/v2/a/b/manifests/list", headers={"Accept": accept})
        assert (answer.content, answer.headers["Content-Type"]) == (content, kind)


@proves("distribution2", "manifests.negotiation")
def test_an_older_client_gets_a_manifest_that_was_made_up(wire: Wire) -> None:
    """Of the first form, with another digest; by digest it gets what it asks for."""
    history = [{"created_by": "a"}, {"created_by": "b"}]
    rootfs = {"type": "layers", "diff_ids": [UNKNOWN, UNKNOWN]}
    config = encode({"architecture": "amd64", "os": "linux", "rootfs": rootfs, "history": history})
    for blob in (config, b"bottom", b"top"):
        wire.put_blob("a/b", blob)
    manifest = docker(image_manifest(config, b"bottom", b"top"))
    listed = docker(index_of(manifest))
    assert wire.put_manifest("a/b", "image", manifest, DOCKER_MANIFEST).is_success
    assert wire.put_manifest("a/b", "list", listed, DOCKER_INDEX).is_success
    for tag in ("image", "list"):
        answer = wire.client.get(f"/v2/a/b/manifests/{tag}", headers={"Accept": "*/*"})
        kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["Docker-Content-Digest"] != str(Digest.of(manifest))
        document = answer.json()
        assert (document["schemaVersion"], document["name"], document["tag"]) == (1, "a/b", tag)
        sums = [layer["blobSum"] for layer in document["fsLayers"]]
        assert sums == [str(Digest.of(b"top")), str(Digest.of(b"bottom"))]
        assert len(document["history"]) == 2
    by_digest = f"/v2/a/b/manifests/{Digest.of(manifest)}"
    assert wire.client.get(by_digest, headers={"Accept": "*/*"}).content == manifest


@proves("distribution2", "manifests.negotiation")
@pytest.mark.parametrize(
    ("history", "sums", "status"), [("", 1, 400), ("ll", 1, 400), ("l", 0, 400), ("lee", 1, 200)]
)
def test_nothing_is_made_up_where_the_config_tells_too_little(
    wire: Wire, history: str, sums: int, status: int
) -> None:
    """It needs a history, with at most as many layers as there are, and as many sums."""
    steps = [{"empty_layer": True} if step == "e" else {"created_by": "a"} for step in history]
    rootfs = {"type": "layers", "diff_ids": [UNKNOWN] * sums}
    config = encode({"architecture": "amd64", "os": "linux", "rootfs": rootfs, "history": steps})
    for blob in (config, b"layer"):
        wire.put_blob("a/b", blob)
    manifest = docker(image_manifest(config, b"layer"))
    assert wire.put_manifest("a/b", "1", manifest, DOCKER_MANIFEST).is_success
    answer = wire.client.get("/v2/a/b/manifests/1", headers={"Accept": "*/*"})
    assert answer.status_code == status
    assert ("ETag" in answer.headers) == (status == 200)


@proves("distribution2", "manifests.negotiation")
def test_who_has_what_a_tag_names_is_told_so_before_its_type_counts(wire: Wire) -> None:
    """Be it a list, or of a type that the client doesn't accept."""
    manifest = wire.put_image("a/b", "image")
    listed = docker(index_of(manifest))
    assert wire.put_manifest("a/b", "list", listed, DOCKER_INDEX).is_success
    for tag, content in (("image", manifest), ("list", listed)):
        had = {"If-None-Match": f'"{Digest.of(content)}"', "Accept": DOCKER_MANIFEST}
        assert wire.client.get(f"/v2/a/b/manifests/{tag}", headers=had).status_code == 304


@proves("distribution2", "no_method")
def test_what_cannot_be_done_to_a_manifest_is_no_question_of_its_type(wire: Wire) -> None:
    """A client that doesn't accept what is there learns that the path hasn't this method."""
    wire.put_image("a/b", "1")
    answer = wire.client.patch("/v2/a/b/manifests/1", headers={"Accept": DOCKER_INDEX})
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, TEXT)


@proves("distribution2", "manifests.absolute", "headers")
def test_a_manifest_is_stored_at_an_absolute_location(wire: Wire) -> None:
    """A subject is nothing to it."""
    wire.put_blob("a/b", CONFIG)
    subject = {"mediaType": OCI_INDEX, "digest": UNKNOWN, "size": 7}
    manifest = image_manifest(subject=subject)
    answer = wire.put_manifest("a/b", "1", manifest)
    place = f"{wire.client.base_url}/v2/a/b/manifests/{Digest.of(manifest)}"
    assert (answer.status_code, answer.headers["Location"]) == (201, place)
    assert "OCI-Subject" not in answer.headers


@proves("distribution2", "manifests.deletes_tags")
def test_tags_are_deleted_by_digest_only(wire: Wire) -> None:
    """A tag is taken for a digest that is no good."""
    manifest = wire.put_image("a/b", "1")
    answer = wire.client.delete("/v2/a/b/manifests/1")
    assert (answer.status_code, error_code(answer)) == (400, "DIGEST_INVALID")
    assert wire.client.delete(f"/v2/a/b/manifests/{Digest.of(manifest)}").status_code == 202
    assert wire.get_manifest("a/b", "1").status_code == 404


@proves("distribution2", "listing.tags")
def test_tags_come_all_at_once(wire: Wire) -> None:
    """However many are asked for."""
    for tag in ("1", "2", "3"):
        wire.put_image("a/b", tag)
    for query in ("?n=1", "?n=nonsense", "?last=1", "?n=5000"):
        answer = wire.client.get(f"/v2/a/b/tags/list{query}")
        assert sorted(answer.json()["tags"]) == ["1", "2", "3"]
        assert "Link" not in answer.headers


@proves("distribution2", "listing.catalog")
def test_repositories_come_in_pages(wire: Wire) -> None:
    """Of at most a thousand; a number that is none is overlooked."""
    wire.put_image("a/b", "1")
    wire.put_image("a/c", "1")
    assert wire.client.get("/v2/_catalog?n=1").json() == {"repositories": ["a/b"]}
    assert wire.client.get("/v2/_catalog?n=0").json() == {"repositories": []}
    assert wire.client.get("/v2/_catalog?n=x").json() == {"repositories": ["a/b", "a/c"]}
    assert wire.client.get("/v2/_catalog?n=1000").status_code == 200
    answer = wire.client.get("/v2/_catalog?n=1001")
    assert (answer.status_code, error_code(answer)) == (400, "PAGINATION_NUMBER_INVALID")


@proves("distribution2", "absent", "no_route")
@pytest.mark.parametrize(
    "path", [f"a/b/referrers/{UNKNOWN}", "a/UPPER/manifests/1", "a/b/manifests/-1", "a/b/nothing"]
)
def test_what_has_no_route_is_plain_text(wire: Wire, path: str) -> None:
    """Referrers are not known, nor are names outside the grammar."""
    answer = wire.client.get(f"/v2/{path}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, TEXT)
    assert answer.text == "404 page not found\n"


@proves("distribution2", "no_method", "routes_bad_digests")
def test_what_a_path_does_not_take_is_plain_text(wire: Wire) -> None:
    """Beside what it takes; a digest that can't be one is told apart from a path that can't."""
    for path in (f"a/b/blobs/{UNKNOWN}", "a/b/manifests/1"):
        answer = wire.client.patch(f"/v2/{path}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (405, TEXT)
        assert answer.text == "Method not allowed\n"
        assert {"GET", "HEAD", "DELETE"} <= set(answer.headers["Allow"].split(", "))
    answer = wire.client.get("/v2/a/b/blobs/sha256:short")
    assert (answer.status_code, error_code(answer)) == (400, "DIGEST_INVALID")
    assert wire.client.get("/v2/a/b/blobs/short").text == "404 page not found\n"


@proves("distribution2", "headers")
def test_every_answer_has_its_version(wire: Wire) -> None:
    """Also where there is nothing; what was removed is not named again."""
    blob = f"/v2/a/b/blobs/{wire.put_blob('a/b', CONFIG)}"
    for method, path in (("GET", "/v2/UPPER"), ("DELETE", "/v2/a/b/manifests/1"), ("DELETE", blob)):
        answer = wire.client.request(method, path)
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
        assert "Docker-Content-Digest" not in answer.headers


@proves("distribution2", "manifests.untyped")
def test_a_manifest_of_no_type_is_none(wire: Wire) -> None:
    """Whatever is in it."""
    wire.put_blob("a/b", CONFIG)
    answer = wire.client.put("/v2/a/b/manifests/1", content=image_manifest())
    assert (answer.status_code, error_code(answer)) == (400, "MANIFEST_INVALID")


@proves("distribution2", "listing.tags_come_with_the_first")
def test_a_repository_without_a_tag_has_no_list(wire: Wire) -> None:
    """Blobs don't make one; and when the tags have gone, null is what there is."""
    wire.put_blob("a/b", CONFIG)
    answer = wire.client.get("/v2/a/b/tags/list")
    assert (answer.status_code, error_code(answer)) == (404, "NAME_UNKNOWN")
    manifest = wire.put_image("a/b", "1")
    assert wire.client.get("/v2/a/b/tags/list").json() == {"name": "a/b", "tags": ["1"]}
    wire.client.delete(f"/v2/a/b/manifests/{Digest.of(manifest)}")
    assert wire.client.get("/v2/a/b/tags/list").json() == {"name": "a/b", "tags": None}


@proves("distribution2", "rewordings")
def test_a_manifest_that_is_no_good_is_a_bad_request(wire: Wire) -> None:
    """Whether it names what isn't there, or is too long."""
    answer = wire.put_manifest("a/b", "1", docker(image_manifest()), DOCKER_MANIFEST)
    assert answer.status_code == 400
    assert "MANIFEST_BLOB_UNKNOWN" in [each["code"] for each in answer.json()["errors"]]
    assert answer.json()["errors"][0]["message"] == "blob unknown to registry"
    wire.put_blob("a/b", CONFIG)
    long = image_manifest(annotations={"x": "y" * 4 * 1024 * 1024})
    answer = wire.put_manifest("a/b", "1", long)
    assert (answer.status_code, error_code(answer)) == (400, "MANIFEST_INVALID")
