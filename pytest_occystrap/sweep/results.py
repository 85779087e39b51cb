"""What came of a sweep, as values that can be written down and put together again.

Rule: everything here is plain data, so that workers can hand it on and a report can be made of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from pytest_occystrap.exchange import Exchange, shorten

__all__ = ["CaseResult", "Step", "SweepReport", "Verdict", "step_of"]


class Verdict(Enum):
    """How a run under faults ended."""

    RECOVERED = "recovered"
    REFUSED = "refused"
    VIOLATION = "violation"
    UNSTRUCK = "unstruck"


@dataclass(frozen=True, slots=True)
class Step:
    """One exchange of a run; times are seconds since the run began, waits on its clock included."""

    number: int
    request: str
    status: int | None
    outcome: str
    door: str
    started: float
    waited: float | None
    seconds: float | None
    sent: int
    received: int
    faults: tuple[str, ...] = ()


def step_of(exchange: Exchange, began: float) -> Step:
    """Cut an exchange down to what a report shows."""
    return Step(
        exchange.number,
        shorten(f"{exchange.method} {exchange.host}{exchange.target}"),
        exchange.status,
        exchange.outcome.value,
        exchange.door,
        round(exchange.started - began, 6),
        None if exchange.waited is None else round(exchange.waited, 6),
        None if exchange.seconds is None else round(exchange.seconds, 6),
        exchange.request_bytes,
        exchange.response_bytes,
        exchange.faults,
    )


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One run: where which fault was laid, what came of it, and why that is so."""

    exchange: str
    fault: str
    verdict: Verdict
    why: str
    expected: str
    seconds: float
    clock: float
    steps: tuple[Step, ...] = ()
    log: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**asdict(self), "verdict": self.verdict.value}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> CaseResult:
        """Read what `to_document` has written."""
        steps = tuple(
            Step(**{**step, "faults": tuple(step["faults"])}) for step in document["steps"]
        )
        log, verdict = tuple(document["log"]), Verdict(document["verdict"])
        return cls(**{**document, "steps": steps, "log": log, "verdict": verdict})


@dataclass(frozen=True, slots=True)
class SweepReport:
    """All runs of an operation in a kind of world; `peace` is the run without faults."""

    operation: str
    world: str
    peace: tuple[Step, ...]
    cases: tuple[CaseResult, ...]

    def count(self, verdict: Verdict) -> int:
        """Tell how many runs ended so."""
        return Counter(case.verdict for case in self.cases)[verdict]

    @property
    def violations(self) -> Sequence[CaseResult]:
        """The runs that ended as none may."""
        return [case for case in self.cases if case.verdict is Verdict.VIOLATION]

    def summary(self) -> str:
        """Write one line."""
        counts = ", ".join(f"{self.count(verdict)} {verdict.value}" for verdict in Verdict)
        return f"{self.operation} ({self.world}): {len(self.cases)} runs: {counts}"

    def assert_clean(self) -> None:
        """Check that no run ended as none may.

        Raises:
            AssertionError: some did; the first twenty are shown, each with its traffic.
        """
        __tracebackhide__ = True
        if self.violations:
            shown = "\n".join(_lines(self.violations[:20]))
            raise AssertionError(f"{self.summary()}\n{shown}")

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "operation": self.operation,
            "world": self.world,
            "peace": [asdict(step) for step in self.peace],
            "cases": [case.to_document() for case in self.cases],
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> SweepReport:
        """Read what `to_document` has written."""
        peace = tuple(Step(**{**s, "faults": tuple(s["faults"])}) for s in document["peace"])
        cases = tuple(CaseResult.from_document(case) for case in document["cases"])
        return cls(document["operation"], document["world"], peace, cases)


def _lines(cases: Iterable[CaseResult]) -> Iterable[str]:
    for case in cases:
        yield f"  {case.exchange} | {case.fault}: {case.why}"
        for step in case.steps:
            mark = f"  <- {', '.join(step.faults)}" if step.faults else ""
            answer = step.outcome if step.status is None else f"{step.status} {step.outcome}"
            yield f"      #{step.number} {step.request} -> {answer}{mark}"
