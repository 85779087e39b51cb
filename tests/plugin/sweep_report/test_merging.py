"""Parts of a sweep are put together, and counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_occystrap import sweep_shards
from pytest_occystrap.sweep.merging import merge_reports, summary_table
from pytest_occystrap.sweep.results import SweepReport, Verdict
from tests.support.sweep_reports import case, small_report, step

BLOBS = [f"GET registry.test/v2/org/app/blobs/sha256:{name}" for name in "ab"]


def report(*blobs: str, cases: dict[str, str], port: int = 5000) -> SweepReport:
    """Make the report of a run that asked for these blobs, a token first."""
    requests = ["GET registry.test/token", *blobs]
    steps = [
        step(number, request.replace("registry.test", f"127.0.0.1:{port}"))
        for number, request in enumerate(requests, 1)
    ]
    runs = [case(exchange, fault) for exchange, fault in cases.items()]
    return SweepReport("pull", "in-process", tuple(steps), tuple(runs))


def test_parts_become_one() -> None:
    """The order is that of the exchanges, pairs last, however the parts come."""
    whole = small_report()
    parts = [replace(whole, cases=whole.cases[part::3]) for part in range(3)]
    (merged,) = merge_reports([parts[2], parts[0], parts[1]])
    assert merged.peace == whole.peace
    assert set(merged.cases) == set(whole.cases)
    assert [one.exchange for one in merged.cases] == [one.exchange for one in whole.cases]


def test_other_operations_and_worlds_stay_apart() -> None:
    """Both names count."""
    reports = [small_report(), small_report("push"), small_report(world="http/1.1")]
    assert merge_reports(reports) == reports


def test_an_exchange_is_the_same_under_another_number() -> None:
    """Parallel requests come in another order, and the port is another one, too."""
    a, b = BLOBS
    first = report(a, b, cases={"#2 GET a": "reset", "#3 GET b": "reset"})
    second = report(b, a, port=5001, cases={"#2 GET b": "stall", "#3 GET a + #2 GET b": "x + y"})
    (merged,) = merge_reports([first, second])
    assert [(one.exchange, one.fault) for one in merged.cases] == [
        ("#2 GET a", "reset"),
        ("#3 GET b", "reset"),
        ("#3 GET b", "stall"),
        ("#2 GET a + #3 GET b", "x + y"),
    ]


def test_requests_that_are_alike_are_told_apart() -> None:
    """The first of them is the first again, the second the second."""
    a, b = BLOBS
    first = report(a, a, b, cases={"#2 GET a": "reset", "#3 GET a": "reset"})
    second = report(a, b, a, cases={"#4 GET a": "stall"})
    (merged,) = merge_reports([first, second])
    assert [one.exchange for one in merged.cases] == ["#2 GET a", "#3 GET a", "#3 GET a"]


def test_the_later_of_two_cases_counts() -> None:
    """A test that was run again says how it is."""
    old = SweepReport("pull", "in-process", (), (case(verdict=Verdict.VIOLATION),))
    new = SweepReport("pull", "in-process", (), (case(),))
    assert merge_reports([old, new]) == [new]


def test_the_table_counts_verdicts() -> None:
    """Names stand to the left, numbers to the right."""
    assert summary_table([small_report(), small_report("push", "basic, http/1.1")]) == [
        "operation  world            cases  recovered  refused  violations  unstruck",
        "pull       in-process           9          4        3           1         1",
        "push       basic, http/1.1      9          4        3           1         1",
    ]


def test_shards_are_parameters_with_names() -> None:
    """Each part of so many, once."""
    shards = sweep_shards(3)
    assert [shard.values for shard in shards] == [((1, 3),), ((2, 3),), ((3, 3),)]
    assert [shard.id for shard in shards] == ["1/3", "2/3", "3/3"]
    with pytest.raises(ValueError, match="not 0"):
        sweep_shards(0)
