"""Where answers lead the clients of a proxy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.server.message import Headers
from occystrap.server.origins import Asked, HandedOut, Origin, read_path
from occystrap.server.rewriting import rewrite

UPSTREAM = Origin("https", "reg.example", 443)
CDN = Origin("https", "cdn.example", 443)
AUTH = Origin("https", "auth.example", 8443)
BASE = "http://proxy:5000"

AT_ROOT = Asked(UPSTREAM, "/v2/a/blobs/uploads/?n=1", root=True)
AT_CDN = Asked(CDN, "/blobs/x?sig=1")
AT_REALM = Asked(AUTH, "/token?scope=x", realm=True)
PLAIN = Asked(Origin("http", "reg.example", 443), "/v2/", root=True)

#: What was asked, the Location of the answer, and what becomes of it.
LOCATIONS: list[tuple[Asked, str, str]] = [
    (AT_ROOT, "/v2/x?_state=a%2Bb", "/v2/x?_state=a%2Bb"),
    (AT_ROOT, "x?a=b", "x?a=b"),
    (AT_ROOT, "", ""),
    (AT_ROOT, "https://reg.example/v2/x?s=%2f+&&a#f", f"{BASE}/v2/x?s=%2f+&&a#f"),
    (AT_ROOT, "HTTPS://REG.example:443/v2/x", f"{BASE}/v2/x"),
    (AT_ROOT, "https://reg.example/v2/x?", f"{BASE}/v2/x?"),
    (AT_ROOT, "https://reg.example", f"{BASE}/"),
    (AT_ROOT, "https://reg.example?a=b", f"{BASE}/?a=b"),
    (AT_ROOT, "//reg.example/v2/", f"{BASE}/v2/"),
    # Behind a proxy that ends TLS, a registry doesn't know its scheme.
    (AT_ROOT, "http://reg.example/v2/", f"{BASE}/v2/"),
    (AT_ROOT, "http://reg.example:80/v2/", f"{BASE}/v2/"),
    (AT_ROOT, "http://reg.example:443/v2/", f"{BASE}/v2/"),
    (AT_ROOT, "https://cdn.example/b?s=%2f+", f"{BASE}/.forward/https/cdn.example/b?s=%2f+"),
    (AT_ROOT, "//cdn.example:1/b", f"{BASE}/.forward/https/cdn.example:1/b"),
    (AT_ROOT, "https://[::1]:5/b", f"{BASE}/.forward/https/%5B::1%5D:5/b"),
    (AT_ROOT, "https://reg.example:444/v2/", f"{BASE}/.forward/https/reg.example:444/v2/"),
    # Away from TLS, with a password, or nowhere: for the client to decide on.
    (AT_ROOT, "http://cdn.example/b", "http://cdn.example/b"),
    (AT_ROOT, "http://reg.example:8080/b", "http://reg.example:8080/b"),
    (AT_ROOT, "https://u:p@cdn.example/b", "https://u:p@cdn.example/b"),
    (AT_ROOT, "https://cdn.example:99999/", "https://cdn.example:99999/"),
    (AT_ROOT, "https://[bad/", "https://[bad/"),
    (AT_ROOT, "mailto:a@b", "mailto:a@b"),
    (PLAIN, "http://cdn.example/b", f"{BASE}/.forward/http/cdn.example/b"),
    (PLAIN, "https://reg.example/b", f"{BASE}/.forward/https/reg.example/b"),
    # What other origins say is meant where they are.
    (AT_CDN, "/other?a", f"{BASE}/.forward/https/cdn.example/other?a"),
    (AT_CDN, "y", f"{BASE}/.forward/https/cdn.example/blobs/y"),
    (AT_CDN, "../../../y", f"{BASE}/.forward/https/cdn.example/y"),
    (AT_CDN, "//auth.example:8443/t", f"{BASE}/.forward/https/auth.example:8443/t"),
    # Credentials don't come back with a redirect either.
    (AT_CDN, "https://reg.example/v2/", f"{BASE}/.forward/https/reg.example/v2/"),
    (AT_REALM, "https://reg.example/v2/", f"{BASE}/.forward/https/reg.example/v2/"),
    # On the same origin they would have stayed.
    (AT_REALM, "/token2", f"{BASE}/.forward/realm/https/auth.example:8443/token2"),
]


def written(asked: Asked, name: str, value: str, other: HandedOut | None) -> str:
    """Rewrite one header."""
    ((key, found),) = rewrite(Headers([(name, value)]), asked, UPSTREAM, BASE, other)
    assert key == name
    return found


@pytest.mark.parametrize(("asked", "location", "expected"), LOCATIONS)
def test_locations(asked: Asked, location: str, expected: str) -> None:
    """The client stays with the proxy; every letter of path and query with the URL."""
    upstream = PLAIN.origin if asked is PLAIN else UPSTREAM
    headers = Headers([("location", location)])
    assert rewrite(headers, asked, upstream, BASE, HandedOut()).get("Location") == expected


@pytest.mark.parametrize(("asked", "location", "expected"), LOCATIONS)
def test_locations_elsewhere_are_left_if_the_proxy_has_only_the_upstream(
    asked: Asked, location: str, expected: str
) -> None:
    """Those on the upstream are not."""
    if asked is AT_ROOT:
        expected = location if "/.forward/" in expected else expected
        assert written(asked, "Location", location, None) == expected


@pytest.mark.parametrize(("asked", "location", "expected"), LOCATIONS)
def test_what_was_handed_out_can_be_asked(asked: Asked, location: str, expected: str) -> None:
    """By the very path that was handed out, and nothing else."""
    other = HandedOut()
    assert not other.knows(AT_CDN)
    upstream = PLAIN.origin if asked is PLAIN else UPSTREAM
    rewrite(Headers([("Location", location)]), asked, upstream, BASE, other)
    again = read_path(expected.removeprefix(BASE))
    assert (again is not None) == ("/.forward/" in expected)
    if again is not None:
        assert other.knows(again)
        assert again.realm == (asked is AT_REALM and again.origin == AUTH)
        assert not other.knows(Asked(again.origin, again.target, realm=not again.realm))
        assert not other.knows(Asked(Origin("https", "evil.example", 443), again.target))


#: A WWW-Authenticate header, and what becomes of it.
CHALLENGES = {
    'Bearer realm="https://reg.example/token",service="s"': (
        f'Bearer realm="{BASE}/token",service="s"'
    ),
    'Bearer service="s" , realm = "https://auth.example:8443/t?a=%2f"': (
        f'Bearer service="s" , realm = "{BASE}/.forward/realm/https/auth.example:8443/t?a=%2f"'
    ),
    'bearer Realm="https://reg.example/\\t\\"x"': f'bearer Realm="{BASE}/t\\"x"',
    'Basic realm="https://auth.example:8443/"': 'Basic realm="https://auth.example:8443/"',
    'Basic realm="x", Bearer realm="https://reg.example/a"': (
        f'Basic realm="x", Bearer realm="{BASE}/a"'
    ),
    'Bearer realm="https://reg.example/a", Basic realm="https://reg.example/b"': (
        f'Bearer realm="{BASE}/a", Basic realm="https://reg.example/b"'
    ),
    'Bearer error="realm=https://reg.example/",scope="a:b:c,d"': (
        'Bearer error="realm=https://reg.example/",scope="a:b:c,d"'
    ),
    'Bearer realm="http://auth.example/t"': 'Bearer realm="http://auth.example/t"',
    'Bearer realm="/token"': 'Bearer realm="/token"',
    "Bearer realm=token": "Bearer realm=token",
    'Bearer realm="': 'Bearer realm="',
    "Negotiate abc==": "Negotiate abc==",
}


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_challenges(challenge: str) -> None:
    """The realm of Bearer is a URL to ask, that of Basic is a name; nothing else changes."""
    assert written(AT_ROOT, "WWW-Authenticate", challenge, HandedOut()) == CHALLENGES[challenge]


def test_realms_elsewhere_are_left_if_the_proxy_has_only_the_upstream() -> None:
    """A client logs in there by itself."""
    challenge = 'Bearer realm="https://auth.example/token"'
    assert written(AT_ROOT, "www-authenticate", challenge, None) == challenge


def test_a_realm_at_the_upstream_is_the_proxys_own_path() -> None:
    """Whoever asks for a login there."""
    challenge = 'Bearer realm="https://reg.example/token"'
    expected = f'Bearer realm="{BASE}/token"'
    assert written(AT_CDN, "WWW-Authenticate", challenge, HandedOut()) == expected


def test_links() -> None:
    """Each target of a header is led to the proxy; parameters aren't touched."""
    link = '<https://reg.example/v2/_catalog?last=a%2Fb&n=1>; rel="next", </x>;a="<b>"'
    expected = f'<{BASE}/v2/_catalog?last=a%2Fb&n=1>; rel="next", </x>;a="<b>"'
    assert written(AT_ROOT, "Link", link, None) == expected


