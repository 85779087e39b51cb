"""The fixtures, the marker, the settings and the report, as tests of a project meet them."""

from __future__ import annotations

import re

import pytest


def run(pytester: pytest.Pytester, suite: str, *arguments: str) -> pytest.RunResult:
    """Run a suite of tests in this process, with the plugin and nothing else that is installed."""
    pytester.makepyfile(suite)
    return pytester.runpytest_inprocess("-p", "pytest_occystrap", *arguments)


def section(result: pytest.RunResult, title: str) -> list[str]:
    """Take a section out of the report of a failed test, with all times replaced."""
    text = result.stdout.str()
    pattern = rf"^-+ {re.escape(title)} -+\n(.*?)(?=^[-=_]{{3,}}|\Z)"
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert found is not None, text
    return re.sub(r" +\d+\.\d ", " MS ", found[1]).splitlines()


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


FAILING = """
    import pytest

    @pytest.mark.registry(images=["app:1"])
    def test_it(fake_registry, make_registry):
        client = fake_registry.client
        client.get("/v2/app/manifests/1")
        client.get("https://quay.io/v2/app/manifests/2")
        make_registry(name="mirror").client.get("/v2/")
        make_registry()
        assert not "done"
"""
TRAFFIC = [
    "   #  request                         answer  sent  got   ms  door",
    "   1  GET /v2/app/manifests/1         200        0  403 MS  in-process",
    (
        "!  2  GET quay.io/v2/app/manifests/2  404        0  114 MS  in-process"
        "  MANIFEST_UNKNOWN: app has no manifest 2"
    ),
    "2 requests, 1 odd (!)",
]


def test_a_failed_test_shows_the_traffic(pytester: pytest.Pytester) -> None:
    """Of each registry that it used, under the name it was given."""
    result = run(pytester, FAILING)
    result.assert_outcomes(failed=1)
    assert section(result, "registry traffic") == TRAFFIC
    assert section(result, "registry traffic (mirror)")[-1] == "1 request"
    assert section(result, "registry traffic (3)") == ["no requests"]


def test_workers_pass_the_traffic_on(pytester: pytest.Pytester) -> None:
    """Under xdist the section comes with the report of the worker."""
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_subprocess("-n", "1", "-p", "no:hypothesispytest")
    assert section(result, "registry traffic") == TRAFFIC


def test_an_error_in_a_fixture_shows_the_traffic(pytester: pytest.Pytester) -> None:
    """Whatever fails after the registry was used."""
    result = run(
        pytester,
        """
        import pytest

        @pytest.fixture
        def pulled(fake_registry):
            fake_registry.client.get("/v2/")
            raise ValueError("no")

        def test_it(pulled):
            pass
        """,
    )
    result.assert_outcomes(errors=1)
    assert section(result, "registry traffic")[-1] == "1 request"


@pytest.mark.parametrize("setting", ["none", "all"])
def test_whose_traffic_is_shown_can_be_chosen(pytester: pytest.Pytester, setting: str) -> None:
    """Of no test, or of each one whose output is shown."""
    suite = """
        def test_it(fake_registry):
            fake_registry.client.get("/v2/")

        def test_failed(fake_registry):
            assert 0
    """
    result = run(pytester, suite, f"--occystrap-traffic={setting}", "-rA")
    assert result.stdout.str().count("- registry traffic -") == {"none": 0, "all": 2}[setting]


def test_a_passed_test_shows_nothing(pytester: pytest.Pytester) -> None:
    """Neither does a failed one that used no registry."""
    result = run(
        pytester,
        """
        def test_passed(fake_registry):
            fake_registry.client.get("/v2/")

        def test_failed():
            assert 0
        """,
        "-rA",
    )
    result.stdout.no_fnmatch_line("*registry traffic*")


LEAKING = """
    import httpx
    import pytest

    pytestmark = pytest.mark.registry(redirects=True, images=["app:1"])

    def leak(registry):
        url = f"/v2/app/blobs/{registry.image('app:1').config.digest}"
        elsewhere = registry.client.get(url).headers["Location"]
        answer = registry.client.get(elsewhere, headers={"Authorization": "Basic c2VjcmV0"})
        assert answer.status_code == 400
        assert "Only one auth mechanism allowed" in answer.text
"""


def test_a_leak_fails_the_test(pytester: pytest.Pytester) -> None:
    """Credentials that come along with a redirect are refused as S3 does, and told."""
    result = run(
        pytester,
        f"""{LEAKING}
    def test_it(fake_registry):
        leak(fake_registry)
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "credentials were sent to where they don't belong",
            (
                "  #2 GET /blobs/app/sha256/????????????…?[*][*][*] -> 400:"
                " Authorization was sent along to the storage host"
            ),
        ]
    )
    assert "c2VjcmV0" not in "\n".join(section(result, "registry traffic"))


def test_a_leak_may_be_forgiven(pytester: pytest.Pytester) -> None:
    """A test that is about the leak says so."""
    result = run(
        pytester,
        f"""{LEAKING}
    @pytest.mark.registry(forgive_leaks=True)
    def test_it(fake_registry):
        leak(fake_registry)
        with pytest.raises(AssertionError, match="where they don't belong"):
            fake_registry.assert_no_credentials_leaked()
        """,
    )
    result.assert_outcomes(passed=1)


def test_a_failure_of_the_test_counts_before_a_leak(pytester: pytest.Pytester) -> None:
    """The leak is still marked in the traffic."""
    result = run(
        pytester,
        f"""{LEAKING}
    def test_it(fake_registry):
        leak(fake_registry)
        raise ValueError("of its own")
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E   *ValueError: of its own", "!  2  *sent along to the *"])


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
