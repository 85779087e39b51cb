"""Digests, and the verifier of bytes that pass by."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import DigestMismatch, InvalidDigest, SizeMismatch
from occystrap.oci.digest import Digest, Digester, Verifier, verified
from tests.support.strategies import ANY_TEXT, DIGESTS, near

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
CHUNKS = st.lists(st.binary(max_size=20), max_size=6)


@given(DIGESTS)
def test_what_is_printed_is_read_back(digest: Digest) -> None:
    """Parsing what a digest prints gives the digest."""
    assert Digest.parse(str(digest)) == digest


@given(ANY_TEXT | near("sha256:512:0af"))
def test_text_is_a_digest_or_an_invalid_digest(text: str) -> None:
    """Whatever the text is, there is a digest that prints it, or the named error."""
    try:
        assert str(Digest.parse(text)) == text
    except InvalidDigest as error:
        assert len(str(error)) < 1200  # noqa: PT017 - either outcome is fine


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "sha256:abc",
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "a" * 64 + "\n",
        " sha256:" + "a" * 64,
        "sha256:" + "A" * 64,
        "SHA256:" + "a" * 64,
        "sha256:" + "g" * 64,
        "sha256:" + "٣" * 64,
        "sha512:" + "a" * 64,
        "sha256::" + "a" * 63,
        ":" + "a" * 64,
        "a" * 64,
    ],
)
def test_what_is_no_digest(text: str) -> None:
    """The grammar is exact: length, lower case, ASCII, nothing before or after."""
    with pytest.raises(InvalidDigest):
        Digest.parse(text)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha384", "blake3", "sha256+b64", ""])
def test_an_algorithm_that_cannot_be_verified_is_refused(algorithm: str) -> None:
    """An unknown algorithm is an error that lists the known ones, wherever it comes in."""
    with pytest.raises(InvalidDigest, match="known: sha256, sha512"):
        Digest.parse(f"{algorithm}:{'a' * 64}")
    with pytest.raises(InvalidDigest, match="known: sha256, sha512"):
        Digester(algorithm)


def test_the_digest_of_nothing() -> None:
    """The digest of no bytes is the well-known one."""
    assert str(Digest.of(b"")) == EMPTY


@given(CHUNKS, st.sampled_from(["sha256", "sha512"]))
def test_bytes_hash_to_the_same_however_they_are_cut(chunks: list[bytes], algorithm: str) -> None:
    """A digester counts and hashes all pieces in order."""
    digester = Digester(algorithm)
    for chunk in chunks:
        digester.update(chunk)
    whole = b"".join(chunks)
    assert digester.size == len(whole)
    assert digester.digest == Digest.of(whole, algorithm)
    assert digester.digest.encoded == hashlib.new(algorithm, whole).hexdigest()


def test_any_buffer_can_be_hashed() -> None:
    """A memoryview of wide items counts in bytes, not in items."""
    wide = memoryview(bytes(8)).cast("I")
    digester = Digester().update(wide).update(bytearray(b"x"))
    assert digester.size == 9
    assert digester.digest == Digest.of(bytes(8) + b"x")


@given(CHUNKS, st.booleans())
def test_the_right_bytes_pass(chunks: list[bytes], sized: bool) -> None:
    """Bytes with the digest, and the size if it's known, come out as they went in."""
    whole = b"".join(chunks)
    size = len(whole) if sized else None
    assert list(verified(chunks, Digest.of(whole), size)) == chunks


def test_other_bytes_of_the_same_size_are_a_digest_mismatch() -> None:
    """A flipped bit is found at the end, and the error has both digests."""
    expected = Digest.of(b"right")
    with pytest.raises(DigestMismatch, match=r"layer sha256:.* is corrupt") as caught:
        list(verified([b"wro", b"ng"], expected, 5, "layer"))
    assert caught.value.expected == str(expected)
    assert caught.value.actual == str(Digest.of(b"wrong"))


def test_too_few_bytes_are_a_size_mismatch() -> None:
    """A body that ends early is named by its size, which says more than a digest."""
    with pytest.raises(SizeMismatch) as caught:
        list(verified([b"righ"], Digest.of(b"right"), 5))
    assert (caught.value.expected, caught.value.actual) == (5, 4)


def test_a_short_body_of_unknown_size_is_a_digest_mismatch() -> None:
    """Without a size the digest still finds it."""
    with pytest.raises(DigestMismatch):
        list(verified([b"righ"], Digest.of(b"right")))


def test_an_endless_body_ends_where_it_becomes_too_long() -> None:
    """The chunk that goes beyond the size isn't passed on, and no other is asked for."""
    stream = verified(itertools.repeat(b"xx"), Digest.of(b"right"), 5)
    assert [next(stream), next(stream)] == [b"xx", b"xx"]
    with pytest.raises(SizeMismatch, match="got at least 6"):
        next(stream)


def test_a_copy_of_a_digester_goes_on_by_itself() -> None:
    """It has taken the same pieces, and what one takes then the other doesn't."""
    first = Digester().update(b"a")
    second = first.copy().update(b"b")
    assert (first.digest, first.size) == (Digest.of(b"a"), 1)
    assert (second.digest, second.size) == (Digest.of(b"ab"), 2)


def test_a_verifier_knows_how_far_it_is() -> None:
    """Whoever resumes a download asks the verifier for the offset."""
    verifier = Verifier(Digest.of(b"right"), 5)
    verifier.update(b"ri")
    assert verifier.size == 2
    verifier.update(b"ght")
    verifier.finish()
    assert verifier.size == 5


def test_digests_sort_by_what_they_print() -> None:
    """Lists of digests have one order everywhere."""
    digests = [Digest.of(bytes([number])) for number in range(9)]
    assert sorted(digests) == sorted(digests, key=str)
