"""`exclude` leaves out what it should, all of it, and nothing else."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import ImageInputError, ImageOutputError, InvalidOption
from occystrap.filters.exclude import Exclude, whiteout_target
from tests.support.filtering import filtered, paths_of, tree_of
from tests.support.images import bottom_layer, file, layer, special
from tests.support.tars import TARS, old_sparse, pax_sparse, view_of


@pytest.mark.parametrize(
    ("pattern", "excluded", "kept"),
    [
        ("*.pyc", ["a.pyc", "usr/lib/a.pyc", "usr/.pyc", "x.pyc/y"], ["a.py", "a.pyc2"]),
        ("tmp", ["tmp", "tmp/a", "tmp/a/b"], ["tmpx", "var/tmp", "var/tmp/a"]),
        ("/tmp/*", ["tmp/a", "tmp/a/b"], ["tmp", "tmpx/a"]),  # noqa: S108 - W-9
        ("./tmp/", ["tmp", "tmp/a"], ["var/tmp"]),
        ("usr/*/doc", ["usr/share/doc", "usr/a/b/doc/x"], ["usr/doc", "usr/share/docs"]),
        ("etc/[ab]?", ["etc/ax", "etc/by/z"], ["etc/a", "etc/cx"]),
        ("etc/[!a]", ["etc/b"], ["etc/a"]),
        ("*/.git", ["a/.git", "a/b/.git/config"], [".git", "a/.github"]),
        ("*", ["a", "a/b"], [""]),
        ("é*", ["é", "éa/b"], ["e"]),
        ("A", ["A"], ["a"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, excluded: list[str], kept: list[str]) -> None:
    """From the root of the image; a star is also any slash, and what is below goes too."""
    exclude = Exclude([pattern])
    assert [path for path in excluded if not exclude.excludes(path)] == []
    assert [path for path in kept if exclude.excludes(path)] == []


def test_there_is_a_pattern() -> None:
    """Nothing to leave out is a mistake."""
    with pytest.raises(InvalidOption, match="exclude filter requires pattern option"):
        Exclude([])


def test_directories_go_with_what_is_in_them() -> None:
    """W-9: also where the directory itself is written otherwise, or isn't there at all."""
    tar = layer(
        special("./etc/", tarfile.DIRTYPE),
        file("./etc/a"),
        file("etc/b/c"),
        file("/etc/d"),
        file("etcd/e"),
        special("etc-link", tarfile.SYMTYPE, "etc"),
    )
    assert paths_of(filtered(tar, Exclude(["etc"]))) == ["etcd/e", "etc-link"]


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("etc/.wh.a", "etc/a"),
        (".wh.a", "a"),
        ("etc/.wh..wh..opq", "etc"),
        (".wh..wh..opq", ""),
        ("etc/.wh..a", "etc/.a"),
        ("etc/.wh..wh.plnk", None),
        ("etc/a", None),
        (".wh.d/a", None),
    ],
)
def test_what_a_whiteout_removes(path: str, target: str | None) -> None:
    """A file of lower layers, or all that they have in a directory."""
    assert whiteout_target(path) == target


def test_a_whiteout_goes_with_what_it_removes_and_not_otherwise() -> None:
    """Else a file that was deleted would be back: a pattern for hidden files matches its name."""
    tar = layer(
        file("etc/.wh.shadow"),
        file("etc/.hidden"),
        file("etc/.wh..hidden"),
        file("tmp/.wh.a"),
        file("tmp/.wh..wh..opq"),
        file("var/.wh..wh..opq"),
        file("opt/.wh..wh..opq"),
    )
    exclude = Exclude(["etc/.*", "tmp/*", "var"])
    assert paths_of(filtered(tar, exclude)) == [
        "etc/.wh.shadow",
        "tmp/.wh..wh..opq",
        "opt/.wh..wh..opq",
    ]


def test_a_hard_link_to_what_goes_becomes_the_file() -> None:
    """W-9: with owner, mode and attributes; further links lead to the first."""
    original = file("bin/tool", b"tool" * 300, 0o4755, uid=7, pax_headers={"SCHILY.xattr.u.a": "x"})
    tar = layer(
        special("bin", tarfile.DIRTYPE),
        original,
        file("between"),
        special("usr/one", tarfile.LNKTYPE, "bin/tool", 0o4755),
        special("usr/two", tarfile.LNKTYPE, "./bin/tool", 0o4755),
        file("after"),
    )
    promoted = filtered(tar, Exclude(["bin"]))
    views = {view.name: view for view in view_of(promoted)}
    assert list(views) == ["between", "usr/one", "usr/two", "after"]
    one = views["usr/one"]
    assert (one.kind, one.mode, one.owner[0]) == (tarfile.REGTYPE, 0o4755, 7)
    assert (one.content, dict(one.attributes)) == (b"tool" * 300, {"SCHILY.xattr.u.a": "x"})
    assert (views["usr/two"].kind, views["usr/two"].link) == (tarfile.LNKTYPE, "usr/one")


def test_links_to_links_are_followed() -> None:
    """To a file that goes, or to one that stays."""
    tar = layer(
        file("a/gone", b"gone"),
        file("kept", b"kept"),
        special("a/link", tarfile.LNKTYPE, "a/gone"),
        special("a/other", tarfile.LNKTYPE, "kept"),
        special("one", tarfile.LNKTYPE, "a/link"),
        special("two", tarfile.LNKTYPE, "a/other"),
        special("three", tarfile.LNKTYPE, "a/gone"),
    )
    views = view_of(filtered(tar, Exclude(["a"])))
    assert [(v.name, v.kind, v.link, v.content) for v in views] == [
        ("kept", tarfile.REGTYPE, "", b"kept"),
        ("one", tarfile.REGTYPE, "", b"gone"),
        ("two", tarfile.LNKTYPE, "kept", b""),
        ("three", tarfile.LNKTYPE, "one", b""),
    ]


