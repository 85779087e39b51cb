"""Layers are changed, everything that names them agrees, and nothing else is touched."""

from __future__ import annotations

import io
import json
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from occystrap.filters.base import Means
from occystrap.filters.exclude import Exclude
from occystrap.filters.rewrite import RewriteFilter
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.image.layer import Source, StoredLayer
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Config, build_manifest
from occystrap.oci.media_types import Compression, Family
from tests.support.archives import docker_save
from tests.support.console import Shelf
from tests.support.elements import config_of, layers_of
from tests.support.filtering import Run, Taken, filtered
from tests.support.handlers import Front
from tests.support.images import SampleImage, file, layer, make_image, sha256, varied_image
from tests.support.look import tars_of

HERE = "registry://r.example/demo/image:1"
THERE = "registry://other.example/new:1"
EXCLUDE = "exclude:pattern=tmp"


def test_only_what_changes_is_made_anew(run: Run, shelf: Shelf, image: SampleImage) -> None:
    """The others keep their stored bytes, the config names what was written, and the rest stays."""
    before = shelf.manifest("demo/image", "1")
    run(HERE, THERE, EXCLUDE)
    after = shelf.manifest("new", "1")
    same = [a == b for a, b in zip(before.layers, after.layers, strict=True)]
    assert same == [True, False, True]
    old, new = json.loads(image.config), json.loads(shelf.content("new", after.config))
    expected = filtered(image.layers[1], Exclude(["tmp"]))
    old["rootfs"]["diff_ids"][1] = f"sha256:{sha256(expected)}"
    assert new == old
    assert after.config.digest == Digest.of(shelf.content("new", after.config))


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("compression", Compression)
def test_the_manifest_stays_of_its_family(
    run: Run, shelf: Shelf, image: SampleImage, family: Family, compression: Compression
) -> None:
    """With its annotations, where there are any, and unchanged layers as they are stored."""
    plain = shelf.put("any/image", "1", image, compression, family)
    annotated = build_manifest(family, plain.config, plain.layers, [("a", "b")])
    shelf.store.add_manifest("any/image", annotated, "1")
    run(HERE.replace("demo", "any"), THERE, EXCLUDE)
    after = shelf.manifest("new", "1")
    assert after.media_type == plain.media_type
    assert after.annotations == ((("a", "b"),) if family is Family.OCI else ())
    assert [after.layers[0], after.layers[2]] == [plain.layers[0], plain.layers[2]]
    assert after.config.media_type == plain.config.media_type


@pytest.mark.parametrize("filters", [["exclude:pattern=no"], ["normalize-timestamps:ts=7"] * 2])
def test_nothing_changes_when_nothing_is_to_be_changed(
    run: Run, shelf: Shelf, filters: list[str]
) -> None:
    """The image keeps every digest, that of its manifest too."""
    image = make_image(layer(file("a", mtime=7)), layer(file("b", mtime=7)))
    manifest = shelf.put("demo/image", "1", image)
    run(HERE, THERE, *filters)
    assert shelf.get("new", "1") == manifest


def test_the_same_image_becomes_the_same_image(run: Run, shelf: Shelf) -> None:
    """From whatever source, however its layers are compressed, and with any number of threads."""
    image = varied_image()
    Path("saved.tar").write_bytes(docker_save(image))
    sources = ["tar://saved.tar"]
    for compression in Compression:
        shelf.put("same", compression.value, image, compression)
        sources.append(f"registry://r.example/same:{compression.value}")
    configs, tarballs = set(), set()
    for number, source in enumerate(sources):
        filters = ("exclude:pattern=bin,opt/data", "normalize-timestamps:ts=9")
        run(source, f"registry://r.example/new:{number}", *filters, MAX_WORKERS=1 + 3 * number)
        run(source, "tar://new.tar", *filters, MAX_WORKERS=4 - number)
        configs.add(shelf.manifest("new", str(number)).config.digest)
        tarballs.add(tuple(tars_of(Path("new.tar"))))
    assert len(configs) == len(tarballs) == 1
    config = Config.parse(shelf.content("new", shelf.manifest("new", "0").config))
    assert tuple(each.encoded for each in config.diff_ids) == tarballs.pop()


def test_a_push_makes_the_same_blobs_twice(run: Run, shelf: Shelf) -> None:
    """So that the second one finds all of them."""
    run(HERE, THERE, EXCLUDE, "normalize-timestamps")
    report = run(HERE, THERE.replace("1", "2"), EXCLUDE, "normalize-timestamps")
    assert shelf.get("new", "1") == shelf.get("new", "2")
    assert (report.layers, report.skipped, report.size) == (3, 3, 0)


@dataclass(frozen=True, slots=True)
class Late:
    """A source that waits until a gate is open."""

    source: Source
    gate: threading.Event

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.source.size

    def open(self) -> Iterator[bytes]:
        """Wait, then read."""
        self.gate.wait()
        return self.source.open()


