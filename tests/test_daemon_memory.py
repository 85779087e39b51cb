"""Memory doesn't grow with the layers that pass between a daemon and a file (W-27)."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import build_manifest
from occystrap.oci.media_types import DOCKER_CONFIG, DOCKER_LAYER, Family
from occystrap.server.message import Headers, Request, Response
from tests.support.fake_daemon import running_fake, saying

MIB = 1 << 20
SIZE = 100 * MIB
BLOCK = random.Random(0).randbytes(MIB)  # noqa: S311 - no secret

# In a process of its own, whose peak the system measures.
_SCRIPT = """
import pathlib, sys
from occystrap.move import move
from occystrap.pipeline import PipelineBuilder

source, target = sys.argv[1:]

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

move(PipelineBuilder(), "tar://small.tar", target.replace("/big", "/small"))
move(PipelineBuilder(), source.replace("big", "small"), "tar://out.tar")
before = peak()
move(PipelineBuilder(), source, "tar://out.tar")
move(PipelineBuilder(), "tar://out.tar", target)
print(peak() - before)
"""


def blocks(number: int, size: int) -> Iterator[bytes]:
    """Make the bytes of a layer, no two pieces the same."""
    for start in range(0, size, MIB):
        yield number.to_bytes(8, "big") + start.to_bytes(8, "big") + BLOCK[16:]


class BigDaemon:
    """A daemon with two images of two layers, one small and one big, that holds none in memory."""

    def __init__(self) -> None:
        self.loaded: dict[str, int] = {}
        self.sizes = {"small": MIB, "big": SIZE}
        self.layers = {name: self._describe(size) for name, size in self.sizes.items()}
        self.configs = {name: self._config(layers) for name, layers in self.layers.items()}

    def _describe(self, size: int) -> list[Descriptor]:
        found = []
        for number in range(2):
            digest = hashlib.sha256()
            for block in blocks(number, size):
                digest.update(block)
            found.append(Descriptor(DOCKER_LAYER, Digest("sha256", digest.hexdigest()), size))
        return found

    def _config(self, layers: list[Descriptor]) -> bytes:
        diff_ids = [str(each.digest) for each in layers]
        return json.dumps({"os": "linux", "rootfs": {"diff_ids": diff_ids}}).encode()

    def handle(self, request: Request) -> Response:
        """Answer as a daemon."""
        name = "big" if "big" in request.path else "small"
        if request.path.endswith("/json"):
            layers = [str(each.digest) for each in self.layers[name]]
            identifier = str(Digest.of(self.configs[name]))
            size = 2 * self.sizes[name]
            return saying(200, {"Id": identifier, "Size": size, "RootFS": {"Layers": layers}})
        if request.path.endswith("/get"):
            return Response(200, Headers(), self.save(name))
        if request.path.endswith("/load"):
            self.loaded["size"] = sum(map(len, request.body))
            return saying(200, {"stream": "Loaded image: x:1"})
        if request.path.endswith("/push"):
            base = request.path.removeprefix("/images/").removesuffix("/push")
            host, _, repository = base.partition("/")
            self.push(name, f"http://{host}/v2/{repository}")
        return saying(200, {"status": "fine"})

    def save(self, name: str) -> Iterator[bytes]:
        """Make the archive of an image."""
        config = self.configs[name]
        paths = [f"blobs/sha256/{each.digest.encoded}" for each in self.layers[name]]
        for number, path in enumerate(paths):
            yield header(path, self.sizes[name])
            yield from blocks(number, self.sizes[name])
        entry = {"Config": "config.json", "RepoTags": ["x:1"], "Layers": paths}
        for path, content in (
            ("config.json", config),
            ("manifest.json", json.dumps([entry]).encode()),
        ):
            yield header(path, len(content)) + content + bytes(-len(content) % 512)
        yield bytes(1024)

    def push(self, name: str, base: str) -> None:
        """Push an image."""
        config = Descriptor.of(self.configs[name], DOCKER_CONFIG)
        manifest = build_manifest(Family.DOCKER, config, self.layers[name])
        with httpx.Client(timeout=60) as client:
            for number, descriptor in enumerate(manifest.layers):
                content = blocks(number, descriptor.size)
                self.upload(client, base, descriptor, content)
            self.upload(client, base, config, iter([self.configs[name]]))
            client.put(f"{base}/manifests/pushed", content=manifest.raw).raise_for_status()

    def upload(
        self, client: httpx.Client, base: str, descriptor: Descriptor, content: Iterator[bytes]
    ) -> None:
        """Push a blob."""
        place = client.post(f"{base}/blobs/uploads/").raise_for_status().headers["Location"]
        client.put(
            httpx.URL(base).join(place), params={"digest": str(descriptor.digest)}, content=content
        ).raise_for_status()


def header(name: str, size: int) -> bytes:
    """Make the header of a file in an archive."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf()


@pytest.mark.parametrize("scheme", ["docker", "dockerpush"])
def test_layers_of_100_mib_take_little_memory(tmp_path: Path, scheme: str) -> None:
    """From a daemon into a file, and back, two of them at once."""
    daemon = BigDaemon()
    (tmp_path / "small.tar").write_bytes(b"".join(daemon.save("small")))
    with running_fake(daemon) as socket:
        source, target = f"{scheme}://big:1?socket={socket}", f"docker://x/big:1?socket={socket}"
        run = subprocess.run(
            [sys.executable, "-c", _SCRIPT, source, target],
            check=True,
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
    assert daemon.loaded["size"] > 2 * SIZE
    assert float(run.stdout) < 20
