"""Whether an image is sound by its manifest and its config.

Rule: each rule has a name, and says what it found also when all is well. Errors are what breaks the
image somewhere; warnings what may, in some hands.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md and manifest.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

from occystrap.errors import InvalidInput, OccystrapError, VerificationError
from occystrap.image.checks import CheckResults, Severity
from occystrap.oci.digest import Digest
from occystrap.oci.documents import field, load_object, objects
from occystrap.oci.media_types import Compression, Family, Kind, lookup
from occystrap.util import format_size

if TYPE_CHECKING:
    from occystrap.inputs.base import ImageInput
    from occystrap.oci.manifest import Manifest

__all__ = ["check_metadata"]

_CONFIG: Final = "the image configuration"
_LARGE: Final = 1024**3


def check_metadata(source: ImageInput) -> CheckResults:
    """Check what can be checked without a layer.

    Raises:
        OccystrapError: the source can't be read at all.
    """
    results = CheckResults()
    try:
        manifest = source.get_manifest()
        config = load_object(source.get_config(), _CONFIG)
    except (InvalidInput, VerificationError) as error:
        results.add(Severity.ERROR, "metadata", str(error))
        return results
    checks = _Checks(results, manifest, config)
    checks.run(source.get_config())
    return results


@final
class _Checks:
    """The rules, over one image."""

    def __init__(
        self, results: CheckResults, manifest: Manifest | None, config: dict[str, Any]
    ) -> None:
        self._results = results
        self._manifest = manifest
        self._config = config

    def run(self, raw: bytes) -> None:
        """Apply all of them; a field of a wrong kind ends those that are about the config."""
        if self._manifest is not None:
            self._check_manifest(self._manifest)
            self._check_config_bytes(self._manifest, raw)
            kind = lookup(self._manifest.config.media_type)
            if kind is None or kind.kind is not Kind.CONFIG:
                said = f"an artifact of {self._manifest.config.media_type}, no image"
                self._note(Severity.INFO, "metadata", said)
                return
        try:
            self._check_config()
        except OccystrapError as error:
            self._note(Severity.ERROR, "metadata", str(error))

    def _check_manifest(self, manifest: Manifest) -> None:
        self._note(Severity.INFO, "schema-version", "schemaVersion is 2")
        media_type = lookup(manifest.media_type)
        if media_type is not None:
            name = "oci" if media_type.family is Family.OCI else "docker"
            self._note(Severity.INFO, f"{name}-media-type", manifest.media_type)
        self._note(Severity.INFO, "config-descriptor", f"config is {manifest.config.digest}")
        for index, layer in enumerate(manifest.layers):
            found = lookup(layer.media_type)
            if found is not None and found.compression is Compression.ZSTD:
                said = f"layer {index} is zstd, which needs Docker 20.10 and containerd 1.5"
                self._note(Severity.WARNING, "zstd-compat", said)
            if layer.size > _LARGE:
                said = f"layer {index} has {format_size(layer.size)} as stored"
                self._note(Severity.WARNING, "large-layer", said)

    def _check_config_bytes(self, manifest: Manifest, raw: bytes) -> None:
        said = manifest.config
        actual = Digest.of(raw, said.digest.algorithm)
        self._decide(
            "config-digest",
            f"the config hashes to {actual}",
            wrong="" if actual == said.digest else f", the manifest says {said.digest}",
        )
        wrong = "" if len(raw) == said.size else f", the manifest says {said.size}"
        self._decide("config-size", f"the config has {len(raw)} bytes", wrong=wrong)

    def _check_config(self) -> None:
        rootfs = field(self._config, "rootfs", dict, _CONFIG) or {}
        kind = rootfs.get("type")
        wrong = "" if kind == "layers" else ", and has to be 'layers'"
        self._decide("rootfs-type", f"rootfs.type is {kind!r}", wrong=wrong)
        diff_ids = field(rootfs, "diff_ids", list, _CONFIG) or []
        layers = len(diff_ids) if self._manifest is None else len(self._manifest.layers)
        wrong = "" if layers == len(diff_ids) else f", and there are {layers} layers"
        self._decide("layer-count", f"the config names {len(diff_ids)} layers", wrong=wrong)
        history = objects(self._config, "history", _CONFIG)
        made = sum(not entry.get("empty_layer") for entry in history)
        if not history:
            self._note(Severity.INFO, "history-count", "there is no history")
        else:
            wrong = "" if made == layers else f", and there are {layers} layers"
            self._decide("history-count", f"the history tells of {made} layers", wrong=wrong)
        run = field(self._config, "config", dict, _CONFIG) or {}
        if run.get("ArgsEscaped"):
            said = "config.ArgsEscaped is set, which is of Windows images and deprecated"
            self._note(Severity.WARNING, "args-escaped", said)

    def _decide(self, check: str, said: str, *, wrong: str) -> None:
        self._note(Severity.ERROR if wrong else Severity.INFO, check, said + wrong)

    def _note(self, severity: Severity, check: str, message: str) -> None:
        self._results.add(severity, check, message)
