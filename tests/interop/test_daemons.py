"""Real daemons: what goes in comes out, byte for byte, and nothing is left of what was stopped."""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from occystrap.inputs.dockerpush import Image
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import Compression, Family
from occystrap.oci.routes import RouteKind
from occystrap.server.doors.listener import serve
from occystrap.server.doors.tls import shared_authority
from tests.interop.test_stopped import Moment, signals
from tests.support.archives import docker_save
from tests.support.command import PATIENCE, Occystrap
from tests.support.console import Shelf
from tests.support.daemons import DAEMONS, podman, running_daemon
from tests.support.debian_registry import DebianRegistry
from tests.support.engine import Engine
from tests.support.held import held_registry
from tests.support.images import (
    SampleImage,
    file,
    layer,
    make_image,
    thorough_image,
)
from tests.support.look import tars_of
from tests.support.progress import CountingProgress

NOISE = random.Random(7).randbytes(8_000_000)  # noqa: S311 - no secret


@pytest.fixture(scope="module", params=DAEMONS)
def service(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """dockerd, and podman's service."""
    with running_daemon(request.param, shared_authority().ca_file) as engine:
        yield engine


@pytest.fixture
def daemon(service: Engine) -> Iterator[Engine]:
    """A daemon that has no image."""
    yield service
    for name in service.names():
        service.remove(name)


@pytest.fixture
def image(request: pytest.FixtureRequest) -> SampleImage:
    """An image with all that layers can have, which no other test has."""
    own = layer(file("etc/test", request.node.name.encode()))
    return make_image(*thorough_image().layers, own)


def uri(daemon: Engine, name: str, scheme: str = "docker") -> str:
    """Name an image of a daemon."""
    return f"{scheme}://{name}?socket={daemon.socket}"


def names_of(daemon: Engine) -> set[str]:
    """List the names of its images, as they are typed."""
    return {re.sub("^(localhost|docker.io)/", "", name) for name in daemon.names()}


@pytest.mark.parametrize("scheme", ["docker", "dockerpush"])
def test_what_docker_load_has_loaded_is_read(
    occystrap: Occystrap, daemon: Engine, image: SampleImage, tmp_path: Path, scheme: str
) -> None:
    """From a daemon into a file: every layer, and the config, byte for byte."""
    daemon.load(docker_save(image.named("some/app:v1")))
    target = tmp_path / "out.tar"
    report = occystrap.process(
        uri(daemon, "some/app:v1", scheme), f"tar://{target}", "--verify-full"
    )
    assert tars_of(target) == image.diff_ids
    assert f"{image.config_hex}.json".encode() in target.read_bytes()
    assert [check["check"] for check in report["verify"]] == ["verify.ok"]
    assert names_of(daemon) == {"some/app:v1"}


@pytest.mark.parametrize("compression", Compression)
def test_there_and_back(
    occystrap: Occystrap, daemon: Engine, image: SampleImage, compression: Compression
) -> None:
    """Registry to daemon to registry, however layers are stored: diff_ids and config are kept."""
    shelf = Shelf()
    shelf.put("some/app", "v1", image, compression, Family.OCI)
    with serve(shelf.registry) as listener:
        here = f"registry://{listener.host}"
        report = occystrap.process(
            f"{here}/some/app:v1", uri(daemon, "other/name:v2"), "--verify-full"
        )
        assert [check["check"] for check in report["verify"]] == ["verify.ok"]
        assert names_of(daemon) == {"other/name:v2"}
        assert daemon.identifier("other/name:v2") == image.config_hex
        for scheme in ("docker", "dockerpush"):
            occystrap.process(uri(daemon, "other/name:v2", scheme), f"{here}/{scheme}/app:v3")
            manifest = shelf.manifest(f"{scheme}/app", "v3")
            assert manifest.config.digest.encoded == image.config_hex
            assert shelf.content(f"{scheme}/app", manifest.config) == image.config
            assert len(manifest.layers) == len(image.layers)
        occystrap.process(f"{here}/dockerpush/app:v3", f"tar://{occystrap.home}/back.tar")
    assert tars_of(occystrap.home / "back.tar") == image.diff_ids


def test_from_one_daemon_to_another(
    occystrap: Occystrap, daemon: Engine, image: SampleImage
) -> None:
    """Layers that are plain stay it, and the second name is on the same image."""
    daemon.load(docker_save(image.named("some/app:v1")))
    for scheme in ("docker", "dockerpush"):
        occystrap.process(uri(daemon, "some/app:v1", scheme), uri(daemon, f"copy/{scheme}:v2"))
        assert daemon.identifier(f"copy/{scheme}:v2") == image.config_hex
    assert names_of(daemon) == {"some/app:v1", "copy/docker:v2", "copy/dockerpush:v2"}


def test_a_second_push_sends_next_to_nothing(
    occystrap: Occystrap, daemon: Engine, image: SampleImage, debian_registry: DebianRegistry
) -> None:
    """Debian's registry holds what the first has brought, and hears of it."""
    daemon.load(docker_save(image.named("some/app:v1")))
    source, target = uri(daemon, "some/app:v1", "dockerpush"), debian_registry.uri("some/app:v1")
    first, second = (occystrap.process(source, target) for _ in range(2))
    assert first["digest"] == second["digest"]
    assert (second["bytes"], second["skipped"]) == (0, len(image.layers))


def test_dockerd_is_spared_what_the_destination_has(image: SampleImage) -> None:
    """It remembers what its layers became, and asks before it sends them; so only the config comes.

    Podman asks for layers as tars, which registries seldom have.
    """
    came: list[int] = []
    with running_daemon("dockerd", shared_authority().ca_file) as daemon:
        daemon.load(docker_save(image.named("some/app:v1")))
        sizes: dict[Digest, int] = {}
        for _ in range(2):
            progress = CountingProgress()
            source = Image("some/app", "v1", daemon.socket, progress=progress)
            source.held = sizes.get
            manifest = source.get_manifest()
            source.close()
            assert manifest is not None
            sizes = {each.digest: each.size for each in manifest.layers}
            came.append(progress.count - len(image.config) - len(manifest.raw))
    assert came == [sum(sizes.values()), 0]


def test_podman_needs_no_settings_for_the_loopback(
    occystrap: Occystrap, image: SampleImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told that there is no TLS, where it would insist on it."""
    monkeypatch.setitem(DAEMONS, "strict", partial(podman, registries=""))
    with running_daemon("strict", shared_authority().ca_file) as daemon:
        daemon.load(docker_save(image.named("some/app:v1")))
        target = tmp_path / "out.tar"
        occystrap.process(uri(daemon, "some/app:v1", "dockerpush"), f"tar://{target}")
    assert tars_of(target) == image.diff_ids


@pytest.mark.parametrize("scheme", ["docker", "dockerpush"])
def test_an_image_that_is_not_there(occystrap: Occystrap, daemon: Engine, scheme: str) -> None:
    """One line says so."""
    said = occystrap.fail("process", uri(daemon, "no/such:v1", scheme), "tar://out.tar")
    assert "Image not found: no/such:v1" in said
    assert not (occystrap.home / "out.tar").exists()


def test_a_wrong_layer_loads_nothing(
    occystrap: Occystrap, daemon: Engine, image: SampleImage
) -> None:
    """The daemon shows neither the name nor the image."""
    shelf = Shelf()
    shelf.put("some/app", "v1", replace(image, layers=(b"wrong", *image.layers[1:])))
    with serve(shelf.registry) as listener:
        source = f"registry://{listener.host}/some/app:v1"
        said = occystrap.fail("--insecure", "process", source, uri(daemon, "new/app:v1"))
    assert f"expected sha256:{image.diff_ids[0]}" in said
    assert names_of(daemon) == set()


@signals
def test_a_load_that_is_stopped_loads_nothing(
    occystrap: Occystrap, daemon: Engine, number: signal.Signals
) -> None:
    """However it is stopped in the middle of a layer."""
    image = make_image(layer(file("noise", NOISE)))
    shelf = Shelf()
    shelf.put("some/app", "v1", image)
    blob = shelf.manifest("some/app", "v1").layers[0].digest.encoded
    moment = Moment("GET", RouteKind.BLOB, blob)
    with held_registry(shelf.registry, moment, len(NOISE) // 2) as (listener, held):
        source = f"registry://{listener.host}/some/app:v1"
        with occystrap.start("--insecure", "process", source, uri(daemon, "new/app:v1")) as process:
            held.wait()
            process.send_signal(number)
            _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -number
    assert "Traceback" not in errors
    assert names_of(daemon) == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_a_push_that_is_stopped_leaves_no_name(
    occystrap: Occystrap, daemon: Engine, number: signal.Signals, tmp_path: Path
) -> None:
    """The daemon has the names that it had before."""
    image = make_image(*(layer(file(f"noise-{each}", NOISE)) for each in range(2)))
    daemon.load(docker_save(image.named("some/app:v1")))
    target = tmp_path / "out.tar"
    source = uri(daemon, "some/app:v1", "dockerpush")
    with occystrap.start("process", source, f"tar://{target}") as process:
        deadline = time.monotonic() + PATIENCE
        while len(daemon.names()) < 2 and process.poll() is None and time.monotonic() < deadline:
            pass
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -number
    assert "Traceback" not in errors
    assert not target.exists()
    assert names_of(daemon) == {"some/app:v1"}
