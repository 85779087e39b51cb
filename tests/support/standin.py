"""Debian's docker-registry for a recording: `python -m tests.support.standin [--htpasswd] ...`.

It is filled with what the exercises read, says where it is, and ends by SIGTERM. Where it can it is
always at the same place, so that recordings that are made again differ in little.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path

import httpx

from occystrap.server.doors.listener import serve
from tests.support.certificates import Authority
from tests.support.components import real_component
from tests.support.debian_registry import (
    CREDENTIALS,
    ServerTLS,
    TokenAuth,
    running_debian_registry,
)
from tests.support.exercises.content import seed
from tests.support.issuer import ISSUER, SERVICE, Issuer

__all__: list[str] = []

_PORT = 5050
_ISSUER = ("127.0.0.1", 5051)


def main() -> None:
    """Serve until somebody ends it."""
    parser = argparse.ArgumentParser()
    for name in ("--htpasswd", "--token", "--tls"):
        parser.add_argument(name, action="store_true")
    chosen = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit())
    with tempfile.TemporaryDirectory(prefix="standin-") as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        authority = Authority(directory / "ca") if chosen.tls else None
        start = partial(
            running_debian_registry,
            real_component("docker-registry"),
            directory / "registry",
            htpasswd=chosen.htpasswd,
            tls=None if authority is None else ServerTLS(authority.issue("127.0.0.1")),
            token=_issuer(directory, stack) if chosen.token else None,
        )
        _fill(directory / "registry")
        try:
            registry = stack.enter_context(start(port=_PORT))
        except RuntimeError:  # somebody else is there
            registry = stack.enter_context(start())
        print(f"Serving docker-registry at {registry.url}", flush=True)  # noqa: T201
        if authority is not None:
            print(f"CA certificate: {authority.file}", flush=True)  # noqa: T201
        signal.pause()


def _issuer(directory: Path, stack: contextlib.ExitStack) -> TokenAuth:
    issuer = Issuer(dict([CREDENTIALS]), directory)
    try:
        listener = serve(issuer, _ISSUER)
    except OSError:
        listener = serve(issuer)
    stack.enter_context(listener)
    return TokenAuth(f"{listener.url}/token", SERVICE, ISSUER, issuer.bundle)


def _fill(directory: Path) -> None:
    """Put in what the exercises read, before there is a gate; the files are served afterwards."""
    with (
        running_debian_registry(real_component("docker-registry"), directory) as filling,
        httpx.Client(base_url=filling.url, trust_env=False) as client,
    ):
        seed(client)


if __name__ == "__main__":
    main()
