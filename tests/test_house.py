"""The house stands as docs/architecture.md draws it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.house import (
    ALSO_STANDS_ON,
    STANDS_ON,
    environment_reads,
    forbidden_arrows,
    forbidden_modules,
    import_circles,
    missing_init_files,
    oversized,
    unseen_imports,
)
from tests.support.source_tree import PACKAGES, Import, imports_of_tree

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    """Every import of this project."""
    return imports_of_tree(ROOT)


def test_there_is_a_house_to_check(imports: list[Import]) -> None:
    """The checks below look at the real tree: errors is imported by the language."""
    assert any(found.target == "occystrap.errors" for found in imports)


def test_imports_follow_the_arrows(imports: list[Import]) -> None:
    """No room stands on one that it may not know."""
    assert forbidden_arrows(imports) == []


def test_no_circle_of_imports(imports: list[Import]) -> None:
    """Modules can be read in an order in which each uses only what came before."""
    assert import_circles(imports) == []


def test_no_module_where_it_has_no_place(imports: list[Import]) -> None:
    """The errors and the language are pure, and the tool knows no test package."""
    assert forbidden_modules(imports) == []


def test_no_import_that_the_checks_cannot_see(imports: list[Import]) -> None:
    """Only commands and the plugin load modules by a computed name."""
    assert unseen_imports(imports) == []


def test_settings_are_arguments_below_the_command_line() -> None:
    """Only the command line looks at environment variables."""
    assert environment_reads(ROOT) == []


def test_files_and_functions_are_small() -> None:
    """No file and no function, tests included, is longer than the wall."""
    assert oversized(ROOT, (*PACKAGES, "tests", "benchmarks")) == []


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder without __init__.py would be left out of checks that walk packages."""
    assert missing_init_files(ROOT) == []


def test_the_picture_has_no_circle_and_no_loose_end() -> None:
    """Every room that an arrow names is a room, and none stands on itself."""
    arrows = [*STANDS_ON.values(), *ALSO_STANDS_ON.values()]
    assert {room for rooms in arrows for room in rooms} <= STANDS_ON.keys()
    assert (
        import_circles(
            [
                Import(f"occystrap.{a}", f"occystrap.{b}", 0)
                for a, rooms in STANDS_ON.items()
                for b in rooms
            ]
        )
        == []
    )
