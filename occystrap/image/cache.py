"""What layers became when they were pushed before, so that they needn't be made again.

Rule: an entry belongs to a layer and to what was done with it. The file is only ever replaced as a
whole, and what other processes wrote into it stays.

Files of version 1 are not read: they could name one layer's result as another's.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast, final

from occystrap.errors import ImageOutputError
from occystrap.image.partial import PartialFile
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode, load_object
from occystrap.oci.media_types import Compression

__all__ = ["CachedLayer", "LayerCache", "filters_hash"]

_LOG: Final = logging.getLogger(__name__)
_VERSION: Final = 2
_LIMIT: Final = 10_000
#: Raised whenever the filters write other tars than before.
_LAYER_REWRITE: Final = 1

_Key = tuple[str, str]


@final
@dataclass(frozen=True, slots=True)
class CachedLayer:
    """What a layer became: the blob that was stored, and the digest of its tar if it is known.

    `used` is when it was last of use, in UTC.
    """

    stored: Descriptor
    diff_id: Digest | None
    used: datetime


def filters_hash(
    compression: Compression, filters: Sequence[tuple[str, Mapping[str, object]]] = ()
) -> str:
    """Name what is done with layers: the compression, and the filters in their order."""
    if compression is Compression.GZIP and not filters:
        return "none"
    document: dict[str, object] = {"compression": compression.value}
    if filters:
        document["filters"] = [[name, dict(options)] for name, options in filters]
        document["layer_rewrite"] = _LAYER_REWRITE
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@final
class LayerCache:
    """A file of such entries; threads share the object, processes the file.

    Keys are the digest of a layer (bare hex) and the recipe, a `filters_hash`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        limit: int = _LIMIT,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.path = Path(path)
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._entries = _load(self.path)
        self._changed = False

    def __len__(self) -> int:
        return len(self._entries)

    def lookup(self, digest: str, recipe: str) -> CachedLayer | None:
        """Find what a layer became; whether that blob is still anywhere is the caller's to see."""
        with self._lock:
            entry = self._entries.get((digest, recipe))
            if entry is not None:
                self._put((digest, recipe), entry.stored, entry.diff_id)
            return entry

    def record(
        self, digest: str, recipe: str, stored: Descriptor, diff_id: Digest | None = None
    ) -> None:
        """Note what a layer became."""
        with self._lock:
            self._put((digest, recipe), stored, diff_id)

    def _put(self, key: _Key, stored: Descriptor, diff_id: Digest | None) -> None:
        self._entries[key] = CachedLayer(stored, diff_id, self._clock())
        self._changed = True

    def save(self) -> None:
        """Write what is new into the file; when that fails, a warning says so."""
        with self._lock:
            if not self._changed:
                return
            try:
                self._merge()
            except (OSError, ImageOutputError) as error:
                _LOG.warning("the layer cache isn't saved: %s", error)
            else:
                self._changed = False

    def _merge(self) -> None:
        with _exclusive(self.path):
            merged = _load(self.path)
            for key, entry in self._entries.items():
                if key not in merged or merged[key].used <= entry.used:
                    merged[key] = entry
            kept = sorted(merged, key=lambda key: (merged[key].used, key))[-self._limit :]
            self._entries = {key: merged[key] for key in kept}
            _replace(self.path, _to_document(self._entries))


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Keep other processes and threads out while the file is read, merged and replaced."""
    with Path(f"{path}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go of when the file is closed
        yield


def _replace(path: Path, document: Mapping[str, object]) -> None:
    partial = PartialFile(path)
    try:
        partial.file.write_at(0, encode(document))
        partial.publish()
    finally:
        partial.discard()


def _load(path: Path) -> dict[_Key, CachedLayer]:
    try:
        document = load_object(path.read_bytes(), "the layer cache")
        if document.get("version") != _VERSION:
            version = document.get("version")
            _LOG.warning("the layer cache %s has version %r; starting empty", path, version)
            return {}
        return dict(_from_document(document))
    except FileNotFoundError:
        return {}
    except OSError as error:
        _LOG.warning("the layer cache %s can't be read: %s; starting empty", path, error.strerror)
    except (ValueError, ArithmeticError, TypeError, AttributeError, KeyError) as error:
        _LOG.warning("the layer cache %s is damaged: %s; starting empty", path, error)
    return {}


def _from_document(document: dict[str, Any]) -> Iterator[tuple[_Key, CachedLayer]]:
    layers = cast("dict[str, dict[str, dict[str, Any]]]", document["layers"])
    for digest, results in layers.items():
        for recipe, entry in results.items():
            stored = Descriptor(
                str(entry["media_type"]),
                Digest.parse(entry["compressed_digest"]),
                int(entry["compressed_size"]),
            )
            diff_id = entry.get("diff_id")
            used = datetime.fromisoformat(entry["timestamp"])
            parsed = None if diff_id is None else Digest.parse(diff_id)
            yield (digest, recipe), CachedLayer(stored, parsed, used.astimezone(UTC))


def _to_document(entries: Mapping[_Key, CachedLayer]) -> dict[str, object]:
    layers: dict[str, dict[str, object]] = {}
    for (digest, recipe), entry in sorted(entries.items(), key=lambda item: item[0]):
        layers.setdefault(digest, {})[recipe] = {
            "compressed_digest": str(entry.stored.digest),
            "compressed_size": entry.stored.size,
            "media_type": entry.stored.media_type,
            "diff_id": None if entry.diff_id is None else str(entry.diff_id),
            "timestamp": entry.used.isoformat(),
        }
    return {"version": _VERSION, "layers": layers}
