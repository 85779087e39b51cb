"""Uploads: in one request, in two, in chunks, mounted, asked about and given up."""

from __future__ import annotations

import httpx
import pytest

from occystrap.oci.digest import Digest
from tests.contract.differences import Differs
from tests.support.wire import Wire, error_code

CONTENT = bytes(range(256)) * 40
DIGEST = Digest.of(CONTENT)
FIRST, SECOND = CONTENT[:4000], CONTENT[4000:]


def span(start: int, content: bytes) -> str:
    """Write the Content-Range of a chunk."""
    return f"{start}-{start + len(content) - 1}"


def stored(wire: Wire) -> bool:
    """Say whether the blob is whole and there."""
    return wire.get_blob("a/b", DIGEST).content == CONTENT


def test_a_new_upload_says_where_to_go_on(wire: Wire) -> None:
    """202 with a location, a name and nothing received."""
    response = wire.client.post("/v2/a/b/blobs/uploads/")
    assert response.status_code == 202
    assert response.headers["Location"]
    assert response.headers["Docker-Upload-UUID"]
    assert response.headers["Range"] == "0-0"
    assert response.headers["Content-Length"] == "0"


def test_a_committed_upload_is_a_blob(wire: Wire) -> None:
    """201 with the place and the digest of the blob."""
    response = wire.finish(wire.begin("a/b"), DIGEST, CONTENT)
    assert response.status_code == 201
    assert response.headers["Docker-Content-Digest"] == str(DIGEST)
    location = httpx.URL(response.headers["Location"]).path
    assert location == f"/v2/a/b/blobs/{DIGEST}"
    assert stored(wire)


def test_chunks_are_put_together(wire: Wire) -> None:
    """Two chunks and an empty commit; each answer says how far it has come."""
    location = wire.begin("a/b")
    for start, chunk in ((0, FIRST), (len(FIRST), SECOND)):
        response = wire.patch(location, chunk, Content_Range=span(start, chunk))
        assert response.status_code == 202
        assert response.headers["Range"] == f"0-{start + len(chunk) - 1}"
        assert response.headers["Docker-Upload-UUID"]
        location = response.headers["Location"]
    assert wire.finish(location, DIGEST).status_code == 201
    assert stored(wire)


def test_the_last_chunk_may_come_with_the_commit(wire: Wire) -> None:
    """PUT takes what is missing."""
    location = wire.patch(wire.begin("a/b"), FIRST).headers["Location"]
    response = wire.finish(location, DIGEST, SECOND, Content_Range=span(len(FIRST), SECOND))
    assert response.status_code == 201
    assert stored(wire)


def test_a_chunk_of_unknown_length(wire: Wire) -> None:
    """Docker sends a layer as one chunked PATCH without a Content-Range."""
    pieces = (CONTENT[start : start + 1000] for start in range(0, len(CONTENT), 1000))
    response = wire.client.patch(wire.begin("a/b"), content=pieces)
    assert response.status_code == 202
    assert wire.finish(response.headers["Location"], DIGEST).status_code == 201
    assert stored(wire)


def test_a_blob_in_a_single_request(wire: Wire, differs: Differs) -> None:
    """POST with a digest is a whole upload, where it is understood."""
    response = wire.client.post(
        "/v2/a/b/blobs/uploads/", params={"digest": str(DIGEST)}, content=CONTENT
    )
    assert response.status_code == differs("single POST")
    if response.status_code == 201:
        assert stored(wire)


@pytest.mark.parametrize("start", [0, 3999, 4001, 9000])
def test_a_chunk_that_is_not_the_next_one_is_refused(
    wire: Wire, differs: Differs, start: int
) -> None:
    """416 says how far the upload has come, and it can go on from there."""
    location = wire.patch(wire.begin("a/b"), FIRST).headers["Location"]
    response = wire.patch(location, SECOND, Content_Range=span(start, SECOND))
    assert response.status_code == differs("chunk out of order")
    if response.status_code == 416:
        assert error_code(response) == "RANGE_INVALID"
        assert response.headers["Range"] == f"0-{len(FIRST) - 1}"
        location = response.headers["Location"]
        assert wire.finish(location, DIGEST, SECOND).status_code == 201


def test_the_last_chunk_has_to_be_the_next_one(wire: Wire, differs: Differs) -> None:
    """A commit is held against what came before, as a chunk is."""
    location = wire.patch(wire.begin("a/b"), FIRST).headers["Location"]
    response = wire.finish(location, DIGEST, SECOND, Content_Range=span(1, SECOND))
    assert response.status_code == differs("commit out of order")


