"""What the options of `occystrap registry serve` hold.

Rule: a password is in no message, and in no repr.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from occystrap.errors import InvalidInput, InvalidReference
from occystrap.oci.reference import DOCKER_HUB, Reference

__all__ = ["AccountType", "Seed", "SeedType", "SizeType", "place_of"]


@dataclass(frozen=True, slots=True)
class Seed:
    """A tarball, and what its image is called; empty: what the tarball calls it."""

    path: str
    name: str = ""


class SeedType(click.ParamType[Seed]):
    """`[NAME=]TARBALL`."""

    name = "[NAME=]TARBALL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Seed:
        """Read one; a file that is there is a tarball, whatever is in its name."""
        if isinstance(value, Seed):
            return value
        name, equals, path = str(value).partition("=")
        if not equals or Path(value).exists():
            return Seed(str(value))
        try:
            place_of(name)
            return Seed(path, name)
        except InvalidInput as error:
            self.fail(f"what stands before the '=' is no name of an image: {error}", param, ctx)


def place_of(name: str, *, library: bool = False) -> tuple[str, str]:
    """Work out repository and tag of a name: as Docker writes them, without the registry.

    With `library` Docker Hub's `busybox` is `library/busybox`, as Docker Hub itself has it.

    Raises:
        InvalidReference: it is no name of an image, or not one by tag.
        InvalidDigest: what follows the `@` is no digest.
    """
    reference = Reference.parse(name)
    if reference.digest is not None:
        raise InvalidReference(f"an image is named by its tag here, not by digest: {name[:255]!r}")
    hub = reference.registry == DOCKER_HUB and not library
    return reference.familiar if hub else reference.repository, reference.identifier


class AccountType(click.ParamType[tuple[str, str]]):
    """`NAME:PASSWORD`, which no message repeats."""

    name = "NAME:PASSWORD"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split it."""
        if isinstance(value, tuple):
            return value
        name, colon, password = str(value).partition(":")
        if not (colon and name and password and value.isprintable()):
            self.fail("it is a name, a colon and a password", param, ctx)
        return name, password


_SIZE: Final = re.compile(r"([1-9][0-9]{0,15})\s*([kmgt]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


class SizeType(click.ParamType[int]):
    """A count of bytes: `500M`, `20G`; units are powers of 1024."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read one."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail("it is a number of bytes, such as 500M or 20G", param, ctx)
        return int(match[1]) * _UNITS[match[2].lower()]
