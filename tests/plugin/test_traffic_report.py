"""What the report of a failed test shows of its registries, and leaks that fail a test."""

from __future__ import annotations

import pytest

from pytest_occystrap.plugin import MakeRegistry
from tests.support.plugin_runs import run_suite as run
from tests.support.plugin_runs import section

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


def squeezed(lines: list[str]) -> list[str]:
    """Leave the widths of columns away: on a busy machine a request takes ten times as long."""
    return [" ".join(line.split()) for line in lines]


def test_a_failed_test_shows_the_traffic(pytester: pytest.Pytester) -> None:
    """Of each registry that it used, under the name it was given."""
    result = run(pytester, FAILING)
    result.assert_outcomes(failed=1)
    assert squeezed(section(result, "registry traffic")) == squeezed(TRAFFIC)
    assert section(result, "registry traffic (mirror)")[-1] == "1 request"
    assert section(result, "registry traffic (3)") == ["no requests"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [("HEAD", "refused"), ("GET", "UNAUTHORIZED: authentication required")],
)
def test_what_is_said_of_an_odd_answer(
    make_registry: MakeRegistry, method: str, expected: str
) -> None:
    """The words of the registry; those to HEAD have no place, which isn't odd in itself."""
    registry = make_registry(auth="basic")
    registry.client.request(method, "/v2/", auth=("alice", "wrong"))
    row = registry.traffic.splitlines()[1]
    assert row.startswith("!")
    assert row.endswith(f"  {expected}")


def test_workers_pass_the_traffic_on(pytester: pytest.Pytester) -> None:
    """Under xdist the section comes with the report of the worker."""
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_subprocess("-n", "1", "-p", "no:hypothesispytest")
    assert squeezed(section(result, "registry traffic")) == squeezed(TRAFFIC)


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
