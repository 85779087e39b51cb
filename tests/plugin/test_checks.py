"""The assertions of a fake registry, and the table that their failures show."""

from __future__ import annotations

import re

import pytest

from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.images import FakeImage
from pytest_occystrap.report import traffic_table


@pytest.fixture
def image(registry: FakeRegistry) -> FakeImage:
    """An image in it."""
    return registry.add_image("app:1", layers=[{"a": "1"}, {"b": "2"}])


def pull(registry: FakeRegistry, image: FakeImage, name: str = "1") -> None:
    """Pull an image whole."""
    registry.client.get(f"/v2/app/manifests/{name}")
    for digest in image.blobs:
        registry.client.get(f"/v2/app/blobs/{digest}")


@pytest.mark.parametrize("by_digest", [False, True])
def test_an_image_that_was_pulled(
    registry: FakeRegistry, image: FakeImage, by_digest: bool
) -> None:
    """By tag or by digest, it's the same image."""
    pull(registry, image, image.digest if by_digest else "1")
    registry.assert_pulled("app:1")
    registry.assert_pulled(f"app@{image.digest}")
    registry.assert_pulled("quay.io/app:1")


def test_ranges_count_for_their_bytes(registry: FakeRegistry, image: FakeImage) -> None:
    """A blob that came in pieces, some of them twice, came whole."""
    registry.client.get("/v2/app/manifests/1")
    for digest in [image.config.digest, image.layers[0].digest]:
        registry.client.get(f"/v2/app/blobs/{digest}")
    url, size = f"/v2/app/blobs/{image.layers[1].digest}", image.layers[1].size
    for span in ("100-", "0-49"):
        registry.client.get(url, headers={"Range": f"bytes={span}"})
    missing = rf"{size - 50} of {size} bytes were sent of the layer {image.layers[1].digest}"
    with pytest.raises(AssertionError, match=missing):
        registry.assert_pulled("app:1")
    registry.client.get(url, headers={"Range": "bytes=40-120"})
    registry.assert_pulled("app:1")


def test_an_image_that_was_not_pulled(registry: FakeRegistry, image: FakeImage) -> None:
    """All that is missing is named."""
    registry.client.head("/v2/app/manifests/1")
    registry.client.head(f"/v2/app/blobs/{image.config.digest}")
    with pytest.raises(AssertionError) as failure:
        registry.assert_pulled("app:1")
    assert str(failure.value).splitlines() == [
        "app:1 was not pulled",
        f"  the manifest {image.digest} was not sent",
        f"  0 of 10263 bytes were sent of the layer {image.layers[0].digest}",
        f"  0 of 10263 bytes were sent of the layer {image.layers[1].digest}",
        f"  0 of {image.config.size} bytes were sent of the config {image.config.digest}",
    ]


def test_one_image_of_an_index_is_enough(registry: FakeRegistry, image: FakeImage) -> None:
    """The one that lacks the least is complained about."""
    other = registry.add_image("app:arm", platform="linux/arm64/v8")
    registry.add_index("app:all", {"linux/amd64": image, "linux/arm64/v8": other})
    registry.client.get("/v2/app/manifests/all")
    with pytest.raises(AssertionError, match=f"manifest {other.digest} was not sent"):
        registry.assert_pulled("app:all")
    pull(registry, image, image.digest)
    registry.assert_pulled("app:all")


def test_an_image_that_was_pushed(registry: FakeRegistry, image: FakeImage) -> None:
    """By tag or by digest."""
    for name in ("2", image.digest):
        registry.client.put(
            f"/v2/app/manifests/{name}",
            content=image.manifest.raw,
            headers={"Content-Type": image.media_type},
        )
    registry.assert_pushed("app:2")
    registry.assert_pushed(f"app@{image.digest}")


def test_an_image_that_the_test_has_put_there(registry: FakeRegistry, image: FakeImage) -> None:
    """Nobody has pushed it."""
    with pytest.raises(AssertionError, match="app:1 was not pushed\n  no request has brought its"):
        registry.assert_pushed("app:1")


def test_a_push_that_was_refused(registry: FakeRegistry) -> None:
    """The answer is shown."""
    registry.client.put("/v2/app/manifests/1", content=b"")
    with pytest.raises(AssertionError) as failure:
        registry.assert_pushed("app:1")
    assert str(failure.value).splitlines() == [
        "app:1 was not pushed",
        "  no image app:1; the registry holds nothing with a tag",
        (
            "  #1 PUT /v2/app/manifests/1 -> 400"
            " (MANIFEST_INVALID: the manifest is not JSON (it begins b''))"
        ),
    ]


