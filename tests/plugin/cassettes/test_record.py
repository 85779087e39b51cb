"""`occystrap cassette record`: what it runs, what it writes, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from occystrap.main import cli
from occystrap.server.doors.listener import serve
from pytest_occystrap.cassettes.files import load_cassette
from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.fake import FakeRegistry
from tests.server.doors.scripts import Script, text
from tests.support.serving import printed

OCCYSTRAP = [sys.executable, "-m", "occystrap"]
GET = """
import os, sys, urllib.request
for url in sys.argv[1:]:
    print(urllib.request.urlopen(url).read().decode())
"""
PING = """
import os, urllib.request
url = os.environ["OCCYSTRAP_RECORD_URL"]
urllib.request.urlopen(url + "/v2/").read()
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without cassettes."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(*arguments: str, options: tuple[str, ...] = ()) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, [*options, "cassette", "record", *arguments])


def get(*urls: str) -> list[str]:
    """Make a command that asks for URLs."""
    return ["--", sys.executable, "-c", GET, *urls]


def recorded(name: str) -> Cassette:
    """Read a cassette of the project."""
    return load_cassette(Path("cassettes", f"{name}.yaml"))


def test_what_a_command_asks(registry: FakeRegistry) -> None:
    """Is kept under its name, with where it comes from, and a summary says so."""
    registry.add_image("org/app:1")
    command = get("{url}/v2/org/app/tags/list")
    result = record("mine/tags", "--from", registry.url, "--about", "a test", *command)
    assert (result.exit_code, result.stdout) == (0, "")
    said = "Recorded 1 interactions, 1 bodies of 31 bytes: cassettes/mine/tags.yaml\n"
    assert result.stderr == said
    cassette = recorded("mine/tags")
    (interaction,) = cassette.interactions
    assert interaction.request.url == f"{registry.url}/v2/org/app/tags/list"
    assert interaction.response is not None
    assert json.loads(interaction.response.body.read()) == {"name": "org/app", "tags": ["1"]}
    assert cassette.provenance.about == "a test"
    assert cassette.provenance.client.startswith("Python-urllib/")
    assert cassette.provenance.by.startswith("occystrap ")
    assert len(cassette.provenance.recorded) == len("2026-11-25")


def test_a_command_finds_the_registry_in_its_environment(registry: FakeRegistry) -> None:
    """Under TLS with the authority to trust; the upstream is asked as before."""
    script = """
import os, ssl, urllib.request
context = ssl.create_default_context(cafile=os.environ["OCCYSTRAP_RECORD_CA_FILE"])
assert os.environ["OCCYSTRAP_RECORD_URL"] == "https://" + os.environ["OCCYSTRAP_RECORD_HOST"]
urllib.request.urlopen(os.environ["OCCYSTRAP_RECORD_URL"] + "/v2/", context=context).read()
"""
    command = ["--", sys.executable, "-c", script]
    assert record("mine/ping", "--from", registry.url, "--tls", *command).exit_code == 0
    (interaction,) = recorded("mine/ping").interactions
    assert interaction.request.url == f"{registry.url}/v2/"


def test_a_registry_behind_tls(registry: FakeRegistry) -> None:
    """Is trusted by the CA that the options before the command name; HTTP/2 is spoken if wanted."""
    options = ("--ca-file", str(registry.ca_file))
    asked = ("mine/ping", "--from", registry.https_url, "--ask-http2")
    assert record(*asked, *get("{url}/v2/"), options=options).exit_code == 0
    (interaction,) = recorded("mine/ping").interactions
    assert interaction.response is not None
    assert interaction.response.http_version == "HTTP/2"


