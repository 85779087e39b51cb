"""`occystrap registry serve --dialect`, as processes that have never heard of pytest."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner

from occystrap.client.credentials import Credential, StaticCredentials
from occystrap.client.registry import RegistryClient
from occystrap.commands.serving import Front, Serving
from occystrap.errors import UnauthorizedException
from occystrap.main import cli
from occystrap.oci.manifest import Manifest
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.registry import Registry
from pytest_occystrap.dialects import DIALECTS
from pytest_occystrap.dialects.entry_form import Scheme
from pytest_occystrap.serve_dialect import ServeDialect
from tests.support import archives
from tests.support.clock import FakeClock
from tests.support.images import varied_image
from tests.support.logins import DESCRIPTOR
from tests.support.serving import printed, running
from tests.support.skopeo import Skopeo

ALICE = ("alice", "open:sesame")
USER = ("--user", "alice:open:sesame")
IMAGE = varied_image()


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """A tarball with an image that is `busybox:1`."""
    path = tmp_path / "busybox.tar"
    path.write_bytes(archives.docker_save(IMAGE.named("busybox:1")))
    return str(path)


@contextmanager
def client_of(url: str, login: tuple[str, str] | None = None) -> Iterator[RegistryClient]:
    """Make occystrap's own client, with a login or as a stranger."""
    credentials = StaticCredentials(Credential(*login)) if login else None
    host = url.partition("://")[2]
    with RegistryClient(host, secure=False, credentials=credentials) as client:
        yield client


@contextmanager
def http(url: str, **options: Any) -> Iterator[httpx.Client]:
    """Make a client that follows nothing and knows nothing."""
    with httpx.Client(base_url=url, trust_env=False, **options) as client:
        yield client


@pytest.mark.parametrize("dialect", DIALECTS)
def test_skopeo_pushes_and_pulls(skopeo: str, dialect: str, archive: str, tmp_path: Path) -> None:
    """In every dialect: over TLS, with a login where there is one, blobs from another host."""
    has_logins = DIALECTS[dialect].entry.scheme is not Scheme.NONE
    options = ("--tls", "--dialect", dialect, *(USER if has_logins else ()))
    run = Skopeo(skopeo)
    with running(*options, "--dir", str(tmp_path / "images")) as (process, url):
        trust = Path(printed(process, "CA certificate")).parent
        assert printed(process, "Dialect") == DIALECTS[dialect].title
        target = f"docker://{url.removeprefix('https://')}/org/app:1"
        dest, src = (
            [f"--{side}-cert-dir={trust}", *([f"--{side}-creds={USER[1]}"] if has_logins else [])]
            for side in ("dest", "src")
        )
        run("copy", *dest, f"docker-archive:{archive}", target)
        pulled = run.unpack(target, tmp_path / "out", *src)
        assert pulled["config"]["digest"] == f"sha256:{IMAGE.config_hex}"
    assert (tmp_path / "images/docker/registry/v2/repositories/org/app").is_dir()


def test_docker_hub(archive: str) -> None:
    """Strangers pull what isn't private, the token dance included; accounts push."""
    private = ("--private", "org/secret", "--image", f"org/secret={archive}")
    options = ("--dialect", "docker-hub", *USER, "--image", archive, *private)
    with running(*options) as (process, url):
        host = url.partition("://")[2]
        assert printed(process, "Dialect") == "Docker Hub"
        assert process.stdout is not None
        assert process.stdout.readline().startswith("  Blobs are redirected to: http://127.0.0.1:")
        lines = [process.stdout.readline().strip() for _ in range(2)]
        assert lines == [f"{host}/library/busybox:1", f"{host}/org/secret:latest"]
        with client_of(url) as stranger:
            manifest = stranger.get_manifest("library/busybox", "1")
            assert isinstance(manifest, Manifest)
            assert stranger.read_blob("library/busybox", manifest.config) == IMAGE.config
            with pytest.raises(UnauthorizedException):
                stranger.get_manifest("org/secret", "latest")
            with pytest.raises(UnauthorizedException):
                stranger.upload_blob("library/busybox", DESCRIPTOR, b"x")
        with client_of(url, ALICE) as alice:
            alice.get_manifest("org/secret", "latest")
            alice.upload_blob("library/busybox", DESCRIPTOR, b"x")


