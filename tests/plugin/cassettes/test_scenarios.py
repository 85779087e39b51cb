"""Scenarios: what scenarios.toml can say, and recording what it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from occystrap.errors import CassetteError
from occystrap.main import cli
from pytest_occystrap.cassettes.driving import Door
from pytest_occystrap.cassettes.files import load_cassette
from pytest_occystrap.cassettes.scenarios import (
    Surroundings,
    load_scenarios,
    record_scenario,
)
from pytest_occystrap.fake import FakeRegistry

ASK = """
import sys, urllib.request
urllib.request.urlopen(sys.argv[1] + "/v2/").read()
"""
COMMAND = ["{python}", "-c", ASK, "{url}"]
SERVE = ["{python}", "-m", "occystrap", "registry", "serve", "--listen", "127.0.0.1:0"]
AROUND = Surroundings({}, "2026-11-25")


def write(directory: Path, name: str, **said: object) -> None:
    """Add a scenario to the file of a directory."""
    lines = [f'["{name}"]', *(f"{key} = {_toml(value)}" for key, value in said.items())]
    with (directory / "scenarios.toml").open("a") as file:
        file.write("\n".join([*lines, ""]))


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return "'''" + value + "'''"
    return str(value).lower()


def test_a_registry_that_is_started(tmp_path: Path) -> None:
    """Is asked by the command, and ends with the recording."""
    write(tmp_path, "mine/ping", about="a test", start=SERVE, command=COMMAND, server="ours 1")
    scenario = load_scenarios(tmp_path)["mine/ping"]
    captured = record_scenario(scenario, tmp_path, AROUND)
    assert captured.path == tmp_path / "mine" / "ping.yaml"
    cassette = load_cassette(tmp_path / "mine" / "ping.yaml")
    assert len(cassette.interactions) == 1
    assert cassette.provenance.recorded == "2026-11-25"
    assert cassette.provenance.about == "a test"
    assert cassette.provenance.server == "ours 1"


def test_a_registry_that_is_started_with_tls(tmp_path: Path) -> None:
    """Is trusted, asked over HTTP/2 if that is said, and let in over TLS if that is said."""
    script = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
urllib.request.urlopen(sys.argv[1] + "/v2/", context=context).read()
"""
    command = ["{python}", "-c", script, "{url}", "{ca_file}"]
    start = [*SERVE, "--tls"]
    write(tmp_path, "a", about="a test", start=start, command=command, http2=True, tls=True)
    record_scenario(load_scenarios(tmp_path)["a"], tmp_path, AROUND)
    (interaction,) = load_cassette(tmp_path / "a.yaml").interactions
    assert interaction.request.url.startswith("https://127.0.0.1:")
    assert interaction.response is not None
    assert interaction.response.http_version == "HTTP/2"


def test_from_elsewhere(tmp_path: Path, registry: FakeRegistry) -> None:
    """A live scenario is recorded from a stand-in, by the command and by the function."""
    write(tmp_path, "quay.io/ping", about="a test", **{"from": "https://quay.io"}, command=COMMAND)
    scenario = load_scenarios(tmp_path)["quay.io/ping"]
    assert scenario.live
    record_scenario(scenario, tmp_path, AROUND, upstream=Door(registry.url))
    arguments = ["--dir", str(tmp_path), "--scenario", "quay.io/*", "--from", registry.url]
    result = CliRunner().invoke(cli, ["cassette", "record", *arguments])
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("Recorded 1 interactions")
    (interaction,) = load_cassette(tmp_path / "quay.io" / "ping.yaml").interactions
    assert interaction.request.url == f"{registry.url}/v2/"


def test_scenarios_that_fail(tmp_path: Path, registry: FakeRegistry) -> None:
    """Are told one by one; those that went well are written, and the exit code is 125."""
    failing = ["{python}", "-c", "raise SystemExit(3)"]
    url = {"from": registry.url}
    write(tmp_path, "a/fails", about="a test", **url, command=failing)
    write(tmp_path, "a/silent", about="a test", **url, command=["true"])
    write(tmp_path, "a/works", about="a test", **url, command=COMMAND)
    arguments = ["--dir", str(tmp_path), "--scenario", "a/*"]
    result = CliRunner().invoke(cli, ["cassette", "record", *arguments])
    assert result.exit_code == 125
    assert "Error: a/fails: {python} ended with code 3\n" in result.stderr
    assert "Error: a/silent: its command has asked nothing\n" in result.stderr
    assert "Error: 2 of 3 scenarios were not recorded\n" in result.stderr
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["works.yaml"]