def test_a_command_that_fails(registry: FakeRegistry) -> None:
    """Its exit code is that of the recording, and what it asked is kept: errors are worth it."""
    script = get("{url}/v2/org/unknown/tags/list")
    result = record("mine/error", "--from", registry.url, *script)
    assert result.exit_code == 1
    (interaction,) = recorded("mine/error").interactions
    assert interaction.response is not None
    assert interaction.response.status == 404


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ([sys.executable, "-c", "pass"], 125, "Error: nothing was recorded: the command has asked"),
        ([sys.executable, "-c", "raise SystemExit(3)"], 3, "Nothing was recorded."),
        (["/nowhere/nothing"], 127, "/nowhere/nothing isn't there."),
        (["/"], 126, "/ can't be run."),
        (["sh", "-c", "kill -9 $$"], 137, "Nothing was recorded."),
    ],
    ids=["silent", "failing", "missing", "no program", "killed"],
)
def test_a_command_that_asks_nothing(
    registry: FakeRegistry, command: list[str], code: int, said: str
) -> None:
    """Leaves what was there as it was, and the exit code tells whose fault that is."""
    record("mine/ping", "--from", registry.url, *get("{url}/v2/"))
    before = Path("cassettes/mine/ping.yaml").read_bytes()
    result = record("mine/ping", "--from", registry.url, "--", *command)
    assert result.exit_code == code
    assert said in result.stderr
    assert Path("cassettes/mine/ping.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "NAME and --from are needed, or --scenario"),
        (["mine/a"], "NAME and --from are needed, or --scenario"),
        (["../a", "--from", "http://r.test"], "not a name of a cassette: '../a'"),
        (["/a", "--from", "http://r.test"], "not a name of a cassette: '/a'"),
        (["a", "--from", "r.test"], "not a registry to ask: 'r.test'"),
        (["a", "--from", "http://r.test", "--tls-key", __file__], "--tls-cert is missing"),
        (["a", "--scenario", "a"], "scenarios.toml says all but --from and --dir"),
        (["--scenario", "a", "--tls"], "scenarios.toml says all but --from and --dir"),
    ],
)
def test_what_makes_no_sense(arguments: list[str], said: str) -> None:
    """Is a mistake of usage."""
    result = record(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_json(registry: FakeRegistry, home: Path) -> None:
    """Has standard output for itself; what the command prints goes to standard error."""
    script = f"print('hello')\n{PING}"
    words = ["-O", "json", "cassette", "record", "mine/ping", "--from", registry.url, "--"]
    command = [*OCCYSTRAP, *words, sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "cassettes": [
            {
                "path": "cassettes/mine/ping.yaml",
                "interactions": 1,
                "bodies": 1,
                "bytes": 2,
                "left_out": [],
            }
        ]
    }
    assert "hello" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_command_it_goes_on_until_it_is_stopped(
    registry: FakeRegistry, number: signal.Signals
) -> None:
    """By Ctrl-C or SIGTERM; then it writes, and all is well."""
    command = [*OCCYSTRAP, "cassette", "record", "mine/ping", "--from", registry.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith(f"Recording {registry.url} at http://127.0.0.1:")
        httpx.get(line.split(" at ")[1].partition(";")[0] + "/v2/")
        process.send_signal(number)
        assert process.wait(20) == 0
        assert "Recorded 1 interactions" in process.stderr.read()
    assert len(recorded("mine/ping").interactions) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped(registry: FakeRegistry, number: signal.Signals) -> None:
    """Half of what it would have asked is no recording: it ends, and nothing is written."""
    script = f"{PING}\nprint('asked: yes', flush=True)\n__import__('time').sleep(60)"
    words = ["cassette", "record", "mine/ping", "--from", registry.url, "--"]
    command = [*OCCYSTRAP, *words, sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert printed(process, "asked") == "yes"
        process.send_signal(number)
        assert process.wait(20) == -number
        assert process.stdout is not None
        assert process.stdout.read() == ""  # the command has let go of it, too
    assert not Path("cassettes").exists()


def test_what_the_client_broke_off_is_told(registry: FakeRegistry) -> None:
    """In the summary, with the reason."""
    image = registry.add_random_image("org/app:1", size=9_000_000)
    blob = f"/v2/org/app/blobs/{image.layers[0].digest}"
    script = f"{PING}\nurllib.request.urlopen(url + {blob!r}).read(10)"
    result = record("mine/a", "--from", registry.url, "--", sys.executable, "-c", script)
    assert result.exit_code == 0
    left, _ = result.stderr.splitlines()
    assert left.startswith(f"Left out: GET {registry.url}/v2/org/app/blobs/")
    assert left.endswith(": the client broke off")


def test_what_is_recorded_again_replaces_what_was_there(registry: FakeRegistry) -> None:
    """With its bodies, but for those that another cassette has."""
    images = [registry.add_random_image(f"org/app:{n}", size=1000, seed=n) for n in range(2)]
    blobs = [f"{{url}}/v2/org/app/blobs/{image.layers[0].digest}" for image in images]
    read = "import sys, urllib.request as u; [u.urlopen(each).read() for each in sys.argv[1:]]"
    command = ["--", sys.executable, "-c", read]
    record("mine/a", "--from", registry.url, *command, *blobs)
    kept = set(Path("cassettes/blobs/sha256").iterdir())
    assert len(kept) == 2
    record("mine/b", "--from", registry.url, *command, blobs[0])
    for _ in range(2):
        assert record("mine/a", "--from", registry.url, *get("{url}/v2/")).exit_code == 0
    digest = images[0].layers[0].digest.removeprefix("sha256:")
    assert [path.name for path in Path("cassettes/blobs/sha256").iterdir()] == [digest]


def test_a_secret_that_can_not_be_scrubbed() -> None:
    """Isn't written: the exit code says that the recording failed, the message not what it is."""
    secret = "ghp_" + "x7Kq9" * 7 + "Z"
    blob = b"\0\1\2" + f"token={secret}\n".encode() + bytes(range(256))
    with serve(Script(lambda _: text(blob))) as listener:
        command = [sys.executable, "-c", PING]
        result = record("mine/a", "--from", listener.url, "--", *command)
    assert result.exit_code == 125
    assert "mine/a.yaml isn't saved: it holds what looks like a secret" in result.stderr
    assert secret not in result.stderr
    assert not Path("cassettes").exists()
