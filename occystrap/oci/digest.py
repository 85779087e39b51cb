"""Digests, and the streaming verifier of size and digest.

Rule: bytes are named by what they hash to, and nothing counts as received before it was hashed.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from occystrap.errors import DigestMismatch, InvalidDigest, SizeMismatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed import ReadableBuffer

__all__ = ["Digest", "Digester", "Verifier", "verified"]

#: The algorithms that can be verified, and the grammar of their hex form.
_ENCODED: Final = {
    "sha256": re.compile(r"[a-f0-9]{64}"),
    "sha512": re.compile(r"[a-f0-9]{128}"),
}


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The name of some bytes: an algorithm, and their hash in lower-case hex."""

    algorithm: str
    encoded: str

    def __post_init__(self) -> None:
        if not _grammar_of(self.algorithm).fullmatch(self.encoded):
            raise InvalidDigest(
                f"not the lower-case hex of a {self.algorithm} digest: {self.encoded[:160]!r}"
            )

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read `algorithm:hex`.

        Raises:
            InvalidDigest: the text is something else, or the algorithm isn't sha256 or sha512.
        """
        algorithm, colon, encoded = text.partition(":")
        if not colon:
            raise InvalidDigest(f"not a digest (algorithm:hex): {text[:160]!r}")
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, content: ReadableBuffer, algorithm: str = "sha256") -> Digest:
        """Hash bytes that are at hand."""
        return Digester(algorithm).update(content).digest

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"


def _grammar_of(algorithm: str) -> re.Pattern[str]:
    grammar = _ENCODED.get(algorithm)
    if grammar is None:
        known = ", ".join(_ENCODED)
        raise InvalidDigest(f"unknown digest algorithm {algorithm[:40]!r} (known: {known})")
    return grammar


class Digester:
    """Hash and count bytes that pass by."""

    __slots__ = ("_hash", "algorithm", "size")

    def __init__(self, algorithm: str = "sha256") -> None:
        _grammar_of(algorithm)
        self.algorithm = algorithm
        self.size = 0
        self._hash = hashlib.new(algorithm)

    def update(self, chunk: ReadableBuffer) -> Digester:
        """Take one more piece."""
        self._hash.update(chunk)
        self.size += memoryview(chunk).nbytes
        return self

    def copy(self) -> Digester:
        """Return one that has taken the same pieces, and goes on by itself."""
        twin = Digester(self.algorithm)
        twin.size, twin._hash = self.size, self._hash.copy()
        return twin

    @property
    def digest(self) -> Digest:
        """The digest of all pieces so far."""
        return Digest(self.algorithm, self._hash.hexdigest())


class Verifier:
    """Hold bytes that pass by against the digest, and the size if known, that they should have."""

    __slots__ = ("_digester", "expected", "expected_size", "what")

    def __init__(self, expected: Digest, size: int | None = None, what: str = "blob") -> None:
        self.expected = expected
        self.expected_size = size
        self.what = f"{what} {expected}"
        self._digester = Digester(expected.algorithm)

    @property
    def size(self) -> int:
        """How many bytes have passed."""
        return self._digester.size

    def update(self, chunk: ReadableBuffer) -> None:
        """Take one more piece.

        Raises:
            SizeMismatch: there are more bytes than there should be; an endless body ends here.
        """
        self._digester.update(chunk)
        if self.expected_size is not None and self.size > self.expected_size:
            raise SizeMismatch(self.expected_size, self.size, self.what)

    def finish(self) -> None:
        """Say that all bytes have passed.

        Raises:
            SizeMismatch: there were too few.
            DigestMismatch: they were others.
        """
        if self.expected_size is not None and self.size != self.expected_size:
            raise SizeMismatch(self.expected_size, self.size, self.what)
        actual = self._digester.digest
        if actual != self.expected:
            raise DigestMismatch(str(self.expected), str(actual), self.what)


def verified(
    chunks: Iterable[bytes], expected: Digest, size: int | None = None, what: str = "blob"
) -> Iterator[bytes]:
    """Pass chunks on, and raise at the end if they were not the bytes expected.

    Whoever stops before the end has had nothing verified.

    Raises:
        SizeMismatch: too many bytes (at once), or too few (at the end).
        DigestMismatch: other bytes.
    """
    verifier = Verifier(expected, size, what)
    for chunk in chunks:
        verifier.update(chunk)
        yield chunk
    verifier.finish()
