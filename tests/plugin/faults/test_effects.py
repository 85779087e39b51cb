"""Effects on answers: what a client meets, and what the registry has heard of it."""

from __future__ import annotations

import contextlib
import json
from email.utils import parsedate_to_datetime

import httpx
import pytest

from pytest_occystrap.exchange import Outcome
from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.images import FakeImage
from pytest_occystrap.plugin import MakeRegistry

MANIFEST, UPLOADS = "/v2/org/app/manifests/1", "/v2/org/app/blobs/uploads/"


@pytest.fixture
def image(registry: FakeRegistry) -> FakeImage:
    """An image that is `org/app:1` there."""
    return registry.add_image("org/app:1")


def push(registry: FakeRegistry, image: FakeImage, tag: str) -> httpx.Response:
    """Put the manifest of an image under another tag."""
    manifest = image.manifest
    headers = {"Content-Type": manifest.media_type}
    url = f"/v2/org/app/manifests/{tag}"
    return registry.client.put(url, content=manifest.raw, headers=headers)


@pytest.mark.parametrize(
    ("fault", "is_there"),
    [
        ("status 500", False),
        ("status 500 done=yes", True),
        ("status 200 body=kept", True),
        ("read_only", False),
        ("reset", False),
        ("close", False),
        ("refuse", False),
        ("garbage", False),
        ("reset_upload after=1", False),
        ("never_read", False),
        ("redirect_to https://x.invalid/", False),
        ("redirect_loop", False),
        ("stall", True),
        ("latency 1", True),
        ("goaway", False),
        ("h2_reset_stream", False),
        ("tls_stall", False),
        ("tls_bad_certificate", False),
        ("commit_then_drop_answer", True),
        ("hide_after_push", True),
        ("location missing", True),
        ("no_digest_header", True),
    ],
)
def test_whether_the_registry_has_done_it(
    registry: FakeRegistry, image: FakeImage, fault: str, is_there: bool
) -> None:
    """Whatever the client is told, a manifest was put or wasn't."""
    laid = registry.fault(fault, on="PUT manifest")
    with contextlib.suppress(httpx.TransportError):
        push(registry, image, "2")
    assert laid.struck == 1
    assert registry.tags("org/app") == (["1", "2"] if is_there else ["1"])
    (exchange,) = registry.requests
    assert exchange.faults == (str(laid),)


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "text"),
    [
        ("status 404", 404, "application/json", '"code":"BLOB_UNKNOWN"'),
        ("status 418", 418, "application/json", '"code":"UNKNOWN"'),
        ("status 403 code=TOOBUSY", 403, "application/json", '"code":"TOOBUSY"'),
        ("status 502 body=html", 502, "text/html", "<h1>502 Bad Gateway</h1>"),
        ("status 503 body=text", 503, "text/plain; charset=utf-8", "Service Unavailable\n"),
        ("status 503 body=xml", 503, "application/xml", "<Code>SlowDown</Code>"),
        ("status 599 body=text", 599, "text/plain; charset=utf-8", "Unknown\n"),
        ("status 500 body=none", 500, None, ""),
        ("status 204", 204, None, ""),
    ],
)
def test_how_errors_are_written(
    registry: FakeRegistry, fault: str, status: int, content_type: str | None, text: str
) -> None:
    """As JSON of the specification, or as those write them who stand in front."""
    registry.fault(fault)
    answer = registry.client.get("/v2/")
    assert (answer.status_code, answer.headers.get("Content-Type")) == (status, content_type)
    assert text.replace('":"', '": "') in answer.text.replace('":"', '": "')


def test_a_status_is_all_that_changes(registry: FakeRegistry, image: FakeImage) -> None:
    """The body and the headers are the registry's own."""
    usual = registry.client.get(MANIFEST)
    registry.fault("manifest: status 203 body=kept")
    answer = registry.client.get(MANIFEST)
    assert (answer.status_code, answer.content) == (203, image.manifest.raw)
    assert answer.headers == usual.headers


def test_when_to_come_again(registry: FakeRegistry) -> None:
    """In seconds, at a time of the registry's clock, or never mind."""
    told = []
    for later in ("3", "0.5", "0", "86400", "junk", "date", "date seconds=-60"):
        registry.fault(f"status 429 retry_after={later}")
        told.append(registry.client.get("/v2/").headers["Retry-After"])
    assert told[:5] == ["3", "0.5", "0", "86400", "a moment, please"]
    ahead = [parsedate_to_datetime(text).timestamp() - registry.clock() for text in told[5:]]
    assert ahead == pytest.approx([5, -60], abs=1)


@pytest.mark.parametrize(
    "fault",
    [
        "reset after={n}",
        "close after={n}",
        "stall at={n}",
        "truncate {n}",
        "corrupt {n}",
        "goaway after={n}",
        "goaway after={n} finish=yes",
        "h2_reset_stream after={n}",
        "wrong_length 0",
    ],
)
def test_a_byte_that_isnt_there(registry: FakeRegistry, image: FakeImage, fault: str) -> None:
    """Behind the last byte nothing is struck: the answer is whole, and the fault waits."""
    raw = image.manifest.raw
    laid = registry.fault(fault.format(n=len(raw)), on="manifest", allow_unused=True)
    answer = registry.client.get(MANIFEST)
    assert (answer.content, laid.struck) == (raw, 0)
    assert registry.requests[-1].faults == ()


