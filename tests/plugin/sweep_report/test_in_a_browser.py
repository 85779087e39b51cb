"""The page in a browser: a run can be found and looked at, with a mouse, with keys, on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_occystrap.sweep.report import write_reports
from pytest_occystrap.sweep.results import SweepReport
from tests.support.browser import Browser, open_browser
from tests.support.sweep_reports import HOSTILE, case, hostile_report, small_report, step

SIZES = {"desk": (1280, 800), "phone": (390, 844)}
VIOLATION = ".cell.violation"
#: A name as long as they come, and more columns and rows than any window shows.
LONG = "#{n} GET /v2/organisation/application/blobs/sha256:2f6431080258…"


def many_faults() -> SweepReport:
    """Make a report of twenty exchanges and eighty faults."""
    cases = tuple(
        case(LONG.format(n=row), f"status {column} retry_after=date body=html", why="x" * 300)
        for row in range(1, 21)
        for column in range(400, 480)
    )
    return SweepReport("a long name of an operation", "bearer, redirects", (step(1),), cases)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all tests of this file."""
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


class Look:
    """A report, opened in a browser."""

    def __init__(self, browser: Browser, directory: Path) -> None:
        self.browser = browser
        self.path = directory / "report.html"

    def open(self, *reports: SweepReport, fragment: str = "") -> None:
        """Write reports and open the page."""
        write_reports(self.path, reports)
        self.browser.open("about:blank")
        self.browser.open(f"{self.path.as_uri()}{fragment}")

    def text(self, selector: str) -> str:
        """Return what is to be read there."""
        return str(
            self.browser.run("return document.querySelector(arguments[0]).innerText", selector)
        )

    def count(self, selector: str) -> int:
        """Count elements that can be seen."""
        script = """return [...document.querySelectorAll(arguments[0])]
            .filter((e) => e.checkVisibility()).length"""
        return int(self.browser.run(script, selector))

    def focused(self) -> str:
        """Say which run has the focus."""
        script = "return document.activeElement.getAttribute('aria-label')"
        return str(self.browser.run(script))

    @property
    def is_open(self) -> bool:
        """Whether a run is open."""
        return bool(self.browser.run("return document.getElementById('run').open"))

    def escape(self) -> None:
        """Leave the open run; the page is told so a moment after the browser has closed it."""
        self.browser.type("Escape")
        script = """return new Promise((done) => {
            const look = () => (location.hash ? requestAnimationFrame(look) : done());
            look(); })"""
        self.browser.run(script)

    def assert_nothing_sticks_out(self) -> None:
        """Check that neither the page nor an open run has to be moved sideways."""
        script = """return ['html', '#inside'].map((name) => document.querySelector(name))
            .filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.outerHTML.slice(0, 80))"""
        assert self.browser.run(script) == []


@pytest.fixture(params=SIZES)
def look(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Look]:
    """A window of either size; the console has nothing to complain of in the end."""
    browser.resize(*SIZES[request.param])
    browser.complaints()
    yield Look(browser, tmp_path)
    assert browser.complaints() == []


def test_a_cell_opens_its_run(look: Look) -> None:
    """With its reason, its requests, the fault at one of them, the retry, and the log."""
    look.open(small_report())
    look.assert_nothing_sticks_out()
    look.browser.click(VIOLATION)
    assert look.is_open
    assert look.text("#run-name") == "reset after=217"
    assert "it left a partial file: a.tar" in look.text("#run-verdict")
    assert re.sub(r"\s+", " ", look.text("#run-facts")).startswith("expected recovered took 10 ms")
    assert look.count("#waterfall .request:not(.axis-row)") == 3
    assert look.text(".fault") == "⚡︎ reset after=217"
    assert look.text(".retry") == "↻ again, #1 had reset, 99 ms later"
    assert look.count("#waterfall .lane .again") == 1
    assert look.count("#log li") == 2
    look.assert_nothing_sticks_out()
    look.browser.click("#close")
    assert not look.is_open


