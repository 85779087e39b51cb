"""`@pytest.mark.vcr` with our cassettes, in every way to load both plugins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from occystrap.server.message import Headers
from pytest_occystrap import FakeRegistry
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.files import load_cassette, save_cassette
from pytest_occystrap.cassettes.form import (
    Cassette,
    Interaction,
    RecordedRequest,
    RecordedResponse,
)

SUITE = """
    import os
    import httpx
    import pytest

    BASE = os.environ["BASE"]

    @pytest.mark.vcr
    @pytest.mark.parametrize("tag", ["a/b", "a:b", "a-b", "one"])
    def test_ping(tag, vcr):
        answer = httpx.get(f"{BASE}/v2/", params={"tag": tag})
        assert answer.status_code == 200
        assert type(vcr).__module__.startswith("pytest_occystrap.")

    @pytest.mark.vcr
    def test_layer():
        digest = httpx.get(f"{BASE}/v2/org/app/manifests/1").json()["layers"][0]["digest"]
        assert len(httpx.get(f"{BASE}/v2/org/app/blobs/{digest}").content) > 20_000

    def test_nothing():
        pass
"""
STRICT = ("-W", "error", "--strict-markers", "--strict-config")
#: Other plugins of this environment, which take seconds to load in every worker.
FASTER = ("-p", "no:hypothesispytest", "-p", "no:cov")

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs pytest in a process of its own; recording needs the registry that `BASE` names."""
    with FakeRegistry() as registry:
        registry.add_random_image("org/app:1", seed=1)
        monkeypatch.setenv("BASE", registry.url)
        yield lambda *arguments: pytester.runpytest_subprocess(*STRICT, *FASTER, *arguments)


@pytest.fixture
def recorded(pytester: pytest.Pytester) -> Path:
    """Where pytest-recording has the cassettes of the module `test_it`."""
    return pytester.path / "cassettes" / "test_it"


def names(directory: Path) -> list[str]:
    """Return the names of the files there."""
    return sorted(each.name for each in directory.iterdir())


def ping_of(text: str) -> Cassette:
    """Make a cassette of one exchange, whose request is never made."""
    request = RecordedRequest("GET", "http://r.test/v2/")
    answer = RecordedResponse(200, "OK", Headers(), Body.of(text.encode()))
    return Cassette((Interaction(request, answer),))


@pytest.mark.parametrize(
    ("autoload", "arguments"),
    [
        (True, []),
        (True, ["-n", "2"]),
        (True, ["-p", "pytest_occystrap"]),
        (False, ["-p", "pytest_occystrap"]),
        (False, ["-p", "pytest_occystrap", "-p", "xdist", "-n", "2"]),
        (False, ["-p", "pytest_occystrap", "-p", "pytest_recording.plugin"]),
        (False, ["-p", "recording", "-p", "pytest_occystrap"]),
    ],
)
def test_ways_to_load_it(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
    recorded: Path,
    autoload: bool,
    arguments: list[str],
) -> None:
    """What is recorded in one way is replayed without network, by digest and under its name."""
    if not autoload:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_it=SUITE)
    run(*arguments, "--record-mode=rewrite").assert_outcomes(passed=6)
    assert len([each for each in names(recorded) if each.startswith("test_ping[a-b]")]) == 3
    assert len(names(recorded.parent / "blobs" / "sha256")) == 1
    assert load_cassette(recorded / "test_layer.yaml").provenance.by.startswith("vcrpy ")
    run(*arguments, "--block-network").assert_outcomes(passed=6)


def test_without_pytest_recording(pytester: pytest.Pytester, run: Run) -> None:
    """Turned off, it stays off, and nothing else of ours misses it."""
    pytester.makepyfile("def test_it(fake_registry): pass")
    run("-p", "no:recording").assert_outcomes(passed=1)
    pytester.makepyfile("import pytest\n@pytest.mark.vcr\ndef test_it(): pass")
    run("-p", "no:recording").stdout.fnmatch_lines(["*'vcr' not found in `markers`*"])


