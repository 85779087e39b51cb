"""A bounded number of threads for the layers of one image, that stop together.

Rule: the first error ends the run. What is still queued is dropped, what is under way notices at
its next chunk, and nothing waits for a thread that hangs in a socket: threads are daemons and
own nothing that outlives them.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Generator
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import OccystrapError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

__all__ = ["Stopped", "Workers"]

_POLL: Final = 0.2
#: So many threads may compress at once on any machine what comes over a link: more than a small one
#: has processors, since they wait for it.
_FEWEST_FROM_AFAR: Final = 4


class Stopped(OccystrapError):
    """Work was given up because something else failed."""


@final
class Workers:
    """Run jobs in at most `count` threads; `wait` raises the first error that any of them met."""

    def __init__(self, count: int) -> None:
        self._count = max(1, count)
        self._jobs: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        #: For `wait` to look again. No Condition: a signal finds it without its lock at times, and
        #: what the handler raises becomes an error over that.
        self._news: SimpleQueue[None] = SimpleQueue()
        self._running = 0
        self._error: BaseException | None = None
        self._stopped = False
        processors = os.cpu_count() or 1
        self._near = threading.Semaphore(processors)
        self._afar = threading.Semaphore(max(_FEWEST_FROM_AFAR, processors))

    def submit(self, job: Callable[[], None]) -> None:
        """Queue a job; a thread takes it as soon as one is free.

        Raises:
            Stopped: an earlier job has failed, or the workers were stopped.
        """
        with self._lock:
            if self._stopped:
                raise self._error or Stopped("stopped")
            self._jobs.append(job)
            if self._running < self._count:
                self._running += 1
                threading.Thread(target=self._work, daemon=True).start()

    def wait(self) -> None:
        """Return when all jobs are done; raise the error of the first that failed.

        Raises:
            Stopped: the workers were stopped.
        """
        while self._running and not self._stopped:
            # A bounded wait lets Ctrl-C through on every platform.
            with contextlib.suppress(Empty):
                self._news.get(timeout=_POLL)
        if self._stopped:
            raise self._error or Stopped("stopped")

    def stop(self) -> None:
        """Drop what is queued and let what runs notice."""
        with self._lock:
            self._stopped = True
            self._jobs.clear()
        self._news.put(None)

    @contextlib.contextmanager
    def computing(self, *, from_afar: bool) -> Iterator[None]:
        """Wait for a processor to compress with; `from_afar` is what comes over a link.

        More threads take memory, and keep the largest layer, which was the first, from its end.

        Raises:
            Stopped: the workers were stopped meanwhile.
        """
        with self._afar if from_afar else self._near:
            if self._stopped:
                raise Stopped("stopped because another part failed")
            yield

    def guard(self, chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Pass chunks on until the workers are stopped; where they come from is closed in the end.

        Raises:
            Stopped: they were.
        """
        try:
            for chunk in chunks:
                if self._stopped:
                    raise Stopped("stopped because another part failed")
                yield chunk
        finally:
            if isinstance(chunks, Generator):
                chunks.close()  # not left to an error, which keeps what it passed through alive

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _work(self) -> None:
        while True:
            with self._lock:
                job = self._jobs.popleft() if self._jobs else None
                if job is None:
                    self._running -= 1
            if job is None:
                self._news.put(None)
                return
            try:
                job()
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
                with self._lock:
                    self._error = self._error or error
                self.stop()
