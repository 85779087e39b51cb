"""The images that a registry begins with: those of tarballs.

Rule: they come in as everything else does, by a push.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from occystrap.commands.serve_values import place_of
from occystrap.errors import ImageInputError
from occystrap.image.archived import NAMELESS, split_name
from occystrap.inputs.tarfile import Image, image_names
from occystrap.oci.reference import join_name
from occystrap.outputs.registry import RegistryWriter
from occystrap.pipeline import Pipeline
from occystrap.server.doors.in_process import InProcessTransport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from occystrap.commands.serve_values import Seed
    from occystrap.server.message import Handler

__all__ = ["sow"]

#: What the registry is called while nobody but us can reach it.
_HOST: Final = "registry.invalid"


def sow(
    handler: Handler,
    seeds: Iterable[Seed],
    temp_dir: str | None = None,
    *,
    library: bool = False,
) -> Iterator[str]:
    """Push the images of tarballs, and yield the name of each.

    With `library` what Docker Hub keeps under `library/` is kept there.

    Raises:
        OccystrapError: a tarball can't be read, or has no name for its image.
    """
    with httpx.Client(transport=InProcessTransport(handler)) as client:
        for seed in seeds:
            if seed.name:
                source = Image(seed.path, temp_dir=temp_dir)
                yield _push(source, client, place_of(seed.name, library=library), temp_dir)
                continue
            for name in _names(seed.path, temp_dir):
                source = Image(seed.path, select=name, temp_dir=temp_dir)
                yield _push(source, client, place_of(name, library=library), temp_dir)


def _names(path: str, temp_dir: str | None) -> list[str]:
    names = image_names(path, temp_dir=temp_dir)
    if not names or any(split_name(name)[0] == NAMELESS[0] for name in names):
        raise ImageInputError(f"{path} has no name for its image; give it one: --image NAME={path}")
    return names


def _push(source: Image, client: httpx.Client, place: tuple[str, str], temp_dir: str | None) -> str:
    image, tag = place
    writer = RegistryWriter(_HOST, image, tag, client=client, temp_dir=temp_dir)
    Pipeline(source, writer).run()
    return join_name(image, tag)
