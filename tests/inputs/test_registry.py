"""Images are read from registries: manifest and config at once, layers when they are opened."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import httpx
import pytest

from occystrap.client.credentials import Credential, StaticCredentials
from occystrap.errors import (
    APIException,
    CredentialsError,
    DigestMismatch,
    ImageInputError,
    InvalidReference,
    PlatformNotFound,
    UnauthorizedException,
)
from occystrap.image.element import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.inputs.registry import Image
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, Manifest, build_manifest
from occystrap.oci.media_types import OCI_LAYER, Compression, Family
from occystrap.oci.platform import Platform
from occystrap.server.message import Handler
from occystrap.util import RateLimiter, RequestStats, open_session
from tests.support.clock import FakeClock
from tests.support.console import Shelf, client_of
from tests.support.handlers import BasicGate, BearerGate, Front, cut, status
from tests.support.images import SampleImage, file, layer, make_image, varied_image

VARIED = varied_image()


@pytest.fixture
def shelf() -> Shelf:
    """A registry that has the varied image as `a/b:1`."""
    shelf = Shelf()
    shelf.put("a/b", "1", VARIED)
    return shelf


def opened(handler: Handler | Shelf, tag: str = "1", **options: Any) -> Image:
    """Name an image of the registry."""
    handler = handler.registry if isinstance(handler, Shelf) else handler
    return Image("registry.example", "a/b", tag, client=client_of(handler), **options)


def tars(elements: list[ImageElement]) -> list[bytes]:
    """Read the layers of an image as tars."""
    return [
        b"" if element.layer is None else b"".join(element.layer.open_tar())
        for element in elements
        if element.element_type == IMAGE_LAYER
    ]


@pytest.mark.parametrize(
    ("family", "compression"),
    [*((Family.OCI, each) for each in Compression), (Family.DOCKER, Compression.GZIP)],
)
def test_an_image_comes_config_first_then_layers(family: Family, compression: Compression) -> None:
    """Every tar is the one that was stored, however compressed; a layer is named by its digest."""
    shelf = Shelf()
    manifest = shelf.put("a/b", "1", VARIED, compression, family)
    image = opened(shelf)
    config, *layers = image.fetch()
    assert (config.element_type, config.name) == (CONFIG_FILE, f"{VARIED.config_hex}.json")
    assert config.read_config() == image.get_config() == VARIED.config
    assert config.manifest == image.get_manifest() == image.get_root() == manifest
    assert [element.name for element in layers] == [d.digest.encoded for d in manifest.layers]
    assert [element.layer_index for element in layers] == [0, 1, 2, 3]
    assert tars(layers) == list(VARIED.layers)


def test_nothing_is_asked_for_twice_and_no_layer_before_it_is_opened(shelf: Shelf) -> None:
    """Manifest and config once; a layer costs its own GET, each time it is read."""
    front = Front(shelf.registry)
    image = opened(front)
    elements = list(image.fetch())
    image.get_config()
    assert front.seen == ["GET manifest", "GET blob"]
    assert elements[1].layer is not None
    for _ in range(2):
        b"".join(elements[1].layer.open_stored())
    assert front.seen[2:] == ["GET blob"] * 2


def test_a_layer_that_nobody_wants_has_no_content(shelf: Shelf) -> None:
    """The callback is asked by the layer's digest."""
    asked: list[str] = []

    def second_only(digest: str) -> bool:
        asked.append(digest)
        return len(asked) == 2

    _, *layers = opened(shelf).fetch(second_only)
    assert [element.layer is not None for element in layers] == [False, True, False, False]
    assert asked == [element.name for element in layers]
    assert tars(list(layers))[1] == VARIED.layers[1]


def test_an_image_is_named_by_digest(shelf: Shelf) -> None:
    """W-24: `image@digest` is asked for by it, and `tag@digest` keeps the tag as a name."""
    digest = shelf.manifest("a/b", "1").digest
    front = Front(shelf.registry)
    for tag, name in ((str(digest), str(digest)), (f"9@{digest}", "9")):
        image = opened(front, tag)
        assert (image.image, image.tag) == ("a/b", name)
        assert image.get_manifest().digest == digest
    assert {request.path for request in front.requests} == {f"/v2/a/b/manifests/{digest}"}


