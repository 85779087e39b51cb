"""What the user has chosen, as one frozen value.

Rule: the command line is read once, at the door; below it nobody looks into a dictionary of strings
or into the environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """The global options; each is kept in `ctx.obj` under its name in upper case.

    `environ` is what credential files and proxies are looked up in.
    """

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    authfile: str | None = None
    insecure: bool = False
    ca_file: str | None = None
    cert: str | None = None
    key: str | None = None
    skip_verify: bool = False
    compression: str | None = None
    compression_level: int | None = None
    max_workers: int = 4
    temp_dir: str | None = None
    layer_cache: str | None = None
    output_format: str = "text"
    retries: int = 3
    rate_limit: float | None = None
    image_parallel: int = 3
    verify: bool = True
    verify_full: bool = False
    environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @classmethod
    def from_context(cls, ctx: Any) -> Options:
        """Read a click context, or what has a dict for its `obj`.

        None gives the defaults, and options are what they are.
        """
        if isinstance(ctx, Options):
            return ctx
        found: object = getattr(ctx, "obj", None)
        if not isinstance(found, dict):
            return cls()
        obj = cast("dict[str, Any]", found)
        names = [f.name for f in fields(cls)]
        return cls(**{name: obj[name.upper()] for name in names if name.upper() in obj})

    def to_context(self) -> dict[str, Any]:
        """Write the keys of `ctx.obj`."""
        return {f.name.upper(): getattr(self, f.name) for f in fields(self)}
