"""Receiving a blob: our own connections, httpx, urllib3 and http.client, as ratios to httpx.

A fake registry in a process of its own serves 128 MiB over loopback, in the clear and over TLS.
Each way in turn receives it over one connection and does nothing with it; processor seconds of
this process, the median of five rounds. Figures in docs/dependencies.md.

python -m benchmarks.receiving
"""

from __future__ import annotations

import http.client
import ssl
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

import httpx
import urllib3

from benchmarks.peers.processes import serving
from occystrap.client.direct import Direct

ROUNDS: Final = 5
SIZE: Final = 128
PIECE: Final = 128 * 1024

Way = Callable[[str, ssl.SSLContext], Iterator[bytes]]


def main() -> None:
    """Print a row for each way, in the clear and over TLS."""
    with serving(size=SIZE) as served:
        context = ssl.create_default_context(cafile=served["ca_file"])
        path = f"/v2/bench/blob/blobs/{served['digest']}"
        for scheme, host in (("http", served["host"]), ("https", served["https_host"])):
            report(scheme, measure(f"{scheme}://{host}{path}", context, served["size"]))


def measure(url: str, context: ssl.SSLContext, size: int) -> dict[str, float]:
    """Return the processor seconds of each way."""
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            begun = time.process_time()
            received = sum(map(len, way(url, context)))
            seconds[name].append(time.process_time() - begun)
            if received != size:
                raise SystemExit(f"{name}: {received} bytes of {size}")
    return {name: statistics.median(each) for name, each in seconds.items()}


def report(scheme: str, seconds: dict[str, float]) -> None:
    """Print the speed of each way, and how many times httpx's it is."""
    for name, took in seconds.items():
        speed = SIZE * 1024 * 1024 / took / 1e9
        print(f"{scheme:6} {name:12} {speed:5.1f} GB/s {seconds['httpx'] / took:5.1f}x")


def over_httpx(url: str, context: ssl.SSLContext) -> Iterator[bytes]:
    """As httpx does it by itself."""
    with httpx.Client(verify=context) as client, client.stream("GET", url) as answer:
        yield from answer.iter_raw()


def over_direct(url: str, context: ssl.SSLContext) -> Iterator[bytes]:
    """As httpx does it with our connections."""
    transport = Direct(lambda: context)
    with httpx.Client(transport=transport) as client, client.stream("GET", url) as answer:
        yield from answer.iter_raw()


def over_urllib3(url: str, context: ssl.SSLContext) -> Iterator[bytes]:
    """As requests does it."""
    with urllib3.PoolManager(ssl_context=context) as pool:
        answer = pool.request("GET", url, preload_content=False)
        yield from answer.stream(PIECE, decode_content=False)
        answer.release_conn()


def over_http_client(url: str, context: ssl.SSLContext) -> Iterator[bytes]:
    """As the standard library does it."""
    parts = urlsplit(url)
    connection = (
        http.client.HTTPSConnection(parts.netloc, context=context)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.netloc)
    )
    connection.request("GET", parts.path)
    answer = connection.getresponse()
    yield from iter(lambda: answer.read(PIECE), b"")
    connection.close()


WAYS: Final[dict[str, Way]] = {
    "httpx": over_httpx,
    "direct": over_direct,
    "urllib3": over_urllib3,
    "http.client": over_http_client,
}


if __name__ == "__main__":
    main()
