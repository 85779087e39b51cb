"""Which schemes and filters there are, and which options each of them knows.

Rule: an option that would do nothing is an error, not a surprise.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from occystrap.errors import URIParseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from occystrap.uri.options import OptionValue
    from occystrap.uri.spec import FilterSpec, URISpec

__all__ = [
    "ALIASES",
    "DAEMONS",
    "FILTERS",
    "INPUT_SCHEMES",
    "OUTPUT_SCHEMES",
    "PATHS",
    "Role",
    "check_filter",
    "check_options",
]

Role: TypeAlias = Literal["input", "output"]

ALIASES: Final = {"file": "tar", "directory": "dir"}
#: Schemes that name a file or a directory.
PATHS: Final = frozenset({"tar", "dir", "oci", "mounts", "ocidir", "ocitar"})
#: Schemes that name an image of a daemon, without a host.
DAEMONS: Final = frozenset({"docker", "dockerpush"})

_REGISTRY: Final = frozenset(
    {"ca_file", "cert", "insecure", "key", "max_workers", "password", "skip_verify", "username"}
)
_PLATFORM: Final = frozenset({"arch", "architecture", "os", "platform", "variant"})
_PULL: Final = _REGISTRY | _PLATFORM
_UNPACKED: Final = frozenset({"devices", "max_bytes", "max_workers"})
_BUNDLE: Final = _UNPACKED | {"readonly", "terminal"}
_LAYOUT: Final = frozenset({"compression", "max_workers", "tag"})
_SOCKET: Final = frozenset({"socket"})
_NONE: Final[frozenset[str]] = frozenset()
_SCHEMES: Final[Mapping[Role, Mapping[str, frozenset[str]]]] = {
    "input": {
        "registry": _PULL,
        "quay": _PULL | {"base", "since", "token"},
        "docker": _SOCKET,
        "dockerpush": _SOCKET,
        "tar": _NONE,
        "dir": frozenset({"image"}),
        "ocidir": _PLATFORM | {"tag"},
        "ocitar": _PLATFORM | {"tag"},
    },
    "output": {
        "tar": _NONE,
        "dir": _UNPACKED | {"expand", "unique_names"},
        "oci": _BUNDLE,
        "mounts": _BUNDLE | {"mount"},
        "ocidir": _LAYOUT,
        "ocitar": _LAYOUT,
        "docker": _SOCKET,
        "registry": _REGISTRY | {"compression"},
    },
}
FILTERS: Final[Mapping[str, frozenset[str]]] = {
    "normalize-timestamps": frozenset({"timestamp", "ts"}),
    "exclude": frozenset({"pattern"}),
    "search": frozenset({"pattern", "regex", "script_friendly"}),
    "inspect": frozenset({"file"}),
}
#: Filters whose options may be there more than once.
_REPEATING: Final = frozenset({"exclude"})

INPUT_SCHEMES: Final = (*_SCHEMES["input"], "file", "directory")
OUTPUT_SCHEMES: Final = (*_SCHEMES["output"], "directory")


def check_options(spec: URISpec, role: Role) -> None:
    """Hold a URI against what its scheme knows.

    Raises:
        URIParseError: the scheme has no such role, doesn't know an option, or gets one twice.
    """
    known = _SCHEMES[role].get(spec.scheme)
    if known is None:
        there_is = ", ".join(_SCHEMES[role])
        raise URIParseError(f"Unknown {role} scheme: {spec.scheme} (there is: {there_is})")
    _check(f"{spec.scheme}:// as {role}", known, spec.options)
    _check_once(f"{spec.scheme}:// URI", spec.options)


def check_filter(spec: FilterSpec) -> None:
    """Hold a filter against what it knows.

    Raises:
        URIParseError: there is no such filter, or it doesn't know an option, or gets one twice.
    """
    known = FILTERS.get(spec.name)
    if known is None:
        nearest = _nearest(spec.name, FILTERS)
        raise URIParseError(
            f"Unknown filter: {spec.name}{nearest} (there is: {', '.join(FILTERS)})"
        )
    _check(f"filter {spec.name}", known, spec.options)
    if spec.name not in _REPEATING:
        _check_once(f"filter {spec.name}", spec.options)


def _check(what: str, known: frozenset[str], options: Mapping[str, OptionValue]) -> None:
    for name in options:
        if name not in known:
            knows = f"it knows: {', '.join(sorted(known))}" if known else "it has none"
            nearest = _nearest(name, known)
            raise URIParseError(f"{what} doesn't know the option {name!r}{nearest}; {knows}")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _check_once(what: str, options: Mapping[str, OptionValue]) -> None:
    for name, value in options.items():
        if isinstance(value, list):
            raise URIParseError(f"{what} has the option {name!r} {len(value)} times")
