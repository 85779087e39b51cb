"""Where credentials come from, and in which order."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.client.credential_helper import ask_helper
from occystrap.client.credentials import (
    Chain,
    Credential,
    Credentials,
    DockerConfig,
    StaticCredentials,
    credential_files,
    credentials_for,
)
from occystrap.errors import CredentialsError

ME = Credential("me", "secret")
YOU = Credential("you", "secret")


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """Write a configuration file."""

    def write(name: str = "config.json", **document: object) -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(document))
        return path

    return write


@pytest.fixture
def keeper(tmp_path: Path) -> Path:
    """Make the helper `keeper`: it knows three servers, and writes down what it is asked."""
    path = tmp_path / "docker-credential-keeper"
    path.write_text(
        f"""#!/bin/sh
        read -r server
        echo "$server" >> {tmp_path}/asked
        case "$server" in
            r.example) echo '{{"Username": "keeper", "Secret": "secret"}}' ;;
            azure.example) echo '{{"Username": "<token>", "Secret": "long-lived"}}' ;;
            index.docker.io) echo '{{"Username": "hub", "Secret": "secret"}}' ;;
            broken.example) echo hunter2; exit 1 ;;
            *) echo credentials not found in native keychain; exit 1 ;;
        esac"""
    )
    path.chmod(0o755)
    return tmp_path / "asked"


@pytest.fixture
def docker_config(tmp_path: Path) -> Callable[..., DockerConfig]:
    """Make a DockerConfig that looks for helpers in the test's directory."""
    return partial(DockerConfig, ask=partial(ask_helper, environ={"PATH": str(tmp_path)}))


# --- the values


def test_a_credential_is_a_basic_header() -> None:
    """RFC 7617, its example and that of UTF-8."""
    assert Credential("Aladdin", "open sesame").basic_header == (
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    )
    assert Credential("test", "123\u00a3").basic_header == "Basic dGVzdDoxMjPCow=="


def test_a_credential_shows_nothing() -> None:
    """Wherever it is printed."""
    credential = Credential("hunter1", "hunter2", "hunter3")
    shown = f"{credential} {credential!r} {StaticCredentials(credential)!r}"
    assert shown == "Credential(***) Credential(***) StaticCredentials(credential=Credential(***))"


def test_a_credential_that_no_header_can_carry_is_refused() -> None:
    """Bytes of the command line that are no UTF-8; the error doesn't hold them."""
    with pytest.raises(CredentialsError, match="no UTF-8") as caught:
        Credential("me", "hunter2\udcff")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


# --- the places


def test_the_first_place_that_knows_decides() -> None:
    """An empty chain knows nothing."""
    mine, yours = StaticCredentials(ME), StaticCredentials(YOU)
    assert Chain().find("r.example") is None
    assert Chain(Chain(), mine, yours).find("r.example") == ME


def test_what_was_typed_beats_what_is_stored() -> None:
    """Then the stored is not even looked at."""
    unread = DockerConfig(Path("/"))
    assert credentials_for("me", "secret", unread).find("r.example") == ME
    assert credentials_for("me", "").find("r.example") == Credential("me", "")
    with pytest.raises(CredentialsError, match=r"from /:"):
        credentials_for(None, None, unread).find("r.example")


def test_a_password_alone_is_for_no_registry() -> None:
    """It may be the token of the quay.io API."""
    assert credentials_for(None, "secret", StaticCredentials(YOU)).find("r.example") == YOU
    assert credentials_for(None, None).find("r.example") is None


def test_a_user_name_without_a_password_is_refused() -> None:
    """Asking without either would hide the mistake."""
    with pytest.raises(CredentialsError, match="give both, or neither"):
        credentials_for("me", None)


# --- which files


@pytest.mark.parametrize(
    ("environ", "files"),
    [
        ({}, []),
        ({"HOME": "/h"}, ["/h/.docker/config.json", "/h/.config/containers/auth.json"]),
        ({"DOCKER_CONFIG": "/d"}, ["/d/config.json"]),
        (
            {"HOME": "/h", "DOCKER_CONFIG": "/d", "XDG_RUNTIME_DIR": "/r", "XDG_CONFIG_HOME": "/c"},
            ["/d/config.json", "/r/containers/auth.json", "/c/containers/auth.json"],
        ),
        (
            {"HOME": "/h", "DOCKER_CONFIG": "", "XDG_RUNTIME_DIR": "", "REGISTRY_AUTH_FILE": ""},
            ["/h/.docker/config.json", "/h/.config/containers/auth.json"],
        ),
        ({"HOME": "/h", "DOCKER_CONFIG": "/d", "REGISTRY_AUTH_FILE": "/a"}, ["/a"]),
    ],
)
def test_the_environment_says_where_the_files_are(
    environ: dict[str, str], files: list[str]
) -> None:
    """A file that is named is the only one; an empty variable is none."""
    assert [str(path) for path in credential_files(environ)] == files


def test_the_file_of_the_command_line_is_the_only_one(config: Callable[..., Path]) -> None:
    """It beats the environment, and has to be there."""
    authfile = config()
    assert credential_files({"HOME": "/h", "REGISTRY_AUTH_FILE": "/a"}, str(authfile)) == (
        authfile,
    )
    with pytest.raises(CredentialsError, match="there is no credential file /nowhere"):
        credential_files({}, "/nowhere/auth.json")


