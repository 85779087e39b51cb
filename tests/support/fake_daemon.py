"""A container daemon that is a Handler: it answers as dockerd and podman were seen to answer.

Rule: what it is given it checks as they do, and says no as they do: often in a stream of JSON that
began with a status of 200.
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from occystrap.image.compression import decompressed
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.manifest import Manifest, build_manifest
from occystrap.oci.media_types import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    Compression,
    Family,
    layer_media_type,
)
from occystrap.oci.reference import Reference
from occystrap.server.doors.listener import serve
from occystrap.server.message import Handler, Headers, Request, Response
from tests.support.archives import docker_containerd_save, docker_legacy_save, podman_save
from tests.support.archives import docker_save as docker_25_save
from tests.support.images import SampleImage, sha256, stored

__all__ = ["KINDS", "FakeDaemon", "Trick", "gave_up", "running_fake", "saying"]


class _Wire(httpx.HTTPTransport):
    """What goes over a wire even where a test has put something else in its place."""

    handle_request = httpx.HTTPTransport.handle_request


#: What answers in place of the daemon, once; it gets the request, and what the daemon would do.
Trick = Callable[[Request, Callable[[], Response]], Response]

#: Kind of daemon -> how it saves an image.
KINDS: dict[str, Callable[[SampleImage], bytes]] = {
    "docker 20.10": docker_legacy_save,
    "docker 26": docker_25_save,
    "docker 28, containerd store": docker_containerd_save,
    "podman": podman_save,
}


def saying(status: int, *lines: dict[str, Any], text: bytes = b"") -> Response:
    """Answer with lines of JSON, or with a text."""
    body = text + b"".join(json.dumps(line).encode() + b"\r\n" for line in lines)
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Response(status, Headers(fields), [body])


def gave_up(message: str) -> dict[str, Any]:
    """Say as Docker does that something failed which had begun well."""
    return {"errorDetail": {"message": message}, "error": message}


@dataclass
class FakeDaemon:
    """A daemon of some kind; its images are kept by their short names.

    `tricks` are kept by operation: `find`, `save`, `load`, `tag`, `push`, `untag`; each is played
    once, those of one operation in order. `seen` has the operations with the names they were for.
    """

    kind: str = "docker 20.10"
    images: dict[str, SampleImage] = field(default_factory=dict[str, SampleImage])
    tricks: dict[str, list[Trick]] = field(default_factory=dict[str, list[Trick]])
    seen: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    requests: list[Request] = field(default_factory=list[Request])
    pushed: list[str] = field(default_factory=list[str])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> Response:
        """Answer a request of the Engine API."""
        operation, name = _operation(request)
        act = partial_of(self, operation, name, request)
        with self.lock:
            self.requests.append(request)
            self.seen.append((operation, name))
            tricks = self.tricks.get(operation)
            trick = tricks.pop(0) if tricks else None
        return act() if trick is None else trick(request, act)

    def add(self, name: str, image: SampleImage) -> None:
        """Have an image."""
        self.images[short(name)] = image.named(short(name))

    def identifier(self, image: SampleImage) -> str:
        """Name an image as this kind of daemon does."""
        if "containerd" in self.kind:
            saved = tarfile.open(fileobj=io.BytesIO(KINDS[self.kind](image)))  # noqa: SIM115
            index = saved.extractfile("index.json")
            assert index is not None
            digest: str = json.load(index)["manifests"][0]["digest"]
            return digest
        return f"sha256:{image.config_hex}"

    def find(self, name: str, request: Request) -> Response:
        """Describe an image."""
        image = self.images.get(short(name))
        if image is None:
            return saying(404, {"message": f"No such image: {name}"})
        found: dict[str, Any] = {
            "Id": self.identifier(image),
            "Size": sum(map(len, image.layers)),
            "RootFS": {"Type": "layers", "Layers": [f"sha256:{each}" for each in image.diff_ids]},
        }
        if "containerd" in self.kind:
            found["Descriptor"] = {"mediaType": DOCKER_MANIFEST, "digest": found["Id"]}
        return saying(200, found)

    def save(self, name: str, request: Request) -> Response:
        """Give the archive of an image, of a length that isn't told before."""
        archive = KINDS[self.kind](self.images[short(name)])
        pieces = (archive[start : start + 5000] for start in range(0, len(archive), 5000))
        return Response(200, Headers({"Content-Type": "application/x-tar"}), pieces)

    def load(self, name: str, request: Request) -> Response:
        """Take an archive, if it holds what it says that it holds."""
        try:
            images = list(_read(b"".join(request.body)))
        except (ValueError, KeyError, tarfile.TarError) as error:
            message = f"Error processing tar file(exit status 1): {error}"
            if self.kind == "podman":
                return saying(500, {"cause": "payload", "message": message, "response": 500})
            return saying(200, gave_up(message))
        said = []
        for image in images:
            for each in image.names:
                self.add(each, image)
            if self.kind == "podman":
                names = ",".join(f"localhost/{each}" for each in image.names)
                return saying(200, text=json.dumps({"stream": f"Loaded image: {names}"}).encode())
            said += [{"stream": f"Loaded image: {each}\n"} for each in image.names]
        return saying(200, *said)

    def tag(self, name: str, request: Request) -> Response:
        """Give an image another name."""
        image = self.images.get(short(name))
        if image is None:
            return saying(404, {"message": f"No such image: {name}"})
        self.add(f"{request.parameter('repo')}:{request.parameter('tag')}", image)
        return saying(201)

    def push(self, name: str, request: Request) -> Response:
        """Push an image to the registry of its name."""
        if request.headers.get("X-Registry-Auth") is None:
            return saying(400, {"message": "Bad parameters and missing X-Registry-Auth: EOF"})
        reference = Reference.parse(f"{name}:{request.parameter('tag')}")
        image = self.images[f"{name}:{reference.tag}"]
        begin = {"status": f"The push refers to repository [{name}]"}
        try:
            digest = self._push(reference, image)
        except httpx.HTTPError as error:
            return saying(200, begin, gave_up(f"failed to do request: {error}"))
        return saying(200, begin, {"status": f"{reference.tag}: digest: {digest} size: 7"})

    def _push(self, reference: Reference, image: SampleImage) -> str:
        manifest, blobs = _manifest(image)
        base = f"http://{reference.registry}/v2/{reference.repository}"
        with httpx.Client(transport=_Wire()) as client:
            for descriptor in (*manifest.layers, manifest.config):
                blob = f"{base}/blobs/{descriptor.digest}"
                accept = {"Accept": f"{descriptor.media_type}, */*"}
                if client.head(blob, headers=accept).status_code == httpx.codes.OK:
                    continue
                place = client.post(f"{base}/blobs/uploads/").raise_for_status()
                client.put(
                    httpx.URL(base).join(place.headers["Location"]),
                    params={"digest": str(descriptor.digest)},
                    content=blobs[descriptor.digest.encoded],
                ).raise_for_status()
                self.pushed.append(descriptor.digest.encoded)
            client.put(
                f"{base}/manifests/{reference.tag}",
                content=manifest.raw,
                headers={"Content-Type": manifest.media_type},
            ).raise_for_status()
        return str(manifest.digest)

    def untag(self, name: str, request: Request) -> Response:
        """Take a name away."""
        if self.images.pop(short(name), None) is None:
            return saying(404, {"message": f"No such image: {name}"})
        return saying(200, text=json.dumps([{"Untagged": name}]).encode())


