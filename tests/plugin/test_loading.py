"""The plugin is found in every way, gets along with strict settings, and costs nothing unused."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_occystrap = pytest.importorskip("pytest_occystrap")

SUITE = """
    import pytest

    @pytest.mark.registry(images=["app:1"])
    @pytest.mark.parametrize("number", range(4))
    def test_pull(fake_registry, number):
        assert fake_registry.client.get("/v2/app/manifests/1").status_code == 200
        assert fake_registry.client.get(f"{fake_registry.url}/v2/").status_code == 200

    def test_all_fixtures(fake_registry, make_registry, registry_hosts, occystrap_run):
        assert occystrap_run("--version").ok
"""
#: What a run of pytest doesn't need until a test asks for a registry.
EXPENSIVE = {
    "anyio",
    "click",
    "h11",
    "h2",
    "httpx",
    "occystrap",
    "occystrap.main",
    "occystrap.server.registry",
    "pytest_occystrap.fake",
    "requests",
    "respx",
    "ssl",
    "trustme",
    "vcr",
    "zstandard",
}
#: Other plugins of this environment, which take seconds to load in every worker.
FASTER = ["-p", "no:hypothesispytest", "-p", "no:cov"]
#: All that the plugin may import of its own.
ALLOWED = {
    "pytest_occystrap",
    "pytest_occystrap.plugin",
    "pytest_occystrap.recording",
    "pytest_occystrap.session",
}


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize(
    ("autoload", "arguments"),
    [
        (True, []),
        (True, ["-p", "pytest_occystrap"]),
        (False, ["-p", "pytest_occystrap", "-p", "xdist"]),
    ],
)
def test_ways_to_load_it(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    autoload: bool,
    arguments: list[str],
    workers: str,
) -> None:
    """By entry point, by -p or both, with workers and without, nothing warns."""
    if not autoload:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess(
        *arguments, *FASTER, "-n", workers, "-W", "error", "--strict-markers", "--strict-config"
    )
    result.assert_outcomes(passed=5)


def test_without_it_its_fixtures_are_unknown(pytester: pytest.Pytester) -> None:
    """`-p no:pytest_occystrap` turns it off as it does with every plugin."""
    pytester.makepyfile("def test_it(fake_registry): pass")
    result = pytester.runpytest_subprocess(*FASTER, "-p", "no:pytest_occystrap")
    result.stdout.fnmatch_lines(["*fixture 'fake_registry' not found"])


def test_a_conftest_may_load_it(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pytest_plugins` is one more way."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(
        """
        pytest_plugins = ["pytest_occystrap"]

        def pytest_collection_modifyitems(items):
            items.reverse()  # no test leaves anything behind for another, whichever comes first
        """
    )
    pytester.makepyfile(SUITE)
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=5)


def test_nobody_pays_who_does_not_use_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose tests ask for no registry imports nothing but a few small modules."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        f"""
        import sys

        def test_it():
            assert {EXPENSIVE!r} & sys.modules.keys() == set()
            ours = {{name for name in sys.modules if name.startswith("pytest_occystrap")}}
            assert ours == {ALLOWED!r}
        """
    )
    pytester.runpytest_subprocess("-p", "pytest_occystrap").assert_outcomes(passed=1)


def test_loading_it_imports_little() -> None:
    """What the plugin needs beside pytest is a handful of modules, counted and not timed."""
    script = """
import sys, pytest
before = set(sys.modules)
import pytest_occystrap
print(*sorted(set(sys.modules) - before))
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert set(shown.stdout.decode().split()) == ALLOWED


@pytest.mark.parametrize("name", sorted(set(pytest_occystrap.__all__)))
def test_every_public_name_can_be_had(name: str) -> None:
    """The names that are imported late are there, and come from where their types say."""
    value = getattr(pytest_occystrap, name)
    module = getattr(value, "__module__", "pytest_occystrap.")
    assert module.startswith(("pytest_occystrap.", "typing", "types", "_pytest"))


def test_no_other_name_can_be_had() -> None:
    """A name that doesn't exist is told as Python tells it."""
    with pytest.raises(AttributeError, match="has no attribute 'FakeRegister'"):
        _ = pytest_occystrap.FakeRegister


def test_help_names_the_settings(pytester: pytest.Pytester) -> None:
    """`pytest --help` shows flags and ini options."""
    result = pytester.runpytest_inprocess("-p", "pytest_occystrap", "--help")
    result.stdout.fnmatch_lines(
        [
            "fake container registries:",
            "  --occystrap-dialect=*",
            "  --occystrap-auth={none,basic,bearer}",
            "  --occystrap-http2={yes,no}",
            "  --occystrap-traffic={failed,all,none}",
            "  --occystrap-report=*",
            "  occystrap_dialect (string):",
            "  occystrap_auth (string):",
            "  occystrap_http2 (string):",
            "  occystrap_traffic (string):",
            "  occystrap_report (string):",
        ]
    )


def test_markers_and_fixtures_describe_themselves(pytester: pytest.Pytester) -> None:
    """`pytest --markers` and `pytest --fixtures` say what each is for."""
    markers = pytester.runpytest_inprocess("-p", "pytest_occystrap", "--markers")
    markers.stdout.fnmatch_lines(["@pytest.mark.registry(dialect=..., auth=..., *"])
    fixtures = pytester.runpytest_inprocess("-p", "pytest_occystrap", "--fixtures")
    for name in (
        "fake_registry",
        "make_registry",
        "registry_hosts",
        "occystrap_run",
        "fault_sweep",
    ):
        lines = [f"{name} -- *", "    [!n]*"]
        fixtures.stdout.fnmatch_lines(lines, consecutive=True)
