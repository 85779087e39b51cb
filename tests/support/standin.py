"""Debian's docker-registry for a recording: `python -m tests.support.standin [--htpasswd] ...`.

It is filled with what the exercises read, says where it is, and ends with its standard input or by
SIGTERM.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
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


def main() -> None:
    """Serve until somebody ends it."""
    parser = argparse.ArgumentParser()
    for name in ("--htpasswd", "--token", "--tls"):
        parser.add_argument(name, action="store_true")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    program = real_component("docker-registry")
    with tempfile.TemporaryDirectory(prefix="standin-") as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        authority = Authority(directory / "ca") if chosen.tls else None
        tls = None if authority is None else ServerTLS(authority.issue("127.0.0.1"))
        _fill(program, directory / "registry")
        token = None
        if chosen.token:
            issuer = Issuer(dict([CREDENTIALS]), directory)
            realm = stack.enter_context(serve(issuer)).url
            token = TokenAuth(f"{realm}/token", SERVICE, ISSUER, issuer.bundle)
        registry = stack.enter_context(
            running_debian_registry(
                program,
                directory / "registry",
                htpasswd=chosen.htpasswd,
                tls=tls,
                token=token,
            )
        )
        print(f"Serving docker-registry at {registry.url}", flush=True)  # noqa: T201
        if authority is not None:
            print(f"CA certificate: {authority.file}", flush=True)  # noqa: T201
        signal.pause()


def _fill(program: str, directory: Path) -> None:
    """Put in what the exercises read, before there is a gate; the files are served afterwards."""
    with (
        running_debian_registry(program, directory) as filling,
        httpx.Client(base_url=filling.url, trust_env=False) as client,
    ):
        seed(client)


if __name__ == "__main__":
    main()
