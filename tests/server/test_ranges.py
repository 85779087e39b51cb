"""Which bytes of a blob are asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.server.ranges import satisfy

SIZES = st.integers(0, 50)
POSITIONS = st.integers(0, 60)


@given(SIZES, POSITIONS, POSITIONS)
def test_a_range_with_both_ends(size: int, first: int, last: int) -> None:
    """The bytes with these numbers that there are; an inverted range has none."""
    wanted = satisfy(f"bytes={first}-{last}", size)
    assert wanted is not None
    assert list(range(*wanted)) == [number for number in range(size) if first <= number <= last]


@given(SIZES, POSITIONS)
def test_a_range_to_the_end(size: int, first: int) -> None:
    """All from there on."""
    wanted = satisfy(f"bytes={first}-", size)
    assert wanted is not None
    assert list(range(*wanted)) == list(range(size))[first:]


@given(SIZES, POSITIONS)
def test_a_range_of_the_last_bytes(size: int, count: int) -> None:
    """As many as there are."""
    wanted = satisfy(f"bytes=-{count}", size)
    assert wanted is not None
    assert list(range(*wanted)) == list(range(size))[max(size - count, 0) :]


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,3-4", "items=0-1", "0-1"],
)
def test_what_is_not_understood_is_all(header: str | None) -> None:
    """A server may always ignore a range."""
    assert satisfy(header, 10) is None


def test_the_unit_is_written_in_any_case() -> None:
    """As RFC 9110 has it."""
    assert satisfy("Bytes=0-0", 10) == (0, 1)
