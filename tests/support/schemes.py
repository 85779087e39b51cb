"""A source and a destination of each scheme, as tests of all of them call it."""

from __future__ import annotations

__all__ = ["SOURCES", "TARGETS"]

SOURCES = {
    "dir": "dir://source",
    "docker": "docker://demo/image:1",
    "dockerpush": "dockerpush://demo/image:1",
    "ocidir": "ocidir://layout:1",
    "ocitar": "ocitar://layout.tar:1",
    "registry": "registry://source.example/demo/image:1",
    "tar": "tar://source.tar",
}
TARGETS = {
    "dir": "dir://target",
    "docker": "docker://new/image:2",
    "mounts": "mounts://mounts",
    "oci": "oci://bundle",
    "ocidir": "ocidir://target-layout:2",
    "ocitar": "ocitar://target-layout.tar:2",
    "registry": "registry://target.example/new/image:2",
    "tar": "tar://target.tar",
}
