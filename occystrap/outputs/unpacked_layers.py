"""The layers of an image, extracted side by side, each into a directory of its own.

Rule: a layer counts when its tar has turned out to be the one that the config names.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from occystrap.client.download import once_more
from occystrap.image.budget import DEFAULT_LIMIT, Budget
from occystrap.image.checks import CheckResults, Severity
from occystrap.image.element import CONFIG_FILE
from occystrap.image.entry_maker import ExtractionRules
from occystrap.image.extraction import LayerExtractor
from occystrap.image.progress import NoProgress
from occystrap.image.removal import remove
from occystrap.image.tree import Tree
from occystrap.image.workers import Workers
from occystrap.oci.digest import Digester
from occystrap.outputs.base import Moved
from occystrap.outputs.layer_progress import open_tar
from occystrap.outputs.saved_image import SavedImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress
    from occystrap.image.staged import StagedDirectory
    from occystrap.image.whiteouts import WhiteoutMarks
    from occystrap.oci.digest import Digest

__all__ = ["UnpackedLayers", "UnpackingOptions", "report_left_out"]

_LAYERS: Final = ".layers"
_ADVICE: Final = {"devices": " (devices=true makes them, for root)"}


@final
@dataclass(frozen=True, slots=True)
class UnpackingOptions:
    """What an image may take and have; `privileged` if this process is root's."""

    privileged: bool
    devices: bool = False
    max_bytes: int = DEFAULT_LIMIT
    max_workers: int = 4
    temp_dir: str | None = None


@final
class UnpackedLayers:
    """Takes an image in, and extracts its layers below a directory under way."""

    def __init__(
        self,
        staged: StagedDirectory,
        marks: WhiteoutMarks,
        options: UnpackingOptions,
        progress: Progress | None = None,
    ) -> None:
        self.saved = SavedImage()
        self.moved = Moved()
        self._staged = staged
        self._options = options
        self._rules = ExtractionRules(options.privileged, marks, options.devices)
        self._budget = Budget(options.max_bytes)
        self._progress = progress or NoProgress()
        self._workers = Workers(options.max_workers)
        self._extracted: dict[int, LayerExtractor] = {}

    def take(self, element: ImageElement, *, once: bool) -> None:
        """Take the config, or have a layer extracted; with `once` not again if it is there twice.

        Raises:
            OccystrapError: this or an earlier element failed.
        """
        if element.element_type == CONFIG_FILE:
            self.saved.take_config(element)
            return
        number, layer = self.saved.place(element)
        if once and self.saved.is_repeated(number, layer):
            self.moved.count(layers=1, skipped=1)
        else:
            self._workers.submit(partial(self._unpack, number, layer))

    def wait(self) -> dict[int, LayerExtractor]:
        """Wait for all layers; return them by their place.

        Raises:
            OccystrapError: one failed, or they aren't those of the config.
        """
        self._workers.wait()
        self.saved.check()
        return dict(sorted(self._extracted.items()))

    def remove(self) -> None:
        """Remove the directories that were extracted into, once they aren't needed any more."""
        with self._staged.failing():
            _clear(self._staged.root, _LAYERS)

    def close(self) -> None:
        """Stop what is under way, and forget what was extracted.

        A layer that is still being extracted is its thread's: a directory that is closed under it
        is another one as soon as the number of its descriptor is in use again.
        """
        self._workers.stop()
        for layer in list(self._extracted.values()):
            layer.notes.close()

    def report(self, results: CheckResults) -> None:
        """Say what the system has refused."""
        left_out: Counter[str] = Counter()
        for layer in self._extracted.values():
            left_out.update(layer.left_out)
        report_left_out(left_out, results)

    def _unpack(self, number: int, layer: Layer) -> None:
        digest = once_more(partial(self._extract, number, layer))
        self.saved.diff_ids[number] = digest
        self.moved.count(layers=1, size=self._extracted[number].size)

    def _extract(self, number: int, layer: Layer) -> Digest:
        """Extract a layer from its start."""
        with self._staged.failing():
            home = self._staged.root / _LAYERS
            home.mkdir(exist_ok=True)
            _clear(home, str(number))
            path = str(home / str(number))
            extractor = LayerExtractor(path, self._rules, self._budget, self._options.temp_dir)
        try:
            digest = self._fill(extractor, number, layer)
        except BaseException:
            extractor.notes.close()
            raise
        self._extracted[number] = extractor
        return digest

    def _fill(self, extractor: LayerExtractor, number: int, layer: Layer) -> Digest:
        digester = Digester()
        tar = open_tar(layer, number, self._progress)
        with contextlib.closing(extractor), contextlib.closing(self._workers.guard(tar)) as chunks:
            if layer.diff_id is not None:  # then the tar checks itself against it
                extractor.extract(chunks, f"layer {number + 1}")
                return layer.diff_id
            extractor.extract(_digested(chunks, digester), f"layer {number + 1}")
            return digester.digest


def report_left_out(left_out: Counter[str], results: CheckResults) -> None:
    """Note what the system has refused; whose files they are is no surprise to who isn't root."""
    for what, count in sorted((+left_out).items()):
        if what == "owners":
            message = f"{count} files belong to you, not to whom the image says"
            results.add(Severity.INFO, "verify.owners", message)
        else:
            message = f"{count} {what} left out{_ADVICE.get(what, '')}"
            results.add(Severity.WARNING, "verify.left-out", message)


def _digested(chunks: Iterable[bytes], digester: Digester) -> Iterator[bytes]:
    for chunk in chunks:
        digester.update(chunk)
        yield chunk


def _clear(home: Path, name: str) -> None:
    """Remove what an attempt before has left."""
    with Tree(home) as tree, contextlib.suppress(FileNotFoundError):
        remove(tree.root, os.fsencode(name))
