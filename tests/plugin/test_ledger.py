"""The ledger: what it notes, and that it changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from occystrap.oci.routes import Route, RouteKind
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.message import (
    CloseConnection,
    Handler,
    Headers,
    Request,
    ResetConnection,
    Response,
    Stall,
)
from occystrap.server.registry import Registry
from pytest_occystrap.exchange import Outcome, hostname
from pytest_occystrap.ledger import Ledger


class Scripted:
    """A handler that reads the request and answers with pieces, some of which are exceptions."""

    def __init__(self, *pieces: bytes | Exception, length: int | None = None) -> None:
        self.pieces = pieces
        self.length = length

    def handle(self, request: Request) -> Response:
        """Answer 200."""
        for _ in request.body:
            pass
        fields = [] if self.length is None else [("Content-Length", str(self.length))]
        return Response(200, Headers(fields), self.body())

    def body(self) -> Iterator[bytes]:
        """Go over the pieces."""
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


class Refusing:
    """A handler that raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def handle(self, request: Request) -> Response:
        """Raise."""
        raise self.error


def client_of(ledger: Ledger, handler: Handler) -> httpx.Client:
    """Make a client of a handler that is watched."""
    transport = InProcessTransport(ledger.watch(handler))
    return httpx.Client(transport=transport, base_url="https://registry.test")


def test_an_exchange_is_noted_whole() -> None:
    """Who asked what, over what, and what came back."""
    clock = iter(range(100))
    ledger = Ledger(clock=lambda: float(next(clock)))
    with client_of(ledger, Registry()) as client:
        response = client.get(
            "https://quay.io/v2/org/app/tags/list", params={"n": "5"}, headers={"X-Mine": "a"}
        )
    (exchange,) = ledger.exchanges
    assert (exchange.number, exchange.door, exchange.protocol) == (1, "in-process", "HTTP/1.1")
    assert (exchange.scheme, exchange.host, exchange.hostname) == ("https", "quay.io", "quay.io")
    assert (exchange.method, exchange.path) == ("GET", "/v2/org/app/tags/list")
    assert exchange.query == (("n", "5"),)
    assert exchange.parameter("n") == "5"
    assert exchange.parameter("last") is None
    assert exchange.route == Route(RouteKind.TAGS, "org/app")
    assert exchange.headers.get("x-mine") == "a"
    assert exchange.status == response.status_code == 404
    assert exchange.response_headers.get("content-length") == str(len(response.content))
    assert (exchange.request_bytes, exchange.response_bytes) == (0, len(response.content))
    assert (exchange.started, exchange.waited, exchange.seconds) == (1, 1, 2)
    assert [diagnostic.code for diagnostic in exchange.errors] == ["NAME_UNKNOWN"]
    assert exchange.outcome is Outcome.COMPLETE
    assert str(exchange) == "GET /v2/org/app/tags/list?n=5 -> 404"


def test_over_a_socket_the_client_has_an_address() -> None:
    """The door says where a request comes from."""
    ledger = Ledger()
    with serve(ledger.watch(Registry())) as listener:
        httpx.get(f"{listener.url}/v2/")
    (exchange,) = ledger.exchanges
    assert exchange.client.startswith("127.0.0.1:")
    assert exchange.host == listener.host
    assert exchange.hostname == "127.0.0.1"
    assert exchange.door == "http/1.1"


def test_bodies_are_counted() -> None:
    """What a client sends and what it gets, without their headers."""
    ledger = Ledger()
    with client_of(ledger, Scripted(b"abc", Stall(0), b"de", length=5)) as client:
        client.post("/", content=iter([b"12", b"345", b"6"]))
    (exchange,) = ledger.exchanges
    assert (exchange.request_bytes, exchange.response_bytes) == (6, 5)


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (Scripted(b"abc", length=3), Outcome.COMPLETE),
        (Scripted(b"abc"), Outcome.COMPLETE),
        (Scripted(b"abc", length=4), Outcome.CUT_SHORT),
        (Scripted(b"abc", CloseConnection()), Outcome.CUT_SHORT),
        (Scripted(b"abc", ResetConnection()), Outcome.RESET),
        (Refusing(ResetConnection()), Outcome.RESET),
        (Refusing(CloseConnection()), Outcome.CLOSED),
    ],
)
def test_how_an_exchange_ends(handler: Handler, outcome: Outcome) -> None:
    """Whatever the wire does to the client is noted, and done nevertheless."""
    ledger = Ledger()
    with client_of(ledger, handler) as client:
        if outcome is Outcome.COMPLETE:
            assert client.get("/").content == b"abc"
        else:
            with pytest.raises(httpx.TransportError):
                client.get("/")
    assert ledger.exchanges[0].outcome is outcome