@pytest.mark.parametrize("name", ["busybox", "docker.io/library/busybox", "library/busybox"])
def test_official_images_are_where_docker_hub_has_them(archive: str, name: str) -> None:
    """Under library/, which everyone else leaves out, as the registry does by itself."""
    image = ("--image", f"{name}:2={archive}")
    for dialect, expected in (("docker_hub", "library/busybox:2"), ("zot", "busybox:2")):
        with running("--dialect", dialect, *image) as (process, url):
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            host = url.partition("://")[2]
            assert next(line.strip() for line in lines if host in line) == f"{host}/{expected}"


def test_blobs_of_another_host(archive: str) -> None:
    """The redirect leads to another port and another name; the URL alone opens it."""
    options = ("--dialect", "quay", "--image", f"org/app:1={archive}")
    with running(*options) as (process, url), http(url) as client:
        storage = httpx.URL(printed(process, "Blobs are redirected to"))
        blob = f"/v2/org/app/blobs/sha256:{IMAGE.config_hex}"
        for asked, expected in (("127.0.0.1", "localhost"), ("localhost", "127.0.0.1")):
            answer = client.get(httpx.URL(url).copy_with(host=asked, path=blob))
            assert answer.status_code == 302
            location = httpx.URL(answer.headers["Location"])
            assert (location.host, location.port) == (expected, storage.port)
            assert httpx.get(location, trust_env=False).content == IMAGE.config
            leaking = {"Authorization": "Bearer x"}
            assert httpx.get(location, headers=leaking, trust_env=False).status_code == 400
        named = client.get(blob, headers={"Host": "images.example:5000"}).headers["Location"]
        assert named.startswith(f"http://images.example:{storage.port}/")
        six = client.get(blob, headers={"Host": "[2001:db8::1]:5000"}).headers["Location"]
        assert six.startswith(f"http://[2001:db8::1]:{storage.port}/")


def test_redirects_may_be_chosen(archive: str) -> None:
    """Where the dialect has none, or none where it has; at an address that was named."""
    image = ("--image", f"org/app:1={archive}")
    blob = f"/v2/org/app/blobs/sha256:{IMAGE.config_hex}"
    with running("--dialect", "quay", "--no-redirects", *image) as (_, url), http(url) as client:
        assert client.get(blob).content == IMAGE.config
    storage = ("--redirects", "--storage", "localhost:0")
    for dialect in (["--dialect", "distribution3"], []):
        with running(*dialect, *storage, *image) as (process, url), http(url) as client:
            where = httpx.URL(printed(process, "Blobs are redirected to"))
            location = httpx.URL(client.get(blob).headers["Location"])
            assert location.port == where.port
            assert httpx.get(location.copy_with(host=where.host)).content == IMAGE.config


def test_the_api_of_quay(archive: str) -> None:
    """It lists repositories and tags, dated by a clock that runs."""
    before = int(time.time())
    with (
        running("--dialect", "quay", "--image", f"org/app:1={archive}", *USER) as (_, url),
        http(f"{url}/api/v1") as client,
    ):
        listed = client.get("/repository", params={"namespace": "org", "public": "true"}).json()
        assert [each["name"] for each in listed["repositories"]] == ["app"]
        (tag,) = client.get("/repository/org/app/tag/").json()["tags"]
        assert tag["name"] == "1"
        assert before <= tag["start_ts"] <= time.time()


@pytest.mark.parametrize(
    ("options", "version"),
    [
        (["--dialect", "docker-hub"], "HTTP/1.1"),
        (["--dialect", "docker-hub", "--http2"], "HTTP/2"),
        (["--dialect", "ghcr"], "HTTP/2"),
        (["--dialect", "ghcr", "--no-http2"], "HTTP/1.1"),
    ],
)
def test_http2_is_the_dialect_s_choice(options: list[str], version: str) -> None:
    """Unless somebody chooses."""
    with running("--tls", *options) as (process, url):
        context = ssl.create_default_context(cafile=printed(process, "CA certificate"))
        with http(url, verify=context, http2=True) as client:
            assert client.get("/v2/").http_version == version


def test_passwords_where_the_dialect_has_no_tokens() -> None:
    """ECR asks for the password of an account, and for nothing while there is none."""
    with running("--dialect", "ecr", *USER) as (_, url), http(url) as client:
        assert client.get("/v2/").headers["WWW-Authenticate"].startswith("Basic ")
        assert client.get("/v2/", auth=ALICE).status_code == 200
        assert client.get("/v2/", auth=("alice", "x")).status_code == 403
    with running("--dialect", "ecr") as (_, url), http(url) as client:
        assert client.get("/v2/").status_code == 200


