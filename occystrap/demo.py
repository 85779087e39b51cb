"""`python -m occystrap.demo`: the main job on an embedded registry that misbehaves.

A registry is served on the loopback with a small image in it. It answers 429 once and cuts one
layer in the middle. The image is pulled to a tarball, pushed to a second repository and copied to
a third, by the very commands that a user types; then every digest is compared.
"""

from __future__ import annotations

import io
import random
import sys
import tarfile
import tempfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import click

from occystrap import __version__
from occystrap.client.registry import RegistryClient
from occystrap.image.compression import compressed
from occystrap.inputs.registry import Image
from occystrap.main import cli
from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode
from occystrap.oci.manifest import Descriptor, build_manifest
from occystrap.oci.media_types import DOCKER_CONFIG, Compression, Family, layer_media_type
from occystrap.oci.routes import RouteKind, parse_route
from occystrap.server.doors.listener import serve
from occystrap.server.message import CloseConnection, Headers, Response
from occystrap.server.registry import Registry
from occystrap.util import format_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from occystrap.oci.manifest import Manifest
    from occystrap.server.message import Handler, Request

__all__ = ["main"]

_LAYERS: Final = 3
_LAYER_SIZE: Final = 3 * 1024 * 1024
_MANIFEST_TYPES: Final = ("GET", RouteKind.MANIFEST)
_BLOB_GET: Final = ("GET", RouteKind.BLOB)


@final
@dataclass
class _Misbehaving:
    """A handler in front of another: says 429 once, cuts one layer once, and notes what passes."""

    inner: Handler
    cut: Digest
    cut_at: int
    notes: list[str] = field(default_factory=list[str])
    _pending: set[str] = field(default_factory=lambda: {"busy", "cut"})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> Response:
        """Answer, and misbehave when it is time to."""
        route = parse_route(request.path)
        what = (request.method, None if route is None else route.kind)
        if what == _MANIFEST_TYPES and self._take("busy"):
            self._note(request, "429 Too Many Requests, Retry-After: 1")
            return Response(429, Headers([("Retry-After", "1"), ("Content-Length", "0")]))
        response = self.inner.handle(request)
        said = str(response.status)
        wanted = request.headers.get("Range")
        if wanted is not None:
            said += f" ({wanted})"
        if what == _BLOB_GET and route is not None and route.digest == self.cut:
            if self._take("cut"):
                said += f", cut after {self.cut_at} bytes"
                response = replace(response, body=_cut(response.body, self.cut_at))
            self._note(request, said)
        elif what[0] == "GET":
            self._note(request, said)
        return response

    def _take(self, trouble: str) -> bool:
        with self._lock:
            due = trouble in self._pending
            self._pending.discard(trouble)
            return due

    def _note(self, request: Request, said: str) -> None:
        path = request.path if len(request.path) < 60 else f"{request.path[:57]}..."  # noqa: PLR2004
        self.notes.append(f"{request.method:4} {path:60} {said}")


def _cut(body: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in body:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            raise CloseConnection


def _layer(number: int) -> bytes:
    """Make the tar of a layer: half of it compresses, half doesn't."""
    noise = random.Random(number).randbytes(_LAYER_SIZE // 2)  # noqa: S311 - no secret
    content = noise + bytes(_LAYER_SIZE // 2)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(f"opt/file-{number}")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _seed(client: RegistryClient, repository: str, tag: str) -> Manifest:
    """Push the image of the demo."""
    tars = [_layer(number) for number in range(_LAYERS)]
    media_type = layer_media_type(Family.DOCKER, Compression.GZIP)
    layers: list[Descriptor] = []
    for tar in tars:
        blob = b"".join(compressed([tar], Compression.GZIP))
        layers.append(Descriptor.of(blob, media_type))
        client.upload_blob(repository, layers[-1], blob)
    diff_ids = [str(Digest.of(tar)) for tar in tars]
    config = encode(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/bin/true"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    )
    described = Descriptor.of(config, DOCKER_CONFIG)
    client.upload_blob(repository, described, config)
    manifest = build_manifest(Family.DOCKER, described, layers)
    client.put_manifest(repository, tag, manifest)
    return manifest


def _occystrap(*arguments: str) -> None:
    """Run a command line as a user does, in this process."""
    click.secho("\n$ occystrap " + " ".join(arguments), bold=True)
    cli.main(list(arguments), prog_name="occystrap", standalone_mode=False, obj={"ENVIRON": {}})


def _inspect(host: str, repository: str) -> tuple[Digest, Digest, list[Digest]]:
    """Pull an image back: digests of manifest and config, and of every layer as inflated now."""
    image = Image(host, repository, "1", secure=False)
    try:
        manifest = image.get_manifest()
        tars: list[Digest] = []
        for element in image.fetch():
            layer = element.layer
            if layer is not None:
                tars.append(Digest.of(b"".join(layer.open_tar())))
        return manifest.digest, manifest.config.digest, tars
    finally:
        image.close()


def _compare(host: str, manifest: Manifest) -> bool:
    """Print and compare the digests of all three repositories."""
    original = _inspect(host, "demo/image")
    pushed = _inspect(host, "demo/pushed")
    copied = _inspect(host, "demo/copied")
    rows = [("manifest of the copy", manifest.digest, copied[0])]
    rows += [("config of the push", original[1], pushed[1])]
    for number, (tar, again) in enumerate(zip(original[2], pushed[2], strict=True)):
        rows.append((f"layer {number} of the push", tar, again))
    for what, expected, actual in rows:
        verdict = "same" if expected == actual else f"DIFFERS: {actual}"
        click.echo(f"  {what:22} {str(expected)[:40]}...  {verdict}")
    return all(expected == actual for _, expected, actual in rows)


def main() -> None:
    """Run the demo; the exit code is 1 when a digest differs."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # in step with what the commands say on stderr
    registry = Registry()
    with serve(registry) as quiet, RegistryClient(quiet.host, secure=False) as client:
        manifest = _seed(client, "demo/image", "1")
    victim = manifest.layers[1]
    troubled = _Misbehaving(registry, victim.digest, victim.size // 2)
    with serve(troubled) as listener, tempfile.TemporaryDirectory() as directory:
        host = listener.host
        size = format_size(sum(layer.size for layer in manifest.layers))
        click.echo(f"occystrap {__version__} serves a registry on {listener.url} with")
        click.echo(f"demo/image:1 ({_LAYERS} layers, {size}). It will answer 429 once, and cut")
        click.echo(f"layer {str(victim.digest)[:19]} after {victim.size // 2} bytes.")
        tarball = str(Path(directory) / "image.tar")
        _occystrap("--insecure", "process", f"registry://{host}/demo/image:1", f"tar://{tarball}")
        click.echo("The registry saw:")
        for note in troubled.notes:
            click.echo(f"  {note}")
        _occystrap("--insecure", "process", f"tar://{tarball}", f"registry://{host}/demo/pushed:1")
        source, copy = (f"registry://{host}/demo/{name}:1" for name in ("image", "copied"))
        _occystrap("--insecure", "process", source, copy)
        click.secho("\nWhat is there now, pulled back and hashed again:", bold=True)
        same = _compare(host, manifest)
    click.echo("Every digest matches." if same else "Some digest differs.")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
