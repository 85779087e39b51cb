"""Fetch a blob over one kind of connection, and print the seconds that it took as JSON.

`own` is HTTP/1.1 as `create_client` speaks it, `1.1` and `2` are httpx's own.

python -m benchmarks.peers.fetch URL CA_FILE KIND SIZE TIMES
"""

from __future__ import annotations

import json
import ssl
import sys
import time
from pathlib import Path

import httpx

from occystrap.client.build import TLS, create_client

__all__: list[str] = []


def main() -> None:
    """Measure the blob alone: the connection is there before."""
    url, ca_file, kind, size, times = sys.argv[1:]
    with _client(kind, ca_file) as client:
        client.head(url).raise_for_status()
        begin, busy = time.perf_counter(), time.process_time()
        for _ in range(int(times)):
            with client.stream("GET", url) as answer:
                got = sum(len(chunk) for chunk in answer.iter_raw())
            if got != int(size):
                raise SystemExit(f"{got} bytes of {size}")
        wall, cpu = time.perf_counter() - begin, time.process_time() - busy
    print(json.dumps({"wall": wall, "cpu": cpu}))


def _client(kind: str, ca_file: str) -> httpx.Client:
    if kind == "own":
        return create_client(http2=False, tls=TLS(Path(ca_file)) if ca_file else None)
    verify = ssl.create_default_context(cafile=ca_file) if ca_file else True
    return httpx.Client(verify=verify, http2=kind == "2", timeout=60)


if __name__ == "__main__":
    main()
