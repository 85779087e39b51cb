"""Distribution 3, from its source at 3.1."""

from __future__ import annotations

import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.media_types import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX
from tests.support.dialects import Scene, proves, scene
from tests.support.wire import CONFIG, Wire, describe, error_code, image_manifest, index_of

UNKNOWN = f"sha256:{'0' * 64}"


@pytest.fixture
def speaker() -> Scene:
    """A registry of version 3."""
    return scene("distribution3")


@pytest.fixture
def wire(speaker: Scene) -> Wire:
    """A client of it."""
    return speaker.wire()


@proves("distribution3", "uploads.absolute", "uploads.state", "uploads.stale_state")
def test_only_the_newest_location_is_good(wire: Wire) -> None:
    """handlers/blobupload.go, oras-py#150: an earlier one is 416, one without a state 404."""
    begun = wire.begin("a/b")
    assert begun.startswith("https://registry.example/v2/a/b/blobs/uploads/")
    newest = wire.patch(begun, b"12345").headers["Location"]
    answer = wire.patch(begun, b"6789")
    assert (answer.status_code, error_code(answer)) == (416, "RANGE_INVALID")
    answer = wire.patch(begun.partition("?")[0], b"6789")
    assert (answer.status_code, error_code(answer)) == (404, "BLOB_UPLOAD_INVALID")
    assert wire.finish(newest, Digest.of(b"12345")).status_code == 201


@proves("distribution3", "uploads.forwarded", "manifests.forwarded", "manifests.absolute")
def test_a_proxy_tells_it_its_name(wire: Wire) -> None:
    """api/v2/urls.go: Location is built of X-Forwarded-Proto and X-Forwarded-Host."""
    wire.put_blob("a/b", CONFIG)
    wire.client.headers.update({"X-Forwarded-Proto": "http", "X-Forwarded-Host": "inside:5000"})
    assert wire.begin("a/b").startswith("http://inside:5000/v2/a/b/blobs/uploads/")
    stored = wire.put_manifest("a/b", "1", image_manifest())
    assert stored.headers["Location"].startswith("http://inside:5000/v2/a/b/manifests/sha256:")


@proves("distribution3", "uploads.ranges", "uploads.checks_last_range")
def test_a_range_is_checked_where_the_length_is_known(wire: Wire) -> None:
    """handlers/blobupload.go: not in what is sent without a length, and not at the end."""
    answer = wire.patch(wire.begin("a/b"), b"12345", Content_Range="7-11")
    assert (answer.status_code, error_code(answer)) == (416, "RANGE_INVALID")
    unknown = wire.client.patch(
        wire.begin("a/b"), content=iter([b"12345"]), headers={"Content-Range": "7-11"}
    )
    assert (unknown.status_code, unknown.headers["Range"]) == (202, "0-4")
    last = wire.finish(
        unknown.headers["Location"], Digest.of(b"1234567"), b"67", Content_Range="0-1"
    )
    assert last.status_code == 201


@proves("distribution3", "uploads.octet_stream_only")
def test_a_chunk_of_another_type_is_an_unknown_error(wire: Wire) -> None:
    """handlers/blobupload.go: its type is application/octet-stream, or isn't said."""
    answer = wire.patch(wire.begin("a/b"), b"x", Content_Type="text/plain")
    assert (answer.status_code, error_code(answer)) == (500, "UNKNOWN")


@proves("distribution3", "blobs.redirect")
def test_a_bucket_is_signed_for_twenty_minutes(speaker: Scene, wire: Wire) -> None:
    """storage/driver/s3-aws: where there is a bucket, which isn't everywhere."""
    digest = wire.put_blob("a/b", CONFIG)
    answer = wire.get_blob("a/b", digest)
    assert answer.status_code == 307
    elsewhere = answer.headers["Location"]
    assert "X-Amz-Expires=1200" in elsewhere
    speaker.clock.sleep(1200)
    assert speaker.http().get(elsewhere).content == CONFIG
    speaker.clock.sleep(1)
    assert speaker.http().get(elsewhere).status_code == 403
    redirect = speaker.dialect.blobs.redirect
    assert redirect is not None
    assert not redirect.usual


