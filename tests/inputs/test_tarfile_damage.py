"""Tar files that hold no whole image are refused, and what is damaged is found."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from occystrap.errors import DigestMismatch, ImageInputError, OccystrapError, SizeMismatch
from occystrap.image.element import IMAGE_LAYER, ImageElement
from occystrap.inputs.tarfile import Image
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.manifest import build_manifest
from occystrap.oci.media_types import OCI_CONFIG, Compression, Family
from tests.support import archives
from tests.support.archives import SHAPES, tar_of
from tests.support.images import layer, make_image, sha256, stored, varied_image
from tests.support.strategies import json_values, objects_with

VARIED = varied_image()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file that doesn't exist yet."""
    return tmp_path / "x.tar"


def opened(path: Path, content: bytes, **options: Any) -> Image:
    """Write a file, and open the image in it."""
    path.write_bytes(content)
    return Image(path, **options)


def tars(elements: list[ImageElement]) -> list[bytes]:
    """Read the layers of an image as tars."""
    layers = [element.open_layer() for element in elements if element.element_type == IMAGE_LAYER]
    return [b"" if layer is None else b"".join(layer.open_tar()) for layer in layers]


CONFIG = f"{VARIED.config_hex}.json"


def saved(**changes: object) -> bytes:
    """Make an archive of one layer whose manifest.json says something else."""
    image = make_image(layer())
    good = {"Config": "c.json", "RepoTags": ["a:1"], "Layers": ["l.tar"]}
    return tar_of(
        [
            ("c.json", image.config),
            (CONFIG, image.config),
            ("text", b"text"),
            ("l.tar", image.layers[0]),
            ("manifest.json", json.dumps([{**good, **changes}]).encode()),
        ]
    )


MANIFEST = build_manifest(Family.OCI, Descriptor.of(b"{}", OCI_CONFIG), []).raw


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (tar_of([("a", b"a")]), "Invalid tarball: no manifest.json found. This does not appear"),
        (tar_of([("repositories", b"{}")]), "before 1.10.*docker load and docker save"),
        (tar_of([("manifest.json", b"")]), "manifest.json is not JSON"),
        (tar_of([("manifest.json", b"{}")]), "manifest.json is not a JSON list of objects"),
        (tar_of([("manifest.json", b"[]")]), "holds no image"),
        (tar_of([("manifest.json", b"[3]")]), "manifest.json is not a JSON list of objects"),
        (tar_of([("manifest.json", b"[{}]")]), "an image without a config"),
        (tar_of([("manifest.json", b"[" * 100_000)]), "manifest.json is not JSON"),
        (saved(Config="gone.json"), "'gone.json' not found in tarball"),
        (saved(Config=3), "'Config' of manifest.json is not a JSON str"),
        (saved(Config="text"), "the image configuration is not JSON"),
        (saved(Layers=["gone.tar"]), "'gone.tar' not found in tarball"),
        (saved(Layers=[]), "lists 1 layers, but there are 0"),
        (saved(Layers=["l.tar", "l.tar"]), "lists 1 layers, but there are 2"),
        (saved(Layers=[None]), "'Layers' of manifest.json holds something that is no text"),
        (saved(RepoTags="a:1"), "'RepoTags' of manifest.json is not a JSON list"),
        (tar_of([("index.json", b"3")]), "is not a JSON object"),
        (tar_of([("index.json", MANIFEST)]), "index.json is no index"),
        (tar_of([("index.json", b"{}")]), "schemaVersion"),
        (tar_of([("index.json", b'{"schemaVersion":2,"manifests":[]}')]), "holds no image"),
    ],
)
def test_what_holds_no_whole_image(path: Path, content: bytes, problem: str) -> None:
    """One line says which file it is and what is wrong; the file is closed."""
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    with pytest.raises(ImageInputError, match=problem) as caught:
        opened(path, content)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


def test_a_missing_file_is_one_line(path: Path) -> None:
    """No traceback, just what the system says."""
    with pytest.raises(ImageInputError, match=re.escape(f"can't read {path}: No such file")):
        Image(path)