@pytest.mark.parametrize(
    ("fault", "url", "method"),
    [
        ("truncate 0", MANIFEST, "HEAD"),
        ("empty", UPLOADS, "POST"),
        ("extra", UPLOADS, "POST"),
        ("swap_body", UPLOADS, "POST"),
        ("gzip_encode", UPLOADS, "POST"),
        ("slow 10", UPLOADS, "POST"),
        ("tls_no_close_notify", UPLOADS, "POST"),
        ("no_header X-Nothing", "/v2/", "GET"),
        ("no_digest_header", "/v2/", "GET"),
        ("wrong_digest_header", "/v2/", "GET"),
        ("location http", "/v2/", "GET"),
        ("challenge basic_first", "/v2/", "GET"),
        ("page_size_refused", "/v2/org/app/tags/list", "GET"),
        ("link_loop", "/v2/no/such/tags/list", "GET"),
        ("mount_error", UPLOADS, "POST"),
        ("read_only", "/v2/", "GET"),
        ("expire_token", "/v2/", "GET"),
        ("token_down", "/v2/", "GET"),
        ("expired_signature", "/v2/", "GET"),
        ("reset_upload", UPLOADS, "POST"),
        ("never_read", UPLOADS, "POST"),
        ("lose_upload", UPLOADS, "POST"),
        ("hide_after_push", "/v2/org/app/manifests/3", "PUT"),
    ],
)
def test_nothing_to_strike(
    registry: FakeRegistry, image: FakeImage, fault: str, url: str, method: str
) -> None:
    """Then all is as ever, and the fault waits for something that it can."""
    usual = registry.client.request(method, url)
    laid = registry.fault(fault, allow_unused=True)
    answer = registry.client.request(method, url)
    assert (answer.status_code, answer.headers.keys()) == (usual.status_code, usual.headers.keys())
    assert laid.struck == 0
    assert registry.requests[-1].outcome is Outcome.COMPLETE


def test_a_redirect_in_circles_loses_nothing(registry: FakeRegistry, image: FakeImage) -> None:
    """The query comes back, so that whoever follows long enough gets there."""
    registry.add_image("org/app:2")
    registry.fault("tags: redirect_loop times=3")
    answer = registry.client.get("/v2/org/app/tags/list?n=1&last=1", follow_redirects=True)
    assert answer.json()["tags"] == ["2"]
    assert len(answer.history) == 3


def test_pages_in_circles(registry: FakeRegistry, image: FakeImage) -> None:
    """A page names itself, or one on another host."""
    registry.add_image("org/app:2")
    registry.fault("tags: link_loop nth=2")
    registry.fault("tags: link_loop other_host nth=3")
    pages = [registry.client.get("/v2/org/app/tags/list?n=1").headers["Link"] for _ in range(4)]
    assert "last=1" in pages[0]
    assert pages[0] == pages[3]
    assert pages[1] == '</v2/org/app/tags/list?n=1>; rel="next"'
    assert pages[2] == '<https://elsewhere.invalid/v2/org/app/tags/list?n=1>; rel="next"'


def test_jitter(registry: FakeRegistry) -> None:
    """Around the mean, never before the answer, and the same in every run."""
    registry.fault("latency 1 jitter=3 times=50")
    waits = list[float]()
    for _ in range(50):
        began = registry.clock()
        registry.client.get("/v2/")
        waits.append(registry.clock() - began)
    assert min(waits) == 0
    assert 3 < max(waits) <= 4
    with FakeRegistry() as again:
        again.fault("latency 1 jitter=3")
        began = again.clock()
        again.client.get("/v2/")
        assert again.clock() - began == pytest.approx(waits[0], abs=1e-3)


@pytest.mark.anyio
async def test_in_process_without_threads_of_ones_own(registry: FakeRegistry) -> None:
    """Asynchronous clients meet the same."""
    registry.fault("ping: reset")
    registry.fault("ping: stall")
    with pytest.raises(httpx.ReadError):
        await registry.async_client.get("/v2/")
    with pytest.raises(httpx.ReadTimeout):
        await registry.async_client.get("/v2/")
    await registry.async_client.aclose()


@pytest.fixture
def anyio_backend() -> str:
    """The one that everybody has."""
    return "asyncio"


def test_nothing_of_a_fault_is_left_in_the_next_registry(make: MakeRegistry) -> None:
    """Each has its own plan."""
    first, second = make(), make()
    first.fault("status 500 times=0")
    assert [each.client.get("/v2/").status_code for each in (first, second)] == [500, 200]
    assert json.loads(first.client.get("/v2/").text)["errors"]
