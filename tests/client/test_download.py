"""Downloads: resumed, verified, and never longer or other than they should be."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.client.download import RemoteBlob
from occystrap.errors import APIException, DigestMismatch, SizeMismatch, TransportError
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Descriptor
from tests.support.clock import FakeClock
from tests.support.scripted import Script, Step, scripted_session

CONTENT = bytes(range(256)) * 40
URL = "https://registry.example/v2/a/blobs/x"


class Broken(httpx.SyncByteStream):
    """A body that breaks after its chunks."""

    def __init__(self, chunks: list[bytes], error: Exception | None) -> None:
        self.chunks = chunks
        self.error = error

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks, then fail."""
        yield from self.chunks
        if self.error is not None:
            raise self.error


def broken(data: bytes, status: int = 200, **headers: str) -> httpx.Response:
    """Make an answer whose connection is reset after some bytes."""
    stream = Broken([data], httpx.ReadError("reset"))
    return httpx.Response(status, headers=headers, stream=stream)


def partial(first: int, data: bytes, total: int = len(CONTENT)) -> httpx.Response:
    """Make the answer to a range."""
    span = f"bytes {first}-{first + len(data) - 1}/{total}"
    return httpx.Response(206, headers={"Content-Range": span}, content=data)


def blob(script: Script, *, content: bytes = CONTENT, retries: int = 3) -> RemoteBlob:
    """Name the blob under test."""
    session = scripted_session(script, retries=retries)
    descriptor = Descriptor("x/y", Digest.of(content), len(content))
    return RemoteBlob(session, None, URL, descriptor, "registry.example", "a")


def test_a_broken_download_goes_on_where_it_broke() -> None:
    """W-20: what has arrived isn't asked for again, and the whole is verified."""
    script = Script(broken(CONTENT[:1000]), partial(1000, CONTENT[1000:]))
    source = blob(script)
    assert source.size == len(CONTENT)
    assert b"".join(source.open()) == CONTENT
    assert "Range" not in script.requests[0].headers
    assert script.requests[1].headers["Range"] == "bytes=1000-"


def test_resuming_asks_the_registry_not_the_signed_url() -> None:
    """A signed URL may have expired: the registry is asked for a new redirect."""
    there = httpx.Response(307, headers={"Location": "https://cdn.example/b?sig=1"})
    script = Script(there, broken(CONTENT[:10]), there, partial(10, CONTENT[10:]))
    assert b"".join(blob(script).open()) == CONTENT
    assert [r.url.host for r in script.requests] == ["registry.example", "cdn.example"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(httpx.Response(200, content=CONTENT), id="whole"),
        pytest.param(partial(0, CONTENT), id="earlier range"),
        pytest.param(partial(500, CONTENT[500:]), id="some earlier range"),
    ],
)
def test_an_answer_that_starts_too_early_is_cut(answer: httpx.Response) -> None:
    """A registry that ignores the Range gives no byte twice."""
    script = Script(broken(CONTENT[:1000]), answer)
    assert b"".join(blob(script).open()) == CONTENT


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(httpx.Response(416), id="416"),
        pytest.param(httpx.Response(400), id="400"),
    ],
)
def test_a_refused_range_is_not_insisted_on(refusal: httpx.Response) -> None:
    """A registry that refuses ranges is asked for everything, and the known part skipped."""
    script = Script(broken(CONTENT[:1000]), refusal, httpx.Response(200, content=CONTENT))
    assert b"".join(blob(script).open()) == CONTENT
    assert "Range" not in script.requests[2].headers


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(partial(2000, CONTENT[2000:]), id="later range"),
        pytest.param(httpx.Response(206, content=CONTENT[1000:]), id="no Content-Range"),
        pytest.param(
            httpx.Response(206, headers={"Content-Range": f"bytes {'9' * 5000}-0/*"}),
            id="endless number",
        ),
    ],
)
def test_bytes_of_an_unknown_place_are_not_taken(answer: httpx.Response) -> None:
    """A 206 that isn't surely the range asked for is thrown away, and asked for again."""
    script = Script(broken(CONTENT[:1000]), answer, partial(1000, CONTENT[1000:]))
    assert b"".join(blob(script).open()) == CONTENT


def test_a_body_that_ends_early_without_an_error_goes_on() -> None:
    """Httpx raises nothing for several kinds of short body; the size tells."""
    script = Script(httpx.Response(200, content=CONTENT[:77]), partial(77, CONTENT[77:]))
    assert b"".join(blob(script).open()) == CONTENT


def test_an_empty_answer_is_a_short_one() -> None:
    """A 200 with nothing in it is tried again."""
    script = Script(httpx.Response(200), httpx.Response(200, content=CONTENT))
    assert b"".join(blob(script).open()) == CONTENT