def test_variables_that_have_to_be_set(tmp_path: Path, registry: FakeRegistry) -> None:
    """Without them nothing begins, and the message says what they are; with them they are there."""
    script = "import os; assert os.environ['USER_TOKEN'] == 'x'\n" + ASK
    command = ["{python}", "-c", script, "{url}"]
    needed, url = {"USER_TOKEN": "a token that can pull"}, {"from": registry.url}
    write(tmp_path, "a", about="a test", **url, command=command, environment=needed)
    scenario = load_scenarios(tmp_path)["a"]
    with pytest.raises(CassetteError, match=r"a needs these variables: USER_TOKEN \(a token that"):
        record_scenario(scenario, tmp_path, AROUND)
    assert registry.requests == []
    around = Surroundings({"USER_TOKEN": "x"}, "2026-11-25")
    assert record_scenario(scenario, tmp_path, around).path is not None


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"about": "x"}, "'a' lacks command"),
        ({"command": ["x"]}, "'a' lacks about"),
        ({"about": "x", "command": ["x"]}, "'a' needs `from` or `start`, and not both"),
        (
            {"about": "x", "command": ["x"], "from": "https://r.test", "start": ["x"]},
            "'a' needs `from` or `start`, and not both",
        ),
        ({"about": "x", "command": "x", "from": "https://r.test"}, "'a': command is no "),
        ({"about": "x", "command": ["x"], "form": "https://r.test"}, "'a' has form, which nothing"),
        (
            {"about": "x", "command": ["x"], "from": "https://r.test", "other_origins": "no"},
            "'a': other_origins is pass or through",
        ),
    ],
)
def test_what_a_scenario_can_not_say(tmp_path: Path, said: dict[str, object], message: str) -> None:
    """The message names the file, the scenario and what is wrong."""
    write(tmp_path, "a", **said)
    with pytest.raises(CassetteError, match=re.escape(message)) as error:
        load_scenarios(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'scenarios.toml'}: ")


def test_files_that_hold_no_scenarios(tmp_path: Path) -> None:
    """None at all, no TOML, names that lead elsewhere, and scenarios that nobody has."""
    with pytest.raises(CassetteError, match=r"can't read .*scenarios\.toml: No such"):
        load_scenarios(tmp_path)
    (tmp_path / "scenarios.toml").write_text("nonsense")
    with pytest.raises(CassetteError, match=r"scenarios\.toml: "):
        load_scenarios(tmp_path)
    (tmp_path / "scenarios.toml").write_text("['../a']\n")
    with pytest.raises(CassetteError, match="not a name of a cassette"):
        load_scenarios(tmp_path)
    (tmp_path / "scenarios.toml").write_text("")
    arguments = ["cassette", "record", "--dir", str(tmp_path), "--scenario", "a/*"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "no scenario is called a/*" in result.stderr


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("print('nothing')", "should have said in its first line where it listens"),
        ("", "should have said in its first line where it listens"),
        ("print('at https://127.0.0.1:1')", "should have said which CA certificate to trust"),
    ],
)
def test_a_start_that_says_something_else(tmp_path: Path, script: str, message: str) -> None:
    """Is told, and leaves no process behind."""
    start = [sys.executable, "-c", script]
    write(tmp_path, "a", about="a test", start=start, command=COMMAND)
    with pytest.raises(CassetteError, match=message):
        record_scenario(load_scenarios(tmp_path)["a"], tmp_path, AROUND)


def test_a_start_that_is_not_there(tmp_path: Path) -> None:
    """Is told by its name."""
    write(tmp_path, "a", about="a test", start=["/nowhere"], command=COMMAND)
    with pytest.raises(CassetteError, match="can't start /nowhere: No such file"):
        record_scenario(load_scenarios(tmp_path)["a"], tmp_path, AROUND)
