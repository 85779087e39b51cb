"""A cassette at the fake registry: every way leads to it, with faults and clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from occystrap.errors import CassetteError
from pytest_occystrap import FakeRegistry, UnmatchedRequest
from pytest_occystrap.cassettes.files import save_cassette
from pytest_occystrap.cassettes.form import Cassette, Ending
from pytest_occystrap.faults import reset, status
from tests.support.recordings import HOST, digest_of, exchange, recording

LAYER = bytes(range(256)) * 1000
BLOB = f"/v2/app/blobs/{digest_of(LAYER)}"
BEARER = {"Authorization": "Bearer recorded"}
AUTH = "https://auth.example/token"
SIGNED = "https://storage.example/blob?X-Amz-Signature=gone"

#: A registry with its token endpoint and its storage on hosts of their own.
SPREAD = recording(
    exchange("GET /v2/", 401, answer={"WWW-Authenticate": f'Bearer realm="{AUTH}",service="r"'}),
    exchange(f"GET {AUTH}?service=r&scope=repository:app:pull", 200, b'{"token":"recorded"}'),
    exchange(f"GET {BLOB}", 307, headers=BEARER, answer={"Location": SIGNED}),
    exchange(f"GET {SIGNED}", 200, LAYER),
    exchange(
        "GET /v2/app/tags/list",
        200,
        b"{}",
        headers=BEARER,
        answer={"Link": f'<{HOST}/v2/app/tags/list?n=1>; rel="next"'},
    ),
)

Ways = Callable[[FakeRegistry], httpx.Client]


def over_tls(registry: FakeRegistry) -> httpx.Client:
    """Reach the TLS socket, over HTTP/2."""
    return httpx.Client(base_url=registry.https_url, verify=registry.ssl_context, http2=True)


def over_unix(registry: FakeRegistry) -> httpx.Client:
    """Reach the unix socket, under any name."""
    transport = httpx.HTTPTransport(uds=str(registry.socket_path))
    return httpx.Client(base_url="http://any.test", transport=transport)


WAYS: dict[str, Ways] = {
    "in process": lambda registry: httpx.Client(
        base_url="https://any.test", transport=registry.transport
    ),
    "http/1.1": lambda registry: httpx.Client(base_url=registry.url),
    "http/2": over_tls,
    "unix": over_unix,
}


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A fake registry."""
    with FakeRegistry() as registry:
        yield registry


@pytest.mark.parametrize("way", WAYS)
def test_every_host_is_reached_by_every_way(registry: FakeRegistry, way: str) -> None:
    """Locations, links and realms lead to what was recorded there, and never to where it was."""
    registry.replay(SPREAD)
    with WAYS[way](registry) as client:
        challenge = client.get("/v2/").headers["WWW-Authenticate"]
        realm = challenge.partition('realm="')[2].partition('"')[0]
        scope = {"service": "r", "scope": "repository:app:pull"}
        token = client.get(realm, params=scope).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        told = client.get(BLOB, headers=headers)
        assert client.get(told.headers["Location"]).content == LAYER
        link = client.get("/v2/app/tags/list", headers=headers).headers["Link"]
        assert link.startswith(f"<{client.base_url}".rstrip("/"))
    registry.assert_all_matched()
    assert len(registry.requests) == 5


def test_storage_is_a_part_of_its_own(registry: FakeRegistry) -> None:
    """Faults of storage strike it, and credentials that are sent there have leaked."""
    registry.replay(SPREAD)
    registry.fault(status(503), on="cdn")
    location = registry.client.get(BLOB, headers=BEARER).headers["Location"]
    assert [registry.client.get(location).status_code for _ in range(2)] == [503, 200]
    assert [each.part for each in registry.requests] == ["registry", "storage", "storage"]
    assert not registry.leaks
    with pytest.raises(UnmatchedRequest, match="it has a login of kind Bearer, not no login"):
        registry.client.get(location, headers=BEARER)
    assert registry.leaks


def test_a_client_from_before_reaches_the_cassette(registry: FakeRegistry) -> None:
    """Also over a socket that is open already."""
    registry.add_image("app:1")
    with httpx.Client(base_url=registry.url) as client:
        assert client.get("/v2/app/tags/list").json()["tags"] == ["1"]
        registry.replay(recording(exchange("GET /v2/app/tags/list", 200, b"[]")))
        assert client.get("/v2/app/tags/list").content == b"[]"


def test_faults_lie_over_a_cassette(registry: FakeRegistry) -> None:
    """At byte n, and the ledger notes it."""
    registry.replay(recording(exchange(f"GET {BLOB}", 200, LAYER)))
    registry.fault(reset(after=1000), on="GET blob")
    with pytest.raises(httpx.ReadError):
        registry.client.get(BLOB)
    assert registry.client.get(BLOB).content == LAYER
    assert registry.requests[0].response_bytes == 1000
    registry.assert_faults_struck()