def test_links_in_a_circle_lead_nowhere() -> None:
    """They are an error, and no endless search."""
    tar = layer(
        special("a/x", tarfile.LNKTYPE, "a/y"),
        special("a/y", tarfile.LNKTYPE, "a/x"),
        special("b", tarfile.LNKTYPE, "a/x"),
    )
    with pytest.raises(ImageInputError, match=r"'b' is a hard link to 'a/.'"):
        filtered(tar, Exclude(["a"]))


def test_a_hard_link_to_another_layer_cannot_be_kept() -> None:
    """It would lead nowhere, and its content isn't here: the error names both."""
    tar = layer(special("usr/one", tarfile.LNKTYPE, "bin/tool"))
    with pytest.raises(ImageInputError, match=r"'usr/one' is a hard link to 'bin/tool', which is"):
        filtered(tar, Exclude(["bin"]))


def test_of_a_file_that_is_there_twice_the_last_counts() -> None:
    """As it does when the layer is unpacked: a link is to what was there at its time."""
    tar = layer(
        file("a", b"first"),
        special("one", tarfile.LNKTYPE, "a"),
        file("a", b"second"),
        special("two", tarfile.LNKTYPE, "a"),
    )
    assert tree_of(filtered(tar, Exclude(["a"]))) == {
        "one": (tarfile.REGTYPE, "", b"first"),
        "two": (tarfile.REGTYPE, "", b"second"),
    }


def test_a_link_that_became_a_file_is_that_file() -> None:
    """Further links are to its content, not to what it was a link to before."""
    tar = layer(
        file("kept", b"kept"),
        special("a/x", tarfile.LNKTYPE, "kept"),
        file("a/x", b"new"),
        special("b", tarfile.LNKTYPE, "a/x"),
    )
    assert tree_of(filtered(tar, Exclude(["a"]))) == {
        "kept": (tarfile.REGTYPE, "", b"kept"),
        "b": (tarfile.REGTYPE, "", b"new"),
    }


@pytest.mark.parametrize("make", [old_sparse, pax_sparse])
def test_a_sparse_file_lives_on_under_the_name_of_its_link(
    make: Callable[[str, bytes], bytes],
) -> None:
    """With its holes."""
    tar = make("gone", b"x" * 700) + special("kept", tarfile.LNKTYPE, "gone")[0].tobuf()
    (before, _), (after,) = view_of(tar), view_of(filtered(tar, Exclude(["gone"])))
    assert (after.name, after.content) == ("kept", before.content)


def test_large_content_waits_on_disk(tmp_path: Path) -> None:
    """In the directory for temporary files; nothing of it stays there."""
    with pytest.raises(ImageOutputError, match=r"can't make a temporary file in .*missing"):
        filtered(
            layer(file("a", b"x"), special("b", tarfile.LNKTYPE, "a")),
            Exclude(["a"], str(tmp_path / "missing")),
        )
    content = bytes(range(256)) * 4096
    tar = layer(file("a", content), special("b", tarfile.LNKTYPE, "a"))
    kept = filtered(tar, Exclude(["a"], str(tmp_path)))
    assert tree_of(kept) == {"b": (tarfile.REGTYPE, "", content)}
    assert list(tmp_path.iterdir()) == []


def test_two_filters_that_exclude_work_as_one() -> None:
    """What the first makes of a link the second may leave out, and so on."""
    tar = layer(
        file("a", b"x"),
        special("b", tarfile.LNKTYPE, "a"),
        special("c", tarfile.LNKTYPE, "b"),
    )
    expected = {"c": (tarfile.REGTYPE, "", b"x")}
    assert tree_of(filtered(tar, Exclude(["a"]), Exclude(["b"]))) == expected
    assert tree_of(filtered(tar, Exclude(["b"]), Exclude(["a"]))) == expected
    assert tree_of(filtered(tar, Exclude(["a", "b"]))) == expected


PATHS = st.sampled_from(["a", "a/b", "a/b/c", "b", "b/c", "c", "n" * 120, "n" * 120 + "/c"])


@st.composite
def linked_layers(draw: st.DrawFn) -> bytes:
    """Make layers of files and of links to what is there before them."""
    entries: list[tuple[tarfile.TarInfo, bytes]] = []
    paths: list[str] = draw(st.lists(PATHS, unique=True, min_size=1))
    for path in paths:
        target: str = draw(st.sampled_from(["", *(info.name for info, _ in entries)]))
        size: int = draw(st.sampled_from([0, 1, 600]))
        content = file(path, path.encode() * size)
        entries.append(special(path, tarfile.LNKTYPE, target) if target else content)
    return layer(*entries)


@given(linked_layers(), st.sets(PATHS, min_size=1, max_size=3))
def test_what_stays_is_what_it_was(tar: bytes, patterns: set[str]) -> None:
    """Every path that isn't excluded has the content that it had, link or not."""
    exclude = Exclude(sorted(patterns))
    expected = {path: found for path, found in tree_of(tar).items() if not exclude.excludes(path)}
    assert tree_of(filtered(tar, exclude)) == expected


@given(TARS)
def test_a_pattern_that_matches_nothing_changes_nothing(tar: bytes) -> None:
    """Any tar stays byte for byte."""
    assert filtered(tar, Exclude(["no such name"])) == tar


def test_everything_can_be_excluded() -> None:
    """What is left is an empty tar."""
    assert filtered(bottom_layer(), Exclude(["*"])) == bytes(1024)
