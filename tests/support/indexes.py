"""Indexes with more in them than images: what BuildKit and others put beside those."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence

from occystrap.oci.descriptor import Descriptor
from occystrap.oci.manifest import Config, Index, Manifest, parse_manifest
from occystrap.oci.media_types import OCI_INDEX, OCI_MANIFEST
from tests.support.console import Shelf
from tests.support.filtering import paths_of
from tests.support.images import SampleImage, file, layer, make_image
from tests.support.wire import describe

__all__ = [
    "CHART",
    "STATEMENT",
    "attestation_of",
    "entry_of",
    "paths_in",
    "platforms",
    "put_artifact",
    "put_listing",
]

CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
STATEMENT = "application/vnd.in-toto+json"


def platforms(*names: str) -> dict[str, SampleImage]:
    """Make images of a layer that all share, and one of their own, with something to exclude."""
    return {
        f"linux/{name}": make_image(
            layer(file("shared/kept", b"kept" * 5000), file("tmp/shared", b"gone" * 5000)),
            layer(file(f"own/{name}"), file(f"tmp/{name}")),
            architecture=name,
        )
        for name in names
    }


def entry_of(found: Manifest | Index, **more: object) -> dict[str, object]:
    """Make the entry of an index that lists something."""
    return {**found.descriptor.to_document(), **more}


def put_artifact(shelf: Shelf, name: str, *, media_type: str = CHART, **more: object) -> Manifest:
    """Keep a manifest of the repository `many`, no image unless fields of it say so."""
    config, content = b"{}", f"the content of {name}".encode()
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": describe(config, "application/vnd.oci.empty.v1+json"),
        "layers": [describe(content, media_type)],
    }
    for blob in (config, content):
        shelf.store.add_blob("many", Descriptor.of(blob, "").digest, blob)
    found = parse_manifest(json.dumps(document | more).encode())
    assert isinstance(found, Manifest)
    shelf.store.add_manifest("many", found, None)
    return found


def attestation_of(shelf: Shelf, image: Manifest) -> dict[str, object]:
    """Keep an attestation as BuildKit makes it, and return its entry."""
    made = put_artifact(shelf, f"attestation of {image.digest}", media_type=STATEMENT)
    return entry_of(
        made,
        platform={"architecture": "unknown", "os": "unknown"},
        annotations={
            "vnd.docker.reference.digest": str(image.digest),
            "vnd.docker.reference.type": "attestation-manifest",
        },
    )


def put_listing(
    shelf: Shelf, tag: str | None, entries: Sequence[dict[str, object]], **more: object
) -> Index:
    """Keep an index of the repository `many`, written as nobody here writes one."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **more}
    index = parse_manifest(json.dumps(document, indent=3).encode())
    assert isinstance(index, Index)
    shelf.store.add_manifest("many", index, tag)
    return index


def paths_in(shelf: Shelf, repository: str, found: Manifest | Index | None) -> list[str]:
    """List the files of an image, whose config has to name its layers."""
    assert isinstance(found, Manifest)
    tars = [gzip.decompress(shelf.content(repository, each)) for each in found.layers]
    config = Config.parse(shelf.content(repository, found.config))
    assert [Descriptor.of(tar, "").digest for tar in tars] == list(config.diff_ids)
    return [path for tar in tars for path in paths_of(tar)]
