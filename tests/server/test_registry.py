"""The registry as a Handler, beyond what the contract says of every registry."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from occystrap.oci import media_types
from occystrap.oci.digest import Digest
from occystrap.oci.routes import METHODS, Route, RouteKind
from occystrap.server.directory_store import DirectoryStore
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.message import Headers, Request, RequestAborted
from occystrap.server.registry import Registry
from occystrap.server.store import Store
from tests.support.wire import CONFIG, Wire, error_code, image_manifest

CONTENT = bytes(range(256)) * 40
DIGEST = Digest.of(CONTENT)
ITEMS = {
    RouteKind.MANIFEST: "v1",
    RouteKind.BLOB: str(DIGEST),
    RouteKind.UPLOAD: "session",
    RouteKind.REFERRERS: str(DIGEST),
}


@pytest.fixture
def wire(store: Store) -> Wire:
    """A registry in process."""
    transport = InProcessTransport(Registry(store))
    return Wire(httpx.Client(base_url="http://registry.test", transport=transport))


@pytest.mark.parametrize("kind", RouteKind)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_of_the_specification_is_answered(kind: RouteKind, method: str) -> None:
    """And every other is refused, saying which there are."""
    has_name = kind not in (RouteKind.PING, RouteKind.CATALOG)
    route = Route(kind, "a/b" if has_name else "", ITEMS.get(kind, ""))
    response = Registry().handle(Request(method, route.path))
    assert response.headers.get("Docker-Distribution-Api-Version") == "registry/2.0"
    if method in METHODS[kind]:
        assert response.status != 405
        assert response.headers.get("Allow") is None
    else:
        assert response.status == 405
        assert response.headers.get("Allow") == ", ".join(METHODS[kind])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/elsewhere", 404, "UNSUPPORTED"),
        ("GET", "/v2/A/tags/list", 400, "NAME_INVALID"),
        ("GET", "/v2/a%2F..%2Fb/tags/list", 400, "NAME_INVALID"),
        ("GET", "/v2/a/b/manifests/.tag", 404, "MANIFEST_UNKNOWN"),
        ("PUT", "/v2/a/b/manifests/.tag", 400, "TAG_INVALID"),
        ("GET", "/v2/a/b/manifests/sha256:abc", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/b/blobs/abc", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/b/referrers/v1", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/b/blobs/uploads/nobody", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("POST", "/v2/a/b/blobs/uploads/?mount=x&from=a", 400, "DIGEST_INVALID"),
        ("POST", "/v2/a/b/blobs/uploads/?digest=x", 400, "DIGEST_INVALID"),
    ],
)
def test_what_is_wrong_with_a_path(
    wire: Wire, method: str, path: str, status: int, code: str
) -> None:
    """Each has its code."""
    response = wire.client.request(method, path)
    assert (response.status_code, error_code(response)) == (status, code)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Range": "bytes 0-4/5"}, 400, "BLOB_UPLOAD_INVALID"),
        ({"Content-Range": "0-99"}, 400, "SIZE_INVALID"),
        ({"Content-Range": f"1-{len(CONTENT)}"}, 416, "RANGE_INVALID"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_what_is_wrong_with_a_chunk(
    wire: Wire, method: str, headers: dict[str, str], status: int, code: str
) -> None:
    """Each has its code, and the upload isn't harmed."""
    location = wire.begin("a/b")
    url = f"{location}?digest={DIGEST}"
    response = wire.client.request(method, url, content=CONTENT, headers=headers)
    assert (response.status_code, error_code(response)) == (status, code)
    assert wire.finish(location, DIGEST, CONTENT).status_code == 201


def test_a_single_request_with_wrong_bytes_leaves_nothing(wire: Wire, tmp_path: Path) -> None:
    """Neither a blob nor an upload."""
    url = f"/v2/a/b/blobs/uploads/?digest={DIGEST}"
    assert error_code(wire.client.post(url, content=b"other")) == "DIGEST_INVALID"
    assert wire.get_blob("a/b", DIGEST).status_code == 404
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_single_request_that_broke_off_leaves_nothing(store: Store, tmp_path: Path) -> None:
    """There is no upload to go on with that the client could know of."""

    def body() -> Iterator[bytes]:
        yield CONTENT[:5]
        raise RequestAborted

    request = Request("POST", "/v2/a/blobs/uploads/", (("digest", str(DIGEST)),), body=body())
    with pytest.raises(RequestAborted):
        Registry(store).handle(request)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("condition", "status"), [('W/"{}"', 304), ('"x", W/"{}"', 304), ("*", 304), ("{}", 200)]
)
def test_conditions_of_every_form(wire: Wire, condition: str, status: int) -> None:
    """Entity tags are compared weakly, and any is any."""
    digest = Digest.of(wire.put_image("a/b", "v1"))
    headers = {"If-None-Match": condition.format(digest)}
    response = wire.client.get("/v2/a/b/manifests/v1", headers=headers)
    assert response.status_code == status


