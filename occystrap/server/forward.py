"""A handler that asks a live registry, and passes on what it answers.

Rule: what one side sends, the other gets: bodies byte by byte as they come, headers in their order,
targets letter by letter. Nothing is asked twice, no redirect followed, no password added. Changed
is only what is between two neighbours on the way, and what would lead the client past the proxy.
Spec: https://www.rfc-editor.org/rfc/rfc9110#name-message-forwarding
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Final, Literal, Self, get_args

import httpx

from occystrap.client.build import TLS, create_client
from occystrap.client.failures import transport_error
from occystrap.client.transports import LARGE
from occystrap.errors import InvalidOption
from occystrap.oci.diagnostics import ErrorCode
from occystrap.oci.redaction import redact_url
from occystrap.server.answers import Refusal
from occystrap.server.doors.framing import has_body
from occystrap.server.hops import end_to_end, framed_anew, with_host
from occystrap.server.message import (
    CloseConnection,
    Headers,
    Request,
    ResetConnection,
    Response,
)
from occystrap.server.origins import PREFIX, Asked, HandedOut, Origin, read_path
from occystrap.server.rewriting import rewrite

__all__ = ["Forward", "OtherOrigins"]

_LOG: Final = logging.getLogger(__name__)

OtherOrigins = Literal["pass", "through"]

#: What clients keep from other origins, which they don't see to be others behind a proxy.
_SECRET: Final = ("Authorization", "Cookie")


class Forward:
    """Asks the registry at an origin (`https://registry.example`) whatever it is asked.

    Where an answer leads to the registry, it leads to the proxy, as the client calls it. Where it
    leads to other origins (token endpoints, storage), it is left so (`pass`), or leads to a path of
    the proxy, too (`through`), which then asks there. Without a `client` it makes one, of `tls`,
    `proxies` and `timeout`, and closes it.

    A registry that can't be reached is a 502, one that is silent a 504. One that breaks off, with
    an answer or without, is passed on as that.

    with Forward("https://quay.io") as forward, serve(forward) as listener:
        httpx.get(f"{listener.url}/v2/")

    Raises:
        occystrap.errors.InvalidOption: `url` is no origin, or there is no such `other_origins`.
        occystrap.errors.CredentialsError: a file of `tls` can't be used.
    """

    def __init__(
        self,
        url: str,
        *,
        client: httpx.Client | None = None,
        other_origins: OtherOrigins = "pass",
        tls: TLS | None = None,
        proxies: Mapping[str, str | None] | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> None:
        split = Origin.split(url)
        if split is None or split[1] != "/":
            raise InvalidOption(
                f"not a registry to ask: {redact_url(url)!r} (it is http://HOST:PORT or"
                " https://HOST:PORT, without a path or a password)"
            )
        if other_origins not in get_args(OtherOrigins):
            known = ", ".join(get_args(OtherOrigins))
            raise InvalidOption(f"other_origins is one of {known}, not {other_origins!r}")
        self._upstream = split[0]
        self._other = HandedOut() if other_origins == "through" else None
        self._own = None
        if client is None:
            client = self._own = create_client(http2=False, tls=tls, proxies=proxies)
            client.timeout = client.timeout if timeout is None else timeout
        self._client = client

    def close(self) -> None:
        """Close the client, unless it was handed in."""
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def handle(self, request: Request) -> Response:
        """Ask, and pass the answer on.

        Raises:
            ResetConnection, CloseConnection: the registry did that instead of answering.
            RequestAborted: the client broke off; so is the request to the registry.
        """
        try:
            asked = self._asked(request)
            answer = self._ask(request, asked)
        except Refusal as refusal:
            return refusal.response
        headers = end_to_end(
            Headers((n.decode("latin-1"), v.decode("latin-1")) for n, v in answer.headers.raw)
        )
        if not asked.root:
            headers = headers.remove("Set-Cookie")
        base = f"{request.scheme}://{request.host}" if request.host else ""
        headers = rewrite(headers, asked, self._upstream, base, self._other)
        body = _Body(answer)
        if not has_body(request.method, answer.status_code):
            body.skip()
        return Response(answer.status_code, headers, body)

    def _asked(self, request: Request) -> Asked:
        """Find out what is asked, and of whom.

        Raises:
            Refusal: of nobody that this is for.
        """
        target = request.target
        if not target.startswith("/"):
            raise Refusal(ErrorCode.UNSUPPORTED, "only paths can be asked for", status=400)
        if not target.startswith((f"{PREFIX}/", f"{PREFIX}?")) and target != PREFIX:
            return Asked(self._upstream, target, root=True)
        asked = read_path(target)
        if asked is None or self._other is None or not self._other.knows(asked):
            raise Refusal(ErrorCode.DENIED, f"{self._upstream} has led nobody there")
        return asked

    def _ask(self, request: Request, asked: Asked) -> httpx.Response:
        url = f"{asked.origin}{asked.target}"
        try:
            outgoing = _outgoing(request, asked, url)
            return self._client.send(outgoing, stream=True, follow_redirects=False, auth=None)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            _LOG.info("%s %s: %s", request.method, redact_url(url), type(error).__name__)
            raise _failure(request.method, url, error) from error


def _outgoing(request: Request, asked: Asked, url: str) -> httpx.Request:
    """Make the request by hand: no client adds anything of its own."""
    headers = end_to_end(request.headers).remove("Expect")
    if not (asked.root or asked.realm):
        headers = headers.remove(*_SECRET)
    elif not asked.root:
        headers = headers.remove("Cookie")
    headers = with_host(headers, asked.origin.authority)
    headers, body = framed_anew(request, headers)
    target = asked.target.encode("latin-1")
    outgoing = httpx.Request(
        request.method,
        url,
        headers=[(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers],
        stream=_Upload(body),
    )
    if outgoing.url.raw_path != target:
        # httpx wrote it otherwise. Not always so: through a proxy, plain HTTP needs the whole URL.
        outgoing.extensions["target"] = target
    if not asked.root:
        outgoing.extensions[LARGE] = True
    return outgoing


def _failure(method: str, url: str, error: httpx.TransportError | httpx.InvalidURL) -> Exception:
    """Say what becomes of a request that got no answer."""
    if isinstance(error, httpx.ReadError | httpx.WriteError):
        return ResetConnection()
    if isinstance(error, httpx.RemoteProtocolError) and "Server disconnected" in str(error):
        return CloseConnection()
    status = 502
    if isinstance(error, httpx.TimeoutException):
        status = 504
    elif isinstance(error, httpx.LocalProtocolError | httpx.InvalidURL):
        status = 400
    said = str(transport_error(method, url, error))
    return Refusal(ErrorCode.UNAVAILABLE, f"the proxy got no answer: {said}", status=status)


class _Upload(httpx.SyncByteStream):
    """A body on its way to the registry."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces


class _Body:
    """A body on its way to the client; closing it early ends the connection to the registry."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        stream = self._answer.stream
        assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101 - narrows the type
        try:
            # Not iter_raw: that refuses what a mocked transport has read before.
            yield from stream
        except httpx.ReadError as error:
            raise ResetConnection from error
        except httpx.TransportError as error:
            raise CloseConnection from error
        finally:
            self.close()

    def skip(self) -> None:
        """Read to the end of an answer without a body, so that the connection can be used again."""
        with contextlib.suppress(ResetConnection, CloseConnection):
            for _ in self:
                pass

    def close(self) -> None:
        """Let go of the connection."""
        self._answer.close()
