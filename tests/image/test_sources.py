"""Files that threads share, spools, and files that appear when they are whole."""

from __future__ import annotations

import errno
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from occystrap.errors import DigestMismatch, ImageInputError, ImageOutputError
from occystrap.image.layer import Source
from occystrap.image.partial import PartialFile
from occystrap.image.sources import BytesSource, FileSlice, SharedFile, VerifiedSource
from occystrap.image.spool import Spool, temporary_file
from occystrap.image.workers import Stopped
from occystrap.oci.digest import Digest

CONTENT = bytes(range(256)) * 4000


def descriptors() -> int:
    """Count the open files of this process."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a Path would be more open files


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[SharedFile]:
    """Open a file that holds CONTENT."""
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    file = SharedFile(os.open(path, os.O_RDWR), str(path))
    yield file
    file.close()


def spooled(content: bytes, temp_dir: Path) -> Spool:
    """Make a spool of content that came in odd pieces."""
    spool = Spool(temp_dir)
    for start in range(0, len(content), 1001):
        spool.write(content[start : start + 1001])
    return spool


@pytest.mark.parametrize(
    "make",
    [
        lambda _, content: BytesSource(content),
        lambda path, content: spooled(content, path.parent),
        lambda path, content: VerifiedSource(BytesSource(content), Digest.of(content)),
        lambda path, content: FileSlice(
            SharedFile(os.open(path, os.O_RDONLY), "x"), 0, len(content)
        ),
    ],
    ids=["bytes", "spool", "verified", "file"],
)
@pytest.mark.parametrize("size", [0, 1, 1 << 16, len(CONTENT)])
def test_a_source_is_read_again_and_again(
    tmp_path: Path, make: Callable[[Path, bytes], Source], size: int
) -> None:
    """Each opening reads everything, also while others read."""
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    source = make(path, CONTENT[:size])
    assert source.size == size
    readers = [source.open() for _ in range(3)]
    assert [b"".join(reader) for reader in readers] == [CONTENT[:size]] * 3


def test_threads_read_a_slice_at_the_same_time(shared: SharedFile) -> None:
    """No thread moves the place where another reads."""
    found: list[bool] = []

    def read(offset: int) -> None:
        content = b"".join(FileSlice(shared, offset, 600_000).open())
        found.append(content == CONTENT[offset : offset + 600_000])

    threads = [threading.Thread(target=read, args=(offset,)) for offset in (0, 1, 77, 1000, 9999)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 5


def test_a_file_that_shrinks_is_an_error(shared: SharedFile) -> None:
    """What was promised and isn't there any more doesn't pass for the end."""
    reader = FileSlice(shared, 0, len(CONTENT)).open()
    next(reader)
    shared.truncate(300_000)
    with pytest.raises(ImageInputError, match="became shorter"):
        list(reader)


def test_a_closed_file_is_not_touched(shared: SharedFile) -> None:
    """Whoever reads or writes after the end is stopped, and never meets another file."""
    reader = FileSlice(shared, 0, len(CONTENT)).open()
    next(reader)
    shared.close()
    shared.close()
    with pytest.raises(Stopped):
        next(reader)
    with pytest.raises(Stopped):
        shared.write_at(0, b"late")


def test_a_file_is_closed_by_who_is_the_last_to_use_it(
    shared: SharedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed in the middle of writing, it keeps its number until that is over."""
    before = descriptors()
    write = os.pwrite

    def closing(descriptor: int, content: memoryview, offset: int) -> int:
        shared.close()
        assert descriptors() == before
        return write(descriptor, content, offset)

    monkeypatch.setattr(os, "pwrite", closing)
    shared.write_at(0, b"late, but in time")
    assert descriptors() == before - 1


def test_errors_of_the_system_name_the_file() -> None:
    """Reading what can only be written, and the reverse, is one clear line."""
    with pytest.raises(ImageInputError, match="can't read x: Bad file descriptor"):
        SharedFile(os.open(os.devnull, os.O_WRONLY), "x").read_at(0, 1)
    with pytest.raises(ImageOutputError, match="can't write y: Bad file descriptor; do that"):
        SharedFile(os.open(os.devnull, os.O_RDONLY), "y", "; do that").write_at(0, b"a")


def test_other_bytes_than_named_are_an_error() -> None:
    """A verified source checks its bytes each time."""
    source = VerifiedSource(BytesSource(CONTENT), Digest.of(b"other"), "the config")
    for _ in range(2):
        with pytest.raises(DigestMismatch, match="the config"):
            list(source.open())


