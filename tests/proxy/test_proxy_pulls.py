"""What a proxy is asked for comes from downstream, and with an upstream is brought there first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index
from occystrap.oci.media_types import OCI_MANIFEST
from occystrap.server.answers import etag
from occystrap.server.message import Handler, Request, Response
from tests.support.handlers import BasicGate, Front, status
from tests.support.images import SampleImage, file, layer, make_image
from tests.support.proxied import PREFIX, Scene, digest_of, proxied
from tests.support.wire import CONFIG, describe, error_code, image_manifest

EXCLUDE = "exclude:pattern=*.pyc"


def sample(architecture: str = "amd64") -> SampleImage:
    """An image with a file that filters leave out."""
    return make_image(
        layer(file("bin/app", architecture.encode() * 1000)),
        layer(file("lib/app.py", b"#"), file("lib/app.pyc", b"compiled" * 100)),
        architecture=architecture,
    )


def fill(scene: Scene) -> None:
    """Put an image and an index upstream."""
    scene.upstream.put("app", "1", sample())
    images = {f"linux/{name}": sample(name) for name in ("amd64", "arm64")}
    scene.upstream.put_all("app", "all", images)


def pulled(scene: Scene, tag: str) -> httpx.Response:
    """Pull as clients do: a manifest, and all that it names."""
    response = scene.wire.get_manifest("app", tag)
    assert response.status_code == 200, response.text
    _pull_below(scene, response)
    return response


def _pull_below(scene: Scene, response: httpx.Response) -> None:
    document = response.json()
    for listed in document.get("manifests", ()):
        below = scene.wire.get_manifest("app", listed["digest"])
        assert below.status_code == 200
        assert str(Digest.of(below.content)) == listed["digest"]
        _pull_below(scene, below)
    for blob in (document[key] for key in ("config",) if key in document):
        assert _blob(scene, blob["digest"]) == blob["digest"]
    for blob in document.get("layers", ()):
        assert _blob(scene, blob["digest"]) == blob["digest"]


def _blob(scene: Scene, digest: str) -> str:
    return str(Digest.of(scene.wire.get_blob("app", Digest.parse(digest)).content))


@pytest.mark.parametrize("tag", ["1", "all"])
def test_a_pull_brings_the_image(tag: str) -> None:
    """W-7: whole, byte for byte, to the client and downstream; the second time it comes from
    there, though upstream is gone.
    """
    with proxied(pulls=True) as scene:
        fill(scene)
        first = pulled(scene, tag)
        expected = scene.upstream.get("app", tag)
        assert expected is not None
        assert (first.content, digest_of(first)) == (expected.raw, expected.digest)
        assert scene.stored("app", tag) == expected
        del scene.hosts["up.example"]
        assert pulled(scene, tag).content == expected.raw
        assert scene.proxy.counts.misses == 1
        assert scene.proxy.counts.hits >= 1


@pytest.mark.parametrize("tag", ["1", "all"])
def test_a_pull_goes_through_the_filters(tag: str) -> None:
    """The digest that is answered is the one of what came out, and all of it can be had."""
    with proxied(EXCLUDE, pulls=True) as scene:
        fill(scene)
        response = pulled(scene, tag)
        stored = scene.stored("app", tag)
        assert (response.content, digest_of(response)) == (stored.raw, stored.digest)
        assert stored != scene.upstream.get("app", tag)
        del scene.hosts["up.example"]
        assert pulled(scene, tag).content == stored.raw
        assert pulled(scene, str(stored.digest)).content == stored.raw


def test_who_asks_whether_it_is_there_has_it_brought() -> None:
    """As Docker does before it pulls."""
    with proxied(pulls=True) as scene:
        fill(scene)
        response = scene.client.head("/v2/app/manifests/1")
        assert response.status_code == 200
        assert digest_of(response) == scene.stored("app", "1").digest
        assert scene.proxy.counts.misses == 1


def test_an_image_is_pulled_by_digest() -> None:
    """It is downstream under its digest, and no tag."""
    with proxied(pulls=True) as scene:
        fill(scene)
        manifest = scene.upstream.manifest("app", "1")
        assert pulled(scene, str(manifest.digest)).content == manifest.raw
        assert not scene.downstream.store.tags(f"{PREFIX}/app")


def test_filters_make_no_image_of_a_given_digest() -> None:
    """So upstream isn't even asked."""
    with proxied(EXCLUDE, pulls=True) as scene:
        fill(scene)
        digest = scene.upstream.manifest("app", "1").digest
        response = scene.wire.get_manifest("app", digest)
        assert (response.status_code, error_code(response)) == (404, "MANIFEST_UNKNOWN")
        assert not [one for one in scene.asked if one.startswith("up.example")]


def test_what_is_nowhere_is_unknown() -> None:
    """404, with an upstream and without."""
    for pulls in (False, True):
        with proxied(pulls=pulls) as scene:
            for method in ("GET", "HEAD"):
                response = scene.client.request(method, "/v2/app/manifests/none")
                assert response.status_code == 404
            assert scene.wire.get_blob("app", Digest.of(b"?")).status_code == 404
            assert scene.client.get("/v2/app/tags/list").status_code == 404
            assert scene.proxy.counts.misses == scene.proxy.counts.hits == 0


