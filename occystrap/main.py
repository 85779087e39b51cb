"""The command `occystrap`: global options, and the door behind which no error shows a traceback.

Rule: the environment and the signals of the process are read here and nowhere else. A command's
module is imported when it runs, so that `--help` and `--version` cost nothing.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

import occystrap
from occystrap.errors import OccystrapError
from occystrap.options import Options

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["cli", "main"]

#: name -> where it lives, and what the list of commands says of it.
_COMMANDS: Final = {
    "process": ("occystrap.commands.process:process", "Move an image from SOURCE to DESTINATION."),
    "registry": ("occystrap.commands.registry:registry", "Run a registry of one's own."),
}
_TERMINATED: Final = 128 + signal.SIGTERM
#: Their debug lines hold whole URLs and headers; ours say the same with the secrets masked.
_TALKATIVE: Final = ("httpcore", "httpx", "h2", "hpack", "urllib3")


class _Commands(click.Group):
    """Commands known by name; an error of ours ends in one line and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *_COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            rows = [(n, _COMMANDS[n][1]) for n in self.list_commands(ctx) if n in _COMMANDS]
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it raises ends in one line."""
        try:
            return super().invoke(ctx)
        except (OccystrapError, OSError) as error:
            raise click.ClickException(str(error)) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if logging.getLogger().isEnabledFor(logging.DEBUG):
                raise
            raise click.ClickException(
                f"internal error: {type(error).__name__}: {error}"
                " (this is a fault of occystrap; --debug shows where)"
            ) from error


_EPILOG: Final = """\b
Examples:
  occystrap process registry://docker.io/library/busybox:latest tar://busybox.tar
  occystrap -j 8 --retries 5 process tar://busybox.tar registry://registry.example/mirror/busybox:1
  occystrap registry serve --listen 127.0.0.1:5000

Options go before the command. Those with an environment variable are read from it, too."""


@click.group(
    cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(occystrap.__version__, prog_name="occystrap")
@click.option("--verbose", is_flag=True, help="Show every request.")
@click.option("--debug", is_flag=True, help="Show the debug lines of every library.")
@click.option("--os", default="linux", show_default=True, help="Platform to choose from an index.")
@click.option("--architecture", default="amd64", show_default=True)
@click.option("--variant", default="", help="Such as v8 of arm64.")
@click.option("--username", envvar="OCCYSTRAP_USERNAME", help="For source and destination alike.")
@click.option("--password", envvar="OCCYSTRAP_PASSWORD", help="Better given as a variable.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--authfile", type=click.Path(), help="A file like ~/.docker/config.json.")
@click.option("--insecure", is_flag=True, help="Plain HTTP instead of HTTPS.")
@click.option("--ca-file", type=click.Path(), help="A CA to trust beside those of the system.")
@click.option("--cert", type=click.Path(), help="A client certificate (PEM).")
@click.option("--key", type=click.Path(), help="The key of the client certificate.")
@click.option("--skip-verify", is_flag=True, help="Don't check TLS certificates.")
@click.option(
    "--compression",
    type=click.Choice(["gzip", "zstd"]),
    envvar="OCCYSTRAP_COMPRESSION",
    help="Store all layers like this; without it those of a registry stay as they are.",
)
@click.option("--compression-level", type=int, help="Higher is smaller and slower.")
@click.option(
    "-j",
    "--parallel",
    "max_workers",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    envvar="OCCYSTRAP_PARALLEL",
    help="Layers moved at once.",
)
@click.option("--temp-dir", type=click.Path(), envvar="OCCYSTRAP_TEMP_DIR")
@click.option("--layer-cache", type=click.Path(), envvar="OCCYSTRAP_LAYER_CACHE")
@click.option(
    "-O",
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How results are printed.",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    envvar="OCCYSTRAP_RETRIES",
    help="More attempts after the first, for every request.",
)
@click.option(
    "--rate-limit",
    type=click.FloatRange(min=0, min_open=True),
    envvar="OCCYSTRAP_RATE_LIMIT",
    help="Most requests a second, of all threads together.",
)
@click.option(
    "-J",
    "--image-parallel",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    envvar="OCCYSTRAP_IMAGE_PARALLEL",
    help="Images moved at once, when there are several.",
)
@click.option(
    "--verify/--no-verify",
    default=True,
    show_default=True,
    envvar="OCCYSTRAP_VERIFY",
    help="Look at what was written.",
)
@click.option(
    "--verify-full",
    is_flag=True,
    envvar="OCCYSTRAP_VERIFY_FULL",
    help="Read back all that was written; implies --verify.",
)
@click.pass_context
def cli(
    ctx: click.Context, /, *, verbose: bool, debug: bool, password_stdin: bool, **chosen: Any
) -> None:
    """Move container images between registries and tarballs, through filters."""
    obj: dict[str, Any] = ctx.ensure_object(dict)
    if password_stdin:
        chosen["password"] = sys.stdin.readline().rstrip("\r\n")
    options = Options(**chosen, environ=obj.get("ENVIRON", os.environ))
    obj.update(options.to_context())
    _set_up_logging(verbose=verbose, debug=debug)


def _set_up_logging(*, verbose: bool, debug: bool) -> None:
    logging.basicConfig(stream=sys.stderr, format="%(message)s", force=True)
    logging.getLogger().setLevel(logging.DEBUG if debug else logging.WARNING)
    logging.getLogger("occystrap").setLevel(logging.DEBUG if verbose or debug else logging.INFO)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler's shape
    """Unwind, so that nothing half-written is left."""
    raise SystemExit(_TERMINATED)


def main() -> None:
    """Run the command line as a process."""
    signal.signal(signal.SIGTERM, _terminate)
    cli()


if __name__ == "__main__":
    main()
