"""Images of Docker and Podman daemons: which scheme is which way to them.

Rule: a scheme is a row of a table. What talks to a daemon is imported when somebody asks for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from occystrap.image.progress import Progress
    from occystrap.inputs.base import ImageInput
    from occystrap.options import Options
    from occystrap.outputs.base import ImageOutput
    from occystrap.uri import URISpec

__all__ = ["DAEMON_INPUTS", "DAEMON_OUTPUTS"]


def _saved(spec: URISpec, options: Options, progress: Progress) -> ImageInput:
    from occystrap.inputs import docker

    return docker.Image.from_uri(spec, options, progress)


def _pushed(spec: URISpec, options: Options, progress: Progress) -> ImageInput:
    from occystrap.inputs import dockerpush

    return dockerpush.Image.from_uri(spec, options, progress)


def _loaded(spec: URISpec, options: Options, progress: Progress) -> ImageOutput:
    from occystrap.outputs.docker import DockerWriter

    return DockerWriter.from_uri(spec, options, progress)


DAEMON_INPUTS: Final[Mapping[str, Callable[[URISpec, Options, Progress], ImageInput]]] = {
    "docker": _saved,
    "dockerpush": _pushed,
}
DAEMON_OUTPUTS: Final[Mapping[str, Callable[[URISpec, Options, Progress], ImageOutput]]] = {
    "docker": _loaded,
}
