"""What differs between an answer that was recorded and one that is given now.

Rule: compared is what clients can depend on: status, names of headers and the values that matter,
the shape of JSON, and the bytes where a digest has asked for them. No value is shown that may be a
secret: of locations and challenges the form is compared, of other headers the name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlsplit

from occystrap.errors import InvalidChallenge, InvalidDigest, InvalidReference
from occystrap.oci.challenge import parse_challenges
from occystrap.oci.routes import parse_route
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.form import Interaction, RecordedResponse

__all__ = ["LINK", "Difference", "differences", "shape"]

_ABSENT: Final = "absent"
#: They say how a message was brought, or when, and change from one to the next.
_IGNORED: Final = re.compile(
    r"age|alt-svc|cf-.*|connection|content-length|date|expires|fastly-.*|keep-alive|nel|report-to"
    r"|server-timing|set-cookie|transfer-encoding|via|x-amz.*|x-cache.*|x-goog.*|x-guploader.*"
    r"|x-ms-.*|x-request-id|x-served.*|x-timer"
)
#: Parts of a path that no two answers have in common.
_UNIQUE: Final = re.compile(r"[0-9a-f-]{32,}|[A-Za-z0-9_-]{40,}={0,2}")
LINK: Final = re.compile(r'<([^<>]*)>\s*;\s*rel="?(\w+)"?')
_LONGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Difference:
    """What it is about, and how that was and is."""

    what: str
    recorded: str
    now: str

    def __str__(self) -> str:
        return f"- {self.what}: {self.recorded}\n+ {self.what}: {self.now}"


def differences(recorded: Interaction, now: Interaction) -> tuple[Difference, ...]:
    """Compare what came of the same request; what was recorded without an answer has none."""
    before, after = recorded.response, now.response
    if before is None:
        return ()
    if after is None:
        return (Difference("answer", str(before.status), f"none ({now.ending.value})"),)
    found = list[Difference]()
    if before.status != after.status:
        found.append(Difference("status", str(before.status), str(after.status)))
    if recorded.ending is not now.ending:
        found.append(Difference("ending", recorded.ending.value, now.ending.value))
    found += _headers(before.headers, after.headers)
    if before.status == after.status:
        found += _bodies(recorded, before, after)
    return tuple(found)


def _headers(before: Headers, after: Headers) -> Iterator[Difference]:
    names = {name.lower(): name for headers in (after, before) for name, _ in headers}
    for lowered, name in sorted(names.items()):
        if _IGNORED.fullmatch(lowered):
            continue
        form = _FORMS.get(lowered, _presence)
        was, is_ = (
            form(headers.get_all(name)) if name in headers else _ABSENT
            for headers in (before, after)
        )
        if was != is_:
            yield Difference(name, was, is_)


_Values = tuple[str, ...]


def _presence(_values: _Values) -> str:
    return "present"


def _exactly(values: _Values) -> str:
    return ", ".join(values)


def _loosely(values: _Values) -> str:
    """Write a list whose order and case don't matter."""
    items = {item.strip().lower() for value in values for item in value.split(",")}
    return ", ".join(sorted(items))


def _media_type(values: _Values) -> str:
    return ", ".join(map(_without_boundary, values))


def _without_boundary(value: str) -> str:
    """Write a media type; the boundary between the parts of one is another each time."""
    plain = value.replace(" ", "").lower()
    return plain.partition(";")[0] if plain.startswith("multipart/") else plain


def _location(values: _Values) -> str:
    return ", ".join(map(_form_of, values))


def _form_of(url: str) -> str:
    """Write a URL without what is of this answer alone: the host, identifiers, values."""
    parts = urlsplit(url)
    path = "/".join("*" if _UNIQUE.fullmatch(each) else each for each in parts.path.split("/"))
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    where = "" if not parts.netloc else f"{parts.scheme}://*"
    if where and not path.startswith(("/v2/", "/api/")):
        return f"{where}/..."  # storage: how it names things is its own affair
    return where + path + (f"?{'&'.join(names)}" if names else "")


