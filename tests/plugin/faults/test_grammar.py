"""Faults in words: what is written is read again, and what is wrong is said."""

from __future__ import annotations

import dataclasses
import string
from types import NoneType
from typing import Annotated, Any, Literal, cast, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidOption
from pytest_occystrap import FakeRegistry, faults
from pytest_occystrap.faults import EFFECTS, Effect, Where, describe
from pytest_occystrap.faults.grammar import COUNTS, lay, parse_fault
from pytest_occystrap.faults.plan import FaultPlan
from pytest_occystrap.faults.values import Between, hints_of

WORDS = st.text(string.printable.replace("\r", "").replace("\n", ""), max_size=20)
OTHERS: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(-(10**9), 10**9),
    str: WORDS,
    NoneType: st.none(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Make values that a field may hold."""
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is Annotated:
        return numbers(hint.__metadata__[0], hint.__origin__)
    if get_origin(hint) is not None or isinstance(hint, type(int | str)):
        return st.one_of([values(kind) for kind in get_args(hint)])
    return OTHERS[hint]


def numbers(within: Between, kind: type) -> st.SearchStrategy[Any]:
    """Make numbers of a range."""
    high = min(within.high, 10**12)
    if kind is int:
        return st.integers(int(within.low), int(high))
    return st.floats(within.low, high, allow_nan=False, allow_infinity=False)


@st.composite
def effects(draw: st.DrawFn, kind: type[Effect]) -> Effect:
    """Make an effect of a kind."""
    hints = hints_of(kind)
    chosen = {
        field.name: draw(values(hints[field.name]))
        for field in dataclasses.fields(cast("Any", kind))
    }
    return kind(**chosen)


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_every_effect_is_read_as_it_is_written(name: str) -> None:
    """With a place and without, whatever its fields hold."""

    @given(effects(EFFECTS[name]))
    def check(effect: Effect) -> None:
        text = describe(effect)
        assert text.split()[0] == name
        assert parse_fault(text).effect == effect
        laid = parse_fault(f"GET blob org/app:1: {text} times=3 every=2 since=1.5")
        assert laid.effect == effect
        assert str(laid) == text
        assert laid.where == Where(
            method="GET", kind="blob", repository="org/app", item="1", times=3, every=2, since=1.5
        )

    check()


def test_no_field_of_an_effect_is_called_like_a_count() -> None:
    """Words behind an effect are its own or say how often: no word can be both."""
    for name, kind in EFFECTS.items():
        own = {field.name for field in dataclasses.fields(cast("Any", kind))}
        assert not own & set(COUNTS), name


def test_every_effect_has_its_name_in_python() -> None:
    """`faults.reset` is what the grammar calls `reset`, and all are exported."""
    for name, kind in EFFECTS.items():
        assert getattr(faults, name) is kind
    assert set(faults.__all__) >= set(EFFECTS)


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("status 429 retry_after=3", faults.status(429, retry_after=3)),
        ("status 429 retry_after=junk", faults.status(429, retry_after="junk")),
        ("status 429 3 text", faults.status(429, retry_after=3, body="text")),
        ("status status=500 done=TRUE", faults.status(500, done=True)),
        ("mount-error 0", faults.mount_error(0)),
        ("redirect_to https://x.invalid/?a=b", faults.redirect_to("https://x.invalid/?a=b")),
        ("header Link '<a?b=c>; rel=\"next\"'", faults.header("Link", '<a?b=c>; rel="next"')),
        ("header Warning 'one: two'", faults.header("Warning", "one: two")),
        ("header X value=a=b", faults.header("X", "a=b")),
        ("header X ''", faults.header("X", "")),
        ("latency 0.25 jitter=.1", faults.latency(0.25, jitter=0.1)),
    ],
)
def test_words_as_people_write_them(text: str, effect: Effect) -> None:
    """The first values need no name, dashes do as well, and quotes are those of a shell."""
    assert parse_fault(text).effect == effect
    assert parse_fault(f"GET: {text}").effect == effect


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a fault: ''; write one like 'GET blob: reset after=65536 times=2'"),
        ("GET blob: ", "not a fault"),
        ("header X 'a", r"not a fault: .*No closing quotation"),
        ("rest", "there is no effect 'rest'; did you mean 'reset'"),
        ("xyz", "there is no effect 'xyz'; there are bad_range, challenge, close"),
        ("nowhere at all: reset", "not where a fault can strike: 'nowhere at all'"),
        ("reset 1 2", "reset takes after, not '1 2'"),
        ("read_only 405 1", "read_only takes status, not '405 1'"),
        ("no_digest_header 1", "no_digest_header takes nothing, not '1'"),
        ("status", "status needs status=..."),
        ("header X", "header needs value=..."),
        ("reset befor=3", "there is no 'befor' here; there is after"),
        ("expired_signature a=1", "there is no 'a' here; there is nothing to choose"),
        ("reset after=soon", "after=soon can't be: it is a whole number from 0"),
        ("reset after=-1", "after=-1 can't be: it is a whole number from 0"),
        ("slow 0", "rate=0 can't be: it is a whole number from 1"),
        ("status 99", "status=99 can't be: it is a whole number from 200 to 999"),
        ("status 429 later", "retry_after=later can't be: it is a number from 0 or one of date"),
        ("status 429 done=perhaps", "done=perhaps can't be: it is yes or no"),
        ("latency inf", "mean=inf can't be: it is a number from 0"),
        ("garbage loud", "form=loud can't be: it is one of noise, two_lengths"),
        ("reset times=often", "times=often can't be: it is a whole number"),
        ("reset times=-1", "nth and every count from 1, times from 0, which is always"),
        ("reset probability=2", "a probability is from 0 to 1, not 2.0"),
    ],
)  # fmt: skip
def test_what_is_no_fault(text: str, message: str) -> None:
    """Each message says what would do instead."""
    with pytest.raises(InvalidOption, match=message):
        parse_fault(text)


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        (faults.slow(0), "slow: rate=0 can't be: it is a whole number from 1"),
        (faults.garbage(cast("Any", "loud")), "garbage: form='loud' can't be: it is one of noise"),
        (faults.stall(seconds=-1), "stall: seconds=-1 can't be: it is a number from 0"),
        (faults.reset(after=True), "reset: after=True can't be: it is a whole number from 0"),
        (faults.header("X", cast("Any", 1)), "header: value=1 can't be: it is a text"),
        (faults.reset, r"reset is what makes an effect; write reset\(\.\.\.\)"),
        (None, "not an effect: None; pytest_occystrap.faults has them"),
    ],
)
def test_effects_that_cannot_be(registry: FakeRegistry, effect: Any, message: str) -> None:
    """They are refused where they are laid, not in the middle of a request."""
    with pytest.raises(InvalidOption, match=message):
        registry.fault(effect)
    assert registry.faults.faults == ()


def test_all_the_ways_to_say_the_same() -> None:
    """In words, in Python, or half in one and half in the other; later words count."""
    plan, effect = FaultPlan(), faults.reset(after=5)
    place = Where(method="GET", kind="blob", times=2)
    laid = [
        lay(plan, effect, "GET blob", times=2),
        lay(plan, effect, place),
        lay(plan, effect, Where(method="GET", kind="blob"), times=2),
        lay(plan, "GET blob: reset after=5 times=2"),
        lay(plan, "GET blob: reset after=5", times=2),
        lay(plan, "reset after=5 times=2", "GET blob"),
        lay(plan, "reset after=5 times=2", Where(method="GET", kind="blob", times=7)),
        lay(plan, "GET blob: reset after=5 times=7", times=2),
    ]
    assert {(str(fault), fault.where) for fault in laid} == {("reset after=5", place)}
    assert list(plan.faults) == laid
    for on in ("GET", Where(method="GET")):
        for made in (effect, "reset"):
            with pytest.raises(InvalidOption, match="a fault has no 'tims'; did you mean 'times'"):
                lay(plan, made, on, tims=2)