def test_a_bug_of_a_handler_is_noted() -> None:
    """It reaches the caller as it is."""
    ledger = Ledger()
    with (
        client_of(ledger, Refusing(ZeroDivisionError("a bug"))) as client,
        pytest.raises(ZeroDivisionError),
    ):
        client.get("/")
    assert ledger.exchanges[0].outcome is Outcome.FAILED
    assert ledger.exchanges[0].status is None
    assert str(ledger.exchanges[0]) == "GET / -> failed in the registry"


def test_an_abandoned_answer_is_noted() -> None:
    """A client that reads a part and hangs up has abandoned it, with the bytes that it took."""
    ledger = Ledger()
    with (
        client_of(ledger, Scripted(b"abc", b"def", length=6)) as client,
        client.stream("GET", "/") as response,
    ):
        assert next(response.iter_raw()) == b"abc"
    assert ledger.exchanges[0].outcome is Outcome.ABANDONED
    assert ledger.exchanges[0].response_bytes == 3


def test_a_client_that_breaks_off_its_request_is_noted() -> None:
    """The body of a request that never ends whole is the client's doing."""

    def body() -> Iterator[bytes]:
        yield b"abc"
        raise OSError("gone")

    ledger = Ledger()
    with client_of(ledger, Scripted(b"")) as client, pytest.raises(OSError, match="gone"):
        client.post("/", content=body())
    assert ledger.exchanges[0].outcome is Outcome.ABANDONED
    assert ledger.exchanges[0].request_bytes == 3


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_an_answer_is_complete_before_its_last_byte_has_come(method: str) -> None:
    """A test that looks as soon as the client has everything sees a note that is complete."""
    ledger = Ledger()
    with (
        client_of(ledger, Scripted(b"abc", length=3)) as client,
        client.stream(method, "/") as response,
    ):
        for _ in response.iter_raw():
            assert ledger.exchanges[0].outcome is Outcome.COMPLETE
    assert ledger.exchanges[0].outcome is Outcome.COMPLETE


def test_an_exchange_under_way_is_there() -> None:
    """A note exists as soon as the request has come, and can be waited for."""
    inside, go_on = threading.Event(), threading.Event()

    class Waiting:
        def handle(self, request: Request) -> Response:
            inside.set()
            go_on.wait(10)
            return Response(204)

    ledger = Ledger()
    with client_of(ledger, Waiting()) as client:
        thread = threading.Thread(target=client.get, args=("/",))
        thread.start()
        assert inside.wait(10)
        (exchange,) = ledger.exchanges
        assert (exchange.status, exchange.outcome) == (None, Outcome.UNDER_WAY)
        with pytest.raises(TimeoutError, match="GET / -> under way"):
            ledger.settle(0.001)
        go_on.set()
        ledger.settle()
        thread.join()
    assert ledger.exchanges[0].status == 204


def test_numbers_go_on_after_clearing() -> None:
    """A test can forget its preparation."""
    ledger = Ledger()
    with client_of(ledger, Registry()) as client:
        client.get("/v2/")
        ledger.clear()
        client.get("/v2/")
    assert [exchange.number for exchange in ledger.exchanges] == [2]


def test_what_is_printed_holds_no_secret() -> None:
    """Headers and signed URLs are there as sent, but not in any repr."""
    ledger = Ledger()
    with client_of(ledger, Registry()) as client:
        client.get("/v2/?X-Amz-Signature=s3cret", headers={"Authorization": "Bearer s3cret"})
    (exchange,) = ledger.exchanges
    assert "s3cret" not in f"{exchange!r} {exchange} {exchange.target} {exchange.headers}"
    assert exchange.headers.get("Authorization") == "Bearer s3cret"
    assert exchange.parameter("X-Amz-Signature") == "s3cret"


def test_the_content_that_an_exchange_is_about() -> None:
    """A blob is known by its digest, on the registry and on a storage host alike."""
    hexadecimal = "0123456789abcdef" * 4
    ledger = Ledger()
    with client_of(ledger, Scripted(b"")) as client:
        client.get(f"/v2/app/blobs/sha256:{hexadecimal}")
        client.get(f"/storage/sha256/01/{hexadecimal}/data?X-Amz-Signature=x")
        client.put(f"/v2/app/blobs/uploads/session?digest=sha256:{hexadecimal}")
        client.get("/v2/app/manifests/latest")
        client.get(f"/{hexadecimal}0")
    digests = [exchange.digest for exchange in ledger.exchanges]
    assert digests == [f"sha256:{hexadecimal}"] * 3 + ["", ""]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Quay.io", "quay.io"),
        ("127.0.0.1:5000", "127.0.0.1"),
        ("[::1]:5000", "::1"),
        ("[::1]", "::1"),
    ],
)
def test_hosts_and_their_names(host: str, name: str) -> None:
    """The port goes, whatever kind of host it stands behind."""
    assert hostname(host) == name
