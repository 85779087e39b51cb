"""The token endpoint, as clients see it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.gate import BearerGate
from occystrap.server.registry import Registry
from occystrap.server.tokens import TokenForm
from tests.support.clock import FakeClock

ACCOUNTS = {"alice": "open sesame"}
ALICE = ("alice", "open sesame")
SCOPE = "repository:a/b:pull,push"


def client_of(gate: BearerGate) -> httpx.Client:
    """Make a plain client."""
    return httpx.Client(transport=InProcessTransport(gate), base_url="http://registry.test")


@pytest.fixture
def gate() -> BearerGate:
    """A gate with one account, at a known time."""
    return BearerGate(Registry(), accounts=ACCOUNTS, clock=FakeClock(1_700_000_000.25))


@pytest.fixture
def client(gate: BearerGate) -> Iterator[httpx.Client]:
    """A plain client of it."""
    with client_of(gate) as made:
        yield made


def granted(gate: BearerGate) -> list[str]:
    """Write the grant of the newest token."""
    return [str(scope) for scope in gate.issued[-1].granted]


def test_the_answer_has_every_field(client: httpx.Client) -> None:
    """Both names of the token, how long it lives and since when."""
    response = client.get("/token", params={"service": "registry", "scope": SCOPE}, auth=ALICE)
    answer = response.json()
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert answer.pop("token") == answer.pop("access_token") != ""
    assert answer == {"expires_in": 300, "issued_at": "2023-11-14T22:13:20.250000000Z"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        ("scope=repository:a:pull", ["repository:a:pull"]),
        (
            "scope=repository:a:pull&scope=repository:b:push",
            ["repository:a:pull", "repository:b:push"],
        ),
        (
            "scope=repository:a:pull%20repository:b:push",
            ["repository:a:pull", "repository:b:push"],
        ),
        ("scope=repository:a:pull&scope=repository:a:pull", ["repository:a:pull"]),
        ("scope=registry:catalog:*", ["registry:catalog:*"]),
        ("scope=repository:host:5000/a:pull", ["repository:host:5000/a:pull"]),
        ("scope=repository:a:", ["repository:a:"]),
    ],
)
def test_scopes_come_in_any_number(
    client: httpx.Client, gate: BearerGate, query: str, expected: list[str]
) -> None:
    """Repeated, or several in one parameter, or none."""
    assert client.get(f"/token?{query}", auth=ALICE).status_code == 200
    assert granted(gate) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("repository:a:pull,push", "repository:a:pull"),
        ("repository:a:push", "repository:a:"),
        ("repository:a:delete,pull", "repository:a:pull"),
        ("registry:catalog:*", "registry:catalog:"),
    ],
)
def test_strangers_get_less(
    client: httpx.Client, gate: BearerGate, asked: str, expected: str
) -> None:
    """What isn't theirs is left out, and the answer is a token all the same."""
    assert client.get("/token", params={"scope": asked}).status_code == 200
    assert granted(gate) == [expected]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic YWxpY2U6d3Jvbmc="},
        {"Authorization": "Basic bWFsbG9yeTo="},
        {"Authorization": "Basic junk"},
        {"Authorization": "Bearer abc"},
    ],
)
def test_a_wrong_password_gets_nothing(client: httpx.Client, headers: dict[str, str]) -> None:
    """401, not what a stranger gets."""
    response = client.get("/token", params={"scope": SCOPE}, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Basic realm="registry"'
    (error,) = response.json()["errors"]
    assert error["code"] == "UNAUTHORIZED"
    assert error["message"] == "incorrect user name or password"


@pytest.mark.parametrize("scope", ["junk", "repository:a", ":a:pull", "repository::pull"])
def test_what_is_no_scope_is_refused(client: httpx.Client, scope: str) -> None:
    """400, in the body of the specification."""
    response = client.get("/token", params={"scope": scope})
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "UNSUPPORTED"


def test_a_password_by_post(client: httpx.Client, gate: BearerGate) -> None:
    """The grant of OAuth2, as docker sends it after a login."""
    form = {
        "grant_type": "password",
        "username": "alice",
        "password": "open sesame",
        "service": "registry",
        "client_id": "test",
        "scope": f"{SCOPE} repository:c:pull",
    }
    assert client.post("/token", data=form).status_code == 200
    assert (gate.issued[-1].account, gate.issued[-1].method) == ("alice", "POST")
    assert granted(gate) == [SCOPE, "repository:c:pull"]
    assert client.post("/token", data=form | {"password": "wrong"}).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refresh_token_stands_in_for_the_password(
    client: httpx.Client, gate: BearerGate, method: str
) -> None:
    """It comes to accounts that ask for it, and lives on when tokens end."""
    offline = {"offline_token": "true", "access_type": "offline"}
    login = {"grant_type": "password", "username": "alice", "password": "open sesame"}
    if method == "GET":
        first = client.get("/token", params=offline, auth=ALICE)
    else:
        first = client.post("/token", data=offline | login)
    gate.expire_tokens()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": first.json()["refresh_token"],
        "scope": SCOPE,
    }
    again = client.post("/token", data=form)
    assert again.status_code == 200
    assert "refresh_token" not in again.json()
    assert gate.issued[-1].account == "alice"
    assert client.post("/token", data=form | {"refresh_token": "junk"}).status_code == 401


