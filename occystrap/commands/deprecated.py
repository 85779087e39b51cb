"""Commands of older versions, each of which is a command line of today.

Rule: one table; a word in upper case stands for the argument of that name. What they do is what
that command line does, summary and verification included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from occystrap.commands.group import Action
from occystrap.commands.variables import CommandOption

__all__ = ["COMMANDS", "TABLE", "Deprecated"]


@dataclass(frozen=True, slots=True)
class Deprecated:
    """A command: its arguments, the names of its options, and the command line of today."""

    arguments: str
    today: str
    options: tuple[str, ...] = ()


_TIMES: Final = ("normalize-timestamps", "timestamp")
_DIRECTORY: Final = ("use-unique-names", "expand")
_SEARCH: Final = ("regex", "script-friendly")
_REGISTRY: Final = "registry://REGISTRY/IMAGE:TAG"
_DOCKER: Final = "docker://IMAGE:TAG"

TABLE: Final[Mapping[str, Deprecated]] = {
    "docker-to-extracted": Deprecated(
        "IMAGE TAG PATH", f"process {_DOCKER} dir://PATH", ("socket", *_DIRECTORY)
    ),
    "docker-to-oci": Deprecated("IMAGE TAG PATH", f"process {_DOCKER} oci://PATH", ("socket",)),
    "docker-to-tarfile": Deprecated(
        "IMAGE TAG TARFILE", f"process {_DOCKER} tar://TARFILE", ("socket", *_TIMES)
    ),
    "fetch-to-extracted": Deprecated(
        "REGISTRY IMAGE TAG PATH", f"process {_REGISTRY} dir://PATH", _DIRECTORY
    ),
    "fetch-to-mounts": Deprecated("REGISTRY IMAGE TAG PATH", f"process {_REGISTRY} mounts://PATH"),
    "fetch-to-oci": Deprecated("REGISTRY IMAGE TAG PATH", f"process {_REGISTRY} oci://PATH"),
    "fetch-to-tarfile": Deprecated(
        "REGISTRY IMAGE TAG TARFILE", f"process {_REGISTRY} tar://TARFILE", _TIMES
    ),
    "recreate-image": Deprecated(
        "PATH IMAGE TAG TARFILE", "process dir://PATH?image=IMAGE:TAG tar://TARFILE", _TIMES
    ),
    "search-layers": Deprecated(
        "REGISTRY IMAGE TAG PATTERN", f"search {_REGISTRY} PATTERN", _SEARCH
    ),
    "search-layers-docker": Deprecated(
        "IMAGE TAG PATTERN", f"search {_DOCKER} PATTERN", ("socket", *_SEARCH)
    ),
    "search-layers-tarfile": Deprecated("TARFILE PATTERN", "search tar://TARFILE PATTERN", _SEARCH),
    "tarfile-to-extracted": Deprecated(
        "TARFILE PATH", "process tar://TARFILE dir://PATH", _DIRECTORY
    ),
}

_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "expand": {"is_flag": True, "help": "Today: dir://PATH?expand=true"},
    "normalize-timestamps": {"is_flag": True, "help": "Today: -f normalize-timestamps"},
    "regex": {"is_flag": True, "help": "The same today."},
    "script-friendly": {"is_flag": True, "help": "The same today."},
    "socket": {"metavar": "PATH", "help": "Today: docker://IMAGE:TAG?socket=PATH"},
    "timestamp": {
        "type": int,
        "default": 0,
        "show_default": True,
        "help": "Today: -f normalize-timestamps:ts=SECONDS",
    },
    "use-unique-names": {"is_flag": True, "help": "Today: dir://PATH?unique_names=true"},
}


def _run(deprecated: Deprecated) -> Callable[..., None]:
    """Make what a command does."""

    @click.pass_context
    def run(ctx: click.Context, /, **chosen: Any) -> None:
        command, source, last = deprecated.today.split()
        if command == "search":
            from occystrap.commands.search import search  # noqa: PLC0415 - only for who searches

            ctx.invoke(
                search,
                source=_filled(source, chosen),
                pattern=chosen["pattern"],
                regex=chosen["regex"],
                script_friendly=chosen["script_friendly"],
            )
            return
        from occystrap.commands.process import process  # noqa: PLC0415

        filters = (
            (f"normalize-timestamps:ts={chosen['timestamp']}",)
            if chosen.get("normalize_timestamps")
            else ()
        )
        ctx.invoke(
            process,
            source=_filled(source, chosen),
            destination=_filled(last, chosen),
            filters=filters,
            shard=None,
            again=False,
        )

    return run


def _filled(pattern: str, chosen: Mapping[str, Any]) -> str:
    """Put arguments into a URI, and options that belong to it behind."""
    uri = re.sub(r":?[A-Z]+", lambda found: _written(found[0], chosen), pattern)
    query = []
    if pattern.startswith("docker:") and chosen["socket"]:
        query.append(f"socket={_quoted(chosen['socket'])}")
    if pattern == "dir://PATH":
        query += ["unique_names=true"] if chosen["use_unique_names"] else []
        query += ["expand=true"] if chosen["expand"] else []
    return f"{uri}?{'&'.join(query)}" if query else uri


def _written(word: str, chosen: Mapping[str, Any]) -> str:
    value: str = chosen[word.strip(":").lower()]
    if word == "REGISTRY":
        return value  # with a login, perhaps, which is written as in a URI
    if word == ":TAG":
        return f"@{value}" if value.startswith("sha256:") else f":{_quoted(value)}"
    if word in ("PATH", "TARFILE") and not value.startswith("/"):
        value = f"./{value}"  # localhost/ would be the name of a host
    return _quoted(value)


def _quoted(text: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - the table is read for each --help

    return quote(text, safe="/", errors="surrogateescape")


def _command(name: str, deprecated: Deprecated) -> click.Command:
    params: list[click.Parameter] = [
        click.Argument([word.lower()]) for word in deprecated.arguments.split()
    ]
    params += [CommandOption([f"--{each}"], **_OPTIONS[each]) for each in deprecated.options]
    about = f"Do what `occystrap {deprecated.today}` does, which is to be written today."
    return Action(name, callback=_run(deprecated), params=params, help=about, deprecated=True)


COMMANDS: Final[Mapping[str, click.Command]] = {
    name: _command(name, deprecated) for name, deprecated in TABLE.items()
}
