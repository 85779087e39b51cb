"""Running the command line in this process, with the client of a fake registry.

Rule: whatever a run changes of the process (streams, logging), it puts back.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final
from unittest import mock

import httpx

from occystrap.main import cli
from pytest_occystrap.clock import FakeClock

__all__ = ["Result", "RunOccystrap"]


@dataclass(frozen=True, slots=True)
class Result:
    """How a run of the command line ended; `exception` is what it ended with instead of a code."""

    args: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    exception: BaseException | None = None

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked to."""
        return self.exit_code == 0

    @property
    def json(self) -> Any:
        """What it printed with `--output-format json`.

        Raises:
            ValueError: that is no JSON.
        """
        return json.loads(self.stdout)


@final
class RunOccystrap:
    """Runs `occystrap ARGS...`; every registry that it names is the fake.

    With a `clock` it waits by that, and so for nothing.

    result = occystrap_run("process", "registry://quay.io/org/app:1", f"tar://{tmp_path}/app.tar")
    """

    def __init__(self, client: httpx.Client, clock: FakeClock | None = None) -> None:
        self._client = client
        self._time = (
            {} if clock is None else {"clock": clock, "wall_clock": clock, "sleep": clock.advance}
        )

    def __call__(
        self, *args: object, stdin: str = "", environ: Mapping[str, str] | None = None
    ) -> Result:
        """Run; `environ` are the variables that it reads, none by default."""
        words = tuple(map(str, args))
        obj = {"CLIENT": self._client, "ENVIRON": dict(environ or {}), "TIME": self._time}
        exception: BaseException | None = None
        with _streams(stdin) as (stdout, stderr), _logging(), _environment(environ or {}):
            try:
                cli.main(list(words), prog_name="occystrap", obj=obj)
                code: object = 0
            except SystemExit as end:
                code = end.code
            except Exception as error:  # noqa: BLE001 - it's a part of the result
                exception, code = error, 1
        exit_code = code if isinstance(code, int) else int(code is not None)
        return Result(words, exit_code, _text(stdout), _text(stderr), exception)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)  # noqa: S101 - narrows the type
    return buffer.getvalue().decode("utf-8", "replace")


@contextlib.contextmanager
def _streams(text: str) -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    stderr = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with (
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        mock.patch.object(sys, "stdin", stdin),
    ):
        yield stdout, stderr


@contextlib.contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    """Let options be read from these variables, and not from those of the developer."""
    others = {name: os.environ[name] for name in os.environ if not name.startswith("OCCYSTRAP_")}
    with mock.patch.dict(os.environ, {**others, **environ}, clear=True):
        yield


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    """Put back the handlers and levels that the command line sets up anew."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    loggers = [root, *(logging.getLogger(name) for name in logging.root.manager.loggerDict)]
    levels = [(logger, logger.level) for logger in loggers]
    # basicConfig(force=True) closes what it finds, and pytest's own handlers are there.
    root.handlers = []
    try:
        yield
    finally:
        root.handlers = handlers
        for logger, level in levels:
            logger.setLevel(level)
