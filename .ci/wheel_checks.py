"""Check an installed wheel from the inside; run by wheel-smoke in the bare environment."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from pathlib import Path

#: Files that no import asks for.
DATA = (
    "occystrap/py.typed",
    "pytest_occystrap/py.typed",
    *(
        f"pytest_occystrap/sweep/report/{name}"
        for name in (
            "template.html",
            "report.css",
            "model.js",
            "matrix.js",
            "waterfall.js",
            "page.js",
        )
    ),
)
TEST_PACKAGES = ("pytest", "vcr", "respx", "hypothesis", "pytest_recording")


def main() -> None:
    """Fail with a message for the first thing that is wrong."""
    occystrap = importlib.import_module("occystrap")
    package = Path(str(occystrap.__file__)).parent
    expect(package.is_relative_to(sys.prefix), f"{package} is not of the environment {sys.prefix}")
    version = importlib.metadata.version("occystrap")
    expect(version == occystrap.__version__, f"metadata says {version}")
    for name in TEST_PACKAGES:
        expect(importlib.util.find_spec(name) is None, f"the tool pulled in {name}")
    for name in DATA:
        expect((package.parent / name).is_file(), f"{name} is missing")
    modules = [found.name for found in pkgutil.walk_packages([str(package)], "occystrap.")]
    for name in modules:
        if not name.endswith(".__main__"):
            importlib.import_module(name)
    print(f"occystrap {version}: {len(modules)} modules import without any test package")


def expect(condition: object, message: str) -> None:
    """Exit with the message unless the condition holds."""
    if not condition:
        sys.exit(f"wheel-smoke: {message}")


if __name__ == "__main__":
    main()
