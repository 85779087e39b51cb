"""Every cassette of the project plays as it was recorded."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from occystrap.server.doors.framing import has_body
from occystrap.server.hops import end_to_end
from occystrap.server.message import (
    CloseConnection,
    Headers,
    Request,
    ResetConnection,
    split_target,
)
from pytest_occystrap import load_cassette
from pytest_occystrap.cassettes.form import Ending, Interaction
from pytest_occystrap.cassettes.places import asked_in
from pytest_occystrap.cassettes.replay import Replay

CASSETTES = Path(__file__).resolve().parents[2] / "cassettes"
NAMES = sorted(
    str(path.relative_to(CASSETTES).with_suffix("")) for path in CASSETTES.rglob("*.yaml")
)

_BROKEN = b"and no more"

Answer = tuple[int, frozenset[tuple[str, str]], bytes | None]


def asked_again(interaction: Interaction) -> Request:
    """Ask in process what was asked, as it was asked."""
    recorded = interaction.request
    asked = asked_in(recorded)
    path, query = split_target(asked.target)
    return Request(
        recorded.method,
        path,
        query,
        recorded.headers,
        iter(recorded.body),
        scheme=asked.origin.scheme,
        host=asked.origin.authority,
        door="in-process",
        raw_target=asked.target,
    )


def headers_of(headers: Headers) -> frozenset[tuple[str, str]]:
    """Leave away what doors say for themselves."""
    return frozenset((name.lower(), value) for name, value in end_to_end(headers))


def played(replay: Replay, interaction: Interaction) -> Answer | None:
    """Ask, and return the answer; None if there is none."""
    try:
        response = replay.handle(asked_again(interaction))
    except (CloseConnection, ResetConnection):
        return None
    if response.delay:
        return None
    body = None
    if has_body(interaction.request.method, response.status):
        pieces = list[bytes]()
        try:
            pieces.extend(response.body)
        except (CloseConnection, ResetConnection):
            pieces.append(_BROKEN)
        body = b"".join(pieces)
    return response.status, headers_of(response.headers), body


@pytest.mark.parametrize("name", NAMES)
def test_it_plays_as_it_was_recorded(name: str) -> None:
    """Asked in its order, each exchange gets its own status, headers and bytes."""
    cassette = load_cassette(CASSETTES / f"{name}.yaml")
    replay = Replay(cassette)
    for interaction in cassette.interactions:
        answer, recorded = played(replay, interaction), interaction.response
        assert (answer is None) is (recorded is None), str(interaction)
        if answer is not None and recorded is not None:
            status, headers, body = answer
            assert status == recorded.status, str(interaction)
            assert headers == headers_of(recorded.headers), str(interaction)
            is_whole = interaction.ending is Ending.COMPLETE
            sent = recorded.body.read() + (b"" if is_whole else _BROKEN)
            assert body in (None, sent), str(interaction)
    assert replay.unplayed == []


@pytest.mark.parametrize("name", NAMES)
def test_it_plays_in_any_order(name: str) -> None:
    """Shuffled, nothing is unmatched that doesn't build on what was sent before."""
    cassette = load_cassette(CASSETTES / f"{name}.yaml")
    interactions = [
        each for each in cassette.interactions if "/blobs/uploads/" not in each.request.path
    ]
    random.Random(0).shuffle(interactions)  # noqa: S311 - the same each time
    replay = Replay(cassette)
    for interaction in interactions:
        played(replay, interaction)
    assert replay.unmatched == []


@pytest.mark.parametrize("name", NAMES)
def test_it_says_where_it_comes_from(name: str) -> None:
    """When it was recorded, of what, by what, and what it stands for."""
    provenance = load_cassette(CASSETTES / f"{name}.yaml").provenance
    assert provenance.recorded
    assert provenance.server
    assert provenance.by
    assert provenance.about


def test_there_are_cassettes() -> None:
    """The tests above look at some."""
    assert len([name for name in NAMES if name.startswith("quay/")]) >= 15
