"""Where user names and passwords come from.

Rule: what was typed beats what is stored; nothing is read before a registry asks for it; and no
secret is shown, by `repr` or by an error.
"""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias, final

from occystrap.client.credential_helper import ask_helper
from occystrap.client.docker_config import DockerConfigFile
from occystrap.errors import CredentialsError
from occystrap.oci.redaction import MASK

__all__ = [
    "Chain",
    "Credential",
    "Credentials",
    "DockerConfig",
    "StaticCredentials",
    "credential_files",
    "credentials_for",
]

#: `ask_helper`, or what stands in for it: name of the helper, server -> user name, secret.
AskHelper: TypeAlias = Callable[[str, str], tuple[str, str] | None]

#: The user name under which helpers keep identity tokens.
_TOKEN_USER: Final = "<token>"  # noqa: S105 - no password
#: Secrets of some helpers live an hour; they are asked again after this many seconds.
_HELPER_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """A user name and a password, or an identity token to get other tokens with."""

    username: str
    password: str = ""
    identity_token: str = ""

    def __post_init__(self) -> None:
        try:
            f"{self.username}{self.password}{self.identity_token}".encode()
        except UnicodeEncodeError:
            raise CredentialsError(
                "a user name or password holds bytes that are no UTF-8"
            ) from None

    @property
    def basic_header(self) -> str:
        """The Authorization header of the Basic scheme (RFC 7617, in UTF-8)."""
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"

    def __repr__(self) -> str:
        return f"Credential({MASK})"


class Credentials(Protocol):
    """A place to look for credentials; any thread may ask."""

    def find(self, registry_host: str, repository: str = "") -> Credential | None:
        """Return the credential for a registry, `HOST[:PORT]`, or for one repository of it.

        Raises:
            CredentialsError: the place can't be looked at.
        """
        ...


@final
@dataclass(frozen=True, slots=True)
class StaticCredentials:
    """The same credential for every registry."""

    credential: Credential

    def find(self, registry_host: str, repository: str = "") -> Credential | None:  # noqa: ARG002
        """Return it."""
        return self.credential


@final
class Chain:
    """Several places, the first that has a credential decides; without any there is none."""

    def __init__(self, *places: Credentials) -> None:
        self._places = places

    def find(self, registry_host: str, repository: str = "") -> Credential | None:
        """Ask one place after the other."""
        found = (place.find(registry_host, repository) for place in self._places)
        return next((credential for credential in found if credential is not None), None)


def credentials_for(
    username: str | None, password: str | None, stored: Credentials | None = None
) -> Credentials:
    """Return what was typed, or else what is stored.

    A password alone names no user of a registry: it may be the token of the quay.io API.

    Raises:
        CredentialsError: there is a user name without a password.
    """
    if username is None:
        return stored or Chain()
    if password is None:
        raise CredentialsError("there is a user name without a password; give both, or neither")
    return StaticCredentials(Credential(username, password))


def credential_files(environ: Mapping[str, str], authfile: str | None = None) -> tuple[Path, ...]:
    """Return the files to look in, in order; one that is named by the user is the only one.

    Raises:
        CredentialsError: there is no `authfile`. The other files don't have to be there.
    """
    if authfile is not None:
        if not os.path.exists(authfile):  # noqa: PTH110 - what can't be reached isn't there
            raise CredentialsError(f"there is no credential file {authfile}")
        return (Path(authfile),)
    if named := environ.get("REGISTRY_AUTH_FILE"):
        return (Path(named),)
    home = environ.get("HOME")
    docker = environ.get("DOCKER_CONFIG") or (home and f"{home}/.docker")
    runtime = environ.get("XDG_RUNTIME_DIR")
    config = environ.get("XDG_CONFIG_HOME") or (home and f"{home}/.config")
    named_by = (
        docker and Path(docker, "config.json"),
        runtime and Path(runtime, "containers/auth.json"),
        config and Path(config, "containers/auth.json"),
    )
    return tuple(path for path in named_by if path)


@final
class DockerConfig:
    """The files of `docker login` and its kin, and the credential helpers that they name.

    A file is read once; a helper's answer is kept for five minutes, because some of the secrets
    that helpers make live only an hour.
    """

    def __init__(
        self,
        *files: Path,
        ask: AskHelper = ask_helper,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths = files
        self._ask = ask
        self._clock = clock
        self._files: tuple[DockerConfigFile, ...] | None = None
        self._answers: dict[tuple[str, str], tuple[float, tuple[str, str] | None]] = {}
        self._lock = threading.Lock()

    def find(self, registry_host: str, repository: str = "") -> Credential | None:
        """Look into each file; what its helper says comes before what it holds itself.

        Raises:
            CredentialsError: a file can't be read, or a helper can't be asked.
        """
        with self._lock:
            if self._files is None:
                self._files = tuple(DockerConfigFile.read(path) for path in self._paths)
            for file in self._files:
                credential = self._from_helper(file, registry_host)
                if credential is not None:
                    return credential
                login = file.login_for(registry_host, repository)
                if login is not None:
                    return Credential(*login)
        return None

    def _from_helper(self, file: DockerConfigFile, host: str) -> Credential | None:
        helper, servers = file.helper_for(host)
        for server in servers if helper else ():
            try:
                answer = self._answer(helper, server)
            except CredentialsError as error:
                raise CredentialsError(
                    f"{error}; {file.path} names it (or give user name and password)"
                ) from error
            if answer is not None:
                username, secret = answer
                is_token = username == _TOKEN_USER
                return Credential("", "", secret) if is_token else Credential(username, secret)
        return None

    def _answer(self, helper: str, server: str) -> tuple[str, str] | None:
        now = self._clock()
        good_until, answer = self._answers.get((helper, server), (now, None))
        if now >= good_until:
            answer = self._ask(helper, server)
            self._answers[helper, server] = (now + _HELPER_SECONDS, answer)
        return answer
