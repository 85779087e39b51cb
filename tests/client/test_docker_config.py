"""The files that `docker login`, `podman login` and `skopeo login` write."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from occystrap.client.docker_config import DockerConfigFile
from occystrap.errors import CredentialsError

in_one_directory = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def auth(username: str, password: str) -> str:
    """Write user name and password as the file has them."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def entry(name: str) -> dict[str, str]:
    """Make an entry whose user is called like this."""
    return {"auth": auth(name, f"{name}'s password")}


def read(directory: Path, document: object) -> DockerConfigFile:
    """Write a file and read it."""
    path = directory / "config.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return DockerConfigFile.read(path)


def user_of(file: DockerConfigFile, host: str, repository: str = "") -> str | None:
    """Tell whose credential it is."""
    login = file.login_for(host, repository)
    return None if login is None else login[0]


# --- whose credential


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("r.example", "r.example"),
        ("r.example/", "r.example"),
        ("R.Example", "r.example"),
        ("r.example", "R.Example"),
        ("r.example:5000", "r.example:5000"),
        ("localhost:5000", "localhost:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("https://r.example", "r.example"),
        ("http://r.example:5000/", "r.example:5000"),
        ("https://r.example/v1/", "r.example"),
        ("https://r.example/v2/", "r.example"),
        ("r.example/v1/", "r.example"),
        ("r.example/v2", "r.example"),
        ("https://r.example/some/path", "r.example"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("docker.io", "docker.io"),
        ("https://registry-1.docker.io/v2/", "docker.io"),
        ("docker.io", "registry-1.docker.io"),
    ],
)
def test_a_registry_is_found_however_its_key_is_written(
    tmp_path: Path, key: str, host: str
) -> None:
    """With or without scheme, path and capitals; Docker Hub under each of its names."""
    assert user_of(read(tmp_path, {"auths": {key: entry("me")}}), host, "a/b") == "me"


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("r.example", "r.example:5000"),
        ("r.example:5000", "r.example"),
        ("example", "r.example"),
        ("r.example", "r.example.evil"),
        ("docker.io", "quay.io"),
    ],
)
def test_no_other_registry_gets_the_credential(tmp_path: Path, key: str, host: str) -> None:
    """The host is the same, or it is another one; so is the port."""
    assert user_of(read(tmp_path, {"auths": {key: entry("me")}}), host) is None


def test_the_most_specific_namespace_wins(tmp_path: Path) -> None:
    """As containers-auth.json(5) has it."""
    keys = ("r.example", "r.example/ns", "r.example/ns/team/", "r.example/ns/team/app", "other/ns")
    file = read(tmp_path, {"auths": {key: entry(key) for key in keys}})
    found = {
        repository: user_of(file, "r.example", repository)
        for repository in ("", "a", "ns", "ns/a", "nsx/a", "ns/team/b", "ns/team/app")
    }
    assert found == {
        "": "r.example",
        "a": "r.example",
        "ns": "r.example/ns",
        "ns/a": "r.example/ns",
        "nsx/a": "r.example",
        "ns/team/b": "r.example/ns/team/",
        "ns/team/app": "r.example/ns/team/app",
    }


def test_a_namespace_of_docker_hub_is_found(tmp_path: Path) -> None:
    """Before the entry of the whole of it, whichever name that is under."""
    auths = {"https://index.docker.io/v1/": entry("all"), "docker.io/library": entry("library")}
    file = read(tmp_path, {"auths": auths})
    assert user_of(file, "docker.io", "library/busybox") == "library"
    assert user_of(file, "docker.io", "me/app") == "all"


def test_the_names_of_docker_hub_have_an_order(tmp_path: Path) -> None:
    """The one that `docker login` writes comes first."""
    keys = ["registry-1.docker.io", "docker.io", "index.docker.io"]
    auths = {key: entry(key) for key in keys}
    while keys:
        file = read(tmp_path, {"auths": {key: auths[key] for key in keys}})
        assert user_of(file, "docker.io") == keys.pop()


def test_empty_entries_say_nothing(tmp_path: Path) -> None:
    """Docker leaves them behind when a helper keeps the password."""
    auths = {"r.example/ns": {}, "r.example": {"auth": ""}, "https://r.example/v1/": entry("me")}
    assert user_of(read(tmp_path, {"auths": auths}), "r.example", "ns/a") == "me"


# --- what an entry holds


@pytest.mark.parametrize(
    ("content", "login"),
    [
        ({"auth": auth("me", "secret")}, ("me", "secret", "")),
        ({"auth": auth("me", "a:b:c")}, ("me", "a:b:c", "")),
        ({"auth": auth("", "secret")}, ("", "secret", "")),
        ({"auth": auth("üser", "pässword€")}, ("üser", "pässword€", "")),
        ({"auth": auth("me", "12").rstrip("=")}, ("me", "12", "")),
        ({"auth": f" {auth('me', 'a long password')[:8]}\n{auth('me', 'a long password')[8:]}\n"},
         ("me", "a long password", "")),
        ({"auth": auth("me", "secret\0\0")}, ("me", "secret", "")),
        ({"username": "me", "password": "secret"}, ("me", "secret", "")),
        ({"username": "x", "password": "y", "auth": auth("me", "secret")}, ("me", "secret", "")),
        ({"auth": auth("me", ""), "identitytoken": "token"}, ("me", "", "token")),
        ({"identitytoken": "token"}, ("", "", "token")),
    ],
)  # fmt: skip
def test_an_entry_is_decoded(
    tmp_path: Path, content: dict[str, str], login: tuple[str, str, str]
) -> None:
    """All forms that tools write."""
    file = read(tmp_path, {"auths": {"r.example": content}})
    assert file.login_for("r.example", "a") == login


