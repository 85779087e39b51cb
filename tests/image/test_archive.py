"""Tar files are read at any place, and nothing that they say is trusted."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from occystrap.errors import ImageInputError, ImageOutputError
from occystrap.image.archive import Archive
from tests.support.archives import tar_of
from tests.support.images import file, layer, special

DOCUMENT = b'{"a": 1}'
TAR = tar_of([("dir/b", b"content" * 100), ("manifest.json", DOCUMENT)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that doesn't exist yet."""
    return tmp_path / "x.tar"


def opened(path: Path, content: bytes) -> Archive:
    """Write an archive, and open it."""
    path.write_bytes(content)
    return Archive.open(str(path), str(path.parent))


def refused(path: Path, content: bytes) -> str:
    """Write what is no archive, and return what the error says of it."""
    with pytest.raises(ImageInputError) as caught:
        opened(path, content)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_members_are_read_in_any_order(path: Path) -> None:
    """Small ones come whole, large ones as a source, and what isn't there is an error."""
    archive = opened(path, TAR)
    assert archive.read("manifest.json") == DOCUMENT
    assert b"".join(archive.source("dir/b").open()) == b"content" * 100
    assert "dir/b" in archive
    assert "c" not in archive
    with pytest.raises(ImageInputError, match=r"x.tar: 'c' not found in tarball"):
        archive.source("c")
    archive.close()
    archive.close()


@pytest.mark.parametrize("name", ["a", "./a", "/a", "x/../a", "//a", "../a"])
def test_names_are_compared_from_the_root(path: Path, name: str) -> None:
    """Tools write the same place in several ways; none leads outside."""
    assert opened(path, tar_of([(name, b"1")])).read("./a") == b"1"


def test_of_a_name_that_is_there_twice_the_last_counts(path: Path) -> None:
    """Appending to an archive replaces what it had, as for tar itself."""
    assert opened(path, tar_of([("a", b"old"), ("a", b"new")])).read("a") == b"new"


def test_links_are_followed(path: Path) -> None:
    """Symbolic links start from their directory, hard links from the root; order doesn't matter."""
    content = layer(
        special("x/soft", tarfile.SYMTYPE, "../y/target"),
        special("x/rooted", tarfile.SYMTYPE, "/y/target"),
        special("x/hard", tarfile.LNKTYPE, "y/target"),
        special("chain", tarfile.SYMTYPE, "x/soft"),
        special("dangling", tarfile.SYMTYPE, "nowhere"),
        special("a", tarfile.SYMTYPE, "b"),
        special("b", tarfile.SYMTYPE, "a"),
        special("self", tarfile.SYMTYPE, "self"),
        special("y", tarfile.DIRTYPE),
        file("y/target", b"found"),
    )
    archive = opened(path, content)
    for name in ("x/soft", "x/rooted", "x/hard", "chain"):
        assert archive.read(name) == b"found"
    with pytest.raises(ImageInputError, match="'dangling', which leads to 'nowhere' not found"):
        archive.read("dangling")
    for name in ("a", "self"):
        with pytest.raises(ImageInputError, match="leads nowhere"):
            archive.read(name)
    with pytest.raises(ImageInputError, match="'y' not found"):
        archive.read("y")


@pytest.mark.parametrize(
    "compress",
    [gzip.compress, zstandard.compress, lambda tar: gzip.compress(tar) + bytes(512)],
    ids=["gzip", "zstd", "padded"],
)
def test_an_archive_may_be_compressed_as_a_whole(
    path: Path, compress: Callable[[bytes], bytes]
) -> None:
    """It is unpacked into a file that nobody sees."""
    archive = opened(path, compress(TAR))
    assert archive.read("manifest.json") == DOCUMENT
    assert list(path.parent.iterdir()) == [path]


def test_an_archive_may_come_through_a_pipe(path: Path) -> None:
    """What can't be read twice is kept in a file that nobody sees."""
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(gzip.compress(TAR),))
    writer.start()
    archive = Archive.open(str(path))
    writer.join()
    assert archive.read("manifest.json") == DOCUMENT


