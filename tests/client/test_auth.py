"""Getting the right to ask: challenges, passwords, and where secrets go."""

from __future__ import annotations

import httpx
import pytest

from occystrap.client.ask import Answer
from occystrap.client.auth import ScopedGrant
from occystrap.errors import (
    InvalidChallenge,
    UnauthorizedException,
)
from occystrap.server.registry import Registry
from tests.support.handlers import BasicGate, BearerGate, OtherChallenge, ShortTokens
from tests.support.logins import ALICE, DESCRIPTOR, client_of, scripted, works


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="http://{host}/token",service="test"',
        'Bearer service="test",realm="http://{host}/token"',
        'Bearer scope="repository:a:pull",error="invalid_token",realm="http://{host}/token"',
        'Negotiate, Basic realm="x", Bearer realm="http://{host}/token"',
        'bearer Realm="http://{host}/token"',
    ],
)
def test_a_bearer_challenge_in_any_order_is_answered(challenge: str) -> None:
    """W-1, W-22: the parameters and the challenges of a 401 may come in any order."""
    assert works(client_of(OtherChallenge(BearerGate(Registry()), challenge)))


def test_basic_is_answered_once_asked() -> None:
    """W-22: a registry that wants Basic gets the password, after it asked."""
    assert works(client_of(BasicGate(Registry()), ALICE))


def test_a_wrong_password_is_said_once() -> None:
    """A password that is refused isn't sent again and again."""
    asked: list[str | None] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("Authorization"))
        return httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="x"'})

    with pytest.raises(UnauthorizedException, match="check user name and password"):
        scripted(handle, ALICE).has_blob("a", DESCRIPTOR.digest)
    assert asked == [None, ALICE.credential.basic_header]


@pytest.mark.parametrize(
    "realm", ["http://registry.example/token", "http://tokens.example/", "http://127.0.0.1/"]
)
def test_a_password_never_leaves_tls(realm: str) -> None:
    """W-13: a registry on TLS can't send its clients' passwords over plain HTTP."""

    def handle(request: httpx.Request) -> httpx.Response:
        assert "Authorization" not in request.headers
        challenge = f'Bearer realm="{realm}"'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    with pytest.raises(InvalidChallenge, match="not safe"):
        scripted(handle, ALICE).has_blob("a", DESCRIPTOR.digest)


def test_a_bare_401_is_explained_by_the_root() -> None:
    """A 401 without a challenge is looked up at /v2/."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") == "Bearer t":
            return httpx.Response(200)
        if request.url.host == "tokens.example":
            return httpx.Response(200, json={"token": "t"})
        if request.url.path == "/v2/":
            challenge = 'Bearer realm="https://tokens.example/"'
            return httpx.Response(401, headers={"WWW-Authenticate": challenge})
        return httpx.Response(401)

    assert scripted(handle).has_blob("a", DESCRIPTOR.digest)


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(500), httpx.Response(200)])
def test_a_bare_401_that_the_root_doesn_t_explain_stands(answer: httpx.Response) -> None:
    """What the user reads is the 401, not what became of looking for a reason."""

    def handle(request: httpx.Request) -> httpx.Response:
        return answer if request.url.path == "/v2/" else httpx.Response(401)

    with pytest.raises(UnauthorizedException, match="/v2/a/blobs/"):
        scripted(handle).has_blob("a", DESCRIPTOR.digest)


def test_a_challenge_in_no_grammar_is_none() -> None:
    """A registry that answers junk is asked at its root once, and then believed."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(401, headers={"WWW-Authenticate": '"junk'})

    with pytest.raises(UnauthorizedException):
        scripted(handle).has_blob("a", DESCRIPTOR.digest)
    assert asked == [f"/v2/a/blobs/{DESCRIPTOR.digest}", "/v2/"]


def test_a_known_challenge_serves_for_a_bare_401() -> None:
    """A token that is refused without a word is replaced by where the first one came from."""
    tokens = iter(["one", "two"])
    answers = {None: [401], "Bearer one": [200, 401], "Bearer two": [200]}

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"token": next(tokens)})
        authorization = request.headers.get("Authorization")
        challenge = 'Bearer realm="https://registry.example/token"'
        headers = {} if authorization else {"WWW-Authenticate": challenge}
        return httpx.Response(answers[authorization].pop(0), headers=headers)

    client = scripted(handle)
    assert client.has_blob("a", DESCRIPTOR.digest)
    assert client.has_blob("a", DESCRIPTOR.digest)


def test_basic_without_a_password_is_the_registry_s_word() -> None:
    """Without a login there is nothing to answer Basic with."""
    with pytest.raises(UnauthorizedException, match="check user name and password"):
        works(client_of(BasicGate(Registry())))


def test_a_token_that_another_thread_got_is_used() -> None:
    """W-22: whoever comes with an old token takes the new one, and asks for none."""
    gate = BearerGate(Registry())
    client = client_of(ShortTokens(gate, uses=1))
    grant = client.blob("a", DESCRIPTOR).grant
    assert isinstance(grant, ScopedGrant)
    assert not client.has_blob("a", DESCRIPTOR.digest)
    used = grant.header(client.base)
    assert not client.has_blob("a", DESCRIPTOR.digest)
    asked = len(gate.issued)
    headers = {"WWW-Authenticate": 'Bearer realm="http://registry.example/token"'}
    assert grant.refused(Answer(httpx.Response(401, headers=headers), client.base), used)
    assert len(gate.issued) == asked
    assert grant.header("https://evil.example/") is None
