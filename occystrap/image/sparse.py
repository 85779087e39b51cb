"""Sparse files in tars: where the pieces of their content belong, in all the ways of GNU tar.

Rule: a map is taken for what it says only if its pieces follow each other within the file.
Spec: https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from occystrap.image.attributes import octal
from occystrap.image.tar_blocks import BLOCK
from occystrap.image.tar_member import SPARSE

if TYPE_CHECKING:
    from occystrap.image.chunk_reader import ChunkReader
    from occystrap.image.tar_member import Member

__all__ = ["Extents", "is_sparse", "read_map"]

#: Offset and size of each piece.
Extents: TypeAlias = tuple[tuple[int, int], ...]

_IN_HEADER: Final = (386, 4)
_IN_BLOCK: Final = (0, 21)
_FIELD: Final = 12
_MARK: Final = b"GNU.sparse."
#: The most pieces that a map in the content may have; each takes two lines of it.
_MOST: Final = 1_000_000
_LONGEST_LINE: Final = 24


def is_sparse(member: Member) -> bool:
    """Whether the content is only pieces of the file."""
    if member.kind == SPARSE:
        return True
    keys = {key for each in member.extensions for key, _ in each.records}
    return any(key.startswith(_MARK) and key != _MARK + b"name" for key in keys)


def read_map(member: Member, content: ChunkReader) -> Extents:
    """Read the map, which may be the beginning of the content.

    Raises:
        ValueError: it makes no sense.
        EOFError: the content ends within it.
    """
    if member.kind == SPARSE:
        numbers, read = _old_map(member), 0
    else:
        numbers, read = _pax_map(member, content)
    pairs = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    extents = tuple(pair for pair in pairs if pair[1])
    end = 0
    for offset, size in extents:
        if offset < end or size < 0:
            raise ValueError("the map of a sparse file makes no sense")
        end = offset + size
    if end > member.real_size or sum(size for _, size in extents) != member.size - read:
        raise ValueError("the map of a sparse file doesn't fit its content")
    return extents


def _old_map(member: Member) -> list[int]:
    numbers = _numbers(member.header, *_IN_HEADER)
    for start in range(0, len(member.sparse), BLOCK):
        numbers += _numbers(member.sparse[start : start + BLOCK], *_IN_BLOCK)
    return numbers


def _numbers(block: bytes, start: int, count: int) -> list[int]:
    """Read pairs of numbers up to the first that isn't filled in."""
    numbers: list[int] = []
    for position in range(start, start + 2 * _FIELD * count, 2 * _FIELD):
        if not block[position]:
            break
        numbers.append(octal(block, position, position + _FIELD))
        numbers.append(octal(block, position + _FIELD, position + 2 * _FIELD))
    return numbers


def _pax_map(member: Member, content: ChunkReader) -> tuple[list[int], int]:
    records = [record for each in member.extensions for record in each.records]
    said = dict(records)
    if said.get(_MARK + b"major") == b"1":
        return _map_in_content(content)
    if written := said.get(_MARK + b"map"):
        return [int(number) for number in written.split(b",")], 0
    keys = (_MARK + b"offset", _MARK + b"numbytes")
    return [int(value) for key, value in records if key in keys], 0


def _map_in_content(content: ChunkReader) -> tuple[list[int], int]:
    read = 0
    buffer = b""

    def line() -> int:
        nonlocal read, buffer
        while b"\n" not in buffer:
            if len(buffer) > _LONGEST_LINE:
                raise ValueError("the map of a sparse file makes no sense")
            buffer += content.take(BLOCK)
            read += BLOCK
        number, _, buffer = buffer.partition(b"\n")
        return int(number)

    count = line()
    if not 0 <= count <= _MOST:
        raise ValueError("the map of a sparse file makes no sense")
    return [line() for _ in range(2 * count)], read
