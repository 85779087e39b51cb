"""What benchmarks/cassettes.py measures, one job a process: cassette_runs.py JOB ARGUMENT..."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx
import vcr
from vcr.request import Request

from pytest_occystrap import occystrap_vcr

#: way -> what opens a cassette.
WAYS: Final[dict[str, Callable[..., Any]]] = {"vcrpy": vcr.VCR, "ours": occystrap_vcr}


def push(url: str, size: str) -> None:
    """Upload so many MiB of random bytes, and print the URL of the blob."""
    content = random.Random(1).randbytes(int(size) * 1024 * 1024)  # noqa: S311 - no secret
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    with httpx.Client(base_url=url, timeout=60) as client:
        place = client.post("/v2/big/blobs/uploads/").headers["Location"]
        done = client.put(place, params={"digest": digest}, content=content)
        done.raise_for_status()
    print(f"{url}/v2/big/blobs/{digest}")


def pull(way: str, mode: str, path: str, blob: str) -> None:
    """Pull a blob piece by piece, recorded or replayed, and print seconds and CPU seconds."""
    begin, busy = time.perf_counter(), time.process_time()
    opened: Any = contextlib.nullcontext()
    if way in WAYS:
        opened = WAYS[way]().use_cassette(path, record_mode=mode)
    digest = hashlib.sha256()
    with opened, httpx.Client() as client, client.stream("GET", blob) as response:
        for piece in response.iter_raw():
            digest.update(piece)
    if not blob.endswith(digest.hexdigest()):
        sys.exit("these aren't the bytes of the blob")
    print(time.perf_counter() - begin, time.process_time() - busy)


def write(path: str, count: str) -> None:
    """Write a cassette of many small exchanges."""
    with vcr.VCR().use_cassette(path) as cassette:
        for number in range(int(count)):
            body = {"string": json.dumps({"number": number, "tags": ["a"] * 50}).encode()}
            status = {"code": 200, "message": "OK"}
            answer = {"status": status, "headers": {"Server": ["nginx"]}, "body": body}
            cassette.append(Request("GET", url_of(number), b"", {"Accept": "*/*"}), answer)
    print(Path(path).stat().st_size)


def replay(way: str, path: str, count: str) -> None:
    """Ask for each exchange once, and print the seconds for all, the opening not included."""
    opened: Any = contextlib.nullcontext()
    client = httpx.Client(transport=httpx.MockTransport(numbered))
    if way in WAYS:
        opened = WAYS[way]().use_cassette(path, record_mode="none")
        client = httpx.Client()
    with opened, client:
        begin = time.perf_counter()
        for number in range(int(count)):
            if client.get(url_of(number)).json()["number"] != number:
                sys.exit("this isn't the answer to that")
        print(time.perf_counter() - begin)


def numbered(request: httpx.Request) -> httpx.Response:
    """Answer at once, without a cassette."""
    number = str(request.url).rpartition("=" if request.url.query else "/")[2]
    return httpx.Response(200, json={"number": int(number), "tags": ["a"] * 50})


def url_of(number: int) -> str:
    """Return the URL of an exchange: half are pages of a listing, half are manifests."""
    if number % 2:
        return f"https://quay.test/api/v1/repository?namespace=org&next_page={number}"
    return f"https://quay.test/v2/org/app/manifests/{number}"


if __name__ == "__main__":
    jobs: dict[str, Callable[..., None]] = {
        each.__name__: each for each in (pull, push, replay, write)
    }
    jobs[sys.argv[1]](*sys.argv[2:])
