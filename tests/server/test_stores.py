"""What a store keeps, be it in memory or in a directory."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.manifest import parse_manifest
from occystrap.server.store import BlobStore, Store
from tests.support.wire import CONFIG, image_manifest, index_of

CONTENT = bytes(range(256)) * 4096 * 3
DIGEST = Digest.of(CONTENT)
MANIFEST = parse_manifest(image_manifest())
INDEX = parse_manifest(index_of(MANIFEST.raw))


def put(store: BlobStore, repository: str, *pieces: bytes) -> Digest:
    """Keep a blob."""
    draft = store.new_draft()
    draft.append(pieces)
    digest = Digest.of(b"".join(pieces))
    draft.keep(repository, digest)
    return digest


def read(store: BlobStore, repository: str, digest: Digest) -> bytes | None:
    """Read a whole blob."""
    blob = store.blob(repository, digest)
    return None if blob is None else b"".join(blob.read(0, blob.size))


def test_a_blob_is_kept(store: Store) -> None:
    """In its repository alone."""
    assert read(store, "a/b", DIGEST) is None
    assert put(store, "a/b", CONTENT[:100], b"", CONTENT[100:]) == DIGEST
    assert read(store, "a/b", DIGEST) == CONTENT
    assert read(store, "a", DIGEST) is None
    assert read(store, "a/b/c", DIGEST) is None


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 0), (0, 1), (5, 3_000_000), (2_000_000, 2_000_001), (0, 3_145_728)]
)
def test_a_part_of_a_blob(store: Store, start: int, stop: int) -> None:
    """Those bytes, in pieces that aren't huge."""
    put(store, "a/b", CONTENT)
    blob = store.blob("a/b", DIGEST)
    assert blob is not None
    pieces = list(blob.read(start, stop))
    assert b"".join(pieces) == CONTENT[start:stop]
    assert all(len(piece) <= 1024 * 1024 for piece in pieces)


def test_a_draft_grows_and_can_be_read(store: Store) -> None:
    """Before it is a blob."""
    draft = store.new_draft()
    assert b"".join(draft.read()) == b""
    draft.append((b"ab",))
    draft.append((b"c", b"d"))
    assert b"".join(draft.read()) == b"abcd"


def test_a_draft_keeps_what_came_before_a_failure(store: Store) -> None:
    """An upload can go on from there."""

    def pieces() -> Iterator[bytes]:
        yield b"abc"
        raise ValueError("broken off")

    draft = store.new_draft()
    with pytest.raises(ValueError, match="broken off"):
        draft.append(pieces())
    assert b"".join(draft.read()) == b"abc"


def test_discarding_a_draft_that_became_a_blob_does_no_harm(store: Store) -> None:
    """The blob stays."""
    draft = store.new_draft()
    draft.append((CONTENT,))
    draft.keep("a/b", DIGEST)
    draft.discard()
    assert read(store, "a/b", DIGEST) == CONTENT


def test_a_mounted_blob_is_in_both_repositories(store: Store) -> None:
    """And leaves only the one that it is removed from."""
    put(store, "a", CONTENT)
    assert not store.mount_blob(DIGEST, "x", "b")
    assert store.mount_blob(DIGEST, "a", "b")
    assert store.remove_blob("a", DIGEST)
    assert read(store, "a", DIGEST) is None
    assert read(store, "b", DIGEST) == CONTENT
    assert store.remove_blob("b", DIGEST)
    assert not store.remove_blob("b", DIGEST)
    assert not store.mount_blob(DIGEST, "b", "a")


def test_a_blob_that_is_being_read_can_be_removed(store: Store) -> None:
    """The reader gets it all."""
    put(store, "a", CONTENT)
    blob = store.blob("a", DIGEST)
    assert blob is not None
    pieces = blob.read(0, blob.size)
    begun = next(pieces)
    store.remove_blob("a", DIGEST)
    assert begun + b"".join(pieces) == CONTENT


def test_a_manifest_is_kept_as_it_was_parsed(store: Store) -> None:
    """By digest, of either algorithm, and by tag."""
    for algorithm in ("sha256", "sha512"):
        manifest = parse_manifest(MANIFEST.raw, algorithm=algorithm)
        store.add_manifest("a/b", manifest, algorithm)
        assert store.manifest("a/b", manifest.digest) == manifest
        assert store.tagged("a/b", algorithm) == manifest.digest
    assert store.manifest("a", MANIFEST.digest) is None
    assert store.manifest("a/b", DIGEST) is None
    assert store.tagged("a/b", "absent") is None


def test_all_manifests_of_a_repository(store: Store) -> None:
    """In the order of their digests."""
    assert list(store.manifests("a")) == []
    store.add_manifest("a", MANIFEST, None)
    store.add_manifest("a", INDEX, None)
    store.add_manifest("b", INDEX, None)
    assert list(store.manifests("a")) == sorted([MANIFEST, INDEX], key=lambda each: each.digest)


def test_tags_move_and_go(store: Store) -> None:
    """A tag points at the last manifest it was given; without it the manifest stays."""
    store.add_manifest("a", MANIFEST, "v1")
    store.add_manifest("a", INDEX, "v1")
    assert store.tagged("a", "v1") == INDEX.digest
    assert store.remove_tag("a", "v1")
    assert not store.remove_tag("a", "v1")
    assert not store.remove_tag("x", "v1")
    assert store.tagged("a", "v1") is None
    assert store.manifest("a", INDEX.digest) == INDEX


def test_a_removed_manifest_takes_its_tags_along(store: Store) -> None:
    """Not those of others."""
    store.add_manifest("a", MANIFEST, "v1")
    store.add_manifest("a", MANIFEST, "v2")
    store.add_manifest("a", INDEX, "v3")
    assert store.remove_manifest("a", MANIFEST.digest)
    assert not store.remove_manifest("a", MANIFEST.digest)
    assert not store.remove_manifest("x", MANIFEST.digest)
    assert store.tags("a") is not None
    assert set(store.tags("a") or ()) == {"v3"}
    assert store.manifest("a", MANIFEST.digest) is None


def test_repositories_are_what_was_pushed_to(store: Store) -> None:
    """With a blob, by mounting, with a manifest; and they stay when they are emptied."""
    assert list(store.repositories()) == []
    assert store.tags("a") is None
    put(store, "a", CONFIG)
    store.mount_blob(Digest.of(CONFIG), "a", "a/b/c")
    store.add_manifest("d", MANIFEST, "v1")
    store.remove_manifest("d", MANIFEST.digest)
    assert set(store.repositories()) == {"a", "a/b/c", "d"}
    assert [set(store.tags(name) or ()) for name in ("a", "d")] == [set(), set()]
    assert store.tags("a/b") is None


def test_many_threads_at_once(store: Store) -> None:
    """All push the same and something of their own, and all of it is there in the end."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(8)

    def push(number: int) -> None:
        try:
            barrier.wait()
            for turn in range(10):
                put(store, "shared", CONTENT)
                put(store, f"own/{number}", CONTENT, b"%d" % turn)
                store.add_manifest("shared", MANIFEST, f"v{number}")
                store.add_manifest("shared", INDEX, "moving")
                assert read(store, "shared", DIGEST) == CONTENT
                assert store.tagged("shared", "moving") == INDEX.digest
                assert f"v{number}" in (store.tags("shared") or ())
                store.remove_tag("shared", f"v{number}")
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(store.repositories()) == {"shared", *(f"own/{number}" for number in range(8))}
    assert set(store.tags("shared") or ()) == {"moving"}
