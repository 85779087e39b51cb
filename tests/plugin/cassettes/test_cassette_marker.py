"""Cassettes in a project's tests: the marker, the setting, and what fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_occystrap.cassettes.files import save_cassette
from tests.support.plugin_runs import run_suite, section
from tests.support.recordings import exchange, recording


def keep(directory: Path, name: str = "some/tags") -> None:
    """Keep a cassette with one exchange."""
    cassette = recording(exchange("GET /v2/app/tags/list", 200, b'{"tags":["1"]}'))
    save_cassette(cassette, directory / f"{name}.yaml")


SUITE = """
import pytest

@pytest.mark.registry_cassette("some/tags")
def test_it(fake_registry):
    answer = fake_registry.client.get("https://quay.io/v2/app/tags/list")
    assert answer.json() == {"tags": ["1"]}
"""


@pytest.mark.parametrize("directory", ["cassettes", "tests/cassettes"])
def test_the_usual_places(pytester: pytest.Pytester, directory: str) -> None:
    """Below the root of the project, wherever pytest is started."""
    keep(pytester.path / directory)
    run_suite(pytester, SUITE).assert_outcomes(passed=1)


def test_a_place_of_ones_own(pytester: pytest.Pytester) -> None:
    """By the ini file, or by a flag, which counts before it."""
    keep(pytester.path / "recorded")
    keep(pytester.path / "cassettes", "other")
    pytester.makeini("[pytest]\noccystrap_cassettes = recorded")
    run_suite(pytester, SUITE).assert_outcomes(passed=1)
    pytester.makeini("[pytest]\noccystrap_cassettes = nowhere")
    run_suite(pytester, SUITE, "--occystrap-cassettes=recorded").assert_outcomes(passed=1)
    result = run_suite(pytester, SUITE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["@pytest.mark.registry_cassette: there is no cassette 'some/tags'*"]
    )


def test_the_nearest_mark_counts(pytester: pytest.Pytester) -> None:
    """That of the test, not that of its module."""
    keep(pytester.path / "cassettes")
    suite = f'{SUITE}\n\npytestmark = pytest.mark.registry_cassette("wrong")\n'
    run_suite(pytester, suite).assert_outcomes(passed=1)


def test_a_mark_that_makes_no_sense(pytester: pytest.Pytester) -> None:
    """It is told in one line."""
    keep(pytester.path / "cassettes")
    suite = SUITE.replace('"some/tags"', '"some/tags", colour=1')
    result = run_suite(pytester, suite)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["@pytest.mark.registry_cassette: *argument 'colour'"])


def test_a_request_that_is_not_recorded_fails_the_test(pytester: pytest.Pytester) -> None:
    """Also when the code under test has swallowed it, or has asked over a socket."""
    keep(pytester.path / "cassettes")
    result = run_suite(
        pytester,
        """
        import contextlib
        import httpx
        import pytest

        pytestmark = pytest.mark.registry_cassette("some/tags")

        def test_swallowed(fake_registry):
            with contextlib.suppress(AssertionError):
                fake_registry.client.get("/v2/app/tags/list?n=1")

        def test_socket(fake_registry):
            assert httpx.get(fake_registry.url + "/v2/app/tags/list?n=1").status_code == 501

        @pytest.mark.registry_cassette("some/tags", allow_unmatched=True)
        def test_allowed(fake_registry):
            assert fake_registry.client.get("/v2/app/tags/list?n=1").status_code == 501
        """,
    )
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "nothing is recorded for",
            "  GET /v2/app/tags/list?n=1",
            "      nearest: #1 GET *, but the query has n=1",
        ]
    )
    assert any("/v2/app/tags/list?n=1" in line for line in section(result, "registry traffic"))
