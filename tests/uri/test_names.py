"""What URIs name: images of registries and daemons, repositories of quay.io."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.uri import (
    DEFAULT_SOCKET,
    URIParseError,
    daemon_socket,
    parse_docker_uri,
    parse_dockerpush_uri,
    parse_quay_uri,
    parse_registry_uri,
    parse_uri,
    registry_reference,
)

DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("uri", "parsed"),
    [
        ("registry://h.example/ns/a:1", ("h.example", "ns/a", "1")),
        ("registry://h.example/a", ("h.example", "a", "latest")),
        (f"registry://h.example/a@{DIGEST}", ("h.example", "a", DIGEST)),
        (f"registry://h.example/a:1@{DIGEST}", ("h.example", "a", f"1@{DIGEST}")),
        (f"registry://u:p@h.example/a:1@{DIGEST}", ("h.example", "a", f"1@{DIGEST}")),
        (f"registry://h.example/a@{DIGEST.replace(':', '%3A')}", ("h.example", "a", DIGEST)),
        ("registry://localhost:5000/a", ("localhost:5000", "a", "latest")),
        ("registry://localhost/a", ("localhost", "a", "latest")),
        ("registry://[::1]:5000/a:1", ("[::1]:5000", "a", "1")),
        ("registry://u:p@[2001:db8::1]/a", ("[2001:db8::1]", "a", "latest")),
        ("registry://HOST.Example/a", ("host.example", "a", "latest")),
        ("registry://docker.io/busybox", ("docker.io", "library/busybox", "latest")),
        ("registry://index.docker.io/a/b:c", ("docker.io", "a/b", "c")),
    ],
)
def test_registry_uris_name_host_image_and_tag(uri: str, parsed: tuple[str, str, str]) -> None:
    """Digests stand where the tag does; Docker Hub's short names are filled in."""
    assert parse_registry_uri(parse_uri(uri)) == parsed


def test_a_registry_uri_is_a_reference() -> None:
    """The complete name comes as one value."""
    reference = registry_reference(parse_uri(f"registry://docker.io/busybox:1@{DIGEST}"))
    assert str(reference) == f"docker.io/library/busybox:1@{DIGEST}"
    assert reference.api_host == "registry-1.docker.io"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("registry://", "requires a host and an image"),
        ("registry://host", "requires a host and an image"),
        ("registry://host/", "requires a host and an image"),
        ("registry:///a", "requires a host and an image"),
        ("registry://ho_st/a", "not the host of a registry: 'ho_st'"),
        ("registry://host:99999/a", "not the host of a registry: 'host:99999'"),
        ("registry://host/Upper", "upper-case"),
        ("registry://host/a:", "tag after ':' is missing"),
        ("registry://host/a:-", "not a tag"),
    ],
)
def test_a_registry_uri_that_names_no_image_is_refused(uri: str, message: str) -> None:
    """The error says what is wrong with which part."""
    with pytest.raises(URIParseError, match=message):
        parse_registry_uri(parse_uri(uri))


@pytest.mark.parametrize("digest", ["sha256:abc", f"sha256:{'AB' * 32}", "md5:ab", ""])
def test_an_at_sign_that_no_digest_follows_is_refused(digest: str) -> None:
    """A digest is whole, or an error."""
    with pytest.raises(URIParseError, match="'@' that no digest follows"):
        parse_uri(f"registry://host/a@{digest}")


@pytest.mark.parametrize(
    ("login", "options"),
    [
        ("user:pass", {"username": "user", "password": "pass"}),
        ("user", {"username": "user"}),
        ("user:", {"username": "user", "password": ""}),
        ("", {}),
        ("user:p:a@s#s", {"username": "user", "password": "p:a@s#s"}),
        ("u%3As%40e:p%2Fa%3Fs%25", {"username": "u:s@e", "password": "p/a?s%"}),
        ("user:12345", {"username": "user", "password": "12345"}),
        ("%C3%BC:%E2%82%AC", {"username": "ü", "password": "€"}),
    ],
)
def test_user_name_and_password_leave_the_host(login: str, options: dict[str, str]) -> None:
    """They become options, decoded."""
    spec = parse_uri(f"registry://{login}@host:5000/a")
    assert spec.host == "host:5000"
    assert spec.options == options


@given(st.text(min_size=1), st.text())
def test_any_encoded_user_name_and_password_come_through(username: str, password: str) -> None:
    """Whatever the characters."""
    login = f"{quote(username, safe='')}:{quote(password, safe='')}"
    spec = parse_uri(f"registry://{login}@host/a:1")
    assert spec.options == {"username": username, "password": password}
    assert parse_registry_uri(spec) == ("host", "a", "1")


