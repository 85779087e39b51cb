"""Layers that want what no image may have: by whiteouts, marks of overlayfs, and odd entries."""

from __future__ import annotations

import tarfile
from typing import Final

from tests.support.hostile.building import (
    HARMLESS,
    REFUSED,
    Hostile,
    aimed,
    directory,
    header,
    link,
    many,
    one,
    pax,
    raw,
)
from tests.support.images import file, layer, special

__all__ = ["MARKS"]

MARKS: Final[dict[str, Hostile]] = {
    # Whiteouts.
    "whiteout-up": Hostile(
        "A whiteout can't remove what is above.",
        REFUSED,
        one(directory("a"), file("a/.wh...")),
    ),
    "whiteout-of-itself": Hostile(
        "A whiteout can't remove the directory that it is in.", REFUSED, one(file("a/.wh.."))
    ),
    "whiteout-of-nothing": Hostile(
        "A whiteout has to remove something.", REFUSED, one(file("a/.wh."))
    ),
    "whiteout-outside": Hostile(
        "A whiteout through a link removes nothing outside.",
        HARMLESS,
        aimed(lambda outside: link("out", outside), lambda _: file("out/.wh.canary")),
    ),
    "opaque-outside": Hostile(
        "An opaque directory through a link empties nothing outside.",
        HARMLESS,
        lambda outside: (
            layer(link("out", outside)),
            layer(link("out", outside), file("out/.wh..wh..opq")),
        ),
    ),
    "below-a-whiteout": Hostile(
        "There is nothing below a whiteout.", REFUSED, one(file(".wh.a/b", b"x"))
    ),
    "below-a-whiteout-by-link": Hostile(
        "Nor is there by way of a link.",
        REFUSED,
        one(link("a", ".wh.b"), file("a/x", b"x")),
    ),
    # What overlayfs would obey.
    "overlay-device": Hostile(
        "A device 0/0 is no mark of overlayfs, and isn't made.",
        HARMLESS,
        many((file("etc/passwd", b"x"),), (special("dev/x", tarfile.CHRTYPE, devmajor=0),)),
    ),
    "overlay-attributes": Hostile(
        "Attributes that would redirect overlayfs are left out.",
        HARMLESS,
        raw(
            pax(
                (b"SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
                (b"SCHILY.xattr.user.overlay.redirect", b"/etc"),
                (b"SCHILY.xattr.trusted.overlay.metacopy", b""),
            ),
            header(b"d/", kind=b"5"),
        ),
    ),
    # Devices and other kinds.
    "device": Hostile(
        "A device of the machine isn't made unless one asks for it.",
        HARMLESS,
        one(special("disk", tarfile.BLKTYPE, devmajor=8, devminor=0)),
    ),
    "unknown-kind": Hostile(
        "A kind of entry that no image may have is refused.", REFUSED, raw(header(kind=b"Z"))
    ),
    "multi-volume": Hostile(
        "A piece of a tar of several volumes is refused.", REFUSED, raw(header(kind=b"M"))
    ),
    # The root.
    "root-as-file": Hostile("The root of an image is no file.", REFUSED, one(file("./", b"x"))),
    "root-as-link": Hostile(
        "The root of an image leads nowhere.",
        REFUSED,
        aimed(lambda outside: link(".", outside)),
    ),
    "empty-name": Hostile("An entry has to have a name.", REFUSED, raw(header(b""))),
}
