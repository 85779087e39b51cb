"""Secrets in what is named by its digest, where nothing can be replaced."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from typing import Final

from occystrap.oci.digest import Digest
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.form import (
    Cassette,
    Interaction,
    RecordedRequest,
    RecordedResponse,
)
from tests.support.secret_places import CODINGS, HOST, Place, ask, one

__all__ = ["IN_CONTENT", "content", "layer_of"]

_BLOB: Final = f"{HOST}/v2/org/app/blobs/"


def content(make: Callable[[str], bytes], kind: str = "application/octet-stream") -> Place:
    """Put it into what is named by its digest."""

    def place(secret: str) -> Cassette:
        body = Body.of(make(secret))
        headers = Headers({"Content-Type": kind, "Docker-Content-Digest": str(body.digest)})
        response = RecordedResponse(200, "OK", headers, body)
        return one(Interaction(RecordedRequest("GET", f"{_BLOB}{body.digest}"), response))

    return place


def pushed_in_pieces(secret: str) -> Cassette:
    """Push a layer whose secret is cut in two."""
    layer = layer_of(secret, "gzip")
    middle = len(layer) // 2
    session = f"{HOST}/v2/org/app/blobs/uploads/0d3f5a3e-6c1b-4a2e-9a57-1f2a3b4c5d6e"
    last = f"{session}?digest={Digest.of(layer)}"
    return Cassette(
        (
            ask(session, body=layer[:middle], method="PATCH"),
            ask(session, body=layer[middle:], method="PATCH"),
            ask(last, method="PUT"),
        )
    )


def layer_of(secret: str, compression: str) -> bytes:
    """Make a layer in which a file has it, among much else."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in (("etc/motd", "Welcome!\n" * 9999), ("etc/app.conf", f"key: {secret}\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return CODINGS[compression](buffer.getvalue())


_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
#: Places where nothing can be replaced.
IN_CONTENT: Final[Mapping[str, Place]] = {
    "a layer": content(lambda it: layer_of(it, "")),
    "a layer with gzip": content(lambda it: layer_of(it, "gzip")),
    "a layer with zstd": content(lambda it: layer_of(it, "zstd")),
    "a layer in pieces": pushed_in_pieces,
    "a blob of bytes": content(lambda it: b"\x00\xff" * 999 + it.encode() + b"\x00\xff" * 999),
    "the environment of an image": content(
        lambda it: json.dumps({"config": {"Env": ["PATH=/bin", f"APP_TOKEN={it}"]}}).encode(),
        _CONFIG,
    ),
    "a label of an image": content(
        lambda it: json.dumps({"config": {"Labels": {"build.token": it}}}).encode(), _CONFIG
    ),
    "an annotation": content(
        lambda it: json.dumps({"schemaVersion": 2, "annotations": {"org.x.note": it}}).encode(),
        "application/vnd.oci.image.manifest.v1+json",
    ),
}