def partial_of(
    daemon: FakeDaemon, operation: str, name: str, request: Request
) -> Callable[[], Response]:
    """Return what does an operation."""
    does: Callable[[str, Request], Response] = getattr(daemon, operation)
    return lambda: does(name, request)


def short(name: str) -> str:
    """Write a name as daemons show it."""
    reference = Reference.parse(name)
    return f"{reference.familiar.removeprefix('localhost/')}:{reference.tag}"


def _operation(request: Request) -> tuple[str, str]:
    path = unquote(request.path).removeprefix("/images/")
    if (request.method, path) == ("POST", "load"):
        return "load", ""
    if request.method == "DELETE":
        return "untag", path
    name, _, what = path.rpartition("/")
    return {"json": "find", "get": "save", "tag": "tag", "push": "push"}[what], name


def _read(archive: bytes) -> Iterator[SampleImage]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = tar.getnames()

        def read(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        if names[-1] != "manifest.json":
            raise ValueError("manifest.json is missing")
        for entry in json.loads(read("manifest.json")):
            config = read(entry["Config"])
            layers = [b"".join(decompressed([read(name)])) for name in entry["Layers"]]
            expected = json.loads(config)["rootfs"]["diff_ids"]
            if [f"sha256:{sha256(tar)}" for tar in layers] != expected:
                raise ValueError("invalid diffID")
            yield SampleImage(tuple(layers), config, tuple(entry["RepoTags"]))


def _manifest(image: SampleImage) -> tuple[Manifest, dict[str, bytes]]:
    media_type = layer_media_type(Family.DOCKER, Compression.GZIP)
    blobs = [stored(tar, Compression.GZIP) for tar in image.layers]
    config = Descriptor.of(image.config, DOCKER_CONFIG)
    manifest = build_manifest(
        Family.DOCKER, config, [Descriptor.of(blob, media_type) for blob in blobs]
    )
    return manifest, {sha256(blob): blob for blob in (*blobs, image.config)}


@contextmanager
def running_fake(daemon: Handler) -> Iterator[str]:
    """Put a daemon on a socket, and give its path."""
    # Not in tmp_path: the paths of sockets have at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="daemon-") as directory:
        path = Path(directory) / "socket"
        with serve(daemon, path, http2=False):
            yield str(path)
