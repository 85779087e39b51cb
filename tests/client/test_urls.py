"""Where a URL points, and where an answer may send a client."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.client.urls import add_query, base_url, host_of, next_url, origin_of
from occystrap.errors import InvalidReference


def test_a_registry_is_asked_over_tls_unless_told_otherwise() -> None:
    """Only `secure` decides about the scheme."""
    assert base_url("registry.example:5000", secure=True) == "https://registry.example:5000"
    assert base_url("127.0.0.1:5000", secure=False) == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Registry.Example/v2/", ("https", "registry.example", 443)),
        ("https://registry.example:443/x", ("https", "registry.example", 443)),
        ("http://registry.example", ("http", "registry.example", 80)),
        ("http://user:pass@[::1]:5000/x?y", ("http", "::1", 5000)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: tuple[str, str, int]) -> None:
    """The case of a host and a default port make no other origin."""
    assert origin_of(url) == origin
    assert host_of(url) == f"{origin[1]}:{origin[2]}"


@pytest.mark.parametrize(
    "url",
    [
        *("", "registry.example", "ftp://x/", "https://", "https://x:99999/", "https://[::1"),
        *("https://a..b/", f"https://{'x' * 64}.example/"),
    ],
)
def test_what_has_no_origin_is_refused(url: str) -> None:
    """Only http and https URLs with a host have one."""
    with pytest.raises(InvalidReference):
        origin_of(url)


def test_the_message_about_a_bad_url_keeps_its_secrets() -> None:
    """A password in a URL isn't repeated."""
    with pytest.raises(InvalidReference) as caught:
        origin_of("ftp://user:secret@host.example/?sig=secret")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/v2/a?x=1", "https://r.example:5000/v2/a?x=1"),
        ("upload?x=1", "https://r.example:5000/v2/b/upload?x=1"),
        ("//cdn.example/b", "https://cdn.example/b"),
        ("https://cdn.example/b?sig=%2F", "https://cdn.example/b?sig=%2F"),
    ],
)
def test_a_location_is_resolved(location: str, url: str) -> None:
    """Relative, without a scheme, or whole; what is signed stays as it is."""
    assert next_url("https://r.example:5000/v2/b/uploads", location) == url


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("http://r.example/up?x=1#f", "https://r.example:5000/up?x=1"),
        ("http://r.example:8080/up", "https://r.example:8080/up"),
    ],
)
def test_the_same_host_over_http_is_meant_over_tls(location: str, url: str) -> None:
    """A registry behind a proxy doesn't know that its clients come over TLS, nor on which port."""
    assert next_url("https://r.example:5000/v2/", location) == url


def test_plain_http_may_lead_anywhere() -> None:
    """There is nothing to lose."""
    assert next_url("http://r.example/", "http://other.example/x") == "http://other.example/x"
    assert next_url("http://r.example/", "https://other.example/x") == "https://other.example/x"


@pytest.mark.parametrize(
    "location",
    [
        *("http://evil.example/x", "ftp://r.example/x", "https://[bad", "//[", "http://:9/"),
        "https://a..b/",
    ],
)
def test_a_bad_location_is_refused(location: str) -> None:
    """Away from TLS, away from the web, or no URL at all."""
    with pytest.raises(InvalidReference):
        next_url("https://r.example/v2/", location)


@given(st.text())
def test_any_location_is_a_url_or_an_error_with_a_name(location: str) -> None:
    """Whatever a server puts into Location, it leads to the web over TLS or is refused."""
    try:
        url = next_url("https://r.example/v2/", location)
    except InvalidReference:
        return
    assert origin_of(url)[0] == "https"


def test_parameters_are_added_to_what_is_there() -> None:
    """The query of a signed URL keeps every byte; new values are escaped."""
    assert add_query("https://r/x", digest="sha256:a b") == "https://r/x?digest=sha256%3Aa%20b"
    signed = add_query("https://r/x?sig=%2f%2F&y", n="1", last="é/")
    assert signed == "https://r/x?sig=%2f%2F&y&n=1&last=%C3%A9%2F"
