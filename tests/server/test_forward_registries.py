"""Real clients and registries on either side of a proxy."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from occystrap.client.build import TLS, create_client
from occystrap.client.credentials import Credential, StaticCredentials
from occystrap.client.registry import RegistryClient
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.manifest import Manifest, build_manifest
from occystrap.oci.media_types import OCI_CONFIG, OCI_LAYER, Family
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.doors.tls import shared_authority
from occystrap.server.forward import Forward, OtherOrigins
from occystrap.server.message import Headers, Request, Response
from pytest_occystrap.fake import FakeRegistry
from tests.server.doors.scripts import Script
from tests.support.archives import oci_layout
from tests.support.debian_registry import StartDebianRegistry
from tests.support.images import varied_image
from tests.support.look import layer_digests
from tests.support.skopeo import Skopeo

#: Registries with ways of their own; most redirect blobs, and ask for tokens or passwords.
DIALECTS = ["", "distribution2", "docker_hub", "quay", "ghcr", "ecr", "acr", "gitlab", "harbor"]
CONFIG, LAYER = b'{"os":"linux","architecture":"amd64"}', b"a layer" * 20_000
ALICE = ("alice", "open sesame")


@contextlib.contextmanager
def fake_registry(dialect: str, **options: object) -> Iterator[FakeRegistry]:
    """Run a registry that alice has an account at, and see that no credential went astray."""
    with FakeRegistry(dialect=dialect, accounts=dict([ALICE]), **options) as fake:
        yield fake
        fake.assert_no_credentials_leaked()


def push_and_pull(host: str, *, secure: bool = False, client: httpx.Client | None = None) -> None:
    """Do with our own client what there is to do, and see that every byte comes back."""
    login = StaticCredentials(Credential(*ALICE))
    with RegistryClient(host, secure=secure, credentials=login, client=client) as registry:
        config, layer = Descriptor.of(CONFIG, OCI_CONFIG), Descriptor.of(LAYER, OCI_LAYER)
        registry.upload_blob("org/app", config, CONFIG)
        registry.upload_blob("org/app", layer, LAYER)
        manifest = build_manifest(Family.OCI, config, [layer])
        registry.put_manifest("org/app", "1", manifest)
        for number in range(2, 5):
            registry.put_manifest("org/app", str(number), manifest)
        pulled = registry.get_manifest("org/app", "1")
        assert isinstance(pulled, Manifest)
        assert pulled.raw == manifest.raw
        assert b"".join(registry.blob("org/app", layer).open()) == LAYER
        assert list(registry.tags("org/app")) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("other_origins", ["pass", "through"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_our_client_pushes_and_pulls(dialect: str, other_origins: OtherOrigins) -> None:
    """In every dialect, also where blobs are on another host; with `through` none is asked past."""
    with fake_registry(dialect) as fake, Forward(fake.url, other_origins=other_origins) as forward:
        seen = Script(forward.handle)
        with serve(seen) as listener:
            push_and_pull(listener.host)
    storage = [exchange for exchange in fake.requests if exchange.part == "storage"]
    assert bool(storage) == bool(fake.other_hosts and fake.dialect.blobs.redirect)
    asked_past = len(fake.requests) - len(seen.requests)
    assert asked_past == (len(storage) if other_origins == "pass" else 0)
    assert any(request.path.startswith("/.forward/") for request in seen.requests) == (
        bool(storage) and other_origins == "through"
    )


def test_token_endpoint_and_storage_are_hosts_of_their_own() -> None:
    """Docker Hub by its own names: the proxy has three of them, and passwords go to one only."""
    with fake_registry("docker_hub") as fake:
        upstream = "https://registry-1.docker.io"
        with Forward(upstream, client=fake.client, other_origins="through") as forward:
            seen = Script(forward.handle)
            with httpx.Client(transport=InProcessTransport(seen)) as client:
                push_and_pull("proxy.example", secure=True, client=client)
    paths = {request.path for request in seen.requests}
    assert "/.forward/realm/https/auth.docker.io/token" in paths
    assert any(
        path.startswith("/.forward/https/production.cloudflare.docker.com/") for path in paths
    )
    assert len(seen.requests) == len(fake.requests)
    with_password = {
        exchange.hostname
        for exchange in fake.requests
        if (exchange.headers.get("Authorization") or "").startswith("Basic ")
    }
    assert with_password == {"auth.docker.io"}


def test_what_a_client_sends_to_a_redirect_is_no_password() -> None:
    """It can't see that the proxy's path is another origin; the proxy can."""
    headers = {"Authorization": "Bearer x", "Cookie": "a=b", "Range": "bytes=0-3"}
    with fake_registry("", redirects=True) as fake:
        image = fake.add_image("org/app:1")
        with Forward("https://r.test", client=fake.client, other_origins="through") as forward:
            transport = InProcessTransport(forward)
            with httpx.Client(transport=transport, follow_redirects=True) as client:
                url = f"http://proxy/v2/org/app/blobs/{image.layers[0].digest}"
                response = client.get(url, headers=headers)
        assert response.status_code == 206
        assert response.content == image.layers[0].content[:4]
        assert response.url.path.startswith("/.forward/https/storage.test/")
        assert response.request.headers["Authorization"] == "Bearer x"


def test_cookies_are_for_the_registry_alone() -> None:
    """Else those of all origins would be one jar: clients know the proxy's host only."""
    realm = 'Bearer realm="https://auth.test/token"'
    said = Headers({"WWW-Authenticate": realm, "Set-Cookie": "a=b", "Content-Length": "0"})
    upstream = Script(lambda _: Response(401, said))
    sent = Headers({"Authorization": "Basic x", "Cookie": "a=b"})
    with (
        httpx.Client(transport=InProcessTransport(upstream)) as client,
        Forward("https://r.test", client=client, other_origins="through") as forward,
    ):
        answers = [
            forward.handle(Request("GET", path, headers=sent, host="proxy"))
            for path in ("/v2/", "/.forward/realm/https/auth.test/token")
        ]
    assert ["Set-Cookie" in answer.headers for answer in answers] == [True, False]
    assert ["Cookie" in request.headers for request in upstream.requests] == [True, False]
    assert [request.host for request in upstream.requests] == ["r.test", "auth.test"]
    assert all("Authorization" in request.headers for request in upstream.requests)


