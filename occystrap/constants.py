"""Old names, kept: they live in `occystrap.image.element` and `occystrap.oci.media_types`."""

from __future__ import annotations

from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.oci.media_types import DOCKER_CONFIG as MEDIA_TYPE_DOCKER_CONFIG
from occystrap.oci.media_types import DOCKER_INDEX as MEDIA_TYPE_DOCKER_MANIFEST_LIST_V2
from occystrap.oci.media_types import DOCKER_MANIFEST as MEDIA_TYPE_DOCKER_MANIFEST_V2
from occystrap.oci.media_types import OCI_CONFIG as MEDIA_TYPE_OCI_CONFIG
from occystrap.oci.media_types import OCI_INDEX as MEDIA_TYPE_OCI_INDEX
from occystrap.oci.media_types import OCI_MANIFEST as MEDIA_TYPE_OCI_MANIFEST

__all__ = [
    "CONFIG_FILE",
    "IMAGE_LAYER",
    "MEDIA_TYPE_DOCKER_CONFIG",
    "MEDIA_TYPE_DOCKER_MANIFEST_LIST_V2",
    "MEDIA_TYPE_DOCKER_MANIFEST_V2",
    "MEDIA_TYPE_OCI_CONFIG",
    "MEDIA_TYPE_OCI_INDEX",
    "MEDIA_TYPE_OCI_MANIFEST",
    "ImageElement",
]