def _link(values: _Values) -> str:
    found = [match for value in values for match in LINK.findall(value)]
    return ", ".join(f"{_form_of(url)}; rel={rel}" for url, rel in found)


def _challenges(values: _Values) -> str:
    """Write challenges without realm and service, whose values are the registry's own."""
    try:
        challenges = parse_challenges(values)
    except InvalidChallenge:
        return "no challenge"
    return ", ".join(
        " ".join((each.scheme, *sorted(_parameter(*pair) for pair in each.parameters)))
        for each in challenges
    )


def _parameter(name: str, value: str) -> str:
    if name == "scope":  # whose actions come in any order
        value = " ".join(re.sub(r"[^:]*\Z", _sorted, each) for each in value.split())
    return f"{name}={value}" if name in ("scope", "error") else name


def _sorted(actions: re.Match[str]) -> str:
    return ",".join(sorted(actions[0].split(",")))


_FORMS: Final[Mapping[str, Callable[[_Values], str]]] = {
    "accept-ranges": _loosely,
    "allow": _loosely,
    "content-encoding": _loosely,
    "content-type": _media_type,
    "docker-content-digest": _exactly,
    "docker-distribution-api-version": _exactly,
    "link": _link,
    "location": _location,
    "oci-filters-applied": _loosely,
    "oci-subject": _exactly,
    "range": _exactly,
    "www-authenticate": _challenges,
}


def _bodies(
    recorded: Interaction, before: RecordedResponse, after: RecordedResponse
) -> Iterator[Difference]:
    if before.body == after.body:
        return
    if _asked_by_digest(recorded.request.path) and before.status == HTTPStatus.OK:
        yield Difference("body", str(before.body.digest), str(after.body.digest))
        return
    was, is_ = (_json(response) for response in (before, after))
    if was is not None and is_ is not None:
        yield from _compare("", was, is_)
    elif (was is None) is not (is_ is None):
        yield Difference("body", *("no JSON" if each is None else "JSON" for each in (was, is_)))


def _asked_by_digest(path: str) -> bool:
    try:
        route = parse_route(path)
        return route is not None and route.digest is not None
    except (InvalidDigest, InvalidReference):
        return False


def _json(response: RecordedResponse) -> Mapping[str, Any] | None:
    """Return the shape of a document; None if there is none."""
    if response.body.size > _LONGEST:
        return None
    try:
        return shape(json.loads(response.body.read()))
    except ValueError:
        return None


def shape(value: object) -> dict[str, Any]:
    """Say of what kind a value of JSON is: `{kind: what is in it}`, those of a list together."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {"object": {key: shape(each) for key, each in fields.items()}}
    if isinstance(value, list):
        return {"list": _together(shape(each) for each in cast("list[object]", value))}
    return {_kind(value): None}


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _together(shapes: Iterator[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for each in shapes:
        for kind, inside in each.items():
            known = merged.get(kind)
            if kind == "object" and known is not None:
                for key, value in inside.items():
                    known[key] = _together(iter((known[key], value))) if key in known else value
            elif kind == "list" and known is not None:
                merged[kind] = _together(iter((known, inside)))
            else:
                merged[kind] = inside
    return merged


def _compare(path: str, was: Mapping[str, Any], is_: Mapping[str, Any]) -> Iterator[Difference]:
    if was.keys() != is_.keys():
        yield Difference(f"body{path}", *(" or ".join(sorted(each)) for each in (was, is_)))
        return
    if "object" in was:
        before, after = was["object"], is_["object"]
        for key in sorted({*before, *after}):
            if key not in before or key not in after:
                said = ("present" if key in each else _ABSENT for each in (before, after))
                yield Difference(f"body{path}.{key}", *said)
            else:
                yield from _compare(f"{path}.{key}", before[key], after[key])
    if was.get("list") and is_.get("list"):  # of an empty list nobody knows what is in it
        yield from _compare(f"{path}[]", was["list"], is_["list"])
