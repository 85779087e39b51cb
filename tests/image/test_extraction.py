"""What is kept of the files of a layer, and what becomes of entries that come twice."""

from __future__ import annotations

import contextlib
import os
import stat
import tarfile
from pathlib import Path
from typing import Final

import pytest

from occystrap.errors import ImageInputError, OccystrapError
from occystrap.image.budget import Budget
from occystrap.image.entry_maker import ExtractionRules
from occystrap.image.extraction import LayerExtractor
from occystrap.image.whiteouts import OverlayMarks, PlainMarks
from tests.support.descriptors import open_files
from tests.support.hostile import HOSTILE
from tests.support.hostile.building import header, old_sparse, padded, pax
from tests.support.images import Entry, file, layer, special

IS_ROOT: Final = os.geteuid() == 0
RULES: Final = ExtractionRules(IS_ROOT, PlainMarks(), devices=True)


def extract(
    tar: bytes, directory: Path, rules: ExtractionRules = RULES, budget: Budget | None = None
) -> LayerExtractor:
    """Extract a layer below a directory, into `layer`."""
    path = str(directory / "layer")
    extractor = LayerExtractor(path, rules, budget or Budget(), None)
    with contextlib.closing(extractor), contextlib.closing(extractor.notes):
        extractor.extract([tar], "a layer")
    return extractor


def test_a_file_keeps_its_mode_and_its_time_to_the_nanosecond(tmp_path: Path) -> None:
    """Whatever the umask is; PAX says a time in decimal digits."""
    records = pax((b"mtime", b"1700000000.123456789"))
    before = os.umask(0o077)
    try:
        extract(records + header(b"a", mode=b"0000666\0") + bytes(1024), tmp_path)
    finally:
        os.umask(before)
    status = (tmp_path / "layer/a").stat()
    assert stat.S_IMODE(status.st_mode) == 0o666
    assert status.st_mtime_ns == 1_700_000_000_123_456_789


def test_a_link_keeps_its_own_time(tmp_path: Path) -> None:
    """And not what it leads to, which may be anywhere."""
    extract(layer(special("a", tarfile.SYMTYPE, "/etc/passwd", mtime=5)), tmp_path)
    assert (tmp_path / "layer/a").lstat().st_mtime == 5
    assert (tmp_path / "layer/a").readlink() == Path("/etc/passwd")


def test_names_are_bytes(tmp_path: Path) -> None:
    """Those that are no UTF-8 get to the disk as they are, whatever the locale says."""
    extract(header(b"caf\xe9") + header(b"\xc3\xa9") + bytes(1024), tmp_path)
    names = sorted(os.fsencode(path.name) for path in (tmp_path / "layer").iterdir())
    assert names == [b"caf\xe9", b"\xc3\xa9"]


@pytest.mark.skipif(not IS_ROOT, reason="only root can give files away: run the tests as root")
def test_root_keeps_owners_set_id_bits_and_attributes(tmp_path: Path) -> None:
    """In the order in which none of them takes another away."""
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    records = {"SCHILY.xattr.security.capability": capability.decode("latin-1")}
    entries = [
        file("a", b"x", 0o6755, uid=4_000_000_000, gid=7),
        file("b", b"x", 0o755, uid=5, pax_headers=records),
        special("c", tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3, uid=9),
    ]
    extractor = extract(layer(*entries), tmp_path)
    status = (tmp_path / "layer/a").stat()
    assert (status.st_uid, status.st_gid) == (4_000_000_000, 7)
    assert stat.S_IMODE(status.st_mode) == 0o6755
    assert os.getxattr(tmp_path / "layer/b", "security.capability") == capability
    device = (tmp_path / "layer/c").stat()
    assert (stat.S_ISCHR(device.st_mode), device.st_rdev, device.st_uid) == (
        *(True, os.makedev(1, 3)),
        9,
    )
    assert +extractor.left_out == {}


def test_who_is_not_root_gets_no_set_id_bits_of_others(tmp_path: Path) -> None:
    """They would work for somebody else; what is left out is counted."""
    rules = ExtractionRules(privileged=False, marks=PlainMarks(), devices=True)
    entries = [file("a", b"x", 0o4755, uid=4_000_000), special("c", tarfile.CHRTYPE, devmajor=1)]
    extractor = extract(layer(*entries), tmp_path, rules)
    assert stat.S_IMODE((tmp_path / "layer/a").stat().st_mode) == 0o755
    assert +extractor.left_out == {"owners": 1, "set-ID bits": 1, "devices": 1}
    assert not (tmp_path / "layer/c").exists()


