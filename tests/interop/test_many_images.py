"""An organisation of 300 repositories is mirrored, killed in the middle, and begun again."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from pytest_occystrap import FakeRegistry, Where

COUNT = 300
OCCYSTRAP = (sys.executable, "-m", "occystrap", "-J", "8", "--retries", "6", "-O", "json")


def start(quay: FakeRegistry, mirror: FakeRegistry, cwd: Path) -> subprocess.Popen[str]:
    """Begin to mirror everything, as a process of its own."""
    target = f"registry://{mirror.host}/quay?insecure=true"
    return subprocess.Popen(
        [*OCCYSTRAP, "process", f"quay://acme/*:1?base={quay.url}", target],
        cwd=cwd,
        env={**os.environ, "HOME": str(cwd)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def pushed(mirror: FakeRegistry) -> Counter[str]:
    """Count what was stored, by path: manifests, and blobs by digest."""
    return Counter(
        f"{each.path.partition('/uploads/')[0]} {each.parameter('digest')}"
        for each in mirror.requests
        if each.method == "PUT" and each.status == 201
    )


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the end of a run that goes well."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    document: dict[str, Any] = json.loads(out)
    return document


def test_a_run_that_was_broken_off_is_completed(tmp_path: Path) -> None:
    """Whatever goes wrong on the way: at the end all is there, and no image was pushed twice."""
    with FakeRegistry(dialect="quay") as quay, FakeRegistry() as mirror:
        images = {
            f"acme/app-{n:03}:1": quay.add_image(f"acme/app-{n:03}:1", layers=[{"n": str(n)}])
            for n in range(COUNT)
        }
        for registry in (quay, mirror):
            registry.fault("status 503", on=Where(times=0, probability=0.02), allow_unused=True)
            registry.fault(
                "reset after=100", on=Where(times=0, probability=0.01), allow_unused=True
            )
        first = start(quay, mirror, tmp_path)
        assert first.stderr is not None
        lines = itertools.takewhile(lambda line: not line.startswith("[150/300]"), first.stderr)
        assert list(lines)
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=60)
        assert pushed(mirror)  # which waits until what was under way has ended
        there = len(mirror.images)
        assert 0 < there < COUNT
        second = finish(start(quay, mirror, tmp_path))
        assert len(second["up_to_date"]) == there
        assert len(second["images"]) == COUNT - there
        assert second["failed"] == []
        for reference, image in images.items():
            assert mirror.image(f"quay/{reference}").digest == image.digest
        tags = {path: count for path, count in pushed(mirror).items() if path.endswith("None")}
        assert set(tags.values()) == {1}
        third = finish(start(quay, mirror, tmp_path))
        assert (len(third["up_to_date"]), third["images"]) == (COUNT, [])
