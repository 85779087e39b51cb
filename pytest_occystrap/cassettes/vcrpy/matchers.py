"""When a recorded exchange answers a request: what vcrpy doesn't look at.

Rule: an answer that was made for other bytes is none. A part of a blob isn't another part, and what
is uploaded has to be what was uploaded when the registry said that it is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

from vcr.request import Request
from vcr.util import read_body

from pytest_occystrap.cassettes.bodies import NO_BODY, Body
from pytest_occystrap.cassettes.vcrpy.values import KeptRequest

__all__ = ["Matcher", "our_matchers"]

#: What vcrpy calls with the request that is made and one that was recorded. It raises
#: AssertionError if they differ, and vcrpy's report has its `__name__`.
Matcher = Callable[[Any, Any], Any]

_UPLOADING: Final = frozenset({"PATCH", "POST", "PUT"})
_UPLOADED_TO: Final = re.compile("/(?:blobs|manifests)/")


def our_matchers() -> tuple[Matcher, ...]:
    """Make the matchers of a cassette."""
    digests: WeakKeyDictionary[Request, Body] = WeakKeyDictionary()

    def uploaded_bytes(made: Request, recorded: Request) -> None:
        if not (_is_upload(made) or _is_upload(recorded)):
            return
        ours, theirs = (_body(each, digests) for each in (made, recorded))
        if ours != theirs:
            raise AssertionError(
                f"the bodies differ: {ours.digest}, {ours.size} bytes, was {theirs.digest},"
                f" {theirs.size} bytes, when it was recorded"
            )

    return byte_range, uploaded_bytes


def byte_range(made: Request, recorded: Request) -> None:
    """Compare which part of the content is asked for."""
    ours, theirs = (each.headers.get("Range") for each in (made, recorded))
    if ours != theirs:
        raise AssertionError(f"Range: {ours} was {theirs} when it was recorded")


def _is_upload(request: Request) -> bool:
    return request.method in _UPLOADING and bool(_UPLOADED_TO.search(request.path))


def _body(request: Request, known: WeakKeyDictionary[Request, Body]) -> Body:
    """Return a body whose digest is taken once, however many requests it's compared with."""
    if isinstance(request, KeptRequest) and request.kept is not None:
        return request.kept
    if request not in known:
        content: Any = read_body(request)
        if isinstance(content, str):
            content = content.encode()
        known[request] = Body.of(bytes(content)) if content else NO_BODY
    return known[request]
