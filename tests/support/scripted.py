"""A client that follows a script, over a clock that doesn't wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from occystrap.client.retry import RetryPolicy
from occystrap.client.session import Session
from occystrap.client.traffic import Traffic
from tests.support.clock import FakeClock

__all__ = ["Script", "Step", "scripted_session", "session_over"]

Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers requests in turn, and keeps them; the last answer repeats."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Take a request, and its next step."""
        self.bodies.append(request.read())
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, httpx.Response) else step(request)


def scripted_session(
    script: Callable[[httpx.Request], httpx.Response],
    *,
    clock: FakeClock | None = None,
    retries: int = 3,
    **client: Any,
) -> Session:
    """Make a session over a scripted client, whose time passes by sleeping."""
    transport = httpx.MockTransport(script)
    return session_over(httpx.Client(transport=transport, **client), clock=clock, retries=retries)


def session_over(
    client: httpx.Client, *, clock: FakeClock | None = None, retries: int = 3
) -> Session:
    """Make a session whose time passes by sleeping."""
    clock = clock or FakeClock()
    traffic = Traffic(
        policy=RetryPolicy(retries),
        clock=clock,
        wall_clock=clock,
        sleep=clock.sleep,
        dice=lambda: 0.5,
    )
    return Session(client, traffic)
