"""The fixture fault_sweep, and what a session of pytest says of its sweeps."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from pytest_occystrap import Verdict
from pytest_occystrap.sweep.report import read_reports
from tests.support.plugin_runs import run_suite

SUITE = """
    import httpx
    import pytest
    from pytest_occystrap import sweep_shards
    from pytest_occystrap.faults import close, corrupt, reset, status

    def pull(world):
        first = world.client.get("/v2/app/manifests/1").raise_for_status()
        config = first.json()["config"]["digest"]
        return first.content, world.client.get(f"/v2/app/blobs/{config}").content

    @pytest.mark.parametrize("shard", sweep_shards(3))
    def test_pull(fault_sweep, shard):
        report = fault_sweep(
            pull,
            images=["app:1"],
            faults=[reset(), close(), status(404), corrupt(at=9)],
            refused=[httpx.HTTPError],
            shard=shard,
        )
        assert len(report.cases) in (2, 3)
"""
TABLE = [
    "operation  world       cases  recovered  refused  violations  unstruck",
    "pull       in-process      8          0        5           3         0",
]
NO_SWEEP = "def test_it(): pass"


def tell(result: pytest.RunResult) -> list[str]:
    """Take what the terminal says of sweeps."""
    lines = iter(result.outlines)
    for line in lines:
        if line.strip("= ") == "fault sweeps":
            break
    return list(itertools.takewhile(lambda line: line and line[0] != "=", lines))


def test_workers_hand_on_what_they_have_swept(pytester: pytest.Pytester) -> None:
    """The shards of a sweep become one, and each case is there once."""
    pytester.makepyfile(SUITE)
    arguments = ["-n", "2", "-W", "error", "-p", "no:hypothesispytest", "-p", "no:cov"]
    result = pytester.runpytest_subprocess(*arguments, "--occystrap-report=report.json")
    result.assert_outcomes(passed=3)
    assert tell(result) == [*TABLE, "written to report.json"]
    (report,) = read_reports(pytester.path / "report.json")
    assert len({(one.exchange, one.fault) for one in report.cases}) == 8
    assert sorted(one.fault for one in report.violations) == [
        "corrupt at=9",
        "corrupt at=9",
        "status 404",
    ]
    assert all(one.steps for one in report.cases)


def test_the_table_is_there_whenever_a_sweep_ran(pytester: pytest.Pytester) -> None:
    """Also where no file is asked for, and none is written."""
    result = run_suite(pytester, SUITE)
    assert tell(result) == TABLE
    assert {path.suffix for path in pytester.path.iterdir() if path.is_file()} <= {".py"}


def test_a_sweep_is_kept_of_a_test_that_fails(pytester: pytest.Pytester) -> None:
    """It is what one wants to look at."""
    suite = SUITE.replace("assert len(report.cases) in (2, 3)", "report.assert_clean()")
    result = run_suite(pytester, suite, "--occystrap-report=pages/report.html")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert tell(result) == [*TABLE, "written to pages/report.html"]
    assert (pytester.path / "pages/report.html").read_text().startswith("<!doctype html>")


def test_reports_for_others_stay_small(pytester: pytest.Pytester) -> None:
    """What goes from worker to controller doesn't get into JUnit's XML."""
    run_suite(pytester, SUITE, "--junitxml=junit.xml")
    assert (pytester.path / "junit.xml").stat().st_size < 2000


def test_the_ini_file_names_the_report(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its own directory, wherever pytest is called; a flag counts before it."""
    pytester.makeini("[pytest]\noccystrap_report = made.json")
    pytester.makepyfile(SUITE)
    elsewhere = pytester.mkdir("elsewhere")
    monkeypatch.chdir(elsewhere)
    pytester.runpytest_inprocess("-p", "pytest_occystrap", "..")
    pytester.runpytest_inprocess("-p", "pytest_occystrap", "..", "--occystrap-report=flag.json")
    assert (pytester.path / "made.json").exists()
    assert (elsewhere / "flag.json").exists()


def test_a_report_of_nothing_is_not_written(pytester: pytest.Pytester) -> None:
    """One of an earlier session might be there, and is not of this one."""
    result = run_suite(pytester, NO_SWEEP, "--occystrap-report=report.html")
    assert tell(result) == ["no sweep has run, so report.html isn't written"]
    assert not (pytester.path / "report.html").exists()
    assert "fault sweeps" not in run_suite(pytester, NO_SWEEP).stdout.str()


def test_a_report_that_cannot_be_written_fails_the_session(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """Though every test has passed."""
    (tmp_path / "file").touch()
    result = run_suite(pytester, SUITE, f"--occystrap-report={tmp_path}/file/report.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "can't be written: [Errno " in tell(result)[-1]


def test_settings_count_for_the_worlds(pytester: pytest.Pytester) -> None:
    """As for every other fake registry, unless the sweep says otherwise."""
    suite = """
        import pytest

        @pytest.mark.parametrize("options", [{}, {"auth": "basic"}])
        def test_it(fault_sweep, options):
            fault_sweep(lambda world: world.client.get("/v2/"), name="ask", faults=[], **options)
    """
    result = run_suite(pytester, suite, "--occystrap-auth=bearer")
    assert [line.split()[1] for line in tell(result)] == ["world", "bearer,", "basic,"]


def test_a_command_is_swept(pytester: pytest.Pytester) -> None:
    """Its words name the registry and the directory; its exit code says how it went."""
    suite = """
        import sys
        from pytest_occystrap import Verdict
        from pytest_occystrap.faults import reset, wrong_length

        SCRIPT = '''
        import pathlib, sys, urllib.request
        try:
            answer = urllib.request.urlopen(sys.argv[1], timeout=5).read()
        except OSError as error:
            sys.exit(f"no: {error}")
        pathlib.Path(sys.argv[2], "manifest.json").write_bytes(answer)
        '''

        def test_it(fault_sweep, tmp_path):
            script = tmp_path / "pull.py"
            script.write_text(SCRIPT.replace("\\n        ", "\\n"))
            url = "http://{host}/v2/app/manifests/1"
            words = [sys.executable, "-S", str(script), url, "{directory}"]
            report = fault_sweep(
                words, name="script", door="http/1.1", images=["app:1"], faults=[reset()]
            )
            assert [case.verdict for case in report.cases] == [Verdict.REFUSED]
    """
    result = run_suite(pytester, suite)
    result.assert_outcomes(passed=1)
    assert tell(result)[1].split() == ["script", "http/1.1", "1", "0", "1", "0", "0"]


def test_the_verdicts_have_their_columns() -> None:
    """A new one would be counted in none."""
    assert [one.value for one in Verdict] == ["recovered", "refused", "violation", "unstruck"]