def test_the_end_of_a_blob_can_be_had_alone() -> None:
    """Four bytes are asked for, and only an answer of exactly these is taken."""
    size = len(CONTENT)
    script = Script(partial(size - 4, CONTENT[-4:]))
    assert blob(script).read_end(4) == CONTENT[-4:]
    assert script.requests[0].headers["Range"] == f"bytes={size - 4}-{size - 1}"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=CONTENT),
        partial(len(CONTENT) - 5, CONTENT[-5:]),
        partial(len(CONTENT) - 4, CONTENT[-3:]),
        partial(len(CONTENT) - 4, CONTENT[-4:] + b"more"),
        httpx.Response(206, content=CONTENT[-4:]),
        httpx.Response(416),
        httpx.Response(404),
        httpx.Response(503),
    ],
    ids=["whole", "too early", "short", "long", "of no place", "refused", "missing", "busy"],
)
def test_an_end_that_cannot_be_had_is_none(answer: httpx.Response) -> None:
    """And nothing is asked a second time: it is a convenience."""
    script = Script(answer)
    assert blob(script).read_end(4) == b""
    assert len(script.requests) == 1


def test_corrupt_bytes_are_an_error_that_names_both_digests() -> None:
    """Bytes of the right number that hash to something else never pass."""
    other = bytes(len(CONTENT))
    with pytest.raises(DigestMismatch) as caught:
        list(blob(Script(httpx.Response(200, content=other))).open())
    assert caught.value.expected == str(Digest.of(CONTENT))
    assert caught.value.actual == str(Digest.of(other))


def test_a_body_that_is_too_long_is_an_error() -> None:
    """More bytes than the descriptor says are refused as they come."""
    with pytest.raises(SizeMismatch, match="at least"):
        list(blob(Script(httpx.Response(200, content=CONTENT + b"x"))).open())


def test_a_download_that_never_gets_on_gives_up() -> None:
    """N retries without progress are the end, and the error says how often it was tried."""
    script = Script(lambda _: broken(b""))
    with pytest.raises(TransportError, match="gave up after 3 attempts"):
        list(blob(script, retries=2).open())
    assert len(script.requests) == 3


def test_progress_renews_the_patience() -> None:
    """A connection that breaks every 2 MiB still gets a blob of any size through."""
    content = bytes(10 * 1024 * 1024)
    step = 2 * 1024 * 1024

    def serve(request: httpx.Request) -> httpx.Response:
        first = int(request.headers.get("Range", "bytes=0-")[6:-1])
        span = f"bytes {first}-{len(content) - 1}/{len(content)}"
        return broken(content[first : first + step], 206, **{"Content-Range": span})

    script = Script(serve)
    assert sum(map(len, blob(script, content=content, retries=1).open())) == len(content)
    assert len(script.requests) == 5


def test_a_missing_blob_is_an_error_at_once() -> None:
    """404 isn't tried again."""
    script = Script(httpx.Response(404))
    with pytest.raises(APIException, match="404 Not Found"):
        list(blob(script).open())
    assert len(script.requests) == 1


def test_a_trickle_counts_as_stalled() -> None:
    """A byte now and then keeps no download alive for ever."""
    clock = FakeClock()

    class Drip(httpx.SyncByteStream):
        """A byte every ten seconds."""

        def __iter__(self) -> Iterator[bytes]:
            """Yield the drops."""
            for _ in range(1000):
                clock.now += 10
                yield b"x"

    session = scripted_session(lambda _: httpx.Response(200, stream=Drip()), clock=clock, retries=0)
    descriptor = Descriptor("x/y", Digest.of(bytes(5000)), 5000)
    source = RemoteBlob(session, None, URL, descriptor, "registry.example", "a")
    with pytest.raises(TransportError, match="timed out"):
        list(source.open())


@given(st.lists(st.integers(0, len(CONTENT)), max_size=3))
def test_wherever_it_breaks_the_bytes_are_right(cuts: list[int]) -> None:
    """Cut at any places, the blob arrives whole, each byte once."""
    pending: list[int] = list(cuts)

    def serve(request: httpx.Request) -> httpx.Response:
        first = int(request.headers.get("Range", "bytes=0-")[6:-1])
        if not pending:
            return (
                partial(first, CONTENT[first:]) if first else httpx.Response(200, content=CONTENT)
            )
        last = max(first, pending.pop(0))
        span = {"Content-Range": f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}"}
        return broken(CONTENT[first:last], 206, **span)

    step: Step = serve
    assert b"".join(blob(Script(step)).open()) == CONTENT
