"""The recordings of this project: what they are recorded from answers as they say.

`pytest tests/recorded --record-mode=rewrite` records again what is there, and what can be started.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from occystrap.client.build import TLS, create_client
from occystrap.errors import InvalidDigest, InvalidReference
from occystrap.oci.routes import parse_route
from pytest_occystrap.cassettes.driving import started
from pytest_occystrap.cassettes.files import load_cassette
from pytest_occystrap.cassettes.form import Ending, Interaction
from pytest_occystrap.cassettes.scenarios import (
    Scenario,
    Surroundings,
    load_scenarios,
    record_scenario,
)
from pytest_occystrap.cassettes.verifying import verify
from tests.support.components import real_component
from tests.support.daemons import as_root
from tests.support.debian_registry import CREDENTIALS

ROOT = Path(__file__).resolve().parents[2]
CASSETTES = ROOT / "cassettes"
SCENARIOS = load_scenarios(CASSETTES)
#: What is there, and what can be.
RECORDED = [
    name
    for name, each in SCENARIOS.items()
    if not each.live or (CASSETTES / f"{name}.yaml").exists()
]
#: Together they have every client, and every way to get in.
AGAIN = ("http2-pull", "token", "skopeo-token", "dockerd")
#: Together they have every kind of session that is translated.
VERIFIED = ("pull", "list", "push-chunked", "errors", "htpasswd", "skopeo-token", "http2-push")


def surroundings(**variables: str) -> Surroundings:
    """Record as `make record` does."""
    return Surroundings({**os.environ, **variables}, time.strftime("%Y-%m-%d"), root=ROOT)


def needed(scenario: Scenario) -> None:
    """Skip where a real component is missing, with the command that installs it, or root is."""
    words = [*scenario.start, *scenario.command]
    real_component("docker-registry")
    for name in ("skopeo", "dockerd"):
        if any(word.startswith(name) for word in words):
            real_component(name)
            if name == "dockerd":
                as_root()


@pytest.fixture
def rewritten(pytestconfig: pytest.Config) -> bool:
    """Whether recordings are to be made again."""
    return bool(pytestconfig.getoption("--record-mode", default=None) == "rewrite")


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording(name: str, rewritten: bool) -> None:
    """Is there and whole, without a secret, and says where and when it was made, and of what."""
    scenario = SCENARIOS[name]
    if rewritten:
        record_scenario(scenario, CASSETTES, surroundings())
    cassette = load_cassette(CASSETTES / f"{name}.yaml")
    said = cassette.provenance
    assert said.about == scenario.about
    assert all((said.recorded, said.server, said.client, said.by.startswith("occystrap ")))
    for each in cassette.interactions:
        for body in (each.request.body, *([each.response.body] if each.response else [])):
            assert len(body.read()) == body.size


def outline(interactions: tuple[Interaction, ...]) -> set[tuple[str, ...]]:
    """Say what happened, without what differs from run to run, such as how often skopeo asks."""
    return {
        (
            each.request.method,
            _kind(each.request.path),
            str(each.response and each.response.status),
            str(each.response and each.response.http_version),
            each.ending.value,
        )
        for each in interactions
    }


def _kind(path: str) -> str:
    try:
        route = parse_route(path)
    except (InvalidDigest, InvalidReference):
        return path
    return path if route is None else route.kind.value


@pytest.mark.parametrize("name", AGAIN)
def test_recording_again(name: str, tmp_path: Path) -> None:
    """Gives what was recorded before: the same kinds of exchange, of real programs."""
    scenario = SCENARIOS[f"distribution/{name}"]
    needed(scenario)
    captured = record_scenario(scenario, tmp_path / "cassettes", surroundings())
    assert captured.left_out == ()
    recorded = load_cassette(CASSETTES / f"{scenario.name}.yaml")
    assert outline(captured.cassette.interactions) == outline(recorded.interactions)


@pytest.mark.parametrize("name", VERIFIED)
def test_the_registry_still_answers_so(name: str) -> None:
    """Whatever it was asked, uploads, tokens and deletions included."""
    scenario = SCENARIOS[f"distribution/{name}"]
    needed(scenario)
    cassette = load_cassette(CASSETTES / f"{scenario.name}.yaml")
    with started(scenario.start, os.environ, directory=ROOT) as door:
        tls = None if door.ca_file is None else TLS(ca_file=door.ca_file)
        verified = verify(
            cassette,
            door.url,
            lambda around: create_client(http2=False, tls=tls, around=around),
            writes=True,
            login=CREDENTIALS,
        )
    assert [(str(each.recorded), each.found) for each in verified.drifted] == []
    assert verified.skipped == ()
    assert len(verified.played) == len(cassette.interactions)


def test_an_answer_that_promises_more_than_it_sends() -> None:
    """A quirk of docker-registry: 416 has the length of the blob, and the connection ends early."""
    interactions = load_cassette(CASSETTES / "distribution/pull.yaml").interactions
    (cut,) = [each for each in interactions if each.ending is Ending.CLOSED]
    assert cut.response is not None
    assert cut.response.status == 416
    assert cut.response.body.size < int(cut.response.headers.get("Content-Length") or 0)