def test_no_place_to_unpack(path: Path) -> None:
    """The error is about the directory for temporary files."""
    path.write_bytes(gzip.compress(TAR))
    with pytest.raises(ImageOutputError, match="--temp-dir"):
        Archive.open(str(path), str(path.parent / "gone"))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("gone", "No such file or directory"),
        ("", "Is a directory"),
        ("file/x", "Not a directory"),
        ("a\0b", "null byte"),
    ],
)
def test_paths_that_cannot_be_read(tmp_path: Path, name: str, problem: str) -> None:
    """One clear line says why."""
    (tmp_path / "file").touch()
    with pytest.raises(ImageInputError, match=f"can't read .*{problem}"):
        Archive.open(f"{tmp_path}/{name}")
    with pytest.raises(ImageInputError, match="no regular file"):
        Archive.open("/dev/zero")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty file"),
        (b"x", "truncated header"),
        (b"x" * 600, "invalid header"),
        (b"#!/bin/sh\n" * 200, "invalid header"),
        (TAR[:512], "ends within 'dir/b'"),
        (TAR[:600], "ends within 'dir/b'"),
        (TAR[:1700], "truncated header"),
        (TAR[:1536] + b"\xff" * 512 + TAR[2048:], "bad checksum|invalid header"),
        (gzip.compress(TAR)[:-20], "damaged: it ends in the middle"),
        (lzma.compress(TAR), "compressed with xz; decompress it first"),
        (bz2.compress(TAR), "compressed with bzip2; decompress it first"),
    ],
)
def test_what_is_no_tar_file(path: Path, content: bytes, problem: str) -> None:
    """The error names the file and what is wrong, wherever the damage is."""
    assert re.search(problem, refused(path, content))


def test_zeros_are_an_archive_of_nothing(path: Path) -> None:
    """The end of an archive may come first."""
    assert "manifest.json" not in opened(path, bytes(1024))


def test_documents_have_a_limit(path: Path) -> None:
    """A manifest of a gigabyte isn't read into memory."""
    member = tarfile.TarInfo("manifest.json")
    member.size = 1 << 30
    with path.open("wb") as out:
        out.write(member.tobuf())
        out.truncate((1 << 30) + 10240)
    archive = Archive.open(str(path))
    with pytest.raises(ImageInputError, match="too large"):
        archive.read("manifest.json")


def test_headers_have_a_limit(path: Path) -> None:
    """Neither do the attributes of a member fill the memory."""
    assert "header at byte" in refused(path, layer(file("a", pax_headers={"x": "y" * 100_000})))


def test_members_have_a_limit(path: Path) -> None:
    """A file with nothing but members isn't indexed for ever."""
    path.write_bytes(tarfile.TarInfo("a").tobuf() * 100_001)
    with pytest.raises(ImageInputError, match="more than 100000 members"):
        Archive.open(str(path))


def test_sizes_are_not_negative(path: Path) -> None:
    """A member of fewer than no bytes would lead back to where it began."""
    member = tarfile.TarInfo("a")
    member.size = -1024
    assert "no readable tar file" in refused(path, member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


def test_sparse_files_are_not_read_as_they_are_stored(path: Path) -> None:
    """Their stored bytes aren't their content, so they don't pass for it."""
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"}
    archive = opened(path, layer(file("a", b"1\n0\n9\n" + bytes(506), pax_headers=headers)))
    with pytest.raises(ImageInputError, match="'a' not found"):
        archive.read("a")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(place=st.integers(0, 3071), value=st.integers(0, 255), end=st.integers(0, len(TAR)))
def test_damaged_headers_are_the_error_named(path: Path, place: int, value: int, end: int) -> None:
    """Whatever byte of an archive changes and wherever it ends, no other error comes out."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in (
            file("a" * 150, b"1", pax_headers={"comment": "é"}),
            special("link", tarfile.SYMTYPE, "a"),
        ):
            tar.addfile(info, io.BytesIO(content))
    damaged = bytearray(output.getvalue())
    damaged[place] = value
    # A header whose checksum is right again gets further.
    for start in range(0, 3072, 512):
        header = bytearray(damaged[start : start + 512])
        header[148:156] = b" " * 8
        damaged[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    try:
        archive = opened(path, bytes(damaged[:end]))
        archive.close()
    except ImageInputError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is fine
