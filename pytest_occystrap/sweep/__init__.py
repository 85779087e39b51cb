"""A sweep: every exchange of an operation, and every fault that can strike it.

    report = fault_sweep(pull, images=["org/app:1"], refused=(PullError,))
    report.assert_clean()

The operation runs once in peace. Then, for each of its exchanges and each fault that fits, it runs
again in a fresh world, and is judged: it recovers, it refuses, or it does what no client may.

Rule: what is tried depends on the peaceful run and the seed alone, so that it can be tried again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from occystrap.errors import OccystrapError
from pytest_occystrap.faults.effect import Effect
from pytest_occystrap.faults.memory import ExpireToken
from pytest_occystrap.sweep.catalogue import CATALOGUE, Expect, Row, SweepFault
from pytest_occystrap.sweep.judging import Judge, same_outcome
from pytest_occystrap.sweep.planning import Case, draw_pairs, list_cases, rows_of, world_name
from pytest_occystrap.sweep.results import CaseResult, Step, SweepReport, Verdict, step_of
from pytest_occystrap.sweep.running import CommandFailed, Operation, Outcome, Prepare, Stage
from pytest_occystrap.sweep.world import DOORS, Door, World

__all__ = [
    "CATALOGUE",
    "DOORS",
    "CaseResult",
    "CommandFailed",
    "Door",
    "Expect",
    "Operation",
    "Row",
    "SweepFault",
    "SweepReport",
    "Verdict",
    "World",
    "fault_sweep",
]

_REFUSED: Final = (OccystrapError, CommandFailed)


def fault_sweep(  # noqa: PLR0913 - each is a choice of its own, all but one by name
    operation: Operation,
    *,
    name: str = "",
    faults: Sequence[Row] | Sequence[Effect] = CATALOGUE,
    check: Callable[[World, object], object] | None = None,
    prepare: Prepare | None = None,
    door: Door = "in-process",
    refused: Sequence[type[BaseException]] = _REFUSED,
    pairs: int = 0,
    most: int | None = None,
    shard: tuple[int, int] = (1, 1),
    seed: int = 0,
    budget: int = 12,
    bound: float = 900.0,
    environ: Mapping[str, str] | None = None,
    **options: Any,
) -> SweepReport:
    """Try every fault at every exchange of an operation.

    `operation` is called with a `World`, or is the words of a command, in which `{host}`, `{url}`,
    `{directory}`, `{ca_file}` and `{cert_dir}` are put in; it ends well by exit code 0. A run has
    the right result when `check(world, value)` raises nothing; without it, when it returns the same
    value and leaves the same files and images as in peace. `prepare` puts images into the world;
    `options` are those of the registry. The errors of `refused` are clean refusals.

    `pairs` are so many more runs with two faults each, drawn by `seed`; `most` is a sample of so
    many runs. `shard` is one part of several, (1, 4) being the first of four. `budget` is how many
    more requests than in peace a fault may cost, `bound` the seconds that no run may exceed.

    Raises:
        AssertionError: the operation fails without any fault.
    """
    stage = Stage(options, prepare, door, bound, check, environ=environ)
    peace = stage.run(operation)
    if peace.error is not None:
        raise AssertionError("the operation fails without any fault") from peace.error
    judge = Judge(peace, tuple(refused), budget, bound, check is not None, same_outcome)
    cases = list(list_cases(peace.exchanges, door, rows_of(faults)))
    dice = random.Random(seed)  # noqa: S311 - the same seed has to draw the same cases
    cases += draw_pairs(cases, pairs, dice)
    if most is not None and len(cases) > most:
        cases = [cases[number] for number in sorted(dice.sample(range(len(cases)), most))]
    part, parts = shard
    results = [_run(stage, judge, operation, case) for case in cases[part - 1 :: parts]]
    title = name or _title(operation)
    return SweepReport(title, world_name(door, options), _steps(peace), tuple(results))


def _title(operation: Operation) -> str:
    return getattr(operation, "__name__", "a function") if callable(operation) else operation[0]


def _steps(outcome: Outcome) -> tuple[Step, ...]:
    began = outcome.exchanges[0].started if outcome.exchanges else 0.0
    return tuple(step_of(exchange, began) for exchange in outcome.exchanges)


def _met_a_new_token(case: Case, outcome: Outcome) -> bool:
    """Whether tokens ended at the first use of one, though not so in peace.

    Requests that run side by side come in another order each time, and a client need not ask for
    another token at once when a new one is refused.
    """
    if not any(isinstance(fault.effect, ExpireToken) for _, _, fault in case.struck):
        return False
    used: set[str | None] = set()
    for exchange in outcome.exchanges:
        token = exchange.headers.get("Authorization")
        if exchange.faults and token not in used:
            return True
        used.add(token)
    return False


def _run(stage: Stage, judge: Judge, operation: Operation, case: Case) -> CaseResult:
    outcome = stage.run(operation, [(fault.effect, where) for _, where, fault in case.struck])
    verdict, why = judge.judge(outcome, [fault for _, _, fault in case.struck])
    return CaseResult(
        case.exchange,
        case.fault,
        verdict,
        why,
        Expect.EITHER.value if _met_a_new_token(case, outcome) else case.expected,
        round(outcome.seconds, 4),
        round(outcome.clock, 3),
        _steps(outcome),
        outcome.log,
    )
