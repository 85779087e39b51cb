"""Looking at an image that was loaded into a daemon: is it what was sent?

Rule: nothing is believed that the daemon doesn't say when it is asked again.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from occystrap.errors import DaemonError, OccystrapError
from occystrap.image.archive import Archive
from occystrap.image.checks import CheckResults, Severity
from occystrap.image.docker_save import read_docker_save
from occystrap.image.progress import NoProgress
from occystrap.oci.digest import Digest

if TYPE_CHECKING:
    from occystrap.daemon import Daemon
    from occystrap.outputs.saved_image import SavedImage

__all__ = ["check_daemon"]


def check_daemon(
    daemon: Daemon, name: str, saved: SavedImage, temp_dir: str | None, *, full: bool
) -> CheckResults:
    """Look whether the daemon has the image; `full` has it saved, and hashes every layer."""
    results = CheckResults()
    try:
        _check_known(daemon, name, saved, results)
        if full and not results.errors:
            _check_content(daemon, name, saved, temp_dir, results)
    except DaemonError as error:
        severity = Severity.ERROR if error.status else Severity.WARNING
        results.add(severity, "verify.docker", str(error))
    except OccystrapError as error:
        results.add(Severity.ERROR, "verify.layer", str(error))
    if not results.results:
        results.add(Severity.INFO, "verify.ok", f"the daemon has {name}")
    return results


def _check_known(daemon: Daemon, name: str, saved: SavedImage, results: CheckResults) -> None:
    found = daemon.find(name)
    if found is None:
        results.add(Severity.ERROR, "verify.docker", f"the daemon has no image {name}")
    elif found.diff_ids != tuple(saved.in_order()):
        results.add(Severity.ERROR, "verify.layer", f"{name} has other layers in the daemon")
    elif not found.by_manifest and found.identifier != Digest.of(saved.config):
        message = f"{name} is {found.identifier} in the daemon, not {Digest.of(saved.config)}"
        results.add(Severity.ERROR, "verify.config", message)


def _check_content(
    daemon: Daemon, name: str, saved: SavedImage, temp_dir: str | None, results: CheckResults
) -> None:
    file = daemon.save(name, NoProgress(), temp_dir)
    with contextlib.closing(file):
        image = read_docker_save(Archive(file, f"the archive of {name}"))
        if image.config.raw != saved.config:
            actual, expected = image.config.digest, Digest.of(saved.config)
            message = f"the config of {name} is {actual}, not {expected}"
            results.add(Severity.ERROR, "verify.config", message)
        for layer in image.layers:
            for _ in layer.open_tar():
                pass
