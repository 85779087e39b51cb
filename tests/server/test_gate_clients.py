"""Gates as real clients meet them: ours, and skopeo."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from occystrap.client.credentials import Credential, StaticCredentials
from occystrap.client.registry import RegistryClient
from occystrap.errors import UnauthorizedException
from occystrap.oci.manifest import Descriptor
from occystrap.server.cdn import Cdn, RedirectBlobs
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.gate import BasicGate, BearerGate
from occystrap.server.hosts import Hosts
from occystrap.server.memory_store import MemoryStore
from occystrap.server.message import Handler, Request, Response
from occystrap.server.registry import Registry
from tests.support.archives import docker_save
from tests.support.handlers import Front
from tests.support.images import thorough_image
from tests.support.skopeo import Skopeo

ACCOUNTS = {"alice": "open sesame"}
ALICE = ("alice", "open sesame")
CONTENT = b"some bytes"
BLOB = Descriptor.of(CONTENT, "application/octet-stream")

GATES: dict[str, Callable[[Handler], Handler]] = {
    "basic": lambda inner: BasicGate(inner, ACCOUNTS),
    "bearer": lambda inner: BearerGate(inner, accounts=ACCOUNTS),
    "closed": lambda inner: BearerGate(inner, accounts=ACCOUNTS, anonymous_pull=False),
    "short": lambda inner: BearerGate(inner, accounts=ACCOUNTS, expires_in=1),
}


@pytest.fixture(params=GATES)
def gate(request: pytest.FixtureRequest) -> Callable[[Handler], Handler]:
    """Each kind of gate."""
    return GATES[str(request.param)]


def login(handler: Handler, auth: tuple[str, str] | None) -> RegistryClient:
    """Make a client of our own."""
    credentials = StaticCredentials(Credential(*(auth or ("", ""))))
    transport = InProcessTransport(handler)
    return RegistryClient(
        "registry.test",
        client=httpx.Client(transport=transport),
        secure=False,
        credentials=credentials if auth else None,
    )


@pytest.mark.parametrize("door", ["in-process", "socket"])
def test_our_client_passes(gate: Callable[[Handler], Handler], door: str) -> None:
    """It pushes, mounts, reads and lists through every gate and door."""
    handler = gate(Registry())
    if door == "in-process":
        with login(handler, ALICE) as client:
            work(client)
        return
    credentials = StaticCredentials(Credential(*ALICE))
    with (
        serve(handler) as listener,
        RegistryClient(listener.host, secure=False, credentials=credentials) as client,
    ):
        work(client)


def work(client: RegistryClient) -> None:
    """Do what a token of one scope isn't enough for."""
    client.upload_blob("a/b", BLOB, CONTENT)
    client.upload_blob("c/d", BLOB, CONTENT, mount_from="a/b")
    assert client.read_blob("c/d", BLOB) == CONTENT
    assert list(client.tags("a/b")) == []


def test_strangers_pull_and_don_t_push() -> None:
    """The default with accounts: everyone reads, those with a password write."""
    handler = BearerGate(Registry(), accounts=ACCOUNTS)
    with login(handler, ALICE) as alice, login(handler, None) as stranger:
        alice.upload_blob("a/b", BLOB, CONTENT)
        assert stranger.read_blob("a/b", BLOB) == CONTENT
        with pytest.raises(UnauthorizedException):
            stranger.upload_blob("a/c", BLOB, CONTENT)


@pytest.mark.parametrize("auth", [None, ("alice", "wrong")])
def test_strangers_stay_outside(auth: tuple[str, str] | None) -> None:
    """Without anonymous pull nobody gets a token but accounts."""
    handler = BearerGate(Registry(), accounts=ACCOUNTS, anonymous_pull=False)
    with login(handler, auth) as client, pytest.raises(UnauthorizedException, match="token"):
        client.has_blob("a/b", BLOB.digest)


def test_a_push_outlives_its_token() -> None:
    """A token that ends before a chunk is replaced, and no byte is lost."""
    gate = BearerGate(Registry())

    def too_late(request: Request, inner: Handler) -> Response:
        gate.expire_tokens()
        return inner.handle(request)

    def in_time(request: Request, inner: Handler) -> Response:
        return inner.handle(request)

    front = Front(gate, {"PATCH upload": [too_late, in_time, in_time, too_late]})
    content = bytes(range(256)) * 100
    blob = Descriptor.of(content, "application/octet-stream")
    with login(front, None) as client:
        client.upload_blob("a/b", blob, content, chunk=10_000)
        assert client.read_blob("a/b", blob) == content
    assert front.seen.count("PATCH upload") == 3 + 2


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """What `docker save` makes of an image, as skopeo names it."""
    path = tmp_path / "saved.tar"
    path.write_bytes(docker_save(thorough_image()))
    return f"docker-archive:{path}"


def test_skopeo_passes(
    gate: Callable[[Handler], Handler], skopeo: str, archive: str, tmp_path: Path
) -> None:
    """It pushes with its password, and pulls the same image back."""
    run, creds = Skopeo(skopeo), ":".join(ALICE)
    with serve(gate(Registry())) as listener:
        name = f"docker://{listener.host}/a/b:v1"
        run("copy", "--dest-tls-verify=false", f"--dest-creds={creds}", archive, name)
        options = ("--src-tls-verify=false", f"--src-creds={creds}")
        manifest = run.unpack(name, tmp_path / "pulled", *options)
        assert manifest["config"]["digest"] == f"sha256:{thorough_image().config_hex}"


def test_skopeo_is_told_to_log_in(skopeo: str, archive: str) -> None:
    """Without a password it understands what it is told."""
    with serve(BearerGate(Registry(), accounts=ACCOUNTS)) as listener:
        name = f"docker://{listener.host}/a/b:v1"
        done = subprocess.run(
            [skopeo, "copy", "--dest-tls-verify=false", archive, name],
            capture_output=True,
            check=False,
        )
    assert done.returncode != 0
    assert b"authentication required" in done.stderr


def test_skopeo_follows_to_the_cdn(skopeo: str, archive: str, tmp_path: Path) -> None:
    """With a token for the registry and none for the CDN, which is another host of the socket."""
    store = MemoryStore()
    cdn = Cdn(store)

    def elsewhere(_request: Request, signed: str) -> str:
        return f"http://localhost:{listener.host.rpartition(':')[2]}{signed}"

    front = Front(cdn)
    home = BearerGate(RedirectBlobs(Registry(store), cdn, elsewhere))
    with serve(Hosts({"localhost": front}, home)) as listener:
        name, run = f"docker://{listener.host}/a/b:v1", Skopeo(skopeo)
        run("copy", "--dest-tls-verify=false", archive, name)
        run.unpack(name, tmp_path / "pulled", "--src-tls-verify=false")
    blobs = len(set(thorough_image().diff_ids)) + 1
    assert front.seen == ["GET other"] * blobs
    assert cdn.violations == []
