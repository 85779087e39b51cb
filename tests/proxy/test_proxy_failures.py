"""What goes wrong behind a proxy is mended, or told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from occystrap.oci.diagnostics import ErrorCode
from occystrap.server.answers import Refusal
from occystrap.server.doors.listener import serve
from occystrap.server.message import CloseConnection, Handler, Request, Response
from tests.support.console import Shelf
from tests.support.handlers import BasicGate, Front, Trick, cut, lose_answer, status
from tests.support.images import file, layer, make_image
from tests.support.proxied import PREFIX, proxied, push
from tests.support.wire import CONFIG, error_code, image_manifest

PASSAGE = "GET blob", "HEAD blob", "POST uploads", "PUT upload", "PUT manifest", "HEAD manifest"


@pytest.fixture
def source() -> Shelf:
    """An image of a few layers."""
    shelf = Shelf()
    shelf.put(
        "image", "1", make_image(*(layer(file(f"f{n}", bytes([n]) * 5000)) for n in range(3)))
    )
    return shelf


def refuse(request: Request, inner: Handler) -> Response:
    """Refuse, with a reason."""
    for _ in request.body:
        pass
    return Refusal(ErrorCode.DENIED, "the quota is used up").response


@pytest.mark.parametrize("trick", [status(503), status(429), lose_answer])
@pytest.mark.parametrize("where", ["POST uploads", "PUT upload", "PUT manifest", "HEAD blob"])
def test_passing_faults_downstream_are_not_seen(source: Shelf, trick: Trick, where: str) -> None:
    """The pipeline tries again, and the client hears only that all went well."""
    with proxied(around=lambda inner: Front(inner, {where: [trick]}), retries=2) as scene:
        assert push(scene.wire, "app", "v1", source, "1").status_code == 201
        assert scene.stored("app", "v1") == source.get("image", "1")


@pytest.mark.parametrize("where", ["PUT upload", "PUT manifest"])
def test_a_refusal_downstream_is_told(source: Shelf, where: str) -> None:
    """With its reason, as the fault of a gateway; what was pushed stays for another try."""
    with proxied(around=lambda inner: Front(inner, {where: [refuse]})) as scene:
        response = push(scene.wire, "app", "v1", source, "1")
        assert (response.status_code, error_code(response)) == (502, "UNAVAILABLE")
        assert "the quota is used up" in response.text
        assert scene.downstream.get(f"{PREFIX}/app", "v1") is None
        assert scene.proxy.disk_use > 0
        manifest = source.manifest("image", "1")
        response = scene.wire.put_manifest("app", "v1", manifest.raw, manifest.media_type)
        assert response.status_code == 201
        assert (scene.proxy.counts.pushed, scene.proxy.counts.failed) == (1, 1)


def test_a_downstream_that_is_gone_is_told(source: Shelf) -> None:
    """Of every kind of request, in the form of the specification."""

    class Gone:
        def handle(self, request: Request) -> Response:
            raise CloseConnection

    with proxied(around=lambda _: Gone()) as scene:
        blob = source.manifest("image", "1").config.digest
        for method, path in (
            ("HEAD", f"blobs/{blob}"),
            ("GET", f"blobs/{blob}"),
            ("GET", "manifests/v1"),
            ("GET", "tags/list"),
            ("GET", f"referrers/{blob}"),
        ):
            response = scene.client.request(method, f"/v2/app/{path}")
            assert response.status_code == 502, path
            if method == "GET":
                assert error_code(response) == "UNAVAILABLE"
            assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_a_login_of_the_client_is_not_passed_on(source: Shelf) -> None:
    """Neither a password nor a token: downstream gets what the proxy has, or nothing."""
    with proxied() as scene:
        scene.client.headers.update({"Authorization": "Bearer of-the-client", "Cookie": "client=1"})
        push(scene.wire, "app", "v1", source, "1")
        scene.wire.get_manifest("app", "v1")
        assert scene.requests
        for request in scene.requests:
            assert "Authorization" not in request.headers
            assert "Cookie" not in request.headers


def test_the_proxy_logs_in_downstream(source: Shelf) -> None:
    """With what the place says; a wrong password is told, and not shown."""
    for password, code in (("open%20sesame", 201), ("wrong-password", 502)):
        place = f"alice:{password}@down.example/{PREFIX}"
        with proxied(around=BasicGate, place=place) as scene:
            scene.wire.put_blob("app", CONFIG)
            response = scene.wire.put_manifest("app", "v1", image_manifest())
            assert response.status_code == code
            assert "wrong-password" not in response.text


def test_a_blob_that_breaks_off_breaks_off(source: Shelf) -> None:
    """Again and again: what the client has isn't whole, and it is told by the connection."""
    with proxied(retries=0) as scene:
        scene.downstream.put(f"{PREFIX}/app", "1", make_image(layer(file("f", b"x" * 9))))
        blob = scene.downstream.manifest(f"{PREFIX}/app", "1").layers[0]
        scene.hosts["down.example"] = Front(scene.downstream.registry, {"GET blob": [cut(20)]})
        with pytest.raises(httpx.RemoteProtocolError):
            scene.wire.get_blob("app", blob.digest)