def test_strangers_get_no_refresh_token(client: httpx.Client) -> None:
    """There is no account that it could stand for."""
    assert "refresh_token" not in client.get("/token?offline_token=true").json()


def test_a_refresh_token_can_be_made_at_home(client: httpx.Client, gate: BearerGate) -> None:
    """As an exchange with another service would give it."""
    form = {"grant_type": "refresh_token", "refresh_token": gate.new_refresh_token("bob")}
    assert client.post("/token", data=form).status_code == 200
    assert gate.issued[-1].account == "bob"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"grant_type=client_credentials", 400),
        (b"\xff\xfe", 400),
        (b"grant_type=" + b"x" * 70_000, 413),
    ],
)
def test_what_is_no_grant_is_refused(client: httpx.Client, body: bytes, status: int) -> None:
    """Other grants, other content, too much of it."""
    response = client.post("/token", content=body)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (status, "UNSUPPORTED")


def test_everyone_is_known_without_accounts() -> None:
    """Any name with any password, and nobody; all get all."""
    gate = BearerGate(Registry())
    with client_of(gate) as client:
        for auth in (("mallory", "x"), None):
            assert client.get("/token", params={"scope": SCOPE}, auth=auth).status_code == 200
            assert granted(gate) == [SCOPE]
    assert [token.account for token in gate.issued] == ["mallory", ""]


def test_strangers_are_told_what_is_missing() -> None:
    """In other words than those of the code, which Docker takes for a hitch that will pass."""
    gate = BearerGate(Registry(), accounts=ACCOUNTS, anonymous_pull=False)
    with client_of(gate) as stranger:
        (error,) = stranger.get("/token", params={"scope": SCOPE}).json()["errors"]
    assert error["message"] == "there is no token without a user name and a password"


def test_the_form_is_the_dialect_s() -> None:
    """Where it is, what it takes and what it answers."""
    form = TokenForm("/v2/auth", ("GET",), ("access_token", "scope"), wrong_method=404)
    gate = BearerGate(Registry(), form=form)
    with client_of(gate) as client:
        challenge = client.get("/v2/").headers["WWW-Authenticate"]
        assert 'realm="http://registry.test/v2/auth"' in challenge
        answer = client.get("/v2/auth", params={"scope": SCOPE}).json()
        assert sorted(answer) == ["access_token", "scope"]
        assert answer["scope"] == SCOPE
        posted = client.post("/v2/auth", data={"grant_type": "password"})
        assert (posted.status_code, posted.headers["Allow"]) == (404, "GET")
        assert client.get("/token").status_code == 401
