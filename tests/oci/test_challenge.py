"""WWW-Authenticate."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidChallenge
from occystrap.oci.challenge import Challenge, parse_challenges
from tests.support.strategies import ANY_TEXT, CHALLENGES, near

DOCKER_HUB = {
    "realm": "https://auth.docker.io/token",
    "service": "registry.docker.io",
    "scope": "repository:samalba/my-app:pull,push",
}


def parsed(*headers: str) -> list[tuple[str, dict[str, str], str]]:
    """The challenges of some headers as plain values."""
    return [
        (challenge.scheme, dict(challenge.parameters), challenge.token68)
        for challenge in parse_challenges(headers)
    ]


@given(st.lists(CHALLENGES, max_size=4), st.sampled_from([",", ", ", " , ,\t"]))
def test_what_is_printed_is_read_back(challenges: list[Challenge], separator: str) -> None:
    """Challenges come back from one header, and from a header each."""
    printed = [str(challenge) for challenge in challenges]
    assert parse_challenges([separator.join(printed)]) == tuple(challenges)
    assert parse_challenges(printed) == tuple(challenges)


@given(ANY_TEXT | near('Bearer realm="https",\\ =/'))
def test_text_is_challenges_or_an_invalid_challenge(text: str) -> None:
    """Whatever the text is, there are challenges that can be printed, or the named error."""
    try:
        challenges = parse_challenges([text])
    except InvalidChallenge:
        return
    assert parse_challenges(map(str, challenges)) == challenges


@pytest.mark.parametrize("names", list(itertools.permutations(DOCKER_HUB)), ids=" ".join)
def test_parameters_come_in_any_order(names: tuple[str, ...]) -> None:
    """Every order says the same (a fixed order is a fault of the public tool)."""
    header = "Bearer " + ",".join(f'{name}="{DOCKER_HUB[name]}"' for name in names)
    assert parsed(header) == [("bearer", DOCKER_HUB, "")]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", []),
        (" , ,", []),
        ("Basic", [("basic", {}, "")]),
        ("BASIC REALM=x", [("basic", {"realm": "x"}, "")]),
        ('Basic realm="a, b"', [("basic", {"realm": "a, b"}, "")]),
        (r'Basic realm="say \"hi\", \\ \x"', [("basic", {"realm": r'say "hi", \ x'}, "")]),
        ('Basic realm=""', [("basic", {"realm": ""}, "")]),
        (
            'Basic realm = "x" ,\t charset = utf-8',
            [("basic", {"realm": "x", "charset": "utf-8"}, "")],
        ),
        ("Basic realm=x,,charset=y,", [("basic", {"realm": "x", "charset": "y"}, "")]),
        ("Basic , realm=x", [("basic", {"realm": "x"}, "")]),
        (", Basic realm=x", [("basic", {"realm": "x"}, "")]),
        ("Basic realm=x, Negotiate", [("basic", {"realm": "x"}, ""), ("negotiate", {}, "")]),
        ("Negotiate, Basic realm=x", [("negotiate", {}, ""), ("basic", {"realm": "x"}, "")]),
        (
            "Negotiate YII=, Basic realm=x",
            [("negotiate", {}, "YII="), ("basic", {"realm": "x"}, "")],
        ),
        ("Negotiate a/b+c==", [("negotiate", {}, "a/b+c==")]),
        ("Basic realm", [("basic", {}, "realm")]),
        ("NTLM abc, Basic", [("ntlm", {}, "abc"), ("basic", {}, "")]),
        (
            'Bearer realm="https://h/t",service=s,Basic realm="Basic realm"',
            [
                ("bearer", {"realm": "https://h/t", "service": "s"}, ""),
                ("basic", {"realm": "Basic realm"}, ""),
            ],
        ),
    ],
)
def test_the_grammar_of_rfc_9110(header: str, found: list[tuple[str, dict[str, str], str]]) -> None:
    """Quoted strings with commas and escapes, empty elements, bare schemes, token68."""
    assert parsed(header) == found


def test_several_headers_are_read_in_order() -> None:
    """One header a challenge means the same as all in one."""
    assert parsed("Negotiate", 'Bearer realm="x", Basic realm=y') == [
        ("negotiate", {}, ""),
        ("bearer", {"realm": "x"}, ""),
        ("basic", {"realm": "y"}, ""),
    ]


@pytest.mark.parametrize(
    "header",
    [
        "=",
        '"Basic"',
        "Basic realm=x y",
        'Basic realm="x',
        'Basic realm="x"y',
        'Basic realm="x" charset="y"',
        "Basic a b",
        "Basic é=x",
        "Basic realm=é",
        'Basic "x"',
        "Basic\nrealm=x",
        "Basic\xa0realm=x",
        'Basic realm="x\\"',
        "Basic realm=x,=",
        "realm=x",
    ],
)
def test_what_is_no_challenge(header: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(InvalidChallenge):
        parse_challenges([header])


def test_the_first_of_two_values_counts() -> None:
    """A parameter that is there twice doesn't change its meaning by being added to."""
    challenge = Challenge("bearer", (("realm", "a"), ("realm", "b")))
    assert challenge.get("realm") == "a"
    assert challenge.get("service") == ""
    assert challenge.get("service", "x") == "x"
