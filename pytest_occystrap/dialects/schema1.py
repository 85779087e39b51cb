"""Docker's first form of manifests, which some registries still make up for clients that name none.

Rule: it is made of a manifest and its config, is not signed, and has a digest of its own.
Spec: https://distribution.github.io/distribution/spec/deprecated-schema-v1/
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from occystrap.oci.documents import load_object
from occystrap.oci.manifest import Manifest

__all__ = ["SCHEMA1", "SIGNED_SCHEMA1", "is_told_of_each_layer", "schema1"]

SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
#: Of manifests that carry signatures; ours have the type, and none.
SIGNED_SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"


def schema1(manifest: Manifest, config: bytes, repository: str, tag: str) -> bytes:
    """Write what a client gets that names no newer type, the topmost layer first.

    Raises:
        InvalidManifest: the config is none of an image.
    """
    image: dict[str, Any] = load_object(config, "the image configuration")
    sums = [str(layer.digest) for layer in manifest.layers]
    compatibility = list(_histories(image, sums))
    document = {
        "tag": tag,
        "name": repository,
        "architecture": image.get("architecture", ""),
        "schemaVersion": 1,
        "history": [{"v1Compatibility": json.dumps(each)} for each in reversed(compatibility)],
        "fsLayers": [{"blobSum": digest} for digest in reversed(sums)],
    }
    return json.dumps(document, indent=3).encode()


def is_told_of_each_layer(manifest: Manifest, config: bytes) -> bool:
    """Tell whether a config has what Distribution 2 wants to know of its layers.

    That is a history, in which no more steps made a layer than there are, and as many sums.

    Raises:
        InvalidManifest: the config is none of an image.
    """
    image: dict[str, Any] = load_object(config, "the image configuration")
    history, sums = image.get("history", []), image.get("rootfs", {}).get("diff_ids", [])
    made = [step for step in history if not step.get("empty_layer")]
    count = len(manifest.layers)
    return bool(history) and len(made) <= count == len(sums)


def _histories(image: Mapping[str, Any], sums: Sequence[str]) -> Iterator[dict[str, object]]:
    """Make an entry for each layer, the lowest first; the topmost one carries the config."""
    parent = ""
    steps = [step for step in image.get("history", []) if not step.get("empty_layer")]
    for number, digest in enumerate(sums):
        step = steps[number] if number < len(steps) else {}
        last = number == len(sums) - 1
        identity = hashlib.sha256(f"{parent}{digest}".encode()).hexdigest()
        entry: dict[str, object] = {"id": identity}
        if last:
            kept = {name: image[name] for name in ("architecture", "os", "config") if name in image}
            entry = {**kept, **entry}
        if parent:
            entry["parent"] = parent
        entry["created"] = step.get("created", image.get("created", ""))
        entry["container_config"] = {"Cmd": [step.get("created_by", "")]}
        yield entry
        parent = identity