def test_a_config_is_what_its_name_says(path: Path) -> None:
    """A config under the name of another is refused; a name that says nothing is believed."""
    with pytest.raises(DigestMismatch, match=f"the config of {path}"):
        opened(path, saved(Config=CONFIG))
    assert opened(path, saved()).get_config() == make_image(layer()).config


@pytest.mark.parametrize("shape", SHAPES)
def test_a_damaged_layer_is_found_when_it_is_read(path: Path, shape: str) -> None:
    """A byte that changed anywhere in a layer is an error, whoever reads it."""
    image = make_image(VARIED.layers[0])
    content = bytearray(SHAPES[shape](image))
    for compression in Compression:
        place = content.find(stored(image.layers[0], compression)[20:])
        if place >= 0:
            content[place + 700] ^= 1
            break
    opened_image = opened(path, bytes(content))
    with pytest.raises((DigestMismatch, ImageInputError)):
        tars(list(opened_image.fetch()))


def changed(content: bytes, old: bytes, new: bytes) -> bytes:
    """Put other bytes of the same length in the place of some."""
    assert len(old) == len(new)
    assert old in content
    return content.replace(old, new)


def test_blobs_of_a_layout_are_what_their_name_says(path: Path) -> None:
    """A manifest or config that changed is refused at once."""
    content = archives.oci_layout(VARIED)
    with pytest.raises(DigestMismatch, match=r"blobs/sha256/.* of .*x.tar"):
        opened(path, changed(content, b'"Cmd": ["/bin/tool"]', b'"Cmd": ["/bin/evil"]'))
    size = len(stored(VARIED.layers[0], Compression.GZIP))
    manifest = changed(content, f'"size": {size}'.encode(), f'"size": {size + 1}'.encode())
    with pytest.raises(DigestMismatch):
        opened(path, manifest)


def layout(*documents: bytes, media_type: str) -> bytes:
    """Make a layout whose first image is the first document."""
    digest = f"sha256:{sha256(documents[0])}"
    entry = {"mediaType": media_type, "digest": digest, "size": len(documents[0])}
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    blobs = [(f"blobs/sha256/{sha256(document)}", document) for document in documents]
    return tar_of([("index.json", index), *blobs])


def test_a_layer_of_another_size_is_refused(path: Path) -> None:
    """What the manifest says of a blob is held against what is there, before it is read."""
    image = make_image(layer())
    config, tar = (
        {"mediaType": "x", "digest": f"sha256:{sha256(content)}", "size": len(content) + wrong}
        for content, wrong in ((image.config, 0), (image.layers[0], 1))
    )
    manifest = json.dumps({"schemaVersion": 2, "config": config, "layers": [tar]}).encode()
    content = layout(
        manifest,
        image.config,
        image.layers[0],
        media_type="application/vnd.oci.image.manifest.v1+json",
    )
    with pytest.raises(SizeMismatch, match="expected 10241 bytes, got 10240"):
        opened(path, content)


def test_indexes_in_indexes_end(path: Path) -> None:
    """A layout of indexes only, one within the other, holds no image."""
    media_type = "application/vnd.oci.image.index.v1+json"
    documents = [b'{"schemaVersion":2,"manifests":[]}']
    for _ in range(6):
        digest = f"sha256:{sha256(documents[0])}"
        entry = {"mediaType": media_type, "digest": digest, "size": len(documents[0])}
        documents.insert(0, json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode())
    with pytest.raises(ImageInputError, match="without end"):
        opened(path, layout(*documents, media_type=media_type))


ENTRIES = objects_with(
    Config=st.sampled_from(["c.json", "l.tar", "text"]),
    RepoTags=st.lists(st.text(max_size=5), max_size=2),
    Layers=st.lists(st.sampled_from(["l.tar", "text"]), max_size=2),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=json_values() | st.lists(ENTRIES, max_size=2), name=st.booleans())
def test_any_document_is_an_image_or_an_error_of_ours(
    path: Path, document: object, name: bool
) -> None:
    """Whatever the documents of an archive say, no other error comes out."""
    entries = [("c.json", make_image(layer()).config), ("l.tar", layer()), ("text", b"text")]
    raw = json.dumps(document).encode()
    content = tar_of([*entries, ("manifest.json" if name else "index.json", raw)])
    try:
        opened(path, content).close()
    except OccystrapError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is fine
