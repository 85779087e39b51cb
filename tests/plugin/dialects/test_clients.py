"""occystrap's own client does its whole work against every dialect."""

from __future__ import annotations

import json

import pytest

from occystrap.client.registry import RegistryClient
from occystrap.client.upload import UploadOutcome
from occystrap.errors import APIException, UnauthorizedException
from occystrap.oci.digest import Digest
from occystrap.oci.documents import encode
from occystrap.oci.manifest import Descriptor, Manifest, build_manifest, parse_manifest
from occystrap.oci.media_types import OCI_CONFIG, OCI_LAYER, Family
from pytest_occystrap.dialects import DIALECTS
from tests.support.dialects import Scene, scene

ACCOUNTS = {"alice": "open sesame"}
LAYER = bytes(range(256)) * 300
CONFIG = encode({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers"}})


@pytest.fixture(params=DIALECTS)
def speaker(request: pytest.FixtureRequest) -> Scene:
    """A registry of each dialect that knows one account."""
    return scene(request.param, accounts=ACCOUNTS)


def client_of(speaker: Scene) -> RegistryClient:
    """Make a client that has the account."""
    return speaker.client("alice", ACCOUNTS["alice"])


def push(client: RegistryClient, repository: str, tag: str, **options: int) -> Manifest:
    """Push an image of one layer."""
    config, layer = Descriptor.of(CONFIG, OCI_CONFIG), Descriptor.of(LAYER, OCI_LAYER)
    client.upload_blob(repository, config, CONFIG)
    client.upload_blob(repository, layer, LAYER, chunk=options.get("chunk"))
    manifest = build_manifest(Family.OCI, config, [layer])
    client.put_manifest(repository, tag, manifest)
    return manifest


def test_what_is_pushed_can_be_pulled(speaker: Scene) -> None:
    """Manifest, config and layer come back as they went, by tag and by digest."""
    client = client_of(speaker)
    manifest = push(client, "library/app", "1.0")
    again = client_of(speaker)
    assert again.find_manifest("library/app", "1.0") == manifest.digest
    assert again.get_manifest("library/app", "1.0") == manifest
    assert again.get_manifest("library/app", manifest.digest) == manifest
    assert again.read_blob("library/app", manifest.config) == CONFIG
    assert again.read_blob("library/app", manifest.layers[0]) == LAYER
    if speaker.cdn is not None:
        assert speaker.cdn.violations == []


def test_strangers_may_pull(speaker: Scene) -> None:
    """Where there are tokens, a stranger gets one for pulling; where passwords, nothing."""
    manifest = push(client_of(speaker), "library/app", "1.0")
    stranger = speaker.client()
    if speaker.speaking.gate is None and speaker.dialect.name != "mcr":
        with pytest.raises(UnauthorizedException):
            stranger.get_manifest("library/app", "1.0")
        return
    assert stranger.get_manifest("library/app", "1.0") == manifest
    assert stranger.read_blob("library/app", manifest.layers[0]) == LAYER


def test_blobs_are_mounted_from_another_repository(speaker: Scene) -> None:
    """A copy within the registry moves no byte."""
    client = client_of(speaker)
    manifest = push(client, "library/app", "1.0")
    layer = manifest.layers[0]
    outcome = client.upload_blob("library/copy", layer, LAYER, mount_from="library/app")
    assert outcome is UploadOutcome.MOUNTED
    assert client.read_blob("library/copy", layer) == LAYER


def test_a_mount_from_nowhere_ends_in_an_upload(speaker: Scene) -> None:
    """Whatever a registry says to a source that it doesn't know, the blob gets there."""
    client = client_of(speaker)
    layer = Descriptor.of(LAYER, OCI_LAYER)
    outcome = client.upload_blob("library/copy", layer, LAYER, mount_from="elsewhere/app")
    assert outcome is UploadOutcome.UPLOADED
    assert client.read_blob("library/copy", layer) == LAYER


def test_all_tags_are_listed(speaker: Scene) -> None:
    """However long the pages are, the list is complete."""
    client = client_of(speaker)
    manifest = push(client, "library/app", "0")
    names = {str(number) for number in range(120)}
    for name in names:
        speaker.registry.store.add_manifest("library/app", manifest, name)
    assert set(client.tags("library/app")) == names
    assert set(client.tags("library/app", page_size=50)) == names


def test_referrers_are_found_where_there_are_any(speaker: Scene) -> None:
    """By the API, and by the fallback tag where a client has kept one."""
    client = client_of(speaker)
    subject = push(client, "library/app", "1.0")
    config = Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json")
    client.upload_blob("library/app", config, b"{}")
    document = {**json.loads(build_manifest(Family.OCI, config, []).raw), "artifactType": "text/x"}
    note = parse_manifest(encode({**document, "subject": subject.descriptor.to_document()}))
    client.put_manifest("library/app", note.digest, note)
    found = [each.digest for each in client.referrers("library/app", subject.digest)]
    has_api = not any(gone.kind.value == "referrers" for gone in speaker.dialect.absent)
    assert found == ([note.digest] if has_api else [])
    unknown = Digest.of(b"nothing refers to this")
    assert client.referrers("library/app", unknown) == ()


def test_a_tag_can_be_deleted(speaker: Scene) -> None:
    """Where tags can be, and by digest everywhere else."""
    client = client_of(speaker)
    manifest = push(client, "library/app", "1.0")
    by_tag = speaker.dialect.manifests.deletes_tags
    client.delete_manifest("library/app", "1.0" if by_tag else manifest.digest)
    assert client.find_manifest("library/app", "1.0") is None


def test_a_client_whose_token_has_ended_gets_another(speaker: Scene) -> None:
    """Nothing is lost when a token ends in the middle of the work, whatever is said then."""
    client = client_of(speaker)
    push(client, "library/app", "1.0")
    if speaker.speaking.gate is not None:  # passwords don't end
        speaker.speaking.gate.expire_tokens()
    push(client, "library/app", "1.0")
    assert client.find_manifest("library/app", "1.0") is not None


def test_chunks_arrive_where_chunks_are_taken(speaker: Scene) -> None:
    """A chunked upload gets there, whatever Range and Location look like, if need be at once."""
    at_once = speaker.dialect.name == "artifact_registry"
    if not speaker.dialect.uploads.several_chunks and not at_once:
        with pytest.raises(APIException):
            push(client_of(speaker), "library/app", "1.0", chunk=20_000)
        return
    manifest = push(client_of(speaker), "library/app", "1.0", chunk=20_000)
    assert client_of(speaker).read_blob("library/app", manifest.layers[0]) == LAYER
