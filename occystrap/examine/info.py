"""What an image is: its manifest and its config, as one document.

Rule: nothing is fetched but manifest and config, and what a source doesn't have isn't there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from occystrap.oci.digest import Digest
from occystrap.oci.documents import field, load_object, objects, string_map, texts
from occystrap.oci.manifest import Config
from occystrap.oci.media_types import Kind, lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from occystrap.inputs.base import ImageInput
    from occystrap.oci.manifest import Descriptor, Index, Manifest

__all__ = ["describe"]

_CONFIG: Final = "the image configuration"
_TEXTS: Final = ("architecture", "os", "variant", "created")


def describe(source: ImageInput, index: Index | None = None) -> dict[str, Any]:
    """Return what an image is, as JSON shows it; sizes are in bytes.

    `digest`, `media_type`, the config's and the layers' sizes come from the manifest, and are
    there when the source has one; `platforms` is there with the index that lists the image.

    Raises:
        OccystrapError: it can't be read.
    """
    manifest, raw = source.get_manifest(), source.get_config()
    config = load_object(raw, _CONFIG)
    known = manifest is None or _is_image(manifest)
    diff_ids = Config.parse(raw).diff_ids if known else ()
    created_by = tuple(_created_by(config))
    document: dict[str, Any] = {"image": source.image, "tag": source.tag}
    if index is not None:
        listed = dict.fromkeys(str(d.platform) for d in index.manifests if d.platform)
        document |= {"index_digest": str(index.digest), "platforms": list(listed)}
    if manifest is None:
        layers = [_layer(index, diff_id, created_by) for index, diff_id in enumerate(diff_ids)]
        document |= {"layer_count": len(layers), "layers": layers}
    else:
        document |= _describe_manifest(manifest, diff_ids, created_by)
    return document | _describe_config(config)


def _is_image(manifest: Manifest) -> bool:
    """Whether the config is that of an image; an artifact, such as a chart, has another."""
    media_type = lookup(manifest.config.media_type)
    return media_type is not None and media_type.kind is Kind.CONFIG


def _describe_manifest(
    manifest: Manifest, diff_ids: tuple[Digest, ...], created_by: tuple[str, ...]
) -> dict[str, Any]:
    padded = (*diff_ids, *(None for _ in manifest.layers[len(diff_ids) :]))
    layers = [
        _stored(descriptor) | _layer(index, diff_id, created_by)
        for index, (descriptor, diff_id) in enumerate(zip(manifest.layers, padded, strict=False))
    ]
    return {
        "digest": str(manifest.digest),
        "schema_version": 2,
        "media_type": manifest.media_type,
        "config_digest": str(manifest.config.digest),
        "config_size": manifest.config.size,
        "layer_count": len(layers),
        "total_compressed_size": sum(layer.size for layer in manifest.layers),
        "layers": [{"index": layer.pop("index")} | layer for layer in layers],
    }


def _stored(descriptor: Descriptor) -> dict[str, Any]:
    media_type = lookup(descriptor.media_type)
    compression = None if media_type is None else media_type.compression
    return {
        "digest": str(descriptor.digest),
        "size": descriptor.size,
        "media_type": descriptor.media_type,
        "compression": None if compression is None else compression.value,
    }


def _layer(index: int, diff_id: Digest | None, created_by: tuple[str, ...]) -> dict[str, Any]:
    return {
        "index": index,
        "diff_id": None if diff_id is None else str(diff_id),
        "created_by": created_by[index] if index < len(created_by) else None,
    }


def _created_by(config: dict[str, Any]) -> Iterator[str]:
    """Yield what made each layer, lowest first."""
    for entry in objects(config, "history", _CONFIG):
        if not entry.get("empty_layer"):
            yield str(entry.get("created_by") or "")


def _describe_config(config: dict[str, Any]) -> dict[str, Any]:
    history = objects(config, "history", _CONFIG)
    run = field(config, "config", dict, _CONFIG) or {}
    rootfs = field(config, "rootfs", dict, _CONFIG) or {}
    return {
        **{name: field(config, name, str, _CONFIG) for name in _TEXTS},
        "diff_ids": list(texts(rootfs, "diff_ids", _CONFIG)),
        "history_count": len(history),
        "empty_layer_count": sum(bool(entry.get("empty_layer")) for entry in history),
        "labels": dict(string_map(run, "Labels", _CONFIG)),
        "env": list(texts(run, "Env", _CONFIG)),
        "entrypoint": list(texts(run, "Entrypoint", _CONFIG)),
        "cmd": list(texts(run, "Cmd", _CONFIG)),
        "working_dir": field(run, "WorkingDir", str, _CONFIG) or "",
        "user": field(run, "User", str, _CONFIG) or "",
        "exposed_ports": sorted(field(run, "ExposedPorts", dict, _CONFIG) or {}),
        "volumes": sorted(field(run, "Volumes", dict, _CONFIG) or {}),
    }
