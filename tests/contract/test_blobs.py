"""Blobs that are there: read, in parts too, and removed."""

from __future__ import annotations

import pytest

from occystrap.oci.digest import Digest
from tests.support.wire import Wire, error_code

CONTENT = bytes(range(256)) * 5000
MISSING = Digest.of(b"never pushed")


def test_a_blob_comes_back_as_it_was_pushed(wire: Wire) -> None:
    """The bytes, how many they are and how they hash."""
    digest = wire.put_blob("a/b", CONTENT)
    response = wire.get_blob("a/b", digest)
    assert response.status_code == 200
    assert response.content == CONTENT
    assert response.headers["Content-Length"] == str(len(CONTENT))
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Docker-Content-Digest"] == str(digest)
    assert response.headers["ETag"] == f'"{digest}"'
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_head_of_a_blob_is_get_without_the_body(wire: Wire) -> None:
    """HEAD shows the same headers."""
    digest = wire.put_blob("a/b", CONTENT)
    head, get = wire.client.head(f"/v2/a/b/blobs/{digest}"), wire.get_blob("a/b", digest)
    names = ("Content-Length", "Content-Type", "Docker-Content-Digest", "ETag")
    assert head.status_code == 200
    assert head.content == b""
    assert [head.headers[name] for name in names] == [get.headers[name] for name in names]


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_blob_that_is_not_there_is_unknown(wire: Wire, method: str) -> None:
    """404, and the code for those who can read a body."""
    wire.put_blob("a/b", CONTENT)
    response = wire.client.request(method, f"/v2/a/b/blobs/{MISSING}")
    assert response.status_code == 404
    if method != "HEAD":
        assert error_code(response) == "BLOB_UNKNOWN"


def test_a_blob_is_not_seen_from_another_repository(wire: Wire) -> None:
    """A registry has one store, but no repository sees another's blobs."""
    digest = wire.put_blob("a/b", CONTENT)
    assert wire.get_blob("a/c", digest).status_code == 404


def test_sha512_names_a_blob_as_well(wire: Wire) -> None:
    """The digest algorithm is the client's choice."""
    digest = wire.put_blob("a/b", CONTENT, "sha512")
    assert wire.get_blob("a/b", digest).content == CONTENT


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=1279990-", 1279990, 1279999),
        ("bytes=1279990-9999999", 1279990, 1279999),
        ("bytes=-5", 1279995, 1279999),
        ("bytes=-9999999", 0, 1279999),
    ],
)
def test_a_range_of_a_blob(wire: Wire, asked: str, first: int, last: int) -> None:
    """206 with the bytes and where they are from."""
    digest = wire.put_blob("a/b", CONTENT)
    response = wire.get_blob("a/b", digest, Range=asked)
    assert response.status_code == 206
    assert response.content == CONTENT[first : last + 1]
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert response.headers["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", [f"bytes={len(CONTENT)}-", "bytes=5000000-6000000"])
def test_a_range_behind_the_end_is_refused(wire: Wire, asked: str) -> None:
    """416 says how long the blob is."""
    digest = wire.put_blob("a/b", CONTENT)
    headers = {"Range": asked}
    # The body isn't looked at: docker-registry says the length of the blob and sends an error.
    with wire.client.stream("GET", f"/v2/a/b/blobs/{digest}", headers=headers) as response:
        assert response.status_code == 416
        assert response.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


def test_a_range_that_ends_before_it_begins_is_refused(wire: Wire) -> None:
    """416: there are no such bytes, wherever the blob ends."""
    digest = wire.put_blob("a/b", CONTENT)
    headers = {"Range": "bytes=500-0"}
    with wire.client.stream("GET", f"/v2/a/b/blobs/{digest}", headers=headers) as response:
        assert response.status_code == 416


def test_a_range_is_of_the_blob_that_is_meant(wire: Wire) -> None:
    """If-Range with another entity tag brings the whole blob."""
    digest = wire.put_blob("a/b", CONTENT)
    same = wire.get_blob("a/b", digest, Range="bytes=0-9", If_Range=f'"{digest}"')
    other = wire.get_blob("a/b", digest, Range="bytes=0-9", If_Range=f'"{MISSING}"')
    assert (same.status_code, other.status_code) == (206, 200)


def test_a_blob_that_the_client_has_is_not_sent(wire: Wire) -> None:
    """If-None-Match with its entity tag is answered 304."""
    digest = wire.put_blob("a/b", CONTENT)
    same = wire.get_blob("a/b", digest, If_None_Match=f'"x", "{digest}"')
    other = wire.get_blob("a/b", digest, If_None_Match='"x"')
    assert (same.status_code, other.status_code) == (304, 200)
    assert same.content == b""


def test_a_removed_blob_is_gone_from_that_repository_alone(wire: Wire) -> None:
    """202, then 404, and 200 elsewhere."""
    digest = wire.put_blob("a/b", CONTENT)
    wire.put_blob("a/c", CONTENT)
    assert wire.client.delete(f"/v2/a/b/blobs/{digest}").status_code == 202
    assert wire.get_blob("a/b", digest).status_code == 404
    assert wire.get_blob("a/c", digest).content == CONTENT
    assert wire.put_blob("a/b", CONTENT) == digest


def test_an_empty_blob(wire: Wire) -> None:
    """No bytes are content, too."""
    digest = wire.put_blob("a/b", b"")
    response = wire.get_blob("a/b", digest)
    assert (response.status_code, response.content) == (200, b"")
