"""The direct way: which connections are kept."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from occystrap.client.direct import Direct
from occystrap.server.doors.listener import Listener, serve
from occystrap.server.doors.tls import shared_authority
from occystrap.server.message import Headers, Request, Response
from tests.support.clock import FakeClock
from tests.support.descriptors import open_files


class Greeted:
    """Counts connections, and answers in three pieces."""

    def __init__(self) -> None:
        self.connections = 0

    def greet(self, client: str) -> None:
        """Take note of a connection."""
        self.connections += 1

    def handle(self, request: Request) -> Response:
        """Read the request, and answer it."""
        for _ in request.body:
            pass
        return Response(200, Headers([("Content-Length", "300000")]), [bytes(100_000)] * 3)


@pytest.fixture
def greeted() -> Greeted:
    """Somebody who counts."""
    return Greeted()


@pytest.fixture
def server(greeted: Greeted) -> Iterator[Listener]:
    """A server that is asked."""
    with serve(greeted, greet=greeted.greet) as listener:
        yield listener


@pytest.fixture
def clock() -> FakeClock:
    """The time that connections are kept by."""
    return FakeClock()


@pytest.fixture
def client(clock: FakeClock) -> Iterator[httpx.Client]:
    """A client that asks directly."""
    transport = Direct(shared_authority().client_context, clock)
    with httpx.Client(transport=transport, timeout=20) as made:
        yield made


def test_one_request_after_the_other_shares_a_connection(
    server: Listener, greeted: Greeted, client: httpx.Client
) -> None:
    """Bodies up, bodies down, and none."""
    for method in ("GET", "PUT", "HEAD", "GET"):
        client.request(method, server.url, content=b"abc" if method == "PUT" else None)
    assert greeted.connections == 1


def test_requests_at_once_have_a_connection_each(
    server: Listener, greeted: Greeted, client: httpx.Client
) -> None:
    """An answer that is still on its way isn't waited for, and the last connection comes first."""
    with client.stream("GET", server.url), client.stream("GET", server.url) as second:
        second.read()
        client.get(server.url)
    assert greeted.connections == 2


def test_a_body_that_is_given_up_takes_its_connection_along(
    server: Listener, greeted: Greeted, client: httpx.Client
) -> None:
    """Nobody reads the rest of it."""
    with client.stream("GET", server.url):
        pass
    client.get(server.url)
    assert greeted.connections == 2


def test_a_connection_is_kept_for_five_seconds(
    server: Listener, greeted: Greeted, client: httpx.Client, clock: FakeClock
) -> None:
    """Servers close those that nobody uses, perhaps just when they are used again."""
    client.get(server.url)
    clock.now += 4.9
    client.get(server.url)
    clock.now += 5.1
    client.get(server.url)
    assert greeted.connections == 2


def test_a_connection_that_the_server_closed_is_not_used(
    greeted: Greeted, client: httpx.Client
) -> None:
    """The end is seen before anything is asked."""
    with serve(greeted, greet=greeted.greet) as first:
        address = "127.0.0.1", httpx.URL(first.url).port or 0
        client.get(first.url)
    with serve(greeted, address, greet=greeted.greet) as second:
        client.get(second.url)
    assert greeted.connections == 2


def test_twenty_connections_are_kept(
    server: Listener, greeted: Greeted, client: httpx.Client
) -> None:
    """There may be more at once; those that were used last stay."""

    def ask(count: int) -> None:
        questions = [client.build_request("GET", server.url) for _ in range(count)]
        answers = [client.send(question, stream=True) for question in questions]
        for answer in answers:
            answer.read()

    ask(25)
    assert greeted.connections == 25
    ask(25)
    assert greeted.connections == 30


def test_another_origin_has_another_connection(
    server: Listener, greeted: Greeted, client: httpx.Client
) -> None:
    """Host, port and scheme are one thing."""
    with serve(greeted, tls=shared_authority().server_context(), greet=greeted.greet) as tls:
        for url in (server.url, tls.url, server.url, tls.url):
            assert client.get(url).status_code == 200
    assert greeted.connections == 2


@pytest.mark.parametrize("secure", [False, True])
def test_closing_ends_what_is_in_use(greeted: Greeted, secure: bool) -> None:
    """Who reads on has an error; of answers that nobody closed nothing stays open, either."""
    before = sockets()
    context = shared_authority().server_context() if secure else None
    with serve(greeted, tls=context) as server:
        direct = Direct(shared_authority().client_context)
        first = direct.handle_request(httpx.Request("GET", server.url))
        second = direct.handle_request(httpx.Request("GET", server.url))
        second.read()
        direct.close()
        with pytest.raises(httpx.TransportError):
            first.read()
        direct.close()
        abandoned = Direct(shared_authority().client_context)
        abandoned.handle_request(httpx.Request("GET", server.url))
        abandoned.close()
    assert sockets() == before


def sockets() -> list[str]:
    """List the sockets that this process has open."""
    return [name for name in open_files() if name.startswith("socket:")]


@pytest.mark.parametrize("head", ["Content-Length: 9", "Transfer-Encoding: chunked", "X-No: end"])
@pytest.mark.parametrize("secure", [False, True])
def test_closing_wakes_who_waits(head: str, secure: bool) -> None:
    """With an error, also where the end of a connection is the end of a body."""
    authority = shared_authority()
    outcome: list[object] = []
    waits = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        direct = Direct(authority.client_context)

        def ask() -> None:
            url = f"http{'s' if secure else ''}://127.0.0.1:{listener.getsockname()[1]}/"
            try:
                response = direct.handle_request(httpx.Request("GET", url))
                waits.set()
                outcome.append(response.read())
            except httpx.ReadError as error:
                outcome.append(error)

        reader = threading.Thread(target=ask)
        reader.start()
        wire, _ = listener.accept()
        if secure:
            wire = authority.server_context(http2=False).wrap_socket(wire, server_side=True)
        with wire:
            wire.recv(9999)
            wire.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
            assert waits.wait(20)
            direct.close()
            reader.join(20)
            assert not reader.is_alive()
    assert [type(each) for each in outcome] == [httpx.ReadError]


def test_nothing_is_kept_once_it_is_closed(server: Listener, greeted: Greeted) -> None:
    """A thread that was still connecting has its answer, and leaves nothing open behind."""
    direct = Direct(shared_authority().client_context)
    direct.close()
    for count in (1, 2):
        response = direct.handle_request(httpx.Request("GET", server.url))
        assert response.read() == bytes(300_000)
        assert greeted.connections == count


def test_many_threads_ask_at_once(server: Listener, greeted: Greeted, client: httpx.Client) -> None:
    """Each has one connection, and nobody another's answer."""
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def work() -> None:
        try:
            start.wait(30)
            for _ in range(20):
                assert client.get(server.url).content == bytes(300_000)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert greeted.connections <= 8
