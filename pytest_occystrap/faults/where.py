"""Where a fault strikes: which requests, and which of those.

Rule: `on` is for people, a Where is what it means. Nothing here counts; the plan does.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any, Final

from occystrap.errors import InvalidOption
from occystrap.oci.routes import Route, RouteKind
from occystrap.server.message import Request
from pytest_occystrap.exchange import route_of, storage_digest
from pytest_occystrap.faults.effect import Role

__all__ = ["ALWAYS", "Where", "narrowed", "parse_on"]

#: For `times`: as often as it can.
ALWAYS: Final = 0
_ANY: Final = "*"
_KINDS: Final = frozenset(kind.value for kind in RouteKind)
_ROLES: Final = {role.value: role for role in Role}
_METHOD: Final = re.compile(r"[A-Z]+|\*")
_DIGEST: Final = re.compile(r"sha(256|512):[0-9a-f*?]+")
_REPOSITORY: Final = re.compile(r"[a-z0-9._/*?-]+")
_TAG: Final = re.compile(r"[\w.*?-]+", re.ASCII)
_FORM: Final = (
    "it is [METHOD] [KIND] [NAME], such as 'GET blob', 'PUT manifest org/app:1', 'cdn', or"
    f" 'GET /v2/*'; kinds are {', '.join([*sorted(_KINDS), *_ROLES])}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Requests that a fault strikes; whatever isn't said is any.

    `method`, `repository`, `item` (a tag, a digest or a session), `path` and `door` may hold `*`.
    `kind` is that of the route, and a signed URL of storage counts as a blob. Of the requests that
    match, `nth` is the one that is struck (1 is the first), `every` strikes each k-th, and never
    more than `times` (ALWAYS has no end). `since` is seconds of the registry's clock after the
    fault was laid. `probability` is drawn from a dice of its own, made of `seed`.
    """

    method: str = _ANY
    kind: str = _ANY
    repository: str = _ANY
    item: str = _ANY
    path: str = _ANY
    role: Role | None = None
    door: str = _ANY
    nth: int | None = None
    every: int = 1
    times: int = 1
    since: float = 0.0
    probability: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in _KINDS | {_ANY}:
            raise InvalidOption(f"there is no kind of request {self.kind!r}; {_FORM}")
        if self.every < 1 or self.times < 0 or (self.nth is not None and self.nth < 1):
            raise InvalidOption("nth and every count from 1, times from 0, which is always")
        if not 0 <= self.probability <= 1:
            raise InvalidOption(f"a probability is from 0 to 1, not {self.probability}")

    @property
    def text(self) -> str:
        """The place as people write it."""
        role = self.role.value if self.role else ""
        name = self.path if self.path != _ANY else _joined(self.repository, self.item)
        kind = self.kind if self.kind != _ANY else ""
        method = self.method if self.method != _ANY else ""
        return " ".join(word for word in (method, role, kind, name) if word) or "any request"

    @property
    def is_everywhere(self) -> bool:
        """Whether it is about connections as much as about requests."""
        return (self.method, self.kind, self.repository, self.item, self.path) == (_ANY,) * 5

    def matches(self, request: Request, role: Role) -> bool:
        """Tell whether a request is one of those."""
        return (
            (self.role is None or self.role is role)
            and fnmatchcase(request.method, self.method)
            and fnmatchcase(request.door, self.door)
            and fnmatchcase(request.path, self.path)
            and self._names(request, role)
        )

    def _names(self, request: Request, role: Role) -> bool:
        if (self.kind, self.repository, self.item) == (_ANY, _ANY, _ANY):
            return True
        if role is Role.CDN:
            is_blob = self.kind in (_ANY, RouteKind.BLOB.value)
            return is_blob and fnmatchcase(storage_digest(request.path), self.item)
        route = route_of(request.path) if role is Role.REGISTRY else None
        return route is not None and self._is(route, request)

    def _is(self, route: Route, request: Request) -> bool:
        items = {route.item, request.parameter("digest") or route.item}
        return (
            self.kind in (_ANY, route.kind.value)
            and fnmatchcase(route.repository, self.repository)
            and any(fnmatchcase(item, self.item) for item in items)
        )


def parse_on(on: str, **more: Any) -> Where:
    """Read where a fault strikes as people write it, together with fields of a Where.

    Raises:
        occystrap.errors.InvalidOption: that is no place for a fault.
    """
    words = on.split()
    found: dict[str, Any] = {}
    if words and _METHOD.fullmatch(words[0]):
        found["method"] = words.pop(0)
    if words and words[0] in _ROLES:
        found["role"] = _ROLES[words.pop(0)]
    if words and words[0] in _KINDS:
        found["kind"] = words.pop(0)
    if words and words[0] != _ANY:
        found |= _name(words[0])
    if len(words) > 1 or not on.strip():
        raise InvalidOption(f"not where a fault can strike: {on!r}; {_FORM}")
    return narrowed(Where(**found), **more)


def narrowed(where: Where, **more: Any) -> Where:
    """Return a place of which more is said, by fields of a Where.

    Raises:
        occystrap.errors.InvalidOption: there is no such field, or it can't be that.
    """
    names = [field.name for field in fields(Where)]
    for name in more.keys() - set(names):
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
        raise InvalidOption(f"a fault has no {name!r}; {hint}")
    return replace(where, **more)


def _joined(repository: str, item: str) -> str:
    if item == _ANY:
        return "" if repository == _ANY else repository
    if repository == _ANY:
        return item
    return f"{repository}@{item}" if ":" in item else f"{repository}:{item}"


def _name(word: str) -> dict[str, Any]:
    if word.startswith("/"):
        return {"path": word}
    if _DIGEST.fullmatch(word):
        return {"item": word}
    repository, at, item = word.partition("@")
    form = _DIGEST
    if not at:
        repository, colon, item = word.partition(":")
        item, form = item if colon else _ANY, _TAG
    if not (_REPOSITORY.fullmatch(repository) and form.fullmatch(item)):
        raise InvalidOption(f"not where a fault can strike: {word!r}; {_FORM}")
    return {"repository": repository, "item": item}
