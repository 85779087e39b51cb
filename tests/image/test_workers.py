"""Threads for the layers of an image stop together."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from occystrap.image.workers import Stopped, Workers


def test_all_jobs_are_done() -> None:
    """Waiting returns when every job has run."""
    done: list[int] = []
    with Workers(3) as workers:
        for number in range(20):
            workers.submit(partial(done.append, number))
        workers.wait()
        workers.submit(lambda: done.append(20))
        workers.wait()
    assert sorted(done) == list(range(21))


@pytest.mark.parametrize("count", [-1, 0, 1, 3])
def test_no_more_threads_than_allowed(count: int) -> None:
    """There is at least one thread, and never one too many."""
    lock, running, most = threading.Lock(), 0, 0
    together = threading.Barrier(max(1, count))

    def job() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(10)
        with lock:
            running -= 1

    with Workers(count) as workers:
        for _ in range(2 * max(1, count)):
            workers.submit(job)
        workers.wait()
    assert most == max(1, count)


def test_the_first_error_ends_the_run() -> None:
    """It reaches whoever waits or has more work; what is queued is dropped."""
    ran: list[str] = []
    begun = threading.Event()

    def fail() -> None:
        begun.wait(10)
        raise ValueError("first")

    with Workers(1) as workers:
        workers.submit(fail)
        workers.submit(lambda: ran.append("queued"))
        begun.set()
        with pytest.raises(ValueError, match="first"):
            workers.wait()
        with pytest.raises(ValueError, match="first"):
            workers.submit(lambda: ran.append("late"))
    assert ran == []


def test_what_is_under_way_notices() -> None:
    """A guarded stream ends at its next chunk once another job has failed."""
    reading, failed = threading.Event(), threading.Event()
    ends: list[type] = []

    def chunks() -> Iterator[bytes]:
        while True:
            reading.set()
            yield b"x"
            failed.wait(10)

    def read() -> None:
        try:
            for _ in workers.guard(chunks()):
                pass
        except BaseException as error:
            ends.append(type(error))
            raise
        finally:
            over.set()

    def fail() -> None:
        reading.wait(10)
        raise ValueError("failed")

    over = threading.Event()
    with Workers(2) as workers:
        workers.submit(read)
        workers.submit(fail)
        with pytest.raises(ValueError, match="failed"):
            workers.wait()
        failed.set()
        assert over.wait(10)
    assert ends == [Stopped]


def test_a_guard_takes_any_chunks() -> None:
    """What can't be closed passes as well."""
    assert list(Workers(1).guard([b"a", b"b"])) == [b"a", b"b"]


def test_leaving_early_does_not_wait() -> None:
    """A thread that hangs keeps nobody from leaving, on the way out of an error."""
    release = threading.Event()

    def hang() -> None:
        release.wait(60)

    def interrupted() -> None:
        with workers:
            workers.submit(hang)
            raise KeyboardInterrupt

    workers = Workers(1)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(Stopped):
        workers.submit(hang)
    with pytest.raises(Stopped):
        workers.wait()
    release.set()


@pytest.mark.parametrize(("from_afar", "expected"), [(True, 4), (False, 2)])
def test_no_more_threads_compress_than_help(
    from_afar: bool, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen layers at once don't take the memory of sixteen compressors on two processors."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    lock, full, release = threading.Lock(), threading.Event(), threading.Event()
    inside, most, done = 0, 0, 0

    def job() -> None:
        nonlocal inside, most, done
        with workers.computing(from_afar=from_afar):
            with lock:
                inside += 1
                most = max(most, inside)
                if inside == expected:
                    full.set()
            release.wait()
            with lock:
                inside -= 1
                done += 1

    with Workers(16) as workers:
        for _ in range(16):
            workers.submit(job)
        full.wait()
        release.set()
        workers.wait()
    assert most == expected
    assert done == 16


def test_who_waits_for_a_processor_does_not_begin_after_the_end() -> None:
    """A failure of another job ends the waiting, too."""
    with Workers(1) as workers:
        workers.stop()
        with pytest.raises(Stopped), workers.computing(from_afar=False):
            pytest.fail("it has begun")


_SIGNALS = """
import random, signal, threading
from occystrap.image.workers import Workers

class Told(BaseException):
    pass

def tell(number, frame):
    raise Told

signal.signal(signal.SIGALRM, tell)
dice = random.Random(1)
for _ in range(1500):
    ended = threading.Event()
    try:
        with Workers(1) as workers:
            workers.submit(lambda: [workers.submit(lambda: None) for _ in range(400)])
            signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.00002, 0.0006))
            workers.wait()
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Told:
        pass
"""


def test_whatever_a_signal_raises_is_what_comes_of_it() -> None:
    """Also in the moment in which somebody begins to wait: nothing else goes wrong over it."""
    done = subprocess.run(
        [sys.executable, "-c", _SIGNALS], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
