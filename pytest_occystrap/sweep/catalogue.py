"""What can happen to an exchange, and what a good client makes of it.

Rule: a row says of an effect how often it strikes and what may come of that. What passes by itself
has to be recovered from; what never ends may be refused, or got around. Where nothing could tell a
client that something is wrong, no row is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pytest_occystrap import faults as f
from pytest_occystrap.exchange import Exchange
from pytest_occystrap.faults import bodies
from pytest_occystrap.faults.effect import Effect, Role, Trait
from pytest_occystrap.faults.traits import exchange_traits
from pytest_occystrap.faults.where import ALWAYS

__all__ = ["CATALOGUE", "Expect", "Row", "SweepFault", "faults_for"]

#: What makes effects for an exchange; `half` is the middle of its answer, `sent` that of its body.
Make = Callable[["_Measures"], Iterable[Effect]]


class Expect(Enum):
    """What may come of a fault."""

    RECOVERED = "recovered"
    EITHER = "recovered or refused"


@dataclass(frozen=True, slots=True)
class _Measures:
    half: int
    sent: int
    #: Whether its token was never used before: clients need not ask for another at once.
    fresh: bool


@dataclass(frozen=True, slots=True)
class SweepFault:
    """An effect of a sweep: how often it strikes, and what may come of it."""

    effect: Effect
    times: int = 1
    expect: Expect = Expect.RECOVERED


@dataclass(frozen=True, slots=True)
class Row:
    """Effects of one kind. `needs` are traits beside the effect's own; `doors` where it can be."""

    make: Make
    times: int = 1
    expect: Expect = Expect.RECOVERED
    needs: frozenset[Trait] = frozenset()
    without: frozenset[Role] = frozenset()
    doors: tuple[str, ...] = ()


#: Parts that answer with nothing that could be verified.
_UNVERIFIED: Final = frozenset({Role.API, Role.TOKEN})
_TLS: Final = ("http/1.1 tls", "http/2 tls")
_HTTP2: Final = ("http/2 tls",)
_WRITE: Final = frozenset({Trait.WRITE})
_COMMIT: Final = frozenset({Trait.COMMIT})
_SESSION: Final = frozenset({Trait.SESSION, Trait.REQUEST_BODY})


def _each(*effects: Effect) -> Make:
    return lambda _: effects


