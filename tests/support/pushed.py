"""Looking at what a client has pushed to a fake registry."""

from __future__ import annotations

from pytest_occystrap.fake import FakeRegistry
from tests.support.images import SampleImage, sha256

__all__ = ["assert_complete"]


def assert_complete(registry: FakeRegistry, reference: str, sample: SampleImage) -> None:
    """Check that an image was pushed, and that every byte of it is there."""
    registry.assert_pushed(reference)
    image = registry.image(reference)
    assert image.config.raw == sample.config
    assert [sha256(layer.tar) for layer in image.layers] == sample.diff_ids
    assert [layer.size for layer in image.layers] == [len(layer.content) for layer in image.layers]
