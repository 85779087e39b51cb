"""The one loop through which every request goes.

Rule: pace, authentication, redirects and retries are here and nowhere else, so any client that is
handed in gets them, and nothing retries twice. A secret is sent to the origin that it is for; a
redirect to another origin takes along only the few headers that it needs.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol, final

import httpx

from occystrap.client.build import create_client
from occystrap.client.failures import api_error, is_passing, transport_error
from occystrap.client.retry import RETRIED_STATUSES, parse_retry_after
from occystrap.client.sender import sender_for
from occystrap.client.traffic import Traffic
from occystrap.client.urls import host_of, next_url, origin_of
from occystrap.errors import InvalidReference
from occystrap.oci.diagnostics import parse_diagnostics
from occystrap.oci.redaction import redact_headers, redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from occystrap.client.ask import Answer, Ask
    from occystrap.client.build import TLS
    from occystrap.client.traffic import Attempts

__all__ = ["Grant", "Session"]

_LOGGER: Final = logging.getLogger(__name__)
_HOPS: Final = 5
_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
#: Redirects that keep the method; the others are followed only by what has no body.
_KEEPS_METHOD: Final = frozenset({307, 308})
_REDIRECTS: Final = frozenset({301, 302, 303}) | _KEEPS_METHOD
_DENIALS: Final = frozenset({400, 403})
_DENIED: Final = "DENIED"
#: What a storage host says of a signed URL that has expired, beside what is retried anyway.
_EXPIRED: Final = frozenset({400, 401, 403})
#: The few headers that a question needs at another origin, too.
_FOREIGN_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "content-range", "content-type", "range", "user-agent"}
)


class Grant(Protocol):
    """A right to ask that may need a token."""

    def header(self, url: str) -> str | None:
        """Return the Authorization for a URL; None when it gets none, or none yet."""
        ...

    def refused(self, answer: Answer, used: str | None) -> bool:
        """Take note of a refusal, whoever sent it; True when it is worth asking again."""
        ...


@final
class Session:
    """Requests of one run over one client; the client is closed only if it was made here."""

    def __init__(
        self,
        client: Any = None,
        traffic: Traffic | None = None,
        *,
        tls: TLS | None = None,
        proxies: Mapping[str, str | None] | None = None,
    ) -> None:
        self.traffic = traffic or Traffic()
        self._made = None
        if client is None:
            client = self._made = create_client(http2=False, tls=tls, proxies=proxies)
        self._sender = sender_for(client)

    def close(self) -> None:
        """Close the client, if it is ours."""
        if self._made is not None:
            self._made.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def request(self, ask: Ask, grant: Grant | None = None) -> Answer:
        """Ask, and return the answer with its body read.

        Raises:
            APIException: the answer is an error that the asker doesn't accept.
            TransportError: there was no whole answer.
        """
        return self._send(ask, grant, self.traffic.attempts(host_of(ask.url)), whole=True)

    def open(
        self, ask: Ask, grant: Grant | None = None, attempts: Attempts | None = None
    ) -> Answer:
        """Ask, and return the answer while its body is on its way; the caller closes it.

        `attempts` are those of the operation that this is a part of.
        """
        attempts = attempts or self.traffic.attempts(host_of(ask.url))
        return self._send(ask, grant, attempts, whole=False)

    def _send(self, ask: Ask, grant: Grant | None, attempts: Attempts, *, whole: bool) -> Answer:
        host = host_of(ask.url)
        while True:
            try:
                answer = self._exchange(ask, grant)
                if answer.ok or answer.status in ask.accepted:
                    if whole:
                        answer.read(ask.limit)
                    self.traffic.arrived(host)
                    return answer
                answer.peek_error()
            except (httpx.HTTPError, httpx.InvalidURL) as cause:
                failed: Answer | Exception = cause
                passing = is_passing(cause)
                retry_after = None
            else:
                failed = answer
                passing = self._passing_status(ask, answer)
                retry_after = parse_retry_after(
                    answer.headers.get("Retry-After"), self.traffic.wall_clock()
                )
            note = ""
            if passing and ask.repeatable:
                stop = attempts.again(retry_after)
                if stop is None:
                    continue
                note = stop.reason
            raise _error(ask, failed, note, attempts.failures) from (
                failed if isinstance(failed, Exception) else None
            )

    def _passing_status(self, ask: Ask, answer: Answer) -> bool:
        if answer.status == _TOO_MANY:
            self.traffic.stats.count(rate_limits=1)
        if answer.status in RETRIED_STATUSES:
            return True
        return answer.status in _EXPIRED and origin_of(answer.url) != origin_of(ask.url)

    def _exchange(self, ask: Ask, grant: Grant | None) -> Answer:
        """One attempt; a token that was refused is replaced once."""
        replaced = False
        while True:
            answer, used = self._follow(ask, grant)
            if grant is None or replaced or not _wants_token(ask, answer, used):
                return answer
            answer.peek_error()
            if not grant.refused(answer, used):
                return answer
            # To have come without a token is no refusal of one.
            replaced = used is not None

    def _follow(self, ask: Ask, grant: Grant | None) -> tuple[Answer, str | None]:
        used = None if grant is None or ask.basic else grant.header(ask.url)
        headers = {"Accept-Encoding": "identity", **ask.headers}
        hop = replace(ask, headers=headers | ({} if used is None else {"Authorization": used}))
        foreign = False
        for _ in range(_HOPS + 1):
            answer = self._put_on_wire(hop, foreign=foreign)
            location = answer.headers.get("Location")
            if location is None or not _is_redirect(ask, answer):
                return answer, used
            answer.peek_error()
            try:
                url = next_url(hop.url, location)
            except InvalidReference as error:
                raise httpx.UnsupportedProtocol(f"bad redirect: {error}") from error
            if origin_of(url) != origin_of(ask.url):
                foreign = True
                kept = {k: v for k, v in hop.headers.items() if k.lower() in _FOREIGN_HEADERS}
                hop = replace(hop, headers=kept, basic=None)
            hop = replace(hop, url=url)
        raise httpx.TooManyRedirects(f"more than {_HOPS} redirects")

    def _put_on_wire(self, ask: Ask, *, foreign: bool) -> Answer:
        self.traffic.depart(host_of(ask.url))
        answer = self._sender.send(ask, foreign=foreign)
        answer.clock = self.traffic.clock
        if _LOGGER.isEnabledFor(logging.DEBUG):
            sent = redact_headers(ask.headers.items())
            received = redact_headers(answer.headers.items())
            url = redact_url(ask.url)
            _LOGGER.debug("%s %s %s -> %s %s", ask.method, url, sent, answer.status, received)
        return answer


def _is_redirect(ask: Ask, answer: Answer) -> bool:
    if ask.method in ("GET", "HEAD"):
        return answer.status in _REDIRECTS
    return answer.status in _KEEPS_METHOD


def _wants_token(ask: Ask, answer: Answer, used: str | None) -> bool:
    """Whether another token may help; some registries deny, rather than ask, when one has ended.

    What they deny with is known by its code, but for answers to HEAD, which show none.
    """
    if answer.status == _UNAUTHORIZED:
        return True
    if used is None or answer.status not in _DENIALS:
        return False
    said = parse_diagnostics(answer.peek_error())
    return ask.method == "HEAD" or any(diagnostic.code == _DENIED for diagnostic in said)


def _error(ask: Ask, failed: Answer | Exception, note: str, failures: int) -> Exception:
    if isinstance(failed, Exception):
        return transport_error(ask.method, ask.url, failed, attempts=max(1, failures), note=note)
    return api_error(ask.method, failed, note)
