"""Compressed bytes made plain, and plain bytes compressed."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import DigestMismatch, ImageInputError, InvalidOption
from occystrap.image.compression import compressed, decompressed, sniff
from occystrap.oci.digest import Digest, verified
from occystrap.oci.media_types import Compression
from tests.support.images import bottom_layer, stored

CONTENT = bottom_layer()
PACKED = [Compression.GZIP, Compression.ZSTD]


def cut(content: bytes, size: int) -> Iterator[bytes]:
    """Cut content into pieces of one size."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def plain(content: bytes, size: int = 1 << 16) -> bytes:
    """Decompress what comes in pieces of one size."""
    return b"".join(decompressed(cut(content, size)))


@st.composite
def pieces(draw: st.DrawFn, content: bytes) -> list[bytes]:
    """Cut content anywhere, also into nothing."""
    places = sorted(draw(st.lists(st.integers(0, len(content)), max_size=8)))
    return [content[a:b] for a, b in zip([0, *places], [*places, len(content)], strict=True)]


def test_an_empty_layer_is_plain() -> None:
    """No bytes at all decompress to no bytes at all."""
    assert list(decompressed([])) == []
    assert list(decompressed([b"", b""])) == []


@pytest.mark.parametrize("compression", Compression)
def test_how_bytes_are_compressed_is_read_off_them(compression: Compression) -> None:
    """The first four bytes tell, and a tar is plain."""
    assert sniff(stored(CONTENT, compression)[:4]) is compression


@pytest.mark.parametrize("compression", Compression)
@given(data=st.data(), content=st.binary(max_size=400))
def test_what_was_compressed_comes_back(
    compression: Compression, data: st.DataObject, content: bytes
) -> None:
    """Compressing and decompressing gives the same bytes, wherever they are cut on the way."""
    packed = b"".join(compressed(data.draw(pieces(content)), compression))
    if compression is Compression.NONE:
        assert packed == content
    else:
        assert b"".join(decompressed(data.draw(pieces(packed)))) == content


@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("size", [1000, 4096, 1 << 20])
def test_what_others_compressed_is_read(compression: Compression, size: int) -> None:
    """Blobs of other libraries decompress, in pieces of any size."""
    assert plain(stored(CONTENT, compression), size) == CONTENT


@pytest.mark.parametrize("compression", PACKED)
def test_several_streams_count_as_one(compression: Compression) -> None:
    """Gzip members and zstd frames may follow each other, as parallel compressors write them."""
    packed = b"".join(stored(part, compression) for part in cut(CONTENT, 10_000))
    assert plain(packed, 777) == CONTENT


@pytest.mark.parametrize("padding", [1, 511, 100_000])
def test_zeros_after_gzip_are_padding(padding: int) -> None:
    """Zeros behind a gzip member are skipped, as gzip itself does."""
    packed = gzip.compress(b"one") + bytes(padding) + gzip.compress(b"two") + bytes(padding)
    assert plain(packed, 300) == b"onetwo"


@given(
    fields=st.fixed_dictionaries(
        {
            0b100: st.binary(max_size=300).map(lambda extra: struct.pack("<H", len(extra)) + extra),
            0b1000: st.just(b"layer.tar\0"),
            0b10000: st.just(b"a comment\0"),
        }
    ),
    flags=st.integers(0, 15).map(lambda bits: bits << 1),
    size=st.integers(1, 60),
)
def test_gzip_headers_may_have_any_field_and_come_in_pieces(
    fields: dict[int, bytes], flags: int, size: int
) -> None:
    """Name, comment, extra field and header checksum are skipped, wherever the header is cut."""
    packed = gzip.compress(b"content", mtime=0)
    header = packed[:3] + bytes([flags]) + packed[4:10]
    header += b"".join(field for flag, field in sorted(fields.items()) if flags & flag)
    if flags & 0b10:
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    member = header + packed[10:]
    assert gzip.decompress(member) == b"content"
    assert plain(member + member, size) == b"content" * 2


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("content_size", [True, False])
@pytest.mark.parametrize("content", [b"", b"a", b"\0" * 300_000, CONTENT], ids=len)
def test_zstd_frames_of_every_form_are_read(
    content: bytes,
    content_size: bool,
    checksum: bool,
) -> None:
    """Frames with and without sizes and checksums, and frames to skip, decompress."""
    compressor = zstandard.ZstdCompressor(
        level=1, write_checksum=checksum, write_content_size=content_size
    )
    skipped = b"\x5a\x2a\x4d\x18" + struct.pack("<I", 70_000) + bytes(70_000)
    frame = compressor.compress(content)
    assert plain(skipped + frame + skipped + frame, 1234) == content * 2


@pytest.mark.parametrize("compression", PACKED)
def test_data_that_is_cut_off_is_damaged(compression: Compression) -> None:
    """Wherever a compressed layer ends too early, the error says so."""
    packed = stored(CONTENT[:3000], compression)
    for end in [*range(4, 40), *range(40, len(packed), 7), len(packed) - 1]:
        with pytest.raises(ImageInputError, match="is damaged: it ends in the middle"):
            plain(packed[:end])


