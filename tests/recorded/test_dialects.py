"""The dialects of the fake, held against recordings of the registries whose ways they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_occystrap import load_cassette
from tests.recorded.holding import hold
from tests.recorded.originals import ORIGINALS

CASSETTES = Path(__file__).resolve().parents[2] / "cassettes"
RECORDED = sorted(
    f"{directory}/{path.stem}"
    for directory in ORIGINALS
    for path in (CASSETTES / directory).glob("*.yaml")
)


@pytest.mark.parametrize("name", RECORDED)
def test_the_fake_answers_as_the_recorded_registry(name: str) -> None:
    """Status, headers and body of each exchange are the same, or the difference has a reason."""
    original = ORIGINALS[name.partition("/")[0]]
    cassette = load_cassette(CASSETTES / f"{name}.yaml")
    with original.seeded(name, CASSETTES) as fake:
        for number, interaction, recorded, answered in hold(original, fake, cassette):
            differing = set(recorded.differs(answered))
            told = f"{name} {number}: {interaction}\nrecorded {recorded}\nanswered {answered}"
            assert differing == original.expected(name, number, interaction), told


@pytest.mark.parametrize("directory", ORIGINALS)
def test_each_difference_is_about_an_exchange_that_there_is(directory: str) -> None:
    """And has a reason."""
    original = ORIGINALS[directory]
    exchanges = {
        (name, number): interaction
        for name in RECORDED
        if name.startswith(f"{directory}/")
        for number, interaction in enumerate(
            load_cassette(CASSETTES / f"{name}.yaml").interactions, 1
        )
    }
    assert exchanges.keys() >= original.single.keys()
    for rule in original.everywhere:
        met = [key for key, each in exchanges.items() if rule.holds(key[0], each)]
        assert met, rule
    reasons = [each.because for each in original.single.values()]
    assert all([*reasons, *(rule.difference.because for rule in original.everywhere)])
