"""What clients meet at each door, as docs/faults.md says."""

from __future__ import annotations

import pytest

from pytest_occystrap import faults
from pytest_occystrap.faults import bodies, pace, wire
from pytest_occystrap.faults.effect import effect_name
from pytest_occystrap.faults.grammar import parse_fault
from tests.server.doors.ways import LEFT_BY_SSL
from tests.support.fault_doors import DIRECT, DOORS, cells, meet, table

TABLE = table()
#: What is an answer like any other as far as a door can see, or a matter of patience alone.
ALIKE = {"corrupt", "swap_body", "drip"}


@LEFT_BY_SSL
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("fault", TABLE)
def test_what_a_client_meets(fault: str, door: str) -> None:
    """The exception that httpx raises there, and the bytes that came before."""
    expected = TABLE[fault][DOORS.index(door)]
    assert meet(fault, door, expected) in cells(expected)


@pytest.mark.parametrize("door", DIRECT)
@pytest.mark.parametrize("fault", TABLE)
def test_our_own_connections_meet_the_same(fault: str, door: str) -> None:
    """Whoever lays faults over a client of `create_client` finds them as httpx has them."""
    expected = TABLE[fault][DOORS.index(door)]
    assert meet(fault, door, expected, direct=True) in cells(expected)


def test_no_effect_on_the_wire_is_missing() -> None:
    """Each one of bodies, pace and connections has its row."""
    names = {
        effect_name(getattr(module, name))
        for module in (bodies, pace, wire)
        for name in module.__all__
    }
    shown = {effect_name(type(parse_fault(fault).effect)) for fault in TABLE}
    assert shown == names - ALIKE
    assert shown <= set(faults.EFFECTS)
