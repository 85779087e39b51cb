"""`occystrap registry serve --fault`, as processes that have never heard of pytest."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from occystrap.main import cli
from occystrap.oci.media_types import MANIFEST_ACCEPT
from tests.support import archives
from tests.support.images import varied_image
from tests.support.serving import printed, running
from tests.support.skopeo import Skopeo

IMAGE = varied_image()
BLOB = f"/v2/busybox/blobs/sha256:{IMAGE.config_hex}"


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """A tarball with an image that is `busybox:1`."""
    path = tmp_path / "busybox.tar"
    path.write_bytes(archives.docker_save(IMAGE.named("busybox:1")))
    return str(path)


def http(url: str, **options: Any) -> httpx.Client:
    """Make a client that knows nothing of proxies."""
    return httpx.Client(base_url=url, trust_env=False, **options)


def test_faults(archive: str) -> None:
    """Each strikes where it says, as often as it says; images are put there without any."""
    faults = ("--fault", "GET blob: close after=10 times=2", "--fault", "PUT: status 500 times=0")
    with running("--image", archive, *faults) as (_, url), http(url) as client:
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError, match="received 10 bytes"):
                client.get(BLOB)
        assert client.get(BLOB).content == IMAGE.config
        answers = [client.put("/v2/busybox/manifests/2").status_code for _ in range(2)]
        assert answers == [500, 500]


def test_skopeo_comes_through(skopeo: str, archive: str, tmp_path: Path) -> None:
    """A bad day, and a client that retries."""
    days = ("--bad-day", "docker-hub-rate-limit", "--bad-day", "lost_answers")
    options = ("--image", archive, *days)
    with running(*options) as (_, url):
        source = f"docker://{url.partition('://')[2]}/busybox:1"
        pulled = Skopeo(skopeo).unpack(
            source, tmp_path / "out", "--src-tls-verify=false", "--retry-times=5"
        )
    assert pulled["config"]["digest"] == f"sha256:{IMAGE.config_hex}"


def test_faults_of_storage(archive: str) -> None:
    """They strike at the other address, too."""
    options = ("--image", archive, "--redirects", "--fault", "cdn: expired_signature")
    with running(*options) as (_, url), http(url, follow_redirects=True) as client:
        first, second = client.get(BLOB), client.get(BLOB)
    assert (first.status_code, second.status_code) == (403, 200)
    assert "expired" in first.text
    assert second.content == IMAGE.config


def test_handshakes(archive: str) -> None:
    """A certificate that has expired, and from the next connection on the good one."""
    options = ("--tls", "--image", archive, "--fault", "tls_bad_certificate expired")
    with running(*options) as (process, url):
        context = ssl.create_default_context(cafile=printed(process, "CA certificate"))
        with http(url, verify=context) as client:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                client.get("/v2/")
            assert client.get("/v2/").status_code == 200


def test_each_strike_is_told() -> None:
    """On stderr, without secrets."""
    with running("--fault", "ping: status 503") as (process, url):
        with http(url) as client:
            assert client.get("/v2/").status_code == 503
            assert client.get("/v2/").status_code == 200
        process.kill()
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    assert [line for line in lines if "fault" in line] == ["fault: GET /v2/: status 503"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--fault", "GET blob: rest", "there is no effect 'rest'; did you mean 'reset'?"),
        ("--fault", "get blob: reset", "not where a fault can strike: 'get blob'"),
        ("--bad-day", "flaky_cdm", "there is no preset 'flaky_cdm'; did you mean 'flaky_cdn'?"),
    ],
)
def test_what_makes_no_sense(option: str, value: str, message: str) -> None:
    """It is a mistake of usage, told before anything is served."""
    result = CliRunner().invoke(cli, ["registry", "serve", option, value])
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert f"Invalid value for '{option}' (env var: " in said
    assert f": {message}" in said


def test_without_faults_nothing_is_different(archive: str) -> None:
    """With other options of the plugin, which load this one, too."""
    with running("--image", archive, "--dialect", "zot") as (_, url), http(url) as client:
        answer = client.get("/v2/busybox/manifests/1", headers={"Accept": MANIFEST_ACCEPT})
        assert answer.status_code == 200
