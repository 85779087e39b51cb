"""Quay's endpoints for images, as a Quay of August 2026 answered."""

from __future__ import annotations

import httpx
import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.support.dialects import Scene, proves, scene
from tests.support.wire import CONFIG, Wire, error_code, image_manifest, index_of

UNKNOWN = f"sha256:{'0' * 64}"
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
HTML = "text/html; charset=utf-8"


@pytest.fixture
def quay() -> Scene:
    """A Quay."""
    return scene("quay")


@pytest.fixture
def wire(quay: Scene) -> Wire:
    """A client of it that gets tokens."""
    return quay.wire()


def why(answer: httpx.Response) -> str:
    """Return the reason that Quay hides in the detail."""
    (error,) = answer.json()["errors"]
    return str(error["detail"]["message"])


@proves("quay", "uploads.absolute", "uploads.began", "uploads.progress", "uploads.status")
def test_progress_is_told_in_three_ways(wire: Wire) -> None:
    """Nothing is `bytes=0--1`, a chunk ends at its last byte, and the status is one too many."""
    begun = wire.client.post("/v2/acme/app/blobs/uploads/")
    place = begun.headers["Location"]
    assert place.startswith("https://quay.io/v2/acme/app/blobs/uploads/")
    assert "?" not in place
    assert begun.headers["Range"] == "bytes=0--1"
    chunk = wire.patch(place, b"x" * 60, Content_Range="0-59")
    assert (chunk.status_code, chunk.headers["Range"]) == (202, "0-59")
    assert chunk.headers["Location"] == place
    status = wire.client.get(place)
    assert (status.status_code, status.headers["Range"]) == (204, "bytes=0-60")
    created = wire.finish(place, Digest.of(b"x" * 60))
    blob = f"https://quay.io/v2/acme/app/blobs/{Digest.of(b'x' * 60)}"
    assert (created.status_code, created.headers["Location"]) == (201, blob)


@proves("quay", "uploads.refused", "rewordings")
def test_a_gap_is_refused_without_a_word(wire: Wire) -> None:
    """Location, and a Range that is one too many."""
    place = wire.begin("acme/app")
    answer = wire.patch(place, b"123456789", Content_Range="100-108")
    assert (answer.status_code, answer.content) == (416, b"")
    assert (answer.headers["Location"], answer.headers["Range"]) == (place, "0-0")


@proves("quay", "uploads.bad_range")
def test_a_range_has_no_unit(wire: Wire) -> None:
    """endpoints/v2/blob.py RANGE_HEADER_REGEX: else it is a request that is no good."""
    answer = wire.patch(wire.begin("acme/app"), b"x", Content_Range="bytes 0-0/1")
    assert (answer.status_code, error_code(answer)) == (400, "INVALID_REQUEST")


@proves("quay", "rewordings")
def test_a_wrong_digest_is_an_invalid_upload(wire: Wire) -> None:
    """Not an invalid digest."""
    answer = wire.finish(wire.begin("acme/app"), Digest.of(b"other"), b"x")
    assert (answer.status_code, error_code(answer)) == (400, "BLOB_UPLOAD_INVALID")
    malformed = wire.client.post("/v2/acme/app/blobs/uploads/?digest=sha256:zz", content=b"x")
    assert (malformed.status_code, error_code(malformed)) == (400, "BLOB_UPLOAD_INVALID")


@proves("quay", "blobs.redirect", "headers")
def test_a_redirect_may_be_kept_longer_than_it_is_good(quay: Scene, wire: Wire) -> None:
    """docker-registry-proxy#26: 302, with the headers of the blob itself; HEAD stays at home."""
    digest = wire.put_blob("acme/app", CONFIG)
    answer = wire.get_blob("acme/app", digest, Range="bytes=2-5")
    assert (answer.status_code, answer.headers["Content-Type"]) == (302, HTML)
    assert answer.headers["Docker-Content-Digest"] == str(digest)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "max-age=31536000"
    elsewhere = answer.headers["Location"]
    assert "X-Amz-Expires=600" in elsewhere
    part = quay.http().get(elsewhere, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, CONFIG[2:6])
    quay.clock.sleep(601)
    assert quay.http().get(elsewhere).status_code == 403
    head = wire.client.head(f"/v2/acme/app/blobs/{digest}")
    assert (head.status_code, head.headers["Cache-Control"]) == (200, "max-age=31436000")


