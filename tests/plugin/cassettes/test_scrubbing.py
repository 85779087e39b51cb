"""Scrubbed cassettes: no secret is left, and the recording still hangs together."""

from __future__ import annotations

import base64
import gzip
import json
from random import Random
from typing import Any

import pytest

from occystrap.oci.digest import Digest
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.form import (
    Cassette,
    Ending,
    Interaction,
    RecordedRequest,
    RecordedResponse,
)
from pytest_occystrap.cassettes.scrubbing import scrub
from tests.support.secret_content import layer_of
from tests.support.secret_places import (
    answer,
    ask,
    document,
    header,
    one,
    signed,
    url,
)
from tests.support.secrets_made_up import RANDOM, SHAPED

HOST = "https://registry.example"
SECRET = RANDOM["base64url-43"](Random(1))  # noqa: S311 - it has to be the same each time
OTHER = RANDOM["base64url-43"](Random(2))  # noqa: S311
JWT = SHAPED["jwt"](Random(3))  # noqa: S311


def joined(*cassettes: Cassette) -> Cassette:
    """Make one cassette of several."""
    return Cassette(tuple(each for cassette in cassettes for each in cassette.interactions))


def asked(cassette: Cassette, name: str, number: int = -1) -> str:
    """Return a header of a request."""
    return cassette.interactions[number].request.headers.get(name) or ""


def got(cassette: Cassette, number: int = -1) -> RecordedResponse:
    """Return an answer."""
    response = cassette.interactions[number].response
    assert response is not None
    return response


def fields(cassette: Cassette, number: int = -1) -> dict[str, Any]:
    """Read the JSON of an answer, whose length has to be what is said."""
    response = got(cassette, number)
    assert response.headers.get("Content-Length") == str(response.body.size)
    document: dict[str, Any] = json.loads(response.body.read())
    return document


def basic(user: str, password: str) -> str:
    """Write a login."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_token_is_the_same_token_wherever_it_is() -> None:
    """From the endpoint that gave it, by the request that brings it, to a text that repeats it."""
    given = document(lambda it: {"token": it, "access_token": it, "refresh_token": OTHER})(JWT)
    told = document(lambda it: {"message": f"seen ({it})"})(JWT)
    bearer = header("Authorization", "Bearer {}".format)
    scrubbed = scrub(joined(told, given, bearer(JWT), bearer(OTHER)))
    token = fields(scrubbed, 1)["token"]
    assert token == "scrubbed-token-1"
    assert fields(scrubbed, 1)["access_token"] == token
    assert fields(scrubbed, 0)["message"] == f"seen ({token})"
    assert asked(scrubbed, "Authorization", 2) == f"Bearer {token}"
    assert asked(scrubbed, "Authorization") == f"Bearer {fields(scrubbed, 1)['refresh_token']}"


@pytest.mark.parametrize(
    "parameters",
    [
        {"X-Amz-Credential": "*/20261123/us-east-1/s3/aws4_request", "X-Amz-Signature": "*s"},
        {"AWSAccessKeyId": "*", "Signature": "*s/+=", "Expires": "1795453607"},
        {"X-Goog-Credential": "*", "X-Goog-Signature": "*s"},
        {"sv": "2020-10-02", "sp": "r", "sig": "*+/="},
        {"username": "alice", "Expires": "1", "Signature": "*~", "Key-Pair-Id": "*k"},
        {"akamai_signature": "exp=1795453607~hmac=*"},
    ],
)
def test_a_signed_location_is_the_url_of_the_next_request(parameters: dict[str, str]) -> None:
    """So is the link in the page that comes with it; what isn't secret stays."""
    scrubbed = scrub(signed(**parameters)(SECRET))
    location = got(scrubbed, 0).headers.get("Location")
    assert location is not None
    assert location == scrubbed.interactions[1].request.url
    page = got(scrubbed, 0).body.read().decode()
    assert f'href="{location.replace("&", "&amp;")}"' in page
    assert got(scrubbed, 0).headers.get("Content-Length") == str(len(page))
    names = [name for name, _ in scrubbed.interactions[1].request.query]
    assert names == list(parameters)
    for name in {"sv", "sp", "Expires"} & parameters.keys():
        assert (name, parameters[name]) in scrubbed.interactions[1].request.query


def test_a_login_is_still_one() -> None:
    """Who uses Basic finds a user and a password; names that all use are kept."""
    logins = [basic("alice", "pw"), basic("bob", "pw"), basic("$oauthtoken", SECRET)]
    scrubbed = scrub(joined(*(header("Authorization")(each) for each in logins)))
    assert [asked(scrubbed, "Authorization", n) for n in range(3)] == [
        basic("user-1", "password-1"),
        basic("user-2", "password-1"),
        basic("$oauthtoken", "password-2"),
    ]


