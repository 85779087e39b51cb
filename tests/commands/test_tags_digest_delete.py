"""`occystrap tags`, `digest` and `delete`: what a registry has, is named, and is taken out."""

from __future__ import annotations

import json

import pytest

from occystrap.server.message import Handler, Request, Response
from tests.support.console import Console, Shelf, error_of
from tests.support.images import SampleImage

REPOSITORY = "registry://r.example/demo/image"


@pytest.fixture
def tagged(shelf: Shelf, image: SampleImage) -> Shelf:
    """The image under four tags."""
    for tag in ("v1.0", "v1.1", "v2.0"):
        shelf.put("demo/image", tag, image)
    return shelf


def test_tags_are_listed_one_a_line(console: Console, tagged: Shelf) -> None:
    """In the registry's order, whatever tag the source has."""
    expected = "1\nv1.0\nv1.1\nv2.0\n"
    assert console.succeed("tags", REPOSITORY).stdout == expected
    assert console.succeed("tags", f"{REPOSITORY}:nowhere").stdout == expected


def test_tags_that_match(console: Console, tagged: Shelf) -> None:
    """A glob chooses, and where nothing matches nothing is printed."""
    assert console.succeed("tags", REPOSITORY, "--match", "v1.*").stdout == "v1.0\nv1.1\n"
    assert console.succeed("tags", REPOSITORY, "--match", "x*").stdout == ""


def test_tags_as_json(console: Console, tagged: Shelf) -> None:
    """They are a list, also an empty one."""
    listed = console.succeed("-O", "json", "tags", REPOSITORY, "--match", "v2*").stdout
    assert json.loads(listed) == ["v2.0"]


def test_the_digest_of_an_image(console: Console, shelf: Shelf) -> None:
    """It is that of the manifest."""
    expected = str(shelf.manifest("demo/image", "1").digest)
    assert console.succeed("digest", f"{REPOSITORY}:1").stdout == f"{expected}\n"
    document = json.loads(console.succeed("-O", "json", "digest", f"{REPOSITORY}:1").stdout)
    assert document == {"image": "demo/image", "tag": "1", "digest": expected}


def test_the_digest_of_an_index_and_of_its_images(
    console: Console, shelf: Shelf, image: SampleImage
) -> None:
    """Without a platform it is the index, with one the image for it."""
    index = shelf.put_all("demo/all", "1", {"linux/amd64": image, "linux/arm64/v8": image})
    name = "registry://r.example/demo/all:1"
    assert console.succeed("digest", name).stdout == f"{index.digest}\n"
    chosen = console.succeed("digest", f"{name}?platform=linux/arm64").stdout
    assert chosen == f"{index.manifests[1].digest}\n"


@pytest.mark.parametrize("command", [["digest"], ["delete", "--manifest"]])
def test_what_is_not_there(console: Console, command: list[str]) -> None:
    """The error names it."""
    assert "r.example/demo/image:7 isn't there" in error_of(
        console.run(*command, f"{REPOSITORY}:7")
    )


@pytest.mark.parametrize("command", ["tags", "digest", "delete"])
def test_only_registries_are_asked(console: Console, command: str) -> None:
    """A tarball is no place for that."""
    said = error_of(console.run(command, "tar://image.tar:1"))
    assert said == f"{command} asks a registry: registry://HOST/IMAGE, not tar://"


def test_deleting_a_tag(console: Console, tagged: Shelf) -> None:
    """The tag is gone, the manifest and its other tags are there."""
    console.succeed("delete", f"{REPOSITORY}:v1.0")
    assert tagged.get("demo/image", "v1.0") is None
    assert tagged.get("demo/image", "v1.1") is not None


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_deleting_a_manifest(console: Console, tagged: Shelf, by: str) -> None:
    """All tags of it go with it."""
    digest = tagged.manifest("demo/image", "1").digest
    words = ["--manifest", f"{REPOSITORY}:1"] if by == "tag" else [f"{REPOSITORY}@{digest}"]
    console.succeed("delete", *words)
    assert {tagged.get("demo/image", tag) for tag in ("1", "v1.0", "v1.1", "v2.0")} == {None}


def test_nothing_is_deleted_that_was_not_named(console: Console, tagged: Shelf) -> None:
    """No tag isn't `latest`."""
    assert "wants a tag or a digest" in error_of(console.run("delete", REPOSITORY))


class DigestsOnly:
    """A registry that deletes by digest only, as docker-registry does."""

    def __init__(self, behind: Handler) -> None:
        self.behind = behind

    def handle(self, request: Request) -> Response:
        """Refuse tags."""
        if request.method == "DELETE" and "sha256:" not in request.path:
            return Response(405)
        return self.behind.handle(request)


def test_a_registry_that_deletes_by_digest_only(console: Console, shelf: Shelf) -> None:
    """The error says what to do, and that works."""
    console.handler = DigestsOnly(shelf.registry)
    digest = shelf.manifest("demo/image", "1").digest
    said = error_of(console.run("delete", f"{REPOSITORY}:1"))
    assert f"--manifest deletes {digest}" in said
    console.succeed("delete", "--manifest", f"{REPOSITORY}:1")
    assert shelf.get("demo/image", "1") is None


def test_a_tag_that_is_not_there_is_the_registrys_error(console: Console, shelf: Shelf) -> None:
    """There is nothing to advise then."""
    console.handler = DigestsOnly(shelf.registry)
    assert "405" in error_of(console.run("delete", f"{REPOSITORY}:7"))
