"""Manifests, indexes and image configurations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidManifest
from occystrap.oci import media_types
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import (
    Index,
    Manifest,
    build_manifest,
    parse_manifest,
)
from occystrap.oci.media_types import Family
from occystrap.oci.platform import Platform
from tests.support.strategies import DESCRIPTORS, DIGESTS, json_values, objects_with

BLOB = {"mediaType": "x/y", "digest": f"sha256:{'a' * 64}", "size": 3}
IMAGE = {"schemaVersion": 2, "config": BLOB, "layers": [BLOB, BLOB]}
INDEX = {"schemaVersion": 2, "manifests": [BLOB]}


def raw(document: dict[str, Any], **fields: object) -> bytes:
    """The bytes of a document with some fields replaced."""
    return json.dumps({**document, **fields}).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"digest": None},
        {"digest": "sha256:abc"},
        {"digest": "md5:" + "a" * 32},
        {"digest": 5},
        {"size": None},
        {"size": -1},
        {"size": 2**63},
        {"size": True},
        {"size": 3.0},
        {"size": "3"},
        {"size": float("nan")},
        {"mediaType": 5},
        {"platform": "linux/amd64"},
        {"platform": {"os": 5}},
        {"annotations": {"a": 1}},
        {"annotations": ["a"]},
        {"annotations": {"a": "\ud800"}},
        {"urls": [{}]},
        {"urls": "https://h/"},
        {"artifactType": []},
    ],
    ids=repr,
)
@pytest.mark.parametrize("place", ["config", "layers", "manifests", "subject"])
def test_a_bad_descriptor_spoils_the_document(place: str, fields: dict[str, object]) -> None:
    """Wherever a descriptor stands, a field outside its grammar is an invalid manifest."""
    bad = {**BLOB, **fields}
    document = INDEX if place == "manifests" else IMAGE
    value = bad if place in ("config", "subject") else [BLOB, bad]
    with pytest.raises(InvalidManifest):
        parse_manifest(raw(document, **{place: value}))


def test_an_image_is_read() -> None:
    """The parsed manifest is a view on the bytes, which are kept."""
    subject = {**BLOB, "size": 9}
    content = raw(
        IMAGE,
        mediaType=media_types.OCI_MANIFEST,
        subject=subject,
        artifactType="a/b",
        annotations={"k": "v"},
    )
    manifest = parse_manifest(content)
    assert isinstance(manifest, Manifest)
    assert manifest.raw is content
    assert manifest.digest == Digest.of(content)
    assert manifest.descriptor == Descriptor.of(content, media_types.OCI_MANIFEST)
    assert manifest.config == Descriptor.from_document(BLOB)
    assert manifest.layers == (manifest.config, manifest.config)
    assert manifest.subject == Descriptor.from_document(subject)
    assert manifest.artifact_type == "a/b"
    assert manifest.annotations == (("k", "v"),)
    assert str(content) not in repr(manifest)


def test_an_index_is_read() -> None:
    """Entries with and without a platform are listed as they come."""
    entry = {**BLOB, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    content = raw(INDEX, manifests=[BLOB, entry], mediaType=media_types.DOCKER_INDEX)
    index = parse_manifest(content)
    assert isinstance(index, Index)
    assert index.raw is content
    assert index.descriptor == Descriptor.of(content, media_types.DOCKER_INDEX)
    assert [listed.platform for listed in index.manifests] == [
        None,
        Platform("linux", "arm64", "v8"),
    ]


def test_the_digest_is_taken_with_the_algorithm_asked_for() -> None:
    """A manifest named by sha512 can be compared with its name."""
    content = raw(IMAGE)
    assert parse_manifest(content, algorithm="sha512").digest == Digest.of(content, "sha512")


def test_what_has_to_be_there_before_an_image() -> None:
    """Config and layers, but no foreign layer."""
    foreign = {**BLOB, "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}
    manifest = parse_manifest(raw(IMAGE, layers=[foreign, BLOB]))
    assert isinstance(manifest, Manifest)
    assert manifest.references == (manifest.config, manifest.layers[1])


D_IMAGE, D_INDEX = media_types.DOCKER_MANIFEST, media_types.DOCKER_INDEX
O_IMAGE, O_INDEX = media_types.OCI_MANIFEST, media_types.OCI_INDEX


@pytest.mark.parametrize(
    ("document", "declared", "served", "found"),
    [
        (IMAGE, D_IMAGE, D_IMAGE, D_IMAGE),
        (IMAGE, D_IMAGE, f"{D_IMAGE}; charset=utf-8", D_IMAGE),
        (IMAGE, O_IMAGE, D_IMAGE, O_IMAGE),
        (IMAGE, O_IMAGE, "text/plain", O_IMAGE),
        (IMAGE, O_IMAGE.upper(), "", O_IMAGE),
        (IMAGE, None, D_IMAGE, D_IMAGE),
        (IMAGE, None, f"{D_IMAGE.upper()} ;charset=utf-8", D_IMAGE),
        (IMAGE, None, "application/json", O_IMAGE),
        (IMAGE, None, "", O_IMAGE),
        (IMAGE, "", "", O_IMAGE),
        (INDEX, O_INDEX, "application/octet-stream", O_INDEX),
        (INDEX, None, D_INDEX, D_INDEX),
        (INDEX, None, media_types.OCI_CONFIG, O_INDEX),
        (INDEX, None, "", O_INDEX),
    ],
)
def test_how_the_media_type_is_found(
    document: dict[str, Any], declared: str | None, served: str, found: str
) -> None:
    """The document counts before the Content-Type, and its shape when both say nothing."""
    assert parse_manifest(raw(document, mediaType=declared), served).media_type == found


@pytest.mark.parametrize(
    ("document", "fields", "served"),
    [
        (IMAGE, {"manifests": [BLOB]}, ""),
        (IMAGE, {"manifests": []}, ""),
        (IMAGE, {"manifests": [BLOB], "mediaType": O_IMAGE}, ""),
        (INDEX, {"config": BLOB, "mediaType": O_INDEX}, ""),
        (INDEX, {"layers": [], "mediaType": O_INDEX}, ""),
        (INDEX, {}, O_IMAGE),
        (IMAGE, {}, D_INDEX),
    ],
)
def test_a_document_that_could_be_either_is_refused(
    document: dict[str, Any], fields: dict[str, object], served: str
) -> None:
    """What is an image to one reader and an index to another is an attack (CVE-2021-41190)."""
    with pytest.raises(InvalidManifest, match="ambiguous"):
        parse_manifest(raw(document, **fields), served)


@pytest.mark.parametrize(
    ("document", "declared", "served"), [(IMAGE, O_IMAGE, O_INDEX), (INDEX, D_INDEX, D_IMAGE)]
)
def test_a_document_must_not_come_as_the_other_kind(
    document: dict[str, Any], declared: str, served: str
) -> None:
    """What says that it is an image was not asked for, or not meant, if it comes as an index."""
    with pytest.raises(InvalidManifest, match=r"the manifest came as .*, but is "):
        parse_manifest(raw(document, mediaType=declared), served)


def test_null_is_as_good_as_nothing() -> None:
    """Tools written in Go print null for what isn't there."""
    assert isinstance(parse_manifest(raw(INDEX, manifests=None)), Index)
    assert isinstance(parse_manifest(raw(IMAGE, manifests=None)), Manifest)
    assert isinstance(parse_manifest(raw(IMAGE, manifests=None, mediaType=O_IMAGE)), Manifest)