def test_blobs_of_a_redirect_are_not_fetched_over_http2() -> None:
    """A client that is handed in may speak it; a URL of storage doesn't tell that it is a blob."""
    with fake_registry("", redirects=True, http2=True) as fake:
        image = fake.add_image("org/app:1")
        digest = image.layers[0].digest
        with (
            create_client(http2=True, tls=TLS(ca_file=fake.ca_file)) as own,
            Forward(fake.https_url, client=own, other_origins="through") as forward,
            httpx.Client(transport=InProcessTransport(forward), follow_redirects=True) as client,
        ):
            assert client.get("http://proxy/v2/").status_code == 200
            client.get(f"http://proxy/v2/org/app/blobs/{digest}").raise_for_status()
    assert [exchange.door for exchange in fake.requests] == ["http/2", "http/1.1", "http/1.1"]


REFUSED = [
    "/.forward/https/evil.example/",
    "/.forward/https/storage.test:444/",
    "/.forward/http/storage.test/",
    "/.forward/realm/https/storage.test/",
    "/.forward/https/r.test/v2/",
    "/.forward/",
    "/.forward",
    "/.forward/https/storage.test%2F@evil.example/",
]


@pytest.mark.parametrize("other_origins", ["pass", "through"])
@pytest.mark.parametrize("path", REFUSED)
def test_the_proxy_is_not_open(path: str, other_origins: OtherOrigins) -> None:
    """It asks nobody whom no answer has led to, however near that is to one who was."""
    with fake_registry("", redirects=True) as fake:
        image = fake.add_image("org/app:1")
        with Forward("https://r.test", client=fake.client, other_origins=other_origins) as forward:
            blob = f"/v2/org/app/blobs/{image.layers[0].digest}"
            led = forward.handle(Request("GET", blob, host="proxy"))
            assert led.status == 307
            led.close()
            before = len(fake.requests)
            response = forward.handle(Request("GET", path, host="proxy"))
        assert response.status == 403
        (error,) = json.loads(b"".join(response.body))["errors"]
        assert error["code"] == "DENIED"
        assert len(fake.requests) == before


@pytest.mark.parametrize("htpasswd", [False, True])
def test_skopeo_and_debians_registry(
    start_debian_registry: StartDebianRegistry, skopeo: str, tmp_path: Path, htpasswd: bool
) -> None:
    """An image is pushed and pulled; absolute Locations lead skopeo back to the proxy each time."""
    debian = start_debian_registry(htpasswd=htpasswd)
    archive = tmp_path / "image.tar"
    archive.write_bytes(oci_layout(varied_image().named("v1")))
    with Forward(debian.url) as forward:
        seen = Script(forward.handle)
        with serve(seen) as listener:
            proxy = replace(debian, host=listener.host)
            run = Skopeo(skopeo)
            run.push(f"oci-archive:{archive}:v1", proxy, "org/app:1")
            pulled = run.pull(proxy, "org/app:1", tmp_path / "out")
    assert run.pull(debian, "org/app:1", tmp_path / "direct") == pulled
    assert len(layer_digests(pulled)) == len(varied_image().layers)
    methods = {request.method for request in seen.requests}
    assert {"GET", "HEAD", "POST", "PATCH", "PUT"} <= methods


@pytest.mark.parametrize("dialect", ["docker_hub", "quay"])
def test_skopeo_through_tls_and_http2(dialect: str, skopeo: str, tmp_path: Path) -> None:
    """It sends its token along to wherever the same host redirects it; storage never gets it."""
    with fake_registry(dialect) as fake:
        image = fake.add_image("org/app:1", layers=[{"a": b"1"}, {"b": b"2"}])
        tls = shared_authority().server_context()
        with (
            Forward(
                fake.https_url, other_origins="through", tls=TLS(ca_file=fake.ca_file)
            ) as forward,
            serve(forward, tls=tls) as listener,
        ):
            source = f"docker://{listener.host}/org/app:1"
            certificates = f"--src-cert-dir={shared_authority().cert_dir}"
            pulled = Skopeo(skopeo).unpack(source, tmp_path / "out", certificates)
    assert [layer["digest"] for layer in pulled["layers"]] == [
        str(layer.digest) for layer in image.layers
    ]
    assert any(exchange.part == "storage" for exchange in fake.requests)
