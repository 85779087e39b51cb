"""A question to a server and its answer, whatever kind of client carries them.

Rule: a body can be opened again, else it can't be sent again; an answer is read raw, since digests
are taken of what was sent and not of what it decodes to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, cast, final

import httpx

from occystrap.client.floor import at_least
from occystrap.errors import InvalidManifest
from occystrap.oci.redaction import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

__all__ = ["BODY_LIMIT", "Answer", "Ask", "Body"]

#: Most bytes of an answer that is read whole; manifests are at most 4 MiB by convention.
BODY_LIMIT: Final = 4 * 1024 * 1024


class Body(Protocol):
    """What a request carries: opened anew for each attempt."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def open(self) -> Iterator[bytes]:
        """Yield the bytes from the start."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One question. `accepted` are statuses beside 2xx that are answers, not errors.

    `limit` is the most bytes that an answer may have which is read whole.
    `repeatable` is False for what a plain repetition could spoil; its sender must look first.
    `basic` are user name and password for this very URL; `for_token` marks the token endpoint.
    Its repr shows none of what may be secret.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    content: bytes | Body = field(default=b"", repr=False)
    accepted: frozenset[int] = frozenset()
    repeatable: bool = True
    basic: tuple[str, str] | None = field(default=None, repr=False)
    for_token: bool = False
    limit: int = BODY_LIMIT


@final
class Answer:
    """An answer whose body is still on its way.

    Made of any response: `httpx.Response`, or a double that has only some of its attributes and
    perhaps a plain dict for headers.
    """

    def __init__(self, response: Any, url: str) -> None:
        self.response = response
        self.url = url
        #: The clock by which a body is too slow; without one it may take for ever.
        self.clock: Callable[[], float] | None = None
        status: object = response.status_code
        self.status = status if isinstance(status, int) else httpx.codes.OK.value
        self.headers = _headers(response.headers)
        self._body: bytes | None = None
        # What a mock transport hands out was made with its whole content.
        self._whole = isinstance(response, httpx.Response) and response.is_stream_consumed
        if self._whole:
            self.headers.pop("Content-Encoding", None)  # httpx has undone it

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the class of success

    def iter_raw(self) -> Iterator[bytes]:
        """Yield the body as it comes off the wire.

        Raises:
            httpx.TransportError: the connection broke, or is too slow to be of use.
        """
        if not isinstance(self.response, httpx.Response):
            yield _double_body(self.response)
        elif self._whole:
            yield self.response.content
        elif self.clock is None:
            yield from self.response.iter_raw()
        else:
            yield from at_least(self.response.iter_raw(), self.clock)

    def read(self, limit: int = BODY_LIMIT) -> bytes:
        """Return the whole body.

        Raises:
            InvalidManifest: it is longer than the limit.
            httpx.TransportError: the connection broke.
        """
        if self._body is None:
            body = bytearray()
            try:
                for chunk in self.iter_raw():
                    body += chunk
                    if len(body) > limit:
                        url = redact_url(self.url)
                        raise InvalidManifest(f"the answer of {url} is over {limit} bytes long")
            finally:
                self.close()
            self._body = bytes(body)
        return self._body

    def peek_error(self, limit: int = 65536) -> bytes:
        """Return what an error answer says, as far as it can be had."""
        if self._body is None:
            body = bytearray()
            try:
                for chunk in self.iter_raw():
                    body += chunk
                    if len(body) > limit:
                        break
            except httpx.HTTPError:
                pass
            finally:
                self.close()
            self._body = bytes(body[:limit])
        return self._body

    def close(self) -> None:
        """Give the connection back, or up if the body wasn't read."""
        close = getattr(self.response, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _headers(headers: Any) -> httpx.Headers:
    if isinstance(headers, httpx.Headers):
        return httpx.Headers(headers)
    if not isinstance(headers, Mapping):
        return httpx.Headers()
    pairs = cast("Mapping[object, object]", headers).items()
    return httpx.Headers([(str(name), value) for name, value in pairs if isinstance(value, str)])


def _double_body(response: Any) -> bytes:
    """Find the body of a double, from the first attribute that holds one."""
    content: object = getattr(response, "content", None)
    if isinstance(content, bytes):
        return content
    text: object = getattr(response, "text", None)
    if isinstance(text, str):
        return text.encode()
    try:
        return json.dumps(response.json()).encode()
    except (AttributeError, TypeError, ValueError):
        return b""
