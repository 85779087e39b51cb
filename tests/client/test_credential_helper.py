"""Credential helpers, as real programs on a PATH of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from occystrap.client.credential_helper import ask_helper
from occystrap.errors import CredentialsError

WriteHelper = Callable[[str], None]


@pytest.fixture
def helper(tmp_path: Path) -> WriteHelper:
    """Write the program `docker-credential-test`; it finds what it was asked in $server."""

    def write(body: str) -> None:
        path = tmp_path / "docker-credential-test"
        path.write_text(f"#!/bin/sh\nread -r server\n{body}\n")
        path.chmod(0o755)

    return write


def ask(path: Path, name: str = "test", timeout: float = 60.0) -> tuple[str, str] | None:
    """Ask with a PATH that holds nothing else."""
    return ask_helper(name, "host:5000", environ={"PATH": str(path)}, timeout=timeout)


def test_a_helper_is_asked_on_its_standard_input(helper: WriteHelper, tmp_path: Path) -> None:
    """It gets the word `get` and the server, and its answer is user name and secret."""
    helper(
        """printf '{"ServerURL":"%s","Username":"%s-%s","Secret":"s:\\\\u00e9"}' x "$1" $server"""
    )
    assert ask(tmp_path) == ("get-host:5000", "s:é")


def test_a_helper_runs_in_the_environment_given(helper: WriteHelper, tmp_path: Path) -> None:
    """It may need settings of the user."""
    helper("""printf '{"Username":"%s","Secret":"x"}' "$WHO" """)
    environ = {"PATH": str(tmp_path), "WHO": "me"}
    assert ask_helper("test", "host", environ=environ) == ("me", "x")


def test_a_helper_is_looked_for_in_this_process_else(
    helper: WriteHelper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an environment given it is that of the process."""
    helper("""printf '{"Username":"%s","Secret":"x"}' "$WHO" """)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("WHO", "you")
    assert ask_helper("test", "host") == ("you", "x")


@pytest.mark.parametrize(
    "body",
    [
        "echo credentials not found in native keychain; exit 1",
        "echo 'Credentials not found' >&2; exit 2",
        """echo '{"ServerURL":"","Username":"","Secret":""}'""",
        "echo '{}'",
    ],
)
def test_a_helper_may_have_no_credential(helper: WriteHelper, tmp_path: Path, body: str) -> None:
    """That is no error."""
    helper(body)
    assert ask(tmp_path) is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo hunter2; echo hunter2 >&2; exit 3", r"failed \(exit status 3\).*echo host:5000 \|"),
        ("kill -9 $$", r"failed \(exit status -9\)"),
        ("echo hunter2", "something that is no credential"),
        ("printf '\\377hunter2'", "something that is no credential"),
        ("""echo '["hunter2"]'""", "something that is no credential"),
        ("""echo '{"Username":"hunter2","Secret":2}'""", "something that is no credential"),
        ("""echo '{"Username":null,"Secret":"hunter2"}'""", "something that is no credential"),
    ],
)
def test_a_helper_that_fails_is_named_and_not_quoted(
    helper: WriteHelper, tmp_path: Path, body: str, message: str
) -> None:
    """What it printed may be a secret; the error tells how to see it."""
    helper(body)
    with pytest.raises(CredentialsError, match=message) as caught:
        ask(tmp_path)
    assert "docker-credential-test" in str(caught.value)
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


def test_a_helper_that_hangs_is_given_up(helper: WriteHelper, tmp_path: Path) -> None:
    """It is ended, and the error says how long it was waited for."""
    helper("exec /bin/sleep 600")
    with pytest.raises(CredentialsError, match=r"docker-credential-test gave no answer in 0\.05 s"):
        ask(tmp_path, timeout=0.05)


def test_a_helper_that_is_missing_is_named(tmp_path: Path) -> None:
    """The error says where it was looked for."""
    with pytest.raises(CredentialsError, match="docker-credential-test is not on the PATH"):
        ask(tmp_path)
    with pytest.raises(CredentialsError, match="docker-credential-test is not on the PATH"):
        ask_helper("test", "host", environ={})


def test_a_helper_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    """It may be no program at all."""
    path = tmp_path / "docker-credential-test"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    with pytest.raises(CredentialsError, match="docker-credential-test can't be run: Exec format"):
        ask(tmp_path)


@pytest.mark.parametrize("name", ["../evil", "a/b", "", "-x", "a b"])
def test_a_helper_lives_on_the_path(tmp_path: Path, name: str) -> None:
    """A name that leads elsewhere is refused."""
    with pytest.raises(CredentialsError, match="can't be called"):
        ask(tmp_path, name)
