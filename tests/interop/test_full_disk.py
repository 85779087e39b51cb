"""A disk that is full ends a run with one line, and with nothing left on it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from occystrap.oci.media_types import Compression
from occystrap.server.doors.listener import serve
from tests.support.archives import docker_save
from tests.support.command import Occystrap, the_error
from tests.support.console import Shelf
from tests.support.images import SampleImage, file, layer, make_image
from tests.support.small_disk import on_small_disk

MEBIBYTE = 1024 * 1024


@pytest.fixture
def image() -> SampleImage:
    """An image of three layers of a mebibyte that don't compress."""
    noise = random.Random(0)  # noqa: S311 - no secret
    return make_image(*(layer(file(f"{n}", noise.randbytes(MEBIBYTE))) for n in range(3)))


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """The directory at which the small disk will be."""
    path = tmp_path / "disk"
    path.mkdir()
    return path


def left_on(disk: Path) -> str:
    """Say what a command has left there."""
    return disk.with_name("disk.left").read_text()


@pytest.mark.parametrize("compression", Compression)
def test_the_disk_of_a_tarball_is_full(
    occystrap: Occystrap, image: SampleImage, disk: Path, compression: Compression
) -> None:
    """The line names the file, and the part that was written is gone."""
    shelf = Shelf()
    shelf.put("some/image", "v1", image, compression)
    target = disk / "image.tar"
    with serve(shelf.registry) as listener:
        ended = occystrap.run(
            *("--insecure", "process"),
            *(f"registry://{listener.host}/some/image:v1", f"tar://{target}"),
            before=on_small_disk(disk, 2 * MEBIBYTE),
        )
    assert the_error(ended) == f"Error: can't write {target}: No space left on device"
    assert left_on(disk) == ""


@pytest.mark.parametrize("by_option", [True, False], ids=["option", "TMPDIR"])
def test_the_disk_for_temporary_files_is_full(
    occystrap: Occystrap, image: SampleImage, disk: Path, tmp_path: Path, by_option: bool
) -> None:
    """The line names the directory and the option for another one; no tag is set."""
    source, shelf = tmp_path / "image.tar", Shelf()
    source.write_bytes(docker_save(image))
    options, environ = (["--temp-dir", str(disk)], {}) if by_option else ([], {"TMPDIR": str(disk)})
    with serve(shelf.registry) as listener:
        ended = occystrap.run(
            *("--insecure", *options, "process"),
            *(f"tar://{source}", f"registry://{listener.host}/new/image:v1"),
            environ=environ,
            before=on_small_disk(disk, MEBIBYTE // 2),
        )
    assert the_error(ended) == (
        f"Error: can't write a temporary file in {disk}: No space left on device;"
        " --temp-dir names another directory"
    )
    assert left_on(disk) == ""
    assert shelf.get("new/image", "v1") is None