@proves("quay", "headers")
def test_what_nginx_adds_is_not_on_every_answer(wire: Wire) -> None:
    """On 200 and 201, not on 202 and 404; and there is no ETag, nor a version."""
    wire.put_image("acme/app", "1")
    good = wire.get_manifest("acme/app", "1").headers
    assert (good["Server"], good["X-Frame-Options"]) == ("nginx", "DENY")
    assert good["Strict-Transport-Security"] == "max-age=63072000; preload"
    assert "ETag" not in good
    assert "Docker-Distribution-Api-Version" not in good
    for answer in (
        wire.client.post("/v2/acme/app/blobs/uploads/"),
        wire.get_manifest("acme/app", "2"),
    ):
        assert answer.status_code in (202, 404)
        assert answer.headers["Server"] == "nginx"
        assert "X-Frame-Options" not in answer.headers


@proves("quay", "manifests.stored", "headers")
def test_a_manifest_is_answered_ok(wire: Wire) -> None:
    """In two letters, at a relative Location, without a word of its subject."""
    wire.put_blob("acme/app", CONFIG)
    subject = {"mediaType": OCI_MANIFEST, "digest": UNKNOWN, "size": 7}
    manifest = image_manifest(subject=subject)
    answer = wire.put_manifest("acme/app", "1", manifest)
    assert (answer.status_code, answer.text) == (201, "OK")
    assert answer.headers["Location"] == f"/v2/acme/app/manifests/{Digest.of(manifest)}"
    assert "OCI-Subject" not in answer.headers


@proves("quay", "manifests.negotiation")
@pytest.mark.parametrize("accept", ["*/*", SCHEMA1, "text/plain"])
def test_who_names_no_type_gets_one_that_was_made_up(wire: Wire, accept: str) -> None:
    """che-plugin-registry#2082: a manifest of Docker's first form, with another digest."""
    manifest = wire.put_image("acme/app", "1", b"bottom", b"top")
    wire.put_manifest("acme/app", "index", index_of(manifest), OCI_INDEX)
    for tag in ("1", "index"):
        answer = wire.client.get(f"/v2/acme/app/manifests/{tag}", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, SCHEMA1)
        assert answer.headers["Docker-Content-Digest"] == str(Digest.of(answer.content))
        document = answer.json()
        assert (document["schemaVersion"], document["tag"]) == (1, tag)
        sums = [layer["blobSum"] for layer in document["fsLayers"]]
        assert sums == [str(Digest.of(b"top")), str(Digest.of(b"bottom"))]
        assert len(document["history"]) == 2
    by_digest = f"/v2/acme/app/manifests/{Digest.of(manifest)}"
    assert wire.client.get(by_digest, headers={"Accept": accept}).content == manifest
    assert wire.get_manifest("acme/app", "1").content == manifest


@proves("quay", "manifests.expired_tag")
def test_a_tag_that_was_deleted_is_remembered(wire: Wire) -> None:
    """One that never was isn't, and one that is set again is there."""
    manifest = wire.put_image("acme/app", "t1")
    wire.put_image("acme/app", "t2")
    assert wire.client.delete("/v2/acme/app/manifests/t1").status_code == 202
    answer = wire.get_manifest("acme/app", "t1")
    assert (answer.status_code, error_code(answer)) == (404, "TAG_EXPIRED")
    message = "Tag t1 was deleted or has expired. To pull, revive via time machine"
    assert answer.json()["errors"][0]["message"] == message
    assert wire.client.delete(f"/v2/acme/app/manifests/{Digest.of(manifest)}").status_code == 202
    assert error_code(wire.get_manifest("acme/app", "t2")) == "TAG_EXPIRED"
    never = wire.get_manifest("acme/app", "t3")
    assert (never.status_code, error_code(never)) == (404, "MANIFEST_UNKNOWN")
    assert never.json()["errors"][0]["message"] == "manifest unknown"
    wire.put_image("acme/app", "t1")
    assert wire.get_manifest("acme/app", "t1").status_code == 200


@proves("quay", "manifests.unknown_type")
def test_a_type_that_it_does_not_know_is_415(wire: Wire) -> None:
    """With the code of a manifest that is no good."""
    answer = wire.put_manifest("acme/app", "1", b"{}", "application/vnd.example+json")
    assert (answer.status_code, error_code(answer)) == (415, "MANIFEST_INVALID")
    assert why(answer) == "manifest schema version not supported"


