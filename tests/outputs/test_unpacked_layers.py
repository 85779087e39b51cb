"""Layers that are extracted side by side: whose their directories are."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

from occystrap.image.element import IMAGE_LAYER, ImageElement
from occystrap.image.staged import StagedDirectory
from occystrap.image.whiteouts import PlainMarks
from occystrap.outputs.unpacked_layers import UnpackedLayers, UnpackingOptions
from tests.support.descriptors import open_below
from tests.support.images import file, layer

TAR = layer(file("d/first", b"1"), file("d/second", b"2"))


class Paused:
    """A layer that comes to a halt after its first file."""

    diff_id = None
    stored = None

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def open_tar(self) -> Iterator[bytes]:
        """Give the tar, and wait in the middle."""
        yield TAR[:1024]
        self.begun.set()
        self.go_on.wait(30)
        yield TAR[1024:]

    def open_stored(self) -> Iterator[bytes]:
        """Never asked for."""
        raise NotImplementedError


def test_a_directory_stays_open_to_the_thread_that_fills_it(tmp_path: Path) -> None:
    """Closed under it, its number would soon be another's, which it would go on to fill."""
    staged = StagedDirectory(tmp_path / "there")
    privileged = os.geteuid() == 0
    layers = UnpackedLayers(staged, PlainMarks(), UnpackingOptions(privileged=privileged))
    paused, before = Paused(), set(threading.enumerate())
    layers.take(ImageElement(IMAGE_LAYER, "0" * 64, layer_index=0, layer=paused), once=False)
    assert paused.begun.wait(30)
    held = open_below(staged.root)
    layers.close()
    assert open_below(staged.root) == held != []
    paused.go_on.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
    assert open_below(staged.root) == []
    assert [path.name for path in staged.root.rglob("*") if path.is_file()] == ["first"]
    staged.discard()
    assert list(tmp_path.iterdir()) == []
