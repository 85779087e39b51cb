"""Threads for the streams of one connection, as many as there are streams at a time.

Rule: a thread is started only if all others are busy, and kept for the next stream. They are
daemons: a handler that hangs doesn't keep the interpreter from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

__all__ = ["Workers"]

Job = Callable[[], None]


class Workers:
    """Run jobs; none of them may raise. Only one thread gives them out."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []

    def run(self, job: Job) -> None:
        """Let a thread do it.

        Raises:
            RuntimeError: the system has no more threads.
        """
        if not self._idle.acquire(blocking=False):
            thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            thread.start()
            self._threads.append(thread)
        self._jobs.put(job)

    def stop(self) -> None:
        """Wait until every job is done and every thread has ended."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            self._idle.release()
