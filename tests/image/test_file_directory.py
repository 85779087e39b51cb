"""Directories that hold images, and what of them is read while others write there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from occystrap.errors import ImageInputError
from occystrap.image.file_directory import FileDirectory


def test_a_document_is_read_as_it_was_at_some_moment(tmp_path: Path) -> None:
    """A longer one may take its name meanwhile: what is read is the one or the other."""
    documents = {b"1" * 10, b"2" * 10_000}
    place, ended = tmp_path / "index.json", threading.Event()
    place.write_bytes(b"1" * 10)

    def replace() -> None:
        while not ended.is_set():
            for content in documents:
                (tmp_path / "new").write_bytes(content)
                (tmp_path / "new").replace(place)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        assert {FileDirectory(tmp_path).read("index.json") for _ in range(2000)} <= documents
    finally:
        ended.set()
        thread.join()


def test_a_document_has_to_be_a_file_of_some_size(tmp_path: Path) -> None:
    """Neither a directory nor gigabytes are read."""
    (tmp_path / "directory").mkdir()
    with (tmp_path / "large").open("wb") as file:
        file.truncate(33 * 1024 * 1024)
    directory = FileDirectory(tmp_path)
    with pytest.raises(ImageInputError, match="it is no regular file"):
        directory.read("directory")
    with pytest.raises(ImageInputError, match=r"'large' is too large \(34603008 bytes\)"):
        directory.read("large")
    with pytest.raises(ImageInputError, match="not found"):
        directory.read("nothing")
