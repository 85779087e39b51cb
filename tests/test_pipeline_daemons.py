"""URIs of daemons: what they are put together from, and what a run of theirs does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from occystrap.errors import ImageOutputError, URIParseError
from occystrap.move import move
from occystrap.oci.media_types import Compression
from occystrap.pipeline import PipelineBuilder
from tests.support.console import Shelf, client_of
from tests.support.fake_daemon import FakeDaemon, running_fake
from tests.support.handlers import Front
from tests.support.images import SampleImage, varied_image
from tests.support.look import tars_of

NAME = "example/app:1"
REGISTRY = "registry://r.example/new/image:1"


@pytest.fixture
def image() -> SampleImage:
    """An image with whiteouts and all that."""
    return varied_image()


@pytest.fixture
def fake(image: SampleImage) -> FakeDaemon:
    """A daemon that has it."""
    fake = FakeDaemon()
    fake.add(NAME, image)
    return fake


@pytest.fixture
def socket(fake: FakeDaemon) -> Iterator[str]:
    """Where that daemon is."""
    with running_fake(fake) as path:
        yield path


@pytest.fixture
def shelf() -> Shelf:
    """An empty registry."""
    return Shelf()


@pytest.fixture
def front(shelf: Shelf) -> Front:
    """What notes what the registry is asked."""
    return Front(shelf.registry)


@pytest.fixture
def client(front: Front) -> Iterator[httpx.Client]:
    """A client that reaches that registry under every name."""
    with client_of(front) as client:
        yield client


def builder(client: httpx.Client, **obj: Any) -> PipelineBuilder:
    """Make a builder with some options."""
    return PipelineBuilder(SimpleNamespace(obj=obj), client=client)


@pytest.mark.parametrize("scheme", ["docker", "dockerpush"])
def test_from_a_daemon_into_a_file(
    client: httpx.Client, socket: str, image: SampleImage, tmp_path: Path, scheme: str
) -> None:
    """Under the name that was asked for."""
    target = tmp_path / "a.tar"
    with builder(client, TEMP_DIR=str(tmp_path)) as parts:
        report = move(parts, f"{scheme}://{NAME}?socket={socket}", f"tar://{target}")
        back = move(parts, f"tar://{target}", f"docker://other:2?socket={socket}")
    assert tars_of(target) == image.diff_ids
    assert not report.errors + back.errors
    assert list(tmp_path.iterdir()) == [target]


def test_the_socket_of_the_environment(
    client: httpx.Client, fake: FakeDaemon, socket: str, tmp_path: Path
) -> None:
    """DOCKER_HOST is read where the options are, and a URI goes before it."""
    environ = {"DOCKER_HOST": f"unix://{socket}"}
    with builder(client, ENVIRON=environ) as parts:
        move(parts, f"docker://{NAME}", f"tar://{tmp_path}/a.tar")
        move(parts, f"tar://{tmp_path}/a.tar", "docker://example/copy:2")
        with running_fake(FakeDaemon()) as other:
            move(parts, f"docker://{NAME}", f"docker://example/there:3?socket={other}")
    assert set(fake.images) == {NAME, "example/copy:2"}
    with (
        builder(client, ENVIRON={"DOCKER_HOST": "tcp://h:1"}) as parts,
        pytest.raises(URIParseError, match="DOCKER_HOST"),
    ):
        parts.build_input(f"docker://{NAME}")


@pytest.mark.parametrize("scheme", ["docker", "dockerpush"])
@pytest.mark.parametrize("kind", ["docker 20.10", "docker 28, containerd store", "podman"])
def test_from_a_daemon_into_a_registry_and_back(
    client: httpx.Client,
    fake: FakeDaemon,
    socket: str,
    shelf: Shelf,
    image: SampleImage,
    scheme: str,
    kind: str,
) -> None:
    """Config and layers are the same at both ends."""
    fake.kind = kind
    with builder(client) as parts:
        out = move(parts, f"{scheme}://{NAME}?socket={socket}", REGISTRY)
        back = move(parts, REGISTRY, f"docker://example/back:2?socket={socket}")
    assert not out.errors + back.errors
    manifest = shelf.manifest("new/image", "1")
    assert manifest.config.digest.encoded == image.config_hex
    assert (out.layers, back.layers) == (4, 4)
    loaded = fake.images["example/back:2"]
    assert (loaded.config, loaded.layers) == (image.config, image.layers)


def test_what_a_registry_has_needs_no_push(
    client: httpx.Client, fake: FakeDaemon, socket: str, front: Front
) -> None:
    """The second time the daemon sends the config, and no layer."""
    source = f"dockerpush://{NAME}?socket={socket}"
    with builder(client) as parts:
        move(parts, source, REGISTRY)
        assert len(fake.pushed) > 1
        fake.pushed.clear()
        front.seen.clear()
        report = move(parts, source, REGISTRY)
    assert fake.pushed == [fake.images[NAME].config_hex]
    assert (report.skipped, report.size) == (4, 0)
    assert "POST uploads" not in front.seen
    assert not report.errors


def test_what_is_compressed_in_another_way_has_to_come(
    client: httpx.Client, fake: FakeDaemon, socket: str, shelf: Shelf, image: SampleImage
) -> None:
    """A layer that the registry has as gzip is needed to make it zstd."""
    source = f"dockerpush://{NAME}?socket={socket}"
    with builder(client) as parts:
        move(parts, source, REGISTRY)
        fake.pushed.clear()
        report = move(parts, source, f"{REGISTRY}?compression=zstd")
    assert len(fake.pushed) == len(set(image.layers)) + 1
    assert not report.errors


def test_a_file_needs_every_layer(
    client: httpx.Client, fake: FakeDaemon, socket: str, tmp_path: Path, image: SampleImage
) -> None:
    """Only a registry has anything already."""
    source = f"dockerpush://{NAME}?socket={socket}"
    with builder(client) as parts:
        move(parts, source, REGISTRY)
        move(parts, source, f"tar://{tmp_path}/a.tar")
    assert tars_of(tmp_path / "a.tar") == image.diff_ids


def test_compressed_layers_go_to_a_daemon_as_they_are(
    client: httpx.Client, socket: str, shelf: Shelf, image: SampleImage
) -> None:
    """What moves is what the registry stores."""
    manifest = shelf.put("some/image", "1", image, Compression.GZIP)
    with builder(client) as parts:
        report = move(
            parts, "registry://r.example/some/image:1", f"docker://there:1?socket={socket}"
        )
    assert report.size == sum({each.digest: each.size for each in manifest.layers}.values())
    assert report.digest == ""


@pytest.mark.parametrize("scheme", ["docker", "dockerpush"])
def test_filters_stand_between_daemons(
    client: httpx.Client, fake: FakeDaemon, socket: str, image: SampleImage, scheme: str
) -> None:
    """What a filter has changed is loaded; every layer comes, whatever a registry has."""
    with builder(client) as parts:
        move(parts, f"{scheme}://{NAME}?socket={socket}", REGISTRY)
        fake.pushed.clear()
        source, filters = f"{scheme}://{NAME}?socket={socket}", ["exclude:pattern=etc/gone"]
        report = move(parts, source, f"docker://example/less:1?socket={socket}", filters)
        move(parts, source, REGISTRY, filters)
    loaded = fake.images["example/less:1"]
    assert loaded.config != image.config
    assert b"etc/gone" not in b"".join(loaded.layers)
    assert loaded.layers[1] == image.layers[1]
    assert not report.errors
    if scheme == "dockerpush":
        assert len(fake.pushed) == 2 * (len(set(image.layers)) + 1)


def test_a_digest_is_no_name_for_a_daemon(client: httpx.Client, tmp_path: Path) -> None:
    """It is refused before anything is read."""
    with (
        builder(client) as parts,
        pytest.raises(ImageOutputError, match="not by a digest"),
    ):
        parts.build_pipeline(REGISTRY, f"docker://a@sha256:{'0' * 64}")
