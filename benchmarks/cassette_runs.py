"""What benchmarks/cassettes.py measures, one job a process: cassette_runs.py JOB ARGUMENT..."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import httpx
import vcr
from vcr.request import Request

from occystrap.server.doors.in_process import InProcessTransport
from pytest_occystrap import Replay, occystrap_vcr
from pytest_occystrap.cassettes.files import load_cassette, save_cassette
from pytest_occystrap.cassettes.recorder import Recorder
from pytest_occystrap.cassettes.transport import RecordingTransport

#: What makes a VCR, by way.
MACHINES: Final[dict[str, Callable[..., Any]]] = {"vcrpy": vcr.VCR, "ours": occystrap_vcr}


@contextlib.contextmanager
def plain(mode: str, _path: str) -> Iterator[httpx.Client]:
    """Open a client that nobody records, or that is answered at once."""
    with httpx.Client(transport=None if mode else httpx.MockTransport(numbered)) as client:
        yield client


def numbered(request: httpx.Request) -> httpx.Response:
    """Answer with the number that is in a URL."""
    number = str(request.url).rpartition("=" if request.url.query else "/")[2]
    return httpx.Response(200, json={"number": int(number), "tags": ["a"] * 50})


def through(way: str) -> Callable[[str, str], AbstractContextManager[httpx.Client]]:
    """Record and replay through vcrpy."""

    @contextlib.contextmanager
    def opened(mode: str, path: str) -> Iterator[httpx.Client]:
        with MACHINES[way]().use_cassette(path, record_mode=mode), httpx.Client() as client:
            yield client

    return opened


@contextlib.contextmanager
def apart(mode: str, path: str) -> Iterator[httpx.Client]:
    """Record with a transport and replay with a handler, both of them ours."""
    if mode == "none":
        with httpx.Client(
            transport=InProcessTransport(Replay(load_cassette(Path(path))))
        ) as client:
            yield client
        return
    with Recorder() as recorder:
        with httpx.Client(transport=RecordingTransport(httpx.HTTPTransport(), recorder)) as client:
            yield client
        save_cassette(recorder.cassette(), Path(path))


#: way -> what opens a client whose cassette is saved when it's closed.
WAYS: Final = {
    "none": plain,
    "vcrpy": through("vcrpy"),
    "ours": through("ours"),
    "without vcrpy": apart,
}


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
    digest = hashlib.sha256()
    with WAYS[way](mode, path) as client, client.stream("GET", blob) as response:
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
    with WAYS[way]("" if way == "none" else "none", path) as client:
        begin = time.perf_counter()
        for number in range(int(count)):
            if client.get(url_of(number)).json()["number"] != number:
                sys.exit("this isn't the answer to that")
        print(time.perf_counter() - begin)


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
