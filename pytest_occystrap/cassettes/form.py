"""What a cassette is: interactions, and where they come from.

Rule: values only. Files are document.py's and files.py's, secrets scrubbing's, and matching
replay's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

from occystrap.oci.redaction import redact_url
from occystrap.server.message import Headers, Query, split_target
from pytest_occystrap.cassettes.bodies import NO_BODY, Body

__all__ = [
    "Cassette",
    "Ending",
    "Interaction",
    "Provenance",
    "RecordedRequest",
    "RecordedResponse",
    "Timing",
]

_NO_HEADERS: Final = Headers()


class Ending(Enum):
    """How an exchange ended.

    Short of COMPLETE, `RecordedResponse.body` is what came before; without a response nothing came.
    """

    COMPLETE = "complete"
    RESET = "reset"
    CLOSED = "closed"
    TIMEOUT = "timeout"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What was asked; `url` is absolute, as the client wrote it."""

    method: str
    url: str
    headers: Headers = field(default=_NO_HEADERS, repr=False)
    body: Body = NO_BODY

    @property
    def host(self) -> str:
        """Host and port, as in the URL."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return self._target[0] or "/"

    @property
    def query(self) -> Query:
        """The parameters, decoded."""
        return self._target[1]

    @property
    def _target(self) -> tuple[str, Query]:
        parts = urlsplit(self.url)
        return split_target(f"{parts.path}?{parts.query}" if parts.query else parts.path)

    def __str__(self) -> str:
        return f"{self.method} {redact_url(self.url)}"


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """What was answered; headers and body as on the wire, without the framing of chunks."""

    status: int
    reason: str = ""
    headers: Headers = field(default=_NO_HEADERS, repr=False)
    body: Body = NO_BODY
    #: `HTTP/1.1` or `HTTP/2`.
    http_version: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: since the recording began, until the answer began, and until it ended."""

    started: float = 0.0
    waited: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Interaction:
    """A request, and what came of it; `response` is None if no answer began."""

    request: RecordedRequest
    response: RecordedResponse | None
    ending: Ending = Ending.COMPLETE
    timing: Timing = Timing()
    #: What it stands for, in words.
    note: str = ""

    def __str__(self) -> str:
        answer = self.ending.value if self.response is None else str(self.response.status)
        return f"{self.request} -> {answer}"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a cassette comes from.

    `recorded` is a date (YYYY-MM-DD), `server` the software and version that answered, `client` who
    asked, `by` what recorded it, and `about` what it stands for.
    """

    recorded: str = ""
    server: str = ""
    client: str = ""
    by: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Cassette:
    """Recorded traffic, in the order in which it began.

    `metadata` is what others keep with it, by names of theirs: plain values.
    """

    interactions: tuple[Interaction, ...] = ()
    provenance: Provenance = Provenance()
    metadata: Mapping[str, Any] = field(default_factory=dict)
