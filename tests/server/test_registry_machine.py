"""A registry and a model of it, given the same random requests, stay the same.

The model is a few dictionaries; it knows nothing of files, threads or streams.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from occystrap.oci.digest import Digest
from occystrap.server.directory_store import DirectoryStore
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.registry import Registry
from tests.support.wire import Wire, image_manifest

REPOSITORIES = st.sampled_from(["a", "a/b", "c"])
CONTENTS = st.sampled_from([b"", b"one", b"two two", b"three three three", bytes(5000)])
TAGS = st.sampled_from(["v1", "v2"])
ALGORITHMS = st.sampled_from(["sha256", "sha512"])


@dataclass
class Repository:
    """What a repository holds."""

    blobs: dict[Digest, bytes] = field(default_factory=dict[Digest, bytes])
    manifests: dict[Digest, bytes] = field(default_factory=dict[Digest, bytes])
    tags: dict[str, Digest] = field(default_factory=dict[str, Digest])


@dataclass
class Upload:
    """What an upload has received; None when it has ended."""

    repository: str
    location: str
    received: bytes | None = b""


class RegistryMachine(RuleBasedStateMachine):
    """Random requests, each held against what the model says of it."""

    uploads = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.repositories: dict[str, Repository] = {}

    def teardown(self) -> None:
        """Remove what was written."""
        self.wire.client.close()
        shutil.rmtree(self.directory)

    @initialize(in_memory=st.booleans())
    def start(self, in_memory: bool) -> None:
        """Begin with an empty registry."""
        self.in_memory = in_memory
        self.wire = self.make()

    def make(self) -> Wire:
        """Make a registry, on the same directory every time."""
        registry = Registry(None if self.in_memory else DirectoryStore(self.directory))
        transport = InProcessTransport(registry)
        return Wire(httpx.Client(base_url="http://registry.test", transport=transport))

    def repository(self, name: str) -> Repository:
        """Return what the model holds, for writing."""
        return self.repositories.setdefault(name, Repository())

    def look(self, name: str) -> Repository:
        """Return what the model holds, for reading."""
        return self.repositories.get(name, Repository())

    @rule(target=uploads, name=REPOSITORIES)
    def begin(self, name: str) -> Upload:
        """Open an upload."""
        return Upload(name, self.wire.begin(name))

    @rule(upload=uploads, content=CONTENTS, offset=st.sampled_from([None, 0, 0, -1, 1]))
    def append(self, upload: Upload, content: bytes, offset: int | None) -> None:
        """Send a chunk, in its place or beside it."""
        headers = {}
        start = len(upload.received or b"") + (offset or 0)
        if offset is not None and content and start >= 0:
            headers["Content_Range"] = f"{start}-{start + len(content) - 1}"
        else:
            offset = None
        response = self.wire.patch(upload.location, content, **headers)
        if upload.received is None:
            assert response.status_code == 404
        elif offset:
            assert response.status_code == 416
        else:
            assert response.status_code == 202
            upload.received += content

    @rule(upload=uploads)
    def status(self, upload: Upload) -> None:
        """Ask how far an upload has come."""
        response = self.wire.client.get(upload.location)
        if upload.received is None:
            assert response.status_code == 404
        else:
            assert response.headers["Range"] == f"0-{max(len(upload.received) - 1, 0)}"

    @rule(upload=uploads, content=CONTENTS, right=st.booleans(), algorithm=ALGORITHMS)
    def commit(self, upload: Upload, content: bytes, right: bool, algorithm: str) -> None:
        """End an upload with its digest or another one."""
        whole = (upload.received or b"") + content
        digest = Digest.of(whole if right else b"other", algorithm)
        response = self.wire.finish(upload.location, digest, content)
        if upload.received is None:
            assert response.status_code == 404
            return
        upload.received = None
        assert response.status_code == (201 if right else 400)
        if right:
            self.repository(upload.repository).blobs[digest] = whole

    @rule(upload=uploads)
    def cancel(self, upload: Upload) -> None:
        """Give an upload up."""
        response = self.wire.client.delete(upload.location)
        assert response.status_code == (404 if upload.received is None else 204)
        upload.received = None

    @rule(source=REPOSITORIES, destination=REPOSITORIES, content=CONTENTS, algorithm=ALGORITHMS)
    def mount(self, source: str, destination: str, content: bytes, algorithm: str) -> None:
        """Mount what is there, or be offered an upload."""
        digest = Digest.of(content, algorithm)
        there = digest in self.look(source).blobs
        response = self.wire.client.post(
            f"/v2/{destination}/blobs/uploads/", params={"mount": str(digest), "from": source}
        )
        assert response.status_code == (201 if there else 202)
        if there:
            self.repository(destination).blobs[digest] = content

    @rule(name=REPOSITORIES, content=CONTENTS, algorithm=ALGORITHMS)
    def remove_blob(self, name: str, content: bytes, algorithm: str) -> None:
        """Remove a blob."""
        digest = Digest.of(content, algorithm)
        response = self.wire.client.delete(f"/v2/{name}/blobs/{digest}")
        there = self.look(name).blobs.pop(digest, None) is not None
        assert response.status_code == (202 if there else 404)

    @rule(name=REPOSITORIES, config=CONTENTS, layer=CONTENTS, tag=TAGS)
    def put_manifest(self, name: str, config: bytes, layer: bytes, tag: str) -> None:
        """Push a manifest, of which everything is there or not."""
        manifest = image_manifest(config, layer)
        whole = {Digest.of(config), Digest.of(layer)} <= self.look(name).blobs.keys()
        response = self.wire.put_manifest(name, tag, manifest)
        assert response.status_code == (201 if whole else 404)
        if whole:
            held = self.repository(name)
            held.manifests[Digest.of(manifest)] = manifest
            held.tags[tag] = Digest.of(manifest)

    @rule(name=REPOSITORIES, config=CONTENTS, layer=CONTENTS)
    def remove_manifest(self, name: str, config: bytes, layer: bytes) -> None:
        """Remove a manifest and its tags."""
        held, digest = self.look(name), Digest.of(image_manifest(config, layer))
        response = self.wire.client.delete(f"/v2/{name}/manifests/{digest}")
        there = held.manifests.pop(digest, None) is not None
        assert response.status_code == (202 if there else 404)
        held.tags = {tag: target for tag, target in held.tags.items() if target != digest}

    @rule(name=REPOSITORIES, tag=TAGS)
    def remove_tag(self, name: str, tag: str) -> None:
        """Remove a tag."""
        response = self.wire.client.delete(f"/v2/{name}/manifests/{tag}")
        there = self.look(name).tags.pop(tag, None) is not None
        assert response.status_code == (202 if there else 404)

    @rule()
    def restart(self) -> None:
        """Serve the same directory anew; uploads are forgotten, as they would be elsewhere."""
        if not self.in_memory and not any(self.drafts()):
            self.wire.client.close()
            self.wire = self.make()

    def drafts(self) -> list[Path]:
        """List the uploads that a restart would forget."""
        return list(self.directory.glob("docker/registry/v2/drafts/*"))

    @invariant()
    def both_hold_the_same(self) -> None:
        """Every blob, manifest and tag, and nothing else."""
        catalog = self.wire.client.get("/v2/_catalog").json()["repositories"]
        assert catalog == sorted(self.repositories)
        for name, held in self.repositories.items():
            for digest, content in held.blobs.items():
                assert self.wire.get_blob(name, digest).content == content
            for digest, manifest in held.manifests.items():
                assert self.wire.get_manifest(name, digest).content == manifest
            assert self.wire.client.get(f"/v2/{name}/tags/list").json()["tags"] == sorted(held.tags)
            for tag, digest in held.tags.items():
                response = self.wire.get_manifest(name, tag)
                assert response.headers["Docker-Content-Digest"] == str(digest)


TestRegistry = RegistryMachine.TestCase
TestRegistry.settings = settings(max_examples=40, stateful_step_count=40)
