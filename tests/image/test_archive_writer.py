"""Tar files that several threads fill, and that come out the same every time."""

from __future__ import annotations

import io
import itertools
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from occystrap.errors import SizeMismatch
from occystrap.image.archive_writer import ArchiveWriter, BrokenPromise, Place
from occystrap.image.spool import Spool

CONTENTS = [b"", b"one", b"two" * 200_000, bytes(512), b"five"]
NAMES = [f"{number}/layer.tar" for number in range(len(CONTENTS))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file in a directory of its own."""
    return tmp_path / "x.tar"


@pytest.fixture
def writer(path: Path) -> Iterator[ArchiveWriter]:
    """Begin an archive."""
    writer = ArchiveWriter(path)
    yield writer
    writer.discard()


def members(path: Path) -> dict[str, bytes]:
    """Read an archive with the standard library."""
    with tarfile.open(path) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]


def expected() -> bytes:
    """Make the same archive with the standard library."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in zip(NAMES, CONTENTS, strict=True):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return output.getvalue()


def fill(writer: ArchiveWriter, number: int, *, known: bool = False) -> Place | Spool:
    """Write one member; with its name and size known from the start, or not."""
    content = CONTENTS[number]
    name, size = (NAMES[number], len(content)) if known else (None, None)
    target = writer.open(number, name, size)
    for start in range(0, len(content), 100_000):
        target.write(content[start : start + 100_000])
    writer.commit(number, NAMES[number], target)
    return target


def write_and_commit(writer: ArchiveWriter, target: Place | Spool) -> None:
    """Write the third member."""
    target.write(CONTENTS[2])
    writer.commit(2, NAMES[2], target)


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::7])
@pytest.mark.parametrize("known", [(), (0, 2), (1, 2, 3), (0, 1, 2, 3, 4)])
def test_members_stand_in_order_whoever_is_first(
    writer: ArchiveWriter, path: Path, order: tuple[int, ...], known: tuple[int, ...]
) -> None:
    """The file is the one that tar would write, byte for byte."""
    for number in order:
        fill(writer, number, known=number in known)
    writer.publish()
    assert path.read_bytes() == expected()


