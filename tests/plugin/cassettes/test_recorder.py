"""A recorder: order, times, threads, and where bodies wait."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.message import (
    Request,
    Response,
)
from pytest_occystrap.cassettes.files import load_cassette, save_cassette
from pytest_occystrap.cassettes.recorder import Recorder
from tests.server.doors.scripts import Script, echo, text
from tests.support.recorded import client_of, only

LARGE = bytes(range(256)) * 1000


def test_times_are_those_of_the_clock(tmp_path: Path) -> None:
    """Since the recording began, until the answer began, and until it ended."""
    ticks = count(100.0, 1.0)
    with (
        Recorder(lambda: next(ticks)) as recorder,
        client_of(recorder, InProcessTransport(Script(echo))) as client,
    ):
        client.get("https://r.test/a")
        timing = only(recorder).timing
    assert (timing.started, timing.waited, timing.seconds) == (1.0, 1.0, 2.0)


def test_the_order_is_that_of_the_beginnings(recorder: Recorder) -> None:
    """Whatever ends first."""
    second_is_done = threading.Event()

    def answer(request: Request) -> Response:
        if request.path == "/first":
            assert second_is_done.wait(10)
        return text(b"ok")

    first_is_there = threading.Event()

    def first() -> None:
        first_is_there.set()
        client.get("https://r.test/first")

    with (
        client_of(recorder, InProcessTransport(Script(answer))) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        begun = pool.submit(first)
        assert first_is_there.wait(10)
        while not recorder.left_out:
            first_is_there.wait(0.001)
        assert [each.reason for each in recorder.left_out] == ["it was still under way"]
        client.get("https://r.test/second")
        second_is_done.set()
        begun.result()
    assert [each.request.path for each in recorder.interactions] == ["/first", "/second"]
    assert recorder.left_out == ()


def test_many_threads_at_once(recorder: Recorder) -> None:
    """Each exchange is whole."""
    with (
        client_of(recorder, InProcessTransport(Script(echo))) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        bodies = [bytes([number]) * 10_000 for number in range(64)]
        list(pool.map(lambda body: client.put("https://r.test/", content=body), bodies))
    kept = [(each.request.body.read(), each.response) for each in recorder.interactions]
    assert sorted(body for body, _ in kept) == bodies
    assert all(answer is not None and answer.body.read() == body for body, answer in kept)


def test_bodies_wait_where_nobody_else_can_look(tmp_path: Path) -> None:
    """In a directory of this user alone, each body once, and all of it is gone afterwards."""
    with Recorder(directory=tmp_path) as recorder:
        with client_of(recorder, InProcessTransport(Script(echo))) as client:
            for _ in range(3):
                client.put("https://r.test/", content=LARGE)
                client.put("https://r.test/", content=LARGE[:10_000])
        (directory,) = tmp_path.iterdir()
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        sizes = sorted(path.stat().st_size for path in directory.rglob("*") if path.is_file())
        assert sizes == [10_000, len(LARGE)]
        save_cassette(recorder.cassette(), tmp_path / "saved" / "some.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
    read = load_cassette(tmp_path / "saved" / "some.yaml")
    assert [len(each.request.body.read()) for each in read.interactions] == [256_000, 10_000] * 3


def test_a_full_disk_leaves_the_traffic_alone(tmp_path: Path) -> None:
    """What can't be kept is left out, and the client gets its answer."""
    with Recorder(directory=tmp_path) as recorder:
        (directory,) = tmp_path.iterdir()
        directory.rmdir()
        with client_of(recorder, InProcessTransport(Script(echo))) as client:
            assert client.put("https://r.test/", content=LARGE).content == LARGE
        (left,) = recorder.left_out
        assert "can't write" in left.reason
        directory.mkdir()
