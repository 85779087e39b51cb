"""Memory doesn't grow with the bodies that a proxy passes on."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own, whose peak the system measures: tracemalloc sees no memory of C.
_SCRIPT = """
import pathlib, sys

import httpx

from occystrap.server.doors.listener import serve
from occystrap.server.forward import Forward
from occystrap.server.message import Headers, Response

MIB = 1 << 20
way, known = sys.argv[1], sys.argv[2] == "known"
length = {"Content-Length": str(64 * MIB)} if known else {}

class Upstream:
    received = 0

    def handle(self, request):
        for piece in request.body:
            self.received += len(piece)
        return Response(200, Headers(length), (bytes(MIB) for _ in range(64)))

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

upstream = Upstream()
with serve(upstream) as up, Forward(up.url) as forward, serve(forward) as listener:
    transport = httpx.HTTPTransport(http1=way == "http/1.1", http2=way == "http/2")
    with httpx.Client(transport=transport, base_url=listener.url, timeout=60) as client:
        before = peak()
        body = (bytes(MIB) for _ in range(64))
        received = 0
        with client.stream("PUT", "/", content=body, headers=length) as response:
            for piece in response.iter_raw():
                received += len(piece)
        assert (upstream.received, received) == (64 * MIB, 64 * MIB)
print(peak() - before)
"""


@pytest.mark.parametrize("way", ["http/1.1", "http/2"])
@pytest.mark.parametrize("length", ["known", "unknown"])
def test_64_mib_both_ways_take_little_memory(way: str, length: str) -> None:
    """Whether their length is known before or not."""
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, way, length], check=True, capture_output=True, text=True
    )
    assert float(run.stdout) < 24