def test_a_manifest_needs_no_content_type(wire: Wire) -> None:
    """It says itself what it is."""
    wire.put_blob("a/b", CONFIG)
    response = wire.client.put("/v2/a/b/manifests/v1", content=image_manifest())
    assert response.status_code == 201
    assert wire.get_manifest("a/b", "v1").headers["Content-Type"] == media_types.OCI_MANIFEST


def test_every_missing_blob_is_named(wire: Wire) -> None:
    """A client can push them all in one more round."""
    response = wire.put_manifest("a/b", "v1", image_manifest(CONFIG, b"1", b"2"))
    (error,) = response.json()["errors"]
    missing = [str(Digest.of(content)) for content in (CONFIG, b"1", b"2")]
    assert error["detail"] == {"digests": missing}


def test_a_failing_store_is_an_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """500 with what the system says, and a log with the whole story."""
    registry = Registry(DirectoryStore(tmp_path))
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        path.rmdir()
    response = registry.handle(Request("POST", "/v2/a/b/blobs/uploads/"))
    assert response.status == 500
    assert b"No such file or directory" in b"".join(response.body)
    assert "Traceback" in caplog.text


def test_a_head_of_an_error_says_how_long_it_would_be(wire: Wire) -> None:
    """HEAD is GET without the body, errors included."""
    response = wire.client.head(f"/v2/a/b/blobs/{DIGEST}")
    assert (response.status_code, response.content) == (404, b"")
    assert int(response.headers["Content-Length"]) > 0


def in_threads(number: int, work: Callable[[int], None]) -> None:
    """Run work in threads, and raise what one of them raises."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(number)

    def run(which: int) -> None:
        try:
            barrier.wait()
            work(which)
        except BaseException as error:  # noqa: BLE001 - raised by the main thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_many_clients_push_the_same_image(store: Store) -> None:
    """To one repository and to their own, over sockets, all at once; every one succeeds."""
    with serve(Registry(store)) as listener:

        def push(number: int) -> None:
            with httpx.Client(base_url=listener.url, trust_env=False, timeout=60) as client:
                wire = Wire(client)
                for repository in ("shared", f"own/{number}"):
                    manifest = wire.put_image(repository, "v1", CONTENT, b"another")
                    assert wire.get_manifest(repository, "v1").content == manifest
                    assert wire.get_blob(repository, DIGEST).content == CONTENT
                mount = {"mount": str(DIGEST), "from": "shared"}
                url = f"/v2/mounted/{number % 3}/blobs/uploads/"
                assert client.post(url, params=mount).status_code == 201

        in_threads(12, push)
        names = httpx.get(f"{listener.url}/v2/_catalog", trust_env=False).json()["repositories"]
    own = [f"own/{number}" for number in range(12)]
    assert names == sorted(["shared", *own, *(f"mounted/{number}" for number in range(3))])


def test_one_upload_is_written_by_one_client_at_a_time(store: Store) -> None:
    """Of many that send the same chunk, one is the next; the others are refused."""
    with serve(Registry(store)) as listener:
        client = httpx.Client(base_url=listener.url, trust_env=False, timeout=60)
        statuses: list[int] = []
        with client:
            wire = Wire(client)
            location = wire.begin("a/b")
            span = f"0-{len(CONTENT) - 1}"

            def send(_number: int) -> None:
                response = wire.patch(location, CONTENT, Content_Range=span)
                statuses.append(response.status_code)

            in_threads(8, send)
            assert sorted(statuses) == [202, *[416] * 7]
            assert wire.finish(location, DIGEST).status_code == 201


def test_a_registry_keeps_its_store_in_sight() -> None:
    """A test can look at what was pushed, or put something there."""
    registry = Registry()
    response = registry.handle(
        Request(
            "POST",
            "/v2/a/blobs/uploads/",
            (("digest", str(DIGEST)),),
            Headers(),
            (CONTENT,),
        )
    )
    assert response.status == 201
    assert registry.store.blob("a", DIGEST) is not None
