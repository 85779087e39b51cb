"""Asking a credential helper: the program `docker-credential-NAME` that keeps passwords.

Rule: what a helper says is either an answer or kept quiet about; it may hold a secret.
Spec: https://github.com/docker/docker-credential-helpers#development
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Final

from occystrap.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ask_helper"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_FOUND: Final = b"credentials not found"
#: Somebody may have to unlock a key ring first; in seconds.
_PATIENCE: Final = 60.0


def ask_helper(
    name: str,
    server: str,
    *,
    environ: Mapping[str, str] | None = None,
    timeout: float = _PATIENCE,
) -> tuple[str, str] | None:
    """Return user name and secret for a server, or None when the helper has none.

    The user name of an identity token is `<token>`. Without `environ` the helper is looked for and
    run in the environment of this process.

    Raises:
        CredentialsError: the helper is missing, takes too long, fails, or answers nonsense.
    """
    program = f"docker-credential-{name}"
    if not _NAME.fullmatch(name):
        raise CredentialsError(f"a credential helper can't be called {name!r:.80}")
    path = shutil.which(program, path=None if environ is None else environ.get("PATH", ""))
    if path is None:
        raise CredentialsError(f"the credential helper {program} is not on the PATH")
    try:
        done = subprocess.run(  # noqa: S603 - the user's configuration names the program
            [path, "get"],
            input=server.encode(),
            capture_output=True,
            check=False,
            env=environ,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        # Its `output` may hold a secret, so it isn't chained.
        raise CredentialsError(
            f"the credential helper {program} gave no answer in {timeout:g} s"
        ) from None
    except OSError as error:
        raise CredentialsError(
            f"the credential helper {path} can't be run: {error.strerror}"
        ) from error
    if done.returncode == 0:
        return _parse(program, done.stdout)
    if _NOT_FOUND in (done.stdout + done.stderr).lower():
        return None
    raise CredentialsError(
        f"the credential helper {program} failed (exit status {done.returncode});"
        f" to see why, run: echo {server} | {program} get"
    )


def _parse(program: str, output: bytes) -> tuple[str, str] | None:
    try:
        answer: Any = json.loads(output)
        username, secret = answer.get("Username", ""), answer.get("Secret", "")
    except (ValueError, RecursionError, AttributeError):
        username = secret = None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise CredentialsError(
            f"the credential helper {program} answered something that is no credential"
        )
    return (username, secret) if username or secret else None
