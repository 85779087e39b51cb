"""Scopes, and the questions and answers of a token endpoint."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidChallenge, InvalidToken
from occystrap.oci.challenge import (
    Challenge,
    Scope,
    Token,
    TokenRequest,
    parse_challenges,
    parse_token,
)
from tests.support.strategies import ANY_TEXT, SCOPES, json_values, near, objects_with


@given(SCOPES)
def test_a_scope_that_is_printed_is_read_back(scope: Scope) -> None:
    """Parsing what a scope prints gives the scope."""
    assert Scope.parse(str(scope)) == scope


@given(ANY_TEXT | near("repository:a/b:pull, *"))
def test_text_is_a_scope_or_an_invalid_challenge(text: str) -> None:
    """Whatever the text is, it is one scope, or the named error."""
    try:
        scope = Scope.parse(text)
    except InvalidChallenge:
        return
    assert Scope.parse(str(scope)) == scope


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("repository:a/b:pull,push", Scope.repository("a/b", "pull", "push")),
        ("repository:h:5000/a:pull", Scope("repository", "h:5000/a", ("pull",))),
        ("registry:catalog:*", Scope("registry", "catalog", ("*",))),
        ("repository:a:,pull,", Scope("repository", "a", ("pull",))),
        ("repository:a:", Scope("repository", "a", ())),
    ],
)
def test_scopes_are_read(text: str, scope: Scope) -> None:
    """Type, name and actions; the name may hold colons."""
    assert Scope.parse(text) == scope


@pytest.mark.parametrize(
    "text", ["", "aws", "a:b", ":b:c", "a::c", "a:b:c d:e:f", " a:b:c", "a:b:c\n", "a\xa0b:c:d"]
)
def test_what_is_no_scope(text: str) -> None:
    """A scope has three parts and no space: a space ends it."""
    with pytest.raises(InvalidChallenge):
        Scope.parse(text)


def answering(header: str, *scopes: str) -> TokenRequest:
    """The request that one challenge asks for."""
    [challenge] = parse_challenges([header])
    return TokenRequest.answering(challenge, scopes)


def test_the_scopes_of_the_challenge_come_first() -> None:
    """Some servers read only the first scope, and none is asked for twice."""
    request = answering(
        'Bearer realm="https://h/t",service="s",scope="a:b:c d:e:f"', "x:y:z", "a:b:c"
    )
    assert request == TokenRequest("https://h/t", "s", ("a:b:c", "d:e:f", "x:y:z"))
    assert request.url == "https://h/t?service=s&scope=a%3Ab%3Ac&scope=d%3Ae%3Af&scope=x%3Ay%3Az"


@pytest.mark.parametrize(
    ("header", "url"),
    [
        ('Bearer realm="https://h/t"', "https://h/t"),
        ('Bearer realm="https://h/t?a=b",service=s', "https://h/t?a=b&service=s"),
        ('Bearer realm="https://h/t#part",service=s', "https://h/t?service=s"),
        ('Bearer realm="HTTPS://h:8443",service="a b&c"', "https://h:8443?service=a+b%26c"),
        ('Bearer realm="http://[::1]:5000/token",scope=aws', "http://[::1]:5000/token?scope=aws"),
        ('Bearer realm="http://auth_service:5001/"', "http://auth_service:5001/"),
        ('Bearer realm="https://h/t",service="\ud800"', "https://h/t?service=%3F"),
    ],
)
def test_the_url_of_a_token_request(header: str, url: str) -> None:
    """The query is added to what the realm has, and nothing lands in a fragment."""
    assert answering(header).url == url


@pytest.mark.parametrize(
    "header",
    [
        'Basic realm="https://h/t"',
        "Bearer",
        'Bearer realm=""',
        'Bearer realm="/token"',
        'Bearer realm="ftp://h/t"',
        'Bearer realm="file:///etc/passwd"',
        'Bearer realm="https://"',
        'Bearer realm="https:///t"',
        'Bearer realm="https://:443/t"',
        'Bearer realm="https://user:word@h/t"',
        'Bearer realm="https://h:99999/t"',
        'Bearer realm="https://h:0/t"',
        'Bearer realm="https://h:x/t"',
        'Bearer realm="https://[::1/t"',
        'Bearer realm="https://h/ t"',
        'Bearer realm="https://h/\n"',
        'Bearer realm="https://h/\x7f"',
        'Bearer realm="https://hé/t"',
    ],
)
def test_a_challenge_without_a_usable_realm(header: str) -> None:
    """A realm that no client should ask is refused before anyone does."""
    with pytest.raises(InvalidChallenge, match="names no token endpoint"):
        answering(header)


@given(
    near("https://h:0[]@#?%").map(lambda text: "https://h" + text),
    ANY_TEXT,
    st.lists(st.text(st.characters(exclude_categories=()), max_size=9), max_size=2),
)
def test_a_token_request_can_be_sent_or_is_refused(
    realm: str, service: str, scopes: list[str]
) -> None:
    """What is accepted is a URL that leads to the realm, and carries all that was said."""
    challenge = Challenge("bearer", (("realm", realm), ("service", service)))
    try:
        request = TokenRequest.answering(challenge, scopes)
    except InvalidChallenge:
        return
    parts = urlsplit(request.url)
    assert parts.hostname == urlsplit(realm).hostname
    assert parts.fragment == ""
    sent = parse_qsl(parts.query, keep_blank_values=True)
    wanted = [("scope", scope) for scope in dict.fromkeys(scopes)]
    plain = [(name, value.encode(errors="replace").decode()) for name, value in wanted]
    assert sent[len(sent) - len(plain) :] == plain


def test_a_realm_that_is_accepted_is_a_url_to_httpx() -> None:
    """The client's library agrees about host and port."""
    request = answering('Bearer realm="https://h.example:8443/t?x=y",service=s')
    url = httpx.URL(request.url)
    assert (url.scheme, url.host, url.port) == ("https", "h.example", 8443)


