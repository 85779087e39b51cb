"""`normalize-timestamps` makes tars equal that differ in times only."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given

from occystrap.errors import ImageInputError, InvalidOption
from occystrap.filters.exclude import Exclude
from occystrap.filters.timestamps import NormalizeTimestamps
from tests.support.filtering import filtered
from tests.support.images import file, layer, special
from tests.support.tars import TARS, view_of


def packed(dialect: Literal[0, 1, 2], mtime: float, **times: str) -> bytes:
    """Pack the same few things at some time."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=dialect) as tar:
        for info, content in (
            special("dir", tarfile.DIRTYPE, mtime=mtime),
            file("dir/" + "long" * 30, b"x" * 700, mtime=mtime, pax_headers={**times, "a.b": "c"}),
            special("link", tarfile.SYMTYPE, "dir", mtime=mtime),
        ):
            tar.addfile(info, io.BytesIO(content))
    return output.getvalue()


@pytest.mark.parametrize("dialect", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_times_are_all_that_is_lost(dialect: Literal[1, 2]) -> None:
    """Whole seconds or not, before 1970 or far away, access and change too."""
    tars = [
        packed(dialect, 1_700_000_000),
        packed(dialect, 0),
        packed(dialect, -1),
        packed(dialect, 8**11 + 1),
        packed(dialect, 1_700_000_000.5, atime="1.5", ctime="2"),
        packed(dialect, 1, **{"LIBARCHIVE.creationtime": "3"}),
    ]
    results = {filtered(tar, NormalizeTimestamps(5)) for tar in tars}
    assert len(results) == 1
    assert {view.mtime for view in view_of(results.pop())} == {5}


@given(TARS)
def test_everything_else_is_carried_over(tar: bytes) -> None:
    """Names, links, attributes, owners, holes and content, whatever the tar is made of."""
    result = filtered(tar, NormalizeTimestamps(9))
    assert view_of(result) == [replace(view, mtime=9) for view in view_of(tar)]
    assert filtered(result, NormalizeTimestamps(9)) == result


def test_a_tar_of_the_right_time_stays() -> None:
    """Byte for byte, with what follows its end."""
    tar = layer(file("a", b"x", mtime=7)) + b"what follows"
    assert filtered(tar, NormalizeTimestamps(7)) == tar


def test_a_changed_tar_ends_as_all_do() -> None:
    """With two blocks of zeros, however it ended before; also where it broke off."""
    member = layer(file("a", b"x" * 5, mtime=7))[:1024]
    ends = (b"", bytes(1024), bytes(9216), bytes(1024) + b"what follows")
    results = {filtered(member + end, NormalizeTimestamps()) for end in ends}
    results.add(filtered(member[: 512 + 5], NormalizeTimestamps()))  # no padding
    assert [len(result) for result in results] == [2048]


def test_filters_work_one_after_the_other() -> None:
    """In one pass: what is left out isn't there to be given a time."""
    tar = layer(file("a", b"x", mtime=1), file("b", mtime=5))
    filters = (Exclude(["a"]), NormalizeTimestamps(5))
    assert [(v.name, v.mtime) for v in view_of(filtered(tar, *filters))] == [("b", 5)]
    assert filtered(tar, *filters) == filtered(tar, *reversed(filters))


@pytest.mark.parametrize("timestamp", [-1, 8**11])
def test_a_time_has_to_fit_a_header(timestamp: int) -> None:
    """Until the year 2242."""
    NormalizeTimestamps(8**11 - 1)
    with pytest.raises(InvalidOption, match=f"from 0 to 8589934591, not {timestamp}"):
        NormalizeTimestamps(timestamp)


def test_a_time_that_is_none_is_an_error() -> None:
    """It is damage, as others take it, too."""
    info = file("a")[0]
    header = info.tobuf(tarfile.USTAR_FORMAT)
    damaged = header[:136] + b"yesterday\0\0\0" + header[148:]
    checksum = sum(damaged[:148]) + 8 * 32 + sum(damaged[156:])
    damaged = damaged[:148] + b"%06o\0 " % checksum + damaged[156:]
    with pytest.raises(ImageInputError, match="no readable tar"):
        filtered(damaged + bytes(1024), NormalizeTimestamps())
