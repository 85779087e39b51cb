"""What is never shown of a URI."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.uri import (
    URIParseError,
    check_options,
    parse_filter,
    parse_quay_uri,
    parse_registry_uri,
    parse_uri,
    redacted,
)


def read_input(uri: str) -> tuple[object, ...]:
    """Do with a URI what a pipeline does."""
    spec = parse_uri(uri)
    check_options(spec, "input")
    return parse_quay_uri(spec) if spec.scheme == "quay" else parse_registry_uri(spec)


def test_a_spec_shows_no_secret() -> None:
    """Neither by repr nor by str: what is secret, or not known to be harmless, is masked."""
    spec = parse_uri("registry://me:hunter1@h/a:1?token=hunter2&os=linux&insecure&odd=hunter3")
    assert redacted(spec) == str(spec) == f"{spec}"
    assert str(spec) == (
        "registry://h/a:1?username=***&password=***&token=***&os=linux&insecure=true&odd=***"
    )
    assert "hunter" not in repr(spec)
    assert "'me'" not in repr(spec)
    assert repr(spec).startswith("URISpec(scheme='registry', host='h', path='/a:1', options={")


def test_a_filter_shows_no_secret() -> None:
    """A secret in the wrong place is still one."""
    assert repr(parse_filter("inspect:file=a,password=hunter2")) == (
        "FilterSpec(name='inspect', options={'file': 'a', 'password': '***'})"
    )


def test_a_written_uri_is_fit_for_a_terminal() -> None:
    """Control characters and bytes that are no UTF-8 are encoded."""
    assert str(parse_uri("tar:///a\x1b[2J%ff ü.tar")) == "tar:///a%1B[2J%FF ü.tar"


@pytest.mark.parametrize(
    "uri",
    [
        "registry://me:?hunter2=hunter2@host/a",
        "registry://me%3Ahunter2/a",
        "my_host?password=hunter2",
        "me_:hunter2@host/a",
        "me_:hunter2?x@host/a",
        "registry://me:hunter2/x@host/a",
        "registry://me:1234/hunter2@host/a",
        "registry://me:x?hunter2@host/a",
        "registry://me:hunter2@host/a?insecure=hunter2",
        "registry://host/a?max_workers=hunter2",
        "registry://me:hunter2@ho_st/a",
        "registry://me:hunter2/a",
        "registry://me:hunter2@host",
        "registry://me:hunter2@host/a@b",
        "registry://host/a?password=hunter2&wrong=hunter2",
        "quay://me:hunter2@/a?token=hunter2",
    ],
)
def test_no_error_shows_a_password(uri: str) -> None:
    """Also where it isn't encoded as it should be, or stands in the wrong place."""
    with pytest.raises(URIParseError) as caught:
        read_input(uri)
    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r}"


@given(st.text("hunter2:/?@#%&=+ ", min_size=1))
def test_no_error_shows_a_password_however_it_is_typed(password: str) -> None:
    """A marked password never shows up, whether or not the URI can be parsed."""
    secret = f"SECRET{password}SECRET"
    try:
        spec = parse_uri(f"registry://me:{secret}@host/a")
    except URIParseError as error:
        shown = repr(error)
    else:
        shown = f"{spec} {spec!r}"
    assert "SECRET" not in shown
