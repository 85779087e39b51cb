"""Requests that a cassette has no answer to: what comes closest, and in what it differs.

Rule: no secret is shown; a login is told by its kind.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.redaction import redact_url
from occystrap.server.answers import Refusal
from pytest_occystrap.cassettes.index import Entry
from pytest_occystrap.cassettes.meaning import Meaning, Question, Wish
from pytest_occystrap.exchange import shorten

__all__ = ["Unmatched", "UnmatchedRequest", "compare"]

_SHOWN: Final = 3
_LOOKED_AT: Final = 300
_WEIGHT: Final = 4
_BODY: Final = "the body is "
#: No client takes it for the word of a registry, and none asks again.
_NOT_IMPLEMENTED: Final = 501


class UnmatchedRequest(AssertionError):
    """A client has asked what isn't in the cassette that is replayed."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A request without an answer; `nearest` are recorded ones with the reasons against them."""

    request: str
    nearest: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def lines(self) -> list[str]:
        """Say it line by line, the request first."""
        listed = [
            f"    nearest: {recorded}, but {' and '.join(reasons)}"
            for recorded, reasons in self.nearest
        ]
        return [self.request, *(listed or ["    nothing is recorded"])]

    @property
    def refusal(self) -> Refusal:
        """The answer to a client that can't be told otherwise."""
        detail = [{"recorded": name, "but": list(reasons)} for name, reasons in self.nearest]
        wrong = self._wrong_bytes()
        if wrong:
            return Refusal(
                ErrorCode.DIGEST_INVALID, f"not what was recorded: {wrong}", detail=detail
            )
        message = f"the cassette has no answer to {self.request}"
        if self.nearest:
            recorded, reasons = self.nearest[0]
            message += f"; nearest: {recorded}, but {' and '.join(reasons)}"
        return Refusal(ErrorCode.UNSUPPORTED, message, detail=detail, status=_NOT_IMPLEMENTED)

    def _wrong_bytes(self) -> str:
        """Say what is wrong with the bytes that were sent, if nothing else is."""
        for _, reasons in self.nearest:
            if len(reasons) == 1 and reasons[0].startswith(_BODY):
                return reasons[0]
        return ""


def compare(
    question: Question, meaning: Meaning, wish: Wish, entries: Sequence[Entry]
) -> Unmatched:
    """Find what comes closest to a request."""
    asked = _target(question)
    found = [(tuple(_reasons(question, meaning, wish, entry)), entry) for entry in entries]

    def distance(pair: tuple[tuple[str, ...], Entry], *, exact: bool) -> float:
        """Count the differences; what is written much otherwise counts for several."""
        matcher = difflib.SequenceMatcher(None, asked, _target(pair[1].question), autojunk=False)
        likeness = matcher.ratio() if exact else matcher.real_quick_ratio()
        return len(pair[0]) + _WEIGHT * (1 - likeness)

    found = sorted(found, key=lambda pair: distance(pair, exact=False))[:_LOOKED_AT]
    nearest = tuple(
        (f"#{entry.position} {shorten(str(entry.interaction))}", reasons)
        for reasons, entry in sorted(found, key=lambda pair: distance(pair, exact=True))[:_SHOWN]
    )
    return Unmatched(f"{question.method} {shorten(redact_url(asked))}", nearest)


def _target(question: Question) -> str:
    query = "&".join(f"{name}={value}" for name, value in question.query)
    return f"{question.path}?{query}" if query else question.path


def _reasons(question: Question, meaning: Meaning, wish: Wish, entry: Entry) -> Iterator[str]:
    """Tell in what a request differs from a recorded one."""
    recorded = entry.meaning
    if meaning.method != recorded.method:
        yield f"the method is {meaning.method}"
    if meaning.origin != recorded.origin:
        yield f"the host is {meaning.origin}"
    if meaning.subject != recorded.subject:
        yield f"the path is {shorten(redact_url(question.path))}"
    if meaning.query != recorded.query:
        yield _query_reason(meaning, recorded)
    if meaning.credential != recorded.credential:
        yield f"it has {_login(meaning.credential)}, not {_login(recorded.credential)}"
    if meaning.body != recorded.body:
        yield f"{_BODY}{meaning.body} ({meaning.size} bytes), not {recorded.body} ({recorded.size})"
    if meaning.before != recorded.before:
        yield "another upload is open" if meaning.before else "no such upload is open"
    if meaning == recorded:
        yield from _wish_reasons(wish, entry.wish)


def _query_reason(meaning: Meaning, recorded: Meaning) -> str:
    asked, expected = _listed(meaning), _listed(recorded)
    more, less = asked - expected, expected - asked
    parts = [f"has {', '.join(sorted(more))}"] if more else []
    parts += [f"lacks {', '.join(sorted(less))}"] if less else []
    return f"the query {' and '.join(parts) or 'has a parameter once more or less'}"


def _listed(meaning: Meaning) -> set[str]:
    return {redact_url(f"?{name}={value}").removeprefix("?") for name, value in meaning.query}


def _login(credential: str) -> str:
    return f"a login of kind {credential.capitalize()}" if credential else "no login"


def _wish_reasons(wish: Wish, recorded: Wish) -> Iterator[str]:
    if wish.range != recorded.range:
        yield f"the range is {wish.range or 'all'}, not {recorded.range or 'all'}"
    if wish.span != recorded.span:
        yield f"the Content-Range is {wish.span or 'missing'}, not {recorded.span or 'missing'}"
    if wish.accept != recorded.accept:
        yield f"what it accepts is {', '.join(sorted(wish.accept))}"
