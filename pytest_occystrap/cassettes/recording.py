"""A handler that asks a live registry, passes on what it answers, and keeps what has passed.

Rule: recorded is what is on the wire to the registry: its own URLs, locations and realms, before
they are written anew for who asks the proxy.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import httpx

from occystrap.client.build import TLS, Around, create_client
from occystrap.client.transports import Exclusive
from occystrap.server.forward import Forward, OtherOrigins
from occystrap.server.message import Request, Response
from pytest_occystrap.cassettes.recorder import Recorder
from pytest_occystrap.cassettes.transport import RecordingTransport

__all__ = ["Recording"]

_PATIENCE: Final = httpx.Timeout(30.0, connect=10.0)


class Recording:
    """Stands in front of the registry at a URL as Forward does, and keeps exchanges in a recorder.

    By default token endpoints and storage are asked through it, too, so that they are recorded.
    With `http2` everything is asked over HTTP/2 where it is offered. With a `transport`, that one
    is asked instead of the network: any handler can be recorded as if it were at the URL.

    with Recorder() as recorder, Recording("https://quay.io", recorder) as recording:
        with serve(recording) as listener:
            subprocess.run(["skopeo", "list-tags", f"docker://{listener.host}/org/app", ...])
        save_cassette(recorder.cassette(), path)

    Raises:
        occystrap.errors.InvalidOption: that is no URL of a registry, or a proxy can't be used.
        occystrap.errors.CredentialsError: a file of `tls` can't be used.
    """

    def __init__(
        self,
        url: str,
        recorder: Recorder,
        *,
        other_origins: OtherOrigins = "through",
        transport: httpx.BaseTransport | None = None,
        http2: bool = False,
        tls: TLS | None = None,
        proxies: Mapping[str, str | None] | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> None:
        def around(inner: httpx.BaseTransport) -> httpx.BaseTransport:
            return RecordingTransport(inner, recorder)

        if transport is not None:
            self._client = httpx.Client(transport=around(transport))
        elif http2:
            self._client = _over_http2(around, tls or TLS(), proxies or {})
        else:
            self._client = create_client(http2=False, tls=tls, proxies=proxies, around=around)
        if timeout is not None:
            self._client.timeout = timeout
        try:
            self._forward = Forward(url, client=self._client, other_origins=other_origins)
        except BaseException:
            self._client.close()
            raise

    def handle(self, request: Request) -> Response:
        """Ask, and pass the answer on; see Forward."""
        return self._forward.handle(request)

    def close(self) -> None:
        """End the connections to the registry."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _over_http2(around: Around, tls: TLS, proxies: Mapping[str, str | None]) -> httpx.Client:
    """Make a client that asks for blobs over HTTP/2, too, which is slower and here the point."""
    context = tls.context()

    def build(proxy: str | None) -> httpx.BaseTransport:
        def connect() -> httpx.BaseTransport:
            return httpx.HTTPTransport(verify=context, http2=True, proxy=proxy)

        return around(Exclusive(connect))

    mounts = {
        pattern: None if proxy is None else build(proxy) for pattern, proxy in proxies.items()
    }
    return httpx.Client(transport=build(None), mounts=mounts, timeout=_PATIENCE)
