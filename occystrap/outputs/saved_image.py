"""What stands in an archive of `docker save` beside its layers: the config, and the list of both.

Rule: the list is made only when every layer is the one that the config names.
Spec: https://github.com/moby/docker-image-spec/blob/v1.3.1/v1.2.md#combined-image-json--filesystem-changeset-format
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, final

from occystrap.errors import DigestMismatch, ImageOutputError
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Config

if TYPE_CHECKING:
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer

__all__ = ["SavedImage", "member_of"]

_CONFIG_NAME: Final = re.compile(r"[a-f0-9]{64}(?=\.json$)")


@final
class SavedImage:
    """The config and the layers of an image, as they come; `diff_ids` by their place."""

    def __init__(self) -> None:
        self.config = b""
        self.diff_ids: dict[int, Digest] = {}
        self.count = 0
        self._begun: set[Digest] = set()

    @property
    def config_name(self) -> str:
        """The member that holds the config."""
        return f"{Digest.of(self.config).encoded}.json"

    def take_config(self, element: ImageElement) -> None:
        """Take the config.

        Raises:
            DigestMismatch: it isn't what its name says.
        """
        self.config = element.read_config()
        named = _CONFIG_NAME.match(element.name)
        actual = Digest.of(self.config)
        if named is not None and named[0] != actual.encoded:
            raise DigestMismatch(f"sha256:{named[0]}", str(actual), "the image configuration")

    def place(self, element: ImageElement) -> tuple[int, Layer]:
        """Give a layer its place, from 0.

        Raises:
            ImageOutputError: it has no content.
        """
        layer = element.open_layer()
        if layer is None:
            raise ImageOutputError(f"layer {element.name} came without content")
        number = self.count if element.layer_index is None else element.layer_index
        self.count += 1
        return number, layer

    def is_repeated(self, number: int, layer: Layer) -> bool:
        """Note a layer that is going to be written; one that is already needn't be again."""
        diff_id = layer.diff_id
        if diff_id is None:
            return False
        if diff_id in self._begun:
            self.diff_ids[number] = diff_id
            return True
        self._begun.add(diff_id)
        return False

    def in_order(self) -> list[Digest]:
        """List the layers that are written, lowest first."""
        return [self.diff_ids[number] for number in sorted(self.diff_ids)]

    def check(self) -> None:
        """Hold the layers against the config.

        Raises:
            DigestMismatch: a layer isn't the one that the config names.
            ImageOutputError: no config came, or another number of layers than it names.
        """
        if not self.config:
            raise ImageOutputError("No config file was processed")
        expected = Config.parse(self.config).diff_ids
        if sorted(self.diff_ids) != list(range(len(expected))):
            raise ImageOutputError(
                f"the config names {len(expected)} layers, but {len(self.diff_ids)} came"
            )
        pairs = zip(expected, self.in_order(), strict=True)
        for number, (wanted, actual) in enumerate(pairs, start=1):
            if actual != wanted:
                what = f"layer {number} of {len(expected)}"
                raise DigestMismatch(str(wanted), str(actual), what)

    def manifest(self, names: list[str]) -> bytes:
        """Write the list, of this one image under these names."""
        entry = {
            "Config": self.config_name,
            "RepoTags": names,
            "Layers": [member_of(diff_id) for diff_id in self.in_order()],
        }
        return json.dumps([entry], separators=(",", ":")).encode()


def member_of(diff_id: Digest) -> str:
    """Name the member of a layer; 64 digits are enough, and fit a plain header."""
    return f"{diff_id.encoded[:64]}/layer.tar"
