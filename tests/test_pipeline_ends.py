"""Whatever happens to a pipeline, both of its ends are closed, and nothing of it stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from occystrap.errors import OccystrapError, PipelineError
from occystrap.inputs.tarfile import Image
from occystrap.pipeline import Pipeline, PipelineBuilder
from tests.support.archives import docker_save
from tests.support.console import Shelf, client_of
from tests.support.images import file, layer, make_image

IMAGE = make_image(layer(file("a")), layer(file("b")))
HERE = "registry://r.example/demo/image:1"
THERE = "registry://other.example/new/image:1"


class Ends:
    """A source and a destination that note what happens to them, and fail on cue."""

    image = tag = "unknown"
    requires_ordered_layers = True

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.seen: list[str] = []

    def _note(self, what: str) -> None:
        self.seen.append(what)
        if what == self.failing:
            raise PipelineError(what)

    def fetch(self, callback: object, *, ordered: bool) -> Iterator[Any]:
        """Yield one element."""
        assert ordered
        self._note("fetch")
        yield object()

    def fetch_callback(self, digest: str) -> bool:
        """Want all."""
        return True

    def process_image_element(self, element: object) -> None:
        """Take it."""
        self._note("process")

    def finalize(self) -> None:
        """End well."""
        self._note("finalize")

    def close(self) -> None:
        """End in any way."""
        self.seen.append("close")


@pytest.mark.parametrize("failing", ["fetch", "process", "finalize", ""])
def test_both_ends_are_closed_on_every_way_out(failing: str) -> None:
    """Also when nothing failed, and once each."""
    ends: Any = Ends(failing)
    if failing:
        with pytest.raises(PipelineError, match=failing):
            Pipeline(ends, ends).run()
    else:
        Pipeline(ends, ends).run()
    assert ends.seen.count("close") == 2
    assert ends.seen[-2:] == ["close", "close"]
    assert ("finalize" in ends.seen) == (failing in ("finalize", ""))


@pytest.mark.parametrize("target", ["tar://", "tar:///", "registry://r.example/Upper"])
def test_a_source_is_closed_when_there_is_no_destination_for_it(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file stays open that nobody will read."""
    (tmp_path / "a.tar").write_bytes(docker_save(IMAGE))
    close, closed = Image.close, []

    def noted(image: Image) -> None:
        closed.append(image)
        close(image)

    monkeypatch.setattr(Image, "close", noted)
    with PipelineBuilder() as builder, pytest.raises(OccystrapError):
        builder.build_pipeline(f"tar://{tmp_path}/a.tar", target)
    assert len(closed) == 1


def test_nothing_is_opened_for_a_mistyped_destination() -> None:
    """Of two mistakes the one that costs nothing to find is told."""
    with PipelineBuilder() as builder, pytest.raises(OccystrapError, match="colour"):
        builder.build_pipeline("tar:///no/such/file.tar", f"{THERE}?colour=red")


def test_no_thread_outlives_a_run() -> None:
    """Those that moved layers end with it."""
    shelf = Shelf()
    shelf.put("demo/image", "1", IMAGE)
    before = set(threading.enumerate())
    with client_of(shelf.registry) as client, PipelineBuilder(client=client) as builder:
        builder.build_pipeline(HERE, THERE).run()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()
