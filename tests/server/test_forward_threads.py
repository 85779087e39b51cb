"""Many who ask through one `Forward` at once."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import httpx
import pytest

from occystrap.server.doors.listener import serve
from occystrap.server.forward import Forward
from tests.server.doors.scripts import Script, echo
from tests.server.doors.ways import WAYS, Way


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_many_at_once(way: Way, tmp_path: Path) -> None:
    """Each gets its own answer."""
    free: SimpleQueue[httpx.Client] = SimpleQueue()

    def ask(number: int) -> bool:
        content = str(number).encode() * 20_000
        client = free.get()
        answer = client.put(f"/{number}", content=content, timeout=30).content
        free.put(client)
        return answer == content

    with (
        serve(Script(echo)) as listener,
        Forward(listener.url) as forward,
        contextlib.ExitStack() as stack,
    ):
        for number in range(8):  # httpx loses count when threads share a connection of HTTP/2
            directory = tmp_path / str(number)
            directory.mkdir()
            free.put(stack.enter_context(way.to(forward, directory)))
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(ask, range(40)))
