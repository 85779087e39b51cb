"""Find all repositories of a Quay that have a tag, and print the seconds that it took as JSON.

python -m benchmarks.peers.discover BASE WORKERS EXPECTED [CA_FILE HTTP2]
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from occystrap.client.build import TLS, create_client
from occystrap.quay import resolve_quay_uri

__all__: list[str] = []


def main() -> None:
    """Measure one discovery, its connections included."""
    base, workers, expected, *rest = sys.argv[1:]
    tls = TLS(ca_file=Path(rest[0])) if rest else None
    with create_client(http2=not rest or rest[1] == "2", tls=tls) as client:
        begin, busy = time.perf_counter(), time.process_time()
        found = resolve_quay_uri(
            f"quay://bench/*:1?base={base}", max_workers=int(workers), client=client
        )
        wall, cpu = time.perf_counter() - begin, time.process_time() - busy
    if len(found) != int(expected):
        raise SystemExit(f"found {len(found)} images of {expected}")
    print(json.dumps({"wall": wall, "cpu": cpu}))


if __name__ == "__main__":
    main()
