"""Layers that want out: by their names, by symbolic links, and by hard links."""

from __future__ import annotations

from typing import Final

from tests.support.hostile.building import (
    HARMLESS,
    REFUSED,
    Hostile,
    aimed,
    directory,
    hard,
    header,
    link,
    many,
    one,
    padded,
    pax,
    raw,
)
from tests.support.images import file, layer

__all__ = ["ESCAPES"]

_UP: Final = "../" * 40

ESCAPES: Final[dict[str, Hostile]] = {
    # Names that lead out.
    "up": Hostile(
        "A name that leads upwards is refused.",
        REFUSED,
        one(file("../outside/x", b"x")),
    ),
    "up-within": Hostile(
        "Upwards is refused even where it would come back.",
        REFUSED,
        one(directory("a"), file("a/../b", b"x")),
    ),
    "up-far": Hostile(
        "So is upwards to the root of the machine.",
        REFUSED,
        one(file(f"{_UP}etc/x", b"x")),
    ),
    "up-behind": Hostile(
        "Upwards at the end of a name is refused.", REFUSED, one(directory("a/.."))
    ),
    "up-in-pax": Hostile(
        "A long name in a PAX header is read like any other.",
        REFUSED,
        raw(pax((b"path", b"../outside/" + b"n" * 150)), header()),
    ),
    "up-in-gnu": Hostile(
        "And so is a long name of GNU's.",
        REFUSED,
        raw(header(b"n", 20, b"L"), padded(b"../../outside/longer"), header()),
    ),
    "up-in-sparse-name": Hostile(
        "And so is the name of a sparse file.",
        REFUSED,
        raw(pax((b"GNU.sparse.name", b"../outside/x")), header()),
    ),
    "absolute": Hostile(
        "An absolute name is one from the root of the image.",
        HARMLESS,
        aimed(lambda outside: file(f"{outside}/x", b"x")),
    ),
    "absolute-slashes": Hostile(
        "However many slashes it begins with.",
        HARMLESS,
        aimed(lambda outside: file(f"///{outside}/./x", b"x")),
    ),
    # Symbolic links that lead out, and writing through them.
    "link-relative": Hostile(
        "Writing through a link that leads upwards ends at the root of the image.",
        HARMLESS,
        one(link("out", f"{_UP}outside"), file("out/x", b"x")),
    ),
    "link-absolute": Hostile(
        "Writing through an absolute link stays in the image.",
        HARMLESS,
        aimed(lambda outside: link("out", outside), lambda _: file("out/x", b"x")),
    ),
    "link-chain": Hostile(
        "A chain of links gets no further.",
        HARMLESS,
        one(
            *(link("a", ".."), link("b", "a/.."), link("c", "b/../outside")),
            file("c/x", b"x"),
        ),
    ),
    "link-then-directory": Hostile(
        "A directory takes the place of a link, and not of what that leads to.",
        HARMLESS,
        aimed(lambda outside: link("out", outside), lambda _: directory("out")),
    ),
    "link-then-file": Hostile(
        "A file takes the place of a link, and not of what that leads to.",
        HARMLESS,
        aimed(lambda outside: link("out", f"{outside}/canary"), lambda _: file("out", b"changed")),
    ),
    "link-below-in-other-layer": Hostile(
        "A link of a lower layer is no way for a higher one.",
        HARMLESS,
        lambda outside: (layer(link("out", outside)), layer(file("out/x", b"x"))),
    ),
    "link-to-itself": Hostile(
        "Writing through a link that leads to itself has an end.",
        REFUSED,
        one(link("a", "a"), file("a/x", b"x")),
    ),
    "links-in-a-circle": Hostile(
        "And so has one through links in a circle.",
        REFUSED,
        one(link("a", "b"), link("b", "a"), file("a/x", b"x")),
    ),
    "link-to-nothing": Hostile("A link has to lead somewhere.", REFUSED, one(link("a", ""))),
    "link-too-long": Hostile(
        "A link that is longer than the system takes is refused.",
        REFUSED,
        raw(pax((b"linkpath", b"n" * 5000)), header(kind=b"2")),
    ),
    # Hard links that lead out.
    "hard-link-up": Hostile(
        "A hard link to what is outside is refused.",
        REFUSED,
        one(hard("x", "../outside/canary")),
    ),
    "hard-link-absolute": Hostile(
        "A hard link with an absolute name looks for it in the image, where it isn't.",
        REFUSED,
        aimed(lambda outside: hard("x", f"{outside}/canary")),
    ),
    "hard-link-through-link": Hostile(
        "A hard link through a symbolic link stays in the image, too.",
        REFUSED,
        aimed(lambda outside: link("out", outside), lambda _: hard("x", "out/canary")),
    ),
    "hard-link-to-link": Hostile(
        "A hard link to a symbolic link is one to the link, and writing to it changes nothing.",
        HARMLESS,
        aimed(
            lambda outside: link("out", f"{outside}/canary"),
            lambda _: hard("x", "out"),
            lambda _: file("x", b"changed"),
        ),
    ),
    "hard-link-to-itself": Hostile(
        "A hard link to itself is one to nothing.", REFUSED, one(hard("x", "x"))
    ),
    "hard-link-to-nothing": Hostile(
        "A hard link to what no layer has is refused.", REFUSED, one(hard("x", "gone"))
    ),
    "hard-link-to-root": Hostile(
        "The root of the image can't get another name.", REFUSED, one(hard("x", "/"))
    ),
    "hard-link-to-directory": Hostile(
        "A directory can't, either.", REFUSED, one(directory("d"), hard("x", "d"))
    ),
    "hard-link-to-parent": Hostile(
        "A hard link that removes what it leads to is one to nothing.",
        REFUSED,
        one(file("d/x", b"x"), hard("d", "d/x")),
    ),
    "hard-link-below": Hostile(
        "A hard link into a lower layer follows no link there.",
        REFUSED,
        lambda outside: (layer(link("out", outside)), layer(hard("x", "out/canary"))),
    ),
    "hard-link-to-whiteout": Hostile(
        "A mark isn't a file that could get another name.",
        REFUSED,
        many((file("a", b"a"),), (file(".wh.a"), hard("x", ".wh.a"))),
    ),
    "hard-link-to-hidden": Hostile(
        "What a layer has removed is not there for its hard links.",
        REFUSED,
        one(file(".wh.a"), hard("x", "a")),
    ),
}
