"""Reading an image from a registry.

Rule: nothing but manifest and config is fetched here; a layer is named, and fetched by whoever
opens it.
"""

from __future__ import annotations

import io
from copy import copy
from typing import TYPE_CHECKING, Any, Final, final

from occystrap.client.credentials import credentials_for
from occystrap.client.registry import RegistryClient
from occystrap.client.retry import MAX_RETRIES
from occystrap.errors import ImageInputError
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.image.layer import StoredLayer
from occystrap.inputs.base import always_fetch
from occystrap.oci.manifest import Config, Index, Manifest
from occystrap.oci.platform import Platform, choose
from occystrap.oci.reference import Reference, join_name
from occystrap.util import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from occystrap.client.credentials import Credentials
    from occystrap.client.limiter import RateLimiter
    from occystrap.client.session import Session
    from occystrap.client.traffic import RequestStats
    from occystrap.oci.digest import Digest

__all__ = ["Image"]

#: Indexes in indexes in indexes: so deep, and no deeper.
_DEEPEST: Final = 4


@final
class Image:
    """An image in a registry; of an index, the one for a platform.

    Give a `session` to share one; else one is made over `client`, or over a client of its own that
    `close` closes.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the signature is public
        self,
        registry: str,
        image: str,
        tag: str = "latest",
        os: str = "linux",
        architecture: str = "amd64",
        variant: str = "",
        secure: bool = True,  # noqa: FBT001, FBT002
        username: str | None = None,
        password: str | None = None,
        max_workers: int = 4,
        temp_dir: str | None = None,  # noqa: ARG002 - nothing is put on disk here
        client: Any = None,
        rate_limiter: RateLimiter | None = None,
        retries: int = MAX_RETRIES,
        stats: RequestStats | None = None,
        *,
        session: Session | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self.reference = Reference.parse(join_name(image, tag), registry)
        self.image = self.reference.repository
        self.tag = self.reference.identifier if self.reference.tag is None else self.reference.tag
        self.platform = Platform(os, architecture, variant)
        #: How many layers a destination without a wish of its own should fetch at once.
        self.max_workers = max_workers
        credentials = credentials_for(username, password, credentials)
        self._own_session = None
        if session is None:
            session = self._own_session = open_session(
                client, rate_limiter=rate_limiter, retries=retries, stats=stats
            )
        self.client = RegistryClient(
            self.reference.registry,
            session=session,
            secure=secure,
            credentials=credentials,
        )
        self._root: Manifest | Index | None = None
        self._manifest: Manifest | None = None
        self._config: bytes | None = None

    def close(self) -> None:
        """Close the session, if it was made here."""
        if self._own_session is not None:
            self._own_session.close()

    def at(self, digest: Digest) -> Image:
        """Name another manifest of the same repository, over the same session."""
        other = copy(self)
        other.reference = self.reference.with_digest(digest)
        other.tag = str(digest)
        other._root = other._manifest = other._config = other._own_session = None  # noqa: SLF001
        return other

    def get_root(self) -> Manifest | Index:
        """Fetch what the reference names: the manifest, or the index of a multi-platform image."""
        if self._root is None:
            self._root = self.client.get_manifest(self.image, self.reference.identifier)
        return self._root

    def get_manifest(self) -> Manifest:
        """Fetch the manifest of the image for the platform.

        Raises:
            PlatformNotFound: the index has none; the message lists what there is.
        """
        if self._manifest is None:
            found: Manifest | Index = self.get_root()
            for _ in range(_DEEPEST):
                if isinstance(found, Manifest):
                    self._manifest = found
                    return found
                chosen = choose(found.manifests, self.platform)
                found = self.client.get_manifest(self.image, chosen.digest)
            raise ImageInputError(f"{self.reference} holds indexes in indexes without end")
        return self._manifest

    def get_config(self) -> bytes:
        """Fetch the configuration of the image."""
        if self._config is None:
            self._config = self.client.read_blob(self.image, self.get_manifest().config)
        return self._config

    def fetch(
        self,
        fetch_callback: Callable[[str], bool] = always_fetch,
        *,
        ordered: bool = True,  # noqa: ARG002 - layers come in order anyway, they cost nothing
    ) -> Iterator[ImageElement]:
        """Yield the config, with the manifest, then the layers as recipes."""
        manifest = self.get_manifest()
        config = self.get_config()
        diff_ids = self._diff_ids(manifest, config)
        name = f"{manifest.config.digest.encoded}.json"
        yield ImageElement(CONFIG_FILE, name, io.BytesIO(config), manifest=manifest)
        for index, (descriptor, diff_id) in enumerate(zip(manifest.layers, diff_ids, strict=True)):
            name = descriptor.digest.encoded
            layer = None
            if fetch_callback(name):
                source = self.client.blob(self.image, descriptor)
                layer = StoredLayer(descriptor, source, diff_id)
            yield ImageElement(IMAGE_LAYER, name, layer_index=index, layer=layer)

    def _diff_ids(self, manifest: Manifest, config: bytes) -> tuple[Digest | None, ...]:
        """Read the digests of the tars; an artifact that is no image (a chart, say) has none."""
        if not manifest.is_image:
            return (None,) * len(manifest.layers)
        diff_ids = Config.parse(config).diff_ids
        if len(diff_ids) != len(manifest.layers):
            raise ImageInputError(
                f"{self.reference} is broken: its manifest has {len(manifest.layers)} layers, its"
                f" config {len(diff_ids)} diff_ids"
            )
        return diff_ids