@pytest.mark.parametrize("seed", range(4))
def test_layers_may_arrive_in_any_order(image: SampleImage, seed: int) -> None:
    """They go on lowest first, behind the config, whichever is done last."""
    gate, layers = threading.Event(), layers_of(image)
    slow = layers[seed % 3].layer
    assert isinstance(slow, StoredLayer)
    layers[seed % 3] = replace(layers[seed % 3], layer=slow.over(Late(slow.source, gate)))
    elements = [config_of(image), *layers]
    random.Random(seed).shuffle(elements)  # noqa: S311 - no secret
    output = Taken()
    rewriting = RewriteFilter(output, [Exclude(["tmp"])], means=Means(max_workers=3))
    assert not rewriting.requires_ordered_layers
    for element in elements:
        rewriting.process_image_element(element)
    gate.set()
    rewriting.finalize()
    rewriting.close()
    assert output.is_final
    assert output.is_closed
    assert [e.element_type for e in output.elements] == [CONFIG_FILE, *[IMAGE_LAYER] * 3]
    assert [e.layer_index for e in output.elements[1:]] == [0, 1, 2]
    assert [Digest.of(tar) for tar in output.tars()] == list(output.config.diff_ids)


def test_layers_may_come_without_number_or_digest(image: SampleImage) -> None:
    """As open files, as other programs give them; untouched ones go on as the same element."""
    elements = [config_of(image)]
    elements += [ImageElement(IMAGE_LAYER, sha256(tar), io.BytesIO(tar)) for tar in image.layers]
    output = Taken()
    rewriting = RewriteFilter(output, [Exclude(["tmp"])])
    for element in elements:
        rewriting.process_image_element(element)
    rewriting.finalize()
    assert [output.elements[n] is elements[n] for n in range(4)] == [False, True, False, True]
    assert [Digest.of(tar) for tar in output.tars()] == list(output.config.diff_ids)


def test_an_output_need_not_take_a_layer(image: SampleImage) -> None:
    """It is asked by the name that the layer has got; who declines gets it without content."""
    changed = sha256(filtered(image.layers[1], Exclude(["tmp"])))
    output = Taken(changed, layers_of(image)[2].name)
    rewriting = RewriteFilter(output, [Exclude(["tmp"])])
    assert rewriting.fetch_callback("whatever")
    for element in (config_of(image), *layers_of(image)):
        rewriting.process_image_element(element)
    rewriting.finalize()
    assert [element.open_layer() is None for element in output.elements[1:]] == [False, True, True]
    assert output.elements[2].name == changed


def test_a_layer_that_is_there_twice_is_read_once(shelf: Shelf, front: Front, run: Run) -> None:
    """And a layer of a registry is fetched once, though it is read to be changed and to be sent."""
    one, two = layer(file("tmp/a"), file("b")), layer(file("c"))
    shelf.put("demo/image", "1", make_image(one, two, one, two))
    run(HERE, THERE, EXCLUDE)
    assert front.seen.count("GET blob") == 3  # the config, and two layers
    manifest = shelf.manifest("new", "1")
    assert manifest.layers[0] == manifest.layers[2] != manifest.layers[1] == manifest.layers[3]


def test_an_unchanged_layer_is_still_mounted(run: Run, front: Front) -> None:
    """Within a registry it doesn't move."""
    report = run(HERE, "registry://r.example/new:1", EXCLUDE)
    mounts = [r for r in front.requests if "mount=" in r.target]
    assert len(mounts) == 2
    assert (report.layers, report.skipped) == (3, 2)


def test_an_odd_config_is_carried_over(image: SampleImage) -> None:
    """Fields that nobody knows, large numbers, and half a character as only JSON can write it."""
    odd = image.config.replace(b'"os"', b'"odd": ["\\ud800", 1.5, 123456789012345678901], "os"')
    config = ImageElement(CONFIG_FILE, f"{sha256(odd)}.json", io.BytesIO(odd))
    output = Taken()
    rewriting = RewriteFilter(output, [Exclude(["tmp"])])
    for element in (config, *layers_of(image)):
        rewriting.process_image_element(element)
    rewriting.finalize()
    raw = output.elements[0].read_config()
    assert json.loads(raw)["odd"] == json.loads(odd)["odd"]
    assert output.elements[0].name == f"{sha256(raw)}.json"
    assert output.config.diff_ids != Config.parse(odd).diff_ids


def test_history_that_has_empty_layers_stays(run: Run, shelf: Shelf, image: SampleImage) -> None:
    """Filters take no layer away, so that every entry still has its own."""
    document = json.loads(image.config)
    document["history"].insert(1, {"created_by": "ENV", "empty_layer": True})
    shelf.put("demo/image", "1", replace(image, config=json.dumps(document).encode()))
    run(HERE, THERE, "exclude:pattern=*")
    after = shelf.manifest("new", "1")
    assert json.loads(shelf.content("new", after.config))["history"] == document["history"]
    assert len(after.layers) == 3
