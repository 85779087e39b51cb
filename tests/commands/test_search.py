"""`occystrap search`: what matches in the layers of an image, or of many."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pytest_occystrap import FakeRegistry
from tests.support.archives import docker_save
from tests.support.console import Console, Shelf, error_of
from tests.support.images import SampleImage, file, layer, make_image

SOURCE = "registry://r.example/demo/etc:1"


@pytest.fixture
def etc(shelf: Shelf) -> SampleImage:
    """An image with a few files to find."""
    image = make_image(
        layer(file("etc/passwd", b"root"), file("bin/sh")), layer(file("etc/passwd.old", b"x"))
    )
    shelf.put("demo/etc", "1", image)
    return image


def test_a_glob(console: Console, etc: SampleImage) -> None:
    """It is held against whole paths and last parts; what it finds is told layer by layer."""
    lines = console.succeed("search", SOURCE, "passwd*").stdout.splitlines()
    assert lines[0].startswith("Layer: ")
    assert lines[1] == "  etc/passwd (file, 4 bytes)"
    assert lines[-1] == "Found 2 match(es) in 2 layer(s)."


def test_an_expression(console: Console, etc: SampleImage) -> None:
    """It is looked for anywhere in the path."""
    lines = console.succeed("search", "--regex", SOURCE, "^bin/s.$").stdout.splitlines()
    assert lines[-1] == "Found 1 match(es) in 1 layer(s)."


def test_lines_for_scripts(console: Console, etc: SampleImage) -> None:
    """Each has image, layer and path; without a match there is none."""
    out = console.succeed("search", "--script-friendly", SOURCE, "bin/*").stdout
    assert out.startswith("demo/etc:1:")
    assert out.endswith(":bin/sh\n")
    assert console.succeed("search", "--script-friendly", SOURCE, "nothing").stdout == ""


def test_json(console: Console, etc: SampleImage) -> None:
    """Kinds and sizes are fields, and a layer without a match isn't there."""
    document = json.loads(console.succeed("-O", "json", "search", SOURCE, "*.old").stdout)
    (found,) = document["layers"]
    assert found["matches"] == [
        {"path": "etc/passwd.old", "kind": "file", "size": 1, "target": None}
    ]


def test_nothing_that_matches(console: Console, etc: SampleImage) -> None:
    """It is said, and is no failure."""
    assert console.succeed("search", SOURCE, "nothing").stdout == "No matches found.\n"


def test_a_tarball(console: Console, image: SampleImage) -> None:
    """Any source will do."""
    (console.directory / "image.tar").write_bytes(docker_save(image))
    assert "file-1" in console.succeed("search", "tar://image.tar", "file-1").stdout


def test_an_expression_that_is_none(console: Console, etc: SampleImage) -> None:
    """The error quotes it."""
    said = error_of(console.run("search", "--regex", SOURCE, "(("))
    assert "'((' is no regular expression" in said


@pytest.fixture
def quay() -> Iterator[FakeRegistry]:
    """A Quay with a few images."""
    with FakeRegistry(dialect="quay") as registry:
        for name in ("app", "web"):
            registry.add_image(f"acme/{name}:1", layers=[{f"etc/{name}.conf": name}])
        registry.add_image("acme/none:1", layers=[{"other": "o"}])
        yield registry


@pytest.fixture
def many(console: Console, quay: FakeRegistry) -> Console:
    """The command line over that Quay."""
    console.handler = quay.handler
    return console


def test_many_images(many: Console) -> None:
    """W-35: search and check go through a whole organisation, in the order of names."""
    words = ["search", "--script-friendly", "quay://acme:1", "*.conf"]
    lines = many.succeed(*words).stdout.splitlines()
    assert [line.rpartition(":")[2] for line in lines if line != "---"] == [
        "etc/app.conf",
        "etc/web.conf",
    ]
    documents = json.loads(many.succeed("-O", "json", "check", "quay://acme:1").stdout)
    assert [each["image"] for each in documents] == ["acme/app", "acme/none", "acme/web"]
    blocks = many.succeed("info", "quay://acme:1").stdout.split("---\n")
    assert [block.splitlines()[0] for block in blocks] == [
        "Image: acme/app:1",
        "Image: acme/none:1",
        "Image: acme/web:1",
    ]


def test_one_of_many_that_fails(many: Console, quay: FakeRegistry) -> None:
    """It is among the results with its error, and the exit code is 1."""
    quay.fault("GET manifest acme/none: status 404", times=0)
    result = many.run("-O", "json", "info", "quay://acme:1")
    documents = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [each["image"] for each in documents] == ["acme/app", "acme/web", "quay.io/acme/none:1"]
    assert "404" in documents[-1]["error"]
    assert "Error: quay.io/acme/none:1: GET " in result.stderr


def test_no_image_of_many(many: Console) -> None:
    """It is said, and is no failure."""
    result = many.succeed("-O", "json", "info", "quay://acme/nothing:1")
    assert json.loads(result.stdout) == []
    assert "No images found" in result.stderr
