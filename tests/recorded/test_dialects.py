"""The dialects of the fake, held against recordings of the registries whose ways they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_occystrap import load_cassette
from pytest_occystrap.cassettes.form import Interaction
from tests.recorded.differences import EVERYWHERE, SINGLE
from tests.recorded.holding import hold
from tests.recorded.seeding import seeded

CASSETTES = Path(__file__).resolve().parents[2] / "cassettes"
RECORDED = sorted(f"quay/{path.stem}" for path in (CASSETTES / "quay").glob("*.yaml"))


def expected(cassette: str, number: int, interaction: Interaction) -> set[str]:
    """Collect what is known to differ."""
    asked, recorded = interaction.request, interaction.response
    assert recorded is not None
    exchange = f"{asked.method} {asked.path} -> {recorded.status}"
    known = [rule.difference for rule in EVERYWHERE if rule.holds(cassette, exchange)]
    if (cassette, number) in SINGLE:
        known.append(SINGLE[cassette, number])
    return {name for difference in known for name in difference.what}


@pytest.mark.parametrize("name", RECORDED)
def test_the_fake_answers_as_the_recorded_quay(name: str) -> None:
    """Status, headers and shape of each exchange are the same, or the difference has a reason."""
    cassette = load_cassette(CASSETTES / f"{name}.yaml")
    with seeded(name, CASSETTES) as fake:
        for number, interaction, recorded, answered in hold(fake, cassette):
            differing = set(recorded.differs(answered))
            told = f"{name} {number}: {interaction}\nrecorded {recorded}\nanswered {answered}"
            assert differing == expected(name, number, interaction), told


def test_each_difference_is_about_an_exchange_that_there_is() -> None:
    """And has a reason."""
    numbers = {
        name: len(load_cassette(CASSETTES / f"{name}.yaml").interactions) for name in RECORDED
    }
    assert all(0 < number <= numbers[name] for name, number in SINGLE)
    reasons = [each.because for each in SINGLE.values()]
    assert all([*reasons, *(rule.difference.because for rule in EVERYWHERE)])
