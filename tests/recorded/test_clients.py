"""A recorded Quay over sockets: to occystrap over HTTP/2 when things go wrong, and to skopeo."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from pytest_occystrap import FakeRegistry, RunOccystrap
from pytest_occystrap.faults import reset
from pytest_occystrap.plugin import MakeRegistry
from tests.support.serving import printed, running
from tests.support.skopeo import Skopeo

LAYERS = (
    "sha256:e7ebaad395e6cf3dff646a843a9ff422f778a8a8718c510862cda74503f6fe4e",
    "sha256:f5c6b80f654bdf450c288944f471e0e997a0f79f56231e7bbf055181a4653142",
)
CASSETTE = Path(__file__).resolve().parents[2] / "cassettes/quay/skopeo-pull.yaml"


@pytest.fixture
def skopeo(skopeo: str) -> Skopeo:
    """Debian's skopeo, which has to succeed."""
    return Skopeo(skopeo)


@pytest.mark.parametrize("after", [0, 1, 60, 120])
@pytest.mark.registry_cassette("quay/http2", "quay/skopeo-pull")
def test_a_pull_over_http2_survives_a_reset(
    fake_registry: FakeRegistry, tmp_path: Path, after: int
) -> None:
    """At any byte of a layer; what is there afterwards was verified."""
    fault = fake_registry.fault(reset(after=after), on=f"GET blob {LAYERS[0]}")
    target = tmp_path / "app.tar"
    with httpx.Client(verify=fake_registry.ssl_context, http2=True) as client:
        image = f"registry://{fake_registry.https_host}/acme/app-001:v1.0"
        # httpcore loses count of the streams when threads share a connection of HTTP/2.
        result = RunOccystrap(client)("--parallel", "1", "process", image, f"tar://{target}")
    assert result.ok, result.stderr
    assert "verified OK" in result.stderr
    assert fault.struck == 1
    struck, again = [each for each in fake_registry.requests if each.digest == LAYERS[0]]
    assert (struck.protocol, struck.response_bytes) == ("HTTP/2", after)
    assert (again.status, again.response_bytes) == (200, 121)
    assert target.stat().st_size > 0


@pytest.mark.registry_cassette("quay/skopeo-pull")
def test_skopeo_pulls_over_a_socket(
    fake_registry: FakeRegistry, skopeo: Skopeo, tmp_path: Path
) -> None:
    """The same bytes under the same digests as from the Quay that was recorded."""
    trust = f"--src-cert-dir={fake_registry.cert_dir}"
    source = f"docker://{fake_registry.https_host}/acme/app-001:v1.0"
    manifest = skopeo.unpack(source, tmp_path / "image", trust)
    assert [layer["digest"] for layer in manifest["layers"]] == [*LAYERS]
    assert (tmp_path / "image" / LAYERS[0].removeprefix("sha256:")).stat().st_size == 121


@pytest.mark.registry_cassette("quay/skopeo-pull")
def test_skopeo_survives_a_reset(
    fake_registry: FakeRegistry, skopeo: Skopeo, tmp_path: Path
) -> None:
    """It begins anew, and a recording has its answers as often as they are asked for."""
    fake_registry.fault(reset(after=60), on="GET blob")
    source = f"docker://{fake_registry.host}/acme/app-001:v1.0"
    manifest = skopeo.unpack(
        source, tmp_path / "image", "--src-tls-verify=false", "--retry-times=3"
    )
    assert [layer["digest"] for layer in manifest["layers"]] == [*LAYERS]


def test_skopeo_pushes_what_it_had_pushed(
    fake_registry: FakeRegistry, make_registry: MakeRegistry, skopeo: Skopeo, tmp_path: Path
) -> None:
    """To the recording, which knows the bytes; the source is a fake with the recorded image."""
    source = make_registry(name="source")
    source.load("quay/skopeo-push")
    name = "acme/app-002:fresh"
    skopeo.unpack(f"docker://{source.host}/{name}", tmp_path / "image", "--src-tls-verify=false")
    fake_registry.replay("quay/skopeo-push")
    login = ("--dest-tls-verify=false", "--dest-creds=acme+pusher:any")
    skopeo("copy", *login, f"dir:{tmp_path}/image", f"docker://{fake_registry.host}/{name}")
    fake_registry.assert_requests(
        ["PUT /v2/acme/app-002/manifests/fresh 201"], in_order=False, others=True
    )


@pytest.mark.registry_cassette("quay/skopeo-inspect")
def test_skopeo_lists_and_inspects(fake_registry: FakeRegistry, skopeo: Skopeo) -> None:
    """As recorded, tag by tag."""
    options = ("--tls-verify=false",)
    repository = f"docker://{fake_registry.host}/acme/app-001"
    listed = json.loads(skopeo("list-tags", *options, repository))
    assert listed["Tags"] == ["latest", "list", "mounted", "multi", "oci", "v1.0"]
    inspected = json.loads(skopeo("inspect", *options, f"{repository}:v1.0"))
    assert inspected["Layers"] == [*LAYERS]


def test_the_command_serves_it_to_skopeo(skopeo: Skopeo, tmp_path: Path) -> None:
    """`occystrap registry serve --cassette`, over TLS."""
    with running("--tls", "--cassette", str(CASSETTE)) as (process, url):
        authority = Path(printed(process, "CA certificate"))
        trusted = tmp_path / "trusted"
        trusted.mkdir()
        (trusted / "ca.crt").write_bytes(authority.read_bytes())
        source = f"docker://{url.partition('://')[2]}/acme/app-001:v1.0"
        manifest = skopeo.unpack(source, tmp_path / "image", f"--src-cert-dir={trusted}")
    assert [layer["digest"] for layer in manifest["layers"]] == [*LAYERS]
