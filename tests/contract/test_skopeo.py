"""skopeo, a client that isn't ours, copies images in and out and removes them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from occystrap.server.directory_store import DirectoryStore
from occystrap.server.doors.listener import Listener, serve
from occystrap.server.registry import Registry
from tests.support.archives import oci_layout
from tests.support.images import varied_image


@pytest.fixture(params=["memory", "directory"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    """A registry on a port."""
    store = DirectoryStore(tmp_path / "registry") if request.param == "directory" else None
    with serve(Registry(store)) as listening:
        yield listening


def run(*arguments: str | Path) -> str:
    """Run a program that has to succeed."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["oci", "v2s2"])
def test_an_image_goes_in_and_out(
    skopeo: str, listener: Listener, tmp_path: Path, kind: str
) -> None:
    """Pushed, listed, copied within the registry, pulled, and removed."""
    archive = tmp_path / "image.tar"
    archive.write_bytes(oci_layout(varied_image().named("v1")))
    source, copy = (f"docker://{listener.host}/{name}" for name in ("a/b:v1", "c:v2"))
    run(skopeo, "copy", "--dest-tls-verify=false", "-f", kind, f"oci-archive:{archive}:v1", source)
    inspected = json.loads(run(skopeo, "inspect", "--tls-verify=false", source))
    assert inspected["RepoTags"] == ["v1"]
    both = ("--src-tls-verify=false", "--dest-tls-verify=false")
    run(skopeo, "copy", *both, "--preserve-digests", source, copy)
    run(skopeo, "copy", *both, copy, f"dir:{tmp_path}/out")
    pulled = json.loads((tmp_path / "out/manifest.json").read_bytes())
    assert pulled["config"]["digest"] == f"sha256:{varied_image().config_hex}"
    assert (
        json.loads(run(skopeo, "inspect", "--tls-verify=false", copy))["Digest"]
        == (inspected["Digest"])
    )
    run(skopeo, "delete", "--tls-verify=false", source)
    tags = json.loads(run(skopeo, "list-tags", "--tls-verify=false", source.removesuffix(":v1")))
    assert tags["Tags"] == []