def test_the_run_in_peace_can_be_looked_at(look: Look) -> None:
    """It is what the others are held against."""
    look.open(small_report())
    look.browser.click("#peace")
    assert look.count("#waterfall .request:not(.axis-row)") == 2
    assert look.count(".fault, .retry, #logged") == 0


def test_a_filter_leaves_what_it_names(look: Look) -> None:
    """By verdict, by what was expected, and by words."""
    look.open(small_report())
    assert look.count(".cell") == 8
    assert look.count(".pair") == 1
    look.browser.click(".chip.violation")
    assert look.count(".cell:not(.off)") == 1
    look.browser.click(".chip.unexpected")
    look.browser.click(".chip.violation")
    assert look.count(".cell:not(.off)") == 2
    look.browser.click("#words")
    look.browser.type(*"manifests")
    assert look.text("#nothing") == "No run is so."
    look.browser.click(".chip.unexpected")
    assert look.text("#readout") == "4 of 9 runs"


def test_keys_do_all_that_a_mouse_does(look: Look) -> None:
    """Arrows move, Enter opens, arrows go on to the next run, Escape comes back to it."""
    look.open(small_report())
    first = "#1 GET /v2/org/app/manifests/1, reset: recovered"
    look.browser.run("document.querySelector(`[aria-label='${arguments[0]}']`).focus()", first)
    look.browser.type("Right", "Left", "Down", "Up")
    assert look.focused() == first
    look.browser.type("Enter")
    assert look.is_open
    look.browser.type("Right", "Right", "Left")
    assert look.text("#run-name") == "reset after=60"
    look.escape()
    assert not look.is_open
    assert look.focused() == "#1 GET /v2/org/app/manifests/1, reset after=60: recovered"


def test_a_sweep_is_chosen_in_the_table(look: Look) -> None:
    """And a run has an address of its own."""
    look.open(small_report(), hostile_report(), small_report("push"), fragment="#2/4")
    assert look.text("#run-name") == "reset after=217"
    look.escape()
    assert look.text("#sweep-name") == "push in-process"
    look.browser.click("#sweeps tbody tr:first-child button")
    assert look.text("#sweep-name") == "pull in-process"


def test_many_faults_have_room(look: Look) -> None:
    """The matrix moves, the page doesn't, and whoever has the focus can be seen."""
    look.open(many_faults())
    look.assert_nothing_sticks_out()
    look.browser.run("document.querySelector('.cell[tabindex=\"0\"]').focus()")
    look.browser.type("End", *["Down"] * 15)
    script = """const box = document.activeElement.getBoundingClientRect();
        return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)
            === document.activeElement"""
    assert look.browser.run(script)
    look.browser.type("Enter")
    look.assert_nothing_sticks_out()


def test_hostile_texts_are_shown_as_texts(look: Look) -> None:
    """Nothing is loaded, run or made of them."""
    look.open(hostile_report())
    look.assert_nothing_sticks_out()
    look.browser.click(VIOLATION)
    assert look.text("#run-name") == HOSTILE
    assert look.browser.run("return [typeof window.hacked, document.images.length]") == [
        "undefined",
        0,
    ]
    look.assert_nothing_sticks_out()


def test_a_session_without_sweeps_is_no_error(look: Look) -> None:
    """Its page says so."""
    look.open()
    assert look.text("#total") == "0 sweeps, 0 runs"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind(look: Look, scheme: str) -> None:
    """By 4.5 to 1 in the cells, as WCAG asks of texts."""
    look.browser.prefer(scheme)
    look.open(small_report())
    script = """
        const light = (text) => {
            const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((c) => c / 255)
                .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = getComputedStyle(document.querySelector('.matrix')).backgroundColor;
        return ['recovered', 'refused', 'violation', 'unstruck'].map((name) => {
            const style = getComputedStyle(document.querySelector(`.cell.${name}`));
            const own = style.backgroundColor;
            const behind = own === 'rgba(0, 0, 0, 0)' ? ground : own;
            const [a, b] = [light(style.color), light(behind)].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05);
        })"""
    ratios = look.browser.run(script)
    assert len(ratios) == 4
    assert min(ratios) >= 4.5, ratios
