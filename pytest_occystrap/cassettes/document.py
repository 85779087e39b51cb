"""A cassette as the document that vcrpy knows, and back.

Rule: what vcrpy writes can be read, and what is written vcrpy reads: of what it doesn't know it
takes no notice. Bodies that nobody would review are named by digest, in the place of the body.

interactions:
- request: {body, headers: {NAME: [VALUE]}, method, uri}
  response:
    body: {string}
    headers: {NAME: [VALUE]}
    status: {code, message}
    occystrap: {http_version, started, waited, seconds, ending, note}
metadata:
  occystrap: {recorded, server, client, by, about}
version: 1
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from http import HTTPStatus
from typing import Any, Final, cast

from occystrap.errors import CassetteError, InvalidDigest
from occystrap.oci.digest import Digest
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Blobs, Body
from pytest_occystrap.cassettes.form import (
    Cassette,
    Ending,
    Interaction,
    Provenance,
    RecordedRequest,
    RecordedResponse,
    Timing,
)

__all__ = ["OURS", "from_document", "keep_body", "read_body", "read_headers", "to_document"]

#: The name of what is ours, in a response and in the metadata of a cassette.
OURS: Final = "occystrap"

#: Texts up to this size stay in the document: a page of a listing is worth reading in a diff.
_INLINE: Final = 16 * 1024
_BY_DIGEST: Final = re.compile(r"occystrap body (sha(?:256|512):[0-9a-f]+), (\d+) bytes")
#: What YAML can't say in a text that is read back as it was.
_UNSPEAKABLE: Final = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
#: How vcrpy, which knows no failures, is told of one.
_FAILED: Final = {"code": 502, "message": "Bad Gateway"}


def to_document(cassette: Cassette, blobs: Blobs) -> dict[str, Any]:
    """Make a document of plain values; bodies that don't belong in it are kept in `blobs`.

    Raises:
        ImageOutputError: a body can't be written.
    """
    provenance = cassette.provenance
    said = {
        each.name: getattr(provenance, each.name)
        for each in fields(provenance)
        if getattr(provenance, each.name)
    }
    document: dict[str, Any] = {
        "interactions": [_write(each, blobs) for each in cassette.interactions]
    }
    metadata = {**cassette.metadata, **({OURS: said} if said else {})}
    if metadata:
        document["metadata"] = metadata
    return {**document, "version": 1}


def _write(interaction: Interaction, blobs: Blobs) -> dict[str, Any]:
    request, response = interaction.request, interaction.response
    answered: dict[str, Any] = {"body": {"string": ""}, "headers": {}, "status": _FAILED}
    if response is not None:
        reason = response.reason or _phrase(response.status)
        answered = {
            "body": {"string": keep_body(response.body, blobs)},
            "headers": _write_headers(response.headers),
            "status": {"code": response.status, "message": reason},
        }
    return {
        "request": {
            "body": keep_body(request.body, blobs),
            "headers": _write_headers(request.headers),
            "method": request.method,
            "uri": request.url,
        },
        "response": {**answered, OURS: _write_extras(interaction)},
    }


def _write_extras(interaction: Interaction) -> dict[str, Any]:
    timing, response = interaction.timing, interaction.response
    extras: dict[str, Any] = {}
    if response is not None:
        extras["http_version"] = response.http_version
    if response is None or interaction.ending is not Ending.COMPLETE:
        extras["ending"] = interaction.ending.value
    if interaction.note:
        extras["note"] = interaction.note
    times = {each.name: round(getattr(timing, each.name), 3) for each in fields(timing)}
    return {**extras, **times}


def _write_headers(headers: Headers) -> dict[str, list[str]]:
    written: dict[str, list[str]] = {}
    for name, value in headers:
        written.setdefault(name, []).append(value)
    return written


def keep_body(body: Body, blobs: Blobs) -> str | bytes:
    """Return what stands for a body in a document, and keep it if that isn't the body itself.

    Raises:
        ImageOutputError: it can't be written.
    """
    if body.size <= _INLINE:
        text = _as_text(body.read())
        if text is not None:
            return text
    blobs.keep(body)
    return f"occystrap body {body.digest}, {body.size} bytes"


def _as_text(content: bytes) -> str | None:
    """Return bytes as the text that YAML gives back unchanged; None if there is none."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if _UNSPEAKABLE.search(text) or _BY_DIGEST.fullmatch(text) else text


def from_document(document: object, blobs: Blobs) -> Cassette:
    """Read a document; bodies by digest are looked for in `blobs` when they are read.

    Raises:
        CassetteError: it is no cassette. The message says where it isn't.
    """
    if not isinstance(document, Mapping):
        raise CassetteError("not a cassette: there are no interactions in it")
    known = cast("Mapping[str, Any]", document)
    listed: Any = known.get("interactions")
    if not isinstance(listed, list):
        raise CassetteError("not a cassette: there is no list of interactions in it")
    interactions = []
    for number, each in enumerate(listed, 1):
        try:
            interactions.append(_read(each, blobs))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CassetteError(f"interaction {number} is not one: {error!r}") from error
    metadata = dict(known.get("metadata") or {})
    said = metadata.pop(OURS, None) or {}
    names = {each.name for each in fields(Provenance)}
    provenance = Provenance(**{key: str(value) for key, value in said.items() if key in names})
    return Cassette(tuple(interactions), provenance, metadata)


def _read(each: Mapping[str, Any], blobs: Blobs) -> Interaction:
    asked, answered = each["request"], each["response"]
    request = RecordedRequest(
        str(asked["method"]),
        str(asked["uri"]),
        read_headers(asked.get("headers")),
        read_body(asked.get("body"), blobs),
    )
    extras = answered.get(OURS) or {}
    ending = Ending(extras.get("ending", "complete"))
    response = None
    if "http_version" in extras or ending is Ending.COMPLETE:
        status = answered["status"]
        response = RecordedResponse(
            int(status["code"]),
            str(status.get("message") or ""),
            read_headers(answered.get("headers")),
            read_body((answered.get("body") or {}).get("string"), blobs),
            str(extras.get("http_version", "HTTP/1.1")),
        )
    timing = Timing(*(float(extras.get(each.name, 0.0)) for each in fields(Timing)))
    return Interaction(request, response, ending, timing, str(extras.get("note", "")))


def read_headers(written: Mapping[str, str | Iterable[str]] | None) -> Headers:
    """Read headers as any version of vcrpy has written them: a value may be a list or one text."""
    return Headers(
        (str(name), str(value))
        for name, values in (written or {}).items()
        for value in ([values] if isinstance(values, str) else values)
    )


def read_body(written: object, blobs: Blobs) -> Body:
    """Read what stands for a body in a document.

    Raises:
        CassetteError: nothing that can.
    """
    if written is None:
        return Body.of(b"")
    if isinstance(written, bytes):
        text = written.decode("latin-1")
        return _find(text, blobs) or Body.of(written)
    if isinstance(written, str):
        return _find(written, blobs) or Body.of(written.encode())
    raise CassetteError(f"a body is text or bytes, not {type(written).__name__}")


def _find(text: str, blobs: Blobs) -> Body | None:
    match = _BY_DIGEST.fullmatch(text)
    if match is None:
        return None
    try:
        return blobs.find(Digest.parse(match[1]), int(match[2]))
    except InvalidDigest as error:
        raise CassetteError(f"a body is named by what is no digest: {error}") from error


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
