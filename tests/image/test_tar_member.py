"""What is changed of a member changes, and nothing else does."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.image.tar_blocks import (
    check,
    encode_records,
    field,
    number,
    parse_records,
    with_field,
)
from occystrap.image.tar_member import Member, normal_path
from occystrap.image.tar_reader import TarReader
from tests.support.images import file, layer, special
from tests.support.tars import TARS, global_header, old_sparse, pax_sparse, view_of

Dialect = Literal[0, 1, 2]
NAMES = st.sampled_from([b"new", b"n" * 100, b"n" * 101, b"dir/" * 80 + b"n", "é".encode()])


def member_of(tar: bytes) -> Member:
    """Read the first member."""
    return next(TarReader([tar]).entries()).member


def changed(tar: bytes, change: Callable[[Member], Member]) -> bytes:
    """Write a tar down with a change of each member."""
    reader = TarReader([tar])
    parts = [part for e in reader.entries() for part in (change(e.member).pack(), *e.blocks)]
    return b"".join([*parts, *reader.rest()])


@given(TARS, st.sampled_from([0, 1, 1_700_000_000, 8**11 - 1]))
def test_all_times_become_one(tar: bytes, time: int) -> None:
    """Everything else is as it was, and doing it again changes nothing."""
    timeless = changed(tar, lambda member: member.with_time(time))
    assert view_of(timeless) == [replace(view, mtime=time) for view in view_of(tar)]
    assert changed(timeless, lambda member: member.with_time(time)) == timeless


@given(TARS, NAMES)
def test_a_member_gets_another_name(tar: bytes, name: bytes) -> None:
    """However the old one was written, and however long the new one is."""
    renamed = changed(tar, lambda m: m.renamed(name) if m.header else m)
    views = view_of(tar)
    assert view_of(renamed) == [replace(view, name=name.decode()) for view in views]


@given(TARS, NAMES)
def test_a_link_leads_elsewhere(tar: bytes, name: bytes) -> None:
    """However the old target was written."""

    def lead(member: Member) -> Member:
        return member.linked(name) if member.kind in (tarfile.LNKTYPE, tarfile.SYMTYPE) else member

    views = [
        replace(v, link=name.decode()) if v.kind in (tarfile.LNKTYPE, tarfile.SYMTYPE) else v
        for v in view_of(tar)
    ]
    assert view_of(changed(tar, lead)) == views


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        (tarfile.PAX_FORMAT, {"pax_headers": {"atime": "1.5", "ctime": "2", "mtime": "1.25"}}),
        (tarfile.PAX_FORMAT, {"pax_headers": {"LIBARCHIVE.creationtime": "3"}, "mtime": 0.5}),
        (tarfile.GNU_FORMAT, {"mtime": 8**11 + 5}),
        (tarfile.GNU_FORMAT, {"mtime": -5}),
        (tarfile.USTAR_FORMAT, {"mtime": 5}),
    ],
)
def test_no_time_is_left(dialect: Dialect, fields: dict[str, Any]) -> None:
    """All ways to write one end in the same bytes as a member that never had one."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=dialect) as tar:
        tar.addfile(file("a", **fields)[0])
        tar.addfile(special("b", tarfile.DIRTYPE, **fields)[0])
    never = io.BytesIO()
    with tarfile.open(fileobj=never, mode="w", format=dialect) as tar:
        tar.addfile(file("a", mtime=7)[0])
        tar.addfile(special("b", tarfile.DIRTYPE, mtime=7)[0])
    timeless = changed(output.getvalue(), lambda m: m.with_time(7))
    assert timeless.rstrip(b"\0") == never.getvalue().rstrip(b"\0")


