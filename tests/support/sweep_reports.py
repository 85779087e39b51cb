"""Reports of sweeps, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_occystrap.sweep.results import CaseResult, Step, SweepReport, Verdict

__all__ = ["HOSTILE", "case", "hostile_report", "small_report", "step"]

#: What ends a script, a tag, an attribute and a comment, and then loads something.
HOSTILE = '</script><img src=x onerror="window.hacked=1"><!--<script>\'&amp;\u2028{{style}}'
_MANIFEST = "GET registry.test/v2/org/app/manifests/1"
_BLOB = "GET registry.test/v2/org/app/blobs/sha256:2f6431080258…"


def step(
    number: int, request: str = _MANIFEST, status: int | None = 200, faults: Sequence[str] = ()
) -> Step:
    """Make a request that took a millisecond, each a tenth of a second after the one before."""
    waited = None if status is None else 0.0004
    outcome = "reset" if status is None else "complete"
    started = (number - 1) / 10
    return Step(
        number,
        request,
        status,
        outcome,
        "in-process",
        started,
        waited,
        0.001,
        0,
        120,
        tuple(faults),
    )


def case(
    exchange: str = "#1 GET /v2/org/app/manifests/1",
    fault: str = "reset",
    verdict: Verdict = Verdict.RECOVERED,
    expected: str = "recovered",
    why: str = "",
    log: Sequence[str] = ("debug asking", "warning once more"),
) -> CaseResult:
    """Make a run in which the first request was struck and asked again."""
    steps = step(1, status=None, faults=[fault]), step(2), step(3, _BLOB)
    return CaseResult(exchange, fault, verdict, why, expected, 0.01, 1.5, steps, tuple(log))


def small_report(operation: str = "pull", world: str = "in-process") -> SweepReport:
    """Make a report of two exchanges, with each verdict, and a pair."""
    first, second = (
        "#1 GET /v2/org/app/manifests/1",
        "#2 GET /v2/org/app/blobs/sha256:2f6431080258…",
    )
    either = "recovered or refused"
    cases = (
        case(first, "reset"),
        case(first, "reset after=60"),
        case(first, "status 503 for ever", Verdict.REFUSED, either, "APIException: 503"),
        case(second, "reset"),
        case(second, "reset after=217", Verdict.VIOLATION, why="it left a partial file: a.tar"),
        case(second, "status 404 for ever", Verdict.REFUSED, either, "NotFound: 404"),
        case(second, "corrupt at=217", Verdict.REFUSED, why="DigestMismatch: sha256:…"),
        case(second, "hide_after_push 2", Verdict.UNSTRUCK, why="the fault never struck"),
        case(f"{first} + {second}", "reset + reset after=217"),
    )
    return SweepReport(operation, world, (step(1), step(2, _BLOB)), cases)


def hostile_report() -> SweepReport:
    """Make a report in which every text would like to be markup."""
    told = [f"debug {HOSTILE}", HOSTILE]
    cases = [
        case(f"#1 GET {HOSTILE}", HOSTILE, Verdict.VIOLATION, HOSTILE, HOSTILE, told),
        case(f"#1 GET {HOSTILE} + #1 GET {HOSTILE}", f"{HOSTILE} + {HOSTILE}", why=HOSTILE),
    ]
    peace = step(1, f"GET {HOSTILE}"), step(2, HOSTILE, 404, [HOSTILE])
    return SweepReport(HOSTILE, HOSTILE, peace, tuple(cases))
