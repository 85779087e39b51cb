"""The way through a cassette, to each value that may be a secret.

Rule: scrubber and gate go the same way, so the gate sees whatever the scrubber could have replaced;
bodies that can't be changed are shown to whoever wants to look into them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast, final

from occystrap.server.message import Headers
from pytest_occystrap.cassettes.addressed import Addressed
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.documents import scrub_document, scrub_json
from pytest_occystrap.cassettes.encodings import TEXT_LIMIT, decode, encode
from pytest_occystrap.cassettes.form import (
    Cassette,
    Ending,
    Interaction,
    Provenance,
    RecordedResponse,
)
from pytest_occystrap.cassettes.headers import scrub_header
from pytest_occystrap.cassettes.placeholders import Judge
from pytest_occystrap.cassettes.urls import scrub_text, scrub_url

__all__ = ["Opaque", "Walk"]

#: Digests of a body that was changed are wrong.
_DIGESTS: Final = ("content-digest", "content-md5", "digest", "repr-digest")


@dataclass(frozen=True, slots=True)
class Opaque:
    """A body that stays as it is, since it is content-addressed or no text."""

    body: Body
    place: str
    is_addressed: bool
    coding: str
    #: What bodies are pieces of the same thing have in common; empty if that isn't known.
    series: str = ""


def _ignore(opaque: Opaque) -> None:
    """Have no interest in it."""


@final
class Walk:
    """Goes through cassettes, in one thread.

    `look` is shown the bodies that stay as they are; `into_files` is whether bodies in files are
    gone into, too.
    """

    def __init__(
        self,
        judge: Judge,
        look: Callable[[Opaque], None] = _ignore,
        *,
        into_files: bool = True,
    ) -> None:
        self.judge = judge
        self.look = look
        self._into_files = into_files
        #: What was gone into and stays: traffic says the same again and again.
        self._clean: set[tuple[str, ...]] = set()

    def through(self, cassette: Cassette) -> Cassette:
        """Return the cassette with what the judge puts in place of its values."""
        self._clean.clear()
        addressed = Addressed.of(cassette)
        interactions = tuple(
            self._interaction(each, addressed, f"interaction {number}")
            for number, each in enumerate(cassette.interactions, 1)
        )
        provenance = Provenance(
            **{
                each.name: self._said(getattr(cassette.provenance, each.name), f"the {each.name}")
                for each in fields(Provenance)
            }
        )
        return Cassette(interactions, provenance, self._others(cassette.metadata, ""))

    def _others(self, value: Any, name: str) -> Any:
        """Go through what others keep with a cassette: plain values, by name."""
        if isinstance(value, Mapping):
            pairs = cast("Mapping[str, Any]", value).items()
            return {key: self._others(each, str(key)) for key, each in pairs}
        if isinstance(value, list):
            return [self._others(each, name) for each in cast("Iterable[Any]", value)]
        if not isinstance(value, str):
            return value
        document = scrub_json(json.dumps({name: value}), self.judge, "the metadata")
        text: str = json.loads(document)[name]
        return self.judge.known(text, "the metadata")

    def _said(self, text: str, place: str) -> str:
        return self.judge.known(scrub_text(text, self.judge, place), place)

    def _interaction(self, each: Interaction, addressed: Addressed, place: str) -> Interaction:
        request, answer = each.request, each.response
        body, headers = self._message(
            request.body,
            request.headers,
            f"{place}, request",
            is_addressed=addressed.has_request(each),
            series=f"upload {request.path}" if "/uploads/" in request.path else "",
        )
        url = self._once(("URL", request.url), lambda: self._url(request.url, place))
        request = replace(request, url=url, headers=headers, body=body)
        if answer is not None:
            body, headers = self._message(
                answer.body,
                answer.headers,
                f"{place}, response",
                is_addressed=addressed.has_response(each),
                series=_series(each.ending, answer, request.path),
            )
            reason = self._said(answer.reason, f"{place}, reason phrase")
            answer = replace(answer, headers=headers, body=body, reason=reason)
        note = self._said(each.note, f"{place}, note")
        return replace(each, request=request, response=answer, note=note)

    def _message(
        self, body: Body, headers: Headers, place: str, *, is_addressed: bool, series: str
    ) -> tuple[Body, Headers]:
        scrubbed = Headers(
            (name, self._once((name, value), partial(self._header, name, value, place)))
            for name, value in headers
        )
        coding = (headers.get("content-encoding") or "").strip().lower()
        content_type = (headers.get("content-type") or "").lower()
        opaque = Opaque(body, f"{place} body", is_addressed, coding, series)
        changed = self._body(opaque, content_type)
        return changed, (scrubbed if changed == body else _of_size(scrubbed, body, changed))

    def _body(self, opaque: Opaque, content_type: str) -> Body:
        body, place, coding = opaque.body, opaque.place, opaque.coding
        if body.size == 0 or not (self._into_files or isinstance(body.source, bytes)):
            return body
        key = (str(body.digest), content_type, coding)
        if key in self._clean:
            return body
        text = None
        if not opaque.is_addressed and body.size <= TEXT_LIMIT:
            text = decode(body.read(), coding)
        if text is None:
            self.look(opaque)
            return body
        scrubbed = scrub_document(text, content_type, self.judge, place)
        scrubbed = self.judge.known(scrubbed, place)
        if scrubbed != text:
            return Body.of(encode(scrubbed, coding))
        self._clean.add(key)
        return body

    def _url(self, url: str, place: str) -> str:
        where = f"{place}, request URL"
        return self.judge.known(scrub_url(url, self.judge, where), where)

    def _header(self, name: str, value: str, place: str) -> str:
        return scrub_header(name, value, self.judge, f"{place} header")

    def _once(self, key: tuple[str, str], scrub: Callable[[], str]) -> str:
        if key in self._clean:
            return key[1]
        scrubbed = scrub()
        if scrubbed == key[1]:
            self._clean.add(key)
        return scrubbed


def _series(ending: Ending, answer: RecordedResponse, path: str) -> str:
    """Say which download an answer is a piece of, if it is one."""
    is_piece = answer.status == HTTPStatus.PARTIAL_CONTENT or ending is not Ending.COMPLETE
    return f"download {path}" if is_piece else ""


def _of_size(headers: Headers, before: Body, after: Body) -> Headers:
    """Keep a length true: as much more or less than the body as it was, if a body was cut off."""

    def mended(name: str, value: str) -> str:
        if name.lower() != "content-length" or not value.isdigit():
            return value
        return str(max(0, int(value) + after.size - before.size))

    kept = ((name, value) for name, value in headers if name.lower() not in _DIGESTS)
    return Headers((name, mended(name, value)) for name, value in kept)
