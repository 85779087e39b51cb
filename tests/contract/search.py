"""Drive the dialect `distribution2` and docker-registry side by side, for as long as wanted.

`python -m tests.contract.search --seconds 600 --seed 100` shows what nobody has found before, with
all that was asked on the way. test_side_by_side.py goes the same few steps with every run of the
tests.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.asking_blobs import AskingBlobs
from tests.contract.asking_manifests import AskingManifests
from tests.support.debian_registry import running_debian_registry
from tests.support.side_by_side import Both, both_open

__all__ = ["drive"]

#: From the eleventh example on hypothesis makes variants of what it has tried, so that a hundred
#: examples leave much unasked that ten times ten don't.
_SETTINGS: Final = settings(
    max_examples=10,
    stateful_step_count=25,
    database=None,
    deadline=None,
    # Two answers tell more than a shorter way to them, which takes minutes to find.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


def drive(both: Both, number: int) -> None:
    """Ask both what a seed makes up; the same seed asks the same again.

    Raises:
        AssertionError: they differ, and it isn't known.
    """

    class SideBySide(AskingBlobs, AskingManifests):
        """Random requests, in order and out of it; the answers are compared one by one."""

        def __init__(self) -> None:
            super().__init__(both)

    run_state_machine_as_test(seed(number)(SideBySide), settings=_SETTINGS)


def _differs(program: str, number: int) -> bool:
    """Try a seed, with a registry that is still empty: its catalog gets slow as it grows."""
    with (
        tempfile.TemporaryDirectory() as directory,
        running_debian_registry(program, Path(directory), in_memory=True) as debian,
        both_open(debian) as both,
    ):
        try:
            drive(both, number)
        except AssertionError as error:
            notes = "\n".join(error.__notes__)
            sys.stdout.write(f"--- seed {number}: {error}\n{notes}\n")
            return True
    return False


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=100, help="the first one")
    options = parser.parse_args()
    program = shutil.which("docker-registry")
    if program is None:
        parser.error("there is no docker-registry: apt-get install docker-registry")
    end, number, found = time.monotonic() + options.seconds, options.seed, 0
    while time.monotonic() < end:
        found += _differs(program, number)
        number += 1
    sys.stdout.write(f"seeds {options.seed} to {number - 1}: {found} differ\n")
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(_main())
