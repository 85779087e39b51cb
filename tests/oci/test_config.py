"""Image configurations."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidManifest
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Config
from occystrap.oci.platform import Platform
from tests.support.strategies import DIGESTS, json_values, objects_with

CONFIGS = objects_with(
    os=st.text(),
    architecture=st.text(),
    variant=st.text(),
    rootfs=objects_with(diff_ids=st.lists(DIGESTS.map(str))),
)


@given(st.binary() | (json_values() | CONFIGS).map(lambda value: json.dumps(value).encode()))
def test_bytes_are_a_config_or_an_invalid_manifest(content: bytes) -> None:
    """Whatever the bytes are, they are a view on themselves, or the named error."""
    try:
        config = Config.parse(content)
    except InvalidManifest:
        return
    assert (config.raw, config.digest) == (content, Digest.of(content))


def test_a_config_is_read() -> None:
    """Platform and layers of an image are in its configuration."""
    content = (
        b'{"os":"linux","architecture":"arm","variant":"v7",'
        b'"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' % (b"a" * 64)
    )
    config = Config.parse(content)
    assert config.platform == Platform("linux", "arm", "v7")
    assert config.diff_ids == (Digest("sha256", "a" * 64),)


@pytest.mark.parametrize("content", [b"{}", b'{"rootfs":null}', b'{"rootfs":{"diff_ids":null}}'])
def test_a_config_without_layers(content: bytes) -> None:
    """An artifact, or an image made of nothing, has no layers."""
    assert Config.parse(content).diff_ids == ()


@pytest.mark.parametrize("diff_ids", [["sha256:abc"], [5], "x", {"a": 1}])
def test_a_config_with_bad_layers(diff_ids: object) -> None:
    """A layer is named by a digest, and by nothing else."""
    with pytest.raises(InvalidManifest, match="diff_id"):
        Config.parse(json.dumps({"rootfs": {"diff_ids": diff_ids}}).encode())
