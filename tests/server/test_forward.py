"""Asking a live registry and passing its answer on: what goes through, and what changes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from occystrap.client.build import TLS, create_client
from occystrap.errors import InvalidOption
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.doors.tls import shared_authority
from occystrap.server.forward import Forward
from occystrap.server.message import Headers, Request, RequestAborted, Response
from tests.server.doors.scripts import Script, echo, text
from tests.server.doors.ways import WAYS, Way

Reach = Callable[[Script], httpx.Client]


@pytest.fixture(params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest) -> Way:
    """Each door in front of the proxy."""
    found: Way = request.param
    return found


@pytest.fixture
def reach(way: Way, tmp_path: Path) -> Iterator[Reach]:
    """Put a handler on a socket and a proxy before it; return a client of the proxy."""
    with contextlib.ExitStack() as stack:

        def reach(upstream: Script) -> httpx.Client:
            listener = stack.enter_context(serve(upstream))
            forward = stack.enter_context(Forward(listener.url))
            return stack.enter_context(way.to(forward, tmp_path))

        yield reach


@contextlib.contextmanager
def proxied(upstream: Script) -> Iterator[httpx.Client]:
    """Put a handler on a socket and a proxy before it in process; give its client."""
    with (
        serve(upstream) as listener,
        Forward(listener.url) as forward,
        httpx.Client(transport=InProcessTransport(forward)) as client,
    ):
        yield client


def test_the_registry_sees_what_the_client_sent(reach: Reach, way: Way) -> None:
    """Method, target letter by letter, headers in their order, body; only the host is its own."""
    upstream = Script(echo)
    client = reach(upstream)
    target = "/v2/../a%2fb//?sig=a+b%2f%2F&&x&e="
    fields = [("X-B", "1"), ("X-A", "a"), ("x-b", "2"), ("X-U", "\xe4")]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in fields]
    response = client.request(
        "PATCH",
        "/",
        content=b"abc",
        headers=[*raw, (b"Connection", b"keep-alive")],
        extensions={"target": target.encode()},
    )
    assert response.content == b"abc"
    (request,) = upstream.requests
    assert (request.method, request.target) == ("PATCH", target)
    assert request.headers.get("Content-Length") == "3"
    assert "Transfer-Encoding" not in request.headers
    assert request.host.startswith("127.0.0.1:")
    assert request.host != client.base_url.netloc.decode()
    kept = [(n.lower(), v) for n, v in request.headers if n.lower().startswith("x-")]
    assert kept == [(n.lower(), v) for n, v in fields]


def test_nothing_is_added(reach: Reach) -> None:
    """No header of the proxy's own client, nor a length where the client gave none."""
    upstream = Script(echo)
    client = reach(upstream)
    client.headers.clear()
    client.get("/v2/")
    assert [name.lower() for name, _ in upstream.requests[0].headers] == ["host"]


def test_the_client_sees_what_the_registry_said(reach: Reach) -> None:
    """Status, headers with duplicates, and the body as it is on the wire, not decoded."""
    fields = [
        ("X-B", "1"),
        ("Link", "</a>"),
        ("x-b", "\xe4"),
        ("Content-Encoding", "gzip"),
        ("Keep-Alive", "timeout=1"),
        ("Proxy-Authenticate", "Basic"),
        ("Content-Length", "8"),
    ]
    client = reach(Script(lambda _: Response(299, Headers(fields), (b"not ", b"gzip"))))
    with client.stream("GET", "/") as response:
        body = b"".join(response.iter_raw())
    assert (response.status_code, body) == (299, b"not gzip")
    seen = [(n.decode().lower(), v.decode("latin-1")) for n, v in response.headers.raw]
    dropped = ("keep-alive", "proxy-authenticate")
    assert seen == [(n.lower(), v) for n, v in fields if n.lower() not in dropped]


def test_bodies_of_unknown_length_go_both_ways(reach: Reach) -> None:
    """In chunks, to a registry that is told so."""
    upstream = Script(lambda request: Response(200, Headers(), request.body))
    response = reach(upstream).put("/", content=iter([b"ab", b"c"] * 1000))
    assert response.content == b"abc" * 1000
    assert "Content-Length" not in response.headers
    assert upstream.requests[0].headers.get("Transfer-Encoding") == "chunked"


def test_a_post_without_a_body_says_so(reach: Reach) -> None:
    """HTTP/2 needn't, but a server of HTTP/1.1 may answer 411."""
    upstream = Script(echo)
    client = reach(upstream)
    assert client.post("/v2/a/blobs/uploads/", headers={"Content-Length": "0"}).content == b""
    assert upstream.requests[0].headers.get("Content-Length") == "0"


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("HEAD", 404), ("GET", 204), ("GET", 304), ("PUT", 204)]
)
def test_answers_without_a_body(reach: Reach, method: str, status: int) -> None:
    """They end at once, tell the length that there would be, and the connection is used again."""
    length = Headers() if status == 204 else Headers({"Content-Length": "12345"})
    upstream = Script(lambda _: Response(status, length, ()))
    client = reach(upstream)
    for _ in range(3):
        response = client.request(method, "/", timeout=10)
        assert (response.status_code, response.content) == (status, b"")
        if method == "HEAD":
            assert response.headers["Content-Length"] == "12345"
    assert len({request.client for request in upstream.requests}) == 1