def test_times_that_gnu_tar_keeps_beside_are_taken_out() -> None:
    """Access and change, where other headers have a prefix of the name."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(file("a")[0])
    plain = output.getvalue()
    timed = with_field(plain[:512], "gnu_times", b"14371573000\0" * 2) + plain[512:]
    assert member_of(timed).path == "a"
    assert changed(timed, lambda m: m.with_time(0)) == plain


def test_the_number_of_a_process_is_taken_out_with_the_times() -> None:
    """GNU tar names extensions by it; two runs would never be the same."""
    tars = []
    for process in (b"17", b"4711"):
        tar = layer(file("a", pax_headers={"comment": "kept", "mtime": "1.5"}))
        name = b"./PaxHeaders." + process + b"/a"
        header = with_field(with_field(tar[:512], "name", name), "mtime", b"%011o\0" % 99)
        tars.append(changed(header + tar[512:], lambda m: m.with_time(0)))
    assert tars[0] == tars[1]
    assert dict(member_of(tars[0]).extensions[0].records) == {b"comment": b"kept"}


def test_a_global_header_loses_its_times_only() -> None:
    """Without anything else to say it is gone."""
    tar = layer(file("a", b"x"))
    kept = changed(global_header(mtime="1", comment="b") + tar, lambda m: m.with_time(0))
    assert kept == global_header(comment="b") + tar
    assert changed(global_header(mtime="1") + tar, lambda m: m.with_time(0)) == tar


def test_members_of_every_kind_of_sparse_file_can_be_renamed() -> None:
    """The map of what is stored stays."""
    for tar in (old_sparse("old", b"x" * 600), pax_sparse("old", b"x" * 600)):
        (before,) = view_of(tar)
        for name in (b"new", b"n" * 200):
            renamed = changed(tar, partial(Member.renamed, name=name))
            assert view_of(renamed) == [replace(before, name=name.decode())]


RECORDS = st.lists(
    st.tuples(
        st.binary(min_size=1, max_size=120).filter(lambda key: b"=" not in key),
        st.binary(max_size=1100),
    ),
    max_size=4,
).map(tuple)


@given(RECORDS)
def test_records_are_read_as_they_were_written(records: tuple[tuple[bytes, bytes], ...]) -> None:
    """Whatever their length: it counts itself."""
    assert parse_records(encode_records(records)) == records


@pytest.mark.parametrize(
    "body", [b"x", b"5 a=b", b"9 a=b\n", b"6 a=b\n7", b"4 a\n", b"5 =b\n", b"0"]
)
def test_malformed_records_are_refused(body: bytes) -> None:
    """A length that is wrong or missing, or no name."""
    with pytest.raises(ValueError, match=r"malformed|invalid literal"):
        parse_records(body)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"00000000017\0", 15),
        (b"     17 ", 15),
        (b"17", 15),
        (b"", 0),
        (b"\x80" + bytes(10) + b"\x0f", 15),
        (b"\x80" + bytes(3) + b"\xff" * 8, 2**64 - 1),
        (b"\xff" * 12, -1),
    ],
)
def test_numbers_are_octal_or_binary(raw: bytes, value: int) -> None:
    """With whatever padding, and less than nothing."""
    assert number(with_field(bytes(512), "mtime", raw), "mtime") == value


def test_checksums_of_old_programs_are_right_as_well() -> None:
    """They added up signed bytes; all others are wrong."""
    header = file("é")[0].tobuf(tarfile.GNU_FORMAT)
    signed = sum(byte - 256 * (byte > 127) for byte in header[:148] + b" " * 8 + header[156:])
    check(header[:148] + b"%06o\0 " % signed + header[156:])
    with pytest.raises(ValueError, match="checksum"):
        check(header[:148] + b"%06o\0 " % (signed + 1) + header[156:])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("etc/passwd", "etc/passwd"),
        ("./etc//passwd", "etc/passwd"),
        ("/etc/", "etc"),
        ("//etc/./x", "etc/x"),
        ("../../etc", "etc"),
        ("./", ""),
        (b"a\xff", "a\udcff"),
    ],
)
def test_a_path_is_from_the_root_of_the_image(name: str | bytes, path: str) -> None:
    """However the name is written."""
    assert normal_path(name) == path


def test_an_old_file_with_a_slash_is_a_directory() -> None:
    """As it was before directories had a kind."""
    info = file("dir/")[0]
    info.type = tarfile.AREGTYPE
    member = member_of(info.tobuf(tarfile.USTAR_FORMAT))
    assert (member.kind, member.is_file) == (tarfile.DIRTYPE, False)
    assert field(member.header, "kind") == tarfile.AREGTYPE