def test_auth_counts_before_the_dialect() -> None:
    """Docker Hub with passwords instead of tokens."""
    options = ("--dialect", "docker_hub", "--auth", "basic", *USER)
    with running(*options) as (_, url), http(url) as client:
        assert client.get("/v2/").headers["WWW-Authenticate"].startswith("Basic ")
        assert client.get("/v2/", auth=ALICE).status_code == 200


@pytest.mark.parametrize("may", [False, True])
def test_redirects_alone_let_nobody_in(archive: str, may: bool) -> None:
    """Without a dialect strangers pull with --anonymous-pull only, as they would anyway."""
    more = ("--anonymous-pull",) if may else ()
    options = ("--auth", "bearer", *USER, "--redirects", "--image", f"org/app:1={archive}")
    with running(*options, *more) as (_, url):
        with client_of(url, ALICE) as alice:
            alice.get_manifest("org/app", "1")
        with client_of(url) as stranger:
            if may:
                stranger.get_manifest("org/app", "1")
            else:
                with pytest.raises(UnauthorizedException):
                    stranger.get_manifest("org/app", "1")


def front_of(clock: FakeClock, *typed: str) -> Front:
    """Make what is served at the time of a clock that tests move."""
    extension = ServeDialect(clock)
    command = click.Command("serve", params=list(extension.options))
    chosen = command.make_context("serve", list(typed)).params
    made = extension.front(Serving(Registry()), chosen)
    assert made is not None
    return made


def test_a_token_lives_as_long_as_it_should() -> None:
    """So many seconds of the clock, which is the machine's unless a test brings one."""
    clock = FakeClock()
    front = front_of(clock, "--dialect", "harbor", "--token-lifetime", "60")
    with httpx.Client(transport=InProcessTransport(front.handler), base_url="http://r") as client:
        path = "/v2/org/app/tags/list"
        token = client.get("/service/token?scope=repository:org/app:pull").json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get(path, headers=bearer).status_code == 404
        clock.sleep(61)
        assert client.get(path, headers=bearer).status_code == 401


def test_limits_that_nobody_announces() -> None:
    """They are kept if that is wanted: ECR Public gives one manifest a second."""
    for limits, expected in (([], 404), (["--limits"], 429)):
        front = front_of(FakeClock(), "--dialect", "ecr_public", *limits)
        transport = InProcessTransport(front.handler)
        with httpx.Client(transport=transport, base_url="http://r") as client:
            token = client.get("/token/?scope=aws").json()["token"]
            bearer = {"Authorization": f"Bearer {token}"}
            answers = [client.get("/v2/a/manifests/1", headers=bearer) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [404, expected]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--dialect", "docker_hubb"], "there is no dialect 'docker_hubb'; did you mean"),
        (["--dialect", "mcr", *USER], "--user needs --auth"),
        (["--redirects", *USER], "--user needs --auth"),
        (["--dialect", "ecr", *USER, "--anonymous-pull"], "--anonymous-pull needs --auth bearer"),
        (["--dialect", "quay", "--anonymous-pull"], "--anonymous-pull needs"),
        (["--dialect", "quay", "--private", "org/app"], "--private needs --user"),
        (["--dialect", "ecr", "--token-lifetime", "9"], "--token-lifetime needs --auth bearer"),
        (["--dialect", "zot", "--storage", "localhost:0"], "--redirects is missing"),
        (["--dialect", "quay", "--storage", "nowhere"], "not an address to listen on: 'nowhere'"),
        (["--dialect", "quay", "--storage", "host.invalid:5"], "can't listen on host.invalid:5"),
    ],
)
def test_what_does_not_fit_together(options: list[str], expected: str) -> None:
    """One line that says what is missing, before anything is served."""
    result = CliRunner().invoke(cli, ["registry", "serve", "--listen=127.0.0.1:0", *options])
    assert result.exit_code in (1, 2)
    assert expected in result.output.splitlines()[-1]
    assert "sesame" not in result.output


def test_the_help_names_every_dialect() -> None:
    """And what more can be said."""
    result = CliRunner().invoke(cli, ["registry", "serve", "--help"])
    shown = " ".join(result.output.split())
    assert all(name in shown for name in DIALECTS)
    for option in ("--redirects", "--storage", "--private", "--token-lifetime", "--limits"):
        assert f" {option} " in shown
