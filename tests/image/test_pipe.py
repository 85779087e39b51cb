"""A pipe between threads: in order, a few pieces at a time, and never a wait for nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from occystrap.errors import ImageOutputError
from occystrap.image.pipe import Pipe
from occystrap.image.workers import Stopped


def beside(work: Callable[[], object]) -> threading.Thread:
    """Begin some work in another thread."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_what_goes_in_comes_out() -> None:
    """All of it in its order, however much more than the pipe holds."""
    pipe, pieces = Pipe(), [bytes([number]) * number for number in range(1, 200)]

    def fill() -> None:
        for piece in pieces:
            pipe.write(piece)
        pipe.write(b"")
        pipe.finish()

    thread = beside(fill)
    assert list(pipe.read()) == pieces
    assert pipe.is_drained
    pipe.check()
    thread.join(10)


def test_a_few_pieces_are_held() -> None:
    """The fifth waits until one has come out."""
    pipe, written = Pipe(), threading.Event()
    for _ in range(4):
        pipe.write(b"x")

    def one_more() -> None:
        pipe.write(b"y")
        written.set()

    thread = beside(one_more)
    assert not written.wait(0.05)
    reading = pipe.read()
    next(reading)
    assert written.wait(10)
    thread.join(10)
    assert not pipe.is_drained


def test_a_reader_that_has_gone_frees_the_writer() -> None:
    """It gets the error that the reader had, the first of them."""
    pipe, seen = Pipe(), list[BaseException]()
    error = ImageOutputError("refused")

    def fill() -> None:
        try:
            while True:
                pipe.write(b"x")
        except ImageOutputError as found:
            seen.append(found)

    thread = beside(fill)
    pipe.break_off(error)
    pipe.break_off(ImageOutputError("later"))
    thread.join(10)
    assert seen == [error]
    with pytest.raises(ImageOutputError, match="refused"):
        pipe.check()


def test_a_writer_that_has_gone_frees_the_reader() -> None:
    """What is still in the pipe doesn't count any more."""
    pipe, seen = Pipe(), list[BaseException]()

    def drain() -> None:
        try:
            list(pipe.read())
        except Stopped as found:
            seen.append(found)

    thread = beside(drain)
    pipe.write(b"x")
    pipe.break_off()
    thread.join(10)
    assert len(seen) == 1
