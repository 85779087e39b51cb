"""Every way to give a user name and a password, against a docker-registry that wants them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from occystrap.server.doors.listener import serve
from tests.support.command import Occystrap, the_error
from tests.support.console import Shelf
from tests.support.debian_registry import CREDENTIALS, DebianRegistry, StartDebianRegistry
from tests.support.handlers import BearerGate, Front
from tests.support.images import SampleImage
from tests.support.skopeo import Skopeo

USERNAME, PASSWORD = CREDENTIALS
#: However it is written, it must not be seen.
SECRETS = (
    PASSWORD,
    quote(PASSWORD),
    base64.b64encode(":".join(CREDENTIALS).encode()).decode().rstrip("="),
)


@dataclass(frozen=True, slots=True)
class Login:
    """What a user types and has set to log in; `at` comes before the host in both URIs."""

    options: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict[str, str])
    typed: str = ""
    at: str = ""


def by_options(host: str, directory: Path) -> Login:
    """Type both."""
    return Login(("--username", USERNAME, "--password", PASSWORD))


def by_variables(host: str, directory: Path) -> Login:
    """Set OCCYSTRAP_USERNAME and OCCYSTRAP_PASSWORD."""
    return Login(environ={"OCCYSTRAP_USERNAME": USERNAME, "OCCYSTRAP_PASSWORD": PASSWORD})


def by_standard_input(host: str, directory: Path) -> Login:
    """Pipe the password."""
    return Login(("--username", USERNAME, "--password-stdin"), typed=f"{PASSWORD}\n")


def by_uri(host: str, directory: Path) -> Login:
    """Write both into the URI."""
    return Login(at=f"{USERNAME}:{quote(PASSWORD)}@")


def by_authfile_option(host: str, directory: Path) -> Login:
    """Name a file that skopeo has written."""
    return Login(("--authfile", str(skopeo_login(host, directory / "login.json"))))


def by_authfile_variable(host: str, directory: Path) -> Login:
    """Set REGISTRY_AUTH_FILE, as for podman and skopeo."""
    path = skopeo_login(host, directory / "auth.json")
    return Login(environ={"REGISTRY_AUTH_FILE": str(path)})


def by_docker_config(host: str, directory: Path) -> Login:
    """Set DOCKER_CONFIG, as for docker."""
    skopeo_login(host, directory / "config.json")
    return Login(environ={"DOCKER_CONFIG": str(directory)})


def by_home(host: str, directory: Path) -> Login:
    """Have logged in with docker, which keeps it in ~/.docker/config.json."""
    (directory / ".docker").mkdir()
    skopeo_login(host, directory / ".docker/config.json")
    return Login(environ={"HOME": str(directory)})


def by_helper(host: str, directory: Path) -> Login:
    """Have a credential helper, a program on the path, that the docker config file names."""
    helper = directory / "docker-credential-test"
    answer = json.dumps({"ServerURL": host, "Username": USERNAME, "Secret": PASSWORD})
    script = f"""[ "$1" = get ] && [ "$(cat)" = '{host}' ] && echo '{answer}'"""
    helper.write_text(f"#!/bin/sh\n{script}\n")
    helper.chmod(0o755)
    (directory / "config.json").write_text(json.dumps({"credHelpers": {host: "test"}}))
    path = f"{directory}{os.pathsep}{os.environ['PATH']}"
    return Login(environ={"DOCKER_CONFIG": str(directory), "PATH": path})


WAYS = [
    by_options,
    by_variables,
    by_standard_input,
    by_uri,
    by_authfile_option,
    by_authfile_variable,
    by_docker_config,
    by_home,
    by_helper,
]


def skopeo_login(host: str, authfile: Path) -> Path:
    """Let skopeo write a credential file."""
    command = ["skopeo", "login", "--tls-verify=false", "--authfile", str(authfile)]
    subprocess.run(
        [*command, "--username", USERNAME, "--password-stdin", host],
        input=PASSWORD.encode(),
        check=True,
        capture_output=True,
    )
    return authfile


@pytest.fixture
def registry(start_debian_registry: StartDebianRegistry) -> DebianRegistry:
    """A registry that lets only `CREDENTIALS` in."""
    return start_debian_registry(htpasswd=True)


@pytest.mark.parametrize("way", WAYS)
def test_a_way_to_log_in(
    occystrap: Occystrap,
    skopeo: Skopeo,
    registry: DebianRegistry,
    archive: Path,
    tmp_path: Path,
    way: Callable[[str, Path], Login],
) -> None:
    """It opens the registry for reading and writing, and --debug doesn't show the password."""
    skopeo.push(f"docker-archive:{archive}", registry, "some/image:v1")
    directory = tmp_path / "settings"
    directory.mkdir()
    login = way(registry.host, directory)
    source, target = (
        f"registry://{login.at}{registry.host}/{name}" for name in ("some/image:v1", "copy:v1")
    )
    ended = occystrap.succeed(
        *("--insecure", "--debug", *login.options),
        *("process", source, target),
        environ=login.environ,
        typed=login.typed,
    )
    assert skopeo.raw_manifest(registry, "copy:v1")
    assert "GET http" in ended.stderr
    assert [secret for secret in SECRETS if secret in ended.stderr + ended.stdout] == []


