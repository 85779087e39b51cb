"""Tars with whatever tars can hold, in every dialect: by hand, and by hypothesis."""

from __future__ import annotations

import io
import operator
import tarfile
from dataclasses import dataclass
from typing import Final, Literal

from hypothesis import strategies as st

__all__ = ["TARS", "MemberView", "hypothesis_chunks", "old_sparse", "pax_sparse", "view_of"]

_BLOCK: Final = 512
_FORMATS: Final[tuple[Literal[0, 1, 2], ...]] = (
    tarfile.USTAR_FORMAT,
    tarfile.GNU_FORMAT,
    tarfile.PAX_FORMAT,
)
_KINDS: Final = (
    *(tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE),
    *(tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE),
)
_CONTENT: Final = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})

_PART: Final = st.one_of(
    st.sampled_from(["etc", "a", "..", ".", "n" * 60, ".wh.a", ".wh..wh..opq", "é", "日本"]),
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1),
    st.just("\udcff\udc80"),  # bytes that are no UTF-8
)
_NAMES: Final = st.lists(_PART, min_size=1, max_size=6).map("/".join).filter(lambda n: n.strip())
_ATTRIBUTES: Final = st.dictionaries(
    st.sampled_from(
        ["SCHILY.xattr.user.a", "SCHILY.acl.access", "atime", "ctime", "comment", "vendor.x"]
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
    max_size=3,
)


def padded(content: bytes) -> bytes:
    """Fill up to whole blocks."""
    return content + bytes(-len(content) % _BLOCK)


@st.composite
def _members(draw: st.DrawFn) -> bytes:
    """Make one member, with all headers that belong to it, and its content."""
    info = tarfile.TarInfo(draw(_NAMES))
    info.type = draw(st.sampled_from(_KINDS))
    info.linkname = draw(_NAMES) if info.islnk() or info.issym() else ""
    if info.type == tarfile.AREGTYPE and len(info.name.encode(errors="replace")) > 100:
        # A file of before POSIX has no long name, and where one is cut at a slash, Python takes
        # it for a directory.
        info.type = tarfile.REGTYPE
    content = draw(st.binary(max_size=1500)) if info.type in _CONTENT else b""
    info.size = len(content)
    info.mode = draw(st.integers(0, 0o7777))
    info.uid, info.gid = draw(st.integers(0, 2**31)), draw(st.integers(0, 0o7777777))
    info.mtime = draw(st.sampled_from([0, 1, 1_700_000_000, 1.25, 8**11 + 1, -1]))
    info.uname = draw(st.sampled_from(["", "root", "jürgen"]))
    info.pax_headers = draw(_ATTRIBUTES)
    written = draw(st.sampled_from(_FORMATS))
    try:
        headers = info.tobuf(written, errors="surrogateescape")
    except ValueError:  # it doesn't fit: PAX has no limits
        headers = info.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape")
    return headers + padded(content)


def old_sparse(name: str, stored: bytes, extents: int = 30) -> bytes:
    """Make a sparse file as older GNU tars do, whose map goes on behind the header."""
    size = len(stored) // extents
    pairs = [(2 * size * n, size) for n in range(extents - 1)]
    pairs.append((2 * size * (extents - 1), len(stored) - size * (extents - 1)))
    numbers = [b"%011o\0%011o\0" % pair for pair in pairs]
    info = tarfile.TarInfo(name)
    info.type = tarfile.GNUTYPE_SPARSE
    info.size = len(stored)
    info.mtime = 1_700_000_000
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:482] = b"".join(numbers[:4]).ljust(96, b"\0")
    header[482] = extents > 4
    header[483:495] = b"%011o\0" % (sum(pairs[-1]))
    header[148:156] = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 8 * 32)
    more = b""
    for start in range(4, extents, 21):
        rest = b"".join(numbers[start : start + 21]).ljust(504, b"\0")
        more += rest + bytes([extents > start + 21]) + bytes(7)
    return bytes(header) + more + padded(stored)


def pax_sparse(name: str, stored: bytes) -> bytes:
    """Make a sparse file as newer GNU tars do: one hole, then what is stored."""
    head = padded(b"1\n%d\n%d\n" % (_BLOCK, len(stored)))
    info = tarfile.TarInfo(f"GNUSparseFile.4711/{name}")
    info.size = len(head) + len(stored)
    info.mtime = 1_700_000_000.5
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": name,
        "GNU.sparse.realsize": str(_BLOCK + len(stored)),
    }
    return info.tobuf(tarfile.PAX_FORMAT) + head + padded(stored)


def global_header(**records: str) -> bytes:
    """Make a PAX header for all that follows."""
    return tarfile.TarInfo.create_pax_global_header(records)


_SPARSE: Final = st.builds(
    old_sparse, st.just("hole"), st.binary(min_size=60, max_size=900), st.integers(1, 60)
) | st.builds(pax_sparse, st.just("dir/hole"), st.binary(max_size=900))
_GLOBAL: Final = st.sampled_from(
    [global_header(comment="a"), global_header(mtime="12.5"), global_header(mtime="1", x="y")]
)
#: A global header is followed by something: else tarfile takes the end for an error.
_WITH_CONTENT: Final = _members() | _SPARSE
_ENDS: Final = st.sampled_from(
    [b"", bytes(1024), bytes(10240), bytes(1024) + b"what follows the end"]
)
#: Any mixture of members, and any way to end.
TARS: Final = st.builds(
    lambda members, end: b"".join(members) + end,
    st.lists(_WITH_CONTENT | st.builds(operator.add, _GLOBAL, _WITH_CONTENT), max_size=8),
    _ENDS,
)


@st.composite
def hypothesis_chunks(draw: st.DrawFn, content: bytes) -> list[bytes]:
    """Cut bytes anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=5)))
    return [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as Python's tarfile reads it, all that is neither a time nor a place."""

    name: str
    kind: bytes
    link: str
    mode: int
    owner: tuple[int, int, str, str]
    device: tuple[int, int]
    attributes: tuple[tuple[str, str], ...]
    content: bytes
    mtime: float


_TIMES: Final = frozenset({"mtime", "atime", "ctime", "LIBARCHIVE.creationtime"})


def view_of(tar: bytes) -> list[MemberView]:
    """Read all members of a tar; sparse files with their holes."""
    views: list[MemberView] = []
    if not tar.strip(b"\0"):
        return views  # tarfile takes nothing at all for an error
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:", errors="surrogateescape") as archive:
        for info in archive:
            file = archive.extractfile(info) if info.isreg() else None
            attributes = {
                key: value for key, value in info.pax_headers.items() if key not in _TIMES
            }
            # What tarfile says here is the field itself, not a fact about the member.
            for spelled in ("path", "linkpath", "hdrcharset", "GNU.sparse.name"):
                attributes.pop(spelled, None)
            views.append(
                MemberView(
                    info.name,
                    info.type,
                    info.linkname,
                    info.mode,
                    (info.uid, info.gid, info.uname, info.gname),
                    (info.devmajor, info.devminor),
                    tuple(sorted(attributes.items())),
                    b"" if file is None else file.read(),
                    info.mtime,
                )
            )
    return views