def test_recorded_silence_moves_the_clock(registry: FakeRegistry) -> None:
    """Nobody waits for it in process."""
    registry.replay(recording(exchange(f"GET {BLOB}", None, ending=Ending.TIMEOUT)))
    before = registry.clock()
    with pytest.raises(httpx.ReadTimeout):
        registry.client.get(BLOB, timeout=30)
    assert registry.clock() - before == 30


@pytest.mark.parametrize(
    ("ending", "way", "error"),
    [
        (Ending.RESET, "http/1.1", httpx.ReadError),
        (Ending.RESET, "http/2", httpx.RemoteProtocolError),
        (Ending.CLOSED, "http/1.1", httpx.RemoteProtocolError),
        (Ending.TIMEOUT, "http/1.1", httpx.ReadTimeout),
        (Ending.TIMEOUT, "http/2", httpx.ReadTimeout),
        (Ending.REFUSED, "http/1.1", httpx.ReadError),
    ],
)
def test_recorded_failures_over_sockets(
    registry: FakeRegistry, ending: Ending, way: str, error: type[httpx.TransportError]
) -> None:
    """They are what a client meets whose registry does that."""
    registry.replay(recording(exchange(f"GET {BLOB}", None, ending=ending)))
    with WAYS[way](registry) as client, pytest.raises(error):
        client.get(BLOB, timeout=httpx.Timeout(5, read=0.1))


def test_over_a_socket_the_answer_tells_what_is_not_recorded(registry: FakeRegistry) -> None:
    """And the test fails at its end, though its client was content."""
    registry.replay(SPREAD)
    answer = httpx.get(f"{registry.url}/v2/other/tags/list")
    assert answer.status_code == 501
    assert "the path is /v2/other/tags/list" in answer.json()["errors"][0]["message"]
    with pytest.raises(AssertionError, match=r"GET /v2/other/tags/list\n .*nearest: #5 GET "):
        registry.assert_all_matched()


def test_what_need_not_match(registry: FakeRegistry) -> None:
    """It is answered alike, and no test fails."""
    replay = registry.replay(SPREAD, allow_unmatched=True)
    assert registry.client.get("/v2/other/tags/list").status_code == 501
    registry.assert_all_matched()
    assert len(replay.unmatched) == 1


def test_a_layer_is_streamed(registry: FakeRegistry, tmp_path: Path) -> None:
    """Its beginning is there before its end has been read, from the file that holds it."""
    layer = bytes(range(256)) * 40_000
    path = tmp_path / "cassettes" / "large.yaml"
    save_cassette(recording(exchange("GET /v2/app/blobs/x", 200, layer)), path)
    (blob,) = (path.parent / "blobs" / "sha256").iterdir()
    registry.replay(path)
    with registry.client.stream("GET", "/v2/app/blobs/x") as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        assert len(first) < len(layer) / 10
        with blob.open("r+b") as file:
            file.seek(len(layer) - 1)
            file.write(b"!")
        with pytest.raises(CassetteError, match="blobs/sha256"):
            list(pieces)


def test_threads_over_sockets(registry: FakeRegistry) -> None:
    """Many clients at once each get their own."""
    count = 20
    registry.replay(
        recording(*(exchange(f"GET /v2/app{n}/tags/list", 200, b"%d" % n) for n in range(count)))
    )
    found = dict[int, bytes]()

    def ask(number: int) -> None:
        found[number] = httpx.get(f"{registry.url}/v2/app{number}/tags/list").content

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: b"%d" % number for number in range(count)}


def test_cassettes_by_name(tmp_path: Path) -> None:
    """In the directory of the registry, several behind each other; a wrong name is told."""
    for name in ("quay/tags", "quay/pull"):
        cassette = recording(exchange(f"GET /v2/{name}/tags/list", 200, name.encode()))
        save_cassette(cassette, tmp_path / f"{name}.yaml")
    with FakeRegistry(cassettes=tmp_path) as registry:
        registry.replay("quay/tags", "quay/pull.yaml")
        for name in ("quay/tags", "quay/pull"):
            assert registry.client.get(f"/v2/{name}/tags/list").text == name
        with pytest.raises(CassetteError, match=r"no cassette 'quay/tag' .* mean 'quay/tags'\?"):
            registry.replay("quay/tag")
        with pytest.raises(CassetteError, match=r"there are quay/pull, quay/tags"):
            registry.replay("nothing")
        with pytest.raises(CassetteError, match="no cassette is named"):
            registry.replay()


def test_hosts_of_a_recording_are_led_to_it(registry: FakeRegistry) -> None:
    """All of them by name, but for this machine, which stays itself."""
    local = exchange("GET https://127.0.0.1:8443/v2/", 200)
    registry.replay(Cassette((*SPREAD.interactions, local)))
    assert registry.other_hosts == ("auth.example", "registry.example", "storage.example")


def test_an_unmatched_request_is_seen_where_it_is_made(registry: FakeRegistry) -> None:
    """In process it is an assertion."""
    registry.replay(SPREAD)
    with pytest.raises(UnmatchedRequest, match="nothing is recorded for\nGET /v2/other/tags/list"):
        registry.client.get("/v2/other/tags/list")