@in_one_directory
@given(st.text(st.characters(exclude_characters=":", codec="utf-8")), st.text())
@example("me", "\0:=")
def test_any_user_name_and_password_come_back(tmp_path: Path, username: str, password: str) -> None:
    """Only NULs at the end of a password are lost: Docker pads with them."""
    file = read(tmp_path, {"auths": {"r.example": {"auth": auth(username, password)}}})
    assert file.login_for("r.example", "") == (username, password.strip("\0"), "")


@pytest.mark.parametrize(
    "content",
    [
        {"auth": "not base64: hunter2"},
        {"auth": base64.b64encode(b"hunter2").decode()},
        {"auth": base64.b64encode(b"hunter2:\xff").decode()},
        {"auth": "x"},
        {"auth": ["hunter2"]},
        {"username": "me", "password": 2},
        {"identitytoken": {"hunter2": 1}},
    ],
)
def test_a_broken_entry_is_named_and_harms_no_other(tmp_path: Path, content: object) -> None:
    """The error names file and registry, not what is in there."""
    file = read(tmp_path, {"auths": {"r.example": content, "other": entry("me")}})
    assert user_of(file, "other") == "me"
    with pytest.raises(CredentialsError) as caught:
        file.login_for("r.example", "")
    assert str(caught.value) == (
        f"the credentials for r.example in {tmp_path}/config.json can't be read: 'auth' is the"
        " base64 of user:password, all else is text; log in again"
    )
    assert caught.value.__cause__ is None
    assert "hunter2" not in repr(file)


# --- helpers


def test_a_helper_is_for_one_registry_or_for_all(tmp_path: Path) -> None:
    """One of credHelpers beats credsStore, and an empty name there means none."""
    helpers = {"r.example": "one", "https://Other.example": "two", "bare.example": "", "odd": 3}
    file = read(tmp_path, {"credsStore": "all", "credHelpers": helpers})
    assert file.helper_for("r.example") == ("one", ("r.example",))
    assert file.helper_for("other.example") == ("two", ("https://Other.example",))
    assert file.helper_for("bare.example")[0] == ""
    assert file.helper_for("localhost:5000") == ("all", ("localhost:5000",))
    assert read(tmp_path, {}).helper_for("r.example")[0] == ""


def test_helpers_are_asked_for_docker_hub_by_each_of_its_names(tmp_path: Path) -> None:
    """The URL that `docker login` uses comes first; a name in credHelpers is the one to use."""
    names = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
    assert read(tmp_path, {"credsStore": "all"}).helper_for("docker.io") == ("all", names)
    for name in names:
        file = read(tmp_path, {"credHelpers": {name: "one"}})
        assert file.helper_for("docker.io") == ("one", (name,))


# --- files


@pytest.mark.parametrize("content", ["", "\n", "{}", '{"auths": null, "credHelpers": null}'])
def test_an_empty_file_holds_nothing(tmp_path: Path, content: str) -> None:
    """/dev/null is one."""
    file = read(tmp_path, content)
    assert (file.login_for("r.example", ""), file.helper_for("r.example")[0]) == (None, "")


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """Neither does one in a directory that is not there, or is a file."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "none" / "none", tmp_path / "file" / "none"):
        assert DockerConfigFile.read(path).login_for("r.example", "") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"auths": {"hunter2"}}', "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("\ud800", "it is not JSON"),
        ('["hunter2"]', "it is not a JSON object"),
        ('{"auths": "hunter2"}', "'auths' is no JSON object"),
        ('{"credHelpers": ["hunter2"]}', "'credHelpers' is no JSON object"),
        ('{"credsStore": ["hunter2"]}', "'credsStore' of .* is not the name of a helper"),
    ],
)
def test_a_broken_file_is_named_and_not_quoted(tmp_path: Path, content: str, message: str) -> None:
    """The error carries nothing along that holds the content."""
    path = tmp_path / "config.json"
    path.write_bytes(content.encode(errors="surrogatepass"))
    with pytest.raises(CredentialsError, match=message) as caught:
        DockerConfigFile.read(path)
    assert str(path) in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A directory is one that even root can't read."""
    with pytest.raises(CredentialsError, match=f"from {tmp_path}: Is a directory"):
        DockerConfigFile.read(tmp_path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
fields = st.sampled_from(["auth", "username", "password", "identitytoken"])
keys = st.sampled_from(["r.example", "https://r.example/v1/", "r.example/a"]) | st.text()


@in_one_directory
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "auths": st.dictionaries(keys, st.dictionaries(fields, json_values) | json_values),
            "credHelpers": st.dictionaries(keys, json_values) | json_values,
            "credsStore": json_values,
        },
    )
)
def test_any_document_gives_a_credential_or_the_named_error(
    tmp_path: Path, document: dict[str, object]
) -> None:
    """Whatever somebody has made of the file."""
    with contextlib.suppress(CredentialsError):
        file = read(tmp_path, document)
        file.helper_for("r.example")
        file.login_for("r.example", "a/b")
