"""Pushing blobs to Distribution 2.8: the dialect and docker-registry answer the same."""

from __future__ import annotations

import re

import pytest

from occystrap.oci.digest import Digest
from tests.support.dialects import proves
from tests.support.wire import Wire, error_code

UNKNOWN = f"sha256:{'0' * 64}"
TEXT = "text/plain; charset=utf-8"


@pytest.fixture
def wire(distribution2: Wire) -> Wire:
    """The dialect, and the registry that it is taken from."""
    return distribution2


@proves("distribution2", "uploads.absolute", "uploads.state")
def test_an_upload_goes_on_at_an_absolute_location_that_changes(wire: Wire) -> None:
    """Each answer names the host that was asked, and a state that is good once."""
    begun = wire.begin("a/b")
    assert re.fullmatch(rf"{wire.client.base_url}/v2/a/b/blobs/uploads/[-\w]+\?_state=.+", begun)
    answer = wire.patch(begun, b"12345")
    assert (answer.status_code, answer.headers["Range"]) == (202, "0-4")
    assert answer.headers["Location"] != begun
    status = wire.client.get(answer.headers["Location"])
    assert (status.status_code, status.headers["Range"]) == (204, "0-4")
    created = wire.finish(status.headers["Location"], Digest.of(b"12345"))
    blob = f"{wire.client.base_url}/v2/a/b/blobs/{Digest.of(b'12345')}"
    assert (created.status_code, created.headers["Location"]) == (201, blob)


@proves("distribution2", "uploads.stale_state")
def test_the_location_of_an_earlier_answer_is_no_good(wire: Wire) -> None:
    """And neither is one without its state."""
    begun = wire.begin("a/b")
    newest = wire.patch(begun, b"12345").headers["Location"]
    bare = begun.partition("?")[0]
    for stale in (begun, bare, f"{bare}?_state=e30%3D", f"{bare}?_state=x"):
        answer = wire.patch(stale, b"6789")
        assert (answer.status_code, error_code(answer)) == (404, "BLOB_UPLOAD_INVALID")
    assert wire.patch(newest, b"6789").headers["Range"] == "0-8"


@proves("distribution2", "uploads.ranges", "uploads.checks_last_range")
def test_nobody_looks_where_a_chunk_belongs(wire: Wire) -> None:
    """A chunk is the next one, whatever its Content-Range says."""
    answer = wire.patch(wire.begin("a/b"), b"12345", Content_Range="7-11")
    assert (answer.status_code, answer.headers["Range"]) == (202, "0-4")
    digest = Digest.of(b"1234567")
    assert wire.finish(answer.headers["Location"], digest, b"67", Content_Range="0-1").is_success


@proves("distribution2", "uploads.octet_stream_only")
def test_a_chunk_of_another_type_is_an_unknown_error(wire: Wire) -> None:
    """Its type is application/octet-stream, or isn't said."""
    answer = wire.patch(wire.begin("a/b"), b"x", Content_Type="text/plain")
    assert (answer.status_code, error_code(answer)) == (500, "UNKNOWN")
    good = wire.patch(wire.begin("a/b"), b"x", Content_Type="application/octet-stream")
    assert good.status_code == 202


@proves("distribution2", "uploads.single_post")
def test_a_blob_is_never_taken_by_post_alone(wire: Wire) -> None:
    """The digest is overlooked, and an upload begun."""
    digest = Digest.of(b"x")
    answer = wire.client.post(f"/v2/a/b/blobs/uploads/?digest={digest}", content=b"x")
    assert (answer.status_code, answer.headers["Range"]) == (202, "0-0")
    assert wire.finish(answer.headers["Location"], digest, b"x").status_code == 201


@proves("distribution2", "uploads.head", "uploads.lenient_mounts")
def test_uploads_take_more_than_they_have_to(wire: Wire) -> None:
    """HEAD as GET, and a mount that can't be meant."""
    head = wire.client.head(wire.begin("a/b"))
    assert (head.status_code, head.headers["Range"]) == (204, "0-0")
    for mount, source in (("x", "a/b"), (UNKNOWN, "UPPER"), ("sha256:short", "a/b")):
        params = {"mount": mount, "from": source}
        answer = wire.client.post("/v2/a/c/blobs/uploads/", params=params)
        assert (answer.status_code, answer.headers["Range"]) == (202, "0-0")


@proves("distribution2", "uploads.keeps_refused")
def test_an_upload_outlives_the_wrong_digest(wire: Wire) -> None:
    """What came with it stays, too; and then the place of before is an old one."""
    place = wire.patch(wire.begin("a/b"), b"123").headers["Location"]
    for digest in (UNKNOWN, f"sha512:{'0' * 128}", "x"):
        refused = wire.finish(place, digest)
        assert (refused.status_code, error_code(refused)) == (400, "DIGEST_INVALID")
        assert wire.client.get(place).headers["Range"] == "0-2"
    assert wire.finish(place, UNKNOWN, b"45").status_code == 400
    stale = wire.client.get(place)
    assert (stale.status_code, error_code(stale)) == (404, "BLOB_UPLOAD_INVALID")
    other = wire.patch(wire.begin("a/b"), b"123").headers["Location"]
    assert wire.finish(other, UNKNOWN).status_code == 400
    assert wire.finish(other, Digest.of(b"12345"), b"45").status_code == 201
    assert wire.get_blob("a/b", Digest.of(b"12345")).content == b"12345"


@proves("distribution2", "uploads.state")
def test_an_upload_of_another_repository_is_invalid(wire: Wire) -> None:
    """What makes its location good names the repository; and there it is as good as before."""
    begun = wire.begin("a/b")
    elsewhere = wire.patch(begun.replace("/v2/a/b/", "/v2/a/c/"), b"123")
    assert (elsewhere.status_code, error_code(elsewhere)) == (404, "BLOB_UPLOAD_INVALID")
    assert wire.finish(begun, Digest.of(b"123"), b"123").status_code == 201