@pytest.mark.parametrize(
    ("uri", "parsed"),
    [
        ("docker://busybox", ("busybox", "latest", DEFAULT_SOCKET)),
        ("docker://busybox:1.36", ("busybox", "1.36", DEFAULT_SOCKET)),
        ("docker:busybox:1.36", ("busybox", "1.36", DEFAULT_SOCKET)),
        ("docker:///busybox:1.36", ("busybox", "1.36", DEFAULT_SOCKET)),
        ("docker://ns/img:v1", ("ns/img", "v1", DEFAULT_SOCKET)),
        ("docker://localhost:5000/img", ("localhost:5000/img", "latest", DEFAULT_SOCKET)),
        ("docker://localhost:5000/ns/img:v1", ("localhost:5000/ns/img", "v1", DEFAULT_SOCKET)),
        ("docker://[::1]:5000/img:v1", ("[::1]:5000/img", "v1", DEFAULT_SOCKET)),
        (f"docker://busybox@{DIGEST}", ("busybox", DIGEST, DEFAULT_SOCKET)),
        (f"docker://r.io/a:1@{DIGEST}", ("r.io/a", f"1@{DIGEST}", DEFAULT_SOCKET)),
        ("docker://a:b?socket=/run/podman.sock", ("a", "b", "/run/podman.sock")),
        ("docker://a:b?socket=1", ("a", "b", "1")),
    ],
)
def test_daemon_uris_name_image_tag_and_socket(uri: str, parsed: tuple[str, str, str]) -> None:
    """A port is no tag, and the image keeps the name that the daemon knows it by."""
    assert parse_docker_uri(parse_uri(uri)) == parsed
    assert parse_dockerpush_uri(parse_uri(uri.replace("docker:", "dockerpush:", 1))) == parsed


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("docker://", "docker:// URI requires an image"),
        ("dockerpush:///", "dockerpush:// URI requires an image"),
        ("docker://Busybox", "upper-case"),
        ("docker://a@sha256:12", "not the lower-case hex of a sha256 digest"),
        ("docker://a?socket=", "requires one path of a socket"),
        ("docker://a?socket=a&socket=b", "requires one path of a socket"),
    ],
)
def test_a_daemon_uri_that_names_no_image_is_refused(uri: str, message: str) -> None:
    """The error names the scheme that was typed."""
    with pytest.raises(URIParseError, match=message):
        parse_docker_uri(parse_uri(uri))


@pytest.mark.parametrize(
    ("uri", "parsed"),
    [
        ("quay://org", ("org", "*", "latest", {})),
        ("quay://org/", ("org", "*", "latest", {})),
        ("quay://org:v1", ("org", "*", "v1", {})),
        ("quay://org/:v1", ("org", "*", "v1", {})),
        ("quay://org/nova-*", ("org", "nova-*", "latest", {})),
        ("quay://org/nova-*:v1", ("org", "nova-*", "v1", {})),
        ("quay://org/nova-%3F:v1", ("org", "nova-?", "v1", {})),
        ("quay://org/[ab]/c:v1", ("org", "[ab]/c", "v1", {})),
        (
            "quay://org/a:b?since=2024-01-31&token=123",
            ("org", "a", "b", {"since": "2024-01-31", "token": "123"}),
        ),
    ],
)
def test_quay_uris_name_namespace_glob_and_tag(
    uri: str, parsed: tuple[str, str, str, dict[str, str]]
) -> None:
    """Without a glob it is every repository, without a tag `latest`."""
    assert parse_quay_uri(parse_uri(uri)) == parsed


def test_a_quay_uri_requires_a_namespace_and_a_tag_that_can_be_one() -> None:
    """The errors say so."""
    for uri in ("quay://", "quay:///a", "quay://:tag"):
        with pytest.raises(URIParseError, match=r"quay:// URI requires a namespace/organization"):
            parse_quay_uri(parse_uri(uri))
    for uri in ("quay://org/a:", "quay://org:a/b", "quay://org/a:b/*"):
        with pytest.raises(URIParseError, match=r"quay:// URI: not a tag"):
            parse_quay_uri(parse_uri(uri))


@pytest.mark.parametrize(
    ("uri", "environ", "socket"),
    [
        ("docker://a", {}, DEFAULT_SOCKET),
        ("docker://a", {"DOCKER_HOST": ""}, DEFAULT_SOCKET),
        (
            "docker://a",
            {"DOCKER_HOST": "unix:///run/user/1000/docker.sock"},
            "/run/user/1000/docker.sock",
        ),
        (
            "dockerpush://a?socket=/run/podman.sock",
            {"DOCKER_HOST": "tcp://h:1"},
            "/run/podman.sock",
        ),
    ],
)
def test_the_socket_of_a_daemon(uri: str, environ: dict[str, str], socket: str) -> None:
    """What the URI says goes before DOCKER_HOST, and that before Docker's own."""
    assert daemon_socket(parse_uri(uri), environ) == socket


@pytest.mark.parametrize("host", ["tcp://alice:hush@h:2375", "ssh://alice@h", "unix://", "/a"])
def test_other_ways_to_a_daemon_are_not_known(host: str) -> None:
    """The error says which one is, and shows no more than the scheme."""
    with pytest.raises(URIParseError, match=r"only unix://PATH") as error:
        daemon_socket(parse_uri("docker://a"), {"DOCKER_HOST": host})
    assert "hush" not in str(error.value)
