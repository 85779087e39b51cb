"""The registry client: manifests checked, tags paged, referrers by either way."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from occystrap.client.registry import RegistryClient
from occystrap.errors import APIException, DigestMismatch, InvalidManifest
from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode
from occystrap.oci.manifest import Descriptor, Index, Manifest, build_manifest
from occystrap.oci.media_types import OCI_CONFIG, OCI_INDEX, Family
from occystrap.server.doors.in_process import InProcessTransport
from occystrap.server.registry import Registry
from tests.support.handlers import Front
from tests.support.scripted import session_over


def scripted(handle: Callable[[httpx.Request], httpx.Response]) -> RegistryClient:
    """Make a client that asks a function."""
    session = session_over(httpx.Client(transport=httpx.MockTransport(handle)))
    return RegistryClient("registry.example", session=session)


def real() -> tuple[RegistryClient, Front]:
    """Make a client of an empty registry, and its front."""
    front = Front(Registry())
    session = session_over(httpx.Client(transport=InProcessTransport(front)))
    return RegistryClient("registry.example", session=session), front


def push(client: RegistryClient, repository: str, *tags: str) -> Manifest:
    """Push an image without layers under some tags."""
    config = encode({"os": "linux", "architecture": "amd64"})
    client.upload_blob(repository, Descriptor.of(config, OCI_CONFIG), config)
    manifest = build_manifest(Family.OCI, Descriptor.of(config, OCI_CONFIG), [])
    for tag in tags:
        client.put_manifest(repository, tag, manifest)
    return manifest


def test_a_manifest_comes_back_by_tag_and_by_digest() -> None:
    """The bytes are the same, and so is everything read from them."""
    client, _ = real()
    manifest = push(client, "a", "1")
    assert client.get_manifest("a", "1") == manifest
    assert client.get_manifest("a", manifest.digest) == manifest
    assert client.find_manifest("a", "1") == manifest.digest
    assert client.find_manifest("a", "2") is None


def test_a_manifest_asked_for_by_digest_must_have_it() -> None:
    """W-15: other bytes than those that were named are never returned."""
    raw = push(real()[0], "a", "1").raw
    client = scripted(lambda _: httpx.Response(200, content=raw))
    with pytest.raises(DigestMismatch):
        client.get_manifest("a", Digest.of(b"other"))


def test_half_a_manifest_asked_for_by_digest_is_a_digest_mismatch() -> None:
    """What was cut off on the way is named as that, not as a bad manifest."""
    manifest = push(real()[0], "a", "1")
    client = scripted(lambda _: httpx.Response(200, content=manifest.raw[:50]))
    with pytest.raises(DigestMismatch, match="manifest of a is corrupt"):
        client.get_manifest("a", manifest.digest)


def test_a_page_instead_of_a_manifest_is_an_error_that_quotes_it() -> None:
    """A portal that answers HTML with 200 is seen for what it is."""
    client = scripted(lambda _: httpx.Response(200, content=b"<html>log in</html>"))
    with pytest.raises(InvalidManifest, match="<html>log in"):
        client.get_manifest("a", "1")


def test_a_content_type_with_parameters_is_understood() -> None:
    """W-23: a charset behind the media type changes nothing."""
    manifest = push(real()[0], "a", "1")
    headers = {"Content-Type": f"{manifest.media_type}; charset=utf-8"}
    client = scripted(lambda _: httpx.Response(200, content=manifest.raw, headers=headers))
    assert client.get_manifest("a", "1") == manifest


def test_a_head_without_a_digest_is_made_good_by_a_get() -> None:
    """Registries that don't say the digest are asked for the manifest."""
    manifest = push(real()[0], "a", "1")
    client = scripted(
        lambda r: httpx.Response(200, content=manifest.raw if r.method == "GET" else b"")
    )
    assert client.find_manifest("a", "1") == manifest.digest


def test_all_pages_of_tags_are_read() -> None:
    """Every tag comes once, whatever the size of a page."""
    client, front = real()
    push(client, "a", *[f"t{number}" for number in range(10)])
    assert sorted(client.tags("a", page_size=3)) == sorted(f"t{number}" for number in range(10))
    assert front.seen.count("GET tags") >= 4


