"""Writing an image to a registry.

Rule: what the source stores is sent as it is, with its manifest, and keeps every digest. Only what
can't be sent like that is compressed, and then into an unnamed temporary file, so that a blob can
be looked for before it is sent, and sent again after a failure.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

from occystrap.client.credentials import credentials_for
from occystrap.client.download import once_more
from occystrap.client.registry import RegistryClient
from occystrap.client.retry import MAX_RETRIES
from occystrap.errors import ImageOutputError, InvalidOption, OccystrapError, TransportError
from occystrap.image.checks import CheckResults, Severity
from occystrap.image.element import CONFIG_FILE
from occystrap.image.progress import NoProgress
from occystrap.image.workers import Workers
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Descriptor, Index, Manifest, build_manifest
from occystrap.oci.media_types import (
    DOCKER_CONFIG,
    OCI_CONFIG,
    Compression,
    Family,
    lookup,
)
from occystrap.oci.reference import Reference, join_name
from occystrap.outputs.base import Moved
from occystrap.outputs.layer_upload import LayerUploader
from occystrap.util import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from occystrap.client.credentials import Credentials
    from occystrap.client.limiter import RateLimiter
    from occystrap.client.session import Session
    from occystrap.image.cache import LayerCache
    from occystrap.image.element import ImageElement
    from occystrap.image.layer import Layer, Source
    from occystrap.image.once import Once
    from occystrap.image.progress import Progress

__all__ = ["RegistryWriter"]

Found = TypeVar("Found")

_CONFIG_TYPES: Final = {Family.DOCKER: DOCKER_CONFIG, Family.OCI: OCI_CONFIG}


def _compression(name: str | None) -> Compression | None:
    try:
        return None if name is None else Compression(name)
    except ValueError as error:
        known = ", ".join(sorted(each.value for each in Compression))
        raise InvalidOption(f"there is no compression {name!r} (known: {known})") from error


def _is_of(digest: Digest, manifest: Manifest | Index) -> bool:
    return digest == Digest.of(manifest.raw, digest.algorithm)


def _digests(layers: Iterable[Descriptor]) -> list[Digest]:
    return [layer.digest for layer in layers]


def _read(source: Source) -> None:
    for _ in source.open():
        pass


@final
class RegistryWriter:
    """An image on its way into a registry.

    `compression_type` (`gzip`, `zstd` or `none`) makes all layers be stored like that; without it
    layers stay as their source stores them, and those of tarballs become gzip. `tag` may also be
    `tag@digest` or a digest: then the image must turn out to have it. With `by_digest` the image is
    stored under the digest that it turns out to have, and no tag.
    """

    requires_ordered_layers = False

    def __init__(  # noqa: PLR0913, PLR0917 - the signature is public
        self,
        registry: str,
        image: str,
        tag: str,
        secure: bool = True,  # noqa: FBT001, FBT002
        username: str | None = None,
        password: str | None = None,
        compression_type: str | None = None,
        max_workers: int = 4,
        client: Any = None,
        rate_limiter: RateLimiter | None = None,
        *,
        retries: int = MAX_RETRIES,
        compression_level: int | None = None,
        temp_dir: str | None = None,
        layer_cache: LayerCache | None = None,
        progress: Progress | None = None,
        session: Session | None = None,
        credentials: Credentials | None = None,
        by_digest: bool = False,
    ) -> None:
        self.registry = registry
        self.image = image
        self.tag = tag
        self.secure = secure
        self._by_digest = by_digest
        self.username = username
        self.password = password
        self.max_workers = max_workers
        self.reference = Reference.parse(join_name(image, tag), registry)
        credentials = credentials_for(username, password, credentials)
        compression = _compression(compression_type)
        self._own_session = None
        if session is None:
            session = self._own_session = open_session(
                client, rate_limiter=rate_limiter, retries=retries
            )
        self._registry = RegistryClient(
            self.reference.registry, session=session, secure=secure, credentials=credentials
        )
        self._workers = Workers(max_workers)
        self.moved = Moved()
        self._uploader = LayerUploader(
            self._registry,
            self.reference,
            self._workers,
            self.moved,
            progress or NoProgress(),
            compression,
            compression_level,
            temp_dir,
            layer_cache,
        )
        self._origin: Manifest | None = None
        self._config: Descriptor | None = None
        self._order: dict[int, str] = {}
        self._layers: dict[str, Descriptor] = {}
        self._lock = threading.Lock()
        self.manifest: Manifest | Index | None = None

    def share(self, made: Once) -> None:
        """Compress only what no other writer of this repository, that shares this, has made."""
        self._uploader = replace(self._uploader, shared=made)

    def fetch_callback(self, digest: str) -> bool:  # noqa: ARG002 - the shape of the callback
        """Want every layer: whether it has to move is seen when its digest is known."""
        return True

    def held(self, digest: Digest) -> int | None:
        """Tell the size of a blob that needn't come: the repository has it, and it would stay."""
        if self._uploader.compression is not None:
            return None
        return self._registry.blob_size(self.reference.repository, digest)

    def process_image_element(self, element: ImageElement) -> None:
        """Upload a config at once, and a layer as soon as a worker is free."""
        if element.element_type == CONFIG_FILE:
            self._upload_config(element)
            return
        layer = element.open_layer()
        if layer is None:
            raise ImageOutputError(f"layer {element.name} came without content")
        index = len(self._order) if element.layer_index is None else element.layer_index
        known = element.name in self._order.values()
        self._order[index] = element.name
        if known:
            self.moved.count(layers=1, skipped=1)
        else:
            self._workers.submit(lambda: self._upload_layer(element.name, layer))

    def finalize(self) -> None:
        """Wait for all layers, then store the manifest, by which the image appears.

        Raises:
            ImageOutputError: no config came, or the image hasn't the digest it should have.
        """
        self._workers.wait()
        if self._config is None:
            raise ImageOutputError("No config file was processed")
        layers = [self._layers[self._order[index]] for index in sorted(self._order)]
        self._put(self._manifest(self._config, layers))
        if self._uploader.cache is not None:
            self._uploader.cache.save()

    def store_index(self, index: Index) -> None:
        """Store an index, byte for byte; everything that it lists has to be there."""
        self._put(index)

    def verify(self, *, full: bool = False) -> CheckResults:
        """Ask the registry for what was written; `full` reads all blobs back."""
        results = CheckResults()
        manifest = self.manifest
        if manifest is None:
            results.add(Severity.ERROR, "verify.manifest", "nothing was written")
            return results
        try:
            self._verify(manifest, results, full=full)
        except TransportError as error:
            results.add(Severity.WARNING, "verify.registry", str(error))
        except OccystrapError as error:
            results.add(Severity.ERROR, "verify.registry", str(error))
        if not results.results:
            results.add(Severity.INFO, "verify.ok", f"{self.reference} is {manifest.digest}")
        return results

    def close(self) -> None:
        """Stop what is under way, and close the session if it was made here."""
        self._workers.stop()
        if self._own_session is not None:
            self._own_session.close()

    def _manifest(self, config: Descriptor, layers: list[Descriptor]) -> Manifest:
        """Keep the manifest of the source if it names what was stored, else make one."""
        origin = self._origin
        if origin is None:
            return build_manifest(self._family, config, layers)
        if origin.config == config and _digests(origin.layers) == _digests(layers):
            return origin
        return build_manifest(self._family, config, layers, origin.annotations)

    def _put(self, manifest: Manifest | Index) -> None:
        if self._by_digest:
            self.reference = self.reference.with_digest(manifest.digest)
        self._check_digest(manifest)
        self._registry.put_manifest(self.reference.repository, self._target(manifest), manifest)
        self.manifest = manifest

    def _check_digest(self, manifest: Manifest | Index) -> None:
        wanted = self.reference.digest
        if wanted is not None and wanted != Digest.of(manifest.raw, wanted.algorithm):
            raise ImageOutputError(
                f"the image has the digest {manifest.digest}, so it can't be stored as"
                f" {self.reference}"
            )

    def _target(self, manifest: Manifest | Index) -> str:
        if self._by_digest:
            return str(manifest.digest)
        return self.reference.tag or self.reference.identifier

    @property
    def _family(self) -> Family:
        """Whose manifest is written: the source's; for zstd OCI's, since Docker's has none."""
        if self._uploader.compression is Compression.ZSTD:
            return Family.OCI
        known = None if self._origin is None else lookup(self._origin.media_type)
        return Family.DOCKER if known is None else known.family

    def _upload_config(self, element: ImageElement) -> None:
        raw = element.read_config()
        self._origin = element.manifest or element.origin
        config = None if element.manifest is None else element.manifest.config
        self._config = config or Descriptor.of(raw, _CONFIG_TYPES[self._family])
        self._registry.upload_blob(self.reference.repository, self._config, raw)

    def _upload_layer(self, name: str, layer: Layer) -> None:
        descriptor = self._uploader.upload(
            name, layer, self._family, as_is=self._origin is not None
        )
        with self._lock:
            self._layers[name] = descriptor

    def _verify(self, manifest: Manifest | Index, results: CheckResults, *, full: bool) -> None:
        repository, target = self.reference.repository, self._target(manifest)
        find = partial(self._registry.find_manifest, repository, target)
        found = self._eventually(find)
        if found is not None and not _is_of(found, manifest):
            # A header says so; the bytes decide.
            found = self._registry.get_manifest(repository, target).digest
        if found is None or not _is_of(found, manifest):
            message = f"{self.reference} is {found}, not {manifest.digest}"
            results.add(Severity.ERROR, "verify.manifest", message)
        if isinstance(manifest, Index):
            return
        for descriptor in dict.fromkeys(manifest.references):
            check = "verify.config" if descriptor == manifest.config else "verify.layer"
            has = partial(self._registry.has_blob, repository, descriptor.digest)
            if not self._eventually(has):
                results.add(Severity.ERROR, check, f"{descriptor.digest} is missing")
            elif full:
                once_more(partial(_read, self._registry.blob(repository, descriptor)))

    def _eventually(self, look: Callable[[], Found]) -> Found:
        """Look for what has been pushed, some times over: a registry may show it later."""
        attempts = self._registry.attempts()
        while True:
            found = look()
            if found or attempts.again() is not None:
                return found
