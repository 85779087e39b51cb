"""The gate: what still looks like a secret doesn't get past it, neither into a file nor out of one.

Rule: a finding names place and rule, never the value. Whatever the scrubber would replace is found,
and so are secrets where it can't replace any: in manifests and blobs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, final

from occystrap.errors import CassetteError
from occystrap.oci.redaction import MASK
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.content import find_in_document
from pytest_occystrap.cassettes.encodings import TEXT_LIMIT, decode, is_known
from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.cassettes.hosts import is_internal
from pytest_occystrap.cassettes.placeholders import Kind, Rule, is_placeholder
from pytest_occystrap.cassettes.randomness import looks_random
from pytest_occystrap.cassettes.shape_table import SHAPES
from pytest_occystrap.cassettes.streams import scan
from pytest_occystrap.cassettes.urls import scrub_text
from pytest_occystrap.cassettes.vault import Lookout
from pytest_occystrap.cassettes.walk import Opaque, Walk

__all__ = ["RULES", "Finding", "find_secrets"]

#: What every rule is for, by its name.
RULES: Final = {shape.name: shape.what for shape in SHAPES} | {
    Rule.CREDENTIALS.value: "what is in `Authorization`, or before the `@` of a URL",
    Rule.COOKIE.value: "what is in `Cookie` and `Set-Cookie`",
    Rule.NAMED.value: "a value whose name says that it is a secret: `password`, `X-Amz-Signature`",
    Rule.UNKNOWN.value: "random text in a header or a parameter that nobody has heard of",
    Rule.SESSION.value: "the session of an upload, in its URL, unless it is a UUID",
    Rule.RANDOM.value: "random text where there should be words",
    Rule.PEELED.value: "Base64 in which there is a secret of a known shape",
    Rule.EMAIL.value: "an e-mail address, unless it is one of an example",
    Rule.HOST.value: "a private address, or a name in .internal, .local, .lan, .corp and the like",
    Rule.ELSEWHERE.value: "in a manifest or a blob, what was replaced elsewhere in the cassette",
    Rule.CODING.value: "a body that is compressed in a way that can't be undone here",
}
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """What looks like a secret: where it is, and by which rule."""

    place: str
    rule: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}"


def find_secrets(
    cassette: Cassette,
    *,
    known: Collection[str] = (),
    internal_hosts: Collection[str] = (),
    into_files: bool = True,
) -> tuple[Finding, ...]:
    """Find what looks like a secret.

    `known` are secrets for certain, looked for in manifests and blobs as well. `into_files` is
    whether bodies in files are looked into, however large.

    Raises:
        CassetteError: a body can't be read.
    """
    reporter = _Reporter(known, internal_hosts)
    Walk(reporter, reporter.look, into_files=into_files).through(cassette)
    reporter.look_at_series()
    return tuple(reporter.findings)


@final
class _Reporter:
    """A judge that notes what should be replaced."""

    def __init__(self, known: Collection[str], hosts: Collection[str]) -> None:
        self.findings: dict[Finding, None] = {}
        self._known = Lookout(known)
        self._hosts = frozenset(each.lower() for each in hosts)
        self._seen: set[Body] = set()
        self._series: dict[str, dict[Body, str]] = {}

    def replace(self, kind: Kind, value: str, place: str, rule: str) -> str:
        """Note a value, and mask it, so that whoever asks knows that it isn't clean."""
        if is_placeholder(value) or kind is Kind.USER:
            return value
        if rule == Rule.UNKNOWN.value and not looks_random(value.replace(".", "x")):
            return scrub_text(value, self, place)  # what has no name may still have a shape
        self.findings.setdefault(Finding(place, rule))
        return MASK

    def known(self, text: str, place: str) -> str:  # noqa: ARG002 - the scrubber has seen to it
        """Let a text be."""
        return text

    def is_internal(self, host: str) -> bool:
        """Say whether a host is of somebody's own network."""
        return is_internal(host) or host.lower() in self._hosts

    def look(self, opaque: Opaque) -> None:
        """Look into a body that is no text, or may not be changed."""
        body, place = opaque.body, opaque.place
        if not is_known(opaque.coding):
            self.findings.setdefault(Finding(place, Rule.CODING.value))
        if opaque.series:
            self._series.setdefault(opaque.series, {}).setdefault(body, place)
        if body in self._seen:
            return
        self._seen.add(body)
        text = decode(body.read(), opaque.coding) if body.size <= TEXT_LIMIT else None
        if text is None:
            self._scan([body], place)
            return
        for where, rule in find_in_document(text):
            self.findings.setdefault(Finding(f"{place}, {where}", rule))
        for position in self._known.find(text):
            finding = Finding(f"{place}, character {position}", Rule.ELSEWHERE.value)
            self.findings.setdefault(finding)

    def look_at_series(self) -> None:
        """Look at the pieces of one upload, or download, as at one body."""
        for bodies in self._series.values():
            if len(bodies) > 1:
                first, *_, last = bodies.values()
                self._scan(bodies, f"{first} to {last}, joined")

    def _scan(self, bodies: Collection[Body], place: str) -> None:
        pieces = chain.from_iterable(map(_pieces, bodies))
        for rule, where in scan(pieces, self._known):
            self.findings.setdefault(Finding(f"{place}, {where}", rule))


def _pieces(body: Body) -> Iterator[bytes]:
    """Read a body as it is: whether it is what it should be, others see to."""
    if isinstance(body.source, bytes):
        for start in range(0, body.size, _PIECE):
            yield body.source[start : start + _PIECE]
        return
    try:
        with body.source.open("rb", buffering=0) as file:
            yield from iter(lambda: file.read(_PIECE), b"")
    except OSError as error:
        raise CassetteError(f"the body {body.digest} can't be read: {error}") from error
