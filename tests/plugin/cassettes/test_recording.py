"""A proxy that records: what the registry wrote is kept, what the client needs is passed on."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from occystrap.client.build import TLS
from occystrap.oci.media_types import MANIFEST_ACCEPT
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.doors.listener import serve
from occystrap.server.forward import Forward
from occystrap.server.message import Headers, Request, ResetConnection, Response
from pytest_occystrap.cassettes.form import Ending
from pytest_occystrap.cassettes.recorder import Recorder
from pytest_occystrap.cassettes.recording import Recording
from pytest_occystrap.plugin import MakeRegistry
from tests.server.doors.scripts import Script


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A recorder."""
    with Recorder() as made:
        yield made


def test_the_registrys_own_words_are_kept(recorder: Recorder, make_registry: MakeRegistry) -> None:
    """Challenge, token, redirect and storage, at the registry's own URLs; the client gets there."""
    fake = make_registry(dialect="quay", private=True, redirects=True, images=["org/app:1"])
    ((name, password),) = fake.accounts.items()
    digest = fake.image("org/app:1").config.digest
    with (
        Recording("https://quay.io", recorder, transport=fake.transport) as recording,
        httpx.Client(transport=InProcessTransport(recording), base_url="http://proxy") as client,
    ):
        refused = client.get(f"/v2/org/app/blobs/{digest}")
        realm = refused.headers["WWW-Authenticate"].partition('realm="')[2].partition('"')[0]
        assert realm.startswith("http://proxy/")
        scope = {"scope": "repository:org/app:pull"}
        token = client.get(realm, params=scope, auth=(name, password)).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        blob = client.get(f"/v2/org/app/blobs/{digest}", headers=bearer, follow_redirects=True)
    assert blob.content == fake.image("org/app:1").config.raw
    challenge, asked, redirect, storage = recorder.interactions
    assert challenge.request.url == f"https://quay.io/v2/org/app/blobs/{digest}"
    assert challenge.request.headers.get("Host") == "quay.io"
    assert challenge.response is not None
    realm_kept = challenge.response.headers.get("WWW-Authenticate") or ""
    assert 'realm="https://quay.io/v2/auth"' in realm_kept
    assert asked.request.url.startswith("https://quay.io/v2/auth?")
    assert redirect.response is not None
    assert redirect.response.headers.get("Location") == storage.request.url
    assert "proxy" not in str([each.request.url for each in recorder.interactions])
    assert storage.request.headers.get("Authorization") is None


def test_a_registry_that_is_not_there(recorder: Recorder) -> None:
    """Was refused, whatever the proxy says to the client."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Recording(f"http://127.0.0.1:{port}", recorder) as recording:
        assert recording.handle(Request("GET", "/v2/")).status == 502
    (kept,) = recorder.interactions
    assert (kept.response, kept.ending) == (None, Ending.REFUSED)


def test_a_registry_that_is_silent(recorder: Recorder) -> None:
    """Was too slow, whatever the proxy says to the client."""
    script = Script(lambda _: Response(200, delay=5))
    with serve(script) as listener:
        patience = httpx.Timeout(0.05)
        with Recording(listener.url, recorder, timeout=patience) as recording:
            assert recording.handle(Request("GET", "/v2/")).status == 504
    (kept,) = recorder.interactions
    assert (kept.response, kept.ending) == (None, Ending.TIMEOUT)


def test_a_registry_that_breaks_off(recorder: Recorder) -> None:
    """The client sees it as it is, and the part that came is kept."""

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        raise ResetConnection

    script = Script(lambda _: Response(200, Headers({"Content-Length": "9"}), pieces()))
    with (
        serve(script) as upstream,
        Recording(upstream.url, recorder) as recording,
        serve(recording) as listener,
        pytest.raises(httpx.ReadError),
    ):
        httpx.get(listener.url)
    (kept,) = recorder.interactions
    assert kept.ending is Ending.RESET
    assert kept.response is not None
    assert kept.response.body.read() == b"abc"


def test_other_origins_may_be_left_alone(recorder: Recorder, make_registry: MakeRegistry) -> None:
    """Then only what goes to the registry is kept."""
    fake = make_registry(redirects=True, images=["org/app:1"])
    config = fake.image("org/app:1").config
    with (
        Recording(fake.url, recorder, other_origins="pass") as recording,
        serve(recording) as listener,
    ):
        url = f"{listener.url}/v2/org/app/blobs/{config.digest}"
        assert httpx.get(url, follow_redirects=True).content == config.raw
    assert [each.request.url for each in recorder.interactions] == [
        f"{fake.url}/v2/org/app/blobs/{config.digest}"
    ]


def test_http2_to_the_registry(recorder: Recorder, make_registry: MakeRegistry) -> None:
    """Is spoken if it is wanted, whatever the client speaks."""
    fake = make_registry(images=["org/app:1"])
    tls = TLS(ca_file=fake.ca_file)
    with (
        Recording(fake.https_url, recorder, http2=True, tls=tls) as recording,
        httpx.Client(transport=InProcessTransport(recording), base_url="http://proxy") as client,
    ):
        manifest = client.get("/v2/org/app/manifests/1", headers={"Accept": MANIFEST_ACCEPT})
        assert manifest.status_code == 200
    (kept,) = recorder.interactions
    assert kept.response is not None
    assert kept.response.http_version == "HTTP/2"


def test_what_can_not_be_asked(recorder: Recorder) -> None:
    """Is told at once, as a proxy that doesn't record does."""
    with pytest.raises(type(_refusal())) as error:
        Recording("quay.io", recorder)
    assert str(error.value) == str(_refusal())


def _refusal() -> Exception:
    try:
        Forward("quay.io")
    except ValueError as error:
        return error
    raise AssertionError


# In a process of its own, whose peak the system measures: tracemalloc sees no memory of C.
_SCRIPT = """
import hashlib, pathlib, sys

import httpx

from occystrap.server.doors.listener import serve
from occystrap.server.message import Headers, Response
from pytest_occystrap.cassettes.files import load_cassette, save_cassette
from pytest_occystrap.cassettes.recorder import Recorder
from pytest_occystrap.cassettes.recording import Recording

MIB, COUNT = 1 << 20, 64
length = {"Content-Length": str(COUNT * MIB)}

def pieces():
    return (bytes([number]) * MIB for number in range(COUNT))

class Upstream:
    def handle(self, request):
        assert sum(map(len, request.body)) == COUNT * MIB
        return Response(200, Headers(length), pieces())

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

path = pathlib.Path(sys.argv[1]) / "cassettes" / "large.yaml"
with (
    serve(Upstream()) as up,
    Recorder() as recorder,
    Recording(up.url, recorder) as recording,
    serve(recording) as listener,
    httpx.Client(base_url=listener.url, timeout=60) as client,
):
    before = peak()
    with client.stream("PUT", "/", content=pieces(), headers=length) as response:
        assert sum(map(len, response.iter_raw())) == COUNT * MIB
    save_cassette(recorder.cassette(), path)
(kept,) = load_cassette(path).interactions
expected, read = hashlib.sha256(), hashlib.sha256()
for piece in pieces():
    expected.update(piece)
for piece in kept.response.body:
    read.update(piece)
assert read.digest() == expected.digest() and kept.request.body == kept.response.body
print(peak() - before)
"""


def test_64_mib_both_ways_take_little_memory(tmp_path: Path) -> None:
    """Recorded, saved and read again, byte for byte; the same body is on disk once."""
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert float(run.stdout) < 24
    kept = [path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(kept) < 64 * (1 << 20) + 4096
