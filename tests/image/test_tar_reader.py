"""A tar is read as a stream, and every byte of it comes out again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import DigestMismatch, ImageInputError
from occystrap.image.tar_member import normal_path
from occystrap.image.tar_reader import TarReader
from occystrap.oci.digest import Digest, verified
from tests.support.images import bottom_layer, file, layer, middle_layer, top_layer
from tests.support.tars import TARS, hypothesis_chunks, old_sparse, pax_sparse, view_of


def copied(chunks: Iterable[bytes]) -> bytes:
    """Read a tar and write down all of it."""
    reader = TarReader(chunks)
    parts = [part for e in reader.entries() for part in (e.member.pack(), *e.blocks)]
    return b"".join([*parts, *reader.rest()])


@given(TARS, st.data())
def test_any_tar_comes_out_as_it_went_in(tar: bytes, data: st.DataObject) -> None:
    """Byte for byte, whatever it holds and however it is cut."""
    assert copied(data.draw(hypothesis_chunks(tar))) == tar


@given(TARS)
def test_members_are_those_that_others_see(tar: bytes) -> None:
    """Name, kind, link and size are as Python's tarfile reads them, content or not."""
    found = [e.member for e in TarReader([tar]).entries() if e.member.header]
    seen = view_of(tar)
    assert [m.path for m in found] == [normal_path(view.name) for view in seen]
    assert [normal_path(m.link) for m in found] == [normal_path(view.link) for view in seen]
    assert [m.real_size for m in found] == [len(view.content) for view in seen]


@pytest.mark.parametrize("make", [bottom_layer, middle_layer, top_layer, layer])
def test_layers_of_images_come_out_as_they_went_in(make: Callable[[], bytes]) -> None:
    """Also those whose names are written by GNU tar."""
    tar = make()
    assert copied(tar[start : start + 700] for start in range(0, len(tar), 700)) == tar


def test_sparse_files_have_their_name_and_size() -> None:
    """In the older way of GNU and in the newer one."""
    tar = old_sparse("old", b"x" * 600) + pax_sparse("new", b"y" * 100)
    members = [e.member for e in TarReader([tar]).entries()]
    assert [(m.path, m.real_size) for m in members] == [("old", 1180), ("new", 612)]


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_tar_or_a_named_error(content: bytes) -> None:
    """Nothing else comes out of the reader."""
    with contextlib.suppress(ImageInputError):
        copied([content])


@given(TARS, st.data())
def test_a_damaged_tar_is_a_tar_or_a_named_error(tar: bytes, data: st.DataObject) -> None:
    """One byte is another."""
    place = data.draw(st.integers(0, max(len(tar) - 1, 0)))
    damaged = tar[:place] + bytes([data.draw(st.integers(0, 255))]) + tar[place + 1 :]
    with contextlib.suppress(ImageInputError):
        copied([damaged])


def test_a_tar_that_is_cut_off_is_an_error_or_ends_between_members() -> None:
    """Only there an end can't be told from the end."""
    tar = layer(file("a", b"x" * 600), file("b"))[:2048]
    for end in range(len(tar) + 1):
        if end in (0, 512 + 600, 2048 - 512, 2048) or 512 + 600 < end < 2048 - 512:
            assert copied([tar[:end]]) == tar[:end]
        else:
            with pytest.raises(ImageInputError, match=r"ends within|ends in the middle"):
                copied([tar[:end]])


def test_a_header_that_grows_without_end_is_not_read() -> None:
    """Nobody who reads layers would take one of more than a megabyte."""
    tar = layer(file("a", pax_headers={"comment": "x" * 1_100_000}))
    with pytest.raises(ImageInputError, match=r"a header of 11000\d\d bytes"):
        copied([tar])


def test_a_source_that_verifies_itself_has_the_first_word() -> None:
    """Bytes that were spoilt on the way are called that, not a damaged tar."""
    tar = layer(file("a", b"x" * 5000))
    spoilt = b"?" + tar[1:]
    chunks = [spoilt[start : start + 512] for start in range(0, len(spoilt), 512)]
    with pytest.raises(DigestMismatch):
        copied(verified(chunks, Digest.of(tar)))


def test_closing_closes_the_source() -> None:
    """What it holds is given up at once."""
    closed = []

    def source() -> Iterator[bytes]:
        try:
            yield layer(file("a"))
        finally:
            closed.append(True)

    reader = TarReader(source())
    next(reader.entries())
    reader.close()
    assert closed == [True]