def test_a_spool_leaves_no_name(tmp_path: Path) -> None:
    """A large spool is on disk, in the directory named, but nobody sees a file there."""
    before = descriptors()
    with spooled(CONTENT, tmp_path):
        assert list(tmp_path.iterdir()) == []
        assert descriptors() == before + 1
    assert descriptors() == before


def test_a_small_spool_needs_no_file(tmp_path: Path) -> None:
    """A few bytes stay in memory, so that many small layers don't cost a file each."""
    before = descriptors()
    with spooled(CONTENT[:5000], tmp_path / "doesn't exist") as spool:
        assert descriptors() == before
        assert b"".join(spool.open()) == CONTENT[:5000]


def test_a_forgotten_spool_is_freed(tmp_path: Path) -> None:
    """A spool that nobody refers to any more holds no disk."""
    before = descriptors()
    spooled(CONTENT, tmp_path)
    assert descriptors() == before


def test_a_directory_that_cannot_hold_a_spool(tmp_path: Path) -> None:
    """The error says which directory it is, why, and what to do."""
    with pytest.raises(ImageOutputError, match=r"gone: No such file or directory; --temp-dir"):
        spooled(CONTENT, tmp_path / "gone")


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every file of more than 100,000 bytes a full disk."""
    write = os.pwrite

    def full(descriptor: int, content: memoryview, offset: int) -> int:
        if offset + len(content) > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, content, offset)

    monkeypatch.setattr(os, "pwrite", full)


@pytest.mark.usefixtures("small_files")
def test_a_full_disk_says_what_to_do(tmp_path: Path) -> None:
    """A spool that can't grow names its directory and the option that changes it."""
    with pytest.raises(ImageOutputError, match=rf"{tmp_path}: No space left on device; --temp-dir"):
        spooled(CONTENT, tmp_path)


def test_a_file_is_written_whole_even_in_small_steps(
    shared: SharedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that takes only part of the bytes is asked again."""
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, content, at: write(fd, content[:999], at))
    shared.write_at(5, CONTENT[::-1])
    assert shared.read_at(5, len(CONTENT)) == CONTENT[::-1]


def test_temporary_files_default_to_the_usual_place() -> None:
    """Without a directory the system's is used."""
    file = temporary_file()
    file.write_at(0, b"content")
    assert file.read_at(3, 100) == b"tent"
    file.close()


def test_no_descriptor_left_is_an_error(tmp_path: Path) -> None:
    """A process that may open no more files gets a clear line, too."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(ImageOutputError, match="Too many open files"):
            temporary_file(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_a_partial_file_appears_when_it_is_published(tmp_path: Path) -> None:
    """Until then the old file stays, and afterwards there is nothing else."""
    path = tmp_path / "out.tar"
    path.write_bytes(b"old")
    partial = PartialFile(path)
    partial.file.write_at(0, b"new")
    assert path.read_bytes() == b"old"
    partial.publish()
    partial.discard()
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_discarded_file_leaves_nothing(tmp_path: Path) -> None:
    """Neither the final name nor another one remains."""
    partial = PartialFile(tmp_path / "out.tar")
    assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
    partial.discard()
    partial.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_published_file_has_the_usual_mode(tmp_path: Path) -> None:
    """The umask decides who may read it, as for any other file."""
    old = os.umask(0o027)
    try:
        PartialFile(tmp_path / "a").publish()
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_link_is_followed(tmp_path: Path) -> None:
    """Writing to a symbolic link replaces what it leads to, and the link stays."""
    (tmp_path / "big disk").mkdir()
    link = tmp_path / "out.tar"
    link.symlink_to("big disk/real.tar")
    PartialFile(link).publish()
    assert link.is_symlink()
    assert (tmp_path / "big disk/real.tar").is_file()


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "it is a directory"),
        ("gone/out.tar", "No such file or directory"),
        ("file/out.tar", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("pipe", "it is no regular file"),
        ("a\0b", "null byte"),
        ("/dev/null", "it is no regular file"),
        ("/", "it is a directory"),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, path: str, problem: str) -> None:
    """One clear line says why; a device or a pipe is never replaced by a file."""
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageOutputError, match=problem):
        PartialFile(f"{tmp_path}/{path}" if path[:1] != "/" else path)
    assert not os.path.isfile("/dev/null")  # noqa: PTH113
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "pipe"]
