"""Making the httpx client that everything else is handed.

Rule: nothing is read from the environment here; proxies and certificates are arguments.
"""

from __future__ import annotations

import platform
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import certifi
import httpx

from occystrap import __version__
from occystrap.client.limiter import RateLimiter
from occystrap.client.transports import ByRoute, Paced, PerThread
from occystrap.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["TLS", "create_client", "get_user_agent", "proxies_from"]

_LIMITS: Final = httpx.Limits(max_connections=20, max_keepalive_connections=10)
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


def proxies_from(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Read HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY as what `create_client` takes.

    A key is a URL pattern of httpx, `None` stands for a direct connection.
    """

    def read(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name.upper()) or ""

    patterns: dict[str, str | None] = {}
    for scheme in ("http", "https", "all"):
        if proxy := read(f"{scheme}_proxy"):
            patterns[f"{scheme}://"] = proxy if "://" in proxy else f"http://{proxy}"
    for host in (part.strip() for part in read("no_proxy").split(",")):
        if host == "*":
            return {}
        if host:
            bare = host.lstrip("*.")
            patterns[f"all://*{bare}" if host[0] in "*." else f"all://{bare}"] = None
            patterns[f"all://*.{bare}"] = None
    return patterns


def create_client(
    http2: bool = True,  # noqa: FBT001, FBT002 - the position is public
    rate_limit: float | None = None,
    *,
    tls: TLS | None = None,
    proxies: Mapping[str, str | None] | None = None,
    timeout: httpx.Timeout = _TIMEOUT,
) -> httpx.Client:
    """Make a client with pooled connections; the caller closes it.

    With `http2`, small questions go over HTTP/2 where the server offers it; blobs and uploads
    always go over HTTP/1.1, which moves them five times faster. `rate_limit` is the most requests
    a second that leave through this client.
    """
    context = (tls or TLS()).context()

    def build(proxy: str | None = None) -> httpx.BaseTransport:
        def pool(*, http2: bool = False) -> httpx.BaseTransport:
            return httpx.HTTPTransport(verify=context, http2=http2, limits=_LIMITS, proxy=proxy)

        return ByRoute(PerThread(lambda: pool(http2=True)), pool()) if http2 else pool()

    limiter = None if rate_limit is None else RateLimiter(rate_limit)

    def paced(transport: httpx.BaseTransport) -> httpx.BaseTransport:
        return transport if limiter is None else Paced(transport, limiter)

    return httpx.Client(
        transport=paced(build()),
        mounts={pattern: paced(build(proxy)) for pattern, proxy in (proxies or {}).items()},
        headers={"User-Agent": get_user_agent()},
        follow_redirects=True,
        timeout=timeout,
    )
