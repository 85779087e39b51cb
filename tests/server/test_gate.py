"""Gates: whom they let in, and what they say to the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import httpx
import pytest

from occystrap.oci.challenge import parse_challenges
from occystrap.oci.manifest import Descriptor
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.gate import BasicGate, BearerGate
from occystrap.server.message import Handler
from occystrap.server.registry import Registry
from occystrap.server.tokens import Accounts
from tests.support.clock import FakeClock
from tests.support.handlers import Front

ACCOUNTS = {"alice": "open sesame", "bob": "pässwörd"}
ALICE = ("alice", "open sesame")
SCOPE = "repository:a:pull,push"
CONTENT = b"some bytes"
BLOB = Descriptor.of(CONTENT, "application/octet-stream")
URL = f"/v2/a/b/blobs/{BLOB.digest}"

Client = Callable[[Handler], httpx.Client]


@pytest.fixture
def client() -> Iterator[Client]:
    """Make a plain client of a handler, which knows nothing of tokens."""
    clients = []

    def make(handler: Handler) -> httpx.Client:
        made = httpx.Client(transport=InProcessTransport(handler), base_url="http://registry.test")
        clients.append(made)
        return made

    yield make
    for made in clients:
        made.close()


def token_of(client: httpx.Client, *scopes: str, auth: tuple[str, str] | None = None) -> str:
    """Get a token by GET."""
    response = client.get("/token", params={"scope": scopes}, auth=auth)
    assert response.status_code == 200, response.text
    return str(response.json()["token"])


def ask(client: httpx.Client, token: str, method: str = "GET", url: str = URL) -> httpx.Response:
    """Ask with a token."""
    return client.request(method, url, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("auth", [ALICE, ("bob", "pässwörd")])
def test_a_password_opens_a_basic_gate(client: Client, auth: tuple[str, str]) -> None:
    """Whoever knows it talks to the registry, as if there were no gate."""
    asked = client(BasicGate(Registry(), ACCOUNTS))
    # httpx encodes passwords as UTF-8, and so is how they are read.
    assert asked.get("/v2/", auth=auth).status_code == 200
    assert asked.get(URL, auth=auth).json()["errors"][0]["code"] == "BLOB_UNKNOWN"


@pytest.mark.parametrize(
    "auth", [None, ("alice", "wrong"), ("mallory", "open sesame"), ("", ""), ("alice", "")]
)
def test_a_basic_gate_says_what_it_wants(client: Client, auth: tuple[str, str] | None) -> None:
    """401 with the challenge, and the error of the specification."""
    response = client(BasicGate(Registry(), ACCOUNTS, realm="the realm")).get(URL, auth=auth)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Basic realm="the realm"'
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    (error,) = response.json()["errors"]
    assert error["code"] == "UNAUTHORIZED"
    assert error["detail"] == [{"Type": "repository", "Class": "", "Name": "a/b", "Action": "pull"}]


def test_a_changed_password_counts_at_once(client: Client) -> None:
    """A gate holds no copy of the accounts."""
    accounts = dict(ACCOUNTS)
    asked = client(BasicGate(Registry(), accounts))
    accounts["alice"] = "changed"
    assert asked.get("/v2/", auth=ALICE).status_code == 401
    assert asked.get("/v2/", auth=("alice", "changed")).status_code == 200


def test_nothing_reaches_the_registry_through_a_closed_gate(client: Client) -> None:
    """Not even what would be refused there."""
    front = Front(Registry())
    for gate in (BasicGate(front, ACCOUNTS), BearerGate(front)):
        assert client(gate).put(URL, content=CONTENT).status_code == 401
    assert front.seen == []


def test_a_bearer_gate_says_where_tokens_are(client: Client) -> None:
    """The realm is the host that was asked, the scope what the request needs."""
    response = client(BearerGate(Registry(), service="the service")).put("/v2/a/manifests/v1")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    (challenge,) = parse_challenges([response.headers["WWW-Authenticate"]])
    assert challenge.parameters == (
        ("realm", "http://registry.test/token"),
        ("service", "the service"),
        ("scope", "repository:a:pull,push"),
    )


def test_the_root_needs_a_token_of_any_scope(client: Client) -> None:
    """Its challenge names no scope."""
    asked = client(BearerGate(Registry()))
    response = asked.get("/v2/")
    (challenge,) = parse_challenges([response.headers["WWW-Authenticate"]])
    assert [name for name, _ in challenge.parameters] == ["realm", "service"]
    assert "detail" not in response.json()["errors"][0]
    assert ask(asked, token_of(asked), url="/v2/").status_code == 200


def test_a_realm_elsewhere_is_named_as_it_is(client: Client) -> None:
    """Docker Hub's tokens come from a host of their own."""
    realm = "https://auth.docker.io/token"
    response = client(BearerGate(Registry(), realm=realm)).get("/v2/")
    assert f'realm="{realm}"' in response.headers["WWW-Authenticate"]