# --- the files and their helpers


def test_nothing_is_read_until_asked_and_then_once(config: Callable[..., Path]) -> None:
    """A file may come after the start, and be gone after the first question."""
    path = config(auths="broken")
    stored = DockerConfig(path)
    config(auths={"r.example": {"username": "me", "password": "secret"}})
    assert stored.find("r.example", "a/b") == ME
    path.unlink()
    assert stored.find("r.example") == ME
    assert stored.find("other.example") is None


def test_the_first_file_that_knows_decides(config: Callable[..., Path]) -> None:
    """The others are asked for what it doesn't know."""
    one = config("one.json", auths={"r.example": {"username": "me", "password": "secret"}})
    both = {name: {"username": "you", "password": "secret"} for name in ("r.example", "b.example")}
    stored = DockerConfig(one, config("two.json", auths=both))
    assert stored.find("r.example") == ME
    assert stored.find("b.example") == YOU


def test_an_identity_token_of_a_file_comes_along(config: Callable[..., Path]) -> None:
    """With it tokens are asked for by POST."""
    stored = DockerConfig(config(auths={"r.example": {"identitytoken": "long-lived"}}))
    assert stored.find("r.example") == Credential("", "", "long-lived")


def test_a_helper_comes_before_its_file(
    config: Callable[..., Path], docker_config: Callable[..., DockerConfig], keeper: Path
) -> None:
    """What the helper doesn't know, the file may."""
    auths = {name: {"username": "me", "password": "secret"} for name in ("r.example", "b.example")}
    stored = docker_config(config(credsStore="keeper", auths=auths))
    assert stored.find("r.example") == Credential("keeper", "secret")
    assert stored.find("b.example") == ME
    assert stored.find("c.example") is None


def test_a_helper_of_one_registry_is_asked_for_no_other(
    config: Callable[..., Path], docker_config: Callable[..., DockerConfig], keeper: Path
) -> None:
    """And only when its registry is."""
    stored = docker_config(config(credHelpers={"r.example": "keeper"}))
    assert stored.find("other.example") is None
    assert not keeper.exists()
    assert stored.find("r.example", "a/b") == Credential("keeper", "secret")


def test_the_user_named_token_has_an_identity_token(
    config: Callable[..., Path], docker_config: Callable[..., DockerConfig], keeper: Path
) -> None:
    """The secret is then no password."""
    stored = docker_config(config(credsStore="keeper"))
    assert stored.find("azure.example") == Credential("", "", "long-lived")


def test_docker_hub_is_asked_for_by_the_names_that_helpers_use(
    config: Callable[..., Path], docker_config: Callable[..., DockerConfig], keeper: Path
) -> None:
    """Until one of them is known."""
    stored = docker_config(config(credsStore="keeper"))
    assert stored.find("docker.io", "library/busybox") == Credential("hub", "secret")
    assert keeper.read_text().split() == ["https://index.docker.io/v1/", "index.docker.io"]


def test_threads_share_one_answer_of_a_helper(
    config: Callable[..., Path], docker_config: Callable[..., DockerConfig], keeper: Path
) -> None:
    """However many ask, whatever the repository; also when the answer is no."""
    stored = docker_config(config(credsStore="keeper"))
    repositories = [f"ns/{number}" for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(partial(stored.find, "r.example"), repositories))
        none = set(pool.map(partial(stored.find, "none.example"), repositories))
    assert (found, none) == ({Credential("keeper", "secret")}, {None})
    assert keeper.read_text().split() == ["r.example", "none.example"]


def test_a_helper_is_asked_again_after_five_minutes(
    config: Callable[..., Path], docker_config: Callable[..., DockerConfig], keeper: Path
) -> None:
    """A secret that it made may have expired by then."""
    clock = Clock()
    stored = docker_config(config(credsStore="keeper"), clock=clock)
    for now, asked in ((0.0, 1), (299.0, 1), (300.0, 2), (301.0, 2), (600.0, 3)):
        clock.now = now
        stored.find("r.example")
        assert len(keeper.read_text().split()) == asked


@pytest.mark.parametrize(
    ("host", "helper", "message"),
    [
        ("r.example", "missing", "docker-credential-missing is not on the PATH"),
        ("broken.example", "keeper", "docker-credential-keeper failed"),
    ],
)
def test_a_helper_that_fails_is_named_with_its_file(
    config: Callable[..., Path],
    docker_config: Callable[..., DockerConfig],
    keeper: Path,
    host: str,
    helper: str,
    message: str,
) -> None:
    """So that it can be installed, or taken out; what it said is not repeated."""
    path = config(credsStore=helper)
    with pytest.raises(CredentialsError, match=message) as caught:
        docker_config(path).find(host)
    assert str(path) in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(st.text(), st.text())
def test_every_place_answers_any_question(host: str, repository: str) -> None:
    """Also for what is no name of a registry."""
    places: list[Credentials] = [Chain(), StaticCredentials(ME), DockerConfig(Path("/dev/null"))]
    assert [place.find(host, repository) for place in places] == [None, ME, None]
