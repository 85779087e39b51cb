"""`occystrap proxy` as a process, between skopeo and two of Debian's docker-registries."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.debian_registry import DebianRegistry, StartDebianRegistry
from tests.support.images import SampleImage
from tests.support.look import layer_digests
from tests.support.skopeo import Skopeo

PLAIN = ("--src-tls-verify=false", "--dest-tls-verify=false")
FILTER = ("-f", "normalize-timestamps")


@dataclass(frozen=True, slots=True)
class Proxied:
    """A proxy that runs, and what it says when it is stopped."""

    process: subprocess.Popen[str]
    host: str

    def stop(self) -> str:
        """End it as a service manager does, and return its last line."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, said
        return said.splitlines()[-1]


@contextlib.contextmanager
def proxy(directory: Path, *arguments: str) -> Iterator[Proxied]:
    """Run a proxy; nothing is left of what it kept."""
    temp = directory / "proxy-temp"
    temp.mkdir()
    command = [sys.executable, "-m", "occystrap", "--insecure", "--temp-dir", str(temp), "proxy"]
    with subprocess.Popen(
        [*command, "-l", "127.0.0.1:0", *arguments],
        env={**os.environ, "HOME": str(directory)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        host = process.stderr.readline().strip().rpartition(" ")[2]
        assert process.stderr.readline().startswith("Ready")
        try:
            yield Proxied(process, host)
        finally:
            process.terminate()
    assert list(temp.iterdir()) == []


@pytest.fixture
def downstream(start_debian_registry: StartDebianRegistry) -> DebianRegistry:
    """Where images go."""
    return start_debian_registry()


def test_skopeo_pushes_through_filters(
    skopeo: Skopeo, downstream: DebianRegistry, archive: Path, image: SampleImage, tmp_path: Path
) -> None:
    """What it has pushed is downstream, changed; pushed again it is the same."""
    with proxy(tmp_path, "-d", f"{downstream.host}/team", *FILTER) as running:
        for tag in ("1", "2"):
            target = f"docker://{running.host}/demo/app:{tag}"
            skopeo("copy", *PLAIN, f"docker-archive:{archive}", target)
        assert running.stop().startswith("Proxy stopped. Pushed 2 images (0 failed).")
    manifests = [
        skopeo.unpack(f"docker://{downstream.host}/team/demo/app:{tag}", tmp_path / tag, PLAIN[0])
        for tag in ("1", "2")
    ]
    assert manifests[0] == manifests[1]
    assert len(manifests[0]["layers"]) == len(image.layers)
    assert layer_digests(manifests[0]) != image.diff_ids


def test_a_pull_is_brought_once(
    skopeo: Skopeo,
    downstream: DebianRegistry,
    start_debian_registry: StartDebianRegistry,
    archive: Path,
    tmp_path: Path,
) -> None:
    """The second comes from downstream, byte for byte, though upstream has lost the image."""
    upstream = start_debian_registry()
    source = f"docker://{upstream.host}/demo/app:1"
    skopeo("copy", *PLAIN, f"docker-archive:{archive}", source)
    there = f"registry://{upstream.host}?insecure=true"
    with proxy(tmp_path, "-d", downstream.host, "-u", there) as running:
        name = f"docker://{running.host}/demo/app:1"
        first = skopeo.unpack(name, tmp_path / "first", PLAIN[0])
        skopeo("delete", "--tls-verify=false", source)
        second = skopeo.unpack(name, tmp_path / "second", PLAIN[0])
        assert running.stop().endswith("Pulled 2 images (1 cache hits, 1 misses).")
    assert first == second
