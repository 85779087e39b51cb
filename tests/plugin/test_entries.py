"""Layers from entries, and back."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.oci.digest import Digest
from pytest_occystrap.entries import (
    Device,
    Directory,
    Entry,
    Fifo,
    File,
    Hardlink,
    Symlink,
    Whiteout,
    read_tar,
    write_tar,
)
from tests.support.components import real_component

EVERYTHING: dict[str, Entry | bytes | str] = {
    "bin": Directory(),
    "bin/sh": File(
        b"#!/bin/true\n",
        0o4755,
        uid=4_000_000_000,
        gid=7,
        mtime=1_700_000_000,
        xattrs={"user.colour": b"blue", "security.capability": b"\x01\x00\xff\xfe"},
    ),
    "bin/alias": Symlink("sh"),
    "bin/twin": Hardlink("bin/sh", 0o4755),
    "dev/null": Device("char", 1, 3),
    "dev/disk": Device("block", 8, 0, 0o660),
    "run/pipe": Fifo(0o600),
    "etc/gone": Whiteout(),
    "srv": Whiteout(opaque=True),
    "etc/passwd": "root:x:0:0\n",
    "opt/" + "long/" * 60 + "name": b"long",
    "opt/é-日本": b"unicode",
}

NAMES = st.text("abcdé.-", min_size=1, max_size=130).filter(
    lambda name: name not in (".", "..") and not name.startswith(".wh.")
)
METADATA: dict[str, st.SearchStrategy[Any]] = {
    "uid": st.integers(0, 2**32 - 1),
    "gid": st.integers(0, 2**32 - 1),
    "mtime": st.integers(0, 2**40),
    "xattrs": st.dictionaries(st.text("abc.", min_size=1), st.binary(), max_size=2),
}
MODES = st.integers(0, 0o7777)
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    st.builds(File, st.binary(max_size=1500), MODES, **METADATA),
    st.builds(Directory, MODES, **METADATA),
    st.builds(Symlink, NAMES, MODES, **METADATA),
    st.builds(Hardlink, NAMES, MODES, **METADATA),
    st.builds(Fifo, MODES, **METADATA),
    st.builds(
        Device,
        st.sampled_from(["char", "block"]),
        st.integers(0, 2**20),
        st.integers(0, 2**20),
        MODES,
        **METADATA,
    ),
    st.builds(Whiteout, opaque=st.booleans(), **METADATA),
)


@given(st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), ENTRIES, max_size=4))
def test_entries_come_back(entries: dict[str, Entry | bytes | str]) -> None:
    """What was written is read: kind, content, mode, owner, time and attributes, in order."""
    assert list(read_tar(write_tar(entries))) == list(entries.items())


def test_the_tar_is_the_same_everywhere() -> None:
    """No time, no user name and no version of Python gets into it."""
    assert (
        str(Digest.of(write_tar(EVERYTHING)))
        == "sha256:459e6224ccb6db6ffa6b72d54f5b91c19fc64c45c9af8b87bd6c2a2cbe4ff344"
    )


def test_text_and_bytes_are_files() -> None:
    """The short forms are files of mode 0644 that belong to root."""
    read = dict(read_tar(write_tar({"a": "é", "b": b"x"})))
    assert read == {"a": File("é"), "b": File(b"x")}
    assert File("é").content == "é".encode()


def test_tarfile_agrees() -> None:
    """The library that everyone uses sees the members as they are meant."""
    tar = write_tar(EVERYTHING)
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        members = {member.name: member for member in archive}
    assert "etc/.wh.gone" in members
    assert "srv/.wh..wh..opq" in members
    assert members["bin/sh"].mode == 0o4755
    assert members["bin/sh"].uid == 4_000_000_000
    assert members["bin/twin"].linkname == "bin/sh"
    assert (members["dev/null"].devmajor, members["dev/null"].devminor) == (1, 3)
    assert members["bin/sh"].pax_headers["SCHILY.xattr.user.colour"] == "blue"
    assert len(tar) % tarfile.RECORDSIZE == 0


def test_it_can_be_unpacked(tmp_path: Path) -> None:
    """Links lead where they should in a directory that the layer was unpacked to."""
    entries = {name: EVERYTHING[name] for name in ("bin", "bin/alias", "etc/passwd")}
    tar = write_tar({**entries, "bin/sh": File(b"sh", 0o755), "bin/twin": Hardlink("bin/sh")})
    subprocess.run([real_component("tar"), "-x", "-C", tmp_path], input=tar, check=True)
    assert (tmp_path / "bin/alias").read_bytes() == b"sh"
    assert (tmp_path / "bin/twin").read_bytes() == b"sh"
    assert (tmp_path / "etc/passwd").read_text() == "root:x:0:0\n"


def test_an_opaque_whiteout_of_the_root() -> None:
    """The path of the root directory is empty."""
    assert list(read_tar(write_tar({"": Whiteout(opaque=True)}))) == [("", Whiteout(opaque=True))]


def test_other_values_are_refused() -> None:
    """A value that is no entry is named together with its path."""
    with pytest.raises(TypeError, match="'etc/number' is a int, which no layer can hold"):
        write_tar({"etc/number": cast("Entry", 3)})
