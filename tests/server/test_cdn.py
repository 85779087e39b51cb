"""The CDN: signed URLs, what they are good for, and who is sent to them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from occystrap.client.registry import RegistryClient
from occystrap.oci.diagnostics import parse_diagnostics
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Descriptor
from occystrap.server.cdn import Cdn, RedirectBlobs
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.gate import BearerGate
from occystrap.server.hosts import Hosts
from occystrap.server.memory_store import MemoryStore
from occystrap.server.message import Handler, Request, Response
from occystrap.server.registry import Registry
from occystrap.server.signatures import AZURE, CLOUDFRONT, S3, SignatureStyle
from tests.support.clock import FakeClock
from tests.support.handlers import Front

CONTENT = bytes(range(256)) * 4
DIGEST = Digest.of(CONTENT)
BLOB = Descriptor.of(CONTENT, "application/octet-stream")
NOW = 1_700_000_000.5
STYLES = {"s3": S3, "cloudfront": CLOUDFRONT, "azure": AZURE}


@pytest.fixture
def clock() -> FakeClock:
    """The time that signatures are of."""
    return FakeClock(NOW)


@pytest.fixture
def store() -> MemoryStore:
    """A store that holds one blob in one repository."""
    made = MemoryStore()
    made.add_blob("a/b", DIGEST, CONTENT)
    return made


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest) -> SignatureStyle:
    """Each way to sign."""
    return STYLES[str(request.param)]


@pytest.fixture
def cdn(store: MemoryStore, clock: FakeClock, style: SignatureStyle) -> Cdn:
    """A CDN in front of the store."""
    return Cdn(store, clock=clock, style=style)


@pytest.fixture
def client(cdn: Cdn) -> Iterator[httpx.Client]:
    """A plain client of it."""
    with httpx.Client(transport=InProcessTransport(cdn), base_url="https://cdn.test") as made:
        yield made


def complaint(response: httpx.Response) -> tuple[int, str]:
    """Read the status and the code of an answer in XML."""
    assert response.headers["Content-Type"] == "application/xml"
    (diagnostic,) = parse_diagnostics(response.content)
    assert diagnostic.message
    return response.status_code, diagnostic.code


def test_a_signed_url_opens_a_blob(cdn: Cdn, client: httpx.Client) -> None:
    """All of it, or a part, as often as one likes; storage knows no digests of registries."""
    url = cdn.sign("a/b", DIGEST)
    response = client.get(url)
    assert (response.status_code, response.content) == (200, CONTENT)
    assert "Docker-Content-Digest" not in response.headers
    part = client.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(CONTENT)}"
    same = client.get(url, headers={"If-None-Match": response.headers["ETag"]})
    assert same.status_code == 304


def test_a_signature_ends(
    cdn: Cdn, client: httpx.Client, clock: FakeClock, style: SignatureStyle
) -> None:
    """At its second, and a new one opens again."""
    url = cdn.sign("a/b", DIGEST)
    clock.now = NOW // 1 + 600
    assert client.get(url).status_code == 200
    clock.now += 1
    assert complaint(client.get(url)) == (style.expired.status, style.expired.code)
    assert client.get(cdn.sign("a/b", DIGEST)).status_code == 200


@pytest.mark.parametrize("change", ["path", "parameter", "signature", "more", "method", "key"])
def test_a_changed_url_opens_nothing(
    cdn: Cdn, client: httpx.Client, store: MemoryStore, style: SignatureStyle, change: str
) -> None:
    """Whatever was changed, the signature is wrong."""
    store.add_blob("a/c", DIGEST, CONTENT)
    url = httpx.URL(cdn.sign("a/b", DIGEST))
    first = next(iter(url.params))
    changed = {
        "path": url.copy_with(path=url.path.replace("a/b", "a/c")),
        "parameter": url.copy_set_param(first, url.params[first] + "0"),
        "signature": url.copy_set_param(style.signature, "0" * 64),
        "more": url.copy_add_param("more", "1"),
        "key": httpx.URL(Cdn(store, style=style).sign("a/b", DIGEST)),
    }.get(change, url)
    response = client.request("PUT" if change == "method" else "GET", changed)
    assert complaint(response) == (style.wrong.status, style.wrong.code)


def test_the_order_of_parameters_is_nothing(cdn: Cdn, client: httpx.Client) -> None:
    """A client may sort them."""
    url = httpx.URL(cdn.sign("a/b", DIGEST))
    backwards = url.copy_with(params=list(reversed(url.params.multi_items())))
    assert backwards != url
    assert client.get(backwards).status_code == 200


def test_a_url_without_a_signature_opens_nothing(
    cdn: Cdn, client: httpx.Client, style: SignatureStyle
) -> None:
    """Be it the path of a blob or any other."""
    signed = httpx.URL(cdn.sign("a/b", DIGEST))
    for path in (signed.path, "/", "/blobs/", "/v2/"):
        assert complaint(client.get(path)) == (style.unsigned.status, style.unsigned.code)


def test_what_is_not_there_is_missing(
    cdn: Cdn, client: httpx.Client, store: MemoryStore, style: SignatureStyle
) -> None:
    """A blob may be removed while its URL is out."""
    url = cdn.sign("a/b", DIGEST)
    store.remove_blob("a/b", DIGEST)
    assert complaint(client.get(url)) == (style.missing.status, style.missing.code)


def test_a_range_that_is_not_there(cdn: Cdn, client: httpx.Client) -> None:
    """416, in the words of the service."""
    response = client.get(cdn.sign("a/b", DIGEST), headers={"Range": "bytes=9999-"})
    assert complaint(response) == (416, "InvalidRange")


def test_credentials_are_refused_and_written_down(
    cdn: Cdn, client: httpx.Client, style: SignatureStyle
) -> None:
    """400 as from S3 or Azure; what is kept says where it happened and holds no secret."""
    headers = {"Authorization": "Bearer s3cret"}
    response = client.get(cdn.sign("a/b", DIGEST), headers=headers)
    assert complaint(response) == (400, style.twice.code)
    (leak,) = cdn.violations
    assert str(leak).startswith("GET cdn.test/blobs/a/b/sha256/")
    assert str(leak).endswith(" brought Bearer credentials along")
    assert "s3cret" not in repr(cdn.violations)


@pytest.mark.parametrize(
    ("style", "parameters"),
    [
        (
            S3,
            {
                "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                "X-Amz-Credential": "AKIAFAKEFAKEFAKEFAKE/20231114/us-east-1/s3/aws4_request",
                "X-Amz-Date": "20231114T221320Z",
                "X-Amz-Expires": "90",
                "X-Amz-SignedHeaders": "host",
            },
        ),
        (CLOUDFRONT, {"Expires": "1700000090", "Key-Pair-Id": "KFAKEFAKEFAKE0"}),
        (
            AZURE,
            {
                "se": "2023-11-14T22:14:50Z",
                "sp": "r",
                "spr": "https",
                "sr": "b",
                "sv": "2018-03-28",
            },
        ),
    ],
    ids=["s3", "cloudfront", "azure"],
)
def test_urls_look_like_the_real_ones(
    store: MemoryStore, clock: FakeClock, style: SignatureStyle, parameters: dict[str, str]
) -> None:
    """The same parameters, of the same time; the same key makes the same URL."""
    first, second = (
        Cdn(store, clock=clock, lifetime=90, key=b"key", style=style).sign("a/b", DIGEST)
        for _ in range(2)
    )
    assert first == second
    found = dict(httpx.URL(first).params)
    assert len(found.pop(style.signature)) == 64
    assert found == parameters


def far_away(store: MemoryStore, clock: FakeClock, *, gate: bool = True) -> tuple[Handler, Cdn]:
    """Make a registry whose blobs are on another host."""
    cdn = Cdn(store, clock=clock)
    inner: Handler = RedirectBlobs(
        Registry(store), cdn, lambda request, signed: f"{request.scheme}://cdn.test{signed}"
    )
    return Hosts({"cdn.test": cdn}, BearerGate(inner) if gate else inner), cdn


def test_a_blob_that_is_there_is_elsewhere(store: MemoryStore, clock: FakeClock) -> None:
    """307 for GET, whatever range is asked for; HEAD is answered at home."""
    handler, cdn = far_away(store, clock, gate=False)
    transport = InProcessTransport(handler)
    with httpx.Client(transport=transport, base_url="http://registry.test") as client:
        for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=99999-"}):
            response = client.get(f"/v2/a/b/blobs/{DIGEST}", headers=headers)
            assert response.status_code == 307
            assert response.headers["Location"] == f"http://cdn.test{cdn.sign('a/b', DIGEST)}"
            assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
            assert "Temporary Redirect" in response.text
        head = client.head(f"/v2/a/b/blobs/{DIGEST}")
        assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(CONTENT)))
        assert client.get(f"/v2/a/b/blobs/{Digest.of(b'no')}").status_code == 404
        assert client.get("/v2/a/b/blobs/junk").status_code == 400
        assert client.get("/v2/a/b/tags/list").status_code == 200
        etag = {"If-None-Match": f'"{DIGEST}"'}
        assert client.get(f"/v2/a/b/blobs/{DIGEST}", headers=etag).status_code == 304
        assert client.delete(f"/v2/a/b/blobs/{DIGEST}").status_code == 202


def test_the_status_of_the_redirect_is_a_choice(store: MemoryStore) -> None:
    """Quay says 302."""
    handler = RedirectBlobs(Registry(store), Cdn(store), lambda _, url: url, status=302)
    with httpx.Client(transport=InProcessTransport(handler)) as client:
        response = client.get(f"http://registry.test/v2/a/b/blobs/{DIGEST}")
        assert (response.status_code, "Found" in response.text) == (302, True)


def test_our_client_follows_without_its_token(store: MemoryStore, clock: FakeClock) -> None:
    """It reads the blob on the other host, and leaks nothing."""
    handler, cdn = far_away(store, clock)
    with httpx.Client(transport=InProcessTransport(handler)) as http:
        client = RegistryClient("registry.test", client=http)
        assert client.read_blob("a/b", BLOB) == CONTENT
    assert cdn.violations == []


def test_a_client_that_leaks_is_caught(store: MemoryStore, clock: FakeClock) -> None:
    """One that sends its token wherever it is led gets the 400, and is on record."""
    handler, cdn = far_away(store, clock)
    with httpx.Client(transport=InProcessTransport(handler), base_url="http://r.test") as client:
        scope = {"scope": "repository:a/b:pull"}
        token = {"Authorization": f"Bearer {client.get('/token', params=scope).json()['token']}"}
        there = client.get(f"/v2/a/b/blobs/{DIGEST}", headers=token).headers["Location"]
        assert client.get(there, headers=token).status_code == 400
    assert len(cdn.violations) == 1


def test_a_signature_that_ended_is_no_end(store: MemoryStore, clock: FakeClock) -> None:
    """Our client goes back to the registry, which signs anew."""
    handler, _ = far_away(store, clock, gate=False)

    def late(request: Request, inner: Handler) -> Response:
        response = inner.handle(request)
        clock.now += 601
        return response

    front = Front(handler, {"GET blob": [late]})
    with httpx.Client(transport=InProcessTransport(front)) as http:
        client = RegistryClient("registry.test", client=http, secure=False)
        assert client.read_blob("a/b", BLOB) == CONTENT
    assert front.seen == ["GET blob", "GET other"] * 2


def test_two_hosts_on_one_socket(store: MemoryStore, clock: FakeClock) -> None:
    """The port is one, and the name in the URL makes it another origin."""
    cdn = Cdn(store, clock=clock)

    def elsewhere(request: object, signed: str) -> str:
        return f"http://localhost:{listener.host.rpartition(':')[2]}{signed}"

    redirecting = BearerGate(RedirectBlobs(Registry(store), cdn, elsewhere))
    with (
        serve(Hosts({"localhost": cdn}, redirecting)) as listener,
        RegistryClient(listener.host, secure=False) as client,
    ):
        assert client.read_blob("a/b", BLOB) == CONTENT
    assert cdn.violations == []
