"""Playing a cassette to a registry: what is asked again, with what, and what differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from occystrap.client.build import Around
from occystrap.errors import CassetteError
from occystrap.main import cli
from occystrap.oci.media_types import MANIFEST_ACCEPT
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.message import Handler, Headers, Request, ResetConnection, Response
from pytest_occystrap.cassettes.files import save_cassette
from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.cassettes.recorder import Recorder
from pytest_occystrap.cassettes.transport import RecordingTransport
from pytest_occystrap.cassettes.verifying import Verified, verify
from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.plugin import MakeRegistry
from tests.server.doors.scripts import Script, text
from tests.support.exercises import access, content, reading, writing

LOGIN = ("alice", "open sesame")


@pytest.fixture
def record(tmp_path: Path) -> Callable[[Handler, Callable[[httpx.Client], object]], Cassette]:
    """Record what is asked of a handler as if it were https://r.test."""

    def record(handler: Handler, ask: Callable[[httpx.Client], object]) -> Cassette:
        with Recorder() as recorder:
            transport = RecordingTransport(InProcessTransport(handler), recorder)
            with httpx.Client(transport=transport, base_url="https://r.test") as client:
                ask(client)
            return save_cassette(recorder.cassette(), tmp_path / "cassettes" / "a.yaml")

    return record


Record = Callable[[Handler, Callable[[httpx.Client], object]], Cassette]


def connecting(handler: Handler) -> Callable[[Around], httpx.Client]:
    """Reach a handler under every name."""
    return lambda around: httpx.Client(transport=around(InProcessTransport(handler)))


def again(cassette: Cassette, handler: Handler, *, writes: bool = True) -> Verified:
    """Play a cassette to a handler that is https://other.test."""
    return verify(cassette, "https://other.test", connecting(handler), writes=writes, login=LOGIN)


def filled(make: MakeRegistry) -> FakeRegistry:
    """Make a registry with what the exercises read."""
    registry = make()
    content.seed(registry.client)
    return registry


def test_the_same_registry_answers_alike(make: MakeRegistry, record: Record) -> None:
    """Pages, ranges, uploads in chunks, mounts, deletions: each session is the new one."""
    for ask in (
        reading.pull,
        reading.list_all,
        writing.push_monolithic,
        writing.push_chunked,
        writing.delete,
    ):
        cassette = record(filled(make).handler, ask)
        verified = again(cassette, filled(make).handler)
        assert verified.drifted == ()
        assert verified.skipped == ()
        assert len(verified.played) == len(cassette.interactions) > 5


def test_tokens_are_those_that_are_given_now(make: MakeRegistry, record: Record) -> None:
    """They are asked for where the challenge leads now, with the login that is given now."""
    options = {
        "auth": "bearer",
        "private": True,
        "accounts": dict([LOGIN]),
        "images": ["org/app:1"],
    }

    def ask(client: httpx.Client) -> None:
        url = "/v2/org/app/manifests/1"
        refused = client.get(url)
        client.headers.update(access.answered(client, refused, LOGIN))
        client.get(url, headers={"Accept": MANIFEST_ACCEPT}).raise_for_status()

    cassette = record(make(**options).handler, ask)
    verified = again(cassette, make(**options).handler)
    assert verified.drifted == ()
    assert len(verified.played) == 3
    without = verify(cassette, "https://other.test", connecting(make(**options).handler))
    (skipped,) = without.skipped
    assert skipped.reason == "it needs --username and --password"
    assert [each.found[0].what for each in without.drifted] == ["status"]


def test_nothing_is_written_unless_that_is_wanted(make: MakeRegistry, record: Record) -> None:
    """What writes is left out, and what looks at it; all else is asked."""

    def ask(client: httpx.Client) -> None:
        client.get("/v2/demo/app/tags/list")
        content.push(client, "demo/new", "1", content.DOCKER)
        client.get("/v2/demo/new/tags/list")

    cassette = record(filled(make).handler, ask)
    live = filled(make)
    live.clear_requests()
    verified = again(cassette, live.handler, writes=False)
    assert [request.method for request in live.requests] == ["GET"]
    assert len(verified.played) == 1
    reasons = [each.reason for each in verified.skipped]
    assert set(reasons[:-1]) == {"it writes (--writes)"}
    assert reasons[-1] == "it looks at what was written"


def test_drift_is_found(make: MakeRegistry, record: Record) -> None:
    """Each difference with the request it is about."""
    cassette = record(make(images=["org/app:1"]).handler, lambda c: c.get("/v2/org/app/tags/list"))
    verified = again(cassette, make().handler)
    ((played,), skipped) = verified.drifted, verified.skipped
    assert skipped == ()
    assert str(played.recorded.request) == "GET https://r.test/v2/org/app/tags/list"
    assert ("status", "200", "404") in [(e.what, e.recorded, e.now) for e in played.found]