@proves("quay", "rewordings")
def test_whatever_is_wrong_with_a_manifest_it_is_invalid(wire: Wire) -> None:
    """What it is stands in the detail."""
    wire.put_blob("acme/app", CONFIG)
    missing = wire.put_manifest("acme/app", "1", image_manifest(CONFIG, b"missing"))
    broken = wire.put_manifest("acme/app", "1", b"{", DOCKER_MANIFEST)
    other = wire.put_manifest("acme/app", UNKNOWN, image_manifest())
    for answer in (missing, broken, other):
        assert (answer.status_code, error_code(answer)) == (400, "MANIFEST_INVALID")
        assert answer.json()["errors"][0]["message"] == "manifest invalid"
        assert why(answer)


@proves("quay", "manifests.unknown_subject")
def test_referrers_of_what_is_not_there_are_an_error(wire: Wire) -> None:
    """Of what is there they are listed, and filtered."""
    manifest = wire.put_image("acme/app", "1")
    answer = wire.client.get(f"/v2/acme/app/referrers/{UNKNOWN}")
    assert (answer.status_code, error_code(answer)) == (400, "MANIFEST_INVALID")
    known = wire.client.get(f"/v2/acme/app/referrers/{Digest.of(manifest)}?artifactType=a/b")
    assert (known.status_code, known.headers["OCI-Filters-Applied"]) == (200, "artifactType")


@proves("quay", "listing.tags")
def test_tags_come_by_the_hundred(quay: Scene, wire: Wire) -> None:
    """endpoints/v2/__init__.py: whatever is asked for, and a bad number is overlooked."""
    wire.put_image("acme/app", "000")
    manifest = next(quay.registry.store.manifests("acme/app"))
    for number in range(1, 120):
        quay.registry.store.add_manifest("acme/app", manifest, f"{number:03}")
    for query in ("", "?n=1000", "?n=nonsense"):
        answer = wire.client.get(f"/v2/acme/app/tags/list{query}")
        assert len(answer.json()["tags"]) == 100
        assert answer.headers["Link"] == '</v2/acme/app/tags/list?n=100&last=099>; rel="next"'
    assert wire.client.get("/v2/acme/app/tags/list?n=0").json()["tags"] == []
    few = wire.client.get("/v2/acme/app/tags/list?n=3")
    assert few.headers["Link"] == '</v2/acme/app/tags/list?n=3&last=002>; rel="next"'


@proves("quay", "listing.catalog")
def test_the_catalog_goes_on_where_only_quay_knows(quay: Scene, wire: Wire) -> None:
    """Its cursor can't be read, `last` is overlooked, and what is too old begins anew."""
    for name in ("a", "b", "c"):
        wire.put_image(f"acme/{name}", "1")
    first = wire.client.get("/v2/_catalog?n=2")
    assert first.json() == {"repositories": ["acme/a", "acme/b"]}
    target = first.headers["Link"].removeprefix("<").partition(">")[0]
    assert target.startswith("/v2/_catalog?n=2&next_page=gAAAAA")
    assert wire.client.get(target).json() == {"repositories": ["acme/c"]}
    by_name = wire.client.get("/v2/_catalog?n=2&last=acme/b")
    assert by_name.json() == {"repositories": ["acme/a", "acme/b"]}
    assert wire.client.get("/v2/_catalog?n=2&next_page=garbage").json() == first.json()
    quay.clock.sleep(2 * 24 * 3600 + 1)
    assert wire.client.get(target).json() == first.json()


@proves("quay", "absent")
def test_blobs_are_not_deleted(wire: Wire) -> None:
    """That is Quay's own business."""
    digest = wire.put_blob("acme/app", CONFIG)
    answer = wire.client.delete(f"/v2/acme/app/blobs/{digest}")
    assert (answer.status_code, error_code(answer)) == (405, "UNSUPPORTED")


@proves("quay", "no_route")
@pytest.mark.parametrize("reference", ["sha256:zz", "-bad-tag"])
def test_what_can_be_no_name_is_a_page(wire: Wire, reference: str) -> None:
    """207 bytes of HTML."""
    answer = wire.client.get(f"/v2/acme/app/manifests/{reference}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, HTML)
    assert len(answer.content) == 207


@proves("quay", "limits.answer")
def test_who_asks_too_fast_gets_the_page_of_nginx(quay: Scene) -> None:
    """162 bytes of HTML, without a Retry-After."""
    answer = quay.dialect.limits.answer.response
    assert (answer.status, answer.headers.get("Content-Type")) == (429, "text/html")
    assert answer.headers.get("Content-Length") == "162"
    assert "Retry-After" not in answer.headers