def test_a_user_is_the_same_user_in_a_query_and_an_answer() -> None:
    """A name that is a credential's half is replaced where it stands for itself."""
    query = url(lambda it: f"https://r.example/token?account={it}&scope=repository:acme/app:pull")
    seen = document(lambda it: {"username": it, "namespace": "acme", "name": "acme"})
    login = header("Authorization", lambda it: basic(it, "x1"))
    scrubbed = scrub(joined(login("acme"), seen("acme"), query("acme")))
    assert fields(scrubbed, 1) == {"username": "user-1", "namespace": "acme", "name": "acme"}
    asks = scrubbed.interactions[-1].request.url
    assert asks == "https://r.example/token?account=user-1&scope=repository:acme/app:pull"


def test_what_docker_sends_its_daemon_is_still_read() -> None:
    """X-Registry-Auth is JSON in Base64, before and after."""
    said = {"username": "alice", "password": SECRET, "serveraddress": "https://r.example"}
    scrubbed = scrub(
        header(
            "X-Registry-Auth",
            lambda _: base64.urlsafe_b64encode(json.dumps(said).encode()).decode(),
        )("")
    )
    assert json.loads(base64.urlsafe_b64decode(asked(scrubbed, "X-Registry-Auth"))) == {
        "username": "user-1",
        "password": "password-1",
        "serveraddress": "https://r.example",
    }


def test_cookies_keep_names_and_attributes() -> None:
    """Their values are the same in the answer that sets them and the request that brings them."""
    brought = header("Cookie", lambda it: f"a={it}; b=1")(SECRET)
    was_set = answer(("Set-Cookie", f"a={SECRET}; Path=/; Secure"))
    scrubbed = scrub(joined(one(was_set), brought))
    assert got(scrubbed, 0).headers.get("Set-Cookie") == "a=scrubbed-cookie-1; Path=/; Secure"
    assert asked(scrubbed, "Cookie") == "a=scrubbed-cookie-1; b=1"


def test_a_challenge_keeps_what_clients_need() -> None:
    """Realm, service and scope stay; a parameter that nobody knows doesn't."""
    challenge = (
        'Bearer realm="https://r.example/token",service="r.example",scope="repository:a/b:pull"'
        f',hint="{SECRET}"'
    )
    scrubbed = scrub(one(answer(("WWW-Authenticate", challenge), status=401)))
    expected = challenge.replace(SECRET, "scrubbed-value-1")
    assert got(scrubbed).headers.get("WWW-Authenticate") == expected


def test_the_session_of_an_upload_goes_on() -> None:
    """Its state is the same in the Location and in the request; UUID and digest stay."""
    path = f"{HOST}/v2/a/b/blobs/uploads/0d3f5a3e-6c1b-4a2e-9a57-1f2a3b4c5d6e"
    state, digest = SECRET * 3, Digest.of(b"x")
    begun = answer(("Location", f"{path}?_state={state}"), status=202)
    ended = ask(f"{path}?_state={state}&digest={digest}", method="PUT")
    scrubbed = scrub(Cassette((begun, ended)))
    assert got(scrubbed, 0).headers.get("Location") == f"{path}?_state=scrubbed-state-1"
    last = scrubbed.interactions[1].request.url
    assert last == f"{path}?_state=scrubbed-state-1&digest={digest}"


def test_manifests_and_blobs_stay() -> None:
    """They are what their digests say, whatever is in them; so are pieces of them."""
    layer = layer_of(SECRET, "gzip")
    manifest = json.dumps({"config": {}, "token": SECRET}).encode()
    digest, target = Digest.of(layer), "https://cdn.example/d?sig=a"
    blob = f"{HOST}/v2/a/b/blobs/{digest}"
    exchanges = [
        Interaction(
            RecordedRequest("GET", blob), RecordedResponse(307, "", Headers({"Location": target}))
        ),
        Interaction(RecordedRequest("GET", target), RecordedResponse(200, "", body=Body.of(layer))),
        Interaction(
            RecordedRequest("GET", target),
            RecordedResponse(206, "", body=Body.of(b"token=a1b2c3d4e5")),
        ),
        ask(f"{HOST}/v2/a/b/manifests/1", body=manifest, method="PUT"),
        ask(f"{HOST}/v2/a/b/blobs/uploads/1", body=b'{"token": "abcd1234"}', method="PATCH"),
    ]
    scrubbed = scrub(Cassette(tuple(exchanges)))
    for before, after in zip(exchanges, scrubbed.interactions, strict=True):
        assert after.request.body == before.request.body
        assert before.response is not None
        assert after.response is not None
        assert after.response.body == before.response.body


