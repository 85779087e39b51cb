"""The error tree: what users catch, read, and send between processes."""

from __future__ import annotations

import copy
import pickle

import pytest

from occystrap import errors
from occystrap.errors import (
    APIException,
    DigestMismatch,
    ExchangeError,
    InvalidInput,
    OccystrapError,
    PlatformNotFound,
    SizeMismatch,
    TransportError,
    UnauthorizedException,
    VerificationError,
)

EXAMPLES = [
    *(
        getattr(errors, name)("what happened")
        for name in errors.__all__
        if name not in {"DigestMismatch", "SizeMismatch", "TransportError"}
    ),
    PlatformNotFound("nothing for you", ("linux/s390x",)),
    DigestMismatch("sha256:aa", "sha256:bb", "layer 1"),
    SizeMismatch(10, 3, "layer 1"),
    TransportError("GET https://h/: reset", "GET", "https://h/", "reset", attempts=4),
    UnauthorizedException("GET: 401", "GET", "https://h/", 401, "denied", {"server": "x"}),
]


def test_one_name_catches_everything() -> None:
    """Every error of the public list is an OccystrapError, and the list is sorted and complete."""
    defined = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, OccystrapError)
    ]
    assert sorted(defined) == errors.__all__


@pytest.mark.parametrize("name", errors.__all__)
def test_the_picture_shows_every_error(name: str) -> None:
    """The tree at the top of the file names each of them."""
    assert errors.__doc__ is not None
    assert f" {name}" in errors.__doc__


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_errors_survive_being_copied_and_sent(error: OccystrapError) -> None:
    """A worker process can hand its error over: class, message, args and attributes stay."""
    error.add_note("in layer 3")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own bytes
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert twin.args == error.args
        assert vars(twin) == vars(error)


def test_bad_input_is_a_value_error() -> None:
    """Who calls a parser with a literal may catch what Python's own parsers raise."""
    assert issubclass(InvalidInput, ValueError)


def test_api_errors_keep_the_shape_of_args() -> None:
    """Scripts unpack (message, method, url, status, text, headers)."""
    error = APIException("it failed", "GET", "https://h/v2/", 500, "boom", {"retry-after": "1"})
    message, method, url, status, text, headers = error.args
    assert (message, method, url, status, text, headers) == (
        error.message,
        error.method,
        error.url,
        error.status,
        error.text,
        error.headers,
    )
    assert str(error) == "it failed"


def test_api_errors_can_be_made_of_a_message_alone() -> None:
    """A mock of a test raises one without a request, and it has all attributes."""
    error = UnauthorizedException("no")
    assert error.args == ("no", "", "", 0, "", {})
    assert isinstance(error, ExchangeError)


def test_a_digest_mismatch_names_both_digests() -> None:
    """The message says what is corrupt, what was expected and what came."""
    error = DigestMismatch("sha256:aa", "sha256:bb", "layer 3")
    assert str(error) == "layer 3 is corrupt: expected sha256:aa, but the bytes hash to sha256:bb"
    assert isinstance(error, VerificationError)


@pytest.mark.parametrize(
    ("actual", "said"), [(3, "expected 5 bytes, got 3"), (9, "expected 5 bytes, got at least 9")]
)
def test_a_size_mismatch_says_how_far_it_read(actual: int, said: str) -> None:
    """Of a body that was cut off for being too long nobody knows the length."""
    assert said in str(SizeMismatch(5, actual))