def test_bytes_with_another_digest_are_refused(wire: Wire) -> None:
    """400 DIGEST_INVALID, and nothing is there under either name."""
    other = Digest.of(b"other")
    response = wire.finish(wire.begin("a/b"), other, CONTENT)
    assert response.status_code == 400
    assert error_code(response) == "DIGEST_INVALID"
    assert wire.get_blob("a/b", other).status_code == 404
    assert wire.get_blob("a/b", DIGEST).status_code == 404


def test_a_refused_upload_is_over(wire: Wire, differs: Differs) -> None:
    """After wrong bytes there is nothing to go on with."""
    location = wire.begin("a/b")
    assert wire.finish(location, Digest.of(b"other"), CONTENT).status_code == 400
    again = wire.finish(location, DIGEST, CONTENT)
    assert again.status_code == 404
    assert error_code(again) == differs("code of an upload that failed")


@pytest.mark.parametrize("digest", ["sha256:short", "md5:0123456789abcdef0123456789abcdef", "x"])
def test_what_is_no_digest_is_refused(wire: Wire, digest: str) -> None:
    """400 DIGEST_INVALID, and the upload goes on."""
    location = wire.begin("a/b")
    response = wire.finish(location, digest, CONTENT)
    assert response.status_code == 400
    assert error_code(response) == "DIGEST_INVALID"


def test_a_commit_needs_a_digest(wire: Wire) -> None:
    """400 DIGEST_INVALID without one."""
    response = wire.client.put(wire.begin("a/b"), content=CONTENT)
    assert response.status_code == 400
    assert error_code(response) == "DIGEST_INVALID"


def test_the_state_of_an_upload(wire: Wire) -> None:
    """GET of an upload says how far it has come."""
    location = wire.patch(wire.begin("a/b"), FIRST).headers["Location"]
    response = wire.client.get(location)
    assert response.status_code == 204
    assert response.headers["Range"] == "0-3999"
    assert response.headers["Docker-Upload-UUID"]
    assert wire.finish(response.headers["Location"], DIGEST, SECOND).status_code == 201


def test_a_cancelled_upload_is_unknown(wire: Wire) -> None:
    """DELETE ends an upload."""
    location = wire.begin("a/b")
    session = wire.client.get(location).headers["Docker-Upload-UUID"]
    cancelled = wire.client.delete(location)
    assert (cancelled.status_code, cancelled.headers["Docker-Upload-UUID"]) == (204, session)
    for response in (
        wire.client.get(location),
        wire.client.delete(location),
        wire.patch(location, CONTENT),
        wire.finish(location, DIGEST, CONTENT),
    ):
        assert response.status_code == 404
        assert error_code(response) == "BLOB_UPLOAD_UNKNOWN"


def test_a_finished_upload_is_unknown(wire: Wire) -> None:
    """A commit can't be said twice; the blob is there all the same."""
    location = wire.begin("a/b")
    assert wire.finish(location, DIGEST, CONTENT).status_code == 201
    assert wire.finish(location, DIGEST, CONTENT).status_code == 404
    assert stored(wire)


def test_an_upload_belongs_to_its_repository(wire: Wire) -> None:
    """It is unknown under another name."""
    location = wire.begin("a/b").replace("/a/b/", "/a/c/")
    assert wire.client.get(location).status_code == 404


def test_a_mounted_blob_is_there_without_an_upload(wire: Wire) -> None:
    """201 with the place of the blob in the new repository."""
    wire.put_blob("a/b", CONTENT)
    mount = {"mount": str(DIGEST), "from": "a/b"}
    response = wire.client.post("/v2/c/d/blobs/uploads/", params=mount)
    assert response.status_code == 201
    assert httpx.URL(response.headers["Location"]).path == f"/v2/c/d/blobs/{DIGEST}"
    assert response.headers["Docker-Content-Digest"] == str(DIGEST)
    assert wire.get_blob("c/d", DIGEST).content == CONTENT


@pytest.mark.parametrize(
    "mount",
    [
        {"mount": str(DIGEST), "from": "x/y"},
        {"mount": str(DIGEST), "from": "../a"},
        {"mount": str(DIGEST), "from": "A"},
        {"mount": str(DIGEST)},
    ],
)
def test_what_can_not_be_mounted_is_uploaded(wire: Wire, mount: dict[str, str]) -> None:
    """202 with an upload, whatever is wrong with the source."""
    wire.put_blob("a/b", CONTENT)
    response = wire.client.post("/v2/c/d/blobs/uploads/", params=mount)
    assert response.status_code == 202
    assert wire.get_blob("c/d", DIGEST).status_code == 404
    assert wire.finish(response.headers["Location"], DIGEST, CONTENT).status_code == 201


def test_pushing_what_is_there_changes_nothing(wire: Wire) -> None:
    """The same blob again is taken again."""
    assert wire.put_blob("a/b", CONTENT) == wire.put_blob("a/b", CONTENT)
    assert stored(wire)
