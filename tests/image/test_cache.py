"""The layer cache remembers what layers became, and only that."""

from __future__ import annotations

import json
import logging
import multiprocessing
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from occystrap.image.cache import CachedLayer, LayerCache, filters_hash
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.media_types import OCI_LAYER, Compression

NONE = filters_hash(Compression.GZIP)
START = datetime(2026, 1, 1, tzinfo=UTC)


def blob(name: object) -> Descriptor:
    """Describe some stored layer."""
    return Descriptor.of(f"blob {name}".encode(), OCI_LAYER)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a cache that doesn't exist yet."""
    return tmp_path / "layers.json"


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """Make a clock that goes on by a second each time it is read."""
    seconds = iter(range(1_000_000))
    return lambda: START + timedelta(seconds=next(seconds))


def test_what_was_recorded_is_found(path: Path, clock: Callable[[], datetime]) -> None:
    """Also by the next run, with its diff_id if it is known."""
    cache = LayerCache(path, clock=clock)
    diff_id = Digest.of(b"filtered tar")
    cache.record("aa", NONE, blob(1))
    cache.record("bb", NONE, blob(2), diff_id)
    cache.save()
    again = LayerCache(path, clock=clock)
    assert len(again) == 2
    assert again.lookup("aa", NONE) == CachedLayer(blob(1), None, START)
    assert again.lookup("bb", NONE) == CachedLayer(blob(2), diff_id, START + timedelta(seconds=1))
    assert again.lookup("cc", NONE) is None


def test_an_entry_belongs_to_what_was_done(path: Path) -> None:
    """One layer has an entry for each recipe, and they don't replace each other."""
    other = filters_hash(Compression.ZSTD)
    cache = LayerCache(path)
    cache.record("aa", NONE, blob(1))
    cache.record("aa", other, blob(2))
    for known in (cache, _saved(cache)):
        first, second = known.lookup("aa", NONE), known.lookup("aa", other)
        assert first is not None
        assert second is not None
        assert (first.stored, second.stored) == (blob(1), blob(2))


def _saved(cache: LayerCache) -> LayerCache:
    cache.save()
    return LayerCache(cache.path)


def test_recipes_have_names() -> None:
    """Plain gzip is `none`; compression, filters, their options and order all count."""
    assert NONE == "none"
    exclude, normalize = ("exclude", {"pattern": "*.pyc"}), ("normalize-timestamps", {"ts": 0})
    names = {
        filters_hash(Compression.ZSTD),
        filters_hash(Compression.GZIP, [exclude]),
        filters_hash(Compression.ZSTD, [exclude]),
        filters_hash(Compression.GZIP, [normalize]),
        filters_hash(Compression.GZIP, [normalize, exclude]),
        filters_hash(Compression.GZIP, [exclude, normalize]),
        filters_hash(Compression.GZIP, [("exclude", {"pattern": "*.pyo"})]),
    }
    assert len(names) == 7
    assert all(len(name) == 16 for name in names)
    assert filters_hash(Compression.GZIP, [("a", {"x": 1, "y": 2})]) == filters_hash(
        Compression.GZIP, [("a", {"y": 2, "x": 1})]
    )


def test_the_file_is_only_written_when_something_changed(path: Path) -> None:
    """A run that used no layer leaves the file alone, or leaves none."""
    cache = LayerCache(path)
    cache.lookup("aa", NONE)
    cache.save()
    assert not path.exists()
    cache.record("aa", NONE, blob(1))
    cache.save()
    before = path.stat()
    cache.save()
    assert path.stat() == before


def test_what_others_saved_stays(path: Path, clock: Callable[[], datetime]) -> None:
    """Two runs that load the same file both leave their entries; of one entry the later counts."""
    one, two = LayerCache(path, clock=clock), LayerCache(path, clock=clock)
    one.record("aa", NONE, blob("old"))
    two.record("aa", NONE, blob("new"))
    one.record("bb", NONE, blob("bb"))
    two.record("cc", NONE, blob("cc"))
    two.save()
    one.save()
    merged = LayerCache(path)
    assert len(merged) == len(one) == 3
    entry = merged.lookup("aa", NONE)
    assert entry is not None
    assert entry.stored == blob("new")


