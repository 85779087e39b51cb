"""`occystrap process -f`: filters on the command line."""

from __future__ import annotations

import json

import pytest

from tests.support.console import Console, Shelf, error_of, summary_of
from tests.support.images import SampleImage, file, layer, make_image

HERE = "registry://r.example/demo/image:1"
THERE = "registry://r.example/new:1"


@pytest.fixture
def image() -> SampleImage:
    """An image with something to leave out."""
    return make_image(layer(file("tmp/a"), file("etc/a")), layer(file("etc/b")))


def test_filters_work_in_the_order_in_which_they_are_named(console: Console, shelf: Shelf) -> None:
    """What they print is on standard output, what they do on standard error."""
    result = console.succeed(
        *("process", "-f", "search:pattern=a", "--filter", "exclude:pattern=tmp"),
        *("-f", "search:pattern=a,script-friendly=true", HERE, THERE),
    )
    before, after = shelf.manifest("demo/image", "1"), shelf.manifest("new", "1")
    assert before.layers[0] != after.layers[0]
    assert before.layers[1] == after.layers[1]
    diff_id = json.loads(shelf.content("new", after.config))["rootfs"]["diff_ids"][0]
    assert result.stdout.splitlines() == [
        f"Layer: {before.layers[0].digest.encoded}",
        "  tmp/a (file, 0 bytes)",
        "  etc/a (file, 0 bytes)",
        "",
        "Found 2 match(es) in 1 layer(s).",
        f"demo/image:1:{diff_id.removeprefix('sha256:')}:etc/a",
    ]
    assert f"Excluded 1 entry from layer {before.layers[0].digest.encoded[:12]}\n" in result.stderr
    assert summary_of(result).startswith("2 layers, ")


def test_with_json_nothing_else_is_on_standard_output(console: Console) -> None:
    """What a filter prints goes to standard error then."""
    result = console.succeed("-O", "json", "process", "-f", "search:pattern=a", HERE, THERE)
    assert json.loads(result.stdout)["layers"] == 2
    assert "Found 2 match(es) in 1 layer(s)." in result.stderr


def test_what_was_filtered_is_verified(console: Console) -> None:
    """As what it has become."""
    filters = ("-f", "exclude:pattern=tmp", "-f", "normalize-timestamps:ts=5")
    for target in (THERE, "tar://new.tar"):
        report = console.report("--verify-full", "process", *filters, HERE, target)
        assert {check["check"] for check in report["verify"]} == {"verify.ok"}
    assert console.files() == {"new.tar"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exlude:pattern=a", "Unknown filter: exlude (did you mean exclude?)"),
        ("exclude:pater=a", "doesn't know the option 'pater' (did you mean pattern?)"),
        ("exclude:*.pyc", "Invalid filter option (missing =): *.pyc"),
        ("inspect:file=missing/x.json", "can't write missing/x.json: No such file or directory"),
    ],
)
def test_a_mistake_is_one_line(console: Console, shelf: Shelf, text: str, said: str) -> None:
    """Exit code 1; nothing is half-written."""
    for target in (THERE, "tar://new.tar"):
        assert said in error_of(console.run("process", "-f", text, HERE, target))
    assert shelf.get("new", "1") is None
    assert console.files() == set()


def test_a_filter_without_its_text_is_a_usage_error(console: Console) -> None:
    """As with any option."""
    result = console.run("process", HERE, THERE, "-f")
    assert result.exit_code == 2
    assert "'-f' requires an argument" in result.stderr


def test_the_help_names_every_filter(console: Console) -> None:
    """And how it is written."""
    shown = console.succeed("process", "--help").stdout
    for name in (
        "normalize-timestamps[:ts=",
        "exclude:pattern=",
        "search:pattern=",
        "inspect:file=",
    ):
        assert name in shown