CONTENT: Final = b"x" * 5000
LARGE: Final = 50_000_000
SPARSE: Final = {
    "old": old_sparse([(0, 1000), (LARGE - 4000, 4000)], LARGE, CONTENT),
    "pax 0.0": pax(
        *((b"GNU.sparse.size", b"%d" % LARGE), (b"GNU.sparse.numblocks", b"2")),
        *((b"GNU.sparse.offset", b"0"), (b"GNU.sparse.numbytes", b"1000")),
        *((b"GNU.sparse.offset", b"%d" % (LARGE - 4000)), (b"GNU.sparse.numbytes", b"4000")),
    )
    + header(b"holes", 5000)
    + padded(CONTENT),
    "pax 0.1": pax(
        (b"GNU.sparse.size", b"%d" % LARGE),
        (b"GNU.sparse.map", b"0,1000,%d,4000" % (LARGE - 4000)),
    )
    + header(b"holes", 5000)
    + padded(CONTENT),
    "pax 1.0": pax(
        *((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0")),
        (b"GNU.sparse.name", b"holes"),
        (b"GNU.sparse.realsize", b"%d" % LARGE),
    )
    + header(b"GNUSparseFile.0/holes", 512 + 5000)
    + padded(b"2\n0\n1000\n%d\n4000\n" % (LARGE - 4000))
    + padded(CONTENT),
}


@pytest.mark.parametrize("form", SPARSE)
def test_holes_stay_holes(tmp_path: Path, form: str) -> None:
    """In all the ways in which GNU tar has written sparse files."""
    extract(SPARSE[form] + bytes(1024), tmp_path)
    path = tmp_path / "layer/holes"
    with path.open("rb") as opened:
        assert opened.read(1001) == b"x" * 1000 + b"\0"
        opened.seek(LARGE - 4001)
        assert opened.read() == b"\0" + b"x" * 4000
    assert path.stat().st_size == LARGE
    assert path.stat().st_blocks * 512 < 100_000


@pytest.mark.parametrize(
    ("entries", "there"),
    [
        ([file("a", b"1"), file("a", b"2")], {"a": b"2"}),
        ([file("d/a", b"1"), file("d", b"2")], {"d": b"2"}),
        ([file("d", b"1"), special("d", tarfile.DIRTYPE), file("d/a", b"2")], {"d/a": b"2"}),
        ([file("d/a", b"1"), special("d", tarfile.DIRTYPE)], {"d/a": b"1"}),
        ([file("a", b"1"), special("b", b"1", "a"), file("a", b"2")], {"a": b"2", "b": b"1"}),
        ([special("l", b"2", "d"), file("l/a", b"1")], {"d/a": b"1"}),
        ([special("l", b"2", "/d/e/../f"), file("l/a", b"1")], {"d/f/a": b"1"}),
    ],
)
def test_of_two_entries_the_later_counts(
    tmp_path: Path, entries: list[Entry], there: dict[str, bytes]
) -> None:
    """Directories keep what is in them; links on the way are followed within the image."""
    extract(layer(*entries), tmp_path)
    root = tmp_path / "layer"
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    marks = {path for path in files if path.name.startswith(".wh.")}
    found = {str(path.relative_to(root)): path.read_bytes() for path in set(files) - marks}
    assert found == there


def test_a_name_that_is_removed_and_had_anew_hides_what_is_below(tmp_path: Path) -> None:
    """For overlayfs it has to be an opaque directory, in whichever order the entries come."""
    rules = ExtractionRules(IS_ROOT, OverlayMarks(trusted=False))
    for number, entries in enumerate(
        [
            (file(".wh.d"), special("d", tarfile.DIRTYPE)),
            (special("d", tarfile.DIRTYPE), file(".wh.d")),
            (file(".wh.d"), file("d/a")),
            (file("d/a"), file(".wh.d")),
            (file("d"), special("d", tarfile.DIRTYPE)),
        ]
    ):
        place = tmp_path / str(number)
        place.mkdir()
        extract(layer(*entries), place, rules)
        assert os.getxattr(place / "layer/d", "user.overlay.opaque") == b"y"


def test_an_image_takes_no_more_than_its_budget(tmp_path: Path) -> None:
    """Bytes count, and so do entries; the error says how to allow more."""
    with pytest.raises(ImageInputError, match=r"more than 20000 bytes .*max_bytes=N"):
        extract(layer(file("a", bytes(30_000))), tmp_path, budget=Budget(20_000))
    (tmp_path / "more").mkdir()
    many = layer(*(file(str(number)) for number in range(20)))
    assert len(many) < 30_000
    with pytest.raises(ImageInputError, match="more than 90000 bytes"):
        extract(many, tmp_path / "more", budget=Budget(90_000))


def test_aufs_left_overs_are_nobodys(tmp_path: Path) -> None:
    """Directories of AUFS's own, and what is in them."""
    extract(layer(special(".wh..wh.plnk", b"5"), file(".wh..wh.plnk/1.2"), file("a")), tmp_path)
    assert [path.name for path in (tmp_path / "layer").iterdir()] == ["a"]


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_stays_open_whatever_a_layer_says(tmp_path: Path, name: str) -> None:
    """Else a service that many strangers push to would run out of descriptors."""
    before = open_files()
    for number, tar in enumerate(HOSTILE[name].layers(str(tmp_path / "outside"))):
        place = tmp_path / str(number)
        place.mkdir()
        with contextlib.suppress(OccystrapError):
            extract(tar, place)
    assert open_files() == before