def _record(path: Path, worker: int) -> None:
    for number in range(10):
        cache = LayerCache(path)
        cache.record(f"{worker}-{number}", NONE, blob(number))
        cache.save()


def test_processes_do_not_lose_each_others_entries(path: Path) -> None:
    """Whatever the order in which they load and save, every entry is there in the end."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_record, args=(path, worker)) for worker in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 3
    assert len(LayerCache(path)) == 30
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        "layers.json",
        "layers.json.lock",
    ]


def test_threads_share_a_cache(path: Path) -> None:
    """They record, look up and save at the same time."""
    cache = LayerCache(path)

    def work(worker: int) -> None:
        for number in range(20):
            cache.record(f"{worker}-{number}", NONE, blob(number))
            assert cache.lookup(f"{worker}-{number}", NONE) is not None
            cache.save()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(LayerCache(path)) == 80


def test_the_least_used_entries_go_first(path: Path, clock: Callable[[], datetime]) -> None:
    """The file has a limit, and a look-up counts as use."""
    cache = LayerCache(path, limit=3, clock=clock)
    for name in "abcd":
        cache.record(name, NONE, blob(name))
    assert cache.lookup("a", NONE) is not None
    cache.save()
    kept = LayerCache(path)
    assert [name for name in "abcd" if kept.lookup(name, NONE)] == ["a", "c", "d"]


def entry(**fields: Any) -> dict[str, object]:
    """Make a file with one entry, some of whose fields are others."""
    good: dict[str, object] = {
        "compressed_digest": str(blob(1).digest),
        "compressed_size": 5,
        "media_type": OCI_LAYER,
        "diff_id": None,
        "timestamp": "2026-01-01T00:00:00+00:00",
    }
    return {"version": 2, "layers": {"aa": {NONE: {**good, **fields}}}}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"version": 1, "layers": {"aa": {"filters_hash": "none"}}}', "has version 1"),
        ("{}", "has version None"),
        ('{"version": 2}', "is damaged"),
        ('{"version": 2, "layers": []}', "is damaged"),
        ('{"version": 2, "layers": {"aa": {"none": 3}}}', "is damaged"),
        (json.dumps(entry(compressed_digest="sha256:xyz")), "is damaged"),
        (json.dumps(entry(compressed_digest=3)), "is damaged"),
        (json.dumps(entry(compressed_size="many")), "is damaged"),
        (json.dumps(entry(compressed_size=5)).replace("5,", "1e999,"), "is damaged"),
        (json.dumps(entry(timestamp="yesterday")), "is damaged"),
        (json.dumps(entry(timestamp="0001-01-01T00:00:00+14:00")), "is damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_begun_anew(
    path: Path, content: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says why; entries of version 1 could belong to another layer."""
    path.write_text(content)
    with caplog.at_level(logging.WARNING):
        cache = LayerCache(path)
    assert len(cache) == 0
    assert problem in caplog.text
    assert str(path) in caplog.text
    cache.record("aa", NONE, blob(1))
    assert len(_saved(cache)) == 1


def test_a_whole_file_is_used_without_a_word(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The entry that the cases above damage is good."""
    path.write_text(json.dumps(entry()))
    assert LayerCache(path).lookup("aa", NONE) is not None
    assert caplog.text == ""


def test_a_cache_that_cannot_be_read_or_saved_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It only saves work, so nothing fails without it."""
    LayerCache(tmp_path)
    assert "can't be read: Is a directory" in caplog.text
    cache = LayerCache(tmp_path / "gone" / "layers.json")
    cache.record("aa", NONE, blob(1))
    cache.save()
    assert "isn't saved" in caplog.text
    assert len(cache) == 1