def test_expected_requests(registry: FakeRegistry, image: FakeImage) -> None:
    """A test that doesn't care for order or others says so."""
    pull(registry, image)
    registry.assert_requests(
        ["GET /v2/app/manifests/1 200", *(f"GET /v2/app/blobs/{digest}" for digest in image.blobs)]
    )
    registry.assert_requests(["GET */blobs/*"] * 3 + ["GET */manifests/*"], in_order=False)
    registry.assert_requests(["GET registry.test/v2/app/manifests/1"], others=True)
    registry.clear_requests()
    registry.assert_requests([])


def test_a_failure_shows_the_nearest_miss(registry: FakeRegistry) -> None:
    """What was expected, what came nearest, and what came beside it."""
    registry.client.get("https://quay.io/v2/app/tags/list")
    with pytest.raises(AssertionError) as failure:
        registry.assert_requests(["GET /v2/app/tags/list 200"])
    assert str(failure.value).splitlines() == [
        "the requests are not those that were expected",
        "  missing: GET /v2/app/tags/list -> 200",
        "      nearest: #1 GET /v2/app/tags/list -> 404, but the answer is 404",
        "  unexpected: #1 GET /v2/app/tags/list -> 404",
    ]


def test_the_traffic_is_a_table(registry: FakeRegistry) -> None:
    """One line an exchange, hosts shown where they tell something."""
    registry.client.get("https://quay.io/v2/app/tags/list")
    assert re.sub(r" +\d+\.\d ", " MS ", registry.traffic).splitlines() == [
        "   #  request                       answer  sent  got   ms  door",
        (
            "!  1  GET quay.io/v2/app/tags/list  404        0  110 MS  in-process"
            "  NAME_UNKNOWN: repository name not known to registry"
        ),
        "1 request, 1 odd (!)",
    ]


def test_the_traffic_of_nobody(registry: FakeRegistry) -> None:
    """A registry that nobody asked says so."""
    assert registry.traffic == "no requests"


def test_what_is_odd_in_the_traffic(registry: FakeRegistry) -> None:
    """Errors are marked; that something isn't there yet is no error."""
    client = registry.client
    client.get("/v2/")
    client.head("/v2/app/manifests/1")
    client.get("/v2/app/manifests/1")
    client.get("/elsewhere")
    marks = [line[0] for line in registry.traffic.splitlines()[1:-1]]
    assert marks == [" ", " ", "!", "!"]
    assert registry.traffic.endswith("4 requests, 2 odd (!)")


def test_an_answer_that_was_abandoned_is_odd(registry: FakeRegistry) -> None:
    """A client that hangs up is told of."""
    image = registry.add_random_image("app:1", size=1_000_000)
    with registry.client.stream("GET", f"/v2/app/blobs/{image.layers[0].digest}") as response:
        next(response.iter_raw())
    assert "abandoned by the client" in registry.traffic


def test_notes_mark_what_they_tell_of(registry: FakeRegistry) -> None:
    """A note stands before what is odd anyway."""
    registry.client.get("/v2/")
    registry.client.get("/elsewhere")
    lines = traffic_table(registry.requests, {1: "leaked", 2: "leaked"}).splitlines()
    assert lines[1].startswith("!")
    assert lines[1].endswith("  leaked")
    assert lines[2].endswith("  leaked; UNSUPPORTED: the path is none of the API's")


def test_a_long_table_is_cut(registry: FakeRegistry) -> None:
    """Its beginning and its end are shown, and what is odd in between."""
    for number in range(100):
        registry.client.get("/elsewhere" if number == 50 else "/v2/")
    lines = registry.traffic.splitlines()
    assert "/elsewhere" in registry.traffic
    assert lines[-2:] == ["   ... and 54 in between", "100 requests, 1 odd (!)"]
    assert len(lines) == 1 + 46 + 2


def test_no_secret_is_in_the_traffic(registry: FakeRegistry) -> None:
    """The table goes to logs that anyone may read."""
    registry.client.get("/v2/?token=s3cret", headers={"Authorization": "Bearer s3cret"})
    assert "s3cret" not in registry.traffic
    assert "GET /v2/?*** " in registry.traffic


def test_a_registry_is_described(registry: FakeRegistry, image: FakeImage) -> None:
    """Its repr is what pytest shows of it."""
    registry.client.get("/v2/")
    assert repr(registry) == "FakeRegistry(1 images, 1 requests)"
