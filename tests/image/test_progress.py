"""Progress is shown as bars on a terminal, and as a few lines elsewhere."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from occystrap.image.progress import (
    LineProgress,
    NoProgress,
    Progress,
    TerminalProgress,
    TrackedSource,
    progress_for,
)
from occystrap.image.sources import BytesSource


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def test_lines_begin_and_then_come_twice_a_minute() -> None:
    """A task says that it starts, and how far it is every 30 seconds at most."""
    stream, clock = io.StringIO(), Clock()
    with LineProgress(stream, clock) as progress:
        task = progress.task("sha256:0123", 200)
        for seconds in (0, 29, 1, 0, 31, 10):
            clock.now += seconds
            task.advance(20)
        task.advance(-20)
        task.finish()
    assert stream.getvalue().splitlines() == [
        "sha256:0123: starting (200 bytes)",
        "sha256:0123: 60/200 bytes (30%)",
        "sha256:0123: 100/200 bytes (50%)",
    ]


@pytest.mark.parametrize("total", [None, 0])
def test_lines_without_a_total_say_only_how_much(total: int | None) -> None:
    """Where nobody knows the end there is no percentage."""
    stream, clock = io.StringIO(), Clock()
    task = LineProgress(stream, clock).task("layer 1", total)
    clock.now += 30
    task.advance(7)
    assert stream.getvalue().splitlines()[1] == "layer 1: 7 bytes"


def test_a_note_is_a_line_of_its_own() -> None:
    """What is remarkable about the end is printed."""
    stream = io.StringIO()
    LineProgress(stream).task("sha256:0123", 5).finish("exists already")
    assert stream.getvalue().splitlines()[1:] == ["sha256:0123: exists already"]


def test_lines_of_threads_do_not_mix() -> None:
    """Each line is written whole, whoever writes."""
    stream = io.StringIO()
    progress = LineProgress(stream)

    def work(name: str) -> None:
        for _ in range(50):
            progress.task(name * 20, 10).finish(name * 40)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 400
    assert all(set(line) <= {line[0], *": starting(10bytes)"} for line in lines)


def test_a_line_is_one_write() -> None:
    """Others write their lines to the same stream, between any two writes."""

    class Writes(io.StringIO):
        def write(self, text: str, /) -> int:
            written.append(text)
            return len(text)

    written: list[str] = []
    LineProgress(Writes()).task("a", 1).finish("b")
    assert written == ["a: starting (1 bytes)\n", "a: b\n"]


def test_lines_end_with_the_progress() -> None:
    """A thread that is late doesn't have the last word."""
    stream = io.StringIO()
    with LineProgress(stream) as progress:
        early = progress.task("early", 1)
    progress.task("late", 1)
    early.finish("done")
    assert stream.getvalue() == "early: starting (1 bytes)\n"


def test_nothing_may_be_shown() -> None:
    """The silent progress takes everything."""
    with NoProgress() as progress:
        task = progress.task("a", 1)
        task.advance(1)
        task.finish("done")


def test_the_stream_decides() -> None:
    """A terminal gets bars, a file gets lines."""
    assert isinstance(progress_for(Terminal()), TerminalProgress)
    assert isinstance(progress_for(io.StringIO()), LineProgress)


def test_bars_are_drawn_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar has its label while the task runs; notes stay, the bars don't."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    progress: Progress = progress_for(stream)
    with progress:
        first = progress.task("sha256:[01]", 1 << 20)
        second = progress.task("layer 2", None)
        first.advance(1 << 19)
        second.advance(5)
        first.finish()
        second.finish("mounted")
        progress.task("never finished", 3).advance(1)
    shown = stream.getvalue()
    assert "sha256:[01]" in shown
    assert "layer 2: mounted" in shown
    # At the end the cursor is shown again, and the lines of the bars are erased.
    assert "\x1b[?25h" in shown
    assert shown.endswith("\x1b[1A\x1b[2K")


def test_bars_end_with_the_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that are late draw nothing more, and aren't disturbed."""
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with TerminalProgress(stream) as progress:
        early = progress.task("early", 1)
    shown = stream.getvalue()
    early.advance(1)
    early.finish("done")
    progress.task("late", 1).finish("done")
    assert stream.getvalue() == shown


def test_bars_leave_standard_output_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed for scripts doesn't end up on the terminal."""
    monkeypatch.setenv("TERM", "xterm")
    with TerminalProgress(Terminal()) as progress:
        progress.task("a", 1).advance(1)
        sys.stdout.write("for a script\n")
    assert capsys.readouterr().out == "for a script\n"


def test_a_terminal_without_tasks_stays_empty() -> None:
    """Nothing is drawn, nor is the library loaded, before there is something to show."""
    stream = Terminal()
    with TerminalProgress(stream):
        pass
    assert stream.getvalue() == ""


def test_reading_a_tracked_source_advances_its_task() -> None:
    """Every byte is counted, each time it is read."""
    stream, clock = io.StringIO(), Clock()
    source = TrackedSource(BytesSource(b"x" * 700_000), LineProgress(stream, clock).task("a", None))
    clock.now += 30
    assert source.size == 700_000
    for chunk in source.open():
        assert chunk
        clock.now += 30
    assert stream.getvalue().splitlines()[-1] == "a: 700000 bytes"
