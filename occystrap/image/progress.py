"""Showing how far the work is: bars on a terminal, now and then a line elsewhere.

Rule: a task is advanced by any thread, and costs next to nothing while nobody looks.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self, TextIO, final

from occystrap.image.layer import StoredLayer, UnnamedLayer, tar_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from occystrap.image.layer import Layer, Source

__all__ = [
    "LineProgress",
    "NoProgress",
    "Progress",
    "Task",
    "TerminalProgress",
    "TrackedSource",
    "progress_for",
    "tracked",
    "tracked_tar",
]

_INTERVAL: Final = 30.0


class Task(Protocol):
    """One piece of work, measured in bytes."""

    def advance(self, count: int) -> None:
        """Say that so many more bytes have moved; fewer than none when some move again."""
        ...

    def finish(self, note: str = "") -> None:
        """Say that the work is over; the note tells what is remarkable about it."""
        ...


class Progress(Protocol):
    """What shows the tasks of a run, from entering to leaving it."""

    def task(self, label: str, total: int | None) -> Task:
        """Begin a task of so many bytes, if that is known."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def progress_for(stream: TextIO) -> Progress:
    """Choose what suits the stream: bars if it is a terminal, else lines."""
    return TerminalProgress(stream) if stream.isatty() else LineProgress(stream)


@final
@dataclass(frozen=True, slots=True)
class TrackedSource:
    """A source whose reading advances a task."""

    source: Source
    task: Task

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.source.size

    def open(self) -> Iterator[bytes]:
        """Read them."""
        return tracked(self.source.open(), self.task)


def tracked(chunks: Iterable[bytes], task: Task) -> Iterator[bytes]:
    """Pass chunks on and advance a task; what is read in vain is taken back.

    Whoever breaks off is going to read again from the start.
    """
    moved = 0
    try:
        for chunk in chunks:
            yield chunk
            moved += len(chunk)
            task.advance(len(chunk))
    except BaseException:
        task.advance(-moved)
        raise


def tracked_tar(layer: Layer, progress: Progress, label: str) -> Iterator[bytes]:
    """Read the tar of a layer; what is shown is how much of the stored bytes it has taken."""
    total = layer.source.size if isinstance(layer, StoredLayer | UnnamedLayer) else tar_size(layer)
    task = progress.task(label, total)
    try:
        if isinstance(layer, StoredLayer | UnnamedLayer):
            yield from layer.over(TrackedSource(layer.source, task)).open_tar()
        else:
            yield from tracked(layer.open_tar(), task)
    finally:
        task.finish()


@final
class NoProgress:
    """Shows nothing; its own only task."""

    def task(self, label: str, total: int | None) -> NoProgress:  # noqa: ARG002 - the protocol's
        """Return something to advance."""
        return self

    def advance(self, count: int) -> None:
        """Ignore it."""

    def finish(self, note: str = "") -> None:
        """Ignore it."""

    def __enter__(self) -> NoProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return


@final
class LineProgress:
    """Prints a line when a task begins, and then one every 30 seconds at most.

    When it has ended nothing is printed: threads may be late, and an error has the last word.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()
        self._has_ended = False

    def task(self, label: str, total: int | None) -> Task:
        """Begin a task: `LABEL: starting (N bytes)`."""
        size = "" if total is None else f" ({total} bytes)"
        self._print(f"{label}: starting{size}")
        return _LineTask(self._print, self._clock, label, total)

    def _print(self, line: str) -> None:
        with self._lock:
            if not self._has_ended:
                self._stream.write(f"{line}\n")  # whole: others write lines there, too
                self._stream.flush()

    def __enter__(self) -> LineProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._has_ended = True


@final
class _LineTask:
    """A task of which one thread at a time tells its progress."""

    def __init__(
        self,
        show: Callable[[str], None],
        clock: Callable[[], float],
        label: str,
        total: int | None,
    ) -> None:
        self._show = show
        self._clock = clock
        self._label = label
        self._total = total
        self._done = 0
        self._next_line = clock() + _INTERVAL
        self._lock = threading.Lock()

    def advance(self, count: int) -> None:
        with self._lock:
            self._done += count
            now = self._clock()
            if now < self._next_line:
                return
            self._next_line = now + _INTERVAL
            done = self._done
        if self._total:
            part = f"{done}/{self._total} bytes ({100 * done // self._total}%)"
        else:
            part = f"{done} bytes"
        self._show(f"{self._label}: {part}")

    def finish(self, note: str = "") -> None:
        if note:
            self._show(f"{self._label}: {note}")


@final
class TerminalProgress:
    """Shows a bar for each task under way; of those done, the notes stay on the screen."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: Bars | None = None
        self._lock = threading.Lock()
        self._has_ended = False

    def task(self, label: str, total: int | None) -> Task:
        """Begin a task with a bar of its own; none when all has ended."""
        with self._lock:
            if self._has_ended:
                return NoProgress()
            if self._bars is None:
                self._bars = _start_bars(self._stream)
            return _Bar(self._bars, self._bars.add_task(label, total=total), label)

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._has_ended = True
            if self._bars is not None:
                self._bars.stop()
                self._bars = None


def _start_bars(stream: TextIO) -> Bars:
    # Loaded late: it takes longer than most of what the tool does.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console: Console = Console(file=stream)
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        redirect_stdout=False,  # what a script reads must not end up between the bars
    )
    bars.start()
    return bars


@final
class _Bar:
    def __init__(self, bars: Bars, identifier: TaskID, label: str) -> None:
        self._bars = bars
        self._identifier = identifier
        self._label = label

    def advance(self, count: int) -> None:
        self._bars.advance(self._identifier, count)

    def finish(self, note: str = "") -> None:
        self._bars.remove_task(self._identifier)
        if note and self._bars.live.is_started:
            self._bars.console.print(f"{self._label}: {note}", markup=False, highlight=False)
