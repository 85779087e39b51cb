"""A cassette as the values that vcrpy hands about, and back.

Rule: what vcrpy has no place for travels along under a name of ours, and a body that is a file is
read when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

from vcr.request import Request
from vcr.util import read_body

from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import NO_BODY, Body
from pytest_occystrap.cassettes.document import OURS, read_headers
from pytest_occystrap.cassettes.form import (
    Cassette,
    Ending,
    Interaction,
    Provenance,
    RecordedRequest,
    RecordedResponse,
    Timing,
)

__all__ = ["KeptRequest", "Known", "Serializer", "from_cassette", "plain", "played", "to_cassette"]

#: How vcrpy, which knows no failures, is told of one.
_FAILED: Final = RecordedResponse(HTTPStatus.BAD_GATEWAY, HTTPStatus.BAD_GATEWAY.phrase)
_NO_TIMING: Final = Timing()


class Serializer(Protocol):
    """What turns the document of a cassette into text, and back: a module of vcrpy, or like one."""

    def serialize(self, cassette_dict: Any) -> Any:
        """Return text, or bytes."""
        ...

    def deserialize(self, cassette_string: Any) -> Any:
        """Return the document."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an exchange that vcrpy doesn't ask for."""

    http_version: str = "HTTP/1.1"
    timing: Timing = _NO_TIMING
    ending: Ending = Ending.COMPLETE
    #: Whether an answer began.
    answered: bool = True
    note: str = ""


class KeptRequest(Request):  # type: ignore[misc]  # vcrpy ships no types
    """A request of a cassette, whose body stays where it is until it's read."""

    def __init__(self, recorded: RecordedRequest) -> None:
        super().__init__(recorded.method, recorded.url, None, _grouped(recorded.headers))
        self.kept: Body | None = recorded.body

    @property
    def body(self) -> Any:
        """All of it."""
        return self._given if self.kept is None else self.kept.read()

    @body.setter
    def body(self, value: Any) -> None:
        self.kept = None
        self._given = value.encode() if isinstance(value, str) else value


class _KeptBody(dict[str, Any]):
    """The body of an answer, as vcrpy keeps it: `{"string": bytes}`, read whenever it's looked at.

    `kept` tells that nobody has put another in its place.
    """

    def __init__(self, body: Body) -> None:
        super().__init__(string=body)

    @property
    def kept(self) -> Body | None:
        body = super().__getitem__("string")
        return body if isinstance(body, Body) else None

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        return value.read() if isinstance(value, Body) else value

    def __iter__(self) -> Iterator[str]:  # or else dict(self) copies what is stored, unread
        return super().__iter__()

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def items(self) -> Any:
        return {key: self[key] for key in self}.items()

    def values(self) -> Any:
        return {key: self[key] for key in self}.values()

    def copy(self) -> dict[str, Any]:
        return {key: self[key] for key in self}

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return self.copy() if self.kept is None else _KeptBody(self.kept)


def from_cassette(cassette: Cassette) -> tuple[list[Request], list[dict[str, Any]]]:
    """Make the requests of a cassette, and the answers that belong to them."""
    answers = []
    for each in cassette.interactions:
        response = each.response or _FAILED
        answered = each.response is not None
        answers.append(
            {
                "status": {"code": int(response.status), "message": response.reason},
                "headers": _grouped(response.headers),
                "body": _KeptBody(response.body),
                OURS: Known(response.http_version, each.timing, each.ending, answered, each.note),
            }
        )
    return [KeptRequest(each.request) for each in cassette.interactions], answers


def _grouped(headers: Headers) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(name, []).append(value)
    return grouped


def to_cassette(recorded: Mapping[str, Any], provenance: Provenance) -> Cassette:
    """Make a cassette of what vcrpy wants to keep: requests, responses and metadata."""
    pairs = zip(recorded["requests"], recorded["responses"], strict=True)
    interactions = tuple(_interaction(request, response) for request, response in pairs)
    return Cassette(interactions, provenance, dict(recorded.get("metadata") or {}))


def _interaction(request: Request, answer: Mapping[str, Any]) -> Interaction:
    known = answer.get(OURS)
    if not isinstance(known, Known):
        known = Known()
    asked = RecordedRequest(
        request.method,
        request.uri,
        read_headers({name: _texts(value) for name, value in request.headers.items()}),
        _body_of_request(request),
    )
    response = None
    if known.answered:
        status = answer["status"]
        response = RecordedResponse(
            int(status["code"]),
            str(status.get("message") or ""),
            read_headers({name: _texts(value) for name, value in answer["headers"].items()}),
            _body_of_answer(answer.get("body") or {}),
            known.http_version,
        )
    return Interaction(asked, response, known.ending, known.timing, known.note)


def _texts(value: Any) -> list[str]:
    """Return the values of a header, which clients give as text, as bytes or in a list."""
    values = value if isinstance(value, list | tuple) else [value]
    return [one.decode("latin-1") if isinstance(one, bytes) else str(one) for one in values]


def _body_of_request(request: Request) -> Body:
    kept: Body | None = getattr(request, "kept", None)
    return _body(read_body(request)) if kept is None else kept


def _body_of_answer(body: Mapping[str, Any]) -> Body:
    kept = body.kept if isinstance(body, _KeptBody) else None
    return _body(body.get("string")) if kept is None else kept


def _body(content: Any) -> Body:
    if not content:
        return NO_BODY
    return Body.of(content.encode() if isinstance(content, str) else bytes(content))


def plain(cassette: Cassette) -> tuple[list[Request], list[dict[str, Any]]]:
    """Make what `from_cassette` makes, of nothing but what vcrpy knows.

    Raises:
        CassetteError: a body isn't there, or isn't what it was.
    """
    requests, answers = from_cassette(cassette)
    asked = [Request(each.method, each.uri, each.body, each.headers) for each in requests]
    told = [{key: value for key, value in played(each).items() if key != OURS} for each in answers]
    return asked, told


def played(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer of its own for a client, with its body read.

    Raises:
        CassetteError: the body isn't there, or isn't what it was.
    """
    headers = {name: list(values) for name, values in answer["headers"].items()}
    return {**answer, "headers": headers, "body": {**answer["body"]}}
