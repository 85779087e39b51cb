"""Putting the parts together: one source, the filters, one destination.

Rule: a scheme is a row of a table. What all parts of a run share (the client, the rate limit, the
retry budget) is made here, once, and closed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast, final

from occystrap.client.credentials import DockerConfig, credential_files
from occystrap.client.limiter import RateLimiter
from occystrap.client.retry import RetryPolicy
from occystrap.client.traffic import Traffic
from occystrap.daemons import DAEMON_INPUTS, DAEMON_OUTPUTS
from occystrap.disk import DISK_INPUTS, DISK_OUTPUTS, DiskTarget
from occystrap.errors import PipelineError
from occystrap.filters.base import Means
from occystrap.filters.build import Surroundings, read_filters
from occystrap.image.cache import LayerCache
from occystrap.image.progress import NoProgress
from occystrap.inputs import registry as registry_input
from occystrap.inputs.base import Pushed
from occystrap.options import Options
from occystrap.side import ALL_PLATFORMS, Sessions, Side, chosen_platform, text_option
from occystrap.uri import check_options, parse_registry_uri, parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    import httpx

    from occystrap.filters.build import Filters
    from occystrap.image.progress import Progress
    from occystrap.inputs.base import ImageInput
    from occystrap.outputs.base import ImageOutput
    from occystrap.outputs.registry import RegistryWriter
    from occystrap.uri import URISpec
    from occystrap.uri.schemes import Role

__all__ = ["ALL_PLATFORMS", "Pipeline", "PipelineBuilder"]

_MakeInput: TypeAlias = "Callable[[PipelineBuilder, URISpec], ImageInput]"
_MakeOutput: TypeAlias = "Callable[[PipelineBuilder, URISpec, ImageInput], ImageOutput]"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A source and a destination that fit together; `entry` is the first filter, if there is one.

    It leads to the output through all others, and closes it.
    """

    source: ImageInput
    output: ImageOutput
    entry: ImageOutput | None = None

    def run(self) -> None:
        """Move the image; on every way out both ends are closed.

        Raises:
            OccystrapError: it can't be read or written; nothing half-written is left.
        """
        source, output = self.source, self.entry or self.output
        if isinstance(source, Pushed):
            _tell_what_is_held(source, output)
        try:
            ordered = output.requires_ordered_layers
            for element in source.fetch(output.fetch_callback, ordered=ordered):
                output.process_image_element(element)
            output.finalize()
        finally:
            output.close()
            source.close()


