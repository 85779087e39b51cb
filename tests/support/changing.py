"""An image whose layers change everything that layers can change of those below them."""

from __future__ import annotations

import tarfile
from typing import Any

from tests.support.images import Entry, SampleImage, file, layer, make_image, special

__all__ = ["changing_image"]

_CAPABILITY = b"\x01\x00\x00\x02\x00\x04\x00\x00".decode("latin-1") + "\0" * 12


def _directory(name: str, mode: int = 0o755, **fields: Any) -> Entry:
    return special(name, tarfile.DIRTYPE, mode=mode, **fields)


def _link(name: str, target: str, **fields: Any) -> Entry:
    return special(name, tarfile.SYMTYPE, target, **fields)


def _other_name(name: str, target: str) -> Entry:
    return special(name, tarfile.LNKTYPE, target, 0o644)


def _attribute(name: str, value: str) -> dict[str, str]:
    return {f"SCHILY.xattr.{name}": value}


def _bottom() -> bytes:
    return layer(
        _directory("./", 0o551, mtime=500_000, pax_headers=_attribute("user.root", "/")),
        _directory("etc", 0o711, mtime=1, uid=5, gid=6, pax_headers=_attribute("user.a", "1")),
        file(
            "etc/conf", b"conf", 0o640, uid=1000, mtime=9.5, pax_headers=_attribute("user.b", "2")
        ),
        file("etc/gone", b"gone"),
        file("etc/empty", b"", 0o444, pax_headers=_attribute("user.empty", "")),
        _directory("gone/deep/er", 0o700),
        file("gone/deep/er/file", b"x"),
        _directory("cache", 0o1777, mtime=2),
        file("cache/old", b"old"),
        file("cache/again", b"old again"),
        _directory("cache/sub"),
        file("cache/sub/old", b"old"),
        _directory("links", mtime=3),
        file("links/one", b"one", 0o4755, uid=7, mtime=5),
        _other_name("links/two", "links/one"),
        _other_name("links/three", "links/one"),
        _link("links/soft", "one", uid=8, gid=9, mtime=77),
        _link("links/dangling", "/no/where"),
        _link("links/up", "../../../../etc"),
        _directory("turns"),
        file("turns/file-directory", b"f"),
        _directory("turns/directory-file"),
        file("turns/directory-file/x", b"x"),
        _link("turns/link-directory", "../etc"),
        _directory("turns/directory-link"),
        file("turns/directory-link/y", b"y"),
        file("turns/file-link", b"z"),
        _link("turns/link-file", "../etc/conf"),
        _directory("dev"),
        special("dev/null", tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3),
        special("dev/loop0", tarfile.BLKTYPE, mode=0o660, devmajor=7, devminor=0, gid=6),
        special("dev/pipe", tarfile.FIFOTYPE, mode=0o622, mtime=8),
        special("dev/gone", tarfile.CHRTYPE, devmajor=1, devminor=5),
        file("capable", b"c", 0o755, pax_headers=_attribute("security.capability", _CAPABILITY)),
        file("trusted", b"t", pax_headers=_attribute("trusted.secret", "s")),
        file("group", b"g", 0o2755),
        _directory("groups", 0o2775, gid=9),
        _directory("opt", 0o750, mtime=4.5, pax_headers=_attribute("user.forgotten", "x")),
        file("opt/é-日本", b"u"),
        file("opt/" + "l" * 200, b"l"),
        file("opt/data", bytes(range(256)) * 700),
        _directory("unmentioned", 0o751, uid=3, mtime=6),
        file("unmentioned/f", b"f", mtime=10),
        _directory("opaque"),
        file("opaque/x", b"x"),
        _directory("emptied", mtime=7),
        file("emptied/x", b"x"),
    )


def _middle() -> bytes:
    return layer(
        _directory("etc", 0o711, mtime=11, uid=5, gid=6, pax_headers=_attribute("user.a", "2")),
        file("etc/.wh.gone"),
        file(".wh.gone"),
        _directory("cache", 0o1777, mtime=12),
        file("cache/.wh..wh..opq"),
        file("cache/again", b"new again", 0o600),
        _other_name("links/four", "links/one"),
        file("links/two", b"two", mtime=6),
        file("links/.wh.three"),
        _directory("turns/file-directory", 0o700),
        file("turns/file-directory/in", b"in"),
        file("turns/directory-file", b"f"),
        _directory("turns/link-directory"),
        file("turns/link-directory/n", b"n"),
        _link("turns/directory-link", "../etc"),
        _link("turns/file-link", "file-directory"),
        file("turns/link-file", b"lf"),
        file("dev/.wh.gone"),
        _directory("opt", 0o700, mtime=14),
        file("unmentioned/g", b"g"),
        file("opaque/.wh..wh..opq"),
        _directory("emptied", mtime=13),
        file("emptied/.wh..wh..opq"),
    )


def _top() -> bytes:
    return layer(
        file("etc/gone", b"back", 0o600),
        _directory("gone", 0o711, mtime=8),
        file("gone/new", b"new"),
        _directory("opaque", 0o700),
        file("opaque/y", b"y"),
        file("unmentioned/.wh.none"),
        file("turns/.wh.link-directory"),
        file("cache/.wh.again"),
    )


def changing_image() -> SampleImage:
    """Make it: what is below is removed, emptied, replaced, linked, brought back, or left alone."""
    return make_image(_bottom(), _middle(), _top(), layer())
