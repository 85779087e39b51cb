"""`occystrap process quay://...`: many images, each a run of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_occystrap import FakeRegistry
from tests.support.console import Console, error_of

ORGANISATION = "acme"
NAMES = [f"app-{n}" for n in range(5)]
SOURCE = "quay://acme/*:1"
TARGET = "registry://mirror.example/quay"


@pytest.fixture
def quay() -> Iterator[FakeRegistry]:
    """A Quay with five images, of which one is under another tag, too, and one is private."""
    with FakeRegistry(dialect="quay", private=["acme/secret"]) as registry:
        for name in NAMES:
            registry.add_image(f"acme/{name}:1", layers=[{name: name}, {"shared": "x"}])
        registry.add_image("acme/app-0:2", layers=[{"two": "2"}])
        registry.add_image("acme/secret:9", layers=[{"secret": "s"}])
        yield registry


@pytest.fixture
def mirror() -> Iterator[FakeRegistry]:
    """Where they go."""
    with FakeRegistry() as registry:
        yield registry


class Hosts:
    """The two, by name."""

    def __init__(self, quay: FakeRegistry, mirror: FakeRegistry) -> None:
        self._quay, self._mirror = quay, mirror

    def handle(self, request: Any) -> Any:
        """Answer as the host that is asked."""
        there = request.host == "mirror.example"
        return (self._mirror if there else self._quay).handler.handle(request)


@pytest.fixture
def console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quay: FakeRegistry, mirror: FakeRegistry
) -> Console:
    """The command line over both."""
    monkeypatch.chdir(tmp_path)
    return Console(tmp_path, Hosts(quay, mirror))


def names(registry: FakeRegistry) -> list[str]:
    """List the images that are there."""
    return sorted(image.reference for image in registry.images)


def test_each_image_keeps_its_name_and_its_digest(
    console: Console, quay: FakeRegistry, mirror: FakeRegistry
) -> None:
    """It is behind the prefix, and is told of when it begins."""
    result = console.succeed("process", SOURCE, TARGET)
    for name in NAMES:
        copied = mirror.image(f"quay/acme/{name}:1")
        assert copied.digest == quay.image(f"acme/{name}:1").digest
    lines = result.stderr.splitlines()
    assert lines[0] == "Processing 5 images (3 parallel)..."
    assert {line for line in lines if line.startswith("[")} >= {"[1/5] quay.io/acme/app-0:1"}
    assert lines[-2].startswith("Summary: 5/5 images, 10 layers, ")
    assert lines[-2].endswith("verified OK")
    assert lines[-1] == "No failed images."
    assert result.stdout == ""


def test_tags_by_glob(console: Console, mirror: FakeRegistry) -> None:
    """Each tag is an image."""
    console.succeed("process", "quay://acme/app-[01]:*", "registry://mirror.example")
    assert names(mirror) == ["acme/app-0:1", "acme/app-0:2", "acme/app-1:1"]


def test_what_is_there_is_not_moved_again(
    console: Console, quay: FakeRegistry, mirror: FakeRegistry
) -> None:
    """It is counted, and nothing is asked but two digests an image; what has changed is moved."""
    console.succeed("process", SOURCE, TARGET)
    quay.add_image("acme/app-3:1", layers=[{"new": "n"}])
    mirror.clear_requests()
    result = console.succeed("-O", "json", "process", SOURCE, TARGET)
    document = json.loads(result.stdout)
    assert document["up_to_date"] == [f"quay.io/acme/app-{n}:1" for n in (0, 1, 2, 4)]
    (moved,) = document["images"]
    assert moved["destination"] == "registry://mirror.example/quay/acme/app-3:1"
    assert "4 up to date" in result.stderr
    pushed = [each for each in mirror.requests if each.method == "PUT"]
    assert {each.path.split("/")[4] for each in pushed} == {"app-3"}
    assert mirror.image("quay/acme/app-3:1").digest == quay.image("acme/app-3:1").digest


def test_again_moves_what_is_there(console: Console, mirror: FakeRegistry) -> None:
    """Where that is wanted."""
    console.succeed("process", SOURCE, TARGET)
    mirror.clear_requests()
    console.succeed("process", "--again", SOURCE, TARGET)
    assert len([each for each in mirror.requests if each.method == "PUT"]) == 5


def test_one_that_fails_stops_none_of_the_others(
    console: Console, quay: FakeRegistry, mirror: FakeRegistry
) -> None:
    """W-35: it is named with its error, and the exit code is 1."""
    quay.fault("GET manifest acme/app-2: status 404", times=0)
    result = console.run("process", SOURCE, TARGET)
    assert result.exit_code == 1
    assert len(mirror.images) == 4
    lines = result.stderr.splitlines()
    assert "4/5 images" in lines[-3]
    assert "1 failed" in lines[-3]
    assert lines[-2] == "Failed images:"
    assert lines[-1].startswith("  quay.io/acme/app-2:1: GET https://quay.io/v2/acme/app-2/")


def test_a_repository_that_cannot_be_looked_into(
    console: Console, quay: FakeRegistry, mirror: FakeRegistry
) -> None:
    """It is among the failures, and the others are moved."""
    quay.fault("GET /api/v1/repository/acme/app-1/tag/: status 403", times=0)
    result = console.run("process", SOURCE, TARGET)
    assert result.exit_code == 1
    assert len(mirror.images) == 4
    assert "\n  acme/app-1: " in result.stderr


def test_nothing_that_matches(console: Console) -> None:
    """It is said, and is no failure."""
    result = console.succeed("process", "quay://acme/nothing*", TARGET)
    assert "No images found matching quay://acme/nothing*" in result.stderr
    assert result.stderr.endswith("No failed images.\n")


def test_shards_share_the_images(console: Console, mirror: FakeRegistry) -> None:
    """Each is in one of them, and in the same every time."""
    for number in (1, 2, 3):
        before = names(mirror)
        words = ["process", "--shard", f"{number}/3", SOURCE, TARGET]
        document = json.loads(console.succeed("-O", "json", *words).stdout)
        assert document["up_to_date"] == []
        assert len(document["images"]) == len(names(mirror)) - len(before)
        again = json.loads(console.succeed("-O", "json", *words).stdout)
        assert again["images"] == []
    assert len(mirror.images) == 5


def test_the_token_pulls_what_it_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: FakeRegistry
) -> None:
    """W-35: a private image, with the token of the API as the password of `$oauthtoken`."""
    monkeypatch.chdir(tmp_path)
    token = "made-up-token"
    accounts = {"$oauthtoken": token}
    with FakeRegistry(dialect="quay", private=["acme/secret"], accounts=accounts) as quay:
        secret = quay.add_image("acme/secret:9", layers=[{"secret": "s"}])
        console = Console(tmp_path, Hosts(quay, mirror))
        nothing = console.succeed("process", "quay://acme:9", TARGET)
        assert "No images found" in nothing.stderr
        result = console.succeed("process", f"quay://acme:9?token={token}", TARGET)
    assert mirror.image("quay/acme/secret:9").digest == secret.digest
    assert token not in result.stderr


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("tar://all.tar", "tar:// is for one image"),
        ("registry://mirror.example/quay:1", "without a tag"),
    ],
)
def test_a_destination_for_one_image(
    console: Console, quay: FakeRegistry, target: str, said: str
) -> None:
    """The error comes before anything is asked."""
    assert said in error_of(console.run("process", SOURCE, target))
    assert not quay.requests


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_a_shard_that_is_none(console: Console, shard: str) -> None:
    """It is counted from 1."""
    said = error_of(console.run("process", "--shard", shard, SOURCE, TARGET))
    assert "a shard is NUMBER/OF, such as 1/4" in said


def test_one_image_has_no_shards(console: Console) -> None:
    """The options of many are said to be that."""
    words = ["process", "--shard", "1/2", "registry://quay.io/acme/app-0:1", "tar://a.tar"]
    assert "are for many images" in error_of(console.run(*words), 2)


def test_a_directory_of_many(console: Console) -> None:
    """Each has its own manifest there, and layers that they share are there once."""
    console.succeed("process", SOURCE, "dir://all?unique_names=true")
    manifests = sorted(path.name for path in (console.directory / "all").glob("manifest-*.json"))
    assert manifests == [f"manifest-quay.io_acme_{name}-1.json" for name in NAMES]
    assert len(list((console.directory / "all").glob("*/layer.tar"))) == len(NAMES) + 1
    console.succeed("check", "dir://all?image=quay.io/acme/app-3:1")


def test_what_filters_leave_out_is_told_of_each(console: Console, quay: FakeRegistry) -> None:
    """In the end, by destination, and in the object of the image; it is no failure."""
    image = quay.image("acme/app-1:1")
    signature = quay.add_referrer(image, "a/b", b"signed")
    quay.add_index("acme/app-1:all", {"linux/amd64": image, "unknown/unknown": signature})
    words = ("process", "-f", "exclude:pattern=app-1", "quay://acme/app-1:all?platform=all", TARGET)
    *_, summary, _, title, line = console.succeed(*words).stderr.splitlines()
    assert "1 left out" in summary
    assert title == "Left out:"
    assert line.startswith("  registry://mirror.example/quay/acme/app-1:all: the artifact sha256:")
    document = json.loads(console.succeed("-O", "json", *words).stdout)
    assert [len(each["left_out"]) for each in document["images"]] == [1]