def test_an_upstream_that_fails_is_told() -> None:
    """As the fault of a gateway, with the reason; nothing is downstream, and later it works."""
    with proxied(pulls=True, retries=0) as scene:
        fill(scene)
        for where, trick in (("GET manifest", status(500)), ("GET blob", status(403))):
            scene.hosts["up.example"] = Front(scene.upstream.registry, {where: [trick]})
            response = scene.wire.get_manifest("app", "1")
            assert (response.status_code, error_code(response)) == (502, "UNAVAILABLE")
            assert "up.example" in response.text
            assert scene.downstream.get(f"{PREFIX}/app", "1") is None
        assert pulled(scene, "1").status_code == 200


def test_an_upstream_that_wants_a_login_is_told() -> None:
    """No other registry's is tried on it."""
    with proxied(pulls=True, place=f"alice:open%20sesame@down.example/{PREFIX}") as scene:
        fill(scene)
        scene.hosts["up.example"] = BasicGate(scene.upstream.registry)
        response = scene.wire.get_manifest("app", "1")
        assert response.status_code == 502
        assert "sesame" not in response.text


def test_many_that_ask_at_once_have_it_brought_once() -> None:
    """The others wait, and are answered from downstream."""
    with proxied(pulls=True) as scene:
        fill(scene)
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: scene.wire.get_manifest("app", "1"), range(6)))
        assert {one.content for one in answers} == {scene.stored("app", "1").raw}
        blobs = [one for one in scene.asked if one.startswith("up.example GET /v2/app/blobs/")]
        assert len(blobs) == len(set(blobs)) == 3
        assert (scene.proxy.counts.misses, scene.proxy.counts.hits) == (1, 5)


def test_parts_of_blobs() -> None:
    """Of one downstream, and of one that was only pushed."""
    content = bytes(range(256)) * 40
    with proxied() as scene:
        digest = scene.wire.put_blob("app", content)
        scene.downstream.store.add_blob(f"{PREFIX}/other", digest, content)
        for repository in ("app", "other"):
            for asked, part in (
                ("bytes=0-0", content[:1]),
                ("bytes=100-5000", content[100:5001]),
                ("bytes=9000-", content[9000:]),
                ("bytes=-7", content[-7:]),
            ):
                response = scene.wire.get_blob(repository, digest, Range=asked)
                assert (response.status_code, response.content) == (206, part)
            response = scene.wire.get_blob(repository, digest, Range="bytes=99999-")
            assert response.status_code == 416
            whole = scene.wire.get_blob(repository, digest)
            assert (whole.status_code, whole.content) == (200, content)
            known = scene.wire.get_blob(repository, digest, If_None_Match=etag(digest))
            assert known.status_code == 304


def test_parts_of_blobs_of_a_registry_that_gives_no_parts() -> None:
    """It sends all, and the client gets its part of that; another part is refused."""
    content = bytes(range(256)) * 40

    def whole(request: Request, inner: Handler) -> Response:
        return inner.handle(replace(request, headers=request.headers.remove("Range")))

    def other(request: Request, inner: Handler) -> Response:
        headers = request.headers.replace("Range", "bytes=5-10")
        return inner.handle(replace(request, headers=headers))

    digest = Digest.of(content)
    with proxied() as scene:
        scene.downstream.store.add_blob(f"{PREFIX}/app", digest, content)
        scene.hosts["down.example"] = Front(scene.downstream.registry, {"GET blob": [whole, other]})
        response = scene.wire.get_blob("app", digest, Range="bytes=100-5000")
        assert (response.status_code, response.content) == (206, content[100:5001])
        assert scene.wire.get_blob("app", digest, Range="bytes=100-5000").status_code == 502


def test_tags_come_page_by_page() -> None:
    """Those that are downstream, below the prefix."""
    with proxied() as scene:
        for tag in ("c", "a", "b"):
            scene.downstream.put(f"{PREFIX}/app", tag, sample())
        assert scene.client.get("/v2/app/tags/list").json() == {
            "name": "app",
            "tags": ["a", "b", "c"],
        }
        page = scene.client.get("/v2/app/tags/list?n=2")
        assert page.json()["tags"] == ["a", "b"]
        assert "last=b" in page.headers["Link"]


def test_referrers_come_from_downstream() -> None:
    """All of them, or those of a kind."""
    with proxied() as scene:
        scene.wire.put_blob("app", CONFIG)
        image = image_manifest()
        scene.wire.put_manifest("app", "1", image)
        subject = describe(image, OCI_MANIFEST)
        signature = image_manifest(CONFIG, subject=subject, artifactType="application/x")
        scene.wire.put_manifest("app", Digest.of(signature), signature)
        url = f"/v2/app/referrers/{Digest.of(image)}"
        for query, count in (("", 1), ("?artifactType=application/x", 1), ("?artifactType=a/b", 0)):
            response = scene.client.get(f"{url}{query}")
            assert len(response.json()["manifests"]) == count
            assert ("OCI-Filters-Applied" in response.headers) == bool(query)


def test_the_index_is_one() -> None:
    """What was brought of several platforms has all of them."""
    with proxied(pulls=True) as scene:
        fill(scene)
        pulled(scene, "all")
        index = scene.stored("app", "all")
        assert isinstance(index, Index)
        assert len(index.manifests) == 2