def test_a_token_is_not_shown_either(
    occystrap: Occystrap, image: SampleImage, tmp_path: Path
) -> None:
    """Where the password buys tokens, --debug shows neither."""
    shelf = Shelf()
    shelf.put("some/image", "v1", image)
    front = Front(BearerGate(shelf.registry, password=PASSWORD))
    with serve(front) as listener:
        ended = occystrap.succeed(
            *("--insecure", "--debug", "--username", USERNAME, "--password", PASSWORD, "process"),
            *(f"registry://{listener.host}/some/image:v1", f"tar://{tmp_path}/image.tar"),
        )
    sent = [request.headers.get("Authorization") or "" for request in front.requests]
    tokens = {each.removeprefix("Bearer ") for each in sent if each.startswith("Bearer ")}
    assert tokens
    assert [each for each in (*SECRETS, *tokens) if each in ended.stderr + ended.stdout] == []


@pytest.mark.parametrize("options", [(), ("--debug",)], ids=["", "debug"])
def test_a_wrong_password_is_one_line(
    occystrap: Occystrap, registry: DebianRegistry, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """It names the registry and what to do, and not the password."""
    target = tmp_path / "image.tar"
    login = ("--username", USERNAME, "--password", "wrong secret")
    ended = occystrap.run(
        *("--insecure", *options, *login),
        *("process", registry.uri("some/image:v1"), f"tar://{target}"),
    )
    line = the_error(ended)
    assert registry.host in line
    assert "401 Unauthorized" in line
    assert "check user name and password" in line
    assert "wrong" not in ended.stderr
    assert base64.b64encode(f"{USERNAME}:wrong".encode()).decode()[:16] not in ended.stderr
    assert not target.exists()


def test_no_password_is_one_line(
    occystrap: Occystrap, registry: DebianRegistry, tmp_path: Path
) -> None:
    """It says how to give one."""
    line = occystrap.fail(
        "--insecure", "process", registry.uri("some/image:v1"), f"tar://{tmp_path}/image.tar"
    )
    assert "--username" in line
    assert "docker login" in line


def test_a_push_without_the_right_password_is_one_line(
    occystrap: Occystrap, registry: DebianRegistry, archive: Path
) -> None:
    """It says so before any layer is sent."""
    line = occystrap.fail(
        *("--insecure", "--username", USERNAME, "--password", "wrong secret"),
        *("process", f"tar://{archive}", registry.uri("some/image:v1")),
    )
    assert "HEAD" in line
    assert "check user name and password" in line


def test_each_side_has_its_own_login(
    occystrap: Occystrap, skopeo: Skopeo, start_debian_registry: StartDebianRegistry, archive: Path
) -> None:
    """What a URI says is for its own side; the other registry is open, and not told."""
    closed, opened = start_debian_registry(htpasswd=True), start_debian_registry()
    skopeo.push(f"docker-archive:{archive}", closed, "some/image:v1")
    source = f"registry://{USERNAME}:{quote(PASSWORD)}@{closed.host}/some/image:v1"
    occystrap.process(source, opened.uri("copy:v1"))
    assert skopeo.raw_manifest(opened, "copy:v1") == skopeo.raw_manifest(closed, "some/image:v1")
    line = occystrap.fail("--insecure", "process", source, closed.uri("copy:v1"))
    assert "/v2/copy/" in line
