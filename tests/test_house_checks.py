"""The checks of the house, seen to fail on small made-up trees and to let the rest pass."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.house import (
    MAX_FILE_LINES,
    MAX_FUNCTION_LINES,
    environment_reads,
    forbidden_arrows,
    forbidden_modules,
    import_circles,
    missing_init_files,
    oversized,
    unseen_imports,
)
from tests.support.source_tree import imports_of_tree

MakeTree = Callable[[dict[str, str]], Path]


@pytest.fixture
def make_tree(tmp_path: Path) -> MakeTree:
    """Write a made-up source tree and return its root."""

    def make(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("importer", "statement", "target"),
    [
        ("oci/digest", "from occystrap.client import session", "occystrap.client"),
        ("oci/digest", "import occystrap.util", "occystrap.util"),
        ("errors", "from occystrap.oci import digest", "occystrap.oci"),
        ("image/layer", "from ..client.session import Session", "occystrap.client.session"),
        ("image/layer", "from .. import server", "occystrap.server"),
        ("server/store", "def f():\n    from occystrap.client import session", "occystrap.client"),
        (
            "client/auth",
            "import importlib as i\ni.import_module('occystrap.main')",
            "occystrap.main",
        ),
        ("outputs/tar", "from occystrap.inputs import tarfile", "occystrap.inputs"),
        ("inputs/registry", "from occystrap.server import store", "occystrap.server"),
        ("client/auth", "import pytest_occystrap", "pytest_occystrap"),
        ("__init__", "from occystrap import errors", "occystrap.errors"),
    ],
)
def test_a_forbidden_arrow_is_found(
    make_tree: MakeTree, importer: str, statement: str, target: str
) -> None:
    """However it is written, an import against the arrows is named with both ends."""
    rooms = ("client", "inputs", "oci", "server")
    known = {f"occystrap/{room}/__init__.py": "" for room in rooms} | {"occystrap/errors.py": ""}
    root = make_tree(known | {f"occystrap/{importer}.py": statement})

    (problem,) = forbidden_arrows(imports_of_tree(root))

    assert f"imports {target}" in problem


def test_a_type_checking_import_counts(make_tree: MakeTree) -> None:
    """An import that only the type checker sees is an arrow all the same."""
    root = make_tree(
        {
            "occystrap/oci/manifest.py": """
                from typing import TYPE_CHECKING
                if TYPE_CHECKING:
                    from occystrap.image.layer import Layer
            """
        }
    )

    assert len(forbidden_arrows(imports_of_tree(root))) == 1


@pytest.mark.parametrize(
    ("importer", "statement"),
    [
        ("occystrap/server/forward", "from occystrap.client import registry"),
        ("occystrap/inputs/dockerpush", "from occystrap.server import registry"),
        ("occystrap/client/auth", "from occystrap.oci.challenge import parse"),
        ("occystrap/client/auth", "from occystrap import __version__"),
        ("occystrap/main", "from occystrap import errors, util"),
        ("pytest_occystrap/fake", "from occystrap.server import registry"),
    ],
)
def test_an_arrow_that_is_drawn_is_allowed(
    make_tree: MakeTree, importer: str, statement: str
) -> None:
    """What the plan allows, single files with a room more included, is no problem."""
    root = make_tree({f"{importer}.py": statement})

    assert forbidden_arrows(imports_of_tree(root)) == []


def test_the_plugin_knows_only_four_rooms(make_tree: MakeTree) -> None:
    """The plugin package stands on both ends of the protocol, never on the tool."""
    root = make_tree({"pytest_occystrap/fake.py": "from occystrap.pipeline import PipelineBuilder"})

    assert len(forbidden_arrows(imports_of_tree(root))) == 1


def test_a_room_without_arrows_is_found(make_tree: MakeTree) -> None:
    """A new room has to be drawn before it is used."""
    root = make_tree({"occystrap/main.py": "from occystrap.attic import chest"})

    (problem,) = forbidden_arrows(imports_of_tree(root))

    assert "no arrow is drawn for ['attic']" in problem


def test_a_circle_is_found(make_tree: MakeTree) -> None:
    """Three modules of one room that import each other in turn are shown in that order."""
    root = make_tree(
        {
            "occystrap/oci/a.py": "from occystrap.oci.b import B",
            "occystrap/oci/b.py": "def later():\n    from occystrap.oci import c",
            "occystrap/oci/c.py": "from . import a",
        }
    )

    (circle,) = import_circles(imports_of_tree(root))

    assert all(f"occystrap.oci.{name}" in circle for name in "abc")


@pytest.mark.parametrize(
    ("importer", "statement"),
    [
        ("errors", "import typing"),
        ("oci/digest", "import httpx"),
        ("oci/digest", "from os import path"),
        ("oci/digest", "import urllib.request"),
        ("oci/digest", "from time import monotonic"),
        ("client/auth", "import pytest"),
        ("server/store", "from vcr.cassette import Cassette"),
        ("main", "import respx"),
    ],
)
def test_a_module_out_of_place_is_found(make_tree: MakeTree, importer: str, statement: str) -> None:
    """I/O in the language, anything in errors, test packages in the tool: each is named."""
    root = make_tree({f"occystrap/{importer}.py": statement})

    assert len(forbidden_modules(imports_of_tree(root))) == 1


@pytest.mark.parametrize(
    ("importer", "statement"),
    [
        ("occystrap/errors", "from __future__ import annotations"),
        ("occystrap/oci/digest", "import hashlib\nfrom urllib.parse import quote"),
        ("occystrap/client/session", "import httpx, time"),
        ("pytest_occystrap/plugin", "import pytest"),
    ],
)
def test_a_module_in_its_place_is_allowed(
    make_tree: MakeTree, importer: str, statement: str
) -> None:
    """Each room may import what its work needs."""
    root = make_tree({f"{importer}.py": statement})

    assert forbidden_modules(imports_of_tree(root)) == []


def test_a_computed_import_is_found_outside_the_commands(make_tree: MakeTree) -> None:
    """A name known at run time only can't be checked, so only the command loader may use one."""
    code = "import importlib\ndef load(name):\n    return importlib.import_module(name)"
    root = make_tree({"occystrap/main.py": code, "occystrap/client/auth.py": code})

    (problem,) = unseen_imports(imports_of_tree(root))

    assert problem.startswith("occystrap.client.auth:3")