def test_the_name_of_an_image_is_that_of_its_registry() -> None:
    """W-25: one-part names of Docker Hub are in library/, and its API answers elsewhere."""
    hosts: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url)
        return httpx.Response(404)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    with pytest.raises(APIException, match="404 Not Found"):
        Image("docker.io", "busybox", client=client).get_manifest()
    assert str(hosts[0]) == "https://registry-1.docker.io/v2/library/busybox/manifests/latest"
    with pytest.raises(APIException):
        Image("localhost:5000", "x", secure=False, client=client).get_manifest()
    assert str(hosts[1]) == "http://localhost:5000/v2/x/manifests/latest"


def platforms(shelf: Shelf) -> Index:
    """Keep images for several platforms under one tag."""
    images: dict[str, SampleImage] = {
        name: make_image(layer(file("platform", name.encode())))
        for name in ("linux/amd64", "linux/arm64/v8", "linux/arm/v7", "windows/amd64")
    }
    return shelf.put_all("a/b", "all", images)


@pytest.mark.parametrize(
    ("options", "platform"),
    [
        ({}, b"linux/amd64"),
        ({"architecture": "arm64"}, b"linux/arm64/v8"),
        ({"architecture": "arm64", "variant": "v8"}, b"linux/arm64/v8"),
        ({"architecture": "arm", "variant": "v7"}, b"linux/arm/v7"),
        ({"os": "windows"}, b"windows/amd64"),
    ],
)
def test_of_an_index_the_image_for_the_platform_is_read(
    shelf: Shelf, options: dict[str, str], platform: bytes
) -> None:
    """W-23: variants that go without saying needn't be said."""
    platforms(shelf)
    (tar,) = tars(list(opened(shelf, "all", **options).fetch()))
    assert platform in tar


def test_a_platform_that_isn_t_there_is_an_error_that_lists_what_is(shelf: Shelf) -> None:
    """W-23: the user sees what to choose from."""
    platforms(shelf)
    with pytest.raises(PlatformNotFound, match="linux/arm64/v8") as caught:
        opened(shelf, "all", architecture="s390x").get_config()
    assert "linux/amd64" in caught.value.available


def test_an_index_in_an_index_is_followed(shelf: Shelf) -> None:
    """Some registries nest them; what holds no end is refused."""
    inner: Manifest | Index = platforms(shelf)
    for _ in range(3):
        inner = shelf.put_index("a/b", "nested", {"linux/amd64": inner})
    with pytest.raises(ImageInputError, match="indexes in indexes"):
        opened(shelf, "nested").get_manifest()
    shelf.put_index("a/b", "nested", {"linux/amd64": platforms(shelf)})
    assert isinstance(opened(shelf, "nested").get_manifest(), Manifest)


def test_another_manifest_of_the_repository_can_be_named(shelf: Shelf) -> None:
    """It shares the session and nothing else; closing it closes nothing."""
    index = platforms(shelf)
    image = opened(shelf, "all")
    assert image.get_root() == index
    other = image.at(index.manifests[1].digest)
    assert other.tag == str(index.manifests[1].digest)
    assert isinstance(other.get_root(), Manifest)
    assert image.get_root() == index
    other.close()
    assert image.get_config() != other.get_config()


