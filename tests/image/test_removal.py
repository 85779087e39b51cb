"""Removing trees, also from under somebody who still writes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from occystrap.image.removal import remove


def removed(path: Path) -> None:
    """Remove a path."""
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        remove(parent, os.fsencode(path.name))
    finally:
        os.close(parent)


def test_all_that_is_in_a_directory_goes(tmp_path: Path) -> None:
    """What links lead to stays, and a mode that lets nobody in is no obstacle."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    tree = tmp_path / "tree"
    (tree / "a/b").mkdir(parents=True)
    (tree / "a/b/file").touch()
    (tree / "a/link").symlink_to(outside)
    (tree / "a").chmod(0)
    removed(tree)
    assert sorted(tmp_path.rglob("*")) == [outside, outside / "file"]


def test_what_comes_in_meanwhile_goes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is about to stop may put a file into what is being removed."""
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    late = [tree / "late", tree / "a/late"]
    rmdir = os.rmdir

    def meanwhile(name: bytes, *, dir_fd: int) -> None:
        if late:
            late.pop().touch()
        rmdir(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", meanwhile)
    removed(tree)
    assert list(tmp_path.iterdir()) == []


def test_what_gets_another_name_meanwhile_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes under the other one."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").touch()
    unlink = os.unlink

    def meanwhile(name: bytes, *, dir_fd: int) -> None:
        if name == b"file":
            (tree / "file").rename(tree / "other")
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", meanwhile)
    removed(tree)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_removed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It isn't tried again and again."""
    tree = tmp_path / "tree"
    tree.mkdir()

    def busy(name: bytes, *, dir_fd: int) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), name)

    monkeypatch.setattr(os, "rmdir", busy)
    with pytest.raises(OSError, match="busy"):
        removed(tree)
