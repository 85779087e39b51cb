"""How Quay lets people in, as a Quay of August 2026 did."""

from __future__ import annotations

import httpx
import pytest

from occystrap.oci.digest import Digest
from tests.support.dialects import Scene, proves, scene
from tests.support.wire import CONFIG, Wire, error_code

ACCOUNTS = {"acme+robot": "secret"}
ROBOT = ("acme+robot", "secret")
CHALLENGE = 'Bearer realm="https://quay.io/v2/auth",service="quay.io"'
SCOPE = "repository:acme/{}:{}"


@pytest.fixture
def quay() -> Scene:
    """A Quay with a robot, a public repository and a private one."""
    quay = scene("quay", accounts=ACCOUNTS, private={"acme/secret"})
    robot = quay.wire(ROBOT)
    robot.put_image("acme/app", "1")
    robot.put_image("acme/secret", "1")
    return quay


@pytest.fixture
def plain(quay: Scene) -> httpx.Client:
    """A stranger without a token."""
    return quay.http()


def token(client: httpx.Client, *scopes: str, auth: tuple[str, str] | None = None) -> str:
    """Get a token; its answer has nothing else."""
    answer = client.get("/v2/auth", params={"service": "quay.io", "scope": scopes}, auth=auth)
    assert answer.json().keys() == {"token"}
    return f"Bearer {answer.json()['token']}"


@proves("quay", "entry.scheme", "entry.ping")
def test_the_root_always_shows_the_way_in(plain: httpx.Client) -> None:
    """With a token or without one, its body is `true`."""
    answers = [
        plain.get("/v2/"),
        plain.get("/v2/", headers={"Authorization": token(plain, SCOPE.format("app", "pull"))}),
    ]
    assert [answer.status_code for answer in answers] == [401, 200]
    for answer in answers:
        assert (answer.text, answer.headers["WWW-Authenticate"]) == ("true", CHALLENGE)
        assert answer.headers["X-Sparse-Manifest-Support"] == "false"
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@proves("quay", "entry.open_pulls", "entry.hides_unknown", "entry.refusal")
def test_what_is_public_needs_no_token(plain: httpx.Client) -> None:
    """What is private looks like what isn't there."""
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    assert plain.get("/v2/acme/app/manifests/1", headers=accept).status_code == 200
    assert plain.get("/v2/acme/app/tags/list").status_code == 200
    for name in ("secret", "absent"):
        answer = plain.get(f"/v2/acme/{name}/manifests/1", headers=accept)
        assert answer.status_code == 401
        scope = SCOPE.format(name, "pull")
        assert answer.headers["WWW-Authenticate"] == f'{CHALLENGE},scope="{scope}"'
        (error,) = answer.json()["errors"]
        assert error == {
            "code": "UNAUTHORIZED",
            "message": "access to the requested resource is not authorized",
            "detail": {},
        }


@proves("quay", "entry.token", "entry.seconds")
def test_a_token_lives_an_hour_and_does_not_say_so(quay: Scene, plain: httpx.Client) -> None:
    """The endpoint takes GET alone."""
    signed = {"Authorization": token(plain, SCOPE.format("app", "pull"))}
    quay.clock.sleep(3599)
    assert plain.get("/v2/acme/app/tags/list", headers=signed).status_code == 200
    quay.clock.sleep(1)
    assert plain.get("/v2/acme/app/tags/list", headers=signed).status_code == 401
    assert plain.post("/v2/auth", data={"grant_type": "password"}).status_code == 405


@proves("quay", "entry.says_why", "entry.refusal")
def test_too_small_a_token_is_asked_for_a_larger_one(plain: httpx.Client) -> None:
    """As strangers get them for what is private; it isn't said what is wrong."""
    signed = {"Authorization": token(plain, SCOPE.format("secret", "pull"))}
    answer = plain.get("/v2/acme/secret/manifests/1", headers=signed)
    assert (answer.status_code, error_code(answer)) == (401, "UNAUTHORIZED")
    scope = SCOPE.format("secret", "pull")
    assert answer.headers["WWW-Authenticate"] == f'{CHALLENGE},scope="{scope}"'


@proves("quay", "entry.bad_credentials")
@pytest.mark.parametrize("given", ["Bearer garbage", "Basic YWNtZStyb2JvdDpzZWNyZXQ="])
def test_garbage_is_refused_even_where_nothing_is_needed(plain: httpx.Client, given: str) -> None:
    """With a challenge, and an error that isn't in the form of the specification."""
    answer = plain.get("/v2/acme/app/manifests/1", headers={"Authorization": given})
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.json() == {"error": "Invalid bearer token format"}
    scope = SCOPE.format("app", "pull")
    assert answer.headers["WWW-Authenticate"] == f'{CHALLENGE},scope="{scope}"'


@proves("quay", "entry.wrong_password")
def test_a_wrong_password_gets_no_token(plain: httpx.Client) -> None:
    """The challenge names no scope."""
    answer = plain.get("/v2/auth", auth=("acme+robot", "wrong"))
    assert (answer.status_code, error_code(answer)) == (401, "UNAUTHORIZED")
    assert answer.json()["errors"][0]["message"] == "Invalid Username or Password"
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@proves("quay", "entry.actions", "entry.bad_action")
def test_there_is_no_right_to_delete(plain: httpx.Client) -> None:
    """Who asks for an action that Quay doesn't know gets no token at all."""
    scope = SCOPE.format("app", "pull,push,delete")
    answer = plain.get("/v2/auth", params={"scope": scope}, auth=ROBOT)
    assert (answer.status_code, error_code(answer)) == (400, "INVALID_REQUEST")


@proves("quay", "entry.deleting_is_pushing")
def test_who_may_push_may_delete(quay: Scene, plain: httpx.Client) -> None:
    """And who asks for everything with `*` gets nothing that helps."""
    everything = {"Authorization": token(plain, SCOPE.format("app", "*"), auth=ROBOT)}
    answer = plain.delete("/v2/acme/app/manifests/1", headers=everything)
    assert answer.status_code == 401
    scope = SCOPE.format("app", "pull,push")
    assert answer.headers["WWW-Authenticate"] == f'{CHALLENGE},scope="{scope}"'
    assert quay.wire(ROBOT).client.delete("/v2/acme/app/manifests/1").status_code == 202


def test_an_account_sees_what_is_private(quay: Scene) -> None:
    """The robot does, and a client that knows its password does, too."""
    assert quay.wire(ROBOT).get_manifest("acme/secret", "1").status_code == 200
    client = quay.client(*ROBOT)
    assert client.has_blob("acme/secret", Digest.of(CONFIG))


def test_without_accounts_anyone_may_begin_a_repository() -> None:
    """Though nobody may look into a private one."""
    quay = scene("quay", private={"acme/secret"})
    Wire(quay.wire().client).put_image("acme/new", "1")
    with pytest.raises(AssertionError, match="UNAUTHORIZED"):
        quay.wire().begin("acme/secret")