@pytest.mark.parametrize(
    "link",
    [
        '</v2/a/tags/list>; rel="next"',
        '<https://registry.example/v2/a/tags/list>; rel="next"',
        '</v2/a/tags/list?last=x>; rel="prev"',
        "<ftp://x>; rel=next",
        "junk",
    ],
)
def test_a_link_that_leads_nowhere_is_not_followed(link: str) -> None:
    """A next page that is this one or none ends the list."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"name": "a", "tags": ["1"]}, headers={"Link": link})

    assert list(scripted(handle).tags("a")) == ["1"]
    assert len(asked) == 1


def test_referrers_come_from_the_api() -> None:
    """A registry with the referrers API is asked there, with the filter."""
    client, front = real()
    subject = push(client, "a", "1")
    artifact = encode(
        {
            "schemaVersion": 2,
            "mediaType": subject.media_type,
            "artifactType": "test/sbom",
            "config": subject.config.to_document(),
            "layers": [],
            "subject": subject.descriptor.to_document(),
        }
    )
    digest = Digest.of(artifact)
    url = f"{client.base}/v2/a/manifests/{digest}"
    headers = {"Content-Type": subject.media_type}
    transport = InProcessTransport(front)
    httpx.Client(transport=transport).put(url, content=artifact, headers=headers)
    assert [found.digest for found in client.referrers("a", subject.digest)] == [digest]
    assert client.referrers("a", subject.digest, "test/other") == ()


def test_referrers_come_from_the_fallback_tag() -> None:
    """A registry without the API keeps an index under a tag named after the digest."""
    subject = Digest.of(b"subject")
    there = Descriptor(OCI_CONFIG, Digest.of(b"r"), 1, artifact_type="test/sbom")
    index = encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [there.to_document()]})

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == f"/v2/a/manifests/sha256-{subject.encoded}":
            return httpx.Response(200, content=index)
        return httpx.Response(404)

    assert scripted(handle).referrers("a", subject) == (there,)
    assert scripted(handle).referrers("a", subject, "test/other") == ()
    assert scripted(lambda _: httpx.Response(404)).referrers("a", subject) == ()


def test_referrers_that_are_no_index_are_an_error() -> None:
    """An image where the list should be isn't taken for one."""
    raw = push(real()[0], "a", "1").raw
    with pytest.raises(InvalidManifest, match=r"but is application/vnd\.oci\.image\.manifest"):
        scripted(lambda _: httpx.Response(200, content=raw)).referrers("a", Digest.of(b"x"))


def test_who_makes_the_session_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """W-30: a session or a client that was handed in stays open, on every way out."""
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(404)))
    session = session_over(client)
    with RegistryClient("registry.example", session=session) as registry:
        assert registry.session is session
    with (
        pytest.raises(APIException),
        RegistryClient("registry.example", client=client) as registry,
    ):
        registry.get_manifest("a", "1")
    assert not client.is_closed
    monkeypatch.setattr("occystrap.client.session.create_client", lambda **_: client)
    with pytest.raises(APIException), RegistryClient("registry.example") as registry:
        registry.get_manifest("a", "1")
    assert client.is_closed


def test_a_tag_is_deleted() -> None:
    """A deleted tag is gone, and deleting it again says so."""
    client, _ = real()
    push(client, "a", "1")
    client.delete_manifest("a", "1")
    assert client.find_manifest("a", "1") is None
    with pytest.raises(APIException, match="404"):
        client.delete_manifest("a", "1")


@pytest.mark.parametrize("right", ["delete", "*", "pull,push"])
def test_the_right_to_delete_is_the_one_that_the_registry_names(right: str) -> None:
    """What it wants is asked for once it says so, and nothing that it may not know."""
    scopes: list[list[str]] = []
    challenge = f'Bearer realm="https://registry.example/token",scope="repository:a:{right}"'

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            scopes.append(request.url.params.get_list("scope"))
            return httpx.Response(200, json={"token": "t"})
        if request.headers.get("Authorization") == "Bearer t":
            return httpx.Response(202)
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    scripted(handle).delete_manifest("a", "1")
    assert scopes == [list(dict.fromkeys([f"repository:a:{right}", "repository:a:pull,push"]))]


def test_a_list_may_be_longer_than_a_manifest() -> None:
    """A registry without pages sends all its tags at once."""
    tags = [f"{number:060}" for number in range(80_000)]
    client = scripted(lambda _: httpx.Response(200, json={"name": "a", "tags": tags}))
    assert list(client.tags("a")) == tags


def test_a_blob_is_read_whole_only_if_it_is_small() -> None:
    """A config that claims to be a gigabyte isn't even asked for."""
    huge = Descriptor(OCI_CONFIG, Digest.of(b"x"), 2**30)
    with pytest.raises(InvalidManifest, match="1073741824 bytes"):
        scripted(lambda _: httpx.Response(500)).read_blob("a", huge)


def test_docker_hub_is_asked_where_it_answers() -> None:
    """W-25: docker.io is only a name; one-part names are in library/."""
    hosts: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(404)

    session = session_over(httpx.Client(transport=httpx.MockTransport(handle)))
    RegistryClient("docker.io", session=session).find_manifest("library/busybox", "1")
    assert hosts == ["registry-1.docker.io"]


def test_an_index_is_told_from_a_manifest() -> None:
    """What comes back says which of the two it is."""
    raw = encode({"schemaVersion": 2, "manifests": []})
    headers = {"Content-Type": OCI_INDEX}
    client = scripted(lambda _: httpx.Response(200, content=raw, headers=headers))
    assert isinstance(client.get_manifest("a", "1"), Index)
