"""Moving all the images that one URI names, several at once.

Rule: each image is a run of its own: one that fails is told of, and ends none of the others. What
is at the destination already is left alone, so that a run that was broken off is begun again.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, final

from occystrap.errors import InvalidOption, OccystrapError, PipelineError, URIParseError
from occystrap.image.workers import Workers
from occystrap.oci.manifest import Index
from occystrap.pipeline import ALL_PLATFORMS
from occystrap.quay import resolve_quay_uri
from occystrap.uri import redacted
from occystrap.uri.spec import URISpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from occystrap.pipeline import PipelineBuilder
    from occystrap.report import Report

__all__ = ["BulkReport", "Failure", "Shard", "find_images", "move_all", "survey"]

Seen = TypeVar("Seen")

#: Whom Quay takes the token of its API from as a password.
_OAUTH_USER: Final = "$oauthtoken"
#: Options of a source that are of the search for images, not of the images.
_OF_THE_SEARCH: Final = frozenset({"base", "since", "token"})
_SHARD: Final = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of several; which images it has is decided by their names alone."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `NUMBER/OF`, counted from 1.

        Raises:
            InvalidOption: it is something else.
        """
        match = _SHARD.fullmatch(text)
        number, of = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= number <= of:
            raise InvalidOption(f"a shard is NUMBER/OF, such as 1/4, not {text[:40]!r}")
        return cls(number, of)

    def has(self, name: str) -> bool:
        """Whether this part has the image, whatever other images there are."""
        drawn = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
        return drawn % self.of == self.number - 1


@dataclass(frozen=True, slots=True)
class Failure:
    """An image or a repository that couldn't be dealt with."""

    name: str
    error: str


@dataclass(slots=True)
class BulkReport:
    """What became of the images: `current` were at the destination already, with their digest."""

    done: list[Report] = field(default_factory=list["Report"])
    current: list[str] = field(default_factory=list[str])
    failures: list[Failure] = field(default_factory=list[Failure])


class Move(Protocol):
    """Moves one image."""

    def __call__(self, source: URISpec, destination: URISpec) -> Report:
        """Move it, and look at what was written."""
        ...


def find_images(
    builder: PipelineBuilder,
    spec: URISpec,
    on_failure: Callable[[str, OccystrapError], None],
    shard: Shard = Shard(),
) -> list[URISpec]:
    """Find the images that a `quay://` URI names, as URIs of a registry, sorted by name.

    A repository that can't be looked into is told to `on_failure`.

    Raises:
        OccystrapError: the list of repositories can't be had.
    """
    options = builder.options
    found: object = spec.options.get("token")
    token = str(found) if found is not None else _implied_token(builder)
    images = resolve_quay_uri(
        spec,
        token,
        max_workers=options.max_workers,
        client=builder.http_client(spec),
        traffic=builder.traffic,
        on_failure=on_failure,
    )
    kept = {name: value for name, value in spec.options.items() if name not in _OF_THE_SEARCH}
    if token is not None and options.username is None and "username" not in kept:
        kept |= {"username": _OAUTH_USER, "password": token}
    if str(spec.options.get("base", "")).startswith("http://"):
        kept.setdefault("insecure", True)
    return [
        URISpec("registry", host, f"/{repository}:{tag}", kept)
        for host, repository, tag in images
        if shard.has(f"{host}/{repository}:{tag}")
    ]


def _implied_token(builder: PipelineBuilder) -> str | None:
    """Take a password without a user for the token of the API."""
    return builder.options.password if builder.options.username is None else None


