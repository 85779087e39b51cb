"""The fake registry in a process of its own, for others to measure.

    python -m benchmarks.peers.serve DIALECT REPOSITORIES BLOB_MIB [DIRECTORY]

Prints its host, its host behind TLS, the file of its authority, digest and size of a blob as
JSON; serves until its standard input ends.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any, Final

from pytest_occystrap import FakeRegistry

__all__: list[str] = []

_MIB: Final = 1024 * 1024


def main() -> None:
    """Serve what the arguments say."""
    dialect, repositories, size, *directory = sys.argv[1:]
    images = [f"bench/r{number:03}:1" for number in range(int(repositories))]
    chosen: dict[str, Any] = {"directory": Path(directory[0])} if directory else {}
    chosen |= {"dialect": dialect} if dialect else {}
    registry = FakeRegistry(images=images, **chosen)
    said: dict[str, object] = {
        "digest": "",
        "host": registry.host,
        "https_host": registry.https_host,
        "ca_file": str(registry.ca_file),
    }
    if int(size):
        blob = random.Random(1).randbytes(int(size) * _MIB)  # noqa: S311 - no secret
        image = registry.add_image("bench/blob:1", layers=[{"blob": blob}], compression="none")
        said |= {"digest": str(image.layers[0].digest), "size": len(image.layers[0].content)}
    print(json.dumps(said), flush=True)
    sys.stdin.read()
    registry.close()


if __name__ == "__main__":
    main()