@pytest.mark.parametrize("compression", PACKED)
def test_garbage_behind_the_data_is_damage(compression: Compression) -> None:
    """What follows and is no stream of its own is an error."""
    with pytest.raises(ImageInputError, match=f"the {compression.value} data of x.tar is damaged"):
        list(decompressed([stored(CONTENT, compression) + b"garbage"], "x.tar"))


@pytest.mark.parametrize("compression", PACKED)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_flipped_bit_never_goes_unnoticed(compression: Compression, place: int, bit: int) -> None:
    """Damage raises the error named, or leaves the content as it was: nothing in between."""
    packed = bytearray(b"".join(compressed([CONTENT[:5000]], compression)))
    packed[4 + place % (len(packed) - 4)] ^= 1 << bit
    try:
        content = plain(bytes(packed))
    except ImageInputError:
        return
    assert content == CONTENT[:5000]


@given(head=st.sampled_from([b"\x1f\x8b", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]), rest=st.binary())
def test_any_bytes_give_bytes_or_the_error_named(head: bytes, rest: bytes) -> None:
    """Whatever follows the magic number, no other error comes out."""
    try:
        plain(head + rest, 5)
    except ImageInputError as error:
        assert "is damaged" in str(error)  # noqa: PT017 - bytes that happen to be fine raise none


@pytest.mark.parametrize("compression", PACKED)
def test_a_bomb_comes_in_small_pieces(compression: Compression) -> None:
    """One step gives 256 KiB at most, however much a few bytes expand to."""
    packed = stored(bytes(64 << 20), compression)
    sizes = [len(chunk) for chunk in decompressed([packed])]
    assert sum(sizes) == 64 << 20
    assert max(sizes) <= 256 * 1024


def test_zstd_that_wants_too_much_memory_is_refused() -> None:
    """A window of 2 GiB is not allocated."""
    frame = b"\x28\xb5\x2f\xfd" + bytes([0, 21 << 3]) + b"\x01\0\0"
    with pytest.raises(ImageInputError, match="memory"):
        plain(frame)


@pytest.mark.parametrize("compression", PACKED)
def test_a_source_that_verifies_itself_speaks_first(compression: Compression) -> None:
    """Bytes damaged on the way are reported as such, not as a broken image."""
    packed = stored(CONTENT, compression)
    damaged = packed[:300] + bytes(1000) + packed[1300:]
    with pytest.raises(DigestMismatch):
        list(decompressed(verified(cut(damaged, 100), Digest.of(packed))))


@pytest.mark.parametrize("compression", Compression)
def test_the_source_is_closed_with_the_result(compression: Compression) -> None:
    """Whoever stops reading early gives up what the source holds."""
    closed: list[str] = []

    def source(content: bytes) -> Iterator[bytes]:
        try:
            yield from cut(content, 100)
        finally:
            closed.append("closed")

    opened = source(stored(CONTENT, compression))
    reading = decompressed(opened)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert closed == ["closed"]

    opened = source(CONTENT * 20)
    writing = compressed(opened, compression)
    next(writing)
    writing.close()  # type: ignore[attr-defined]
    assert closed == ["closed", "closed"]


@pytest.mark.parametrize("level", [None, 1, 2, 3, 6])
@pytest.mark.parametrize("compression", PACKED)
def test_the_same_bytes_compress_alike_however_they_are_cut(
    compression: Compression, level: int | None
) -> None:
    """The digest of a layer doesn't depend on how the network cut it (ISA-L's output does)."""
    content = CONTENT * 6
    results = {
        b"".join(compressed(cut(content, size), compression, level))
        for size in (999, 65_536, 262_144, 1_000_000, len(content))
    }
    assert len(results) == 1


def test_gzip_carries_neither_time_nor_name() -> None:
    """The header has no flags and no time."""
    assert next(compressed([CONTENT], Compression.GZIP))[:8] == b"\x1f\x8b\x08" + bytes(5)


@pytest.mark.parametrize("compression", PACKED)
def test_a_higher_level_is_smaller(compression: Compression) -> None:
    """Levels reach the libraries: gzip's 1 is ISA-L's, its 9 is zlib's."""
    low, high = (b"".join(compressed([CONTENT * 3], compression, level)) for level in (1, 9))
    assert len(high) < len(low)
    assert plain(high) == plain(low) == CONTENT * 3


def test_gzip_is_read_by_others() -> None:
    """The standard library reads what ISA-L writes."""
    assert gzip.decompress(b"".join(compressed([CONTENT], Compression.GZIP))) == CONTENT


@pytest.mark.parametrize(
    ("compression", "level"),
    [(Compression.GZIP, -1), (Compression.GZIP, 10), (Compression.ZSTD, 23)],
)
def test_a_level_that_does_not_exist(compression: Compression, level: int) -> None:
    """The error says which there are."""
    with pytest.raises(InvalidOption, match=f"{compression.value} has levels from .* not {level}"):
        list(compressed([CONTENT], compression, level))
