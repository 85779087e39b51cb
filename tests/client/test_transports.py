"""How requests travel: paced, one exchange to a pool, and small ones apart from large ones."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from occystrap.client.limiter import RateLimiter
from occystrap.client.transports import LARGE, ByRoute, Exclusive, Paced
from tests.support.clock import FakeClock

URL = "https://registry.example/v2/"
DIGEST = f"sha256:{'0' * 64}"


class Body(httpx.SyncByteStream):
    """A body that can fail to close."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield two chunks."""
        yield b"a"
        yield b"b"

    def close(self) -> None:
        """Take note, or fail."""
        self.closed += 1
        if self.error is not None:
            raise self.error


class Inner(httpx.BaseTransport):
    """Answers with a body, or fails, and counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.close_error: Exception | None = None
        self.requests: list[httpx.Request] = []
        self.closed = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or fail."""
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return httpx.Response(200, stream=Body(self.close_error))

    def close(self) -> None:
        """Take note."""
        self.closed += 1


def test_every_request_takes_its_turn() -> None:
    """A redirect is a request, too."""
    clock = FakeClock()
    limiter = RateLimiter(2, clock=clock, sleep=clock.sleep)
    answers = [httpx.Response(302, headers={"Location": "/x"}), httpx.Response(200)]
    inner = httpx.MockTransport(lambda _: answers.pop(0))
    with httpx.Client(transport=Paced(inner, limiter), follow_redirects=True) as client:
        assert client.get(URL).status_code == 200
    assert clock.slept == [0.5]


def test_closing_closes_what_is_inside() -> None:
    """Each transport passes the end on."""
    inner, other = Inner(), Inner()
    Paced(inner, RateLimiter(1)).close()
    assert inner.closed == 1
    ByRoute(inner, other).close()
    assert (inner.closed, other.closed) == (2, 1)


class Pools:
    """Makes transports, and keeps them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.made: list[Inner] = []
        self.error = error

    def __call__(self) -> Inner:
        """Make one more."""
        self.made.append(Inner(self.error))
        return self.made[-1]


def test_one_request_after_the_other_shares_a_pool() -> None:
    """As soon as a body has been read, its pool is free."""
    pools = Pools()
    with httpx.Client(transport=Exclusive(pools)) as client:
        for _ in range(3):
            assert client.get(URL).content == b"ab"
    assert len(pools.made) == 1
    assert pools.made[0].closed == 1


def test_requests_at_once_have_a_pool_each() -> None:
    """While a body is on its way, nobody else uses its pool; the last one comes first."""
    pools = Pools()
    with httpx.Client(transport=Exclusive(pools)) as client:
        with client.stream("GET", URL), client.stream("GET", URL) as second:
            second.read()
            client.get(URL)
        client.get(URL)
    assert [len(inner.requests) for inner in pools.made] == [2, 2]
    assert [inner.closed for inner in pools.made] == [1, 1]


def test_a_failure_frees_the_pool() -> None:
    """A request that fails, or a body that doesn't close, costs no pool."""
    pools = Pools(httpx.ConnectError("refused"))
    exclusive = Exclusive(pools)
    with httpx.Client(transport=exclusive) as client:
        for _ in range(2):
            with pytest.raises(httpx.ConnectError):
                client.get(URL)
        pools.made[0].error = None
        pools.made[0].close_error = OSError("can't close")
        for _ in range(2):
            with pytest.raises(OSError, match="can't close"):
                client.get(URL)
    assert len(pools.made) == 1


def test_an_answer_that_outlives_the_client_comes_back_to_nothing() -> None:
    """What was closed isn't lent again, and closing twice is once."""
    pools = Pools()
    exclusive = Exclusive(pools)
    response = exclusive.handle_request(httpx.Request("GET", URL))
    assert isinstance(response.stream, httpx.SyncByteStream)
    exclusive.close()
    response.stream.close()
    response.stream.close()
    exclusive.handle_request(httpx.Request("GET", URL))
    assert len(pools.made) == 2


@pytest.mark.parametrize(
    ("method", "path", "large"),
    [
        ("GET", "/v2/", False),
        ("GET", "/v2/a/b/manifests/1", False),
        ("HEAD", f"/v2/a/manifests/{DIGEST}", False),
        ("GET", "/v2/a/tags/list?n=5", False),
        ("GET", f"/v2/a/referrers/{DIGEST}", False),
        ("GET", "/api/v1/repository?namespace=a", False),
        ("GET", "/token?scope=x", False),
        ("GET", "/v2/a/blobs/junk", False),
        ("GET", "/v2/A/manifests/1", False),
        ("GET", f"/v2/a/b/blobs/{DIGEST}", True),
        ("GET", f"/v2/a/b/blobs/{DIGEST}?ns=docker.io", True),
        ("HEAD", f"/v2/a/blobs/{DIGEST}", True),
        ("GET", "/v2/a/blobs/uploads/session", True),
        ("POST", "/v2/a/blobs/uploads/", True),
        ("PUT", "/v2/a/manifests/1", True),
        ("DELETE", "/v2/a/manifests/1", True),
    ],
)
def test_blobs_and_what_writes_go_apart(method: str, path: str, large: bool) -> None:
    """The route decides, whatever the host."""
    small_side, large_side = Inner(), Inner()
    with httpx.Client(transport=ByRoute(small_side, large_side)) as client:
        client.request(method, f"https://registry.example{path}")
    assert (len(small_side.requests), len(large_side.requests)) == (not large, large)


def test_a_request_can_say_that_it_is_large() -> None:
    """A blob behind a redirect has a URL that says nothing."""
    small_side, large_side = Inner(), Inner()
    with httpx.Client(transport=ByRoute(small_side, large_side)) as client:
        client.get("https://cdn.example/b?sig=1", extensions={LARGE: True})
    assert (len(small_side.requests), len(large_side.requests)) == (0, 1)
