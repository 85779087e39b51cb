"""What skopeo and dockerd ask when they push and pull."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from occystrap.server.doors.tls import shared_authority
from tests.support.archives import docker_save
from tests.support.components import real_component
from tests.support.daemons import running_daemon
from tests.support.debian_registry import CREDENTIALS
from tests.support.images import SampleImage, file, layer, make_image

__all__ = ["dockerd", "dockerd_with_password", "skopeo", "skopeo_with_password"]

_REPOSITORY = "demo/pushed"


def _sample() -> SampleImage:
    return make_image(
        layer(file("bin/tool", b"#!/bin/sh\necho pushed\n", 0o755)),
        layer(file("etc/pushed.conf", b"colour = green\n" * 40)),
    )


def skopeo(host: str) -> None:
    """Push an image, copy it, look at it, pull it, and ask for what isn't there; then remove it."""
    image, other = _skopeo_copies(host)
    plain = "--tls-verify=false"
    _skopeo("list-tags", plain, image.rpartition(":")[0])
    _skopeo("inspect", plain, image)
    _skopeo("inspect", plain, f"{image}-unknown", succeeds=False)
    _skopeo("delete", plain, other)


def skopeo_with_password(host: str) -> None:
    """Push an image, copy it and pull it, with a login."""
    _skopeo_copies(host, ":".join(CREDENTIALS))


def _skopeo_copies(host: str, login: str = "") -> tuple[str, str]:
    image, other = f"docker://{host}/{_REPOSITORY}:1.0", f"docker://{host}/demo/copied:1.0"
    to = ["--dest-tls-verify=false", *_side("dest", login)]
    from_ = ["--src-tls-verify=false", *_side("src", login)]
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "image.tar")
        archive.write_bytes(docker_save(_sample()))
        _skopeo("copy", *to, f"docker-archive:{archive}", image)
        _skopeo("copy", *from_, *to, image, other)
        _skopeo("copy", *from_, image, f"dir:{scratch}/pulled")
    return image, other


def _side(side: str, login: str) -> Sequence[str]:
    return [f"--{side}-creds={login}"] if login else []


def _skopeo(*arguments: str, succeeds: bool = True) -> None:
    done = subprocess.run([real_component("skopeo"), *arguments], capture_output=True, check=False)
    if (done.returncode == 0) is not succeeds:
        sys.exit(done.stderr.decode())


def dockerd(host: str, login: tuple[str, str] | None = None) -> None:
    """Push an image, forget it, and pull it."""
    repository = f"{host}/{_REPOSITORY}"
    sample = _sample()
    with running_daemon("dockerd", shared_authority().ca_file) as engine:
        engine.load(docker_save(sample.named(f"{repository}:1.0")))
        engine.push(repository, "1.0", login)
        engine.remove(sample.config_hex)
        engine.pull(repository, "1.0", login)
        if engine.identifier(f"{repository}:1.0") != sample.config_hex:
            sys.exit("another image came back")


def dockerd_with_password(host: str) -> None:
    """Do the same with a login."""
    dockerd(host, CREDENTIALS)