def test_a_conftest_may_load_both(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    """Whichever comes first there."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ["pytest_occystrap", "pytest_recording.plugin"]
    pytester.makepyfile(test_it=SUITE)
    for listed in (plugins, plugins[::-1]):
        pytester.makeconftest(f"pytest_plugins = {listed}")
        result = pytester.runpytest_subprocess(*STRICT, "--record-mode=rewrite")
        result.assert_outcomes(passed=6)


def test_modes(pytester: pytest.Pytester, run: Run, recorded: Path) -> None:
    """`none` records nothing, `new_episodes` adds, and `all` records again."""
    suite = """
        import os, httpx, pytest

        @pytest.mark.vcr
        def test_one():
            for path in os.environ["PATHS"].split():
                assert httpx.get(os.environ["BASE"] + path).status_code == 200
    """
    pytester.makepyfile(test_it=suite)
    expected = [
        ("none", "/v2/", "failed", 0),
        ("once", "/v2/", "passed", 1),
        ("once", "/v2/ /v2/_catalog", "failed", 1),
        ("new_episodes", "/v2/ /v2/_catalog", "passed", 2),
        ("all", "/v2/", "passed", 2),
        ("rewrite", "/v2/", "passed", 1),
    ]
    for mode, paths, outcome, count in expected:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATHS", paths)
            run(f"--record-mode={mode}").assert_outcomes(**{outcome: 1})
        path = recorded / "test_one.yaml"
        found = load_cassette(path).interactions if path.exists() else ()
        assert len(found) == count, mode


def test_no_setting_gets_around_it(pytester: pytest.Pytester, run: Run) -> None:
    """A user's own persister, matchers, patchers and hooks work, and ours are there as well."""
    pytester.makeconftest(
        """
        import pytest
        from vcr.persisters.filesystem import FilesystemPersister

        def pytest_recording_configure(config, vcr):
            vcr.register_matcher("mine", lambda made, recorded: True)

        @pytest.fixture
        def vcr_config():
            return {
                "match_on": ["method", "mine"],
                "persister": FilesystemPersister,
                "filter_headers": ["user-agent"],
                "skip_patchers": ["tornado"],
            }
        """
    )
    pytester.makepyfile(
        """
        import os, httpx, pytest

        @pytest.mark.vcr
        def test_it(record_mode):
            base = os.environ["BASE"]
            tag = "1" if record_mode == "rewrite" else "not-recorded"
            answer = httpx.get(f"{base}/v2/org/app/manifests/{tag}", headers={"Range": "bytes=0-"})
            digest = answer.json()["layers"][0]["digest"]
            part = {"Range": "bytes=0-20000"}
            assert len(httpx.get(f"{base}/v2/org/app/blobs/{digest}", headers=part).content) > 9
            if record_mode != "rewrite":
                with pytest.raises(Exception, match="byte_range"):
                    httpx.get(f"{base}/v2/")
        """
    )
    run("--record-mode=rewrite").assert_outcomes(passed=1)
    (path,) = (pytester.path / "cassettes").glob("*/*.yaml")
    assert "user-agent" not in path.read_text()
    assert (pytester.path / "cassettes" / "blobs").is_dir()
    run("--block-network").assert_outcomes(passed=1)


def test_more_cassettes_for_a_test(pytester: pytest.Pytester, run: Run, recorded: Path) -> None:
    """Those that a mark names are read as well, with their bodies."""
    save_cassette(ping_of("mine" * 9000), recorded / "more.yaml")
    pytester.makepyfile(
        test_it="""
        import httpx, pytest

        @pytest.mark.vcr("more.yaml")
        def test_it():
            assert httpx.get("http://r.test/v2/").text == "mine" * 9000
        """
    )
    run().assert_outcomes(passed=1)


NAMED = """
    import httpx, pytest

    class TestOuter:
        class TestInner:
            @pytest.mark.vcr
            def test_it(self):
                assert httpx.get("http://r.test/v2/").text == "inner"

    class TestInner:
        @pytest.mark.vcr
        def test_it(self):
            assert httpx.get("http://r.test/v2/").text == "plain"

    @pytest.mark.vcr
    @pytest.mark.parametrize("name", ["a/b", "a-b", "c/d"])
    def test_it(name):
        assert httpx.get("http://r.test/v2/").text == name

    @pytest.mark.vcr
    @pytest.mark.default_cassette("mine.yaml")
    def test_named():
        assert httpx.get("http://r.test/v2/").text == "named"
"""


def test_names(pytester: pytest.Pytester, run: Run, recorded: Path) -> None:
    """Tests that pytest-recording names alike are told apart; other names stay as they were."""
    pytester.makepyfile(test_it=NAMED)
    for name, text in {
        "TestInner.test_it-95721ce4": "inner",
        "TestInner.test_it": "plain",
        "test_it[a-b]-306b0382": "a/b",
        "test_it[a-b]": "a-b",
        "test_it[c-d]": "c/d",  # as it was recorded before there was us
        "mine": "named",
    }.items():
        save_cassette(ping_of(text), recorded / f"{name}.yaml")
    run().assert_outcomes(passed=6)


def test_an_old_name_is_left_when_it_is_recorded_again(
    pytester: pytest.Pytester, run: Run, recorded: Path
) -> None:
    """A new recording goes under the name that is the test's alone."""
    pytester.makepyfile(test_it=SUITE)
    old = recorded / "test_ping[a-b].yaml"
    save_cassette(ping_of("old"), old)
    before = old.read_bytes()
    run("--record-mode=rewrite", "-k", "a/b").assert_outcomes(passed=1, deselected=5)
    assert old.read_bytes() == before
    assert len(names(recorded)) == 2
