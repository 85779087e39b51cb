"""The directory of a proxy: what is swept up, and what isn't."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from occystrap.errors import InvalidOption
from occystrap.proxy.directory import SessionDirectory


def test_what_nobody_uses_any_more_goes(tmp_path: Path) -> None:
    """With all that is in it; what another proxy uses stays, and so does what isn't a proxy's."""
    used = SessionDirectory(str(tmp_path))
    (used.path / "blob").write_bytes(b"x")
    abandoned = tmp_path / "occystrap-proxy-abandoned"
    (abandoned / "below").mkdir(parents=True)
    (abandoned / "below/blob").write_bytes(b"x")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "occystrap-proxy-link").symlink_to(elsewhere)
    (tmp_path / "occystrap-proxy-file").touch()
    own = SessionDirectory(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {
        *(used.path.name, own.path.name, "elsewhere"),
        *("occystrap-proxy-link", "occystrap-proxy-file"),
    }
    own.close()
    own.close()
    assert (used.path / "blob").exists()
    used.close()
    assert not used.path.exists()


def test_what_is_somebody_elses_stays(tmp_path: Path) -> None:
    """Also from root, whom nothing would stop."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away; run the tests as root")
    theirs = tmp_path / "occystrap-proxy-theirs"
    theirs.mkdir()
    os.chown(theirs, 1000, 1000)
    SessionDirectory(str(tmp_path)).close()
    assert theirs.exists()


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """The error names the option."""
    with pytest.raises(
        InvalidOption, match=r"can't make a directory in .*/no: No such file .*temp"
    ):
        SessionDirectory(f"{tmp_path}/no")
