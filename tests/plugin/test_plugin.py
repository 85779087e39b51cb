"""The fixtures, the marker and the settings, as tests of a project meet them."""

from __future__ import annotations

import pytest

from tests.support.plugin_runs import run_suite as run


def test_each_test_has_a_registry_of_its_own(pytester: pytest.Pytester) -> None:
    """What one test puts there the next one doesn't find."""
    result = run(
        pytester,
        """
        import pytest

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(fake_registry, time):
            assert fake_registry.images == []
            assert fake_registry.requests == []
            fake_registry.add_image("app:1")
            fake_registry.client.get("/v2/")
        """,
    )
    result.assert_outcomes(passed=2)


def test_sockets_and_clients_end_with_the_test(pytester: pytest.Pytester) -> None:
    """Whoever keeps the registry beyond the test finds nobody there."""
    result = run(
        pytester,
        """
        import threading
        import httpx
        import pytest

        kept = []

        def test_one(fake_registry):
            kept.append((fake_registry.url, fake_registry.client))
            httpx.get(kept[0][0] + "/v2/")

        def test_two():
            with pytest.raises(httpx.ConnectError):
                httpx.get(kept[0][0] + "/v2/")
            assert kept[0][1].is_closed
            assert threading.active_count() == 1
        """,
    )
    result.assert_outcomes(passed=2)


def test_the_marker_sets_the_registry_up(pytester: pytest.Pytester) -> None:
    """Marks of module, class and test add up, and the nearest one counts."""
    result = run(
        pytester,
        """
        import pytest

        pytestmark = pytest.mark.registry(auth="basic", images=["app:1"])

        def test_module(fake_registry):
            assert [image.reference for image in fake_registry.images] == ["app:1"]
            assert fake_registry.client.get("/v2/").headers["WWW-Authenticate"].startswith("Basic")

        @pytest.mark.registry(auth="bearer")
        class TestClass:
            def test_class(self, fake_registry):
                assert fake_registry.tags("app") == ["1"]
                challenge = fake_registry.client.get("/v2/").headers["WWW-Authenticate"]
                assert challenge.startswith("Bearer")

            @pytest.mark.registry(images={"b:2": {"layers": [{"a": "b"}], "media": "docker"}})
            def test_method(self, fake_registry):
                (image,) = fake_registry.images
                assert image.reference == "b:2"
                assert image.layers[0].files == {"a": b"b"}
                assert "docker" in image.media_type
                assert fake_registry.client.get("/v2/").status_code == 401
        """,
    )
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (
            'imges=["app:1"]',
            "@pytest.mark.registry: a fake registry has no option 'imges'; did you mean 'images'?",
        ),
        (
            "colour=1",
            "@pytest.mark.registry: a fake registry has no option 'colour'; there are name, *",
        ),
        (
            'auth="magic"',
            "@pytest.mark.registry: auth is one of none, basic, bearer, not 'magic'",
        ),
        ('"quay"', "@pytest.mark.registry takes names, not ('quay',)"),
        ('images=["App"]', "@pytest.mark.registry: *upper-case letters are not allowed"),
    ],
)
def test_a_mark_that_makes_no_sense(pytester: pytest.Pytester, mark: str, message: str) -> None:
    """It is told in one line, without a trace through the plugin."""
    result = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.registry({mark})
        def test_it(fake_registry):
            pass
        """,
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_more_than_one_registry(pytester: pytest.Pytester) -> None:
    """Each has its own images and its own ledger."""
    result = run(
        pytester,
        """
        def test_it(fake_registry, make_registry):
            mirror = make_registry(auth="basic", images=["app:1"])
            assert fake_registry.client.get("/v2/app/manifests/1").status_code == 404
            assert mirror.client.get("/v2/app/manifests/1").status_code == 401
            assert mirror.url != fake_registry.url
            fake_registry.assert_requests(["GET /v2/app/manifests/1 404"])
        """,
    )
    result.assert_outcomes(passed=1)


def test_settings_on_the_command_line_and_in_the_ini_file(pytester: pytest.Pytester) -> None:
    """The marker counts before the flag, the flag before the ini file."""
    pytester.makeini("[pytest]\noccystrap_auth = basic\noccystrap_http2 = no")
    suite = """
        import pytest

        @pytest.fixture
        def told(fake_registry):
            return (fake_registry.options.auth, fake_registry.options.http2)

        def test_default(told, request):
            assert told == (request.config.getoption("occystrap_auth") or "basic", False)

        @pytest.mark.registry(auth="none", http2=True)
        def test_marked(told):
            assert told == ("none", True)

        def test_made(make_registry):
            assert make_registry().options.auth in ("basic", "bearer")
            assert make_registry(auth="none").options.auth == "none"
    """
    run(pytester, suite).assert_outcomes(passed=3)
    run(pytester, suite, "--occystrap-auth=bearer").assert_outcomes(passed=3)


def test_a_setting_of_the_ini_file_that_makes_no_sense(pytester: pytest.Pytester) -> None:
    """The run ends before the first test."""
    pytester.makeini("[pytest]\noccystrap_traffic = always")
    result = run(pytester, "def test_it(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: occystrap_traffic is one of failed, all, none, not 'always'"]
    )


def test_a_test_of_unittest_may_use_it(pytester: pytest.Pytester) -> None:
    """Through an autouse fixture, as with every fixture."""
    result = run(
        pytester,
        """
        import unittest
        import pytest

        class Test(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def registry(self, fake_registry):
                self.registry = fake_registry

            def test_it(self):
                assert self.registry.client.get("/v2/").status_code == 200
        """,
    )
    result.assert_outcomes(passed=1)


def test_assertions_fail_where_the_test_calls_them(pytester: pytest.Pytester) -> None:
    """The trace ends in the test, not in the plugin."""
    result = run(
        pytester,
        """
        def test_it(fake_registry):
            fake_registry.assert_requests(["GET /v2/"])
        """,
    )
    result.stdout.fnmatch_lines(
        [
            '>       fake_registry.assert_requests([[]"GET /v2/"[]])',
            "E       AssertionError: the requests are not those that were expected",
            "E         missing: GET /v2/",
            "",
            "test_assertions_fail_where_the_test_calls_them.py:2: AssertionError",
        ],
        consecutive=True,
    )