def test_a_blob_is_resumed_on_its_way() -> None:
    """The client sees nothing of a connection that broke."""
    with proxied(retries=2) as scene:
        scene.downstream.put(f"{PREFIX}/app", "1", make_image(layer(file("f", b"x" * 9))))
        blob = scene.downstream.manifest(f"{PREFIX}/app", "1").layers[0]
        front = Front(scene.downstream.registry, {"GET blob": [cut(20), cut(5)]})
        scene.hosts["down.example"] = front
        content = scene.downstream.content(f"{PREFIX}/app", blob)
        assert scene.wire.get_blob("app", blob.digest).content == content
        assert front.seen.count("GET blob") == 3


def test_a_spoilt_blob_never_passes_as_whole() -> None:
    """Bytes that aren't those of the digest end in a broken connection."""

    def spoil(request: Request, inner: Handler) -> Response:
        response = inner.handle(request)
        return replace(response, body=(bytes(len(piece)) for piece in response.body))

    with proxied(retries=0) as scene:
        scene.downstream.put(f"{PREFIX}/app", "1", make_image(layer(file("f", b"x" * 9))))
        blob = scene.downstream.manifest(f"{PREFIX}/app", "1").layers[0]
        scene.hosts["down.example"] = Front(scene.downstream.registry, {"GET blob": [spoil]})
        with pytest.raises(httpx.HTTPError):
            scene.wire.get_blob("app", blob.digest)


def test_images_with_the_same_layers_at_once(source: Shelf) -> None:
    """Over sockets, from many clients, more than are passed on at once: all of them arrive."""
    with proxied(concurrency=2) as scene, serve(scene.proxy) as listener:

        def one(number: int) -> int:
            with httpx.Client(base_url=listener.url, trust_env=False, timeout=60) as client:
                wire = scene.wire.__class__(client)
                return push(wire, f"app{number % 3}", f"v{number}", source, "1").status_code

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(one, range(12))) == [201] * 12
        for number in range(12):
            assert scene.stored(f"app{number % 3}", f"v{number}") == source.get("image", "1")
        assert scene.proxy.disk_use == 0


def test_no_more_are_passed_on_at_once_than_was_said(source: Shelf) -> None:
    """The others wait for their turn."""
    going = Going()
    with proxied(concurrency=2, around=lambda inner: Front(inner, {})) as scene:
        inner = scene.hosts["down.example"]
        scene.hosts["down.example"] = going.around(inner)
        for number in range(6):
            scene.wire.put_blob(f"app{number}", CONFIG)
        with ThreadPoolExecutor(6) as pool:
            answers = list(
                pool.map(
                    lambda n: scene.wire.put_manifest(f"app{n}", "v1", image_manifest()), range(6)
                )
            )
    assert [one.status_code for one in answers] == [201] * 6
    assert going.most == 2


class Going:
    """Counts how many manifests are on their way, each of which waits for a second one."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._changed = threading.Condition()

    def around(self, inner: Handler) -> Handler:
        """Stand around a handler."""
        outer = self

        class Around:
            def handle(self, request: Request) -> Response:
                if request.method != "PUT" or "/manifests/" not in request.path:
                    return inner.handle(request)
                with outer.entered():
                    return inner.handle(request)

        return Around()

    def entered(self) -> Passing:
        """Note one that comes."""
        return Passing(self)

    def come(self) -> None:
        """Wait until there are two."""
        with self._changed:
            self.now += 1
            self.most = max(self.most, self.now)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self.most >= 2, 20)

    def go(self) -> None:
        """Be gone."""
        with self._changed:
            self.now -= 1


class Passing:
    """The time in which one is on its way."""

    def __init__(self, going: Going) -> None:
        self._going = going

    def __enter__(self) -> None:
        self._going.come()

    def __exit__(self, *_: object) -> None:
        self._going.go()