def test_redirects_are_not_followed() -> None:
    """Nor are cookies kept and sent again, nor is a 401 answered."""
    answers = iter(
        [
            Response(307, Headers({"Location": "/b", "Set-Cookie": "a=b", "Content-Length": "0"})),
            Response(401, Headers({"WWW-Authenticate": "Basic", "Content-Length": "0"})),
        ]
    )
    upstream = Script(lambda _: next(answers))
    with (
        serve(upstream) as listener,
        create_client(http2=False) as own,
        Forward(listener.url, client=own) as forward,
    ):
        own.cookies.set("c", "d", "127.0.0.1")
        own.headers["X-Own"] = "1"
        own.auth = ("alice", "secret")
        first, second = (forward.handle(Request("GET", "/a", host="proxy")) for _ in range(2))
        assert (first.status, first.headers.get("Location")) == (307, "/b")
        assert first.headers.get("Set-Cookie") == "a=b"
        assert second.status == 401
    for request in upstream.requests:
        assert [name for name, _ in request.headers] == ["Host"]


def test_a_client_that_is_handed_in_stays_open() -> None:
    """One that was made is closed."""
    with serve(Script(lambda _: text(b"ok"))) as listener, httpx.Client() as client:
        with Forward(listener.url, client=client) as forward:
            forward.handle(Request("GET", "/")).close()
        assert client.get(listener.url).content == b"ok"
        with Forward(listener.url) as forward:
            forward.handle(Request("GET", "/")).close()
        with pytest.raises(RuntimeError, match="closed"):
            forward.handle(Request("GET", "/"))


def test_a_mocked_client_will_do() -> None:
    """Its answers have been read before, and are passed on undecoded all the same."""
    mock = httpx.MockTransport(lambda request: httpx.Response(200, text=str(request.url)))
    with httpx.Client(transport=mock) as client, Forward("https://r.test", client=client) as up:
        response = up.handle(Request("GET", "/v2/", (("n", "1"),)))
        assert b"".join(response.body) == b"https://r.test/v2/?n=1"


def test_tls_to_the_registry() -> None:
    """It is trusted by the CA that the proxy is told of."""
    context = shared_authority().server_context()
    with serve(Script(lambda _: text(b"ok")), tls=context) as listener:
        with Forward(listener.url, tls=TLS(ca_file=shared_authority().ca_file)) as forward:
            assert b"".join(forward.handle(Request("GET", "/v2/")).body) == b"ok"
        with Forward(listener.url) as forward:
            response = forward.handle(Request("GET", "/v2/"))
            assert response.status == 502
            assert b"not trusted" in b"".join(response.body)


def test_an_answer_that_nobody_wants_is_let_go() -> None:
    """The registry is told by the end of the connection."""
    closed = threading.Event()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(10_000)
        finally:
            closed.set()

    with proxied(Script(lambda _: Response(200, Headers(), endless()))) as client:
        with client.stream("GET", "http://proxy/") as response:
            next(response.iter_raw())
        assert closed.wait(20)


def test_a_request_that_breaks_off_is_broken_off() -> None:
    """The registry never takes the half of a body for a whole one."""
    told: list[object] = []
    done = threading.Event()

    def read(request: Request) -> Response:
        try:
            told.append(b"".join(request.body))
        except RequestAborted as error:
            told.append(error)
        done.set()
        return text(b"")

    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise RequestAborted("the client is gone")

    for fields in ({"Content-Length": "5"}, {"Transfer-Encoding": "chunked"}):
        told.clear()
        done.clear()
        with serve(Script(read)) as listener, Forward(listener.url) as forward:
            request = Request("PUT", "/", headers=Headers(fields), body=broken())
            with pytest.raises(RequestAborted, match="the client is gone"):
                forward.handle(request)
            assert done.wait(20)
        assert [type(what) for what in told] == [RequestAborted]


def test_the_door_asks_for_a_body_that_the_client_holds_back(tmp_path: Path) -> None:
    """What Expect says is between the client and the door; the registry never sees it."""
    upstream = Script(echo)
    with serve(upstream) as up, Forward(up.url) as forward:
        for way in WAYS:
            with way.to(forward, tmp_path) as client:
                fields = {"Expect": "100-continue"}
                assert client.put("/", content=b"abc", headers=fields).content == b"abc"
    assert len(upstream.requests) == len(WAYS)
    assert all("Expect" not in request.headers for request in upstream.requests)


def test_an_early_refusal_reaches_the_client(reach: Reach) -> None:
    """The registry needn't read what it doesn't want."""
    response = reach(Script(lambda _: text(b"too big", 413))).put(
        "/", content=iter([bytes(10_000)] * 300)
    )
    assert (response.status_code, response.content) == (413, b"too big")


@pytest.mark.parametrize(
    "url", ["", "registry.example", "ftp://a", "https://a/v2/", "https://u:p@a", "https://a:70000"]
)
def test_a_registry_is_an_origin(url: str) -> None:
    """Else it is refused, without showing a password."""
    with pytest.raises(InvalidOption, match="not a registry to ask") as error:
        Forward(url)
    assert "u:p" not in str(error.value)


def test_other_origins_are_one_of_two_words() -> None:
    """The message lists them."""
    with pytest.raises(InvalidOption, match="pass, through"):
        Forward("https://a", other_origins="proxy")  # type: ignore[arg-type]
