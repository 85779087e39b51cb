"""Cassettes in files, in any form that vcrpy reads and writes.

Rule: whatever form a file has, its cassette has passed through files.py.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from vcr.serializers import yamlserializer

from occystrap.errors import CassetteError
from pytest_occystrap.cassettes.bodies import Body, write_whole
from pytest_occystrap.cassettes.document import from_document, to_document
from pytest_occystrap.cassettes.files import blobs_beside, load_cassette, save_cassette
from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.cassettes.vcrpy.legacy import modernized
from pytest_occystrap.cassettes.vcrpy.values import Serializer

__all__ = ["guarded", "is_there", "read", "write"]

#: How a form is used that isn't the usual one, or one of long ago.
_SCRATCH: Final = Path("cassettes", "cassette.yaml")


def is_there(path: Path) -> bool:
    """Tell whether there is a cassette; one without a word in it is none, as for vcrpy."""
    return path.is_file() and bool(path.read_bytes().strip())


def read(path: Path, serializer: Serializer) -> Cassette:
    """Read a cassette of any form and age.

    Raises:
        CassetteError: it's none, or there is something in it that must not be.
    """
    if serializer is not yamlserializer:
        return guarded(_deserialized(path, serializer))
    try:
        return load_cassette(path)
    except CassetteError as error:
        old = modernized(path.read_bytes())
        if old is None:
            raise
        try:
            return guarded(from_document(old, blobs_beside(path)))
        except CassetteError:
            raise error from None


def _deserialized(path: Path, serializer: Serializer) -> Cassette:
    try:
        document = serializer.deserialize(path.read_text(encoding="utf-8"))
        return from_document(document, blobs_beside(path))
    except (ValueError, CassetteError) as error:
        raise CassetteError(f"can't read the cassette {path}: {error}") from error


def write(cassette: Cassette, path: Path, serializer: Serializer) -> None:
    """Write a cassette.

    Raises:
        OccystrapError: it can't be written, or there is something in it that must not be.
    """
    if serializer is yamlserializer:
        save_cassette(cassette, path)
        return
    document = to_document(guarded(cassette), blobs_beside(path))
    text: str | bytes = serializer.serialize(document)
    write_whole(path, [text.encode() if isinstance(text, str) else text])


def guarded(cassette: Cassette) -> Cassette:
    """Return a cassette as a file would have it, with its bodies in memory.

    Raises:
        OccystrapError: it can't be written, or there is something in it that must not be.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / _SCRATCH
        save_cassette(cassette, path)
        kept = load_cassette(path)
        interactions = []
        for each in kept.interactions:
            request = replace(each.request, body=Body.of(each.request.body.read()))
            response = each.response
            if response is not None:
                response = replace(response, body=Body.of(response.body.read()))
            interactions.append(replace(each, request=request, response=response))
        return replace(kept, interactions=tuple(interactions))
