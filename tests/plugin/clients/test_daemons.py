"""dockerd and podman push to a fake registry and pull from it, over its sockets."""

from __future__ import annotations

import logging
from functools import partial

import pytest

from pytest_occystrap.building import CompressionName, MediaName
from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.plugin import MakeRegistry
from tests.support.archives import docker_save
from tests.support.engine import Engine, EngineError
from tests.support.images import SampleImage
from tests.support.pushed import assert_complete
from tests.support.serving import running

TAG = "v1"
OPENING = "occystrap.server.doors.opening"


def login_of(registry: FakeRegistry) -> tuple[str, str]:
    """Look up the one account of a registry."""
    ((name, password),) = registry.accounts.items()
    return name, password


def load(daemon: Engine, sample: SampleImage, repository: str) -> None:
    """Have a daemon hold an image under the name of a repository, and no other."""
    daemon.load(docker_save(sample.named(f"{repository}:{TAG}")))
    assert daemon.identifier(f"{repository}:{TAG}") == sample.config_hex


def push(
    daemon: Engine, sample: SampleImage, repository: str, login: tuple[str, str] | None = None
) -> str:
    """Push an image and forget it; return the digest of the manifest."""
    load(daemon, sample, repository)
    digest = daemon.push(repository, TAG, login)
    daemon.remove(sample.config_hex)
    assert daemon.identifier(f"{repository}:{TAG}") is None
    return digest


def pull(
    daemon: Engine, sample: SampleImage, repository: str, login: tuple[str, str] | None = None
) -> None:
    """Pull an image, which has to be the one that was pushed, and forget it."""
    daemon.pull(repository, TAG, login)
    assert daemon.identifier(f"{repository}:{TAG}") == sample.config_hex
    daemon.remove(sample.config_hex)


def test_an_image_goes_out_and_in(
    daemon: Engine,
    fake_registry: FakeRegistry,
    sample: SampleImage,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Over the plain port, after TLS was tried there and turned down."""
    caplog.set_level(logging.DEBUG, OPENING)
    repository = f"{fake_registry.host}/a/b"
    digest = push(daemon, sample, repository)
    assert digest == fake_registry.image(f"a/b:{TAG}").digest
    assert_complete(fake_registry, f"a/b:{TAG}", sample)
    assert "speaks TLS to a plain port" in caplog.text
    pull(daemon, sample, repository)
    fake_registry.assert_pulled(f"a/b:{TAG}")
    assert {exchange.scheme for exchange in fake_registry.requests} == {"http"}


@pytest.mark.parametrize(("auth", "redirects"), [("basic", False), ("bearer", True)])
def test_logins_and_redirects(
    daemon: Engine,
    make_registry: MakeRegistry,
    sample: SampleImage,
    auth: str,
    redirects: bool,
) -> None:
    """Credentials stay at the registry, and blobs may come from elsewhere."""
    registry = make_registry(auth=auth, private=True, redirects=redirects)
    repository, login = f"{registry.host}/a/b", login_of(registry)
    push(daemon, sample, repository, login)
    assert_complete(registry, f"a/b:{TAG}", sample)
    registry.clear_requests()
    pull(daemon, sample, repository, login)
    registry.assert_pulled(f"a/b:{TAG}")
    assert ("storage" in {exchange.part for exchange in registry.requests}) is redirects


def test_wrong_logins_are_turned_down(
    daemon: Engine, make_registry: MakeRegistry, sample: SampleImage
) -> None:
    """The daemon says so, and nothing gets into the registry."""
    registry = make_registry(auth="bearer")
    repository = f"{registry.host}/a/b"
    load(daemon, sample, repository)
    with pytest.raises(EngineError, match="incorrect user name or password"):
        daemon.push(repository, TAG, ("alice", "wrong"))
    daemon.remove(sample.config_hex)
    assert registry.images == []


def test_an_image_goes_over_tls(
    daemon: Engine, make_registry: MakeRegistry, sample: SampleImage
) -> None:
    """As to any registry; podman verifies the certificate, dockerd wouldn't on this machine."""
    registry = make_registry(auth="bearer", redirects=True)
    repository = f"localhost:{registry.https_host.rpartition(':')[2]}/a/b"
    push(daemon, sample, repository, login_of(registry))
    assert_complete(registry, f"a/b:{TAG}", sample)
    pull(daemon, sample, repository)
    registry.assert_pulled(f"a/b:{TAG}")
    assert {exchange.scheme for exchange in registry.requests} == {"https"}


@pytest.mark.parametrize(("media", "compression"), [("docker", "gzip"), ("oci", "none")])
def test_images_of_the_fake_are_real(
    daemon: Engine, fake_registry: FakeRegistry, media: MediaName, compression: CompressionName
) -> None:
    """What `add_image` makes, daemons unpack; of an index they take what is for this machine."""
    add = partial(fake_registry.add_image, media=media, compression=compression)
    images = {
        "one": add("a/b:one", [{"bin/a": b"a"}, {"bin/b": b"b"}]),
        "all": add("a/b:two", [{"bin/a": b"a"}, {"bin/c": b"c"}]),
    }
    foreign = add("a/b:three", [{"bin/a.exe": b"a"}], platform="windows/arm64")
    platforms = {"windows/arm64": foreign, "linux/amd64": images["all"]}
    fake_registry.add_index("a/b:all", platforms, media=media)
    for tag, image in images.items():
        daemon.pull(f"{fake_registry.host}/a/b", tag)
        fake_registry.assert_pulled(f"a/b:{tag}")
        fake_registry.clear_requests()
        identifier = image.config.digest.removeprefix("sha256:")
        assert daemon.identifier(f"{fake_registry.host}/a/b:{tag}") == identifier
        daemon.remove(identifier)


def test_a_registry_served_by_the_command(daemon: Engine, sample: SampleImage) -> None:
    """`occystrap registry serve` is pushed to and pulled from, with a token for a password."""
    login = ("alice", "open sesame")
    with running("--auth", "bearer", "--user", ":".join(login)) as (_, url):
        repository = f"{url.removeprefix('http://')}/a/b"
        push(daemon, sample, repository, login)
        pull(daemon, sample, repository, login)
