"""How registries are reached: logins, TLS, plain HTTP; and that no secret is told."""

from __future__ import annotations

import base64
import json
import ssl
from pathlib import Path

import pytest
import trustme

from tests.support.console import Console, Shelf, error_of, summary_of
from tests.support.handlers import BasicGate, Front
from tests.support.tls_server import tls_server

HERE = "registry://r.example/demo/image:1"
THERE = "registry://other.example/new/image:1"
PULL = ("process", HERE, "tar://new.tar")
LOGIN = {"OCCYSTRAP_USERNAME": "alice", "OCCYSTRAP_PASSWORD": "open sesame"}


@pytest.mark.parametrize(
    "words",
    [
        ["--username", "alice", "--password", "open sesame"],
        ["--username=alice", "--password-stdin"],
    ],
)
def test_a_login_by_option(console: Console, shelf: Shelf, words: list[str]) -> None:
    """It is shown to source and destination, and never printed."""
    console.handler = BasicGate(shelf.registry)
    result = console.run(*words, "--debug", "process", HERE, THERE, typed="open sesame\n")
    assert summary_of(result).startswith("3 layers")
    assert "open sesame" not in result.output
    assert base64.b64encode(b"alice:open sesame").decode() not in result.output


def test_a_login_by_variable(console: Console, shelf: Shelf) -> None:
    """The way that no list of processes shows."""
    console.handler = BasicGate(shelf.registry)
    console.succeed("process", HERE, THERE, environ=LOGIN)


def test_a_login_from_a_file(console: Console, shelf: Shelf) -> None:
    """--authfile names it; without, the places of docker and podman are looked at."""
    console.handler = BasicGate(shelf.registry)
    auth = base64.b64encode(b"alice:open sesame").decode()
    content = json.dumps({"auths": {"r.example": {"auth": auth}}})
    (console.directory / "config.json").write_text(content)
    console.succeed("--authfile", "config.json", *PULL)
    console.succeed(*PULL, environ={"DOCKER_CONFIG": str(console.directory)})
    error_of(console.run(*PULL))


def test_no_password_on_standard_input(console: Console) -> None:
    """Nothing, or an empty line, is no password; and two passwords are one too many."""
    for typed in ("", "\n"):
        result = console.run("--username=alice", "--password-stdin", *PULL, typed=typed)
        assert "no password on standard input" in error_of(result, 2)
    result = console.run("--password=a", "--password-stdin", *PULL, typed="b\n")
    assert "not both" in error_of(result, 2)


def test_insecure_speaks_plain_http(console: Console, shelf: Shelf) -> None:
    """To both sides; one side alone can say it in its URI, or say no."""
    for words, schemes in (
        (["process", HERE, THERE], ("https", "https")),
        (["--insecure", "process", HERE, THERE], ("http", "http")),
        (["process", f"{HERE}?insecure=true", THERE], ("http", "https")),
        (["--insecure", "process", HERE, f"{THERE}?insecure=false"], ("http", "https")),
    ):
        console.handler = front = Front(shelf.registry)
        console.succeed(*words)
        seen = {request.host: request.scheme for request in front.requests}
        assert (seen["r.example"], seen["other.example"]) == schemes


def test_tls_by_option(console: Console, shelf: Shelf, tmp_path: Path) -> None:
    """A CA of one's own, a client certificate with its key, and no checks at all."""
    authority = trustme.CA()
    ca, cert, key = (tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(str(ca))
    mine = authority.issue_cert("me@example.org")
    mine.cert_chain_pems[0].write_to_path(str(cert))
    mine.private_key_pem.write_to_path(str(key))

    def wants_certificate(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)

    console.handler = None
    shown = ["--cert", str(cert), "--key", str(key)]
    with tls_server(shelf.registry, authority, prepare=wants_certificate) as server:
        pull = ("process", f"registry://{server.host}/demo/image:1", "tar://new.tar")
        assert "--ca-file" in error_of(console.run("--retries", "0", *shown, *pull))
        error_of(console.run("--retries", "0", "--ca-file", str(ca), *pull))
        console.succeed("--ca-file", str(ca), *shown, *pull)
        console.succeed("--skip-verify", *shown, *pull)
    assert "--cert is missing" in error_of(console.run("--key", str(key), *pull), 2)
    assert "none.pem" in error_of(console.run("--cert", "none.pem", *pull))


def test_debug_tells_of_connections(console: Console, shelf: Shelf) -> None:
    """Which host, which address and which TLS is there, and nothing of headers."""
    authority = trustme.CA()
    console.handler = None
    with tls_server(BasicGate(shelf.registry), authority) as server:
        pull = ("process", f"registry://{server.host}/demo/image:1", "tar://new.tar")
        told = console.succeed("--debug", "--skip-verify", *pull, environ=LOGIN).stderr
    assert "connecting to localhost, port" in told
    assert "connected to 127.0.0.1, port" in told
    assert "TLSv1.3" in told
    assert "send_request_headers" not in told
    assert "open sesame" not in told
    assert base64.b64encode(b"alice:open sesame").decode() not in told
