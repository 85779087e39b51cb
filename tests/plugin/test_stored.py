"""Gzip and zstd frames that hold the bytes as they are."""

from __future__ import annotations

import gzip

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from occystrap.image.compression import decompressed, sniff
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import Compression
from pytest_occystrap.stored import stored

#: One byte around each size at which the blocks of either format end.
EDGES = [0, 1, *(edge + by for edge in (65535, 131072, 262144) for by in (-1, 0, 1))]


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("compression", Compression)
def test_what_is_stored_comes_out_again(compression: Compression, size: int) -> None:
    """Whatever the size is, decompressing gives the bytes, and the frame is of its format."""
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    frame = stored(content, compression)
    assert b"".join(decompressed([frame])) == content
    assert sniff(frame) is (compression if frame[:4] != content[:4] else Compression.NONE)


@given(st.binary(max_size=300))
def test_other_libraries_read_it(content: bytes) -> None:
    """Python's gzip checks length and checksum, and zstandard the size that the frame announces."""
    assert gzip.decompress(stored(content, Compression.GZIP)) == content
    assert zstandard.decompress(stored(content, Compression.ZSTD)) == content


@pytest.mark.parametrize(
    ("compression", "digest"),
    [
        (
            Compression.GZIP,
            "sha256:5df950819720883499c518ca3d2703de740c8fab1a4dc6887c07673b07ba26a9",
        ),
        (
            Compression.ZSTD,
            "sha256:3c89e5ad596dfdb715bb1fc43ef8bdf8275189d74fbfe0b6b4e5391ea1884bc7",
        ),
    ],
)
def test_the_bytes_are_the_same_everywhere(compression: Compression, digest: str) -> None:
    """No library, no version and no processor has a say in them."""
    content = bytes(range(256)) * 1200
    assert str(Digest.of(stored(content, compression))) == digest
