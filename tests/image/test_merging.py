"""Layers one over the other: what merging makes of them, and what overlayfs shows of them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from occystrap.errors import ImageInputError
from occystrap.image.budget import Budget
from occystrap.image.entry_maker import ExtractionRules
from occystrap.image.extraction import LayerExtractor
from occystrap.image.merging import LayerMerger
from occystrap.image.overlay import finish_layers
from occystrap.image.removal import remove
from occystrap.image.tree import Tree
from occystrap.image.whiteouts import OverlayMarks, PlainMarks
from tests.support.components import real_component
from tests.support.images import file, layer, special
from tests.support.layerings import LAYERINGS, Layering, look_at
from tests.support.namespaces import as_a_user

PRIVILEGED: Final = os.geteuid() == 0


@contextlib.contextmanager
def temporary_directory() -> Iterator[Path]:
    """Make one, and remove it, also directories in it that their owner may not enter."""
    place = Path(tempfile.mkdtemp())
    with Tree(place.parent) as above:
        try:
            yield place
        finally:
            remove(above.root, os.fsencode(place.name))


def merged(tars: Iterable[bytes], directory: Path) -> Path:
    """Extract layers with plain marks, and merge them."""
    root = directory / "root"
    root.mkdir()
    rules = ExtractionRules(PRIVILEGED, PlainMarks())
    with contextlib.closing(LayerMerger(str(root), privileged=PRIVILEGED)) as merger:
        for number, tar in enumerate(tars):
            extracted = LayerExtractor(str(directory / str(number)), rules, Budget(), None)
            with contextlib.closing(extracted), contextlib.closing(extracted.notes):
                extracted.extract([tar], "a layer")
                merger.merge(extracted)
    return root


def for_overlay(tars: Iterable[bytes], directory: Path) -> list[str]:
    """Extract layers with the marks of overlayfs, and finish them; the lowest first."""
    rules = ExtractionRules(PRIVILEGED, OverlayMarks(trusted=False))
    with contextlib.ExitStack() as closing:
        layers = []
        for number, tar in enumerate(tars):
            path = str(directory / f"layer{number}")
            layers.append(LayerExtractor(path, rules, Budget(), None))
            closing.callback(layers[-1].notes.close)
            with contextlib.closing(layers[-1]):
                layers[-1].extract([tar], "a layer")
        finish_layers(layers, privileged=PRIVILEGED)
    return [each.path for each in layers]


@given(LAYERINGS)
@settings(max_examples=60)
def test_merging_is_what_the_specification_says(layering: Layering) -> None:
    """Whatever the layers are: what is removed, replaced, opaque, linked, or not mentioned."""
    with temporary_directory() as directory:
        assert look_at(merged(layering.tars, directory)) == layering.seen


#: Mounts the layers of each directory that it is given, the lowest first, and prints what is there.
_LOOK = """
import json, pathlib, subprocess, sys
from tests.support.layerings import look_at

seen = []
for line in sys.stdin:
    directory, *layers = json.loads(line)
    lower = ":".join(reversed([*layers, directory + "/empty"]))
    options = "lowerdir=" + lower + sys.argv[1]
    command = ["mount", "-t", "overlay", "-o", options, "overlay", directory + "/view"]
    subprocess.run(command, check=True)
    seen.append(look_at(pathlib.Path(directory, "view")))
    subprocess.run(["umount", directory + "/view"], check=True)
print(json.dumps(seen))
"""


@given(st.lists(LAYERINGS, min_size=20, max_size=20))
@settings(max_examples=2, phases=[Phase.generate])
def test_overlayfs_shows_what_merging_makes(layerings: list[Layering]) -> None:
    """Whiteouts, opaque directories, and directories that a layer doesn't mention."""
    compare_views(layerings)


def compare_views(layerings: list[Layering]) -> None:
    """Mount the layers of each, and compare what is there with the words of the specification."""
    unshare = [real_component("unshare"), "--mount", "--map-root-user"]
    with temporary_directory() as place:
        lines = []
        for number, layering in enumerate(layerings):
            directory = place / str(number)
            for name in ("", "view", "empty"):
                (directory / name).mkdir()
            lines.append(json.dumps([str(directory), *for_overlay(layering.tars, directory)]))
        done = subprocess.run(
            [*unshare, sys.executable, "-c", _LOOK, ",userxattr"],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    views = [{path: tuple(each) for path, each in seen.items()} for seen in json.loads(done.stdout)]
    assert views == [layering.seen for layering in layerings]


#: Both of them by who has no rights that would help. There are more of them, since few layerings
#: have a directory where it matters that its owner may not enter it.
_AS_A_USER: Final = """
import os
import hypothesis
from hypothesis import strategies

assert os.geteuid() != 0
hypothesis.settings.register_profile("user", deadline=None, derandomize=True)
hypothesis.settings.load_profile("user")
from tests.image import test_merging as tests

tests.test_merging_is_what_the_specification_says()
many = strategies.lists(tests.LAYERINGS, min_size=20, max_size=20)
once = hypothesis.settings(max_examples=12, phases=[hypothesis.Phase.generate])
once(hypothesis.given(many)(tests.compare_views))()
"""


def test_both_hold_without_root() -> None:
    """Also where a layer refers into a directory of a lower one that its owner may not enter."""
    command = [*as_a_user(), sys.executable, "-c", _AS_A_USER]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_directory_that_is_not_mentioned_stays_as_it_was(tmp_path: Path) -> None:
    """Owner, mode and time: a layer that adds a file to it says nothing of them."""
    below = special("etc", b"5", mode=0o711, mtime=1_000_000)
    root = merged([layer(below), layer(file("etc/added", b"x"))], tmp_path)
    status = (root / "etc").stat()
    assert (status.st_mode & 0o7777, status.st_mtime) == (0o711, 1_000_000)


def test_a_file_and_its_other_name_in_a_higher_layer_are_one(tmp_path: Path) -> None:
    """A hard link may lead to a lower layer, if there is what it leads to."""
    root = merged([layer(file("a", b"a")), layer(special("d/b", b"1", "a"))], tmp_path)
    assert (root / "a").samefile(root / "d/b")
    (tmp_path / "more").mkdir()
    with pytest.raises(ImageInputError, match="'c' is a hard link to 'd', which isn't there"):
        merged([layer(file("a")), layer(special("c", b"1", "d"))], tmp_path / "more")


def test_what_is_no_sibling_by_its_beginning_stays(tmp_path: Path) -> None:
    """W-8: removing `etc`, or all that is in it, leaves `etcd` alone, and what isn't there."""
    below = layer(file("etc/a", b"x"), file("etcd/b", b"y"), file("etc.d/c", b"z"))
    root = merged([below, layer(file(".wh.etc"), file("nowhere/.wh.x"))], tmp_path)
    assert sorted(path.name for path in root.iterdir()) == ["etc.d", "etcd", "nowhere"]
    (tmp_path / "opaque").mkdir()
    root = merged([below, layer(file("etc/.wh..wh..opq"))], tmp_path / "opaque")
    assert sorted(path.name for path in root.rglob("*")) == ["b", "c", "etc", "etc.d", "etcd"]