@proves("distribution3", "manifests.negotiation")
def test_oci_is_for_those_who_name_it(wire: Wire) -> None:
    """handlers/manifests.go: to others it isn't there."""
    wire.put_image("a/b", "1")
    answer = wire.client.get("/v2/a/b/manifests/1", headers={"Accept": OCI_INDEX})
    assert (answer.status_code, error_code(answer)) == (404, "MANIFEST_UNKNOWN")


@proves("distribution3", "manifests.negotiation")
def test_a_docker_list_becomes_its_image_for_old_clients(wire: Wire) -> None:
    """handlers/manifests.go: schema 1 has gone, so that is all that is put in its place."""
    wire.put_blob("a/b", CONFIG)
    manifest = image_manifest(mediaType=DOCKER_MANIFEST)
    platform = {"os": "linux", "architecture": "amd64"}
    entry = describe(manifest, DOCKER_MANIFEST, platform=platform)
    listed = index_of(mediaType=DOCKER_INDEX, manifests=[entry])
    assert wire.put_manifest("a/b", "image", manifest, DOCKER_MANIFEST).is_success
    assert wire.put_manifest("a/b", "list", listed, DOCKER_INDEX).is_success
    old = wire.client.get("/v2/a/b/manifests/list", headers={"Accept": DOCKER_MANIFEST})
    assert old.content == manifest
    older = wire.client.get("/v2/a/b/manifests/list", headers={"Accept": "*/*"})
    assert (older.status_code, error_code(older)) == (400, "MANIFEST_INVALID")
    image = wire.client.get("/v2/a/b/manifests/image", headers={"Accept": "*/*"})
    assert image.content == manifest


@proves("distribution3", "listing.tags", "listing.catalog")
def test_pages_have_a_thousand_at_most(speaker: Scene, wire: Wire) -> None:
    """handlers/tags.go, catalog.go: of tags no more are sent, of repositories it is an error."""
    wire.put_image("a/b", "0")
    manifest = next(speaker.registry.store.manifests("a/b"))
    for number in range(1, 1002):
        speaker.registry.store.add_manifest("a/b", manifest, f"{number}")
    assert len(wire.client.get("/v2/a/b/tags/list").json()["tags"]) == 1002
    clamped = wire.client.get("/v2/a/b/tags/list?n=5000")
    assert len(clamped.json()["tags"]) == 1000
    assert clamped.headers["Link"].startswith("</v2/a/b/tags/list?n=1000&last=")
    answer = wire.client.get("/v2/_catalog?n=1001")
    assert (answer.status_code, error_code(answer)) == (400, "PAGINATION_NUMBER_INVALID")


@proves("distribution3", "listing.catalog")
def test_repositories_come_by_the_hundred(speaker: Scene, wire: Wire) -> None:
    """handlers/catalog.go: when nobody says how many."""
    wire.put_image("a/b", "0")
    manifest = next(speaker.registry.store.manifests("a/b"))
    for number in range(100):
        speaker.registry.store.add_manifest(f"a/{number:03}", manifest, "1")
    answer = wire.client.get("/v2/_catalog")
    assert len(answer.json()["repositories"]) == 100
    assert "Link" in answer.headers


@proves("distribution3", "absent", "headers")
def test_there_are_no_referrers(wire: Wire) -> None:
    """api/v2/descriptors.go: no route for them, and no word of a subject."""
    answer = wire.client.get(f"/v2/a/b/referrers/{UNKNOWN}")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    wire.put_blob("a/b", CONFIG)
    subject = {"mediaType": OCI_INDEX, "digest": UNKNOWN, "size": 7}
    stored = wire.put_manifest("a/b", "1", image_manifest(subject=subject))
    assert stored.status_code == 201
    assert "OCI-Subject" not in stored.headers


@proves("distribution3", "rewordings")
def test_its_codes_have_statuses_of_their_own(wire: Wire) -> None:
    """api/errcode/register.go: MANIFEST_BLOB_UNKNOWN is 400, BLOB_UPLOAD_INVALID 404."""
    answer = wire.put_manifest("a/b", "1", image_manifest())
    assert (answer.status_code, error_code(answer)) == (400, "MANIFEST_BLOB_UNKNOWN")
    answer = wire.patch(wire.begin("a/b"), b"x", Content_Range="bytes 0-0/1")
    assert (answer.status_code, error_code(answer)) == (404, "BLOB_UPLOAD_INVALID")
