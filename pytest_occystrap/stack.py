"""The handlers of a fake registry, one in front of the other as the options say.

Rule: a fake always speaks a dialect; without one it speaks that of the specification, which differs
in nothing. What the options say counts before what the dialect does.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, final

from occystrap.errors import InvalidOption
from occystrap.server.cdn import Cdn
from occystrap.server.directory_store import DirectoryStore
from occystrap.server.memory_store import MemoryStore
from occystrap.server.message import Request
from occystrap.server.registry import Registry
from occystrap.server.store import Store
from pytest_occystrap.dialects import DIALECTS, Dialect, Speaking, new_cdn, speak
from pytest_occystrap.dialects.entry_form import Scheme
from pytest_occystrap.dialects.form import Redirect
from pytest_occystrap.options import RegistryOptions

__all__ = ["Stack", "adapted_dialect", "build_stack", "find_dialect", "stack_over"]

Clock = Callable[[], float]
Location = Callable[[Request, str], str]

#: Where blobs are when nobody says otherwise; any name leads to the fake.
_STORAGE: Final = Redirect("storage.test")
_SPECIFICATION: Final = Dialect("", "the specification")


@dataclass(frozen=True, slots=True)
class Stack:
    """Who answers, what it answers from, and who serves blobs elsewhere, if anyone does."""

    dialect: Dialect
    store: Store
    speaking: Speaking
    cdn: Cdn | None


def build_stack(options: RegistryOptions, clock: Clock, location: Location) -> Stack:
    """Put the handlers together; `location` makes URLs of what is on the storage host.

    Raises:
        InvalidOption: there is no such dialect.
    """
    store = MemoryStore() if options.directory is None else DirectoryStore(options.directory)
    is_open = options.auth == "none" or (options.auth is None and not options.dialect)
    accounts = None if is_open else options.accounts
    return stack_over(store, options, accounts, clock, location)


def stack_over(
    store: Store,
    options: RegistryOptions,
    accounts: Mapping[str, str] | None,
    clock: Clock,
    location: Location,
) -> Stack:
    """Put the handlers together over a store; without accounts everyone may do everything.

    Raises:
        InvalidOption: there is no such dialect.
    """
    dialect = adapted_dialect(options)
    registry = Registry(store, chunk_min_length=options.chunk_min_length)
    cdn = new_cdn(dialect, store, clock)
    speaking = speak(
        dialect,
        registry,
        clock=clock,
        accounts=accounts,
        private=_Everything() if options.private is True else options.private or (),
        cdn=cdn,
        location=location,
        limits=options.limits,
    )
    return Stack(dialect, store, speaking, cdn)


def find_dialect(dialect: str | Dialect) -> Dialect:
    """Look a dialect up by its name, with dashes or underscores; empty is the specification.

    Raises:
        InvalidOption: there is none; the message lists those that there are.
    """
    if not isinstance(dialect, str):
        return dialect
    if not dialect:
        return _SPECIFICATION
    found = DIALECTS.get(dialect.replace("-", "_"))
    if found is None:
        near = difflib.get_close_matches(dialect, DIALECTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(DIALECTS)}"
        raise InvalidOption(f"there is no dialect {dialect!r}; {hint}")
    return found


_SCHEMES: Final = {"basic": Scheme.BASIC, "bearer": Scheme.BEARER}


def adapted_dialect(options: RegistryOptions) -> Dialect:
    """Look the dialect up, and let the options count before it.

    Raises:
        InvalidOption: there is no such dialect.
    """
    dialect = find_dialect(options.dialect)
    entry = dialect.entry
    if options.auth in _SCHEMES:
        entry = replace(entry, scheme=_SCHEMES[options.auth])
    if options.token_lifetime is not None:
        entry = replace(entry, seconds=options.token_lifetime)
    redirect = dialect.blobs.redirect
    if options.redirects or (options.redirects is None and redirect and redirect.usual):
        redirect = redirect or _STORAGE
        if options.url_lifetime is not None:
            redirect = replace(redirect, seconds=options.url_lifetime)
    else:
        redirect = None
    return replace(dialect, entry=entry, blobs=replace(dialect.blobs, redirect=redirect))


@final
class _Everything(Collection[str]):
    """All names that there could be."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
