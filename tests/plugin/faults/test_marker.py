"""Faults as tests of a project lay them: marks, options, and what becomes of unused ones."""

from __future__ import annotations

import pytest

from tests.support.plugin_runs import run_suite, section

MANIFEST = "/v2/org/app/manifests/1"


def test_marks_of_module_class_and_test_add_up(pytester: pytest.Pytester) -> None:
    """The outermost mark is laid first; effects and texts are the same."""
    result = run_suite(
        pytester,
        """
        import pytest
        from pytest_occystrap.faults import status

        pytestmark = pytest.mark.registry_fault(status(501), on="ping")

        def told(registry):
            return [str(fault) for fault in registry.faults.faults]

        def test_module(fake_registry):
            assert told(fake_registry) == ["status 501"]
            assert fake_registry.client.get("/v2/").status_code == 501

        @pytest.mark.registry_fault("ping: status 502")
        class TestClass:
            @pytest.mark.registry_fault("status 503", "ping", nth=2)
            def test_method(self, fake_registry):
                assert told(fake_registry) == ["status 501", "status 502", "status 503"]
                answers = [fake_registry.client.get("/v2/").status_code for _ in range(3)]
                assert answers == [501, 502, 503]
        """,
    )
    result.assert_outcomes(passed=2)


def test_options_of_a_registry(pytester: pytest.Pytester) -> None:
    """The marker `registry` and make_registry take texts."""
    result = run_suite(
        pytester,
        """
        import pytest

        @pytest.mark.registry(faults=["ping: status 500"])
        def test_it(fake_registry, make_registry):
            other = make_registry(faults=["ping: status 501", "ping: status 502 nth=2"])
            assert fake_registry.client.get("/v2/").status_code == 500
            answers = [other.client.get("/v2/").status_code for _ in range(2)]
            assert answers == [501, 502]
        """,
        "-p",
        "no:cacheprovider",
    )
    result.assert_outcomes(passed=1)


def test_unused_faults_fail_a_test_that_passed(pytester: pytest.Pytester) -> None:
    """Each with its place; not those that need not strike, nor in a test that failed anyway."""
    result = run_suite(
        pytester,
        """
        import pytest

        @pytest.mark.registry_fault("GET blob: reset after=9 times=2")
        @pytest.mark.registry_fault("tags: status 500", allow_unused=True)
        def test_unused(fake_registry):
            fake_registry.fault("corrupt 5", "manifest org/app:1")
            fake_registry.client.get("/v2/")

        def test_failed(fake_registry):
            fake_registry.fault("reset")
            assert 1 == 2
        """,
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "faults have never struck; if they need not, say allow_unused=True",
            "  reset after=9 (on GET blob)",
            "  corrupt at=5 (on manifest org/app:1)",
        ],
        consecutive=True,
    )
    result.stdout.fnmatch_lines(["E*assert 1 == 2"])
    result.stdout.no_fnmatch_line("*(on tags)*")
    result.stdout.no_fnmatch_line("*(on any request)*")


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ('"GET blob: rest"', "there is no effect 'rest'; did you mean 'reset'?"),
        ('"reset", on="get blob"', "not where a fault can strike: 'get blob'*"),
        ('"reset", tims=2', "a fault has no 'tims'; did you mean 'times'?"),
        ("", "*missing 1 required positional argument: 'effect'"),
    ],
)
def test_a_mark_that_makes_no_sense(pytester: pytest.Pytester, mark: str, message: str) -> None:
    """It is told in one line, without a trace through the plugin."""
    suite = f"""
        import pytest

        @pytest.mark.registry_fault({mark})
        def test_it(fake_registry):
            pass
        """
    result = run_suite(pytester, suite)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"@pytest.mark.registry_fault: {message}"])
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_the_report_marks_what_was_struck(pytester: pytest.Pytester) -> None:
    """Whatever the fault made of the request, and also when several struck it."""
    result = run_suite(
        pytester,
        f"""
        import httpx
        import pytest

        @pytest.mark.registry(images=["org/app:1"])
        @pytest.mark.registry_fault("ping: reset")
        @pytest.mark.registry_fault("manifest: no_digest_header")
        @pytest.mark.registry_fault("manifest: latency 2")
        @pytest.mark.registry_fault("tags: garbage")
        def test_it(fake_registry):
            for url in ("/v2/", "{MANIFEST}", "/v2/org/app/tags/list", "/v2/"):
                try:
                    fake_registry.client.get(url)
                except httpx.TransportError:
                    pass
            faults = [exchange.faults for exchange in fake_registry.requests]
            assert faults == [
                ("reset",), ("latency 2", "no_digest_header"), ("garbage",), ()
            ]
            assert False
        """,
    )
    rows = section(result, "registry traffic")
    assert [row.split("in-process")[-1].strip() for row in rows[1:5]] == [
        "fault: reset; reset",
        "fault: latency 2, no_digest_header",
        "fault: garbage; answered with raw bytes",
        "",
    ]
    assert [row[0] for row in rows[1:5]] == ["!", "!", "!", " "]


def test_under_xdist(pytester: pytest.Pytester) -> None:
    """Each test lays its own, in whatever process it runs."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        @pytest.mark.registry_fault("ping: status 500")
        def test_it(fake_registry, number):
            answers = [fake_registry.client.get("/v2/").status_code for _ in range(2)]
            assert answers == [500, 200]
        """
    )
    result = pytester.runpytest_subprocess("-p", "pytest_occystrap", "-n", "2")
    result.assert_outcomes(passed=6)
