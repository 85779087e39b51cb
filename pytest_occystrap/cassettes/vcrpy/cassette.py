"""A cassette of vcrpy's that finds by index, tells what it knows, and lets go when it can't save.

Rule: it records and plays as vcrpy's does; where it does less than vcrpy's, it falls back to it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from vcr.cassette import Cassette, CassetteContextDecorator
from vcr.matchers import requests_match
from vcr.request import Request

from pytest_occystrap.cassettes.document import OURS
from pytest_occystrap.cassettes.form import Timing
from pytest_occystrap.cassettes.vcrpy.disguise import Hosts, disguise
from pytest_occystrap.cassettes.vcrpy.index import Index
from pytest_occystrap.cassettes.vcrpy.patches import NOTE
from pytest_occystrap.cassettes.vcrpy.values import Known, played

__all__ = ["OpenCassette"]


class OpenCassette(Cassette):  # type: ignore[misc]  # vcrpy ships no types
    """What is recorded and played while a block or a test runs."""

    def __init__(
        self, *args: Any, clock: Callable[[], float] = time.monotonic, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._clock = clock
        self._began = clock()
        self._index = Index(self._match_on)
        self._hosts: Hosts = {}
        self._lock = threading.RLock()

    @classmethod
    def use_arg_getter(cls, arg_getter: Callable[[], dict[str, Any]]) -> _Context:
        """Make what opens and closes it."""
        return _Context(cls, arg_getter)

    def can_play_response_for(self, request: Request) -> Any:
        """Tell whether there is an answer: the first thing that vcrpy asks in an exchange."""
        NOTE.set(None)
        return super().can_play_response_for(request)

    def append(self, request: Request, response: dict[str, Any]) -> None:
        """Take an exchange of the file, or a new one with what has been noted of it."""
        if OURS not in response:
            response = {**response, OURS: self._known()}
        super().append(request, response)

    def _known(self) -> Known:
        note = NOTE.get()
        NOTE.set(None)
        if note is None:
            return Known()
        times = (note.begun - self._began, note.answered - note.begun)
        return Known(note.http_version, Timing(*times, self._clock() - note.begun))

    def play_response(self, request: Request) -> dict[str, Any]:
        """Return the next answer, and to one thread only.

        Raises:
            CassetteError: its body isn't there, or isn't what it was.
        """
        with self._lock:
            answer = super().play_response(request)
        return played(answer)

    def _responses(self, request: Request) -> Generator[tuple[int, Any]]:
        """Find the answers of recorded requests like this one, in order.

        vcrpy looks at all requests for that; without this it is slow, and otherwise the same.
        """
        wanted = self._before_record_request(request)
        with self._lock:
            places = self._index.places(wanted, self.data, self._hosts)
        for place in places:
            recorded, answer = self.data[place]
            if self._match(wanted, recorded):
                yield place, answer

    def _match(self, made: Request, recorded: Request) -> bool:
        """Compare requests, and if they differ, whether what was scrubbed accounts for it."""
        if requests_match(made, recorded, self._match_on):
            return True
        with self._lock:
            disguised = disguise(made, recorded, self._hosts)
            if not requests_match(disguised.request, recorded, self._match_on):
                return False
            self._hosts = disguised.hosts
            return True


class _Context(CassetteContextDecorator):  # type: ignore[misc]  # vcrpy ships no types
    """Opens a cassette and closes it, also one that can't be saved."""

    def __init__(self, cls: type[Cassette], args_getter: Callable[[], dict[str, Any]]) -> None:
        self._saving = True

        def arguments() -> dict[str, Any]:
            return args_getter() if self._saving else {"record_on_exception": False}

        super().__init__(cls, arguments)

    def __exit__(self, *exc_info: object) -> None:
        """Save the cassette and end recording.

        vcrpy goes on recording, in all tests that follow, if it can't save.
        """
        try:
            super().__exit__(*exc_info)
        except BaseException as error:
            self._saving = False
            super().__exit__(type(error), error, error.__traceback__)
            raise
