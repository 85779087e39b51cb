"""What was written to a registry is looked at; and who owns what a writer holds."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from occystrap.errors import (
    CredentialsError,
    InvalidOption,
    InvalidReference,
    UnauthorizedException,
)
from occystrap.image.checks import CheckResults
from occystrap.inputs.registry import Image
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import parse_manifest
from occystrap.outputs.registry import RegistryWriter
from occystrap.pipeline import Pipeline
from occystrap.server.message import Handler
from occystrap.util import open_session
from tests.support.console import Shelf, client_of
from tests.support.handlers import BasicGate, Front, answer, cut, status
from tests.support.images import file, layer, make_image

IMAGE = make_image(*(layer(file(f"{number}", bytes(1000))) for number in range(3)))


@pytest.fixture
def shelf() -> Shelf:
    """A registry that has an image as `a/b:1`."""
    shelf = Shelf()
    shelf.put("a/b", "1", IMAGE)
    return shelf


def written(shelf: Shelf, handler: Handler | None = None, **options: Any) -> RegistryWriter:
    """Copy the image to `c/d:1`, through a handler."""
    client = client_of(handler or shelf.registry)
    output = RegistryWriter("registry.example", "c/d", "1", client=client, **options)
    Pipeline(Image("registry.example", "a/b", "1", client=client), output).run()
    return output


def found(results: CheckResults) -> list[tuple[str, str]]:
    """Return severity and rule of each finding."""
    return [(result.severity.value, result.check) for result in results.results]


@pytest.mark.parametrize("full", [False, True])
def test_what_is_there_is_ok(shelf: Shelf, full: bool) -> None:
    """The message names the image and its digest; only a full look reads the blobs."""
    front = Front(shelf.registry)
    output = written(shelf, front)
    front.seen.clear()
    results = output.verify(full=full)
    assert found(results) == [("info", "verify.ok")]
    assert str(shelf.manifest("c/d", "1").digest) in results.results[0].message
    assert ("GET blob" in front.seen) is full


def test_nothing_written_is_an_error() -> None:
    """There is nothing that could be right."""
    output = RegistryWriter("registry.example", "a", "1", client=client_of(Shelf().registry))
    assert found(output.verify()) == [("error", "verify.manifest")]


def test_a_blob_that_is_missing_is_named(shelf: Shelf) -> None:
    """Config and layers, each by its digest."""
    front = Front(shelf.registry)
    output = written(shelf, front, retries=0)
    manifest = shelf.manifest("c/d", "1")
    front.tricks["HEAD blob"] = [status(404)] * 4
    results = output.verify()
    assert found(results) == [("error", "verify.config")] + [("error", "verify.layer")] * 3
    assert str(manifest.layers[2].digest) in results.results[3].message


def test_another_manifest_under_the_tag_is_an_error(shelf: Shelf) -> None:
    """Someone else was quicker, or the tag is gone."""
    output = written(shelf)
    shelf.put("c/d", "1", make_image(layer()))
    assert found(output.verify()) == [("error", "verify.manifest")]
    front = Front(shelf.registry)
    output = written(shelf, front, retries=0)
    front.tricks["HEAD manifest"] = [status(404)]
    assert found(output.verify()) == [("error", "verify.manifest")]


def test_a_blob_that_has_changed_is_an_error_of_a_full_look(shelf: Shelf) -> None:
    """Its bytes are read back and hashed."""
    front = Front(shelf.registry)
    output = written(shelf, front, retries=0)
    front.tricks["GET blob"] = [lambda *_: answer(200, bytes(len(IMAGE.config)))]
    assert found(output.verify()) == [("info", "verify.ok")]
    assert found(output.verify(full=True)) == [("error", "verify.registry")]


def test_a_registry_that_can_t_be_reached_is_a_warning_and_no_ok(shelf: Shelf) -> None:
    """The image may well be there; nobody knows."""
    front = Front(shelf.registry)
    output = written(shelf, front, retries=0)
    front.tricks["GET blob"] = [cut(0)]
    assert found(output.verify(full=True)) == [("warning", "verify.registry")]


def test_a_registry_that_refuses_to_say_is_an_error(shelf: Shelf) -> None:
    """Whoever may push has to be able to look."""
    front = Front(shelf.registry)
    output = written(shelf, front)
    front.tricks["HEAD manifest"] = [status(403)]
    assert found(output.verify()) == [("error", "verify.registry")]


def test_an_image_that_goes_by_sha512_is_verified(shelf: Shelf) -> None:
    """The registry may call the same bytes by another digest."""
    manifest = shelf.manifest("a/b", "1")
    strong = parse_manifest(manifest.raw, algorithm="sha512")
    shelf.store.add_manifest("a/b", strong, None)
    client = client_of(shelf.registry)
    digest = Digest.of(manifest.raw, "sha512")
    image = Image("registry.example", "a/b", str(digest), client=client)
    output = RegistryWriter("registry.example", "c/d", "1", client=client)
    Pipeline(image, output).run()
    assert found(output.verify()) == [("info", "verify.ok")]


def test_a_login_is_used(shelf: Shelf) -> None:
    """User name and password are those of this registry."""
    gate = BasicGate(shelf.registry)
    client = client_of(gate)
    login: dict[str, Any] = {"username": "alice", "password": "open sesame"}
    output = RegistryWriter("registry.example", "c/d", "1", client=client, **login)
    Pipeline(Image("registry.example", "a/b", "1", client=client, **login), output).run()
    assert shelf.manifest("c/d", "1") == shelf.manifest("a/b", "1")
    with pytest.raises(UnauthorizedException):
        written(shelf, gate)


def test_what_can_t_be_right_makes_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """W-30: it is refused before anything is opened."""

    def never(**options: Any) -> httpx.Client:
        raise AssertionError("a client was made")

    monkeypatch.setattr("occystrap.client.session.create_client", never)
    with pytest.raises(InvalidOption, match=r"no compression 'lzma' \(known: gzip, none, zstd\)"):
        RegistryWriter("registry.example", "a", "1", compression_type="lzma")
    with pytest.raises(CredentialsError, match="without a password"):
        RegistryWriter("registry.example", "a", "1", username="alice")
    with pytest.raises(InvalidReference):
        RegistryWriter("registry.example", "NO", "1")


def test_who_makes_the_client_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """W-30: one that was handed in stays open; closing twice is once."""
    client = httpx.Client()
    monkeypatch.setattr("occystrap.client.session.create_client", lambda **_: client)
    given = httpx.Client()
    RegistryWriter("registry.example", "a", "1", client=given).close()
    RegistryWriter("registry.example", "a", "1", session=open_session(given)).close()
    assert not given.is_closed
    given.close()
    own = RegistryWriter("registry.example", "a", "1")
    assert not client.is_closed
    own.close()
    own.close()
    assert client.is_closed
