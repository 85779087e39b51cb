"""How a fake registry behaves: what the marker, `make_registry` and the command line may say.

Rule: a name that doesn't exist is an error, with the one that was perhaps meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from occystrap.errors import InvalidOption

if TYPE_CHECKING:
    from pytest_occystrap.dialects import Dialect

__all__ = ["AuthName", "RegistryOptions", "usual_cassettes"]

AuthName = Literal["none", "basic", "bearer"]

#: A password that no URL and no header holds by chance.
_ACCOUNTS: Final = {"fake-user": "fake-password"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """What sets a fake registry apart; None leaves it to the dialect.

    `name` is what reports call it. `dialect` is the registry whose ways it has; empty is the
    specification. `auth` asks for a password (`basic`) or a token (`bearer`); with `none` nobody
    needs an account. `accounts` are passwords by name: whoever has one may do everything, strangers
    may pull with a token what isn't `private` (True is every repository). A token lives
    `token_lifetime` seconds of the registry's clock. `redirects` sends who pulls a blob to another
    host, to a URL that is good for `url_lifetime` seconds. `limits` keeps also those rate limits
    that a registry doesn't announce. `http2` offers it on sockets. `images` are put there:
    references, or references with what `add_image` takes. With a `directory` everything is kept
    there, as docker-registry would, instead of in memory. `chunk_min_length` is announced as
    OCI-Chunk-Min-Length. `faults` go wrong, each written as docs/faults.md has it. `cassettes`
    is the directory of those that are called by name; None is `cassettes`, or `tests/cassettes`.
    `forgive_leaks` lets a test pass though a client has sent credentials to where they don't
    belong.
    """

    name: str = ""
    dialect: str | Dialect = ""
    auth: AuthName | None = None
    accounts: Mapping[str, str] = field(default_factory=_ACCOUNTS.copy, repr=False)
    private: bool | Collection[str] = ()
    token_lifetime: int | None = None
    redirects: bool | None = None
    url_lifetime: int | None = None
    limits: bool = False
    http2: bool | None = None
    images: Sequence[str] | Mapping[str, Mapping[str, Any]] = ()
    directory: Path | None = None
    chunk_min_length: int = 0
    faults: Sequence[str] = ()
    cassettes: Path | None = None
    forgive_leaks: bool = False

    def __post_init__(self) -> None:
        if self.auth not in (None, *get_args(AuthName)):
            known = ", ".join(get_args(AuthName))
            raise InvalidOption(f"auth is one of {known}, not {self.auth!r}")

    def changed(self, **options: Any) -> RegistryOptions:
        """Return the options with some of them replaced.

        Raises:
            occystrap.errors.InvalidOption: there is no such option, or it can't have that value.
        """
        names = [known.name for known in fields(self)]
        for name in options.keys() - set(names):
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            raise InvalidOption(f"a fake registry has no option {name!r}; {hint}")
        return replace(self, **options)


def usual_cassettes(root: Path) -> Path:
    """Choose the directory of a project's cassettes: `cassettes`, or `tests/cassettes`."""
    places = root / "cassettes", root / "tests/cassettes"
    return next((place for place in places if place.is_dir()), places[0])
