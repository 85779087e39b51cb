"""`search` finds files by their names, and tells of them to people and to scripts."""

from __future__ import annotations

import tarfile

import pytest

from occystrap.errors import InvalidOption
from occystrap.filters.matching import (
    LayerMatches,
    Match,
    matcher,
    search_tar,
    told_to_people,
    told_to_scripts,
)
from occystrap.filters.search import SearchFilter
from tests.support.console import Shelf
from tests.support.elements import config_of, layers_of
from tests.support.filtering import Run, Taken
from tests.support.images import bottom_layer, file, layer, make_image, special, top_layer
from tests.support.tars import global_header, old_sparse, pax_sparse


@pytest.mark.parametrize(
    ("pattern", "regex", "found", "missed"),
    [
        ("*.conf", False, ["a.conf", "etc/a.conf"], ["a.conf/b", "conf"]),
        ("passwd", False, ["passwd", "etc/passwd"], ["etc/passwd-", "passwd/x"]),
        ("etc/*", False, ["etc/a", "etc/a/b"], ["etc", "usr/etc/a"]),
        ("/etc/*", False, ["etc/a"], ["usr/etc/a"]),
        ("[ab]?", False, ["a1", "x/b2"], ["c1", "a"]),
        ("é", False, ["é", "x/é"], ["e"]),
        ("etc", True, ["etc", "usr/etcetera"], ["usr"]),
        (r"^etc/.*\.d$", True, ["etc/init.d"], ["usr/etc/init.d", "etc/init.d/x"]),
        ("(?i)README", True, ["readme.md"], ["read"]),
    ],
)
def test_what_matches(pattern: str, regex: bool, found: list[str], missed: list[str]) -> None:
    """A glob is the whole path or its last part, an expression is anywhere in the path."""
    matches = matcher(pattern, regex=regex)
    assert [path for path in found if not matches(path)] == []
    assert [path for path in missed if matches(path)] == []


@pytest.mark.parametrize(
    ("pattern", "regex", "said"),
    [("", False, "requires pattern"), ("", True, "requires pattern"), ("(", True, "'(' is no")],
)
def test_a_pattern_that_makes_no_sense_is_refused(pattern: str, regex: bool, said: str) -> None:
    """Before anything is read."""
    with pytest.raises(InvalidOption) as caught:
        matcher(pattern, regex=regex)
    assert said in str(caught.value)


def test_every_kind_of_file_is_told() -> None:
    """Files with their size, links with their target, and what else there is."""
    tar = (
        global_header(comment="no file")
        + old_sparse("x/old", b"x" * 600)
        + pax_sparse("x/new", b"y" * 100)
        + layer(special("./x", tarfile.DIRTYPE), special("./", tarfile.DIRTYPE))[:1024]
        + bottom_layer()
    )
    found = {str(match) for match in search_tar([tar], matcher("(?s)^(x|bin|dev|run)", regex=True))}
    assert found == {
        "x/old (file, 1180 bytes)",
        "x/new (file, 612 bytes)",
        "x (directory)",
        "bin (directory)",
        "bin/tool (file, 3400 bytes)",
        "bin/alias -> tool (symlink)",
        "bin/twin -> bin/tool (hardlink)",
        "dev/null (character device)",
        "run/pipe (fifo)",
    }


LAYERS = [
    LayerMatches("aa", (Match("etc/a", "file", 5), Match("etc", "directory"))),
    LayerMatches("bb", ()),
    LayerMatches("cc", (Match("b", "symlink", target="etc/a"),)),
]


def test_what_people_read() -> None:
    """Layer by layer, those without a match left out, and a count in the end."""
    assert list(told_to_people(LAYERS)) == [
        "Layer: aa",
        "  etc/a (file, 5 bytes)",
        "  etc (directory)",
        "",
        "Layer: cc",
        "  b -> etc/a (symlink)",
        "",
        "Found 3 match(es) in 2 layer(s).",
    ]
    assert list(told_to_people(LAYERS[1:2])) == ["No matches found."]
    assert list(told_to_people(LAYERS[1:2], "linux/arm64")) == [
        "Platform: linux/arm64",
        "No matches found.",
        "",
    ]


def test_what_scripts_read() -> None:
    """A line for each match, and nothing for none."""
    assert list(told_to_scripts(LAYERS, "app:1")) == [
        "app:1:aa:etc/a",
        "app:1:aa:etc",
        "app:1:cc:b",
    ]
    assert list(told_to_scripts(LAYERS[1:2], "app:1")) == []


def test_a_name_stays_on_its_line() -> None:
    """And tells the terminal nothing: what can't be printed is escaped."""
    tar = layer(file("a\nb\x1b[2Jc\u2028d\udcff"))
    (match,) = search_tar([tar], matcher("a*"))
    escaped = r"a\x0ab\x1b[2Jc\u2028d\xff"
    assert str(match) == f"{escaped} (file, 0 bytes)"
    assert list(told_to_scripts([LayerMatches("aa", (match,))], "x:1")) == [f"x:1:aa:{escaped}"]


IMAGE = make_image(bottom_layer(), layer(), top_layer())


def test_the_image_goes_on_as_it_came() -> None:
    """The same elements, whatever was found; lines come before it is moved, lowest layer first."""
    lines: list[str] = []
    output = Taken()
    searching = SearchFilter(output, "etc*", "app", "1", echo=lines.append)
    elements = [config_of(IMAGE), *layers_of(IMAGE)]
    for element in elements:
        searching.process_image_element(element)
    assert lines == []
    searching.finalize()
    assert output.elements == elements
    assert output.is_final
    (text,) = lines
    assert [line for line in text.split("\n") if line.startswith("Layer")] == [
        f"Layer: {elements[1].name}",
        f"Layer: {elements[3].name}",
    ]


def test_it_works_without_an_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever only searches needs none."""
    searching = SearchFilter(None, "etc/new", "app", "1", script_friendly=True)
    for element in (config_of(IMAGE), *layers_of(IMAGE)):
        searching.process_image_element(element)
    searching.finalize()
    assert searching.verify().results == []
    assert searching.moved.layers == 0
    searching.close()
    assert capsys.readouterr().out == ""


def test_it_sees_what_the_filters_before_it_left(run: Run, shelf: Shelf) -> None:
    """The order of filters is that in which they work."""
    here, there = "registry://r.example/demo/image:1", "registry://other.example/new:1"
    run(here, there, "search:pattern=tmp/cache", "exclude:pattern=tmp")
    assert run.printed[-1] == "Found 1 match(es) in 1 layer(s)."
    run(here, there, "exclude:pattern=tmp", "search:pattern=tmp/cache")
    assert run.printed == ["No matches found."]
    report = run(here, there, "search:pattern=etc/*,script-friendly=true")
    layers = shelf.manifest("demo/image", "1").layers
    names = [f"demo/image:1:{each.digest.encoded}" for each in layers]
    assert run.printed == [f"{names[0]}:etc/base", f"{names[1]}:etc/two", f"{names[2]}:etc/three"]
    assert report.digest == str(shelf.manifest("demo/image", "1").digest)
