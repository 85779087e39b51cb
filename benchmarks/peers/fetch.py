"""Fetch a blob over one version of HTTP with httpx, and print the seconds that it took as JSON.

python -m benchmarks.peers.fetch URL CA_FILE HTTP_VERSION SIZE TIMES
"""

from __future__ import annotations

import json
import ssl
import sys
import time

import httpx

__all__: list[str] = []


def main() -> None:
    """Measure the blob alone: the connection is there before."""
    url, ca_file, version, size, times = sys.argv[1:]
    verify = ssl.create_default_context(cafile=ca_file) if ca_file else True
    with httpx.Client(verify=verify, http2=version == "2", timeout=60) as client:
        client.head(url).raise_for_status()
        begin, busy = time.perf_counter(), time.process_time()
        for _ in range(int(times)):
            with client.stream("GET", url) as answer:
                got = sum(len(chunk) for chunk in answer.iter_raw())
            if got != int(size):
                raise SystemExit(f"{got} bytes of {size}")
        wall, cpu = time.perf_counter() - begin, time.process_time() - busy
    print(json.dumps({"wall": wall, "cpu": cpu}))


if __name__ == "__main__":
    main()
