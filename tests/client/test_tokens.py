"""Tokens: got once, kept, renewed, and what a token endpoint may say."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

from occystrap.client.credentials import Credential, StaticCredentials
from occystrap.errors import (
    APIException,
    InvalidToken,
    UnauthorizedException,
)
from occystrap.oci.manifest import Descriptor
from occystrap.server.registry import Registry
from occystrap.server.tokens import TokenForm
from tests.support.clock import FakeClock
from tests.support.handlers import BearerGate, ShortTokens
from tests.support.logins import ALICE, DESCRIPTOR, client_of, scripted, works


@pytest.mark.parametrize("field", ["token", "access_token"])
def test_a_token_under_either_name_is_taken(field: str) -> None:
    """W-22: some registries call it access_token."""
    assert works(client_of(BearerGate(Registry(), form=TokenForm(fields=(field,)))))


def test_a_token_is_got_with_the_password() -> None:
    """The password goes to the token endpoint, and never to the registry."""
    gate = BearerGate(Registry(), password="open sesame")
    assert works(client_of(gate, ALICE))
    with pytest.raises(UnauthorizedException, match="token"):
        works(client_of(gate))


def test_a_token_is_kept() -> None:
    """Many requests of one scope cost one token."""
    gate = BearerGate(Registry())
    client = client_of(gate)
    for _ in range(5):
        client.has_blob("a", DESCRIPTOR.digest)
    assert len(gate.issued) == 1


def test_the_scope_says_what_is_wanted() -> None:
    """A pull asks for pull, a push for pull and push, of that repository."""
    gate = BearerGate(Registry())
    client = client_of(gate)
    client.has_blob("a/b", DESCRIPTOR.digest)
    client.upload_blob("a/b", DESCRIPTOR, b"x")
    assert [str(scope) for token in gate.issued for scope in token.asked] == [
        "repository:a/b:pull",
        "repository:a/b:pull,push",
    ]


def test_a_token_is_renewed_before_it_expires() -> None:
    """A token that is about to end is replaced without a 401."""
    gate, clock = BearerGate(Registry(), expires_in=300), FakeClock()
    client = client_of(gate, clock=clock)
    client.has_blob("a", DESCRIPTOR.digest)
    clock.now += 269
    client.has_blob("a", DESCRIPTOR.digest)
    assert len(gate.issued) == 1
    clock.now += 2
    client.has_blob("a", DESCRIPTOR.digest)
    assert len(gate.issued) == 2


def test_a_token_that_ends_early_is_renewed_on_401() -> None:
    """W-10, W-22: every token good for two requests only, a push with bodies comes through."""
    gate = BearerGate(Registry())
    client = client_of(ShortTokens(gate, uses=2))
    for number in range(5):
        content = str(number).encode() * 1000
        client.upload_blob("a", Descriptor.of(content, "x/y"), content)
    assert len(gate.issued) > 5


def test_a_token_that_doesn_t_help_is_no_loop() -> None:
    """When the new token is refused as well, that is the answer."""
    gate = BearerGate(Registry())
    gate.rights = lambda account, scope: ()
    with pytest.raises(UnauthorizedException):
        client_of(gate).has_blob("a", DESCRIPTOR.digest)
    assert len(gate.issued) == 1


def test_many_threads_ask_for_one_token() -> None:
    """W-22: no thundering herd at the token endpoint."""
    gate = BearerGate(Registry())
    client = client_of(gate)
    start = threading.Barrier(16)
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            start.wait(10)
            client.has_blob("a", DESCRIPTOR.digest)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(gate.issued) == 1


def test_an_identity_token_is_posted() -> None:
    """A refresh token of docker login goes into a form, not into a URL."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") == "Bearer t":
            return httpx.Response(200)
        if request.url.path == "/token":
            seen.append(request)
            return httpx.Response(200, json={"access_token": "t"})
        challenge = 'Bearer realm="https://registry.example/token",service="s"'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    credentials = StaticCredentials(Credential("", "", "refresh-me"))
    assert scripted(handle, credentials).has_blob("a", DESCRIPTOR.digest)
    assert seen[0].method == "POST"
    assert b"refresh_token=refresh-me" in seen[0].content
    assert b"scope=repository%3Aa%3Apull" in seen[0].content


def test_an_upload_elsewhere_can_t_ask_for_the_password() -> None:
    """W-13: a 401 of the host that a Location names is an answer, and not a challenge to answer."""
    seen: list[httpx.Request] = []
    challenge = {"WWW-Authenticate": 'Bearer realm="https://evil.example/token"'}
    steps = {
        "HEAD": httpx.Response(404),
        "POST": httpx.Response(202, headers={"Location": "https://evil.example/upload"}),
        "PUT": httpx.Response(401, headers=challenge),
    }

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return steps[request.method]

    with pytest.raises(UnauthorizedException):
        scripted(handle, ALICE).upload_blob("a", DESCRIPTOR, b"x")
    assert [request.method for request in seen] == ["HEAD", "POST", "PUT"]
    assert not any("Authorization" in request.headers for request in seen)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"token": 7}', b'{"token": ""}'])
def test_an_answer_without_a_token_is_an_error_with_a_name(body: bytes) -> None:
    """A token endpoint that answers nonsense is said to."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, content=body)
        challenge = 'Bearer realm="https://registry.example/token"'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    with pytest.raises(InvalidToken):
        scripted(handle).has_blob("a", DESCRIPTOR.digest)


def test_the_token_endpoint_has_its_retries() -> None:
    """A token endpoint that fails for a moment is asked again."""
    troubles = [httpx.Response(503), httpx.Response(429)]

    def handle(request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") == "Bearer t":
            return httpx.Response(200)
        if request.url.path == "/token":
            return troubles.pop() if troubles else httpx.Response(200, json={"token": "t"})
        challenge = 'Bearer realm="https://registry.example/token"'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    assert scripted(handle).has_blob("a", DESCRIPTOR.digest)


def test_a_token_endpoint_that_refuses_is_named() -> None:
    """The error is that of the token endpoint, with its words, and without the password."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            body = {"errors": [{"code": "DENIED", "message": "who?"}]}
            return httpx.Response(403, content=json.dumps(body).encode())
        challenge = 'Bearer realm="https://registry.example/token",service="s"'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    with pytest.raises(APIException, match=r"/token\?service=s.*403 Forbidden: DENIED") as caught:
        scripted(handle, ALICE).has_blob("a", DESCRIPTOR.digest)
    assert "sesame" not in str(caught.value)


def test_a_login_for_a_namespace_is_found() -> None:
    """The token endpoint gets the login that is kept for the repository asked for."""

    class Kept:
        """A login for one namespace only."""

        def find(self, registry_host: str, repository: str = "") -> Credential | None:
            """Return it for that."""
            return ALICE.credential if repository.startswith("team/") else None

    gate = BearerGate(Registry(), password="open sesame")
    assert not client_of(gate, Kept()).has_blob("team/a", DESCRIPTOR.digest)
    with pytest.raises(UnauthorizedException):
        client_of(gate, Kept()).has_blob("other/a", DESCRIPTOR.digest)