def test_an_error_in_place_of_a_blob_is_scrubbed() -> None:
    """Only what was asked for is content-addressed."""
    blob = RecordedRequest("GET", f"{HOST}/v2/a/b/blobs/{Digest.of(b'x')}")
    body = Body.of(json.dumps({"errors": [], "token": SECRET}).encode())
    scrubbed = scrub(one(Interaction(blob, RecordedResponse(401, "", body=body))))
    assert json.loads(got(scrubbed).body.read())["token"] == "scrubbed-token-1"


@pytest.mark.parametrize("ending", [Ending.COMPLETE, Ending.RESET])
def test_lengths_stay_true(ending: Ending) -> None:
    """What was missing is missing still; a body in chunks has no length, and gets none."""
    body = Body.of(json.dumps({"token": SECRET}).encode())
    missing = 7 if ending is Ending.RESET else 0
    headers = Headers({"Content-Length": str(body.size + missing), "Content-MD5": "x"})
    request = RecordedRequest("GET", f"{HOST}/token")
    scrubbed = scrub(one(Interaction(request, RecordedResponse(200, "", headers, body), ending)))
    assert got(scrubbed).headers.get("Content-Length") == str(got(scrubbed).body.size + missing)
    assert "Content-MD5" not in got(scrubbed).headers
    chunked = Headers({"Transfer-Encoding": "chunked"})
    scrubbed = scrub(one(Interaction(request, RecordedResponse(200, "", chunked, body))))
    assert got(scrubbed).headers == chunked


def test_json_keeps_its_form() -> None:
    """Spaces, order, escapes, repeated names and line ends: only values change."""
    text = '{ "b":1,\t"token" : "%s","name":"\\u00e9\\/", "a":[ "x","y" ],"a":null }\n\n'
    scrubbed = scrub(document(lambda it: text % it)(SECRET))
    assert got(scrubbed).body.read().decode() == text % "scrubbed-token-1"


def test_compressed_text_stays_compressed() -> None:
    """It is undone, scrubbed, and done again, the same each time."""
    scrubbed = scrub(document(lambda it: {"token": it}, coding="gzip")(SECRET))
    assert json.loads(gzip.decompress(got(scrubbed).body.read())) == {"token": "scrubbed-token-1"}
    assert got(scrubbed).headers.get("Content-Length") == str(got(scrubbed).body.size)
    assert scrub(scrubbed) == scrubbed


@pytest.mark.parametrize(
    ("host", "stays"),
    [
        ("registry.corp.internal", False),
        ("registry.lan:5000", False),
        ("10.1.2.3:5000", False),
        ("192.168.0.7", False),
        ("[fd00::1]:443", False),
        ("mirror.acme.example", False),
        ("127.0.0.1:5000", True),
        ("localhost:5000", True),
        ("quay.io", True),
        ("host.docker.internal", True),
        ("8.8.8.8", True),
    ],
)
def test_internal_hosts(host: str, *, stays: bool) -> None:
    """They are replaced in URLs, in `Host`, in challenges and in texts, and their ports stay."""
    challenge = f'Bearer realm="https://{host}/token",service="{host}"'
    exchanges = (
        ask(f"https://{host}/v2/", ("Host", host)),
        answer(("WWW-Authenticate", challenge), body=f'{{"message": "ask {host} again"}}'.encode()),
    )
    scrubbed = scrub(Cassette(exchanges), ["mirror.acme.example"])
    other = scrubbed.interactions[0].request.host
    assert asked(scrubbed, "Host", 0) == other
    assert got(scrubbed).headers.get("WWW-Authenticate") == challenge.replace(host, other)
    assert fields(scrubbed)["message"] == f"ask {other} again"
    assert (other == host) is stays
    if not stays:
        port = host.rpartition(":")[2]
        assert other == ("host-1.example" + (f":{port}" if port.isdigit() else ""))


def test_mail_addresses() -> None:
    """The same person is the same one; addresses of examples stay."""
    message = "ask joe@acme.org, ann@acme.org or joe@acme.org, not me@example.com"
    scrubbed = scrub(document(lambda it: {"message": message})(""))
    assert fields(scrubbed)["message"] == (
        "ask someone-1@example.com, someone-2@example.com or someone-1@example.com,"
        " not me@example.com"
    )


def test_numbers_go_on_where_they_were() -> None:
    """What is recorded later doesn't get the placeholder of another secret."""
    bearer = header("Authorization", "Bearer {}".format)
    login = header("Authorization", lambda it: basic("bob", it))
    before = scrub(joined(bearer(SECRET), login("pass1234")))
    scrubbed = scrub(joined(before, bearer(OTHER), login("word5678")))
    assert asked(scrubbed, "Authorization", 2) == "Bearer scrubbed-token-2"
    assert asked(scrubbed, "Authorization", 3) == basic("user-2", "password-2")
