"""Tokens that have ended, at registries that deny then, and don't ask for another."""

from __future__ import annotations

import httpx
import pytest

from occystrap.client.registry import RegistryClient
from occystrap.errors import APIException
from occystrap.oci.digest import Digest
from tests.support.scripted import session_over

DIGEST = Digest.of(b"x")
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="https://registry.example/token"'}
DENIED = {"errors": [{"code": "DENIED", "message": "Your Authorization Token is invalid."}]}


class Denying:
    """A registry that denies with `status`: old tokens, or with `always` all of them."""

    def __init__(self, status: int, *, always: bool = False) -> None:
        self.status = status
        self.always = always
        self.newest = 0
        self.lines: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        token = request.headers.get("Authorization", "")
        self.lines.append(f"{request.method} {token.removeprefix('Bearer ')}".strip())
        if request.url.path == "/token":
            self.newest += 1
            return httpx.Response(200, json={"token": f"t{self.newest}"})
        if not token:
            return httpx.Response(401, headers=CHALLENGE)
        if self.always or token != f"Bearer t{self.newest}":
            return httpx.Response(self.status, json=DENIED)
        return httpx.Response(200, json={"tags": ["1"]})

    def client(self) -> RegistryClient:
        """Make a client of it."""
        session = session_over(httpx.Client(transport=httpx.MockTransport(self)))
        return RegistryClient("registry.example", session=session)


@pytest.mark.parametrize("status", [400, 403])
def test_a_token_that_has_ended_is_replaced(status: int) -> None:
    """Amazon says 400 and GitHub 403, neither with a challenge; the client gets a new one."""
    registry = Denying(status)
    client = registry.client()
    assert list(client.tags("a")) == ["1"]
    registry.newest += 1
    assert list(client.tags("a")) == ["1"]
    assert registry.lines == ["GET", "GET", "GET t1", "GET t1", "GET", "GET t3"]


def test_an_answer_to_head_shows_no_code() -> None:
    """So the status alone has to do."""
    registry = Denying(403)
    client = registry.client()
    assert client.has_blob("a", DIGEST)
    registry.newest += 1
    assert client.has_blob("a", DIGEST)


def test_who_has_a_new_token_is_denied_once() -> None:
    """Nobody asks for another token because the first was no good."""
    registry = Denying(403, always=True)
    with pytest.raises(APIException, match="DENIED: Your Authorization Token is invalid"):
        list(registry.client().tags("a"))
    assert registry.lines == ["GET", "GET", "GET t1"]


def test_a_token_that_was_got_before_the_question_is_new_as_well() -> None:
    """Whoever may not see a repository costs no second token, either."""
    registry = Denying(403)
    client = registry.client()
    assert list(client.tags("a")) == ["1"]
    registry.always = True
    with pytest.raises(APIException, match="DENIED"):
        list(client.tags("b"))
    assert registry.lines[3:] == ["GET", "GET t2"]


def test_who_is_denied_again_gets_one_token_more() -> None:
    """With an old token it is tried once again, and not for ever."""
    registry = Denying(403)
    client = registry.client()
    assert list(client.tags("a")) == ["1"]
    registry.always = True
    with pytest.raises(APIException, match="DENIED"):
        list(client.tags("a"))
    assert registry.lines[3:] == ["GET t1", "GET", "GET t2"]


def test_other_errors_have_nothing_to_do_with_tokens() -> None:
    """A 400 that says what is wrong is what it says."""
    answers = [httpx.Response(401, headers=CHALLENGE), httpx.Response(200, json={"token": "t"})]
    answers += [httpx.Response(200, json={"tags": []})]
    wrong = {"errors": [{"code": "PAGINATION_NUMBER_INVALID"}]}
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return answers.pop(0) if answers else httpx.Response(400, json=wrong)

    session = session_over(httpx.Client(transport=httpx.MockTransport(handle)))
    client = RegistryClient("registry.example", session=session)
    assert list(client.tags("a")) == []
    with pytest.raises(APIException, match="PAGINATION_NUMBER_INVALID"):
        list(client.tags("a"))
    assert asked == ["/v2/a/tags/list", "/token", "/v2/a/tags/list", "/v2/a/tags/list"]


def test_a_denial_without_a_token_is_final() -> None:
    """Who asked without one isn't made to get one."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(403, json=DENIED)

    session = session_over(httpx.Client(transport=httpx.MockTransport(handle)))
    with pytest.raises(APIException, match="DENIED"):
        list(RegistryClient("registry.example", session=session).tags("a"))
    assert len(asked) == 1
