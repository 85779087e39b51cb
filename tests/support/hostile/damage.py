"""Layers that make no sense, or too much of it."""

from __future__ import annotations

from typing import Final

from tests.support.hostile.building import (
    BLOCK,
    HARMLESS,
    REFUSED,
    Hostile,
    changed,
    cut_off,
    header,
    old_sparse,
    one,
    padded,
    pax,
    raw,
)
from tests.support.images import file, layer

__all__ = ["DAMAGE"]

_DEEP: Final = "/".join(["d"] * 400)

DAMAGE: Final[dict[str, Hostile]] = {
    # Names and numbers that aren't.
    "nul-in-name": Hostile(
        "No name has a NUL in it.", REFUSED, raw(pax((b"path", b"a\0b")), header())
    ),
    "nul-in-link": Hostile(
        "Nor has a link.", REFUSED, raw(pax((b"linkpath", b"a\0b")), header(kind=b"2"))
    ),
    "long-component": Hostile(
        "A name longer than the system takes is refused.", REFUSED, one(file("n" * 300, b"x"))
    ),
    "deep": Hostile(
        "So are more directories in each other than anybody needs.",
        REFUSED,
        one(file(f"{_DEEP}/x", b"x")),
    ),
    "file-as-directory": Hostile(
        "Nothing is below a file.", REFUSED, one(file("a", b"x"), file("a/b", b"x"))
    ),
    "owner-of-nobody": Hostile(
        "An owner that would mean `leave it` is refused.",
        REFUSED,
        raw(pax((b"uid", b"4294967295")), header()),
    ),
    "negative-owner": Hostile(
        "There are no owners below zero.", REFUSED, raw(pax((b"gid", b"-1")), header())
    ),
    "time-of-nothing": Hostile(
        "A time has to be a number.", REFUSED, raw(pax((b"mtime", b"nan")), header())
    ),
    "time-beyond": Hostile(
        "A time that no file system can hold becomes the nearest that it can.",
        HARMLESS,
        raw(pax((b"mtime", b"1e400")), header()),
    ),
    "mode-of-letters": Hostile(
        "A mode has to be a number.", REFUSED, raw(header(mode=b"rwxr-xr\0"))
    ),
    "negative-size": Hostile(
        "A size is no less than nothing.", REFUSED, raw(pax((b"size", b"-512")), header())
    ),
    # Damage.
    "bad-checksum": Hostile(
        "A header with a wrong checksum is none.",
        REFUSED,
        lambda _: (changed(layer(file("a", b"x")), 0, b"b"),),
    ),
    "cut-off": Hostile(
        "A tar that ends within a file is refused.", REFUSED, lambda _: (cut_off(),)
    ),
    "no-tar": Hostile("What isn't a tar is refused.", REFUSED, lambda _: (b"hello" * 1000,)),
    "pax-of-nothing": Hostile(
        "A PAX header that makes no sense is refused.",
        REFUSED,
        raw(header(b"pax", 10, b"x"), padded(b"999 a=b\nxx"), header()),
    ),
    # Sparse files.
    "sparse-overlapping": Hostile(
        "The pieces of a sparse file don't overlap.",
        REFUSED,
        raw(old_sparse([(0, 10), (5, 10)], 100, b"x" * 20)),
    ),
    "sparse-beyond": Hostile(
        "Nor are they beyond its end.",
        REFUSED,
        raw(old_sparse([(1000, 10)], 100, b"x" * 10)),
    ),
    "sparse-lying": Hostile(
        "Nor are they other than the content.",
        REFUSED,
        raw(old_sparse([(0, 1_000_000)], 1_000_000, b"x" * 10)),
    ),
    "sparse-count": Hostile(
        "A map can't promise more pieces than it has.",
        REFUSED,
        raw(
            pax(
                *((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0")),
                (b"GNU.sparse.realsize", b"10"),
            ),
            header(size=BLOCK),
            padded(b"999999\n0\n"),
        ),
    ),
    "sparse-negative": Hostile(
        "Nor can a piece be somewhere before the file.",
        REFUSED,
        raw(
            pax((b"GNU.sparse.map", b"-5,10"), (b"GNU.sparse.size", b"100")),
            header(size=10),
            padded(b"x" * 10),
        ),
    ),
    # Too much.
    "sparse-bomb": Hostile(
        "The holes of a sparse file count as what they would take.",
        REFUSED,
        raw(old_sparse([(0, 1)], 2**62, b"x")),
    ),
    "endless-header": Hostile(
        "Headers before one entry have an end.",
        REFUSED,
        lambda _: (pax((b"comment", b"x" * 900_000)) * 40 + header() + bytes(1024),),
    ),
    "huge-header": Hostile(
        "No header is larger than any tool would write.",
        REFUSED,
        raw(header(b"pax", 2**33, b"x")),
    ),
}
