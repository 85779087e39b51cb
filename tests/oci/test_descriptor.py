"""Descriptors."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidManifest
from occystrap.oci import media_types
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from tests.support.strategies import DESCRIPTORS, DIGESTS, objects_with


@given(DESCRIPTORS)
def test_a_descriptor_that_is_written_is_read_back(descriptor: Descriptor) -> None:
    """A descriptor keeps all its fields on the way through a document."""
    document = json.loads(json.dumps(descriptor.to_document()))
    assert Descriptor.from_document(document) == descriptor


def test_a_descriptor_of_content_at_hand() -> None:
    """Digest and size are those of the bytes."""
    described = Descriptor.of(b"abc", "text/plain")
    assert described == Descriptor("text/plain", Digest.of(b"abc"), 3)
    assert described.to_document() == {
        "mediaType": "text/plain",
        "digest": str(Digest.of(b"abc")),
        "size": 3,
    }


@pytest.mark.parametrize(
    ("media_type", "foreign"),
    [
        (media_types.OCI_LAYER, False),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", True),
        ("something/else", False),
    ],
)
def test_foreign_layers_are_known_by_their_media_type(media_type: str, foreign: bool) -> None:
    """A layer that registries don't hold is told from one that they do."""
    assert Descriptor.of(b"", media_type).foreign is foreign


FIELDS = objects_with(
    mediaType=st.text(),
    digest=DIGESTS.map(str),
    size=st.integers(0, 9),
    platform=objects_with(os=st.text()),
    annotations=st.dictionaries(st.text(), st.text(), max_size=2),
    urls=st.lists(st.text()),
    artifactType=st.text(),
)


@given(FIELDS)
def test_a_document_is_a_descriptor_or_an_invalid_manifest(document: dict[str, object]) -> None:
    """Whatever the fields hold, they make a descriptor that can be written, or the named error."""
    try:
        descriptor = Descriptor.from_document(document)
    except InvalidManifest:
        return
    json.dumps(descriptor.to_document(), ensure_ascii=False).encode()


def test_a_document_that_is_no_descriptor_is_quoted_in_short() -> None:
    """The message shows what there was, but not all of it."""
    with pytest.raises(InvalidManifest, match=r"no digest and size: \{'x': 'x") as caught:
        Descriptor.from_document({"x": "x" * 10_000})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("depth", [600, 900, 950, 980, 1000])
def test_a_document_too_deep_to_be_quoted_is_an_invalid_manifest(depth: int) -> None:
    """A descriptor that could just be parsed can be told of, however deep the stack is."""
    nested: object = "x"
    for _ in range(depth):
        nested = [nested]
    with pytest.raises(InvalidManifest, match="no digest and size"):
        Descriptor.from_document({"x": nested})
