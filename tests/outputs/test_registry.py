"""Images are written to registries: as they are where that is possible, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from occystrap.errors import (
    APIException,
    ImageInputError,
    ImageOutputError,
    TransportError,
)
from occystrap.image.cache import LayerCache
from occystrap.image.element import IMAGE_LAYER, ImageElement
from occystrap.image.layer import StoredLayer
from occystrap.image.sources import BytesSource
from occystrap.inputs.registry import Image
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Manifest, build_manifest
from occystrap.oci.media_types import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_MANIFEST,
    Compression,
    Family,
)
from occystrap.outputs.registry import RegistryWriter
from occystrap.pipeline import Pipeline
from occystrap.server.message import Handler
from tests.support.console import Shelf, client_of
from tests.support.elements import config_of, layers_of
from tests.support.handlers import Front, cut, status
from tests.support.images import SampleImage, file, layer, make_image, varied_image

VARIED = varied_image()
SMALL = make_image(*(layer(file(f"{number}", bytes(1000))) for number in range(3)))


def writer(handler: Handler | Shelf, tag: str = "1", **options: Any) -> RegistryWriter:
    """Begin to write an image into the registry."""
    handler = handler.registry if isinstance(handler, Shelf) else handler
    return RegistryWriter("registry.example", "c/d", tag, client=client_of(handler), **options)


def write(handler: Handler | Shelf, elements: list[ImageElement], **options: Any) -> RegistryWriter:
    """Write an image whose source stores no manifest."""
    output = writer(handler, **options)
    for element in elements:
        output.process_image_element(element)
    output.finalize()
    return output


def loose(image: SampleImage) -> list[ImageElement]:
    """Make the elements of an image whose layers are bare tars."""
    layers = [
        ImageElement(IMAGE_LAYER, Digest.of(tar).encoded, io.BytesIO(tar)) for tar in image.layers
    ]
    return [config_of(image), *layers]


def stored_tars(shelf: Shelf, repository: str = "c/d", tag: str = "1") -> list[bytes]:
    """Read the tars back, each checked against its digest and diff_id."""
    image = Image("registry.example", repository, tag, client=client_of(shelf.registry))
    return [
        b"".join(element.layer.open_tar()) for element in image.fetch() if element.layer is not None
    ]


@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("family", Family)
def test_what_a_registry_stores_is_copied_byte_for_byte(
    family: Family, compression: Compression
) -> None:
    """W-28: manifest, config and layers keep every digest, whatever their compression."""
    if compression is Compression.ZSTD:
        family = Family.OCI  # Docker's manifests have no zstd
    source, target = Shelf(), Shelf()
    original = source.put("a/b", "1", VARIED, compression, family)
    image = Image("source.example", "a/b", "1", client=client_of(source.registry))
    output = writer(target)
    Pipeline(image, output).run()
    assert target.get("c/d", "1") == output.manifest == original
    assert stored_tars(target) == list(VARIED.layers)
    assert (output.moved.layers, output.moved.skipped) == (4, 1)


def test_within_a_registry_layers_are_mounted() -> None:
    """No layer is read, and none is sent."""
    shelf = Shelf()
    original = shelf.put("a/b", "1", SMALL)
    front = Front(shelf.registry)
    client = client_of(front)
    image = Image("registry.example", "a/b", "1", client=client)
    output = RegistryWriter("registry.example", "c/d", "1", client=client)
    Pipeline(image, output).run()
    assert shelf.get("c/d", "1") == original
    assert front.seen.count("GET blob") == 1  # the config
    assert (output.moved.layers, output.moved.size, output.moved.skipped) == (3, 0, 3)


def test_bare_tars_become_gzip_and_a_docker_manifest() -> None:
    """As docker itself would push them; the same bytes each time."""
    shelf = Shelf()
    output = write(shelf, loose(VARIED))
    manifest = shelf.manifest("c/d", "1")
    assert output.manifest == manifest
    assert manifest.media_type == DOCKER_MANIFEST
    assert manifest.config == Descriptor.of(VARIED.config, DOCKER_CONFIG)
    assert {each.media_type.rpartition(".")[2] for each in manifest.layers} == {"gzip"}
    assert stored_tars(shelf) == list(VARIED.layers)
    assert write(shelf, loose(VARIED), tag="2").manifest == manifest


@pytest.mark.parametrize("compression", Compression)
def test_compressed_layers_without_a_manifest_stay_compressed(compression: Compression) -> None:
    """Of an archive, gzip and zstd layers are sent as they are, bare ones become gzip."""
    shelf = Shelf()
    write(shelf, [config_of(VARIED), *layers_of(VARIED, compression)])
    assert stored_tars(shelf) == list(VARIED.layers)


@pytest.mark.parametrize("wanted", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("compression", Compression)
def test_another_compression_is_made(compression: Compression, wanted: str) -> None:
    """Only layers that are otherwise are made anew; zstd makes the manifest one of OCI."""
    source, target = Shelf(), Shelf()
    original = source.put("a/b", "1", VARIED, compression, Family.OCI)
    image = Image("source.example", "a/b", "1", client=client_of(source.registry))
    Pipeline(image, writer(target, compression_type=wanted)).run()
    manifest = target.manifest("c/d", "1")
    assert (manifest == original) is (compression.value == wanted)
    assert manifest.media_type == OCI_MANIFEST
    suffixes = {"gzip": "+gzip", "zstd": "+zstd", "none": ".tar"}
    assert all(each.media_type.endswith(suffixes[wanted]) for each in manifest.layers)
    assert stored_tars(target) == list(VARIED.layers)


def test_zstd_of_a_docker_image_is_oci() -> None:
    """Docker's manifests know no zstd."""
    shelf = Shelf()
    write(shelf, loose(SMALL), compression_type="zstd", compression_level=1)
    manifest = shelf.manifest("c/d", "1")
    assert (manifest.media_type, manifest.config.media_type) == (OCI_MANIFEST, OCI_CONFIG)


