"""Moving an image, or everything below an index, and telling what became of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from occystrap.errors import APIException, ImageInputError, PipelineError
from occystrap.move import move
from occystrap.oci.manifest import Index, Manifest
from occystrap.pipeline import PipelineBuilder
from occystrap.report import Report
from tests.support.console import Shelf, client_of
from tests.support.handlers import Front, status
from tests.support.images import SampleImage, file, layer, make_image

HERE = "registry://r.example/many:1?platform=all"
THERE = "registry://other.example/new:1"


def images(*names: str) -> dict[str, SampleImage]:
    """Make images of a layer of their own, and one that all share."""
    return {f"linux/{n}": make_image(layer(file(n)), layer(file("shared"))) for n in names}


@pytest.fixture
def shelf() -> Shelf:
    """A registry with an index of three images."""
    shelf = Shelf()
    shelf.put_all("many", "1", images("amd64", "arm64", "s390x"))
    return shelf


@pytest.fixture
def front(shelf: Shelf) -> Front:
    """That registry, with notes of what it is asked."""
    return Front(shelf.registry)


@pytest.fixture
def client(front: Front) -> Iterator[httpx.Client]:
    """A client that reaches it under every name."""
    with client_of(front) as client:
        yield client


def run(client: httpx.Client, source: str = HERE, target: str = THERE, **options: Any) -> Report:
    """Move something."""
    ctx = SimpleNamespace(obj=options)
    with PipelineBuilder(ctx, client=client) as builder:
        return move(builder, source, target)


def test_the_report_of_one_image(client: httpx.Client, front: Front, shelf: Shelf) -> None:
    """Names, digest and figures; seconds are those of the clock."""
    ticks = itertools.count(100.0, 2.5)
    with PipelineBuilder(client=client) as builder:
        report = move(builder, "registry://r.example/many:1", THERE, clock=lambda: next(ticks))
    assert report.source == "registry://r.example/many:1"
    assert report.destination == THERE
    assert report.digest == str(shelf.manifest("new", "1").digest)
    assert (report.images, report.layers) == (1, 2)
    assert report.seconds == 2.5
    assert report.requests == len(front.seen)


def test_an_index_appears_after_all_that_it_lists(client: httpx.Client, front: Front) -> None:
    """So that nobody can pull a part of it; every image is verified as well."""
    report = run(client)
    puts = [r.path for r in front.requests if r.method == "PUT" and "/manifests/" in r.path]
    assert len(puts) == 4
    assert puts[-1] == "/v2/new/manifests/1"
    assert all(path.startswith("/v2/new/manifests/sha256:") for path in puts[:-1])
    assert (report.images, report.layers) == (3, 6)
    assert report.checks is not None
    assert [each.check for each in report.checks.results] == ["verify.ok"] * 4


@pytest.mark.parametrize("where", ["GET blob", "PUT manifest", "HEAD blob"])
def test_an_index_does_not_appear_without_one_of_its_images(
    client: httpx.Client, front: Front, shelf: Shelf, where: str
) -> None:
    """One failure is the failure of the whole."""
    front.tricks = {where: [status(403)]}
    with pytest.raises(APIException):
        run(client, HERE.replace("r.example", "third.example"), RETRIES=0)
    assert shelf.get("new", "1") is None


def test_an_image_that_an_index_lists_twice_moves_once(
    client: httpx.Client, front: Front, shelf: Shelf
) -> None:
    """As some tools write it, for two names of a platform."""
    image = shelf.put("many", None, make_image(layer(file("one"))))
    shelf.put_index("many", "twice", {"linux/arm64": image, "linux/arm64/v8": image})
    index = shelf.get("many", "twice")
    assert isinstance(index, Index)
    run(client, HERE.replace(":1?", ":twice?"))
    assert shelf.get("new", "1") == index
    asked = [r for r in front.requests if r.method == "GET" and str(image.digest) in r.path]
    assert len(asked) <= 2  # platforms make descriptors differ


def test_indexes_in_indexes_have_an_end(client: httpx.Client, shelf: Shelf) -> None:
    """So deep, and no deeper; the error names the image."""
    inner: Manifest | Index = shelf.put("many", None, make_image(layer()))
    for depth in range(1, 7):
        inner = shelf.put_index("many", f"deep{depth}", {"linux/amd64": inner})
    run(client, HERE.replace(":1?", ":deep4?"))
    with pytest.raises(ImageInputError, match=r"many.* indexes in indexes without end"):
        run(client, HERE.replace(":1?", ":deep6?"))


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (HERE, "tar://{}/a.tar", "keeps indexes: registry://, ocidir://, ocitar://"),
        (HERE, f"{THERE}?compression=gzip", "keeps every digest"),
    ],
)
def test_what_does_not_go_with_all_platforms(
    client: httpx.Client, front: Front, tmp_path: Path, source: str, target: str, said: str
) -> None:
    """It is said before anything is asked."""
    with pytest.raises(PipelineError, match=said):
        run(client, source, target.format(tmp_path))
    assert front.seen == []
    assert list(tmp_path.iterdir()) == []


def test_nobody_looks_unasked(client: httpx.Client, front: Front) -> None:
    """Without verification nothing is asked afterwards, and the report says null."""
    assert run(client, VERIFY=False).checks is None
    assert front.seen[-1] == "PUT manifest"
    assert run(client, VERIFY=False, VERIFY_FULL=True).checks is not None


def test_secrets_are_not_reported(client: httpx.Client) -> None:
    """Names in the report have no password."""
    report = run(client, HERE.replace("//", "//u:hush@"), THERE.replace("//", "//u:hush@"))
    assert "hush" not in repr(report) + str(report.to_document())
