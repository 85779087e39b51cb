"""Real components that some tests are held against, and what to do where they are missing."""

from __future__ import annotations

import shutil

import pytest

__all__ = ["INSTALL", "real_component"]

INSTALL = {
    "bash": "apt-get install bash",
    "containerd": "apt-get install containerd",
    "chromedriver": "apt-get install chromium-driver",
    "chromium": "apt-get install chromium",
    "curl": "apt-get install curl",
    "docker-registry": "apt-get install docker-registry",
    "dockerd": "apt-get install docker.io",
    "fish": "apt-get install fish",
    "openssl": "apt-get install openssl",
    "podman": "apt-get install podman conmon runc golang-github-containers-common",
    "qemu-x86_64": "apt-get install qemu-user",
    "runc": "apt-get install runc",
    "setpriv": "apt-get install util-linux",
    "skopeo": "apt-get install skopeo",
    "tar": "apt-get install tar",
    "umoci": "apt-get install umoci",
    "unshare": "apt-get install util-linux",
    "zsh": "apt-get install zsh",
}


def real_component(name: str) -> str:
    """Find a program on the path, or skip the test with the command that installs it.

    In CI a skip is a failure (tests/support/ci_mode.py).
    """
    command = INSTALL[name]
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed; install it with: {command}")
    return path