def test_an_artifact_has_layers_without_diff_ids(shelf: Shelf) -> None:
    """A chart is no image: its config names no tars, and its layers are what they are."""
    config = Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json")
    chart = Descriptor.of(b"chart", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    for descriptor, content in ((config, b"{}"), (chart, b"chart")):
        shelf.store.add_blob("a/b", descriptor.digest, content)
    shelf.store.add_manifest("a/b", build_manifest(Family.OCI, config, [chart]), "chart")
    _, element = opened(shelf, "chart").fetch()
    assert element.layer is not None
    assert element.layer.diff_id is None
    assert b"".join(element.layer.open_stored()) == b"chart"


def test_a_config_that_names_other_layers_is_an_error(shelf: Shelf) -> None:
    """Manifest and config have to tell of the same number of layers."""
    manifest = shelf.manifest("a/b", "1")
    broken = build_manifest(Family.DOCKER, manifest.config, manifest.layers[:2])
    shelf.store.add_manifest("a/b", broken, "broken")
    with pytest.raises(ImageInputError, match="manifest has 2 layers, its config 4 diff_ids"):
        list(opened(shelf, "broken").fetch())


def test_a_layer_whose_tar_is_another_is_an_error(shelf: Shelf) -> None:
    """The blob is the one that the manifest names, its tar isn't the one that the config names."""
    manifest = shelf.manifest("a/b", "1")
    lying = build_manifest(Family.OCI, manifest.config, manifest.layers[::-1])
    shelf.store.add_manifest("a/b", lying, "lying")
    _, first, *_ = opened(shelf, "lying").fetch()
    assert first.layer is not None
    with pytest.raises(DigestMismatch):
        b"".join(first.layer.open_tar())


@pytest.mark.parametrize("gate", [BasicGate, BearerGate])
def test_a_login_opens_the_registry(shelf: Shelf, gate: Any) -> None:
    """W-1: typed user name and password, or stored ones, with Basic and with tokens."""
    front = gate(shelf.registry, password="open sesame")
    stored = StaticCredentials(Credential("alice", "open sesame"))
    opened(front, username="alice", password="open sesame", secure=False).get_config()
    opened(front, credentials=stored, secure=False).get_config()
    with pytest.raises(UnauthorizedException, match="check user name and password"):
        opened(front, secure=False).get_config()


def test_every_request_has_its_retries_and_its_turn(shelf: Shelf) -> None:
    """W-2, W-3: `retries`, `rate_limiter` and `stats` hold for manifest, config and layers."""
    clock, stats = FakeClock(), RequestStats()
    down = [status(503)]
    front = Front(shelf.registry, {"GET manifest": down, "GET blob": [status(429), *down]})
    limiter = RateLimiter(10, clock=clock, sleep=clock.sleep)
    image = opened(front, retries=2, rate_limiter=limiter, stats=stats)
    _, first, *_ = image.fetch()
    front.tricks["GET blob"] = [cut(100)]
    assert tars([first]) == [VARIED.layers[0]]
    assert (stats.requests, stats.retries, stats.rate_limits) == (7, 4, 1)
    assert len(clock.slept) == 6
    front.tricks["GET blob"] = [status(503)] * 3
    with pytest.raises(APIException, match="gave up after 3 attempts"):
        tars([first])


def test_a_name_that_is_none_makes_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """W-30: what can't be right is refused before anything is opened."""

    def never(**options: Any) -> httpx.Client:
        raise AssertionError("a client was made")

    monkeypatch.setattr("occystrap.client.session.create_client", never)
    with pytest.raises(InvalidReference):
        Image("registry.example", "NO")
    with pytest.raises(CredentialsError, match="without a password"):
        Image("registry.example", "a", username="alice")


def test_who_makes_the_client_closes_it() -> None:
    """W-30: a client that was handed in stays open; closing twice is once."""
    client = httpx.Client()
    image = Image("registry.example", "a", client=client)
    image.close()
    assert not client.is_closed
    session = open_session(client)
    Image("registry.example", "a", session=session).close()
    assert not client.is_closed
    client.close()
    own = Image("registry.example", "a")
    own.close()
    own.close()


def test_what_was_asked_for_can_be_looked_up() -> None:
    """Reference and platform are attributes."""
    image = Image("registry.example", "a", "1", "linux", "arm", "v7", client=MagicMock())
    assert str(image.reference) == "registry.example/a:1"
    assert image.platform == Platform("linux", "arm", "v7")
    digest = Digest.of(b"x")
    assert str(image.at(digest).reference) == f"registry.example/a@{digest}"


def test_a_layer_says_where_it_is_from(shelf: Shelf) -> None:
    """Its stored form is the descriptor of the manifest."""
    shelf.put("a/b", "oci", VARIED, Compression.GZIP, Family.OCI)
    _, first, *_ = opened(shelf, "oci").fetch()
    assert first.layer is not None
    assert first.layer.stored is not None
    assert first.layer.stored.media_type == f"{OCI_LAYER}+gzip"
    assert first.layer.diff_id == Digest.of(VARIED.layers[0])
