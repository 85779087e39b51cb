"""What a fault does: an effect is a frozen value that answers in the place of a handler.

Rule: an effect knows no door, no registry and no time of its own. It asks the handler behind it or
doesn't, and gives back an answer, one of the signals of a door, or word that there was nothing here
for it to strike.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from typing import Any, ClassVar, Final, Protocol

from occystrap.errors import InvalidOption
from occystrap.server.message import Handler, Request, Response
from pytest_occystrap.faults.values import check_values, written

__all__ = [
    "NO_NEEDS",
    "Aftermath",
    "Effect",
    "Missed",
    "Role",
    "Scene",
    "Trait",
    "checked",
    "describe",
    "effect_name",
    "is_pair",
]

_INNER_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PAIR: Final = re.compile(r"[a-z_]+=")


class Role(Enum):
    """Whose part a host plays."""

    REGISTRY = "registry"
    TOKEN = "token"  # noqa: S105 - the endpoint that gives them out
    CDN = "cdn"
    API = "api"


class Trait(Enum):
    """What an exchange has to have so that an effect can strike it."""

    ANSWER_BODY = "a body of the answer"
    REQUEST_BODY = "a body of the request"
    RANGE = "a Range"
    AUTHORIZATION = "a token"
    DIGEST = "a Docker-Content-Digest"
    LOCATION = "a Location"
    CHALLENGE = "a challenge"
    PAGES = "a list with pages"
    MOUNT = "a mount"
    SESSION = "the session of an upload"
    COMMIT = "the end of an upload, or a manifest put"
    WRITE = "something that changes the registry"
    TOKEN_ENDPOINT = "the token endpoint"  # noqa: S105 - no secret
    STORAGE = "a signed URL"


NO_NEEDS: Final[frozenset[Trait]] = frozenset()


@dataclass(frozen=True, slots=True)
class Missed:
    """The answer that came when there was nothing to strike: the effect hasn't been used up."""

    response: Response


class Aftermath(Protocol):
    """What stays behind when an effect has struck: it sees every later request."""

    def handle(self, request: Request, inner: Handler) -> Response:
        """Answer, or let the handler behind answer."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an effect strikes: the handler behind it, the time, the dice, and what stays behind."""

    inner: Handler
    role: Role
    clock: Callable[[], float]
    dice: random.Random
    remember: Callable[[Aftermath], None]


class Effect(Protocol):
    """What happens to a request; `needs` tells to which requests it can."""

    needs: ClassVar[frozenset[Trait]]

    def strike(self, request: Request, scene: Scene) -> Response | Missed:
        """Answer in the place of the handler behind.

        Raises:
            occystrap.server.signals: whatever a door understands.
        """
        ...


def effect_name(kind: type) -> str:
    """Return how an effect is called in the grammar and in Python: ResetUpload is reset_upload."""
    return _INNER_CAPITAL.sub("_", kind.__name__).lower()


def describe(effect: Effect) -> str:
    """Write an effect as the grammar has it: `status 429 retry_after=3`."""
    return " ".join([effect_name(type(effect)), *_changed(effect)])


def _changed(effect: Any) -> Iterator[str]:
    bare = True
    for field in fields(effect):
        value = getattr(effect, field.name)
        text = written(value)
        # What looks like NAME=VALUE can't stand by itself, and what comes behind a name has one.
        bare = bare and field.default is MISSING and not is_pair(str(value))
        if bare:
            yield text
        elif value != field.default:
            yield f"{field.name}={text}"


def is_pair(word: str) -> bool:
    """Tell whether a word of the grammar is NAME=VALUE."""
    return _PAIR.match(word) is not None


def checked(effect: Effect) -> Effect:
    """Return an effect that can strike.

    Raises:
        InvalidOption: it is none, or its fields hold what they can't.
    """
    if isinstance(effect, type):
        name = effect_name(effect)
        raise InvalidOption(f"{name} is what makes an effect; write {name}(...)")
    if not hasattr(effect, "strike"):
        raise InvalidOption(f"not an effect: {effect!r}; pytest_occystrap.faults has them")
    check_values(effect, effect_name(type(effect)))
    return effect
