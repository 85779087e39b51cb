"""A proxy with faults, in front of registries that are alive."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import httpx
import pytest

from occystrap.errors import InvalidOption
from pytest_occystrap.exchange import Outcome
from pytest_occystrap.faults import reset, status
from pytest_occystrap.plugin import MakeFaultProxy, MakeRegistry
from pytest_occystrap.proxy import FaultProxy
from tests.support import archives
from tests.support.debian_registry import DebianRegistry
from tests.support.images import varied_image
from tests.support.plugin_runs import run_suite, section
from tests.support.skopeo import Skopeo

IMAGE = varied_image()


def test_skopeo_through_a_proxy(
    debian_registry: DebianRegistry, fault_proxy: MakeFaultProxy, skopeo: str, tmp_path: Path
) -> None:
    """It pushes and pulls; what goes wrong is seen, and what it retried is there."""
    archive = tmp_path / "app.tar"
    archive.write_bytes(archives.docker_save(IMAGE.named("app:1")))
    proxy, run = fault_proxy(debian_registry.url), Skopeo(skopeo)
    target = f"docker://{proxy.host}/org/app:1"
    run("copy", "--dest-tls-verify=false", f"docker-archive:{archive}", target)
    fault = proxy.fault("GET manifest: status 429 retry_after=0")
    body = proxy.fault(reset(after=10), on="GET blob")
    pulled = run.unpack(target, tmp_path / "out", "--src-tls-verify=false", "--retry-times=3")
    assert pulled["config"]["digest"] == f"sha256:{IMAGE.config_hex}"
    assert (fault.struck, body.struck) == (1, 1)
    struck = [exchange for exchange in proxy.requests if exchange.faults]
    assert {exchange.faults for exchange in struck} == {
        ("status 429 retry_after=0",),
        ("reset after=10",),
    }
    assert Outcome.RESET in {exchange.outcome for exchange in struck}
    assert "fault: reset after=10" in proxy.traffic


def test_every_way_in(debian_registry: DebianRegistry, fault_proxy: MakeFaultProxy) -> None:
    """In process, over TCP, TLS, HTTP/2 and a unix socket: the same plan, the same ledger."""
    proxy = fault_proxy(debian_registry.url)
    proxy.fault(status(503), on="ping", every=2, times=0)
    context: ssl.SSLContext = proxy.ssl_context
    unix = httpx.HTTPTransport(uds=str(proxy.socket_path))
    with (
        httpx.Client(base_url=proxy.url) as plain,
        httpx.Client(base_url=proxy.https_url, verify=context, http2=True) as secure,
        httpx.Client(base_url="http://localhost", transport=unix) as local,
    ):
        for client in (proxy.client, plain, secure, local):
            assert [client.get("/v2/").status_code for _ in range(2)] == [200, 503]
    ways = {(exchange.door, exchange.scheme, exchange.host) for exchange in proxy.requests}
    assert len(ways) == 4
    proxy.assert_requests(["GET /v2/ 200", "GET /v2/ 503"] * 4)


def test_the_clock_is_that_of_the_machine(
    debian_registry: DebianRegistry, fault_proxy: MakeFaultProxy
) -> None:
    """Answers in process come late for real."""
    proxy = fault_proxy(debian_registry.url)
    proxy.fault("ping: latency 0.05")
    began = time.perf_counter()
    proxy.client.get("/v2/")
    took = time.perf_counter() - began
    (exchange,) = proxy.requests
    assert exchange.faults == ("latency 0.05",)
    assert took >= 0.05
    proxy.fault("ping: stall")
    with pytest.raises(httpx.ReadTimeout):
        proxy.client.get("/v2/", timeout=0.2)


def test_tokens_and_storage(make: MakeRegistry, fault_proxy: MakeFaultProxy) -> None:
    """They are reached through the proxy, so that faults have where to strike."""
    upstream = make(auth="bearer", redirects=True)
    image = upstream.add_image("org/app:1")
    proxy = fault_proxy(upstream.url)
    token_fault, cdn_fault = proxy.fault("token_down"), proxy.fault("cdn: expired_signature")
    with httpx.Client(base_url=proxy.url) as client:
        challenge = client.get("/v2/").headers["WWW-Authenticate"]
        realm = challenge.split('realm="')[1].split('"')[0]
        assert realm.startswith(proxy.url)
        scope = {"scope": "repository:org/app:pull"}
        assert client.get(realm, params=scope).status_code == 503
        token = client.get(realm, params=scope).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        url = f"/v2/org/app/blobs/{image.config.digest}"
        answers = [client.get(url, headers=headers, follow_redirects=True) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [403, 200]
    assert answers[1].content == image.config.raw
    assert (token_fault.struck, cdn_fault.struck) == (1, 1)
    upstream.assert_no_credentials_leaked()


def test_bad_days(make: MakeRegistry, fault_proxy: MakeFaultProxy) -> None:
    """Presets are laid as over a fake."""
    upstream = make(images=["org/app:1"])
    proxy = fault_proxy(upstream.url)
    (fault,) = proxy.bad_day("docker_hub_rate_limit")
    assert proxy.client.get("/v2/org/app/manifests/1").status_code == 429
    assert fault.struck == 1
    assert upstream.requests == []


def test_what_is_no_registry() -> None:
    """It is told at once."""
    with pytest.raises(InvalidOption, match="not a registry to ask"):
        FaultProxy("quay.io/org/app")


def test_an_unused_fault_fails_the_test(pytester: pytest.Pytester) -> None:
    """As with a fake registry, and the report shows the traffic of the proxy."""
    result = run_suite(
        pytester,
        """
        def test_it(fake_registry, fault_proxy):
            proxy = fault_proxy(fake_registry.url)
            proxy.fault("GET blob: reset after=1")
            proxy.client.get("/v2/")
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "faults have never struck; if they need not, say allow_unused=True",
            "  reset after=1 (on GET blob)",
        ]
    )
    (title,) = [
        line for line in result.stdout.lines if line.startswith("---") and "proxy of" in line
    ]
    assert section(result, title.strip("- "))[-1] == "1 request"
