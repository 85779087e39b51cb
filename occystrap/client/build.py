"""Making the httpx client that everything else is handed.

Rule: nothing is read from the environment here; proxies and certificates are arguments.
"""

from __future__ import annotations

import platform
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import certifi
import httpx

from occystrap import __version__
from occystrap.client.direct import Direct
from occystrap.client.limiter import RateLimiter
from occystrap.client.replaceable import Replaceable
from occystrap.client.transports import ByRoute, ByScheme, Exclusive, Late, Paced
from occystrap.errors import CredentialsError, InvalidOption
from occystrap.oci.redaction import redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["TLS", "Around", "create_client", "get_user_agent"]

Around = Callable[[httpx.BaseTransport], httpx.BaseTransport]

#: How many connections there are is up to the threads that use them. A bound here would make an
#: upload wait for the very download that feeds it.
_LIMITS: Final = httpx.Limits(max_connections=None, max_keepalive_connections=20)
_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)


@dataclass(frozen=True, slots=True)
class TLS:
    """What to trust, and who to be, on a TLS connection."""

    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    skip_verify: bool = False

    def context(self) -> ssl.SSLContext:
        """Make the context for connections.

        The CAs of the system are trusted, and those of certifi, since a slim container may have
        none; `ca_file` is trusted beside them.

        Raises:
            CredentialsError: a file can't be read, or doesn't hold what it should.
        """
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(certifi.where())
            if self.ca_file is not None:
                context.load_verify_locations(self.ca_file)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            files = ", ".join(str(f) for f in (self.ca_file, self.certificate, self.key) if f)
            raise CredentialsError(f"can't use the TLS files {files}: {error}") from error
        if self.skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def get_user_agent() -> str:
    """Return what the client calls itself."""
    return f"occystrap/{__version__} ({platform.system()})"


def create_client(
    http2: bool = True,  # noqa: FBT001, FBT002 - the position is public
    rate_limit: float | None = None,
    *,
    tls: TLS | None = None,
    proxies: Mapping[str, str | None] | None = None,
    timeout: httpx.Timeout = _TIMEOUT,
    around: Around | None = None,
) -> httpx.Client:
    """Make a client with pooled connections; the caller closes it.

    With `http2`, small questions go over HTTP/2 where the server offers it; blobs and uploads
    always go over HTTP/1.1, which moves them five times faster. `rate_limit` is the most requests
    a second that leave through this client. `around` puts a transport around those that connect,
    such as one that looks at what passes.

    Raises:
        CredentialsError: a file of `tls` can't be used.
        InvalidOption: a proxy can't be used, or the rate limit is no number above 0.
    """
    limiter = None if rate_limit is None else RateLimiter(rate_limit)
    build = _builder(tls or TLS(), limiter, around, http2=http2)
    return httpx.Client(
        transport=build(None),
        mounts={
            pattern: None if proxy is None else build(proxy)
            for pattern, proxy in (proxies or {}).items()
        },
        headers={"User-Agent": get_user_agent()},
        follow_redirects=True,
        timeout=timeout,
    )


def _builder(
    tls: TLS, limiter: RateLimiter | None, around: Around | None, *, http2: bool
) -> Callable[[str | None], httpx.BaseTransport]:
    """Make what makes transports, direct ones or through a proxy.

    A context with its CAs takes 40 ms to make. Only https needs one; one that can fail, since it
    has files of the user's, is made at once. A pool of httpx writes into its context which
    protocols it offers, so the two kinds can't share one.
    """
    large, small = _Late(tls, "http/1.1"), _Late(tls, "http/1.1", "h2")

    def pool(
        proxy: str | None, context: ssl.SSLContext, *, http2: bool = False
    ) -> httpx.BaseTransport:
        try:
            return httpx.HTTPTransport(verify=context, http2=http2, limits=_LIMITS, proxy=proxy)
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            shown = redact_url(proxy or "")
            raise InvalidOption(
                f"can't use the proxy {shown}: it is http://HOST:PORT or https://HOST:PORT"
                " (see HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY)"
            ) from error

    def pools(proxy: str | None) -> httpx.BaseTransport:
        # In the clear nobody is asked for a certificate; this context trusts none.
        plain = pool(proxy, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return ByScheme(plain, Late(lambda: pool(proxy, large.context)))

    def build(proxy: str | None) -> httpx.BaseTransport:
        transport: httpx.BaseTransport
        if proxy is None:
            transport = Replaceable(Direct(lambda: large.context), Late(lambda: pools(None)))
        else:
            transport = pools(proxy)
        if http2:
            few = Exclusive(lambda: pool(proxy, small.context, http2=True))
            transport = ByScheme(transport, ByRoute(few, transport))
        transport = transport if around is None else around(transport)
        return transport if limiter is None else Paced(transport, limiter)

    return build


@final
class _Late:
    """The context of some settings that offers these protocols, made once."""

    def __init__(self, tls: TLS, *protocols: str) -> None:
        self._tls = tls
        self._protocols = protocols
        self._lock = threading.Lock()
        self._context = None if tls == TLS(skip_verify=tls.skip_verify) else self._make()

    @property
    def context(self) -> ssl.SSLContext:
        """Make it, or give what was made."""
        with self._lock:
            self._context = self._context or self._make()
            return self._context

    def _make(self) -> ssl.SSLContext:
        context = self._tls.context()
        context.set_alpn_protocols(self._protocols)
        return context
