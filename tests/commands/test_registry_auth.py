"""`occystrap registry serve` for those alone who may."""

from __future__ import annotations

import httpx
import pytest
from click.testing import CliRunner

from occystrap.client.credentials import Credential, StaticCredentials
from occystrap.client.registry import RegistryClient
from occystrap.errors import UnauthorizedException
from occystrap.main import cli
from occystrap.oci.manifest import Descriptor
from tests.support.serving import running

CONTENT = b"some bytes"
BLOB = Descriptor.of(CONTENT, "application/octet-stream")
USERS = ("--user", "alice:open:sesame", "--user", "bob:b")


def client_of(url: str, name: str = "", password: str = "") -> RegistryClient:
    """Make a client with a login, or as a stranger."""
    credentials = StaticCredentials(Credential(name, password)) if name else None
    host = url.partition("://")[2]
    return RegistryClient(host, secure=False, credentials=credentials)


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_users_come_in_and_strangers_don_t(auth: str) -> None:
    """Each with a password of their own, which may hold a colon."""
    with running("--auth", auth, *USERS) as (_, url):
        for login in (("alice", "open:sesame"), ("bob", "b")):
            with client_of(url, *login) as client:
                client.upload_blob("a", BLOB, CONTENT)
                assert client.read_blob("a", BLOB) == CONTENT
        for wrong in (("alice", "open"), ("", "")):
            with client_of(url, *wrong) as client, pytest.raises(UnauthorizedException):
                client.has_blob("a", BLOB.digest)
        challenge = httpx.get(f"{url}/v2/", trust_env=False).headers["WWW-Authenticate"]
        assert challenge.lower().startswith(auth)


def test_strangers_may_pull() -> None:
    """With --anonymous-pull, and no more than that."""
    with running("--auth", "bearer", *USERS, "--anonymous-pull") as (_, url):
        with client_of(url, "bob", "b") as client:
            client.upload_blob("a", BLOB, CONTENT)
        with client_of(url) as stranger:
            assert stranger.read_blob("a", BLOB) == CONTENT
            with pytest.raises(UnauthorizedException):
                stranger.upload_blob("b", BLOB, CONTENT)


def test_tokens_for_everyone() -> None:
    """Bearer without users: who asks for a token has one."""
    with running("--auth", "bearer") as (_, url), client_of(url) as client:
        assert httpx.get(f"{url}/v2/", trust_env=False).status_code == 401
        client.upload_blob("a", BLOB, CONTENT)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--user", "alice:secret"], "--user needs --auth"),
        (["--auth", "basic"], "--auth basic needs at least one --user"),
        (["--auth", "bearer", "--anonymous-pull"], "--anonymous-pull needs"),
        (["--auth", "basic", "--user", "alice:secret", "--anonymous-pull"], "--auth bearer"),
        (["--anonymous-pull"], "--anonymous-pull needs"),
    ],
)
def test_options_that_need_each_other(options: list[str], expected: str) -> None:
    """One line that says what is missing."""
    result = CliRunner().invoke(cli, ["registry", "serve", *options])
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert expected in line


@pytest.mark.parametrize("user", ["hush", ":hush", "alice:", "alice:hu\nsh"])
def test_what_is_no_user_is_not_repeated(user: str) -> None:
    """It may be a password."""
    result = CliRunner().invoke(cli, ["registry", "serve", "--auth", "basic", "--user", user])
    assert result.exit_code == 2
    assert "a name, a colon and a password" in result.output
    for part in ("hush", "hu\nsh"):
        assert part not in result.output
