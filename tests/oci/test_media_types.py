"""The table of media types."""

from __future__ import annotations

import pytest
from hypothesis import given

from occystrap.oci import media_types
from occystrap.oci.media_types import Compression, Family, Kind, essence, layer_media_type, lookup
from tests.support.strategies import ANY_TEXT


@pytest.mark.parametrize(
    ("name", "kind", "family", "compression", "foreign"),
    [
        (
            "application/vnd.docker.distribution.manifest.v2+json",
            "manifest",
            "docker",
            "none",
            False,
        ),
        (
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "index",
            "docker",
            "none",
            False,
        ),
        ("application/vnd.docker.container.image.v1+json", "config", "docker", "none", False),
        ("application/vnd.docker.image.rootfs.diff.tar", "layer", "docker", "none", False),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", "layer", "docker", "gzip", False),
        ("application/vnd.docker.image.rootfs.diff.tar.zstd", "layer", "docker", "zstd", False),
        (
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "layer",
            "docker",
            "gzip",
            True,
        ),
        ("application/vnd.oci.image.manifest.v1+json", "manifest", "oci", "none", False),
        ("application/vnd.oci.image.index.v1+json", "index", "oci", "none", False),
        ("application/vnd.oci.image.config.v1+json", "config", "oci", "none", False),
        ("application/vnd.oci.image.layer.v1.tar", "layer", "oci", "none", False),
        ("application/vnd.oci.image.layer.v1.tar+gzip", "layer", "oci", "gzip", False),
        ("application/vnd.oci.image.layer.v1.tar+zstd", "layer", "oci", "zstd", False),
        (
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "layer",
            "oci",
            "gzip",
            True,
        ),
    ],
)
def test_what_each_media_type_means(
    name: str, kind: str, family: str, compression: str, foreign: bool
) -> None:
    """The table says what the specifications say."""
    row = lookup(name)
    assert row is not None
    assert row.name == name
    assert (row.kind, row.family) == (Kind(kind), Family(family))
    assert (row.compression, row.foreign) == (Compression(compression), foreign)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/vnd.oci.image.index.v1+json; charset=utf-8",
        "application/vnd.oci.image.index.v1+json;charset=utf-8",
        " Application/VND.oci.image.index.V1+json ",
    ],
)
def test_parameters_and_case_of_a_content_type_mean_nothing(content_type: str) -> None:
    """A `; charset` doesn't make an index unknown (a fault of the public tool)."""
    assert essence(content_type) == media_types.OCI_INDEX
    row = lookup(content_type)
    assert row is not None
    assert row.kind is Kind.INDEX


@given(ANY_TEXT)
def test_any_text_can_be_looked_up(text: str) -> None:
    """What isn't in the table is None, never an error."""
    row = lookup(text)
    assert row is None or row.name == essence(text)


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("compression", Compression)
def test_a_layer_is_named_by_how_it_is_stored(family: Family, compression: Compression) -> None:
    """There is a name for every way to store a layer, and it is one that can be pushed."""
    row = lookup(layer_media_type(family, compression))
    assert row is not None
    assert (row.kind, row.family, row.compression) == (Kind.LAYER, family, compression)
    assert not row.foreign


def test_accept_lists_every_manifest_that_can_be_read() -> None:
    """A registry left without one of these makes up a schema 1 manifest, or answers 404."""
    listed = {row for name in media_types.MANIFEST_ACCEPT.split(",") if (row := lookup(name))}
    assert {(row.kind, row.family) for row in listed} == {
        (kind, family) for kind in (Kind.MANIFEST, Kind.INDEX) for family in Family
    }