def test_threads_write_side_by_side(writer: ArchiveWriter, path: Path) -> None:
    """All members are begun before the first ends, and the file is the same."""
    barrier = threading.Barrier(len(CONTENTS))

    def work(number: int) -> None:
        size = len(CONTENTS[number]) if number in (1, 2) else None
        target = writer.open(number, NAMES[number], size)
        barrier.wait(10)
        target.write(CONTENTS[number])
        writer.commit(number, NAMES[number], target)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(CONTENTS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.publish()
    assert path.read_bytes() == expected()


def test_only_what_must_wait_is_spooled(writer: ArchiveWriter) -> None:
    """Whoever is next writes in place; beside one of known size the one after it does, too."""
    assert isinstance(writer.open(1), Spool)
    first = writer.open(0, NAMES[0], 3)
    second = writer.open(1)
    third = writer.open(2)
    assert [type(target) for target in (first, second, third)] == [Place, Place, Spool]


def test_members_behind_one_that_is_announced_wait_for_its_size(
    writer: ArchiveWriter, path: Path
) -> None:
    """Whoever begins last is the first in the file; nobody writes to a spool."""
    for number in range(len(CONTENTS)):
        writer.announce(number)
    targets: dict[int, Place | Spool] = {}

    def work(number: int) -> None:
        size = len(CONTENTS[number])
        targets[number] = target = writer.open(number, NAMES[number], size, promised=True)
        target.write(CONTENTS[number])
        writer.commit(number, NAMES[number], target)

    threads = [threading.Thread(target=work, args=(number,)) for number in (4, 2, 3, 1)]
    for thread in threads:
        thread.start()
    work(0)
    for thread in threads:
        thread.join()
    assert {type(target) for target in targets.values()} == {Place}
    writer.publish()
    assert path.read_bytes() == expected()


def test_a_brief_member_is_waited_for_until_it_is_written(
    writer: ArchiveWriter, path: Path
) -> None:
    """What is behind it begins in its place then."""
    writer.announce(0)
    brief = writer.open_brief()
    opened: list[Place | Spool] = []
    thread = threading.Thread(
        target=lambda: opened.append(writer.open(1, NAMES[1], 3, promised=True))
    )
    thread.start()
    thread.join(0.05)
    assert opened == []
    brief.write(CONTENTS[0])
    writer.commit(0, NAMES[0], brief)
    thread.join()
    assert isinstance(opened[0], Place)
    opened[0].write(CONTENTS[1])
    writer.commit(1, NAMES[1], opened[0])
    writer.publish()
    assert list(members(path)) == NAMES[:2]


@pytest.mark.parametrize("wrong", [-512, 512])
def test_a_broken_promise_costs_a_second_writing(
    writer: ArchiveWriter, path: Path, wrong: int
) -> None:
    """The file is the same, and what was written at first is gone."""
    for number in (0, 1, 3, 4):
        fill(writer, number, known=True)
    target = writer.open(2, NAMES[2], len(CONTENTS[2]) + wrong, promised=True)
    with pytest.raises(BrokenPromise):
        write_and_commit(writer, target)
    write_and_commit(writer, writer.give_way(NAMES[2]))
    writer.publish()
    assert path.read_bytes() == expected()
    assert list(path.parent.iterdir()) == [path]


def test_a_name_that_is_there_is_not_written_again(writer: ArchiveWriter, path: Path) -> None:
    """Of layers that turn out to be equal one stays, and nothing is left of the other."""
    contents = [b"same" * 1000, b"same" * 1000, b"x", b"same" * 1000, b"y"]
    names = ["same", "same", "x", "same", "y"]
    targets = [writer.open(number) for number in range(4)]
    for target, content in zip(targets, contents, strict=False):
        target.write(content)
    for number in (0, 2, 3, 1):
        writer.commit(number, names[number], targets[number])
    assert isinstance(writer.open(4, "same", 4000), Spool)
    writer.skip(4)
    writer.add("end", b"end")
    writer.publish()
    assert members(path) == {"same": b"same" * 1000, "x": b"x", "end": b"end"}
    assert b"same" not in path.read_bytes()[4608:]


def test_the_last_member_may_be_one_that_is_there(writer: ArchiveWriter, path: Path) -> None:
    """What was written in place and isn't needed is cut off."""
    for number in range(2):
        target = writer.open(number)
        target.write(b"same" * 50_000)
        writer.commit(number, "same", target)
    writer.publish()
    assert path.stat().st_size == 204_800


def test_numbers_may_be_left_out(writer: ArchiveWriter, path: Path) -> None:
    """A member that isn't there holds nobody up."""
    writer.add("config", b"{}")
    fill(writer, 3)
    writer.skip(1)
    writer.skip(0)
    fill(writer, 2)
    writer.publish()
    assert list(members(path)) == ["config", NAMES[2], NAMES[3]]
    assert writer.sizes == {"config": 2, NAMES[2]: 600_000, NAMES[3]: 512}


def test_a_member_of_another_size_than_said_is_an_error(writer: ArchiveWriter) -> None:
    """The place that was kept for it has the size that was known."""
    target = writer.open(0, "a", 10)
    target.write(b"only 9...")
    with pytest.raises(SizeMismatch, match="a has the wrong size: expected 10 bytes, got 9"):
        writer.commit(0, "a", target)


def test_members_of_more_than_8_gib(path: Path) -> None:
    """Sizes beyond the fields of POSIX are written so that every tar reads them."""
    writer = ArchiveWriter(path)
    size = 9 << 30
    target = writer.open(0)
    target.size = size  # as if written: a hole in the file
    writer.commit(0, "large", target)
    writer.add("small", b"small")
    writer.publish()
    with tarfile.open(path) as tar:
        assert [(info.name, info.size, info.mode, info.mtime) for info in tar] == [
            ("large", size, 0o644, 0),
            ("small", 5, 0o644, 0),
        ]
    path.unlink()


def test_what_is_discarded_leaves_nothing(path: Path) -> None:
    """Neither the file nor what waits for its turn."""
    writer = ArchiveWriter(path)
    fill(writer, 2)
    writer.skip(4)
    assert len(list(path.parent.iterdir())) == 1
    writer.discard()
    writer.discard()
    assert list(path.parent.iterdir()) == []