def destination_of(source: URISpec, prefix: URISpec) -> URISpec:
    """Say where one of several images goes.

    Raises:
        PipelineError: the destination has room for one image only.
        URIParseError: it names a tag.
    """
    if prefix.scheme == "registry":
        path = prefix.path.rstrip("/")
        if ":" in path or "@" in path:
            raise URIParseError(
                "the destination of several images is registry://HOST[/PREFIX], without a tag:"
                " each has its own name and tag behind it"
            )
        return replace(prefix, path=path + source.path)
    if prefix.scheme == "dir" and prefix.options.get("unique_names"):
        return prefix
    raise PipelineError(
        f"{prefix.scheme}:// is for one image; several go to registry://HOST[/PREFIX], or to"
        " dir://PATH?unique_names=true"
    )


@final
class _Run:
    """The images of one command."""

    def __init__(
        self, builder: PipelineBuilder, move: Move, tell: Callable[[str], None], *, again: bool
    ) -> None:
        self._builder = builder
        self._move = move
        self._tell = tell
        self._again = again
        self._lock = threading.Lock()
        self._begun = 0
        self.report = BulkReport()

    def run(self, images: Sequence[tuple[URISpec, URISpec]]) -> None:
        """Move them; which comes first is only a matter of when it begins."""
        with Workers(self._builder.options.image_parallel) as workers:
            for source, destination in images:
                workers.submit(partial(self._one, source, destination, len(images)))
            workers.wait()

    def _one(self, source: URISpec, destination: URISpec, count: int) -> None:
        name = f"{source.host}{source.path}"
        with self._lock:
            self._begun += 1
            self._tell(f"[{self._begun}/{count}] {name}")
        try:
            if not self._again and is_current(self._builder, source, destination):
                with self._lock:
                    self.report.current.append(name)
                return
            done = self._move(source, destination)
        except OccystrapError as error:
            with self._lock:
                self.report.failures.append(Failure(name, str(error)))
        else:
            with self._lock:
                self.report.done.append(done)


def move_all(
    builder: PipelineBuilder,
    images: Sequence[URISpec],
    destination: URISpec,
    move: Move,
    *,
    tell: Callable[[str], None],
    again: bool = False,
) -> BulkReport:
    """Move images, so many at once as the options say; `tell` gets a line as each begins.

    `again` moves also what is at the destination already: where filters or another compression
    make another image of it, its digest says nothing.

    Raises:
        OccystrapError: the destination isn't one for several images.
    """
    pairs = [(source, destination_of(source, destination)) for source in images]
    run = _Run(builder, move, tell, again=again)
    run.run(pairs)
    order = {redacted(source): place for place, (source, _) in enumerate(pairs)}
    run.report.done.sort(key=lambda report: order[report.source])
    run.report.current.sort()
    run.report.failures.sort(key=lambda failure: failure.name)
    return run.report


def survey(
    builder: PipelineBuilder,
    images: Sequence[URISpec],
    look: Callable[[URISpec], Seen],
    on_failure: Callable[[str, OccystrapError], None],
) -> list[Seen | None]:
    """Look at images, so many at once as the options say; None where one can't be looked at."""
    found: list[Seen | None] = [None] * len(images)

    def look_at(place: int, image: URISpec) -> None:
        try:
            found[place] = look(image)
        except OccystrapError as error:
            on_failure(f"{image.host}{image.path}", error)

    with Workers(builder.options.image_parallel) as workers:
        for place, image in enumerate(images):
            workers.submit(partial(look_at, place, image))
        workers.wait()
    return found


def is_current(builder: PipelineBuilder, source: URISpec, destination: URISpec) -> bool:
    """Whether a registry has under the destination's name what it would get.

    Two HEAD requests where the digests are equal; of an index the image for the platform counts.

    Raises:
        OccystrapError: one of them can't be asked.
    """
    if destination.scheme != "registry":
        return False
    target = builder.registry_input(destination)
    there = target.client.find_manifest(target.image, target.reference.identifier)
    if there is None:
        return False
    image = builder.registry_input(source)
    if image.client.find_manifest(image.image, image.reference.identifier) == there:
        return True
    if source.options.get("platform") == ALL_PLATFORMS or not isinstance(image.get_root(), Index):
        return False
    return image.get_manifest().digest == there