def test_layers_keep_their_places_whatever_their_order() -> None:
    """W-4: by `layer_index`, or else in the order in which they came; the config may come last."""
    shelf = Shelf()
    config, *layers = [config_of(SMALL), *layers_of(SMALL)]
    write(shelf, [layers[2], layers[0], layers[1], config])
    assert stored_tars(shelf) == list(SMALL.layers)
    config, *layers = loose(SMALL)
    write(shelf, [*layers, config], tag="2")
    assert stored_tars(shelf, tag="2") == list(SMALL.layers)


def test_what_a_layer_became_is_remembered(tmp_path: Path) -> None:
    """W-4: the second push compresses nothing; what the registry has lost is made again."""
    shelf, path = Shelf(), tmp_path / "cache"
    elements = loose(SMALL)
    write(shelf, elements, layer_cache=LayerCache(path))
    first = shelf.manifest("c/d", "1")
    front = Front(shelf.registry)
    output = write(front, elements, layer_cache=LayerCache(path))
    assert output.manifest == first
    assert "POST uploads" not in front.seen
    assert (output.moved.layers, output.moved.skipped) == (3, 3)
    other = Shelf()
    write(other, elements, layer_cache=LayerCache(path))
    assert other.manifest("c/d", "1") == first
    again = write(shelf, elements, layer_cache=LayerCache(path), compression_level=9)
    assert again.manifest != first


