"""Layers that are files by now, extracted one over the other into one directory."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from occystrap.image.budget import Budget
from occystrap.image.directories import make_root
from occystrap.image.entry_maker import ExtractionRules
from occystrap.image.extraction import LayerExtractor
from occystrap.image.merging import LayerMerger
from occystrap.image.removal import remove
from occystrap.image.tree import Tree
from occystrap.image.whiteouts import PlainMarks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from occystrap.image.layer import Source
    from occystrap.image.staged import StagedDirectory
    from occystrap.outputs.unpacked_layers import UnpackingOptions

__all__ = ["flatten"]


def flatten(
    layers: Sequence[Source],
    staged: StagedDirectory,
    name: str,
    options: UnpackingOptions,
    guard: Callable[[Iterable[bytes]], Iterator[bytes]],
) -> Counter[str]:
    """Make a directory below one that is under way; return what the system has refused.

    Raises:
        ImageInputError: a layer wants what no image may, or they take too much.
        ImageOutputError: the system can't.
    """
    root = staged.root / name
    with staged.failing():
        make_root(root)
    rules = ExtractionRules(options.privileged, PlainMarks(), options.devices)
    budget = Budget(options.max_bytes)
    left_out: Counter[str] = Counter()
    merger = LayerMerger(str(root), privileged=options.privileged)
    with contextlib.closing(merger):
        for number, source in enumerate(layers, start=1):
            path = str(staged.root / ".layer")
            layer = LayerExtractor(path, rules, budget, options.temp_dir)
            with contextlib.closing(layer), contextlib.closing(layer.notes):
                layer.extract(guard(source.open()), f"layer {number}")
                merger.merge(layer)
            left_out.update(layer.left_out)
            with staged.failing(), Tree(staged.root) as tree:
                remove(tree.root, b".layer")
    return left_out
