"""Judging a run: recovered, refused, or a violation, and why.

Rule: what a client may never do is a row of a table; a run is judged by what could be seen of it,
never by what the client says of itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from occystrap.oci.routes import RouteKind
from pytest_occystrap.exchange import Exchange
from pytest_occystrap.faults.effect import Effect
from pytest_occystrap.faults.memory import CommitThenDropAnswer
from pytest_occystrap.sweep.catalogue import SweepFault
from pytest_occystrap.sweep.results import Verdict
from pytest_occystrap.sweep.running import Outcome, TookTooLong, WrongResult

__all__ = ["Judge", "same_outcome"]

_CREATED: Final = 201
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class Judge:
    """Holds runs against the one in peace.

    `refused` are the errors that an operation may end with. `budget` is how many more requests than
    in peace each fault may cost. `bound` is the most seconds of any clock.
    """

    peace: Outcome
    refused: tuple[type[BaseException], ...]
    budget: int
    bound: float
    has_check: bool
    same: Callable[[Outcome, Outcome], str]

    def judge(self, outcome: Outcome, faults: Sequence[SweepFault]) -> tuple[Verdict, str]:
        """Say how a run ended, and why."""
        why = next(self._offences(outcome, [fault.effect for fault in faults]), "")
        if why:
            return Verdict.VIOLATION, why
        if outcome.struck < len(faults):
            return Verdict.UNSTRUCK, "the fault never struck"
        if outcome.error is None:
            return Verdict.RECOVERED, ""
        return Verdict.REFUSED, f"{type(outcome.error).__name__}: {outcome.error}"

    def _offences(self, outcome: Outcome, effects: Sequence[Effect]) -> Iterator[str]:
        """Yield whatever no run may do."""
        error = outcome.error
        if outcome.stopped:
            yield "it asks without end"
        if isinstance(error, WrongResult):
            yield f"a wrong result: {error}"
        elif isinstance(error, TookTooLong):
            yield f"it took more than {self.bound:.0f} s"
        elif error is not None and not isinstance(error, self.refused):
            yield f"an error that is none of those declared: {type(error).__name__}: {error}"
        if outcome.leaks:
            yield f"credentials leaked: {outcome.leaks[0]}"
        if max(outcome.clock, outcome.seconds) > self.bound:
            taken = max(outcome.clock, outcome.seconds)
            yield f"it took {taken:.0f} s, more than {self.bound:.0f}"
        more = len(outcome.exchanges) - len(self.peace.exchanges)
        if more > self.budget * max(1, len(effects)):
            yield f"{more} more requests than in peace"
        yield from self._half_written(outcome)
        yield from _sent_again(outcome.exchanges, effects)

    def _half_written(self, outcome: Outcome) -> Iterator[str]:
        if outcome.error is None:
            if not self.has_check and (difference := self.same(outcome, self.peace)):
                yield f"a wrong result: {difference}"
            return
        left = [name for name in outcome.tree if outcome.tree[name] not in self.peace.tree.values()]
        if left:
            yield f"it left a partial file: {left[0]}"
        strange = outcome.content.items() - self.peace.content.items()
        if strange:
            yield f"it left another image than it should have: {min(strange)[0]}"


def _sent_again(exchanges: Sequence[Exchange], effects: Sequence[Effect]) -> Iterator[str]:
    """Find blobs that were sent once more although the registry had them.

    Whoever asks and is told that one isn't there may send it again: an answer that is lost with its
    connection can be on its way while its commit still is.
    """
    there: set[tuple[str, str]] = set()
    sent: dict[str, int] = defaultdict(int)
    kept = any(_keeps_what_came(effect) for effect in effects)
    for exchange in exchanges:
        route = exchange.route
        if route is None or exchange.method == "DELETE":
            continue
        if route.kind is RouteKind.BLOB and exchange.status == _NOT_FOUND:
            there.discard((route.repository, exchange.digest))
        if route.kind is not RouteKind.UPLOAD:
            continue
        sent[exchange.path] += exchange.request_bytes
        digest = exchange.parameter("digest")
        if exchange.method != "PUT" or digest is None:
            continue
        key = route.repository, digest
        if key in there and sent[exchange.path]:
            yield f"{digest[:19]} was sent again although it was there"
        if exchange.status == _CREATED or (exchange.faults and kept):
            there.add(key)


def _keeps_what_came(effect: Effect) -> bool:
    return isinstance(effect, CommitThenDropAnswer) or bool(getattr(effect, "done", False))


def same_outcome(outcome: Outcome, peace: Outcome) -> str:
    """Tell in what a run has made something else than the one in peace; empty if in nothing."""
    if outcome.value != peace.value:
        return f"it returned {outcome.value!r:.200}, not {peace.value!r:.200}"
    if outcome.tree != peace.tree:
        return f"its files are others: {_first(outcome.tree.items() ^ peace.tree.items())}"
    if outcome.content != peace.content:
        return f"its images are others: {_first(outcome.content.items() ^ peace.content.items())}"
    return ""


def _first(differences: Collection[tuple[str, str]]) -> str:
    return ", ".join(sorted({name for name, _ in differences})[:3])
