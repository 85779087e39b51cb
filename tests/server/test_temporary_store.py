"""Blobs in files without a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from occystrap.oci.digest import Digest
from occystrap.server.temporary_store import TemporaryStore
from tests.support.descriptors import open_below


def test_nothing_has_a_name(tmp_path: Path) -> None:
    """The directory looks empty while blobs are in it, and they can be read."""
    store, content = TemporaryStore(tmp_path), bytes(range(256)) * 4000
    draft = store.new_draft()
    draft.append([content[:1000], content[1000:]])
    assert list(tmp_path.iterdir()) == []
    draft.keep("a/b", Digest.of(content))
    draft.discard()
    blob = store.blob("a/b", Digest.of(content))
    assert blob is not None
    assert blob.size == len(content)
    assert b"".join(blob.read(10, 600_000)) == content[10:600_000]
    assert list(tmp_path.iterdir()) == []


def test_the_room_is_given_back_with_the_last_who_has_it(tmp_path: Path) -> None:
    """A blob that is being read stays readable when it is removed, or the store is gone."""
    store, content = TemporaryStore(tmp_path), bytes(1_000_000)
    draft = store.new_draft()
    draft.append([content])
    draft.keep("a/b", Digest.of(content))
    del draft
    blob = store.blob("a/b", Digest.of(content))
    assert blob is not None
    reading = blob.read(0, blob.size)
    first = next(reading)
    assert len(open_below(tmp_path)) == 1
    assert store.remove_blob("a/b", Digest.of(content))
    del store, blob
    assert first + b"".join(reading) == content
    del reading
    assert open_below(tmp_path) == []


def test_a_directory_that_is_not_there() -> None:
    """It is noticed by whoever wants to write."""
    with pytest.raises(FileNotFoundError):
        TemporaryStore("/no/such/directory").new_draft()