def test_a_registry_that_breaks_off(record: Record) -> None:
    """Is a difference, and the next request is asked all the same."""

    def ask(client: httpx.Client) -> None:
        client.get("/v2/")
        client.get("/v2/_catalog")

    def answer(request: Request) -> Response:
        if request.path == "/v2/":
            raise ResetConnection
        return text(b"ok")

    cassette = record(Script(lambda _: text(b"ok")), ask)
    verified = again(cassette, Script(answer))
    assert [[str(one) for one in each.found] for each in verified.played] == [
        ["- answer: 200\n+ answer: none (reset)"],
        [],
    ]


def test_what_had_no_answer_is_left_out(record: Record) -> None:
    """Nobody can tell whether it should fail again."""

    def fail(_: Request) -> Response:
        raise ResetConnection

    def ask(client: httpx.Client) -> None:
        with pytest.raises(httpx.ReadError):
            client.get("/v2/")

    cassette = record(Script(fail), ask)
    (skipped,) = again(cassette, Script(lambda _: text(b"ok"))).steps
    assert getattr(skipped, "reason", "") == "there was no answer (reset)"


def test_another_origin_that_nothing_leads_to_any_more(record: Record) -> None:
    """Storage is asked only where the registry still sends who asks."""

    def redirect(request: Request) -> Response:
        if request.host == "cdn.test":
            return text(b"blob")
        return Response(307, Headers({"Location": "https://cdn.test/x", "Content-Length": "0"}))

    cassette = record(Script(redirect), lambda c: c.get("/v2/a/blobs/x", follow_redirects=True))
    same = Script(redirect)
    assert again(cassette, same).drifted == ()
    assert [request.host for request in same.requests] == ["other.test", "cdn.test"]
    verified = again(cassette, Script(lambda _: text(b"blob")))
    assert [each.reason for each in verified.skipped] == ["no answer leads there any more"]
    assert {one.what for one in verified.drifted[0].found} >= {"status", "Location"}


def test_an_empty_cassette() -> None:
    """Proves nothing, and says so."""
    with pytest.raises(CassetteError, match="nothing in the cassette"):
        again(Cassette(), Script(lambda _: text(b"ok")))


@pytest.fixture
def recorded(
    registry: FakeRegistry, record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> FakeRegistry:
    """A registry, and the cassette `a` of it."""
    registry.add_image("org/app:1")
    record(registry.handler, lambda client: client.get("/v2/org/app/tags/list"))
    monkeypatch.chdir(tmp_path)
    return registry


def run(*arguments: str, options: tuple[str, ...] = ()) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, [*options, "cassette", "verify", *arguments])


def test_the_command_without_drift(recorded: FakeRegistry) -> None:
    """Says nothing but the summary, and ends well; the certificate is trusted by its CA."""
    options = ("--ca-file", str(recorded.ca_file))
    result = run("a", "--against", recorded.https_url, options=options)
    assert (result.exit_code, result.stdout) == (0, "")
    said = "Summary: 1 requests asked again, 0 answered otherwise, 0 left out\n"
    assert result.stderr == said


def test_the_command_with_drift(recorded: FakeRegistry, make: MakeRegistry) -> None:
    """Shows what was and what is, as a diff or as JSON, and fails."""
    other = make()
    result = run("a", "--against", other.url)
    assert result.exit_code == 1
    assert result.stdout.startswith(
        "GET https://r.test/v2/org/app/tags/list\n  - status: 200\n  + status: 404\n"
    )
    result = run("a", "--against", other.url, options=("-O", "json"))
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["played"] == 1
    assert document["drift"][0]["request"] == "GET https://r.test/v2/org/app/tags/list"
    first = {"what": "status", "recorded": "200", "now": "404"}
    assert document["drift"][0]["differences"][0] == first


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["a"], 2, "Missing option '--against'"),
        (["a", "--against", "r.test"], 2, "it is http://HOST:PORT or https://HOST:PORT"),
        (["../a", "--against", "http://r.test"], 2, "not a name of a cassette"),
        (["b", "--against", "http://r.test"], 1, "can't read the cassette cassettes/b.yaml"),
    ],
)
def test_what_makes_no_sense(
    recorded: FakeRegistry, arguments: list[str], code: int, said: str
) -> None:
    """Is a mistake of usage, and a cassette that isn't there is a failure."""
    result = run(*arguments)
    assert result.exit_code == code
    assert said in " ".join(result.stderr.split())
