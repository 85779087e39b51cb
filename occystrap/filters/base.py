"""What all filters share: they look at every layer, side by side, before anything is passed on.

Rule: what stands behind a filter gets an image as an input would give it: the config, then all
layers in their order, of which it reads those that it wants.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar, final

from occystrap.client.download import once_more
from occystrap.errors import ImageOutputError
from occystrap.image.checks import CheckResults
from occystrap.image.element import CONFIG_FILE
from occystrap.image.once import Once
from occystrap.image.progress import NoProgress, tracked_tar
from occystrap.image.workers import Workers
from occystrap.outputs.base import Moved
from occystrap.outputs.kept import KeptBlobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer
    from occystrap.image.progress import Progress
    from occystrap.outputs.base import ImageOutput

__all__ = ["LayerFilter", "Means", "Nowhere", "at_once"]

Found = TypeVar("Found")

#: Digits of a name that are shown.
_SHOWN: Final = 12


@final
class Nowhere:
    """An output that takes an image and leaves it alone."""

    requires_ordered_layers = False

    def __init__(self) -> None:
        self.moved = Moved()

    def fetch_callback(self, digest: str) -> bool:  # noqa: ARG002 - the shape of the callback
        """Want no layer."""
        return False

    def process_image_element(self, element: ImageElement) -> None:
        """Take it."""

    def finalize(self) -> None:
        """Have nothing to do."""

    def verify(self, *, full: bool = False) -> CheckResults:  # noqa: ARG002 - of the protocol
        """Have nothing to look at."""
        return CheckResults()

    def close(self) -> None:
        """Hold nothing."""


@final
@dataclass(frozen=True, slots=True)
class Means:
    """What filters work with: so many threads, a place for temporary files, and a display.

    What images have `shared` is looked at once, and what they have of a registry kept once.
    """

    max_workers: int = 4
    temp_dir: str | None = None
    progress: Progress | None = None
    shared: Once = field(default_factory=Once)
    blobs: KeptBlobs = field(default_factory=KeptBlobs)


def at_once(act: Callable[[], None]) -> None:
    """Do now what others do later."""
    act()


class LayerFilter(Generic[Found]):
    """Wraps an output; `None` is nowhere. A kind of filter says what it does with each layer."""

    #: Layers are put into their order here.
    requires_ordered_layers = False
    #: What is shown while a layer is read.
    activity = "reading"

    def __init__(self, wrapped: ImageOutput | None, means: Means | None = None) -> None:
        self.wrapped: ImageOutput = wrapped or Nowhere()
        self._means = means or Means()
        self._workers = Workers(self._means.max_workers)
        self._config: ImageElement | None = None
        self._elements: dict[int, ImageElement] = {}
        self._found: dict[str, Found] = {}
        self._begun: set[str] = set()

    def look(self, element: ImageElement, layer: Layer) -> Found:
        """Look at a layer; called once for each that is different, by any thread."""
        raise NotImplementedError

    def conclude(self, config: ImageElement | None, layers: list[ImageElement]) -> None:
        """Pass everything on, now that all layers were looked at; `found` has what was found."""
        raise NotImplementedError

    def found(self, element: ImageElement) -> Found:
        """Return what was found in a layer."""
        return self._found[element.name]

    def read(self, name: str, layer: Layer) -> Iterator[bytes]:
        """Read the tar of a layer, for as long as the filter isn't stopped."""
        progress = self._means.progress or NoProgress()
        label = f"{self.activity} {name[:_SHOWN]}"
        return self._workers.guard(tracked_tar(layer, progress, label))

    @property
    def moved(self) -> Moved:
        """What the output has written."""
        return self.wrapped.moved

    def fetch_callback(self, digest: str) -> bool:  # noqa: ARG002 - the shape of the callback
        """Want every layer: the output is asked when it is known what became of it."""
        return True

    def process_image_element(self, element: ImageElement) -> None:
        """Take the config, and have a layer looked at as soon as a thread is free."""
        if element.element_type == CONFIG_FILE:
            self._config = element
            return
        layer = element.open_layer()
        if layer is None:
            raise ImageOutputError(f"layer {element.name} came without content")
        number = len(self._elements) if element.layer_index is None else element.layer_index
        layer = self._means.blobs.kept(layer, self._means.temp_dir)
        if element.layer is not None:
            element = replace(element, layer=layer)
        self._elements[number] = element
        if element.name not in self._begun:
            self._begun.add(element.name)
            self._workers.submit(partial(self._look, element, layer))

    def finalize(self) -> None:
        """Wait for all layers, pass the image on, and let it appear."""
        self._workers.wait()
        layers = [self._elements[number] for number in sorted(self._elements)]
        self._elements.clear()
        self.conclude(self._config, layers)
        self._found.clear()
        self.wrapped.finalize()

    def pass_on(self, element: ImageElement) -> None:
        """Give the output the config, or a layer if it wants that."""
        wanted = element.element_type == CONFIG_FILE or self.wrapped.fetch_callback(element.name)
        declined = replace(element, layer=None, data=None)
        self.wrapped.process_image_element(element if wanted else declined)

    def pass_all_on(self, config: ImageElement | None, layers: list[ImageElement]) -> None:
        """Give the output everything as it is."""
        if config is not None:
            self.pass_on(config)
        layers.reverse()  # what is passed on is forgotten here, and so is what it holds
        while layers:
            self.pass_on(layers.pop())

    def verify(self, *, full: bool = False) -> CheckResults:
        """Have the output look at what was written."""
        return self.wrapped.verify(full=full)

    def close(self) -> None:
        """Stop what is under way, and close the output."""
        self._workers.stop()
        self.wrapped.close()

    def _look(self, element: ImageElement, layer: Layer) -> None:
        self._found[element.name] = once_more(partial(self.look, element, layer))
