"""`occystrap diff`: what two images show differently, whatever layers they are made of."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from typing import Any

import pytest

from tests.support.archives import docker_save
from tests.support.console import Console, Shelf, error_of
from tests.support.images import SampleImage, file, layer, make_image, special

ONE, OTHER = "registry://r.example/one:1", "registry://r.example/other:1"
BASE = layer(
    special("etc", tarfile.DIRTYPE),
    file("etc/a", b"a"),
    file("etc/b", b"b"),
    special("etc/sub", tarfile.DIRTYPE),
    file("etc/sub/c", b"c"),
    file("etcd/d", b"d"),
)


@pytest.fixture
def pair(console: Console, shelf: Shelf) -> Any:
    """Compare two images that are made of these layers."""

    def compare(one: list[bytes], other: list[bytes], *options: str) -> dict[str, Any]:
        shelf.put("one", "1", make_image(*one))
        shelf.put("other", "1", make_image(*other))
        out = console.succeed("-O", "json", "diff", *options, ONE, OTHER).stdout
        document: dict[str, Any] = json.loads(out)
        return document

    return compare


def paths(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return what was found, by kind."""
    kinds = ("added", "removed", "changed")
    return {kind: [each["path"] for each in document[kind]] for kind in kinds}


def test_the_same_image(console: Console, pair: Any) -> None:
    """There is nothing, and the exit code is 0 whoever asks for it."""
    document = pair([BASE], [BASE])
    assert (document["shared_layers"], paths(document)) == (
        1,
        {"added": [], "removed": [], "changed": []},
    )
    out = console.succeed("diff", "--exit-code", ONE, OTHER).stdout
    assert out == "Layers at the bottom that both have: 1\nNo differences.\n"


def test_other_layers_with_the_same_files(pair: Any) -> None:
    """How files came to be there doesn't matter."""
    document = pair([layer(file("a", b"1")), layer(file("b"))], [layer(file("b"), file("a", b"1"))])
    assert document["shared_layers"] == 0
    assert paths(document) == {"added": [], "removed": [], "changed": []}


def test_files_added_removed_and_changed(console: Console, pair: Any) -> None:
    """Each with its layer, and what is different of it."""
    top = layer(file("etc/.wh.b"), file("etc/a", b"A", mode=0o600), file("new", b"n"))
    document = pair([BASE], [BASE, top])
    assert paths(document) == {"added": ["new"], "removed": ["etc/b"], "changed": ["etc/a"]}
    (changed,) = document["changed"]
    assert changed["what"] == ["mode", "content"]
    assert (changed["before"]["layer"], changed["after"]["layer"]) == (0, 1)
    assert console.succeed("diff", ONE, OTHER).stdout.splitlines() == [
        "Layers at the bottom that both have: 1",
        "C etc/a (mode 644 -> 600, content; layers 0 -> 1)",
        "D etc/b (file, layer 0)",
        "A new (file, layer 1)",
    ]
    assert console.run("diff", "--exit-code", ONE, OTHER).exit_code == 1


@pytest.mark.parametrize(
    ("top", "removed"),
    [
        (layer(file(".wh.etc")), ["etc", "etc/a", "etc/b", "etc/sub", "etc/sub/c"]),
        (layer(file("etc/sub/.wh..wh..opq")), ["etc/sub/c"]),
        (layer(file("etc/.wh..wh..opq")), ["etc/a", "etc/b", "etc/sub", "etc/sub/c"]),
        (layer(file(".wh..wh..opq")), ["etc", "etc/a", "etc/b", "etc/sub", "etc/sub/c", "etcd/d"]),
        (layer(file("etc/.wh.sub"), special("etc/sub", tarfile.DIRTYPE)), ["etc/sub/c"]),
        (layer(file("etc/.wh.nothing")), []),
    ],
)
def test_whiteouts(pair: Any, top: bytes, removed: list[str]) -> None:
    """They remove what is below, whole directories too, and nothing that begins alike (W-8)."""
    assert paths(pair([BASE], [BASE, top]))["removed"] == removed


def test_a_file_in_place_of_a_directory(pair: Any) -> None:
    """What was in it is gone."""
    found = paths(pair([BASE], [BASE, layer(file("etc/sub"))]))
    assert found == {"added": [], "removed": ["etc/sub/c"], "changed": ["etc/sub"]}


def test_hard_links_are_the_file_that_they_lead_to(pair: Any) -> None:
    """Another name of a file is no other file than a copy of it."""
    linked = layer(file("a", b"x"), special("b", tarfile.LNKTYPE, "a", 0o644))
    copied = layer(file("a", b"x"), file("b", b"x"))
    assert paths(pair([linked], [copied])) == {"added": [], "removed": [], "changed": []}


def test_owners_links_and_times(pair: Any) -> None:
    """Owner and target count always, times only if that is asked for."""
    one = layer(file("a", uid=1), special("l", tarfile.SYMTYPE, "a"), file("t", mtime=1))
    other = layer(file("a", uid=2**40), special("l", tarfile.SYMTYPE, "b"), file("t", mtime=2))
    assert [each["what"] for each in pair([one], [other])["changed"]] == [["uid"], ["target"]]
    assert paths(pair([one], [other], "--times"))["changed"] == ["a", "l", "t"]


def test_configurations(console: Console, shelf: Shelf, image: SampleImage) -> None:
    """What a container begins with is compared, too."""
    changed = json.loads(image.config) | {"config": {"Env": ["A=\x1b"], "Cmd": ["/bin/tool"]}}
    shelf.put("one", "1", image)
    shelf.put("other", "1", replace(image, config=json.dumps(changed).encode()))
    document = json.loads(console.succeed("-O", "json", "diff", ONE, OTHER).stdout)
    assert document["config"] == {"env": {"before": ["PATH=/bin"], "after": ["A=\x1b"]}}
    last = console.succeed("diff", ONE, OTHER).stdout.splitlines()[-1]
    assert last == 'config env: ["PATH=/bin"] -> ["A=\\u001b"]'


def test_any_two_sources(console: Console, shelf: Shelf, image: SampleImage) -> None:
    """A tarball and a registry, say."""
    (console.directory / "image.tar").write_bytes(docker_save(image))
    out = console.succeed("diff", "tar://image.tar", "registry://r.example/demo/image:1").stdout
    assert out.endswith("No differences.\n")


def test_a_layer_that_is_no_tar(console: Console, shelf: Shelf) -> None:
    """The error says which."""
    shelf.put("one", "1", make_image(b"no tar" * 200))
    shelf.put("other", "1", make_image(BASE))
    assert "layer 0 is no readable tar" in error_of(console.run("diff", ONE, OTHER))
