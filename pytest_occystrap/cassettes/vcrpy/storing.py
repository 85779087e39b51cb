"""Cassettes in files, in any form that vcrpy reads and writes.

Rule: whatever form a file has, its cassette goes through the scrubber and the gate of files.py.
"""

from __future__ import annotations

from pathlib import Path

from vcr.serializers import yamlserializer

from occystrap.errors import CassetteError, SecretFound
from pytest_occystrap.cassettes.bodies import write_whole
from pytest_occystrap.cassettes.document import from_document, to_document
from pytest_occystrap.cassettes.files import (
    admitted,
    blobs_beside,
    load_cassette,
    save_cassette,
    scrubbed,
)
from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.cassettes.vcrpy.legacy import modernized
from pytest_occystrap.cassettes.vcrpy.values import Serializer

__all__ = ["is_there", "read", "write"]


def is_there(path: Path) -> bool:
    """Tell whether there is a cassette; one without a word in it is none, as for vcrpy."""
    return path.is_file() and bool(path.read_bytes().strip())


def read(path: Path, serializer: Serializer) -> Cassette:
    """Read a cassette of any form and age.

    Raises:
        SecretFound: there is what looks like a secret in it.
        CassetteError: it's none.
    """
    if serializer is not yamlserializer:
        return admitted(_deserialized(path, serializer), path)
    try:
        return load_cassette(path)
    except SecretFound:
        raise
    except CassetteError as error:
        old = modernized(path.read_bytes())
        if old is None:
            raise
        try:
            cassette = from_document(old, blobs_beside(path))
        except CassetteError:
            raise error from None
    return admitted(cassette, path)


def _deserialized(path: Path, serializer: Serializer) -> Cassette:
    try:
        document = serializer.deserialize(path.read_text(encoding="utf-8"))
        return from_document(document, blobs_beside(path))
    except (ValueError, CassetteError) as error:
        raise CassetteError(f"can't read the cassette {path}: {error}") from error


def write(cassette: Cassette, path: Path, serializer: Serializer) -> None:
    """Write a cassette.

    Raises:
        ImageOutputError: the system can't.
        SecretFound: there is what looks like a secret where none can be replaced.
    """
    if serializer is yamlserializer:
        save_cassette(cassette, path)
        return
    document = to_document(scrubbed(cassette, path), blobs_beside(path))
    text: str | bytes = serializer.serialize(document)
    write_whole(path, [text.encode() if isinstance(text, str) else text])