@pytest.mark.parametrize(
    "statement",
    ["import os\nx = os.environ['X']", "from os import getenv as get", "import os\nos.getenv('X')"],
)
def test_a_read_of_the_environment_is_found(make_tree: MakeTree, statement: str) -> None:
    """However it is read; in a command it is allowed."""
    root = make_tree({"occystrap/commands/x.py": statement, "occystrap/client/x.py": statement})

    (problem,) = environment_reads(root)

    assert problem.startswith("occystrap.client.x:")


def test_an_environment_that_is_handed_in_is_allowed(make_tree: MakeTree) -> None:
    """A mapping of that name is an argument like any other."""
    root = make_tree({"occystrap/client/x.py": "def f(options):\n    return options.environ['X']"})

    assert environment_reads(root) == []


def test_a_long_file_is_found(make_tree: MakeTree) -> None:
    """One line over the wall is one problem; at the wall there is none."""
    root = make_tree({"a/at.py": "x = 1\n" * MAX_FILE_LINES, "a/over.py": "x = 1\n" * 301})

    (problem,) = oversized(root, ["a"])

    assert problem.startswith("a/over.py has 301 lines")


def test_a_long_function_is_found(make_tree: MakeTree) -> None:
    """Methods and coroutines count, from the line of `def` to the last."""
    body = "        x = 1\n" * (MAX_FUNCTION_LINES - 1)
    at = f"    def at(self):\n{body}"
    over = f"    async def over(self):\n{body}        y = 2\n"
    root = make_tree({"a/m.py": f"class C:\n{at}\n{over}"})

    (problem,) = oversized(root, ["a"])

    assert " over has 61 lines" in problem


def test_a_folder_that_is_no_package_is_found(make_tree: MakeTree) -> None:
    """A room without __init__.py is named."""
    root = make_tree({"occystrap/__init__.py": "", "occystrap/attic/chest.py": ""})

    assert missing_init_files(root) == ["occystrap/attic has no __init__.py"]
