"""The proxy's memory doesn't grow with the layers that go through it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from occystrap.oci.media_types import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from tests.support.debian_registry import StartDebianRegistry
from tests.support.images import special
from tests.support.proxy_process import Proxied, running_proxy

MIB = 1 << 20
SIZE = 256
#: The most that it may have, whole process, in MiB.
LIMIT = 64


def tar() -> Iterator[bytes]:
    """Make a layer with one large file."""
    info, _ = special("big", b"0", mode=0o644)
    info.size = SIZE * MIB
    yield info.tobuf()
    for number in range(SIZE):
        yield number.to_bytes(8, "big") * 16 + bytes(MIB - 128)
    yield bytes(1024)


def digest_of(pieces: Iterator[bytes]) -> str:
    """Hash."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def push(client: httpx.Client) -> None:
    """Push an image of that layer."""
    layer, size = digest_of(tar()), sum(map(len, tar()))
    document = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer]},
    }
    config = json.dumps(document).encode()
    name = f"sha256:{hashlib.sha256(config).hexdigest()}"
    for digest, content in ((layer, tar()), (name, iter([config]))):
        started = client.post("/v2/big/app/blobs/uploads/").raise_for_status()
        place = httpx.URL(started.headers["Location"]).copy_merge_params({"digest": digest})
        client.put(place, content=content).raise_for_status()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": name, "size": len(config)},
        "layers": [{"mediaType": OCI_LAYER, "digest": layer, "size": size}],
    }
    url, headers = "/v2/big/app/manifests/1", {"Content-Type": OCI_MANIFEST}
    client.put(url, content=json.dumps(manifest).encode(), headers=headers).raise_for_status()


def pull(client: httpx.Client) -> int:
    """Pull it; count the bytes of the layer."""
    manifest = client.get("/v2/big/app/manifests/1", headers={"Accept": OCI_MANIFEST}).json()
    url = f"/v2/big/app/blobs/{manifest['layers'][0]['digest']}"
    with client.stream("GET", url) as response:
        return sum(map(len, response.raise_for_status().iter_raw()))


def client_of(running: Proxied) -> httpx.Client:
    """Make a client of it."""
    return httpx.Client(base_url=f"http://{running.host}", timeout=60, trust_env=False)


def test_a_layer_of_256_mib_takes_little_memory(
    start_debian_registry: StartDebianRegistry, tmp_path: Path
) -> None:
    """Pushed to one proxy, and pulled through another."""
    first, second = start_debian_registry(), start_debian_registry()
    with (
        running_proxy(tmp_path / "temp", "-d", first.host) as running,
        client_of(running) as client,
    ):
        push(client)
        assert running.peak < LIMIT
        assert running.stop().startswith("Proxy stopped. Pushed 1 images (0 failed).")
    upstream = f"registry://{first.host}?insecure=true"
    with (
        running_proxy(tmp_path / "temp", "-d", second.host, "-u", upstream) as running,
        client_of(running) as client,
    ):
        assert pull(client) > SIZE * MIB
        assert running.peak < LIMIT
        assert running.stop().endswith("Pulled 1 images (0 cache hits, 1 misses).")


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_layer_of_256_mib_that_is_changed_takes_little_memory(
    start_debian_registry: StartDebianRegistry, tmp_path: Path, compression: str
) -> None:
    """By a filter, and compressed."""
    downstream = start_debian_registry()
    words = ("-f", "normalize-timestamps:ts=5", "--compression", compression)
    with (
        running_proxy(tmp_path / "temp", "-d", downstream.host, *words) as running,
        client_of(running) as client,
    ):
        push(client)
        assert 0 < pull(client) < SIZE * MIB // 100
        assert running.peak < LIMIT