@pytest.mark.parametrize("version", [1, None, 3, "2", 2.0, True])
def test_only_schema_version_2_is_understood(version: object) -> None:
    """A schema 1 manifest, which no digest can be checked against, is refused."""
    with pytest.raises(InvalidManifest, match="schemaVersion"):
        parse_manifest(raw(IMAGE, schemaVersion=version))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mediaType": "application/vnd.oci.artifact.manifest.v1+json"}, "unknown media type"),
        ({"mediaType": media_types.OCI_LAYER}, "unknown media type"),
        ({"mediaType": 5}, "'mediaType' of the manifest"),
        ({"config": None}, "names no config"),
        ({"config": []}, "'config' of the manifest"),
        ({"layers": {}}, "'layers' of the manifest"),
        ({"layers": ["x"]}, "'layers' of the manifest"),
        ({"annotations": {"a": 1}}, "'annotations' of the manifest"),
        ({"subject": "x"}, "'subject' of the manifest"),
    ],
)
def test_what_is_no_manifest(fields: dict[str, object], said: str) -> None:
    """The error names the field that is wrong."""
    with pytest.raises(InvalidManifest, match=said):
        parse_manifest(raw(IMAGE, **fields))


def test_a_web_page_is_no_manifest() -> None:
    """A proxy's page under status 200 is quoted, so that a user sees what it is."""
    with pytest.raises(InvalidManifest, match="it begins b'<!DOCTYPE html>"):
        parse_manifest(b"<!DOCTYPE html><title>Log in</title>", "text/html")


ENTRIES = st.lists(objects_with(digest=DIGESTS.map(str), size=st.integers(0, 9)), max_size=3)
ENTRY = objects_with(digest=DIGESTS.map(str), size=st.integers(0, 9), platform=json_values())
DOCUMENTS = objects_with(
    schemaVersion=st.just(2),
    mediaType=st.sampled_from([D_IMAGE, D_INDEX, O_IMAGE, O_INDEX]),
    config=ENTRY,
    layers=ENTRIES,
    manifests=st.lists(ENTRY, max_size=3),
    subject=ENTRY,
    annotations=st.dictionaries(st.text(), st.text()),
    artifactType=st.text(),
).map(lambda document: json.dumps(document).encode())
BYTES = st.binary() | json_values().map(lambda value: json.dumps(value).encode()) | DOCUMENTS


@given(BYTES, st.sampled_from(["", "text/html", D_IMAGE, O_INDEX]))
def test_bytes_are_a_manifest_or_an_invalid_manifest(content: bytes, served: str) -> None:
    """Whatever the bytes are, they are a view on themselves, or the named error."""
    try:
        found = parse_manifest(content, served)
    except InvalidManifest:
        return
    assert found.raw == content
    assert found.descriptor.digest == Digest.of(content)


@given(st.sampled_from(Family), DESCRIPTORS, st.lists(DESCRIPTORS, max_size=3))
def test_a_manifest_that_is_built_is_read_back(
    family: Family, config: Descriptor, layers: list[Descriptor]
) -> None:
    """Parsing the bytes of a manifest that was made gives the manifest."""
    built = build_manifest(family, config, layers)
    assert parse_manifest(built.raw) == built
    assert build_manifest(family, config, layers).raw == built.raw
    known = media_types.lookup(built.media_type)
    assert known is not None
    assert known.family is family