@final
class PipelineBuilder:
    """Makes the parts of pipelines from URIs; close it when the run is over.

    `ctx` is a click context, or None for the defaults. With a `client` (or one in `ctx.obj` under
    `CLIENT`) all requests go through it, and it stays open. `traffic` brings manners of its own;
    `TIME` in `ctx.obj` is what a run waits by: `clock`, `wall_clock` and `sleep` of a Traffic.
    `echo` gets the lines that filters print, and how to unmount what was mounted.
    """

    def __init__(
        self,
        ctx: Any = None,
        *,
        client: httpx.Client | None = None,
        progress: Progress | None = None,
        traffic: Traffic | None = None,
        echo: Callable[[str], None] = print,
    ) -> None:
        self.options = options = Options.from_context(ctx)
        found = getattr(ctx, "obj", None)
        obj = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        self.progress = progress or NoProgress()
        self._echo = echo
        limiter = None if options.rate_limit is None else RateLimiter(options.rate_limit)
        policy = RetryPolicy(options.retries)
        self.traffic = traffic or Traffic(limiter=limiter, policy=policy, **obj.get("TIME", {}))
        self._stored = DockerConfig(*credential_files(options.environ, options.authfile))
        self._cache = None if options.layer_cache is None else LayerCache(options.layer_cache)
        own_client: Any = obj.get("CLIENT") if client is None else client
        self._sessions = Sessions(own_client, self.traffic, options.environ)

    def close(self) -> None:
        """Close what was made here, and nothing that was handed in."""
        self._sessions.close()

    def __enter__(self) -> PipelineBuilder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def read_source(self, uri: str | URISpec) -> URISpec:
        """Read the URI of a source; one that was read is held against what there is.

        Raises:
            PipelineError: there is no such scheme.
            URIParseError: the URI can't be parsed, or has an option that doesn't exist.
        """
        return _read(uri, "input", _INPUTS)

    def read_destination(self, uri: str | URISpec) -> URISpec:
        """Read the URI of a destination; raises what `read_source` does."""
        return _read(uri, "output", _OUTPUTS)

    def build_input(self, uri: str | URISpec) -> ImageInput:
        """Make the source that a URI names.

        Raises:
            OccystrapError: it can't be read, or there is no such thing.
        """
        spec = self.read_source(uri)
        return _INPUTS[spec.scheme](self, spec)

    def build_output(self, uri: str, source: ImageInput) -> ImageOutput:
        """Make the destination that a URI names, for the image of a source.

        Raises:
            OccystrapError: it can't be written, or there is no such thing.
        """
        spec = self.read_destination(uri)
        return _OUTPUTS[spec.scheme](self, spec, source)

    def build_pipeline(
        self,
        source: str | URISpec,
        destination: str | URISpec,
        filters: Sequence[str] = (),
    ) -> Pipeline:
        """Make both ends, and filters in between; nothing is opened before all are read."""
        spec, target = self.read_source(source), self.read_destination(destination)
        steps = read_filters(filters, self.options.temp_dir)
        image = _INPUTS[spec.scheme](self, spec)
        try:
            output = _OUTPUTS[target.scheme](self, target, image)
        except BaseException:
            image.close()
            raise
        return self.filtered(image, output, steps)

    def surroundings(self, source: ImageInput) -> Surroundings:
        """Say what filters are told of the image of a source."""
        options = self.options
        means = Means(options.max_workers, options.temp_dir, self.progress)
        return Surroundings(source.image, source.tag, means, self._cache, self._echo)

    def filtered(
        self,
        source: ImageInput,
        output: ImageOutput,
        filters: Filters,
        told: Surroundings | None = None,
    ) -> Pipeline:
        """Make a pipeline of ends that are there; running it closes them."""
        return Pipeline(source, output, filters.around(output, told or self.surroundings(source)))

    def registry_input(self, spec: URISpec) -> registry_input.Image:
        """Make a source of the scheme `registry`."""
        side, options = self._side(spec), self.options
        host, image, tag = parse_registry_uri(spec)
        platform = chosen_platform(spec, options)
        return registry_input.Image(
            host,
            image,
            tag,
            platform.os,
            platform.architecture,
            platform.variant,
            side.secure,
            max_workers=side.max_workers,
            session=self._sessions.of(side.tls),
            credentials=side.credentials,
        )

    def registry_output(
        self, spec: URISpec, tag: str | None = None, *, by_digest: bool = False
    ) -> RegistryWriter:
        """Make a destination of the scheme `registry`; `tag` replaces the one of the URI.

        With `by_digest` the image gets no tag.
        """
        from occystrap.outputs.registry import RegistryWriter

        side, options = self._side(spec), self.options
        host, image, own_tag = parse_registry_uri(spec)
        return RegistryWriter(
            host,
            image,
            tag or own_tag,
            side.secure,
            compression_type=text_option(spec, "compression", options.compression),
            compression_level=options.compression_level,
            max_workers=side.max_workers,
            temp_dir=options.temp_dir,
            layer_cache=self._cache,
            progress=self.progress,
            session=self._sessions.of(side.tls),
            credentials=side.credentials,
            by_digest=by_digest,
        )

    def disk_target(self, spec: URISpec, source: ImageInput) -> DiskTarget:
        """Say what a destination on a disk has to know; the image keeps the name it has."""
        name, workers = source.image, self.options.max_workers
        if isinstance(source, registry_input.Image):
            name, workers = source.reference.familiar, source.max_workers
        return DiskTarget(spec, self.options, self.progress, name, source.tag, workers, self._echo)

    def _side(self, spec: URISpec) -> Side:
        return Side.of(spec, self.options, self._stored)

    def http_client(self, spec: URISpec) -> Any:
        """Return the client that was handed in, or make one for an API beside the registries."""
        return self._sessions.client(self._side(spec).tls)


def _tell_what_is_held(source: Pushed, output: ImageOutput) -> None:
    from occystrap.outputs.registry import RegistryWriter

    if isinstance(output, RegistryWriter):
        source.held = output.held


def _read(uri: str | URISpec, role: Role, known: Mapping[str, object]) -> URISpec:
    spec = parse_uri(uri) if isinstance(uri, str) else uri
    if spec.scheme not in known:
        there_is = ", ".join(sorted(known))
        raise PipelineError(f"Unknown {role} scheme: {spec.scheme} (known: {there_is})")
    check_options(spec, role)
    return spec


def _disk_input(make: Callable[[URISpec, Options], ImageInput]) -> _MakeInput:
    return lambda builder, spec: make(spec, builder.options)


def _disk_output(make: Callable[[DiskTarget], ImageOutput]) -> _MakeOutput:
    return lambda builder, spec, source: make(builder.disk_target(spec, source))


def _daemon_input(make: Callable[[URISpec, Options, Progress], ImageInput]) -> _MakeInput:
    return lambda builder, spec: make(spec, builder.options, builder.progress)


def _daemon_output(make: Callable[[URISpec, Options, Progress], ImageOutput]) -> _MakeOutput:
    return lambda builder, spec, _source: make(spec, builder.options, builder.progress)


_INPUTS: Final[dict[str, _MakeInput]] = {
    "registry": PipelineBuilder.registry_input,
    **{scheme: _daemon_input(make) for scheme, make in DAEMON_INPUTS.items()},
    **{scheme: _disk_input(make) for scheme, make in DISK_INPUTS.items()},
}
_OUTPUTS: Final[dict[str, _MakeOutput]] = {
    "registry": lambda builder, spec, _source: builder.registry_output(spec),
    **{scheme: _daemon_output(make) for scheme, make in DAEMON_OUTPUTS.items()},
    **{scheme: _disk_output(make) for scheme, make in DISK_OUTPUTS.items()},
}
