"""Small images for tests: the same bytes every time."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import zstandard

from occystrap.oci.media_types import Compression

__all__ = [
    "SampleImage",
    "bottom_layer",
    "file",
    "layer",
    "make_image",
    "middle_layer",
    "sha256",
    "special",
    "stored",
    "thorough_image",
    "top_layer",
    "varied_image",
]

Entry = tuple[tarfile.TarInfo, bytes]


def sha256(content: bytes) -> str:
    """Hash as bare hex."""
    return hashlib.sha256(content).hexdigest()


def file(name: str, content: bytes = b"", mode: int = 0o644, **fields: Any) -> Entry:
    """Make a regular file of a layer; `fields` are those of a TarInfo."""
    info = tarfile.TarInfo(name)
    info.mode = mode
    info.size = len(content)
    return _with(info, fields), content


def special(name: str, kind: bytes, link: str = "", mode: int = 0o755, **fields: Any) -> Entry:
    """Make a directory, a link or a device of a layer."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    info.mode = mode
    return _with(info, fields), b""


def _with(info: tarfile.TarInfo, fields: dict[str, Any]) -> tarfile.TarInfo:
    for name, value in fields.items():
        setattr(info, name, value)
    return info


def layer(*entries: Entry) -> bytes:
    """Make the tar of a layer."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return output.getvalue()


def bottom_layer() -> bytes:
    """Make a layer with everything that layers have: links, devices, attributes, odd names."""
    capability = b"\x01\x00\x00\x02\x00\x04\x00\x00".decode("latin-1") + "\0" * 12
    return layer(
        special("bin", tarfile.DIRTYPE),
        file("bin/tool", b"#!/bin/sh\nexit 0\n" * 200, 0o4755),
        special("bin/alias", tarfile.SYMTYPE, "tool"),
        special("bin/twin", tarfile.LNKTYPE, "bin/tool", 0o4755),
        special("dev/null", tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3),
        special("run/pipe", tarfile.FIFOTYPE, mode=0o600),
        special("etc", tarfile.DIRTYPE),
        file("etc/gone", b"gone\n"),
        file("etc/kept", b"kept\n", uid=4_000_000_000, gid=1234, mtime=1_700_000_000.25),
        file("etc/capable", b"x", 0o755, pax_headers={"SCHILY.xattr.user.colour": "blue"}),
        file("etc/privileged", b"y", pax_headers={"SCHILY.xattr.security.capability": capability}),
        file("opt/" + "long/" * 60 + "name", b"long\n"),
        file("opt/é-日本", b"unicode\n"),
        file("opt/data", bytes(range(256)) * 700),
    )


def top_layer() -> bytes:
    """Make a layer that removes what the bottom one has, and adds a file."""
    return layer(
        special("etc", tarfile.DIRTYPE),
        file("etc/.wh.gone"),
        special("opt", tarfile.DIRTYPE),
        file("opt/.wh..wh..opq"),
        file("opt/new", b"new\n"),
    )


@dataclass(frozen=True, slots=True)
class SampleImage:
    """An image: the tars of its layers, lowest first, and its config and names."""

    layers: tuple[bytes, ...]
    config: bytes
    names: tuple[str, ...]

    @property
    def diff_ids(self) -> list[str]:
        """The digests of the tars as bare hex."""
        return [sha256(tar) for tar in self.layers]

    @property
    def config_hex(self) -> str:
        """The digest of the config as bare hex."""
        return sha256(self.config)

    def named(self, *names: str) -> SampleImage:
        """Give the image other names."""
        return replace(self, names=names)


def make_image(
    *layers: bytes,
    names: Sequence[str] = ("example/app:1.0",),
    os: str = "linux",
    architecture: str = "amd64",
    variant: str = "",
) -> SampleImage:
    """Make an image of these layers."""
    config: dict[str, object] = {
        "architecture": architecture,
        "os": os,
        "created": "2023-11-14T22:13:20Z",
        "config": {"Cmd": ["/bin/tool"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(tar)}" for tar in layers]},
        "history": [{"created_by": f"layer {number}"} for number, _ in enumerate(layers, 1)],
    }
    if variant:
        config["variant"] = variant
    return SampleImage(layers, json.dumps(config).encode(), tuple(names))


def middle_layer() -> bytes:
    """Make a layer with long names and links, as the tar of GNU writes them."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for length in (99, 100, 101, 155, 156, 255, 256, 300):
            name = ("n" * 60 + "/") * (length // 61) + "m" * (length % 61)
            info, content = file(name, f"{length}\n".encode())
            tar.addfile(info, io.BytesIO(content))
            tar.addfile(special(f"to-{length}", tarfile.SYMTYPE, name)[0])
            tar.addfile(special(f"same-{length}", tarfile.LNKTYPE, name, 0o644)[0])
    return output.getvalue()


def thorough_image() -> SampleImage:
    """Make an image of five layers, of which one is there twice, with all that layers can have."""
    return make_image(bottom_layer(), layer(), middle_layer(), top_layer(), layer())


def varied_image() -> SampleImage:
    """Make an image of four layers: everything, nothing, whiteouts, and the empty one again."""
    return make_image(bottom_layer(), layer(), top_layer(), layer())


def stored(tar: bytes, compression: Compression) -> bytes:
    """Compress a layer with the libraries that other tools use."""
    if compression is Compression.GZIP:
        return gzip.compress(tar, mtime=0)
    return zstandard.compress(tar) if compression is Compression.ZSTD else tar
