"""The command line in this process, over a registry in this process that has any host name.

Rule: nothing of the machine's environment gets in, and what is not asked for here gets no network.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner, Result

from occystrap.main import cli
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.documents import encode
from occystrap.oci.manifest import Index, Manifest, build_manifest, parse_manifest
from occystrap.oci.media_types import (
    DOCKER_CONFIG,
    OCI_CONFIG,
    OCI_INDEX,
    Compression,
    Family,
    layer_media_type,
)
from occystrap.oci.platform import Platform
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.memory_store import MemoryStore
from occystrap.server.message import Handler
from occystrap.server.registry import Registry
from tests.support.images import SampleImage, stored

__all__ = ["Console", "Shelf", "client_of", "error_of", "summary_of"]


def client_of(handler: Handler) -> httpx.Client:
    """Make a client that reaches a handler under every host name."""
    return httpx.Client(transport=InProcessTransport(handler))


class Shelf:
    """A registry in memory, and what tests put there and look for."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.registry = Registry(self.store)

    def put(
        self,
        repository: str,
        tag: str | None,
        image: SampleImage,
        compression: Compression = Compression.GZIP,
        family: Family = Family.DOCKER,
    ) -> Manifest:
        """Keep an image."""
        media_type = layer_media_type(family, compression)
        layers = []
        for tar in image.layers:
            blob = stored(tar, compression)
            layers.append(Descriptor.of(blob, media_type))
            self.store.add_blob(repository, layers[-1].digest, blob)
        config = Descriptor.of(
            image.config, DOCKER_CONFIG if family is Family.DOCKER else OCI_CONFIG
        )
        self.store.add_blob(repository, config.digest, image.config)
        manifest = build_manifest(family, config, layers)
        self.store.add_manifest(repository, manifest, tag)
        return manifest

    def put_all(self, repository: str, tag: str, images: Mapping[str, SampleImage]) -> Index:
        """Keep images and the index of them, by platform."""
        manifests = {
            platform: self.put(repository, None, image, family=Family.OCI)
            for platform, image in images.items()
        }
        return self.put_index(repository, tag, manifests)

    def put_index(
        self, repository: str, tag: str, manifests: Mapping[str, Manifest | Index]
    ) -> Index:
        """Keep an index of what is there, by platform."""
        entries = [
            {**manifest.descriptor.to_document(), "platform": _platform(name)}
            for name, manifest in manifests.items()
        ]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        index = parse_manifest(encode(document))
        assert isinstance(index, Index)
        self.store.add_manifest(repository, index, tag)
        return index

    def get(self, repository: str, tag: str) -> Manifest | Index | None:
        """Find what a tag names."""
        digest = self.store.tagged(repository, tag)
        return None if digest is None else self.store.manifest(repository, digest)

    def manifest(self, repository: str, tag: str) -> Manifest:
        """Find an image that has to be there."""
        found = self.get(repository, tag)
        assert isinstance(found, Manifest), found
        return found

    def content(self, repository: str, descriptor: Descriptor) -> bytes:
        """Read a blob that has to be there."""
        blob = self.store.blob(repository, descriptor.digest)
        assert blob is not None
        return b"".join(blob.read(0, blob.size))


def _platform(name: str) -> dict[str, str]:
    platform = Platform.parse(name)
    fields = {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant}
    return {key: value for key, value in fields.items() if value}


@dataclass(slots=True)
class Console:
    """Runs command lines in a directory of the test's own.

    `handler` answers for every host; with None, the command makes a client itself.
    """

    directory: Path
    handler: Handler | None = None
    obj: dict[str, Any] = field(default_factory=dict[str, Any])

    def run(
        self, *arguments: str, environ: Mapping[str, str] | None = None, typed: str = ""
    ) -> Result:
        """Run a command line; `typed` is on its standard input."""
        with self._context(environ or {}) as self.obj:
            result = CliRunner().invoke(
                cli, list(arguments), prog_name="occystrap", obj=self.obj, input=typed
            )
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result

    def succeed(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Result:
        """Run a command line that has to end well."""
        result = self.run(*arguments, environ=environ)
        assert result.exit_code == 0, result.stderr
        return result

    def report(self, *arguments: str, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run a command line that has to end well, and return its JSON."""
        result = self.succeed("--output-format", "json", *arguments, environ=environ)
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    def files(self) -> set[str]:
        """List what is in the directory, and in all below it."""
        return {str(p.relative_to(self.directory)) for p in self.directory.rglob("*")}

    @contextmanager
    def _context(self, environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        if self.handler is None:
            yield {"ENVIRON": environ}
            return
        with client_of(self.handler) as client:
            yield {"ENVIRON": environ, "CLIENT": client}
            assert not client.is_closed  # it was handed in


def error_of(result: Result, exit_code: int = 1) -> str:
    """Return the error of a command line that failed as it should: in one line, the last."""
    assert result.exit_code == exit_code, result.output
    assert "Traceback" not in result.output
    assert result.stdout == ""
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("Error: "))
    assert result.stderr.endswith(f"{line}\n")
    return line.removeprefix("Error: ")


def summary_of(result: Result) -> str:
    """Return the last line of a run that ended well."""
    assert result.exit_code == 0, result.stderr
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Summary: "), last
    return last.removeprefix("Summary: ")
