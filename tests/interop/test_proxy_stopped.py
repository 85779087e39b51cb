"""A proxy that is stopped in the middle of a push, or killed: what is downstream, and on disk."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.media_types import Compression, Family
from occystrap.oci.routes import RouteKind, parse_route
from occystrap.server.message import Request
from tests.support.console import Shelf
from tests.support.held import Held, held_registry
from tests.support.images import bottom_layer, file, layer, make_image
from tests.support.proxied import push
from tests.support.proxy_process import Proxied, running_proxy
from tests.support.wire import Wire

LARGE = layer(file("noise", random.Random(0).randbytes(1024 * 1024)))  # noqa: S311 - no secret
IMAGE = make_image(bottom_layer(), LARGE)
#: What the proxy asks downstream when it is stopped, and how many bytes have passed by then.
MOMENTS = {
    "before an upload": ("POST", RouteKind.UPLOADS, None),
    "within a layer": ("PUT", RouteKind.UPLOAD, len(LARGE) // 2),
    "before the manifest": ("PUT", RouteKind.MANIFEST, None),
}
moments = pytest.mark.parametrize(("method", "kind", "after"), MOMENTS.values(), ids=MOMENTS.keys())


@pytest.fixture
def source() -> Shelf:
    """What is to be pushed."""
    shelf = Shelf()
    shelf.put("image", "v1", IMAGE, Compression.NONE, Family.OCI)
    return shelf


def asks(method: str, kind: RouteKind) -> Callable[[Request], bool]:
    """Pick requests."""

    def picks(request: Request) -> bool:
        route = parse_route(request.path)
        return route is not None and (request.method, route.kind) == (method, kind)

    return picks


def pushing(running: Proxied, source: Shelf) -> httpx.Response:
    """Push the image."""
    with httpx.Client(base_url=f"http://{running.host}", timeout=30, trust_env=False) as client:
        return push(Wire(client), "app", "v1", source, "v1")


@contextlib.contextmanager
def in_the_middle(running: Proxied, held: Held, source: Shelf) -> Iterator[Future[httpx.Response]]:
    """Push in another thread, until downstream holds what the proxy asks."""
    with ThreadPoolExecutor(1) as pool:
        pushed = pool.submit(pushing, running, source)
        held.wait()
        yield pushed


def check_whole(shelf: Shelf) -> None:
    """See that whatever a manifest downstream names is there."""
    for repository in shelf.store.repositories():
        for manifest in shelf.store.manifests(repository):
            for blob in getattr(manifest, "references", ()):
                assert shelf.store.blob(repository, blob.digest) is not None


@moments
def test_a_proxy_that_is_killed_leaves_nothing_half_written(
    source: Shelf, tmp_path: Path, method: str, kind: RouteKind, after: int | None
) -> None:
    """Downstream there is no image; the next proxy removes what is left, and takes the push."""
    downstream, temp = Shelf(), tmp_path / "temp"
    with held_registry(downstream.registry, asks(method, kind), after) as (listener, held):
        with (
            running_proxy(temp, "-d", listener.host) as running,
            in_the_middle(running, held, source) as pushed,
        ):
            running.kill()
            with pytest.raises(httpx.TransportError):
                pushed.result()
        (left,) = temp.iterdir()
        assert downstream.get("app", "v1") is None
        check_whole(downstream)
        with running_proxy(temp, "-d", listener.host) as running:
            assert len(list(temp.iterdir())) == 1
            assert not left.exists()
            assert pushing(running, source).status_code == 201
            running.stop()
    assert downstream.get("app", "v1") is not None
    check_whole(downstream)


def test_a_blob_that_was_half_sent_when_the_proxy_was_killed(source: Shelf, tmp_path: Path) -> None:
    """It is nowhere; the next proxy doesn't know the upload, and takes the blob whole."""
    downstream, temp = Shelf(), tmp_path / "temp"
    with held_registry(downstream.registry, lambda _: False) as (listener, _):
        with running_proxy(temp, "-d", listener.host) as running:
            url = f"http://{running.host}/v2/app/blobs/uploads/"
            place = httpx.post(url, trust_env=False).headers["Location"]
            there = httpx.URL(url).join(place)
            half = LARGE[: len(LARGE) // 2]
            assert httpx.patch(there, content=half, trust_env=False).status_code == 202
            running.kill()
        with running_proxy(temp, "-d", listener.host) as running:
            again = there.copy_with(port=int(running.host.rpartition(":")[2]))
            lost = httpx.patch(again, content=LARGE[len(half) :], trust_env=False)
            assert lost.status_code == 404
            whole = f"http://{running.host}/v2/app/blobs/{Digest.of(LARGE)}"
            assert httpx.head(whole, trust_env=False).status_code == 404
            assert pushing(running, source).status_code == 201
            running.stop()
    check_whole(downstream)


@moments
def test_a_push_under_way_is_finished_before_the_end(
    source: Shelf, tmp_path: Path, method: str, kind: RouteKind, after: int | None
) -> None:
    """Even one whose request downstream breaks off meanwhile; who comes then isn't let in."""
    downstream = Shelf()
    with (
        held_registry(downstream.registry, asks(method, kind), after) as (listener, held),
        running_proxy(tmp_path / "temp", "-d", listener.host) as running,
        in_the_middle(running, held, source) as pushed,
    ):
        running.terminate()
        asking = httpx.Client(base_url=f"http://{running.host}", trust_env=False)
        with asking as client:
            while client.get("/v2/").status_code != 503:
                pass
        held.released.set()
        assert pushed.result().status_code == 201
        assert running.ending()[-1].startswith("Proxy stopped. Pushed 1 images (0 failed).")
    assert downstream.get("app", "v1") is not None


def test_what_takes_longer_than_the_grace_is_broken_off(source: Shelf, tmp_path: Path) -> None:
    """The proxy ends in time, says so, and counts it as failed."""
    downstream = Shelf()
    picks = asks("PUT", RouteKind.MANIFEST)
    with (
        held_registry(downstream.registry, picks) as (listener, held),
        running_proxy(tmp_path / "temp", "-d", listener.host, "--grace", "0.5") as running,
        in_the_middle(running, held, source) as pushed,
    ):
        began = time.monotonic()
        running.terminate()
        lines = running.ending(exit_code=1)
        assert 0.5 <= time.monotonic() - began < 5
        with pytest.raises(httpx.TransportError):
            pushed.result()
    assert lines[0] == "What is still under way after 0.5 seconds is broken off."
    assert lines[-1].startswith("Proxy stopped. Pushed 0 images (1 failed).")
    assert downstream.get("app", "v1") is None
