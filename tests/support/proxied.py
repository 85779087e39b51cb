"""A proxy between registries, all in this process and each under a host name of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from occystrap.client.retry import RetryPolicy
from occystrap.client.traffic import Traffic
from occystrap.filters.build import read_filters
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest
from occystrap.options import Options
from occystrap.pipeline import PipelineBuilder
from occystrap.proxy.downstream import Remote, read_place
from occystrap.proxy.handler import Manner, Proxy
from occystrap.server.message import Handler, Request, Response
from tests.support.console import Shelf, client_of
from tests.support.wire import Wire

__all__ = ["PREFIX", "Scene", "proxied", "push"]

PREFIX = "team"
Around = Callable[[Handler], Handler]


@dataclass(slots=True)
class Scene:
    """The proxy, what is behind it, and what that was asked: `down.example GET /v2/...`."""

    downstream: Shelf = field(default_factory=Shelf)
    upstream: Shelf = field(default_factory=Shelf)
    asked: list[str] = field(default_factory=list[str])
    requests: list[Request] = field(default_factory=list[Request])
    proxy: Proxy = field(init=False)
    client: httpx.Client = field(init=False)
    #: What answers under each name; may be replaced.
    hosts: dict[str, Handler] = field(default_factory=dict[str, Handler])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> Response:
        """Answer as the host that is asked."""
        with self.lock:
            self.asked.append(f"{request.host} {request.method} {request.path}")
            self.requests.append(request)
        return self.hosts[request.host].handle(request)

    @property
    def wire(self) -> Wire:
        """The proxy, asked with plain requests."""
        return Wire(self.client)

    def stored(self, repository: str, tag: str) -> Manifest | Index:
        """Find what a tag names downstream, where it has to be."""
        found = self.downstream.get(f"{PREFIX}/{repository}", tag)
        assert found is not None
        return found


@contextmanager
def proxied(
    *filters: str,
    pulls: bool = False,
    around: Around = lambda handler: handler,
    place: str = f"down.example/{PREFIX}",
    retries: int = 1,
    options: Options | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    **manner: Any,
) -> Iterator[Scene]:
    """Put a proxy in front of a registry, which `around` may stand around."""
    scene = Scene()
    scene.hosts |= {
        "down.example": around(scene.downstream.registry),
        "up.example": scene.upstream.registry,
    }
    traffic = Traffic(policy=RetryPolicy(retries), sleep=lambda _: None)
    with (
        client_of(scene) as behind,
        PipelineBuilder(options or Options(), client=behind, traffic=traffic) as builder,
        Proxy(
            builder,
            Remote(builder, read_place(place)),
            Remote(builder, read_place("up.example")) if pulls else None,
            manner=Manner(read_filters(filters), **manner),
            clock=clock,
        ) as scene.proxy,
        client_of(scene.proxy) as scene.client,
    ):
        scene.client.base_url = httpx.URL("https://proxy.example")
        yield scene


def push(wire: Wire, repository: str, reference: str, source: Shelf, tag: str) -> httpx.Response:
    """Push an image, or an index with its images first, as it is on a shelf; blobs that are said
    to be there aren't sent.
    """
    found = source.get("image", tag)
    assert found is not None
    return _push(wire, repository, reference, source, found)


def _push(
    wire: Wire, repository: str, reference: str, source: Shelf, found: Manifest | Index
) -> httpx.Response:
    if isinstance(found, Index):
        for listed in found.manifests:
            below = source.store.manifest("image", listed.digest)
            assert below is not None
            response = _push(wire, repository, str(listed.digest), source, below)
            assert response.status_code == 201, response.text
    else:
        for blob in found.references:
            _send(wire, repository, source, blob)
    return wire.put_manifest(repository, reference, found.raw, found.media_type)


def _send(wire: Wire, repository: str, source: Shelf, blob: Descriptor) -> None:
    if wire.client.head(f"/v2/{repository}/blobs/{blob.digest}").status_code == 404:
        wire.put_blob(repository, source.content("image", blob))


def files_below(directory: Path) -> list[Path]:
    """List the files that there are."""
    return [path for path in directory.rglob("*") if path.is_file()]


def digest_of(response: httpx.Response) -> Digest:
    """Read the digest that an answer names."""
    return Digest.parse(response.headers["Docker-Content-Digest"])
