"""Images of an index go side by side: what they share, what they say, and how they stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from occystrap.errors import OccystrapError
from occystrap.move import move
from occystrap.oci.manifest import Manifest
from occystrap.oci.media_types import Family
from occystrap.pipeline import PipelineBuilder
from occystrap.server.message import Handler, Request, Response
from tests.support.console import Shelf, client_of
from tests.support.filtering import Run
from tests.support.handlers import Front
from tests.support.images import file, layer, make_image
from tests.support.indexes import entry_of, platforms, put_listing
from tests.support.progress import CountingProgress

HERE = "registry://r.example/many:1?platform=all"
THERE = "registry://r.example/new:1"
EXCLUDE = "exclude:pattern=tmp"
_PATIENCE = 20.0


@dataclass
class Gate:
    """Lets the first request for a path wait until it is opened; says when it has come."""

    inner: Handler
    path: str
    opened: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def handle(self, request: Request) -> Response:
        """Answer."""
        if request.path.endswith(self.path) and not self.reached.is_set():
            self.reached.set()
            assert self.opened.wait(_PATIENCE)
        return self.inner.handle(request)


@dataclass
class Watch:
    """Calls something after each request that it picks."""

    inner: Handler
    at: Callable[[Request], bool]
    act: Callable[[], None]

    def handle(self, request: Request) -> Response:
        """Answer."""
        response = self.inner.handle(request)
        if self.at(request):
            self.act()
        return response


def manifests(shelf: Shelf) -> list[Manifest]:
    """Find the images of the index."""
    index = shelf.get("many", "1")
    assert index is not None
    assert not isinstance(index, Manifest)
    found = [shelf.store.manifest("many", each.digest) for each in index.manifests]
    return [each for each in found if isinstance(each, Manifest)]


@pytest.mark.parametrize("pattern", ["tmp", "own", "not/there"])
def test_what_platforms_share_is_fetched_once(
    run: Run, shelf: Shelf, front: Front, pattern: str
) -> None:
    """Whether it is made anew or stays."""
    (shared,) = {each.layers[0].digest for each in manifests(shelf)}
    report = run(HERE, THERE, f"exclude:pattern={pattern}", VERIFY=False, IMAGE_PARALLEL=3)
    fetched = [r.path for r in front.requests if r.method == "GET" and "/blobs/" in r.path]
    assert sum(str(shared) in path for path in fetched) == 1
    assert report.layers == 6


@pytest.mark.parametrize("target", [THERE, "ocidir://layout:a", "ocitar://layout.tar:a"])
@pytest.mark.parametrize("source", [HERE, "ocidir://from:a?platform=all"])
def test_what_platforms_share_is_made_once(
    run: Run, shelf: Shelf, tmp_path: Path, source: str, target: str
) -> None:
    """Looked through once, and compressed once, where it isn't the same layer in one image."""
    run(HERE, "ocidir://from:a")
    progress = CountingProgress()
    ctx = SimpleNamespace(obj={"IMAGE_PARALLEL": 3})
    with (
        client_of(shelf.registry) as client,
        PipelineBuilder(ctx, client=client, progress=progress) as builder,
    ):
        report = move(builder, source, target, [EXCLUDE])
    labels = [label.partition(" ")[0] for label, _ in progress.tasks]
    assert (labels.count("filtering"), labels.count("compressing")) == (4, 4)
    assert (report.layers, report.skipped) == (6, 2)


def test_what_is_found_is_told_in_the_order_of_the_index(
    front: Front, shelf: Shelf, run: Run
) -> None:
    """Though the first image is the last that is searched."""
    first, _, last = manifests(shelf)
    gate = Gate(front.inner, str(first.layers[1].digest))
    front.inner = Watch(
        gate,
        lambda r: r.method == "PUT" and r.path.endswith(str(last.digest)),
        gate.opened.set,
    )
    run(HERE, THERE, "search:pattern=own/*,script-friendly=true", IMAGE_PARALLEL=3)
    assert gate.opened.is_set()
    assert [line.rpartition("/")[2] for line in run.printed] == ["amd64", "arm64", "s390x"]


@pytest.mark.parametrize("target", [THERE, "ocidir://layout:a", "ocitar://layout.tar:a"])
def test_the_others_stop_when_one_fails(run: Run, shelf: Shelf, front: Front, target: str) -> None:
    """What is under way comes to no manifest, no file and no line."""
    slow = shelf.put("many", None, platforms("amd64")["linux/amd64"], family=Family.OCI)
    bad = shelf.put("many", None, make_image(layer(file("a")), b"no tar" * 200), family=Family.OCI)
    put_listing(shelf, "1", [entry_of(slow), entry_of(bad)])
    slow_gate = Gate(front.inner, str(slow.layers[1].digest))
    bad_gate = Gate(slow_gate, str(bad.layers[1].digest), opened=slow_gate.reached)
    front.inner = bad_gate
    before = set(threading.enumerate())
    with pytest.raises(OccystrapError, match="layer"):
        run(HERE, target, "inspect:file=lines", EXCLUDE)
    slow_gate.opened.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(_PATIENCE)
        assert not thread.is_alive()
    assert "PUT manifest" not in front.seen
    assert list(Path().iterdir()) == []
