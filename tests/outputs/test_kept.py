"""Blobs of a registry that several read."""

from __future__ import annotations

import gc
from collections.abc import Iterator

from occystrap.image.layer import Layer, MadeLayer, StoredLayer
from occystrap.image.sources import BytesSource
from occystrap.inputs.registry import Image
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.outputs.kept import KeptBlobs, comes_from_afar, origin_of
from tests.support.console import Shelf, client_of
from tests.support.handlers import Front
from tests.support.images import file, layer, make_image


def layers_of(image: Image) -> Iterator[Layer]:
    """List the layers of an image."""
    for element in image.fetch():
        found = element.open_layer() if element.layer_index is not None else None
        if found is not None:
            yield found


def test_a_blob_is_fetched_once_for_all_who_have_it() -> None:
    """For several images too, as long as one of them has it, and no longer."""
    shelf = Shelf()
    shelf.put("app", "1", make_image(layer(file("a"))))
    front, blobs = Front(shelf.registry), KeptBlobs()
    with client_of(front) as client:
        images = [Image("r.example", "app", "1", client=client) for _ in range(3)]
        fetched = iter([blobs.kept(each) for each in layers_of(image)] for image in images)
        ones, others = next(fetched), next(fetched)
        assert [b"".join(each.open_stored()) for each in ones] == [
            b"".join(each.open_stored()) for each in others
        ]
        assert front.seen.count("GET blob") == 3  # two configs, and the layer
        origin = origin_of(others[0])
        assert origin is not None
        assert origin.repository == "app"
        del ones, others
        gc.collect()
        (last,) = next(fetched)
        assert b"".join(last.open_stored())
    assert front.seen.count("GET blob") == 5


def test_what_is_at_hand_is_told_from_what_comes_over_a_link() -> None:
    """What is made of another layer may wait for where that one comes from."""
    shelf = Shelf()
    shelf.put("image", "1", make_image(layer(file("a"))))
    with client_of(shelf.registry) as client:
        (remote,) = layers_of(Image("r.example", "image", "1", client=client))
        assert comes_from_afar(remote)
    tar = layer(file("a"))
    here = StoredLayer(Descriptor.of(tar, "x/y"), BytesSource(tar), Digest.of(tar))
    assert not comes_from_afar(here)
    assert comes_from_afar(MadeLayer(Digest.of(tar), len(tar), lambda: iter([tar])))
