"""The client that everything is handed: HTTP/2 where it pays, TLS as told, proxies as told."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

import occystrap
from occystrap.client.build import TLS, create_client, get_user_agent
from occystrap.client.limiter import RateLimiter
from occystrap.client.registry import RegistryClient
from occystrap.errors import CredentialsError, InvalidOption, TransportError
from occystrap.oci.manifest import Descriptor, Manifest, build_manifest
from occystrap.oci.media_types import OCI_CONFIG, OCI_LAYER, Family
from occystrap.server.doors.listener import Listener, serve
from occystrap.server.registry import Registry
from tests.support.tls_server import TlsServer, tls_server

CONFIG = Descriptor.of(b"{}", OCI_CONFIG)
LAYER = Descriptor.of(b"layer" * 1000, OCI_LAYER)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority that nobody trusts yet."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """The certificate of the authority."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[TlsServer]:
    """A registry that speaks HTTP/2 and HTTP/1.1 over TLS."""
    with tls_server(Registry(), authority) as running:
        yield running


@pytest.fixture
def plain() -> Iterator[Listener]:
    """A registry that speaks HTTP/1.1."""
    with serve(Registry()) as listener:
        yield listener


def push(client: RegistryClient) -> Manifest:
    """Push an image of one layer."""
    client.upload_blob("a", CONFIG, b"{}")
    client.upload_blob("a", LAYER, b"layer" * 1000)
    manifest = build_manifest(Family.OCI, CONFIG, [LAYER])
    client.put_manifest("a", "1", manifest)
    return manifest


def test_small_questions_use_http2_and_blobs_http1(server: TlsServer, ca_file: Path) -> None:
    """Manifests and tags share an HTTP/2 connection; blobs and whatever writes go the other way."""
    with (
        create_client(tls=TLS(ca_file)) as http,
        RegistryClient(server.host, client=http) as client,
    ):
        manifest = push(client)
        server.seen.clear()
        assert client.get_manifest("a", "1") == manifest
        assert list(client.tags("a")) == ["1"]
        assert client.find_manifest("a", "1") == manifest.digest
        assert client.read_blob("a", LAYER) == b"layer" * 1000
        assert not client.has_blob("a", Descriptor.of(b"no", OCI_LAYER).digest)
    assert [protocol for protocol, _, _ in server.seen] == ["h2"] * 3 + ["http/1.1"] * 2
    assert server.connections == {"h2": 1, "http/1.1": 1}


def test_without_http2_everything_is_http1(server: TlsServer, ca_file: Path) -> None:
    """`http2=False` doesn't even offer it."""
    with create_client(http2=False, tls=TLS(ca_file)) as client:
        response = client.get(f"https://{server.host}/v2/")
    assert response.http_version == "HTTP/1.1"
    assert set(server.connections) == {"http/1.1"}


def test_a_server_without_http2_is_spoken_to_all_the_same(
    authority: trustme.CA, ca_file: Path
) -> None:
    """HTTP/2 is an offer."""
    with (
        tls_server(Registry(), authority, protocols=("http/1.1",)) as server,
        create_client(tls=TLS(ca_file)) as client,
    ):
        assert client.get(f"https://{server.host}/v2/").http_version == "HTTP/1.1"


def test_many_threads_share_a_client(server: TlsServer, ca_file: Path) -> None:
    """Eight threads asking at once over HTTP/2 and HTTP/1.1 fail not once."""
    failures: list[BaseException] = []
    start = threading.Barrier(8)
    with (
        create_client(tls=TLS(ca_file)) as http,
        RegistryClient(server.host, client=http) as client,
    ):
        manifest = push(client)

        def work() -> None:
            try:
                start.wait(30)
                for _ in range(15):
                    assert client.get_manifest("a", "1") == manifest
                    assert client.read_blob("a", LAYER) == b"layer" * 1000
            except BaseException as error:  # noqa: BLE001 - handed to the test
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    assert {protocol for protocol, _, path in server.seen if "/blobs/" in path} == {"http/1.1"}
    assert server.connections["h2"] <= 8


