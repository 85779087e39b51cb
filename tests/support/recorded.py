"""Clients whose traffic is recorded."""

from __future__ import annotations

import httpx

from pytest_occystrap.cassettes.form import Interaction
from pytest_occystrap.cassettes.recorder import Recorder
from pytest_occystrap.cassettes.transport import RecordingTransport

__all__ = ["client_of", "only"]


def client_of(recorder: Recorder, inner: httpx.BaseTransport | None = None) -> httpx.Client:
    """Make a client that is recorded; over sockets unless told otherwise."""
    inner = inner or httpx.HTTPTransport()
    return httpx.Client(transport=RecordingTransport(inner, recorder), timeout=10)


def only(recorder: Recorder) -> Interaction:
    """Return the one interaction."""
    (interaction,) = recorder.interactions
    return interaction
