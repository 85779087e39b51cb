"""A store in a directory: what is in it when, and who else can read it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import httpx

from occystrap.oci.digest import Digest
from occystrap.oci.manifest import parse_manifest
from occystrap.server.directory_store import DirectoryStore
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.registry import Registry
from tests.support.debian_registry import DebianRegistry
from tests.support.wire import Wire, image_manifest, index_of

LAYER = b"the bytes of a layer" * 1000
MANIFEST = parse_manifest(image_manifest())
INDEX = parse_manifest(index_of(MANIFEST.raw))


def files(directory: Path) -> list[Path]:
    """List every file, relative to the directory."""
    return [path.relative_to(directory) for path in directory.rglob("*") if path.is_file()]


def wire_of(directory: Path) -> Wire:
    """Reach a registry that keeps everything in a directory."""
    transport = InProcessTransport(Registry(DirectoryStore(directory)))
    return Wire(httpx.Client(base_url="http://ours.test", transport=transport))


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    """A new store on the same directory knows it all."""
    first = wire_of(tmp_path)
    manifest = first.put_image("a/b", "v1", LAYER)
    index = index_of(manifest)
    assert first.put_manifest("a/b", "all", index, INDEX.media_type).status_code == 201
    second = wire_of(tmp_path)
    assert second.get_manifest("a/b", "v1").content == manifest
    assert second.get_manifest("a/b", "all").headers["Content-Type"] == INDEX.media_type
    assert second.get_blob("a/b", Digest.of(LAYER)).content == LAYER
    assert second.client.get("/v2/a/b/tags/list").json()["tags"] == ["all", "v1"]
    assert second.client.get("/v2/_catalog").json() == {"repositories": ["a/b"]}


def test_a_blob_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    """While it is written it is a draft, and a draft that is dropped leaves nothing."""
    store = DirectoryStore(tmp_path)
    seen: list[list[Path]] = []

    def pieces() -> Iterator[bytes]:
        yield LAYER
        seen.append(files(tmp_path))

    draft = store.new_draft()
    draft.append(pieces())
    assert [path.parent.name for paths in seen for path in paths] == ["drafts"]
    draft.discard()
    assert files(tmp_path) == []


def test_nothing_but_links_and_blobs_is_left_of_a_push(tmp_path: Path) -> None:
    """No draft and no temporary file stays behind."""
    wire_of(tmp_path).put_image("a/b", "v1", LAYER)
    names = {path.name for path in files(tmp_path)}
    assert names == {"data", "link"}


def test_old_drafts_are_cleared_away(tmp_path: Path) -> None:
    """What a killed process left is gone a day later; what another one writes isn't touched."""
    draft = DirectoryStore(tmp_path).new_draft()
    draft.append((LAYER,))
    (path,) = files(tmp_path)
    written = (tmp_path / path).stat().st_mtime
    DirectoryStore(tmp_path, now=lambda: written + 23 * 3600)
    assert files(tmp_path) == [path]
    DirectoryStore(tmp_path, now=lambda: written + 25 * 3600)
    assert files(tmp_path) == []


def test_a_blob_is_never_whole_in_memory(tmp_path: Path) -> None:
    """Neither coming nor going."""
    size, piece = 32 * 1024 * 1024, bytes(64 * 1024)
    store = DirectoryStore(tmp_path)
    tracemalloc.start()
    try:
        draft = store.new_draft()
        draft.append(piece for _ in range(size // len(piece)))
        draft.keep("a/b", Digest.of(b"stands for it"))
        blob = store.blob("a/b", Digest.of(b"stands for it"))
        assert blob is not None
        assert sum(map(len, blob.read(0, blob.size))) == size
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 1024 * 1024


def test_bytes_that_are_gone_are_unknown(tmp_path: Path) -> None:
    """A link without its content, as a garbage collection may leave it, is as none."""
    store = DirectoryStore(tmp_path)
    store.add_manifest("a", MANIFEST, "v1")
    draft = store.new_draft()
    draft.append((LAYER,))
    draft.keep("a", Digest.of(LAYER))
    for path in (tmp_path / "docker/registry/v2/blobs").rglob("data"):
        path.unlink()
    assert store.blob("a", Digest.of(LAYER)) is None
    assert store.manifest("a", MANIFEST.digest) is None
    assert list(store.manifests("a")) == []


def test_we_serve_what_docker_registry_has_stored(debian_registry: DebianRegistry) -> None:
    """Its directory is one of ours."""
    with httpx.Client(base_url=debian_registry.url, trust_env=False) as client:
        manifest = Wire(client).put_image("a/b", "v1", LAYER)
    ours = wire_of(debian_registry.storage)
    assert ours.get_manifest("a/b", "v1").content == manifest
    assert ours.get_blob("a/b", Digest.of(LAYER)).content == LAYER
    assert ours.client.get("/v2/a/b/tags/list").json()["tags"] == ["v1"]
    assert ours.client.get("/v2/_catalog").json() == {"repositories": ["a/b"]}


def test_docker_registry_serves_what_we_have_stored(debian_registry: DebianRegistry) -> None:
    """Our directory is one of its."""
    ours = wire_of(debian_registry.storage)
    manifest = ours.put_image("a/b", "v1", LAYER)
    ours.put_image("a/b", "gone")
    ours.client.delete("/v2/a/b/manifests/gone")
    with httpx.Client(base_url=debian_registry.url, trust_env=False) as client:
        wire = Wire(client)
        assert wire.get_manifest("a/b", "v1").content == manifest
        assert wire.get_blob("a/b", Digest.of(LAYER)).content == LAYER
        assert client.get("/v2/a/b/tags/list").json()["tags"] == ["v1"]
        assert client.get("/v2/_catalog").json() == {"repositories": ["a/b"]}
        digest = Digest.of(manifest)
        assert client.delete(f"/v2/a/b/manifests/{digest}").status_code == 202
    assert ours.get_manifest("a/b", "v1").status_code == 404