CATALOGUE: Final[Sequence[Row]] = (
    # The connection, once.
    Row(_each(f.reset(), f.close(), f.refuse(), f.garbage(), f.stall(), f.latency(2.0))),
    Row(_each(f.garbage("two_lengths"), f.garbage("bad_chunk"))),
    Row(lambda at: [f.reset(after=at.half), f.close(after=at.half), f.stall(at=at.half)]),
    Row(lambda at: [f.reset(after=0), f.truncate(at=at.half), f.wrong_length(1)]),
    Row(lambda at: [f.reset_upload(after=at.sent)]),
    Row(_each(f.never_read())),
    # The body, once.
    Row(
        lambda at: [f.truncate(at=at.half, agree=True), f.corrupt(at=at.half)], without=_UNVERIFIED
    ),
    Row(_each(f.empty(), bodies.Extra(1), f.swap_body(), f.swap_body("html")), without=_UNVERIFIED),
    Row(_each(f.wrong_length(-1), f.gzip_encode(), f.gzip_encode(lie=True)), without=_UNVERIFIED),
    Row(lambda at: [f.tls_no_close_notify(after=at.half)], without=_UNVERIFIED),
    Row(_each(f.empty(), f.swap_body("html")), expect=Expect.EITHER),
    Row(_each(f.slow(1_000_000), f.slice(10_000, 0.01))),
    Row(_each(f.drip(20.0))),
    # Answers, once.
    Row(_each(f.status(429, retry_after=1), f.status(429, retry_after="date", body="html"))),
    Row(_each(f.status(429, retry_after="junk", body="text"), f.status(503, body="html"))),
    Row(_each(f.status(500), f.status(502, body="html"), f.status(504, body="none"))),
    Row(_each(f.status(408, body="none"), f.status(503, body="xml"))),
    Row(_each(f.status(429, retry_after=86_400)), expect=Expect.EITHER),
    # Headers, once.
    Row(
        _each(f.no_digest_header(), f.wrong_digest_header(), f.wrong_digest_header(malformed=True))
    ),
    Row(_each(f.location("absolute"), f.location("relative")), needs=_WRITE),
    Row(_each(f.location("missing"), f.location("other_host")), expect=Expect.EITHER),
    Row(_each(f.link_loop(), f.link_loop("other_host")), expect=Expect.EITHER),
    Row(_each(f.page_size_refused()), expect=Expect.EITHER, without=_UNVERIFIED),
    # Tokens and signatures, once.
    Row(lambda at: [] if at.fresh else [f.expire_token()]),
    Row(lambda at: [f.expire_token()] if at.fresh else [], expect=Expect.EITHER),
    Row(_each(f.expired_signature())),
    Row(_each(f.token_without_scope()), expect=Expect.EITHER),
    Row(_each(f.token_down(), f.token_down(429))),
    Row(_each(f.token_garbage(), f.token_garbage("html"), f.token_garbage("empty"))),
    # Pushing, once.
    Row(_each(f.mount_error(403), f.mount_error(404), f.mount_error(500), f.mount_error(0))),
    Row(_each(f.lose_upload())),
    Row(_each(f.commit_then_drop_answer(), f.commit_then_drop_answer("close"))),
    Row(_each(f.hide_after_push(2.0)), expect=Expect.EITHER),
    Row(_each(f.status(500, done=True), f.status(502, body="html", done=True)), needs=_COMMIT),
    Row(_each(f.status(400, code="BLOB_UPLOAD_INVALID"), f.status(416)), needs=_SESSION),
    Row(_each(f.status(413, body="html")), needs=_SESSION),
    # HTTP/2 and TLS, once.
    Row(_each(*map(f.h2_reset_stream, (2, 7, 8, 11, 13))), doors=_HTTP2),
    Row(lambda at: [f.h2_reset_stream(2, after=at.half)], doors=_HTTP2),
    Row(_each(f.goaway(), f.goaway(last_stream="before"), f.goaway(2)), doors=_HTTP2),
    Row(lambda at: [f.goaway(after=at.half)], doors=_HTTP2),
    # Without end.
    Row(_each(f.reset(), f.status(503), f.status(403), f.status(429)), ALWAYS, Expect.EITHER),
    Row(_each(f.stall(), f.garbage(), f.redirect_loop()), ALWAYS, Expect.EITHER),
    Row(_each(f.redirect_to(), f.redirect_to("ftp://x.invalid/")), ALWAYS, Expect.EITHER),
    Row(_each(f.status(404)), ALWAYS, Expect.EITHER, without=_UNVERIFIED),
    Row(_each(f.read_only(), f.location("missing")), ALWAYS, Expect.EITHER),
    Row(
        lambda at: [f.corrupt(at=at.half), f.truncate(at=at.half, agree=True), f.swap_body()],
        ALWAYS,
        Expect.EITHER,
        without=_UNVERIFIED,
    ),
    Row(lambda at: [f.reset(after=at.half)], ALWAYS, Expect.EITHER),
    Row(_each(f.token_down(), f.token_garbage(), f.token_without_scope()), ALWAYS, Expect.EITHER),
    Row(_each(f.expire_token(), f.expired_signature()), ALWAYS, Expect.EITHER),
    Row(_each(f.wrong_digest_header(), f.no_digest_header()), ALWAYS, Expect.EITHER),
)


def faults_for(
    exchange: Exchange, role: Role, door: str, rows: Sequence[Row], *, fresh: bool
) -> Iterator[SweepFault]:
    """Yield what can strike an exchange that went well, each once; `fresh` is its token."""
    traits = exchange_traits(exchange, role)
    measures = _Measures(exchange.response_bytes // 2, exchange.request_bytes // 2, fresh)
    seen: set[tuple[Effect, int]] = set()
    for row in rows:
        if role in row.without or (row.doors and door not in row.doors):
            continue
        for effect in row.make(measures):
            fits = effect.needs | row.needs <= traits and _hits(effect, exchange)
            if fits and (effect, row.times) not in seen:
                seen.add((effect, row.times))
                yield SweepFault(effect, row.times, row.expect)


def _hits(effect: Effect, exchange: Exchange) -> bool:
    """Tell whether there is a byte at the place that the effect is about."""
    place = getattr(effect, "at", None)
    if place is None and not isinstance(effect, f.reset_upload | f.tls_no_close_notify):
        place = getattr(effect, "after", None)
    return place is None or place < exchange.response_bytes