def test_a_token_is_good_for_its_scope_alone(client: Client) -> None:
    """What goes beyond it is answered 401 insufficient_scope, with the scope it takes."""
    asked = client(BearerGate(Registry()))
    token = token_of(asked, "repository:a/b:pull")
    assert ask(asked, token).status_code == 404
    for method, url in (("DELETE", URL), ("GET", URL.replace("a/b", "a/c"))):
        response = ask(asked, token, method, url)
        assert response.status_code == 401
        assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]


def test_a_mount_needs_both_repositories(client: Client) -> None:
    """Pull of the source, push to the target."""
    asked = client(BearerGate(Registry()))
    mount = f"/v2/c/d/blobs/uploads/?mount={BLOB.digest}&from=a/b"
    push = "repository:c/d:pull,push"
    assert ask(asked, token_of(asked, push), "POST", mount).status_code == 401
    both = token_of(asked, push, "repository:a/b:pull")
    assert ask(asked, both, "POST", mount).status_code == 202


@pytest.mark.parametrize("authorization", ["Bearer made-up", "Bearer " + "x" * 9000])
def test_a_token_that_was_never_given_is_invalid(client: Client, authorization: str) -> None:
    """401 with invalid_token; what isn't a token at all is no error, just not one."""
    asked = client(BearerGate(Registry()))
    response = asked.get(URL, headers={"Authorization": authorization})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert "error=" not in asked.get(URL, auth=ALICE).headers["WWW-Authenticate"]


def test_a_token_ends_by_the_clock(client: Client) -> None:
    """At the second that was announced, not before."""
    clock = FakeClock(1_700_000_000)
    asked = client(BearerGate(Registry(), expires_in=300, clock=clock))
    token = token_of(asked, "repository:a/b:pull")
    clock.now += 299
    assert ask(asked, token).status_code == 404
    clock.now += 1
    response = ask(asked, token)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_a_token_may_live_for_ever(client: Client) -> None:
    """Then nothing is said of its end, either."""
    clock = FakeClock(1_700_000_000)
    asked = client(BearerGate(Registry(), expires_in=None, clock=clock))
    answer = asked.get("/token?scope=repository:a/b:pull").json()
    assert "expires_in" not in answer
    clock.now += 10**9
    assert ask(asked, answer["token"]).status_code == 404


def test_all_tokens_end_when_the_test_says_so(client: Client) -> None:
    """Those of before; those of after are good."""
    gate = BearerGate(Registry())
    asked = client(gate)
    old = token_of(asked, "repository:a/b:pull")
    gate.expire_tokens()
    assert ask(asked, old).status_code == 401
    assert ask(asked, token_of(asked, "repository:a/b:pull")).status_code == 404


def test_what_was_given_out_is_on_record(client: Client) -> None:
    """Who asked how for what and got what; the token itself is in no repr."""
    clock = FakeClock(1_700_000_000)
    gate = BearerGate(Registry(), accounts=ACCOUNTS, clock=clock)
    asked = client(gate)
    value = token_of(asked, SCOPE, auth=ALICE)
    token_of(asked, SCOPE)
    first, second = gate.issued
    assert (first.value, first.account, first.method) == (value, "alice", "GET")
    assert (first.issued_at, first.expires_at) == (clock.now, clock.now + 300)
    assert [list(map(str, token.asked)) for token in gate.issued] == [
        ["repository:a:pull,push"]
    ] * 2
    assert list(map(str, first.granted)) == [SCOPE]
    assert second.account == ""
    assert list(map(str, second.granted)) == ["repository:a:pull"]
    assert value not in repr(gate.issued)
    assert "sesame" not in repr(Accounts(ACCOUNTS, strangers=True, realm="registry"))


def test_the_rights_can_be_others(client: Client) -> None:
    """Who may do what is a function, which a test may replace at any time."""
    gate = BearerGate(Registry(), accounts=ACCOUNTS)
    gate.rights = lambda account, scope: ["pull"] if scope.name.startswith(f"{account}/") else []
    asked = client(gate)
    token = token_of(asked, "repository:alice/a:pull,push", "repository:bob/a:pull", auth=ALICE)
    assert ask(asked, token, url="/v2/alice/a/tags/list").status_code == 404
    assert ask(asked, token, url="/v2/bob/a/tags/list").status_code == 401


def test_many_threads_get_tokens_of_their_own(client: Client) -> None:
    """Each is on record, and each is good."""
    gate = BearerGate(Registry())
    asked, start = client(gate), threading.Barrier(8)
    tokens: list[str] = []

    def get() -> None:
        start.wait(10)
        tokens.append(token_of(asked, "repository:a/b:pull"))

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(tokens)) == len(gate.issued) == 8
    assert {ask(asked, token).status_code for token in tokens} == {404}
