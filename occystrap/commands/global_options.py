"""The options of all commands, as one table.

Rule: each is read from the environment too, as OCCYSTRAP_ and its name, and its help says what it
does, what it is without, and what it does not do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import click

from occystrap.commands.variables import environment_of, long_name, variable_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["GLOBAL_OPTIONS", "GlobalOption"]


@final
class GlobalOption(click.Option):
    """An option of a section of the help; `variable=False` for one that no variable stands for."""

    def __init__(
        self, section: str, declarations: Sequence[str], *, variable: bool = True, **attributes: Any
    ) -> None:
        name = variable_of(long_name(tuple(declarations)))
        super().__init__(
            declarations, envvar=name if variable else None, show_envvar=variable, **attributes
        )
        self.section = section

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Look the variable up; an empty one counts as none."""
        name = self.envvar
        return environment_of(ctx).get(name) or None if isinstance(name, str) else None


def _section(title: str, *options: tuple[Sequence[str], Mapping[str, Any]]) -> list[GlobalOption]:
    return [GlobalOption(title, declarations, **attributes) for declarations, attributes in options]


def _option(*declarations: str, **attributes: Any) -> tuple[Sequence[str], Mapping[str, Any]]:
    return declarations, attributes


def _path(*declarations: str, **attributes: Any) -> tuple[Sequence[str], Mapping[str, Any]]:
    return _option(*declarations, type=click.Path(), **attributes)


def _switch(*declarations: str, **attributes: Any) -> tuple[Sequence[str], Mapping[str, Any]]:
    return _option(*declarations, is_flag=True, **attributes)


_REGISTRY: Final = _section(
    "Reaching registries",
    _option(
        "--username",
        metavar="NAME",
        help="Log in to source and destination under this name. Without it what docker login,"
        " podman login or a credential helper has stored is used.",
    ),
    _option(
        "--password",
        metavar="PASSWORD",
        help="Its password. Everyone on this machine sees it in the list of processes: better give"
        " it as the variable, or with --password-stdin.",
    ),
    _switch(
        "--password-stdin",
        variable=False,
        help="Read the password from standard input, or ask for it on a terminal.",
    ),
    _path(
        "--authfile",
        metavar="FILE",
        help="Look up logins in this file only, in the format of ~/.docker/config.json.",
    ),
    _switch(
        "--insecure",
        help="Speak plain HTTP instead of HTTPS, with source and destination; for one of them write"
        " ?insecure=true behind its URI.",
    ),
    _path("--ca-file", metavar="FILE", help="Trust the CAs in this PEM file, beside the system's."),
    _path("--cert", metavar="FILE", help="Show this client certificate (PEM) to registries."),
    _path("--key", metavar="FILE", help="The key of --cert, where that file doesn't hold it."),
    _switch(
        "--skip-verify", help="Accept any TLS certificate: whoever is on the way can read it all."
    ),
)

_PLATFORM: Final = _section(
    "Choosing from an image for several platforms",
    _option("--os", default="linux", show_default=True, metavar="NAME", help="Operating system."),
    _option(
        "--architecture",
        default="amd64",
        show_default=True,
        metavar="NAME",
        help="Processor, in the words of Go: amd64, arm64, arm, s390x, ppc64le, riscv64...",
    ),
    _option(
        "--variant",
        default="",
        metavar="NAME",
        help="Variant of the processor, such as v7 of arm; without it the best that there is.",
    ),
)

_PACE: Final = _section(
    "Speed and patience",
    _option(
        "-j",
        "--parallel",
        "max_workers",
        type=click.IntRange(min=1),
        default=4,
        show_default=True,
        metavar="N",
        help="Move so many layers of an image at once.",
    ),
    _option(
        "-J",
        "--image-parallel",
        type=click.IntRange(min=1),
        default=3,
        show_default=True,
        metavar="N",
        help="Move so many images at once, where one command moves several.",
    ),
    _option(
        "--retries",
        type=click.IntRange(min=0),
        default=3,
        show_default=True,
        metavar="N",
        help="Try every request so many more times after the first, if the failure may pass.",
    ),
    _option(
        "--rate-limit",
        type=click.FloatRange(min=0, min_open=True),
        metavar="R",
        help="Send at most R requests a second, all threads and both sides together.",
    ),
)

_LAYERS: Final = _section(
    "Layers",
    _option(
        "--compression",
        type=click.Choice(["gzip", "zstd"]),
        help="Store all layers in a registry like this, which changes digests. Without it layers of"
        " a registry stay as they are, and plain ones become gzip.",
    ),
    _option(
        "--compression-level",
        type=click.IntRange(0, 22),
        metavar="N",
        help="How hard to compress: gzip 0 to 9 (2 if not given; from 3 on smaller, and slow), zstd"
        " 1 to 22 (3).",
    ),
    _path(
        "--layer-cache",
        metavar="FILE",
        help="Remember in this JSON file what compressed and filtered layers became, so that the"
        " next run needn't make them again to know it.",
    ),
    _path(
        "--temp-dir",
        metavar="DIR",
        help="Where layers wait while they are compressed or out of order. Without it $TMPDIR, or"
        " /tmp.",
    ),
)

_RESULT: Final = _section(
    "Results and messages",
    _option(
        "-O",
        "--output-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        metavar="FORMAT",
        help="text, or json: the result is a JSON object on standard output, alone there.",
    ),
    _option(
        "--verify/--no-verify",
        default=True,
        show_default=True,
        help="Look afterwards whether all that was written is there.",
    ),
    _switch("--verify-full", help="Read it all back and hash it, too; implies --verify."),
    _switch("--verbose", help="Tell of every request and its answer, secrets masked."),
    _switch(
        "--debug",
        help="Tell what libraries do as well, and show where in the code an internal error is.",
    ),
)

#: All of them, in the order in which the help shows them.
GLOBAL_OPTIONS: Final = (*_REGISTRY, *_PLATFORM, *_PACE, *_LAYERS, *_RESULT)
