"""The old names mean what they always meant."""

from __future__ import annotations

import io

from occystrap import constants


def test_the_names_have_their_values() -> None:
    """Element types, and media types as the specifications write them."""
    assert {name: getattr(constants, name) for name in constants.__all__ if name.isupper()} == {
        "CONFIG_FILE": "config_file",
        "IMAGE_LAYER": "image_layer",
        "MEDIA_TYPE_DOCKER_CONFIG": "application/vnd.docker.container.image.v1+json",
        "MEDIA_TYPE_DOCKER_MANIFEST_LIST_V2": (
            "application/vnd.docker.distribution.manifest.list.v2+json"
        ),
        "MEDIA_TYPE_DOCKER_MANIFEST_V2": "application/vnd.docker.distribution.manifest.v2+json",
        "MEDIA_TYPE_OCI_CONFIG": "application/vnd.oci.image.config.v1+json",
        "MEDIA_TYPE_OCI_INDEX": "application/vnd.oci.image.index.v1+json",
        "MEDIA_TYPE_OCI_MANIFEST": "application/vnd.oci.image.manifest.v1+json",
    }


def test_an_element_is_made_of_type_name_and_data() -> None:
    """By position, as scripts make it."""
    data = io.BytesIO(b"tar")
    element = constants.ImageElement(constants.IMAGE_LAYER, "name", data)
    assert (element.element_type, element.name, element.data) == ("image_layer", "name", data)
    assert element.layer_index is None
    layer = element.open_layer()
    assert layer is not None
    assert b"".join(layer.open_tar()) == b"tar"
    assert constants.ImageElement("config_file", "c.json", io.BytesIO(b"{}")).read_config() == b"{}"
