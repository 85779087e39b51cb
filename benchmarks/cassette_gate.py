"""What keeping secrets out of cassettes costs: scrubber and gate, in seconds of this process.

1,000 exchanges, each with a page of a listing and a token of its own, are saved and loaded; the
time that reading the YAML alone takes is the peer. Then 50 MiB are looked through that are random,
and 50 MiB that are text. Processor time, best of three. Figures in docs/cassettes.md.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.files import load_cassette, read_cassette, save_cassette
from pytest_occystrap.cassettes.form import (
    Cassette,
    Interaction,
    RecordedRequest,
    RecordedResponse,
)
from pytest_occystrap.cassettes.streams import scan
from pytest_occystrap.cassettes.vault import Lookout

EXCHANGES = 1000
ROUNDS = 3
MIB = 1024 * 1024
LINE = b"the quick brown fox jumps over the lazy dog; int main(void) { return 0; }\n"


def main() -> None:
    """Print a row for each."""
    cassette = Cassette(tuple(exchange(number) for number in range(EXCHANGES)))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "some.yaml"
        row("scrub, check and save 1,000 exchanges", lambda: save_cassette(cassette, path))
        row("read the YAML of them", lambda: read_cassette(path))
        row("load them, with the gate", lambda: load_cassette(path))
    random = [os.urandom(MIB) for _ in range(50)]
    row("look through 50 MiB of random bytes", lambda: list(scan(random, Lookout())))
    text = [(LINE * (MIB // len(LINE) + 1))[:MIB]] * 50
    row("look through 50 MiB of text", lambda: list(scan(text, Lookout())))


def exchange(number: int) -> Interaction:
    """Make an exchange: a listing of ten repositories, asked for with a token."""
    repositories = [
        {"namespace": "acme", "name": f"app-{number}-{n}", "description": "Sample application"}
        for n in range(10)
    ]
    body = Body.of(json.dumps({"repositories": repositories}).encode())
    url = f"https://quay.example/api/v1/repository?namespace=acme&public=true&page={number}"
    token = os.urandom(24).hex()
    asked = Headers({"Host": "quay.example", "Authorization": f"Bearer {token}", "Accept": "*/*"})
    told = Headers(
        {
            "Server": "nginx",
            "Date": "Mon, 23 Nov 2026 16:45:24 GMT",
            "Content-Type": "application/json",
            "Content-Length": str(body.size),
            "Connection": "close",
        }
    )
    return Interaction(
        RecordedRequest("GET", url, asked), RecordedResponse(200, "OK", told, body, "HTTP/1.1")
    )


def row(what: str, work: Callable[[], object]) -> None:
    """Print what one of them takes."""
    best = min(timed(work) for _ in range(ROUNDS))
    print(f"{what:40} {best:6.2f} s")


def timed(work: Callable[[], object]) -> float:
    """Do it, and return the seconds of processor time."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
