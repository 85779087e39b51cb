"""Directories that appear when they are whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from occystrap.errors import ImageOutputError
from occystrap.image.staged import StagedDirectory


def test_a_new_directory_appears_at_once(tmp_path: Path) -> None:
    """Until then there is only one of another name beside it."""
    staged = StagedDirectory(tmp_path / "there")
    staged.write({"a": b"1"})
    assert [path.name.startswith(".there.") for path in tmp_path.iterdir()] == [True]
    staged.publish(["a"])
    staged.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there/a").read_bytes() == b"1"


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    """Whatever was in it, and whatever modes that has."""
    for path in (tmp_path / "new", tmp_path):
        staged = StagedDirectory(path)
        (staged.root / "a/b").mkdir(parents=True)
        (staged.root / "a/b/c").touch()
        (staged.root / "a").chmod(0)
        staged.discard()
        staged.discard()
        assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_there_is_added_to(tmp_path: Path) -> None:
    """In the order of the names, after `merge` has had its say; what was there stays."""
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "list").write_bytes(b"old")
    staged = StagedDirectory(tmp_path)
    (staged.root / "d").mkdir()
    staged.write({"d/new": b"new", "list": b"unmerged"})

    def merge() -> None:
        staged.write({"list": staged.in_place("list").read_bytes() + b" and new"})

    staged.publish(["d/new", "list"], merge)
    assert {p.name: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == {
        "old": b"old",
        "new": b"new",
        "list": b"old and new",
    }
    assert not list(tmp_path.glob(".*"))


def test_who_comes_second_adds_to_what_the_first_has_made(tmp_path: Path) -> None:
    """Both had found nothing there."""
    first, second = (StagedDirectory(tmp_path / "there") for _ in range(2))
    for name, staged in (("a", first), ("b", second)):
        staged.write({name: b""})
        staged.publish([name])
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["a", "b"]
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_link_to_a_directory_stays(tmp_path: Path) -> None:
    """It is followed."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    staged = StagedDirectory(tmp_path / "link")
    staged.write({"a": b""})
    staged.publish(["a"])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/a").exists()


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    """And so is what would be in no directory."""
    (tmp_path / "file").touch()
    for path, said in (
        (tmp_path / "file", "it is no directory"),
        (tmp_path / "none/there", "No such file or directory"),
        (tmp_path / "file/there", "Not a directory"),
        (tmp_path / "nul\0", "null byte"),
    ):
        with pytest.raises(ImageOutputError, match=said):
            StagedDirectory(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_only_its_owner_enters_a_private_directory(tmp_path: Path) -> None:
    """From the first moment on."""
    staged = StagedDirectory(tmp_path / "there", private=True)
    assert staged.root.stat().st_mode & 0o777 == 0o700
    staged.publish([])
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o700