def test_the_form_with_a_refresh_token() -> None:
    """An identity token is posted, not put into a URL."""
    request = TokenRequest("https://h/t", "s", ("a:b:c", "d:e:f"))
    assert dict(parse_qsl(request.form("to ken", "me").decode())) == {
        "grant_type": "refresh_token",
        "service": "s",
        "client_id": "me",
        "scope": "a:b:c d:e:f",
        "refresh_token": "to ken",
    }


@pytest.mark.parametrize(
    ("answer", "token"),
    [
        ({"token": "abc"}, Token("abc", 60)),
        ({"access_token": "abc", "expires_in": 300}, Token("abc", 300)),
        ({"token": "abc", "access_token": "def"}, Token("abc", 60)),
        ({"token": "", "access_token": "def"}, Token("def", 60)),
        ({"token": None, "access_token": "def"}, Token("def", 60)),
        ({"token": "a", "issued_at": "2099-01-01T00:00:00.123456789Z"}, Token("a", 60)),
    ],
)
def test_answers_of_token_endpoints(answer: dict[str, object], token: Token) -> None:
    """Both names of the field are in use; without an expiry a token holds for a minute."""
    assert parse_token(json.dumps(answer).encode()) == token


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        ("300", 300),
        (300.9, 300),
        (0.5, 1),
        (1, 1),
        (0, 60),
        (-5, 60),
        ("-5", 60),
        ("", 60),
        ("soon", 60),
        ("٣", 60),
        ("9" * 18, 86400),
        ("9" * 5000, 60),
        (10**12, 86400),
        (10**4000, 86400),
        (float("inf"), 86400),
        (float("nan"), 60),
        (float("-inf"), 60),
        (True, 60),
        (None, 60),
        ([], 60),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_an_absurd_expiry_counts_as_a_minute_or_a_day(expires_in: object, seconds: int) -> None:
    """Numbers as text, zero, negative, huge: none of it confuses a client."""
    answer = json.dumps({"token": "a", "expires_in": expires_in}).encode()
    assert parse_token(answer).expires_in == seconds


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"abc"',
        b"abc",
        b'{"token":5}',
        b'{"token":{"a":1}}',
        b'{"token":""}',
        b'{"token":"a b"}',
        b'{"token":"a\\r\\nHost: x"}',
        '{"token":"é"}'.encode(),
        b'{"token":"\\ud800"}',
        b'{"token":"a"',
        b"\xff",
        b"[" * 100_000,
        b'{"token":' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_an_answer_without_a_token(body: bytes) -> None:
    """No JSON, no object, no text, or text that can't stand in a header: no token."""
    with pytest.raises(InvalidToken):
        parse_token(body)


ANSWERS = objects_with(token=st.text(), access_token=st.text(), expires_in=st.integers())


@given(st.binary() | (json_values() | ANSWERS).map(lambda value: json.dumps(value).encode()))
def test_bytes_are_a_token_or_an_invalid_token(body: bytes) -> None:
    """Whatever the bytes are, there is a token fit for a header, or the named error."""
    try:
        token = parse_token(body)
    except InvalidToken:
        return
    httpx.Headers({"Authorization": f"Bearer {token.value}"}).raw[0][1].decode("ascii")
    assert 1 <= token.expires_in <= 86400


def test_a_page_instead_of_a_token_is_quoted() -> None:
    """A proxy's page is shown by its beginning."""
    with pytest.raises(InvalidToken, match=r"no JSON .*<html><title>Log in"):
        parse_token(b"<html><title>Log in</title>")


def test_a_message_names_the_fields_there_are() -> None:
    """An answer of another shape is told of by its names, for its values may be secret."""
    with pytest.raises(InvalidToken, match=r"\['refresh_token', 'x'\]") as caught:
        parse_token(b'{"x":1,"refresh_token":"hunter2"}')
    assert "hunter2" not in str(caught.value)


SECRET = "hunter2secret"


@pytest.mark.parametrize(
    "body",
    [f'{{"token":"{SECRET}', SECRET, f'"{SECRET}"', f'["{SECRET}"]', f'{{"token":["{SECRET}"]}}'],
)
def test_a_token_that_cannot_be_read_is_not_told(body: str) -> None:
    """Nothing that may be a part of a token is in the error, nor in what Python prints of it."""
    with pytest.raises(InvalidToken) as caught:
        parse_token(body.encode())
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_token_is_not_in_its_repr() -> None:
    """Logs and tracebacks print values; a token prints how long it holds."""
    assert repr(Token(SECRET, 5)) == "Token(expires_in=5)"