def test_other_headers_are_not_looked_at() -> None:
    """Whatever they look like."""
    headers = Headers([("X-Location", "https://reg.example/"), ("ETag", "<https://reg.example/>")])
    assert list(rewrite(headers, AT_ROOT, UPSTREAM, BASE, HandedOut())) == list(headers)


@pytest.mark.parametrize(
    "path",
    [
        "/.forward",
        "/.forward/",
        "/.forward/ftp/a/b",
        "/.forward/https",
        "/.forward/https/",
        "/.forward/https//x",
        "/.forward/https/u@h/x",
        "/.forward/https/a%2Fb/x",
        "/.forward/https/a:x/",
        "/.forward/realm/x/y",
        "/v2/.forward/https/cdn.example/",
    ],
)
def test_paths_that_no_answer_has(path: str) -> None:
    """They lead nowhere."""
    assert read_path(path) is None


def test_the_oldest_origins_are_forgotten() -> None:
    """An upstream can't fill the memory; what it uses all the time stays."""
    other = HandedOut()
    for number in range(1500):
        other.add(CDN, realm=False)
        other.add(Origin("https", "many.example", number), realm=False)
        assert other.knows(AT_CDN)
    assert other.knows(Asked(Origin("https", "many.example", 1499), "/"))
    assert not other.knows(Asked(Origin("https", "many.example", 1), "/"))


@given(st.text(max_size=60) | st.text(alphabet='Bbearer=",\\ realmhttps:/[]<>@?#%', max_size=60))
def test_nothing_that_an_answer_says_is_too_odd(value: str) -> None:
    """What can't be understood is passed on."""
    for name in ("Location", "Link", "WWW-Authenticate"):
        for asked in (AT_ROOT, AT_CDN):
            assert isinstance(written(asked, name, value, HandedOut()), str)


LONG = 100_000
PIECES = [*'a/ ,<=">\\', "a/", "a ", 'a="', 'a="\\', ", <", 'realm="https://', "../", "a, "]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("name", ["Location", "Link", "WWW-Authenticate"])
def test_an_answer_cannot_keep_the_proxy_busy(name: str, piece: str) -> None:
    """Whoever goes over so long a text once for each of its letters never comes back."""
    for begin in ("", "Bearer ", "<https://cdn.example/"):
        value = begin + piece * (LONG // len(piece))
        assert written(AT_ROOT, name, value, HandedOut())
        assert written(AT_CDN, name, value, HandedOut())
