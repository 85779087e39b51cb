"""`make bench` runs, on a small scale, and refuses figures that would mean nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers.runs import BenchmarkError, measure
from benchmarks.peers.table import OURS
from benchmarks.peers.works import WORKS
from tests.support.components import real_component

ROOT = Path(__file__).resolve().parents[2]


def test_all_kinds_of_work_are_measured_beside_skopeo(tmp_path: Path) -> None:
    """Each once, with a table of ratios, and the figures of every run in a file."""
    for name in ("skopeo", "docker-registry"):
        real_component(name)
    result = tmp_path / "result.json"
    options = ("--size", 3, "--rounds", 1, "--only", "works", "memory", "--json", result)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", *map(str, options)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(result.read_text())
    assert list(document["works"]) == [work.key for work in WORKS]
    for key, works in document["works"].items():
        assert {OURS, "skopeo"} <= works.keys()
        for runs in works.values():
            assert [len(runs), runs[0]["wall"] > 0, runs[0]["peak"] > 1] == [1, True, True], key
    assert len(document["memory"]) == 4
    for work in WORKS:
        assert f"\n| {work.title} | skopeo | " in done.stdout


def test_a_run_that_fails_has_no_figures(tmp_path: Path) -> None:
    """The error has what it said."""
    script = "import sys; print('out of luck'); sys.exit(3)"
    with pytest.raises(BenchmarkError, match=r"failed \(3\):\nout of luck"):
        measure([sys.executable, "-c", script], {}, tmp_path / "said")


def test_memory_of_a_program_is_its_own(tmp_path: Path) -> None:
    """Not that of whoever started it, which may be a large test run."""
    ballast = b"1" * (200 << 20)
    run = measure([sys.executable, "-I", "-S", "-c", "pass"], {}, tmp_path / "said")
    assert run.peak < len(ballast) / (1 << 20) / 4
    large = "held = b'1' * (100 << 20)"
    assert measure([sys.executable, "-c", large], {}, tmp_path / "said").peak > 100
