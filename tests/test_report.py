"""The line that ends a run, and its JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from occystrap.image.checks import CheckResult, CheckResults, Severity
from occystrap.oci.relist import LeftOut
from occystrap.report import Report

REPORT = Report("registry://a/b:1", "tar://b.tar", "", 1, 3, 0, 1_572_864, 2.345, 5, 0, 0)
OK = CheckResult(Severity.INFO, "verify.ok", "all there")
LOST = CheckResult(Severity.ERROR, "verify.layer", "a layer is missing")
UNSEEN = CheckResult(Severity.WARNING, "verify.registry", "no answer")


@pytest.mark.parametrize(
    ("report", "summary"),
    [
        (REPORT, "3 layers, 1.5 MB, 2.3s"),
        (replace(REPORT, images=2), "2 images, 3 layers, 1.5 MB, 2.3s"),
        (replace(REPORT, skipped=2), "3 layers, 1.5 MB, 2.3s, 2 skipped"),
        (
            replace(REPORT, retries=4, rate_limits=1),
            "3 layers, 1.5 MB, 2.3s, 4 retries, 1 rate limits",
        ),
        (
            replace(REPORT, left_out=(LeftOut("a", "b"), LeftOut("c", "d")), skipped=1),
            "3 layers, 1.5 MB, 2.3s, 1 skipped, 2 left out",
        ),
        (replace(REPORT, checks=CheckResults()), "3 layers, 1.5 MB, 2.3s, verified OK"),
        (replace(REPORT, checks=CheckResults([OK])), "3 layers, 1.5 MB, 2.3s, verified OK"),
        (
            replace(REPORT, checks=CheckResults([OK, LOST, LOST])),
            "3 layers, 1.5 MB, 2.3s, 2 verify errors",
        ),
        (
            replace(REPORT, checks=CheckResults([LOST, UNSEEN])),
            "3 layers, 1.5 MB, 2.3s, 1 verify errors, 1 verify warnings",
        ),
    ],
)
def test_the_summary(report: Report, summary: str) -> None:
    """What is nothing to tell of isn't told, and OK only what was seen to be."""
    assert report.summary() == f"Summary: {summary}"


def test_findings_by_severity() -> None:
    """Errors and warnings are told apart; without verification there are none."""
    report = replace(REPORT, checks=CheckResults([OK, LOST, UNSEEN]))
    assert (report.errors, report.warnings) == ([LOST], [UNSEEN])
    assert (REPORT.errors, REPORT.warnings) == ([], [])


def test_the_document() -> None:
    """It can be written as JSON; sizes in bytes, times in seconds."""
    left_out = (LeftOut("the artifact a", "it is about b"),)
    report = replace(REPORT, digest="sha256:00", checks=CheckResults([UNSEEN]), left_out=left_out)
    assert json.loads(json.dumps(report.to_document())) == {
        "source": "registry://a/b:1",
        "destination": "tar://b.tar",
        "digest": "sha256:00",
        "images": 1,
        "layers": 3,
        "skipped": 0,
        "bytes": 1_572_864,
        "seconds": 2.345,
        "requests": 5,
        "retries": 0,
        "rate_limits": 0,
        "left_out": [{"what": "the artifact a", "reason": "it is about b"}],
        "verify": [
            {"severity": "warning", "check": "verify.registry", "message": "no answer"},
        ],
    }


def test_the_document_of_what_has_no_digest() -> None:
    """A tarball has no manifest, and what was not verified has no findings: both are null."""
    document = REPORT.to_document()
    assert document["digest"] is None
    assert document["verify"] is None