def test_no_pool_changes_what_another_offers(
    server: TlsServer, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A context offers the same protocols for life: a blob's connection never becomes HTTP/2."""
    offered: dict[int, set[tuple[str, ...]]] = {}
    offer = ssl.SSLContext.set_alpn_protocols

    def note(context: ssl.SSLContext, protocols: list[str]) -> None:
        offered.setdefault(id(context), set()).add(tuple(protocols))
        offer(context, protocols)

    monkeypatch.setattr(ssl.SSLContext, "set_alpn_protocols", note)
    with create_client(tls=TLS(ca_file)) as client:
        client.get(f"https://{server.host}/v2/")
        client.post(f"https://{server.host}/v2/a/blobs/uploads/")
    assert sorted(map(len, offered.values())) == [1, 1]


def test_a_certificate_is_checked(server: TlsServer, ca_file: Path) -> None:
    """Whoever isn't trusted gets no request, until the CA is named or checks are turned off."""
    url = f"https://{server.host}/v2/"
    with create_client() as client, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY"):
        client.get(url)
    assert server.seen == []
    with create_client(tls=TLS(skip_verify=True)) as client:
        assert client.get(url).status_code == 200
    with create_client(tls=TLS(ca_file)) as client:
        assert client.get(url).status_code == 200
        other = url.replace("localhost", "127.0.0.1")
        with pytest.raises(httpx.ConnectError, match="IP address mismatch"):
            client.get(other)


def test_no_authority_is_loaded_for_what_goes_in_the_clear(
    plain: Listener, server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading CAs takes longer than a small pull; https loads them once a kind of connection."""
    made: list[TLS] = []
    context = TLS.context

    def counted(tls: TLS) -> ssl.SSLContext:
        made.append(tls)
        return context(tls)

    monkeypatch.setattr(TLS, "context", counted)
    with create_client(tls=TLS(skip_verify=True)) as client:
        for _ in range(2):
            assert client.get(f"{plain.url}/v2/").status_code == 200
            client.post(f"{plain.url}/v2/a/blobs/uploads/").raise_for_status()
        assert made == []
        for _ in range(2):
            assert client.get(f"https://{server.host}/v2/").status_code == 200
            client.post(f"https://{server.host}/v2/a/blobs/uploads/").raise_for_status()
    assert len(made) == 2


def test_an_untrusted_registry_is_an_error_that_helps(server: TlsServer) -> None:
    """What the user reads says why, and what to do."""
    with RegistryClient(server.host) as client, pytest.raises(TransportError) as caught:
        client.find_manifest("a", "1")
    assert "its TLS certificate is not trusted" in str(caught.value)
    assert "--ca-file" in str(caught.value)


def test_a_client_certificate_is_shown(
    authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    """A registry that wants one gets it, from a file for both or from two."""

    def demand(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)

    identity = authority.issue_cert("alice@example.org")
    both, certificate, key = (tmp_path / name for name in ("both.pem", "cert.pem", "key.pem"))
    identity.private_key_and_cert_chain_pem.write_to_path(str(both))
    identity.cert_chain_pems[0].write_to_path(str(certificate))
    identity.private_key_pem.write_to_path(str(key))
    with tls_server(Registry(), authority, prepare=demand) as server:
        for tls in (TLS(ca_file, both), TLS(ca_file, certificate, key)):
            with create_client(tls=tls) as client:
                assert client.get(f"https://{server.host}/v2/").status_code == 200
        with create_client(tls=TLS(ca_file)) as client, pytest.raises(httpx.TransportError):
            client.get(f"https://{server.host}/v2/")


def test_a_bad_tls_file_is_named(tmp_path: Path) -> None:
    """A file that isn't there, or holds something else, is an error that names it."""
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    for path in (junk, tmp_path / "absent.pem"):
        for tls in (TLS(ca_file=path), TLS(certificate=path)):
            with pytest.raises(CredentialsError, match=str(path)):
                create_client(tls=tls)


@pytest.mark.parametrize("http2", [True, False])
def test_no_answer_waits_for_another_to_end(plain: Listener, http2: bool) -> None:
    """An upload that is fed by a download must get its second connection, with any `-j`."""
    timeout = httpx.Timeout(30, pool=0.1)
    with create_client(http2, timeout=timeout) as client, contextlib.ExitStack() as answers:
        for _ in range(25):
            answers.enter_context(client.stream("POST", f"{plain.url}/v2/a/blobs/uploads/"))


def test_a_client_says_who_it_is(plain: Listener) -> None:
    """The name of the program, its version, and the system."""
    assert get_user_agent().startswith(f"occystrap/{occystrap.__version__} (")
    with create_client() as client:
        request = client.get(f"{plain.url}/v2/").request
    assert request.headers["User-Agent"] == get_user_agent()


def test_a_bare_client_is_returned() -> None:
    """An `httpx.Client`, never a tuple, that follows redirects and doesn't wait for ever."""
    with create_client() as client:
        assert type(client) is httpx.Client
        assert client.follow_redirects
        assert client.timeout == httpx.Timeout(30.0, connect=10.0)


def test_a_client_reads_no_environment(plain: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies come as arguments; those of the process are the command line's business."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with create_client() as client:
        assert client.get(f"{plain.url}/v2/").status_code == 200


def test_a_rate_limit_is_that_of_the_client(
    plain: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request waits for its turn, whichever pool it takes."""
    waited: list[float] = []
    monkeypatch.setattr(RateLimiter, "acquire", lambda limiter: waited.append(limiter.rate))
    for http2 in (True, False):
        with create_client(http2, 5) as client:
            client.get(f"{plain.url}/v2/")
            client.post(f"{plain.url}/v2/a/blobs/uploads/")
    assert waited == [5] * 4


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_limit_is_above_zero(rate: float) -> None:
    """Anything else is refused at once."""
    with pytest.raises(InvalidOption, match="rate limit"):
        create_client(rate_limit=rate)
