"""What holds for all scrubbed cassettes, and for all that need no scrubbing."""

from __future__ import annotations

import json
from random import Random
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from occystrap.oci.digest import Digest
from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.cassettes.gate import find_secrets
from pytest_occystrap.cassettes.scrubbing import scrub
from tests.support.secret_places import (
    IN_WORDS,
    JSON,
    WITH_A_NAME,
    answer,
    ask,
    document,
    header,
    url,
)
from tests.support.secrets_made_up import PASSWORDS, RANDOM, SHAPED

HOST = "https://registry.example"


def joined(*cassettes: Cassette) -> Cassette:
    """Make one cassette of several."""
    return Cassette(tuple(each for cassette in cassettes for each in cassette.interactions))


MAKES = [*SHAPED.values(), *RANDOM.values(), *PASSWORDS.values()]
PLACES = [*WITH_A_NAME.values(), *IN_WORDS.values()]


@st.composite
def cassettes(draw: st.DrawFn) -> Cassette:
    """Make a cassette with a few secrets, some of them in several places."""
    dice = Random(draw(st.integers(0, 2**32)))  # noqa: S311
    secrets = [
        make(dice) for make in draw(st.lists(st.sampled_from(MAKES), min_size=1, max_size=3))
    ]
    chosen = draw(
        st.lists(
            st.tuples(st.sampled_from(PLACES), st.sampled_from(secrets)), min_size=1, max_size=5
        )
    )
    return joined(*(place(secret) for place, secret in chosen))


@given(cassettes())
def test_scrubbing_again_changes_nothing(cassette: Cassette) -> None:
    """A scrubbed cassette is clean, so it stays as it is, and passes the gate."""
    scrubbed = scrub(cassette)
    assert find_secrets(scrubbed) == ()
    assert scrub(scrubbed) == scrubbed
    assert scrub(cassette) == scrubbed


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.integers(0, 2**32))
def test_equal_secrets_have_equal_placeholders(order: list[int], seed: int) -> None:
    """And different ones have different ones, in whatever place each of them is."""
    dice = Random(seed)  # noqa: S311
    secrets = [RANDOM["letters-32"](dice) for _ in range(6)]
    bearer = header("Authorization", "Bearer {}".format)
    parameter = url(lambda it: f"{HOST}/x?token={it}")
    body = document(lambda it: {"access_token": it})
    places = [bearer, parameter, body]
    scrubbed = scrub(
        Cassette(
            tuple(places[n % 3](secrets[which]).interactions[-1] for n, which in enumerate(order))
        )
    )
    seen = []
    for n, each in enumerate(scrubbed.interactions):
        if n % 3 == 0:
            seen.append((each.request.headers.get("Authorization") or "").removeprefix("Bearer "))
        elif n % 3 == 1:
            seen.append(each.request.query[0][1])
        elif each.response is not None:
            seen.append(json.loads(each.response.body.read())["access_token"])
    assert [order.index(each) for each in order] == [seen.index(each) for each in seen]
    assert not set(secrets) & set(seen)


WORDS = st.sampled_from(
    [
        "acme",
        "app",
        "library",
        "busybox",
        "latest",
        "v1.2.3",
        "3.11-slim-bookworm",
        "linux/amd64",
        "NORMAL",
        "image",
        "2026-11-23",
        "application/vnd.oci.image.manifest.v1+json",
        "repository:acme/app:pull",
        "1795452242",
        "a_b",
        "sha-1a2b3c4",
        "7.0.0-rc.1",
        "0d3f5a3e-6c1b-4a2e-9a57-1f2a3b4c5d6e",
        "https://quay.io/v2/",
        "true",
        str(Digest.of(b"x")),
        "Sample application 1",
        "the manifest is unknown",
    ]
)
NAMES = st.sampled_from(["name", "description", "digest", "tags", "state", "kind", "next", "count"])
HEADERS = st.sampled_from(
    ["Accept", "Content-Type", "ETag", "Server", "Vary", "Docker-Upload-UUID"]
)


@given(
    st.dictionaries(NAMES, st.one_of(WORDS, st.lists(WORDS), st.integers(), st.none())),
    st.lists(st.tuples(HEADERS, WORDS)),
    st.dictionaries(st.sampled_from(["n", "last", "scope", "service", "tag", "digest"]), WORDS),
)
def test_what_is_harmless_stays(
    content: dict[str, object], headers: list[tuple[str, str]], query: dict[str, str]
) -> None:
    """Nothing is replaced, nothing is found."""
    body = json.dumps(content).encode()
    asking = ask(f"{HOST}/v2/acme/app/tags/list?{urlencode(query)}", *headers)
    cassette = Cassette((asking, answer(*headers, ("Content-Type", JSON), body=body)))
    assert scrub(cassette) == cassette
    assert find_secrets(cassette) == ()