def test_a_layer_of_no_image_is_sent_as_it_is() -> None:
    """A chart is neither compressed nor renamed, whatever was asked for."""
    source, target = Shelf(), Shelf()
    config = Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json")
    chart = Descriptor.of(b"chart", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    for descriptor, content in ((config, b"{}"), (chart, b"chart")):
        source.store.add_blob("a/b", descriptor.digest, content)
    original = build_manifest(Family.OCI, config, [chart])
    source.store.add_manifest("a/b", original, "1")
    image = Image("source.example", "a/b", "1", client=client_of(source.registry))
    Pipeline(image, writer(target, compression_type="zstd")).run()
    assert target.get("c/d", "1") == original
    element = ImageElement(IMAGE_LAYER, "x", layer=StoredLayer(chart, BytesSource(b"chart")))
    loosely = write(target, [config_of(SMALL), element], tag="2").manifest
    assert isinstance(loosely, Manifest)
    assert loosely.layers == (chart,)


@pytest.mark.parametrize("options", [{}, {"compression_type": "zstd"}])
def test_a_foreign_layer_is_named_and_never_sent(options: dict[str, str]) -> None:
    """Registries don't hold them; their media type says so, and is kept."""
    shelf = Shelf()
    foreign = Descriptor.of(b"base", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    element = ImageElement(IMAGE_LAYER, "x", layer=StoredLayer(foreign, BytesSource(b"no")))
    output = write(shelf, [config_of(SMALL), element], **options)
    assert isinstance(output.manifest, Manifest)
    assert output.manifest.layers == (foreign,)
    assert shelf.store.blob("c/d", foreign.digest) is None
    assert (output.moved.layers, output.moved.skipped) == (1, 1)
    assert not output.verify(full=True).errors


def test_a_digest_in_the_name_has_to_come_true() -> None:
    """W-15: `tag@digest` and `@digest` are promises; a broken one leaves nothing."""
    source, target = Shelf(), Shelf()
    digest = source.put("a/b", "1", SMALL).digest
    for tag in (f"2@{digest}", str(digest)):
        image = Image("source.example", "a/b", "1", client=client_of(source.registry))
        Pipeline(image, writer(target, tag)).run()
    assert target.manifest("c/d", "2").digest == digest
    image = Image("source.example", "a/b", "1", client=client_of(source.registry))
    with pytest.raises(ImageOutputError, match="can't be stored as"):
        Pipeline(image, writer(target, f"3@{Digest.of(b'other')}")).run()
    assert target.get("c/d", "3") is None


def test_an_index_is_stored_byte_for_byte() -> None:
    """Once everything that it lists is there."""
    source, target = Shelf(), Shelf()
    index = source.put_all("a/b", "1", {"linux/amd64": SMALL})
    image = Image("source.example", "a/b", "1", client=client_of(source.registry))
    digest = index.manifests[0].digest
    Pipeline(image.at(digest), writer(target, str(digest))).run()
    output = writer(target)
    output.store_index(index)
    assert target.get("c/d", "1") == index
    assert [result.check for result in output.verify().results] == ["verify.ok"]
    with pytest.raises(ImageOutputError):
        writer(target, str(digest)).store_index(index)


def test_nothing_appears_before_everything_is_there() -> None:
    """W-30: a layer that can't be read, or sent, leaves no tag."""
    source, target = Shelf(), Shelf()
    source.put("a/b", "1", SMALL)
    broken = Front(source.registry, {"GET blob": [lambda r, h: h.handle(r), *[cut(10)] * 99]})
    image = Image("source.example", "a/b", "1", client=client_of(broken), retries=0)
    with pytest.raises(TransportError, match=r"GET https://source\.example"):
        Pipeline(image, writer(target)).run()
    full = Front(target.registry, {"PUT upload": [status(507)] * 99})
    image = Image("source.example", "a/b", "1", client=client_of(source.registry))
    with pytest.raises(APIException, match="507"):
        Pipeline(image, writer(full)).run()
    assert target.get("c/d", "1") is None


def test_an_image_without_its_parts_is_an_error() -> None:
    """No config, or a layer without content."""
    output = writer(Shelf())
    with pytest.raises(ImageOutputError, match="No config file was processed"):
        output.finalize()
    with pytest.raises(ImageOutputError, match="came without content"):
        output.process_image_element(ImageElement(IMAGE_LAYER, "x"))
    assert output.fetch_callback("anything")
    assert not output.requires_ordered_layers
    damaged = ImageElement(IMAGE_LAYER, "x", layer=layers_of(SMALL)[0].layer)
    assert isinstance(damaged.layer, StoredLayer)
    bad = StoredLayer(damaged.layer.stored, BytesSource(b"\x1f\x8bno gzip"))
    with pytest.raises(ImageInputError, match="damaged"):
        write(Shelf(), [ImageElement(IMAGE_LAYER, "x", layer=bad)], compression_type="zstd")
    output.close()
