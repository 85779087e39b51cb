"""What was pushed takes as much of the disk as it may, and goes when nobody counts on it."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from occystrap.oci.digest import Digest
from occystrap.options import Options
from occystrap.proxy.session import SessionStore
from tests.support.clock import FakeClock
from tests.support.proxied import proxied
from tests.support.wire import CONFIG, error_code, image_manifest

KILO = 1000
AN_HOUR = 3600


def content(number: int, size: int = KILO) -> bytes:
    """Bytes of a blob."""
    return bytes([number]) * size


def keep(store: SessionStore, number: int, repository: str = "a", size: int = KILO) -> Digest:
    """Push a blob."""
    digest = Digest.of(content(number, size))
    draft = store.new_draft()
    draft.append([content(number, size)])
    draft.keep(repository, digest)
    draft.discard()
    return digest


def deliver(store: SessionStore, *digests: Digest, repository: str = "a") -> None:
    """Deliver an image with these blobs."""
    with store.delivering(repository, digests):
        pass


def deliver_in_vain(store: SessionStore, clock: FakeClock) -> NoReturn:
    """Try for two hours, in which nothing that is being delivered makes room."""
    clock.sleep(2 * AN_HOUR)
    with pytest.raises(OSError, match="disk limit"):
        store.check_room()
    raise ZeroDivisionError


def size_on_disk(directory: Path) -> int:
    """Count the bytes of blobs that there are."""
    return sum(path.stat().st_size for path in directory.rglob("data"))


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    """Of what was delivered, as soon as there is no room."""
    store = SessionStore(tmp_path, limit=3 * KILO, keep=True)
    first, second = keep(store, 1), keep(store, 2)
    deliver(store, first, second)
    store.blob("a", first)
    third = keep(store, 3)
    fourth = keep(store, 4)
    there = [digest for digest in (first, second, third, fourth) if store.blob("a", digest)]
    assert there == [first, third, fourth]
    assert store.used == size_on_disk(tmp_path) == 3 * KILO


def test_without_a_limit_all_stays(tmp_path: Path) -> None:
    """As long as it is wanted."""
    store = SessionStore(tmp_path, keep=True)
    digests = [keep(store, number) for number in range(20)]
    deliver(store, *digests)
    assert store.used == size_on_disk(tmp_path) == 20 * KILO


def test_what_nobody_needs_goes_at_once(tmp_path: Path) -> None:
    """Where what is downstream is what was pushed."""
    store = SessionStore(tmp_path)
    digest, other = keep(store, 1), keep(store, 2)
    deliver(store, digest)
    assert store.blob("a", digest) is None
    assert store.blob("a", other) is not None
    assert store.used == size_on_disk(tmp_path) == KILO


def test_a_push_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Rather than another one that is under way; what came of it is gone."""
    store = SessionStore(tmp_path, limit=2 * KILO, keep=True)
    first = keep(store, 1)
    draft = store.new_draft()
    with pytest.raises(OSError, match="disk limit of 2000 bytes"):
        draft.append([content(2), content(3), content(4)])
    draft.discard()
    assert store.used == KILO
    assert store.blob("a", first) is not None


def test_a_blob_stays_for_every_push_that_counts_on_it(tmp_path: Path) -> None:
    """Though another one has been delivered, in another repository."""
    store = SessionStore(tmp_path, limit=2 * KILO)
    digest = keep(store, 1)
    assert store.mount_blob(digest, "a", "b")
    deliver(store, digest, repository="a")
    assert store.blob("b", digest) is not None
    deliver(store, digest, repository="b")
    assert store.blob("b", digest) is None
    assert not store.mount_blob(digest, "a", "b")


def test_who_was_told_that_a_blob_is_here_finds_it(tmp_path: Path) -> None:
    """Until an hour has passed without a word."""
    clock = FakeClock()
    store = SessionStore(tmp_path, limit=2 * KILO, keep=True, clock=clock)
    digest = keep(store, 1)
    deliver(store, digest)
    store.promise("a", digest)
    keep(store, 2)
    draft = store.new_draft()
    with pytest.raises(OSError, match="disk limit"):
        draft.append([content(3)])
    clock.sleep(AN_HOUR + 1)
    draft.append([content(3)])
    assert store.blob("a", digest) is None


def test_what_is_being_delivered_stays(tmp_path: Path) -> None:
    """However long that takes; and if it fails, until the client tries again."""
    clock = FakeClock()
    store = SessionStore(tmp_path, limit=KILO, clock=clock)
    digest = keep(store, 1)
    with pytest.raises(ZeroDivisionError), store.delivering("a", [digest]):
        deliver_in_vain(store, clock)
    assert store.used == 0  # nobody has come for it in two hours
    digest = keep(store, 1)
    with pytest.raises(ZeroDivisionError), store.delivering("a", [digest]):
        raise ZeroDivisionError
    assert store.blob("a", digest) is not None


def test_the_same_blob_twice_counts_once(tmp_path: Path) -> None:
    """Two clients may send it at the same time."""
    store = SessionStore(tmp_path, keep=True)
    keep(store, 1, "a")
    keep(store, 1, "b")
    assert store.used == size_on_disk(tmp_path) == KILO


def test_a_client_is_told_that_there_is_no_room() -> None:
    """In the words of the option; its upload is gone, and images that fit still go through."""
    with proxied(disk_limit=5 * KILO) as scene:
        location = scene.wire.begin("app")
        pieces = (content(1) for _ in range(10))
        response = scene.client.patch(location, content=pieces)
        assert (response.status_code, error_code(response)) == (500, "UNKNOWN")
        assert "disk limit" in response.text
        assert scene.proxy.disk_use == 0
        scene.wire.put_blob("app", CONFIG)
        assert scene.wire.put_manifest("app", "1", image_manifest()).status_code == 201


def test_the_directory_is_gone_with_the_proxy(tmp_path: Path) -> None:
    """It is made where temporary files belong."""
    with proxied(options=Options(temp_dir=str(tmp_path))) as scene:
        scene.wire.put_blob("app", b"content")
        assert size_on_disk(tmp_path) == len(b"content")
    assert list(tmp_path.iterdir()) == []
