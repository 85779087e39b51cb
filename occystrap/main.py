"""The command `occystrap`: the global options are read, and the command is run.

Rule: the environment and the signals of the process are read here, for all that is below. A
command's module is imported when it runs, so that `--help` and `--version` cost nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast, final

import click

import occystrap
from occystrap.commands.deprecated import TABLE as DEPRECATED
from occystrap.commands.global_options import GLOBAL_OPTIONS
from occystrap.commands.group import CommandGroup, LateCommand
from occystrap.commands.variables import environment_of
from occystrap.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, ModuleType

__all__ = ["cli", "main"]

_COMMANDS: Final = {
    "check": LateCommand("occystrap.commands.check:check", "Check whether an image is sound."),
    "delete": LateCommand("occystrap.commands.delete:delete", "Delete a tag of a registry."),
    "diff": LateCommand("occystrap.commands.diff:diff", "Show what two images have differently."),
    "digest": LateCommand("occystrap.commands.digest:digest", "Print the digest of an image."),
    "info": LateCommand("occystrap.commands.info:info", "Show what an image is."),
    "process": LateCommand(
        "occystrap.commands.process:process", "Move an image from SOURCE to DESTINATION."
    ),
    "proxy": LateCommand(
        "occystrap.commands.proxy:proxy", "Pass pushed images on to a registry, through filters."
    ),
    "registry": LateCommand("occystrap.commands.registry:registry", "Run a registry of one's own."),
    "search": LateCommand("occystrap.commands.search:search", "Find files in an image's layers."),
    "tags": LateCommand("occystrap.commands.tags:tags", "List the tags of a repository."),
} | {
    name: LateCommand(
        "occystrap.commands.deprecated:COMMANDS", deprecated.today, name, "Deprecated"
    )
    for name, deprecated in DEPRECATED.items()
}

_EPILOG: Final = """\b
Examples:
  occystrap process registry://docker.io/library/busybox:latest tar://busybox.tar
  occystrap -j 8 --retries 5 process tar://busybox.tar registry://registry.example/busybox:1
  occystrap registry serve --listen 127.0.0.1:5000
  occystrap process --help

These options may stand behind the command, too. The exit code is 0 if all went well, 1 if it
didn't, and 2 for a command line that can't be understood."""


@click.group(
    cls=CommandGroup,
    late=_COMMANDS,
    params=list(GLOBAL_OPTIONS),
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(occystrap.__version__, prog_name="occystrap")
@click.pass_context
def cli(
    ctx: click.Context, /, *, verbose: bool, debug: bool, password_stdin: bool, **chosen: Any
) -> None:
    """Move container images between registries, tarballs and daemons, and run a registry."""
    obj: dict[str, Any] = ctx.ensure_object(dict)
    ctx.with_resource(_messages(verbose=verbose, debug=debug))
    if password_stdin:
        chosen["password"] = _read_password(ctx)
    if chosen["key"] and not chosen["cert"]:
        raise click.UsageError("--key is the key of a certificate: --cert is missing", ctx)
    obj.update(Options(**chosen, environ=environment_of(ctx)).to_context())


def _read_password(ctx: click.Context) -> str:
    if ctx.get_parameter_source("password") is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("give --password or --password-stdin, not both", ctx)
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, err=True)
        return password
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise click.UsageError("there is no password on standard input", ctx)
    return password


@contextlib.contextmanager
def _messages(*, verbose: bool, debug: bool) -> Iterator[None]:
    """Send what is logged to standard error, for the time of a run."""
    import logging  # noqa: PLC0415 - not needed for --version

    @final
    class ToStandardError(logging.Handler):
        """Writes where standard error is just now: the bars of a terminal redirect it."""

        def emit(self, record: logging.LogRecord) -> None:
            sys.stderr.write(f"{self.format(record)}\n")  # whole, since threads take turns

    # What httpx and its like say of requests holds whole URLs and headers; ours says the same, with
    # the secrets masked. How connections are made isn't secret.
    levels = {
        "": logging.DEBUG if debug else logging.WARNING,
        "occystrap": logging.DEBUG if verbose or debug else logging.INFO,
        "occystrap.client.wire": logging.DEBUG if debug else logging.INFO,
        "httpcore.connection": logging.DEBUG if debug else logging.WARNING,  # through a proxy
    }
    levels |= dict.fromkeys(("httpcore", "httpx", "h2", "hpack", "urllib3"), logging.WARNING)
    before = {name: logging.getLogger(name).level for name in levels}
    handler = ToStandardError()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        yield
    finally:
        root.removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@final
class _Stopped(SystemExit):
    """A signal ends the run."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


def _stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler's shape
    """Unwind, undisturbed by more signals, so that nothing half-written is left."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise _Stopped(number)


#: How many more objects there may be before somebody looks for cycles among them. Imports make a
#: hundred thousand and no cycle; Python's own 700 costs a small pull 5 % of its time.
_OBJECTS_BETWEEN_LOOKS: Final = 10_000


def main() -> None:
    """Run the command line as a process."""
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS)
    # An interpreter that ends looks at every object once more, which costs another 8 %.
    atexit.register(gc.freeze)
    # httpx imports its own command line, with all of rich and pygments, if it can: a third of what
    # importing it costs. In this process nobody asks for that.
    sys.modules.setdefault("httpx._main", cast("ModuleType", None))
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as a shell has it for what runs behind it
            signal.signal(number, _stop)
    try:
        cli()
    except _Stopped as stopped:
        with contextlib.suppress(OSError):
            click.echo(f"Stopped by {signal.Signals(stopped.number).name}.", err=True)
        # Whoever started this process, such as a loop in a shell, sees that it was stopped.
        signal.signal(stopped.number, signal.SIG_DFL)
        os.kill(os.getpid(), stopped.number)


if __name__ == "__main__":
    main()
