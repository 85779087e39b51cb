"""What may be shown of URLs and headers."""

from __future__ import annotations

import itertools
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.oci.redaction import (
    HARMLESS_HEADERS,
    HARMLESS_PARAMETERS,
    MASK,
    redact_header,
    redact_headers,
    redact_url,
)
from occystrap.oci.routes import Route
from tests.support.strategies import ANY_TEXT, LINE, ROUTES, near

#: A secret that no test writes anywhere else, alone and between other characters.
SECRET = "hunter2"
SECRETS = st.builds("{}hunter2{}".format, *[st.text("aZ0+=&;%.~!$'*,:-_", max_size=5)] * 2)
NAMES = st.from_regex(r"[A-Za-z0-9_.~-]{0,20}", fullmatch=True)
BASES = st.sampled_from(["https://h.example", "http://[::1]:5000", "https://h:8443", "", "//h"])


@given(BASES, ROUTES, st.lists(st.tuples(NAMES, SECRETS), min_size=1))
def test_no_unknown_parameter_survives(
    base: str, route: Route, parameters: list[tuple[str, str]]
) -> None:
    """The value of a parameter is shown only if its name is known to be harmless."""
    unknown = [
        (name, value) for name, value in parameters if name.lower() not in HARMLESS_PARAMETERS
    ]
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in unknown)
    assert SECRET not in redact_url(f"{base}{route.path}?{query}")


@given(BASES, st.text(), st.text())
def test_no_query_that_is_just_a_secret_survives(base: str, before: str, after: str) -> None:
    """A signature may stand without a name, so unknown names aren't shown either."""
    before = before.replace("=", "").replace("#", "") + "x"
    assert SECRET not in redact_url(f"{base}/v2/?{quote(before)}{SECRET}{quote(after)}")


@given(
    st.sampled_from(["https", "http", "registry", "quay"]),
    st.text(),
    st.text(),
    st.sampled_from(["h", "h.example:5000", "[::1]", "[::1]:80"]),
    st.sampled_from(["", "/", "/a/b:t", "/v2/?n=1", "?n=1", "#f"]),
)
def test_no_password_survives(scheme: str, user: str, before: str, host: str, rest: str) -> None:
    """User and password are left out, whatever characters are in them."""
    password = f"{quote(before, safe='')}{SECRET}"
    shown = redact_url(f"{scheme}://{quote(user, safe='')}:{password}@{host}{rest}")
    assert SECRET not in shown


PREFIXES = ["https://", "https:/", "https:///", "//", "", "registry://", "x:"]
USERS = ["user:", "user:1", "12:34", ""]


@pytest.mark.parametrize("odd", ["/", "//", "?", "/?", "#", "@", ":", "\\", "[", "é", " ", "\n"])
def test_no_password_survives_that_should_have_been_escaped(odd: str) -> None:
    """People paste passwords as they are; what can't be told apart is masked whole."""
    for start, user in itertools.product(PREFIXES, USERS):
        for password in (f"a{odd}{SECRET}", f"{SECRET}{odd}a", f"{odd}{SECRET}{odd}"):
            assert SECRET not in redact_url(f"{start}{user}{password}@h/a/b")


@given(ANY_TEXT | near("https://u:p@h/?&=#[]%"))
def test_any_text_can_be_redacted(text: str) -> None:
    """Whatever the text is, what comes out can be printed, and stays when redacted again."""
    shown = redact_url(text)
    assert shown.isprintable()
    assert redact_url(shown) in (shown, MASK)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/v2/", "https://h/v2/"),
        (
            "https://u:p@h:5000/v2/a/tags/list?n=5&last=x",
            "https://h:5000/v2/a/tags/list?n=5&last=x",
        ),
        (
            "https://h/t?service=s&scope=repository%3Aa%2Fb%3Apull%2Cpush",
            "https://h/t?service=s&scope=repository:a/b:pull,push",
        ),
        ("https://h/x?X-Amz-Signature=s&n=1&sig=t", "https://h/x?n=1&***"),
        ("/v2/a/blobs/uploads/1?_state=s", "/v2/a/blobs/uploads/1?***"),
        (
            "/v2/a/blobs/uploads/?mount=sha256:aa&from=b",
            "/v2/a/blobs/uploads/?mount=sha256:aa&from=b",
        ),
        ("https://h/a#token", "https://h/a"),
        ("https://[::1]:5000/v2/", "https://[::1]:5000/v2/"),
        ("registry://u:p@h/a@sha256:aa", "registry://h/a@sha256:aa"),
        ("https://h/a b\x1b[2J", "https://h/a%20b%1B%5B2J"),
        ("https://h/a%2Fb", "https://h/a%2Fb"),
        ("https://u:p@q@h/a", "https://h/a"),
        ("u:p@h/a", MASK),
        ("https://h:port/a", MASK),
        ("https://[::1/a", MASK),
        ("https://\x1b[2J/a", MASK),
        ("mailto:u@h", MASK),
        ("uploads/1", "uploads/1"),
        ("", ""),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    """Enough to find the request again: host, path and what is known to be harmless."""
    assert redact_url(url) == shown


@given(LINE, SECRETS)
def test_no_unknown_header_survives(name: str, value: str) -> None:
    """The value of a header is shown only if its name is known to be harmless."""
    if name.lower() not in HARMLESS_HEADERS:
        assert SECRET not in redact_header(name, f"Bearer {value}")


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Set-Cookie",
        "X-Registry-Auth",
        "X-Api-Key",
        "X-Amz-Security-Token",
        "Authentication-Info",
        "authorization ",
        "AUTHORIZATION",
        "",
    ],
)
def test_headers_that_hold_secrets(name: str) -> None:
    """Those that everyone knows, and those that were written oddly."""
    assert redact_header(name, SECRET) == MASK


@pytest.mark.parametrize("name", ["Location", "Content-Location", "Referer"])
def test_headers_that_hold_urls(name: str) -> None:
    """A signed Location is shown without its signature."""
    assert (
        redact_header(name, f"https://u:{SECRET}@cdn/x?sig={SECRET}&n=1") == "https://cdn/x?n=1&***"
    )


def test_headers_that_are_shown() -> None:
    """What helps in finding out what happened stays; of two values the last."""
    headers = [
        ("Content-Type", "text/html"),
        ("Retry-After", "1"),
        ("retry-after", "2"),
        ("Retry-After", "5"),
        ("Authorization", f"Bearer {SECRET}"),
    ]
    assert redact_headers(headers) == {
        "Content-Type": "text/html",
        "Retry-After": "5",
        "retry-after": "2",
        "Authorization": MASK,
    }
