"""`occystrap proxy` as a process, between skopeo and two of Debian's docker-registries."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest

from tests.support.debian_registry import DebianRegistry, StartDebianRegistry
from tests.support.images import SampleImage
from tests.support.look import layer_digests
from tests.support.proxy_process import PLAIN, running_proxy
from tests.support.skopeo import Skopeo

FILTER = ("-f", "normalize-timestamps")


@pytest.fixture
def downstream(start_debian_registry: StartDebianRegistry) -> DebianRegistry:
    """Where images go."""
    return start_debian_registry()


def test_skopeo_pushes_through_filters(
    skopeo: Skopeo, downstream: DebianRegistry, archive: Path, image: SampleImage, tmp_path: Path
) -> None:
    """What it has pushed is downstream, changed; pushed again it is the same."""
    with running_proxy(tmp_path / "temp", "-d", f"{downstream.host}/team", *FILTER) as running:
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


def test_clients_that_trust_the_authority_that_it_tells(
    skopeo: Skopeo, downstream: DebianRegistry, archive: Path, image: SampleImage, tmp_path: Path
) -> None:
    """With --tls: skopeo pushes and pulls, httpx asks over HTTP/2, and strangers are strangers."""
    with running_proxy(tmp_path / "temp", "-d", downstream.host, "--tls") as running:
        assert running.authority is not None
        trusted = str(running.authority.parent)
        files = [path for path in running.authority.parent.parent.rglob("*") if path.is_file()]
        assert files == [running.authority]  # and no key, which a killed proxy would leave there
        name = f"docker://{running.host}/demo/app:1"
        skopeo("copy", "--dest-cert-dir", trusted, f"docker-archive:{archive}", name)
        pulled = skopeo.unpack(name, tmp_path / "pulled", "--src-cert-dir", trusted)
        url = f"https://{running.host}/v2/demo/app/tags/list"
        context = ssl.create_default_context(cafile=running.authority)
        with httpx.Client(verify=context, http2=True, trust_env=False) as client:
            response = client.get(url)
        assert (response.json()["tags"], response.http_version) == (["1"], "HTTP/2")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(url, trust_env=False)
        assert running.stop() == (
            "Proxy stopped. Pushed 1 images (0 failed). Pulled 1 images (1 cache hits, 0 misses)."
        )
        assert not running.authority.exists()
    assert len(pulled["layers"]) == len(image.layers)


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
    with running_proxy(tmp_path / "temp", "-d", downstream.host, "-u", there) as running:
        name = f"docker://{running.host}/demo/app:1"
        first = skopeo.unpack(name, tmp_path / "first", PLAIN[0])
        skopeo("delete", "--tls-verify=false", source)
        second = skopeo.unpack(name, tmp_path / "second", PLAIN[0])
        assert running.stop().endswith("Pulled 2 images (1 cache hits, 1 misses).")
    assert first == second
