"""Effects that have many forms: Locations, ranges, bytes that are others."""

from __future__ import annotations

import gzip

import pytest

from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.images import FakeImage

MANIFEST, UPLOADS = "/v2/org/app/manifests/1", "/v2/org/app/blobs/uploads/"


@pytest.fixture
def image(registry: FakeRegistry) -> FakeImage:
    """An image that is `org/app:1` there."""
    return registry.add_image("org/app:1")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("absolute", "https://registry.test/v2/org/app/blobs/uploads/ID"),
        ("relative", "/v2/org/app/blobs/uploads/ID"),
        ("bare", "ID"),
        ("no_scheme", "//registry.test/v2/org/app/blobs/uploads/ID"),
        ("query", "https://registry.test/v2/org/app/blobs/uploads/ID?_state=injected"),
        ("http", "http://registry.test/v2/org/app/blobs/uploads/ID"),
        ("other_host", "https://elsewhere.invalid/v2/org/app/blobs/uploads/ID"),
        ("missing", None),
    ],
)
def test_where_an_upload_goes_on(registry: FakeRegistry, form: str, expected: str | None) -> None:
    """In every form; those that lead to the same place do, when httpx resolves them."""
    registry.fault(f"location {form}")
    answer = registry.client.post(UPLOADS)
    told = answer.headers.get("Location")
    identifier = registry.client.post(UPLOADS).headers["Location"].rpartition("/")[2]
    assert told is None or len(told.rpartition("/")[2].partition("?")[0]) == len(identifier)
    if told is None or expected is None:
        assert told is expected
        return
    session = told.partition("?")[0].rpartition("/")[2]
    assert told == expected.replace("ID", session)
    if form not in ("http", "other_host"):
        there = registry.client.patch(answer.url.join(told), content=b"12")
        assert there.status_code == 202


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("stale", "0-0"),
        ("off_by_one", "0-5"),
        ("prefixed", "bytes=0-4"),
        ("empty", "0--1"),
        ("missing", None),
    ],
)
def test_what_an_upload_is_told_to_have(
    registry: FakeRegistry, form: str, told: str | None
) -> None:
    """Whatever it is told, the bytes are there."""
    fault = registry.fault(f"PATCH: upload_range {form}")
    session = registry.client.post(UPLOADS).headers["Location"]
    assert registry.client.patch(session, content=b"12345").headers.get("Range") == told
    assert registry.client.get(session).headers["Range"] == "0-4"
    assert fault.struck == 1


@pytest.mark.parametrize(
    ("answer", "status", "told", "bytes_from"),
    [
        ("ignored", 200, None, 0),
        ("shifted", 206, "bytes 11-20/", 11),
        ("lying", 206, "bytes 10-20/", 11),
        ("unnamed", 206, None, 10),
        ("416", 416, None, None),
        ("400", 400, None, None),
    ],
)
def test_what_becomes_of_a_range(
    registry: FakeRegistry,
    image: FakeImage,
    answer: str,
    status: int,
    told: str | None,
    bytes_from: int | None,
) -> None:
    """Only of one that is asked for; a HEAD and a request without are as ever."""
    url, raw = f"/v2/org/app/blobs/{image.config.digest}", image.config.raw
    fault = registry.fault(f"bad_range {answer}")
    assert registry.client.get(url).content == raw
    got = registry.client.get(url, headers={"Range": "bytes=10-19"})
    named = got.headers.get("Content-Range")
    assert got.status_code == status
    assert named is None if told is None else str(named).startswith(told)
    if bytes_from is not None:
        end = None if status == 200 else bytes_from + 10
        assert got.content == raw[bytes_from:end]
    assert fault.struck == 1


def test_bodies_are_compressed_on_the_way(registry: FakeRegistry, image: FakeImage) -> None:
    """Under the name that the headers tell, and without the length of what was."""
    registry.fault("manifest: gzip_encode name=x-gzip")
    answer = registry.client.get(MANIFEST)
    assert answer.headers["Content-Encoding"] == "x-gzip"
    assert "Content-Length" not in answer.headers
    assert gzip.decompress(answer.content) == image.manifest.raw


def test_bytes_that_are_others(registry: FakeRegistry, image: FakeImage) -> None:
    """Random ones differ everywhere, one that is corrupt nowhere else."""
    raw = image.manifest.raw
    registry.fault("manifest: swap_body random")
    swapped = registry.client.get(MANIFEST).content
    assert len(swapped) == len(raw)
    assert all(one != other for one, other in zip(swapped, raw, strict=True))
    registry.fault("manifest: corrupt 17")
    corrupt = registry.client.get(MANIFEST).content
    assert [at for at, byte in enumerate(raw) if byte != corrupt[at]] == [17]
