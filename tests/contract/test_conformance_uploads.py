"""Every way to upload a blob, with either digest: taken, found, removed; and refused when wrong.

The published conformance suite of the distribution specification goes these ways; nothing here
is taken from it but what it asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from occystrap.oci.digest import Digest
from tests.contract.differences import Differs
from tests.support.wire import Wire, error_code

REPOSITORY, OTHER = "conformance/one", "conformance/two"
UPLOADS = f"/v2/{REPOSITORY}/blobs/uploads/"
CHUNK = 1024
CONTENT = bytes(range(256)) * 12
assert CHUNK * 2 < len(CONTENT) <= CHUNK * 3


def location_of(response: httpx.Response, status: int = 202) -> str:
    """Return where to go on."""
    assert response.status_code == status, response.text
    return response.headers["Location"]


def starts() -> Iterator[int]:
    """Go over the first bytes of the chunks."""
    return iter(range(0, len(CONTENT), CHUNK))


def chunk_from(start: int) -> tuple[bytes, str]:
    """Cut out a chunk, and write its Content-Range."""
    chunk = CONTENT[start : start + CHUNK]
    return chunk, f"{start}-{start + len(chunk) - 1}"


def at_once(wire: Wire, digest: Digest) -> httpx.Response:
    """One request."""
    return wire.client.post(UPLOADS, params={"digest": str(digest)}, content=CONTENT)


def begun_and_put(wire: Wire, digest: Digest) -> httpx.Response:
    """POST, and PUT with the content."""
    return wire.finish(wire.begin(REPOSITORY), digest, CONTENT)


def streamed(wire: Wire, digest: Digest) -> httpx.Response:
    """One PATCH of unknown length, and an empty PUT."""
    location = wire.begin(REPOSITORY)
    location = location_of(wire.client.patch(location, content=iter([CONTENT[:99], CONTENT[99:]])))
    return wire.finish(location, digest)


def in_one_chunk(wire: Wire, digest: Digest) -> httpx.Response:
    """One PATCH that says where it belongs."""
    location = wire.begin(REPOSITORY)
    whole = f"0-{len(CONTENT) - 1}"
    return wire.finish(location_of(wire.patch(location, CONTENT, Content_Range=whole)), digest)


def in_chunks(wire: Wire, digest: Digest) -> httpx.Response:
    """Three PATCHes, and an empty PUT."""
    location = wire.begin(REPOSITORY)
    for start in starts():
        chunk, span = chunk_from(start)
        response = wire.patch(location, chunk, Content_Range=span)
        assert response.headers["Range"] == f"0-{span.partition('-')[2]}"
        location = location_of(response)
    return wire.finish(location, digest)


def last_chunk_put(wire: Wire, digest: Digest) -> httpx.Response:
    """Two PATCHes, and a PUT with the third chunk."""
    location = wire.begin(REPOSITORY)
    *first, last = starts()
    for start in first:
        chunk, span = chunk_from(start)
        location = location_of(wire.patch(location, chunk, Content_Range=span))
    chunk, span = chunk_from(last)
    return wire.finish(location, digest, chunk, Content_Range=span)


def mounted(wire: Wire, digest: Digest) -> httpx.Response:
    """From another repository."""
    if digest == Digest.of(CONTENT, digest.algorithm):
        wire.put_blob(OTHER, CONTENT, digest.algorithm)
    return wire.client.post(UPLOADS, params={"mount": str(digest), "from": OTHER})


Way = Callable[[Wire, Digest], httpx.Response]
SENT: list[Way] = [at_once, begun_and_put, streamed, in_one_chunk, in_chunks, last_chunk_put]


@pytest.fixture(params=["sha256", "sha512"])
def digest(request: pytest.FixtureRequest) -> Digest:
    """The name of the content, by either algorithm."""
    return Digest.of(CONTENT, str(request.param))


@pytest.mark.parametrize("way", [*SENT, mounted])
def test_a_blob_comes_in_is_there_and_goes(
    wire: Wire, digest: Digest, way: Way, differs: Differs
) -> None:
    """Its Location leads to it; HEAD and GET find it; DELETE removes it, at once."""
    response = way(wire, digest)
    if way is at_once and response.status_code == 202:
        assert differs("single POST") == 202
        response = wire.finish(response.headers["Location"], digest, CONTENT)
    name = digest if differs("sha512 names a blob") else Digest.of(CONTENT)
    if way is mounted and name.algorithm != digest.algorithm:
        assert location_of(response, 201)  # though docker-registry finds nothing there
        return
    assert response.headers["Docker-Content-Digest"] == str(name)
    assert wire.client.get(location_of(response, 201)).content == CONTENT
    url = f"/v2/{REPOSITORY}/blobs/{digest}"
    head = wire.client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(CONTENT))
    assert head.headers["Docker-Content-Digest"] == str(name)
    assert wire.client.get(url).content == CONTENT
    assert wire.client.delete(url).status_code == 202
    assert wire.client.head(url).status_code == 404


@pytest.mark.parametrize("way", SENT)
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_of_another_digest_is_refused(
    wire: Wire, way: Way, algorithm: str, differs: Differs
) -> None:
    """400, and nothing is there."""
    wrong = Digest.of(b"other bytes", algorithm)
    response = way(wire, wrong)
    if way is at_once and response.status_code == 202:
        assert differs("single POST") == 202
        response = wire.finish(response.headers["Location"], wrong, CONTENT)
    assert (response.status_code, error_code(response)) == (400, "DIGEST_INVALID")
    assert wire.client.head(f"/v2/{REPOSITORY}/blobs/{wrong}").status_code == 404


@pytest.mark.parametrize("content", [b"", b"{}"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_blobs_that_everyone_has(wire: Wire, content: bytes, algorithm: str) -> None:
    """Nothing, and the empty document."""
    digest = wire.put_blob(REPOSITORY, content, algorithm)
    assert wire.get_blob(REPOSITORY, digest).content == content


def test_a_mount_of_what_is_not_there_is_an_upload(wire: Wire, digest: Digest) -> None:
    """202 in the repository that was asked, and the upload can be finished."""
    response = wire.client.post(UPLOADS, params={"mount": str(digest), "from": OTHER})
    location = location_of(response)
    assert httpx.URL(location).path.startswith(UPLOADS)
    assert wire.finish(location, digest, CONTENT).status_code == 201


@pytest.mark.parametrize("put_last", [False, True])
def test_chunks_out_of_order_do_no_harm(
    wire: Wire, digest: Digest, put_last: bool, differs: Differs
) -> None:
    """Before each chunk a wrong one is sent: 416, the state says where to go on, and it goes on."""
    if differs("chunk out of order") != 416:
        return  # what it takes is another blob; tests/contract/test_uploads.py has seen it
    location, last = wire.begin(REPOSITORY), max(starts())
    response = httpx.Response(500)
    for start in starts():
        wrong = start + CHUNK if start < last else 0
        chunk, span = chunk_from(wrong)
        final = put_last and wrong == last
        refused = (
            wire.finish(location, digest, chunk, Content_Range=span)
            if final
            else wire.patch(location, chunk, Content_Range=span)
        )
        assert (refused.status_code, error_code(refused)) == (416, "RANGE_INVALID")
        state = wire.client.get(location)
        assert state.headers["Range"] == f"0-{max(start - 1, 0)}"
        location = location_of(state, 204)
        chunk, span = chunk_from(start)
        if put_last and start == last:
            response = wire.finish(location, digest, chunk, Content_Range=span)
        else:
            response = wire.patch(location, chunk, Content_Range=span)
            location = location_of(response)
    if not put_last:
        response = wire.finish(location, digest)
    assert response.status_code == 201
    assert wire.get_blob(REPOSITORY, digest).content == CONTENT


def test_an_old_location_still_tells_the_state(wire: Wire, differs: Differs) -> None:
    """A chunk sent again is refused there, and GET leads on."""
    begun = wire.begin(REPOSITORY)
    chunk, span = chunk_from(0)
    location_of(wire.patch(begun, chunk, Content_Range=span))
    again = wire.patch(begun, chunk, Content_Range=span)
    assert again.status_code == differs("a chunk again, at an old location")
    if again.status_code == 404:
        return
    state = wire.client.get(begun)
    assert state.headers["Range"] == span
    assert wire.patch(location_of(state, 204), CONTENT[CHUNK:]).status_code == 202


def test_an_upload_is_given_up(wire: Wire) -> None:
    """204, and nobody knows it any more."""
    location = wire.begin(REPOSITORY)
    assert wire.client.delete(location).status_code == 204
    assert wire.client.get(location).status_code == 404
