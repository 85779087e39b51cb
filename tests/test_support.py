"""What the other tests lean on: CI's strictness, real components, the clean environment."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from tests.support import components
from tests.support.ci_mode import nothing_may_be_skipped
from tests.support.components import real_component
from tests.support.debian_registry import (
    DebianRegistry,
    StartDebianRegistry,
    running_debian_registry,
)

SKIPPING = """
    import pytest

    def test_passes(): pass

    def test_skips(): pytest.skip("install it with: apt-get install thing")

    @pytest.mark.skipif(True, reason="not here")
    def test_is_skipped(): pass

    @pytest.mark.xfail(strict=True)
    def test_is_expected_to_fail(): assert False
"""
SKIPPED_MODULE = "import pytest\npytest.importorskip('no_such_module')"
STRICT = """
    from tests.support.ci_mode import NothingSkipped

    def pytest_configure(config):
        config.pluginmanager.register(NothingSkipped())
"""


def test_a_skip_fails_a_strict_run(pytester: pytest.Pytester) -> None:
    """In CI a skipped test fails with the reason of the skip; an expected failure stays one."""
    pytester.makeconftest(STRICT)
    pytester.makepyfile(SKIPPING)

    result = pytester.runpytest_inprocess()

    result.assert_outcomes(passed=1, failed=1, errors=1, xfailed=1)
    result.stdout.fnmatch_lines(["*Nothing may be skipped*apt-get install thing*"])


def test_a_skipped_module_fails_a_strict_run(pytester: pytest.Pytester) -> None:
    """A module that skips itself on import is a failure too."""
    pytester.makeconftest(STRICT)
    pytester.makepyfile(SKIPPED_MODULE)

    result = pytester.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*Nothing may be skipped*no_such_module*"])


def test_a_skip_stays_a_skip_elsewhere(pytester: pytest.Pytester) -> None:
    """Without the strict plugin the same tests skip."""
    pytester.makepyfile(SKIPPING)

    pytester.runpytest_inprocess().assert_outcomes(passed=1, skipped=2, xfailed=1)


@pytest.mark.parametrize(
    ("environ", "strict"),
    [
        ({"CI": "true"}, True),
        ({"OCCYSTRAP_REQUIRE_REAL": "1"}, True),
        ({"CI": "", "OCCYSTRAP_REQUIRE_REAL": "0"}, False),
        ({}, False),
    ],
)
def test_the_environment_says_how_strict_a_run_is(environ: dict[str, str], strict: bool) -> None:
    """CI=true and OCCYSTRAP_REQUIRE_REAL=1 each ask for every test to run."""
    assert nothing_may_be_skipped(environ) is strict


def test_a_missing_component_skips_with_its_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The skip names the component and the command that installs it."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(pytest.skip.Exception, match=r"skopeo.*apt-get install skopeo"):
        real_component("skopeo")


def test_an_installed_component_is_found_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program on the path is returned by its full name."""
    program = tmp_path / "skopeo"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert real_component("skopeo") == str(program)


def test_a_component_that_nobody_can_install_is_refused() -> None:
    """A misspelt name fails the test instead of skipping it for ever."""
    assert "skopoe" not in components.INSTALL

    with pytest.raises(KeyError):
        real_component("skopoe")


def test_settings_of_the_developer_stay_outside() -> None:
    """Neither settings, credentials nor proxies of whoever runs the tests are visible."""
    assert not [name for name in os.environ if name.startswith("OCCYSTRAP_")]
    assert "DOCKER_CONFIG" not in os.environ
    assert {path.name for path in Path.home().iterdir()} <= {".local"}  # skopeo's, without root


def test_debian_registry_answers_at_once(debian_registry: DebianRegistry) -> None:
    """The fixture's registry is up when the test begins, and open to everyone."""
    answer = httpx.get(f"{debian_registry.url}/v2/")

    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert debian_registry.credentials is None


def test_debian_registry_asks_for_a_password(start_debian_registry: StartDebianRegistry) -> None:
    """With htpasswd it answers 401 and a Basic challenge, and lets its credentials in."""
    registry = start_debian_registry(htpasswd=True)

    refused = httpx.get(f"{registry.url}/v2/")
    admitted = httpx.get(f"{registry.url}/v2/", auth=registry.credentials)

    assert (refused.status_code, admitted.status_code) == (401, 200)
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="debian"'


def test_two_debian_registries_run_side_by_side(start_debian_registry: StartDebianRegistry) -> None:
    """Each has its own port and its own storage."""
    one, two = start_debian_registry(), start_debian_registry()

    assert one.host != two.host
    assert one.storage != two.storage


def test_a_registry_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    """When the program ends at once, the error has what it said."""
    program = tmp_path / "docker-registry"
    program.write_text("#!/bin/sh\necho 'no such driver' >&2\nexit 3\n")
    program.chmod(0o755)

    with (
        pytest.raises(RuntimeError, match=r"ended with code 3:\n(?s:.*)no such driver"),
        running_debian_registry(str(program), tmp_path / "registry"),
    ):
        pass
