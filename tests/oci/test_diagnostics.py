"""What registries say when they refuse."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.oci.diagnostics import (
    Diagnostic,
    ErrorCode,
    parse_diagnostics,
    render_diagnostics,
)
from tests.support.strategies import DIAGNOSTICS, json_values, objects_with


@given(st.lists(DIAGNOSTICS, max_size=3))
def test_what_the_server_writes_the_client_reads(diagnostics: list[Diagnostic]) -> None:
    """Code, message and detail come back; without a message the detail stands in for it."""
    found = parse_diagnostics(render_diagnostics(diagnostics))
    assert [(one.code, one.detail) for one in found] == [
        (one.code, one.detail) for one in diagnostics
    ]
    for got, sent in zip(found, diagnostics, strict=True):
        assert got.message == " ".join(sent.message.split()) or not sent.message


def test_the_body_has_the_form_of_the_specification() -> None:
    """Code and message always, detail if there is one."""
    body = render_diagnostics([Diagnostic("DENIED", "no"), Diagnostic("UNKNOWN", detail=[1])])
    assert json.loads(body) == {
        "errors": [
            {"code": "DENIED", "message": "no"},
            {"code": "UNKNOWN", "message": "", "detail": [1]},
        ]
    }


ENTRY = objects_with(code=st.text(), message=st.text(), detail=json_values())
BODIES = objects_with(errors=st.lists(ENTRY | json_values(), max_size=3), error=st.text())
MARKUP = st.lists(
    st.sampled_from(
        ["<html", "<title", ">", "</title>", "<Code>", "</Code>", "<Message>", "x", " "]
    )
).map(lambda pieces: "".join(pieces).encode())


@given(
    st.binary() | MARKUP | (json_values() | BODIES).map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_say_something_that_can_be_shown(body: bytes) -> None:
    """Whatever the bytes are, what is read of them is short and can be printed."""
    for diagnostic in parse_diagnostics(body):
        assert len(str(diagnostic)) <= 402
        assert str(diagnostic).isprintable()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"errors":[{"code":"DENIED","message":"no"}]}', ["DENIED: no"]),
        ('{"errors":[{"code":"A","message":"x"},{"code":"B"}]}', ["A: x", "B"]),
        ('{"errors":[{"code":"METHOD NOT ALLOWED"}]}', ["METHOD NOT ALLOWED"]),
        (
            '{"errors":[{"code":"UNAUTHORIZED","message":"","detail":[{"Name":"é"}]}]}',
            ['UNAUTHORIZED: [{"Name": "é"}]'],
        ),
        ('{"errors":["just text"]}', ["just text"]),
        ('{"errors":[]}', []),
        ('{"errors":"x"}', [""]),
        ('{"error":"bad JWT"}', ["bad JWT"]),
        ('{"error_type":"invalid_token","error_message":"gone"}', ["invalid_token: gone"]),
        ('{"detail":"slow down","status":429}', ["slow down"]),
        ('{"details":"incorrect username or password"}', ["incorrect username or password"]),
        ('{"code":404,"message":"x"}', ["x"]),
        ('{"message":{"a":1}}', ['{"a": 1}']),
        ("{}", [""]),
        ("5", ["5"]),
        ('"quoted"', ["quoted"]),
        ("", []),
        (" \n", []),
        ("Too Many Requests (HAP429).", ["Too Many Requests (HAP429)."]),
        ("\ufeffplain", ["plain"]),
        ("<html><head><TITLE a='b'>429 Too\n Many</TITLE>", ["429 Too Many"]),
        ("<!DOCTYPE html><h1>Bad Gateway</h1>", ["Bad Gateway"]),
        ("<html><title>Cut off", ["Cut off"]),
        ("<html><titles>x</titles>", ["an HTML page"]),
        (
            "<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please.</Message></Error>",
            ["SlowDown: Please."],
        ),
        ("<Error/>", [""]),
        ("\x1b[31mred\x1b[0m \u202eevil", ["[31mred [0m evil"]),
        ('{"errors":[{"code":"\\u001b[2J","message":"\\ud800x"}]}', ["[2J: x"]),
        ("x" * 999, ["x" * 200]),
        ('{"errors":[{"code":"' + "C" * 999 + '"}]}', ["C" * 200]),
    ],
)
def test_the_forms_that_registries_and_proxies_use(body: str, said: list[str]) -> None:
    """JSON of several kinds, XML, HTML and plain text come out as one line each."""
    assert [
        str(diagnostic) for diagnostic in parse_diagnostics(body.encode("utf-8", "replace"))
    ] == said


@pytest.mark.parametrize("depth", [10, 200, 600, 900, 950, 980, 1000, 100_000])
def test_the_depth_of_an_answer_is_no_problem(depth: int) -> None:
    """An answer that can be parsed but is too deep to be written again is no crash."""
    body = b'{"message":' + b"[" * depth + b"]" * depth + b"}"
    [diagnostic] = parse_diagnostics(body)
    assert diagnostic.message.startswith(("[[", '{"message":[['))


def test_bytes_that_are_no_text_are_replaced() -> None:
    """A body in another encoding is shown as far as it can be."""
    [diagnostic] = parse_diagnostics(b"caf\xe9 closed")
    assert str(diagnostic) == "caf\ufffd closed"


def test_every_code_is_its_own() -> None:
    """No code is another one's alias, and each has a status of an error and a message."""
    assert list(ErrorCode.__members__) == [code.name for code in ErrorCode]
    for code in ErrorCode:
        assert 400 <= code.status < 600
        assert code.message


def test_the_statuses_that_clients_act_on() -> None:
    """What a client tells apart by status has that status."""
    statuses = {code.name: code.status for code in ErrorCode}
    assert statuses["UNAUTHORIZED"] == 401
    assert statuses["DENIED"] == 403
    assert statuses["MANIFEST_UNKNOWN"] == statuses["BLOB_UNKNOWN"] == 404
    assert statuses["UNSUPPORTED"] == 405
    assert statuses["RANGE_INVALID"] == 416
    assert statuses["TOOMANYREQUESTS"] == 429
