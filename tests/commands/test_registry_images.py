"""`occystrap registry serve --image`: what a registry begins with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from occystrap.client.registry import RegistryClient
from occystrap.commands.seeding import sow
from occystrap.commands.serve_values import Seed
from occystrap.main import cli
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Manifest
from occystrap.server.registry import Registry
from tests.support import archives
from tests.support.images import SampleImage, layer, make_image, varied_image
from tests.support.serving import running

VARIED = varied_image()


@pytest.fixture
def tarball(tmp_path: Path) -> Callable[[bytes], str]:
    """Write a tarball."""

    def write(content: bytes) -> str:
        path = tmp_path / "image.tar"
        path.write_bytes(content)
        return str(path)

    return write


def config_of(registry: Registry, repository: str, tag: str) -> str:
    """Look up what a tag is the name of, by the digest of its config."""
    digest = registry.store.tagged(repository, tag)
    assert digest is not None
    manifest = registry.store.manifest(repository, digest)
    assert isinstance(manifest, Manifest)
    return manifest.config.digest.encoded


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["busybox:1"], ["busybox:1"]),
        (["busybox:1", "demo/app:latest"], ["busybox:1", "demo/app:latest"]),
        (["docker.io/library/busybox:1"], ["busybox:1"]),
        (["quay.io/org/app:2"], ["org/app:2"]),
        (["localhost:5000/org/app:2"], ["org/app:2"]),
    ],
)
@pytest.mark.parametrize("save", [archives.docker_legacy_save, archives.podman_save])
def test_images_are_there_under_their_names(
    tarball: Callable[[bytes], str],
    save: Callable[[SampleImage], bytes],
    names: list[str],
    expected: list[str],
) -> None:
    """All that the tarball has, as Docker writes them, without the registry that they are from."""
    registry = Registry()
    assert list(sow(registry, [Seed(tarball(save(VARIED.named(*names))))])) == expected
    for name in expected:
        assert config_of(registry, *name.split(":")) == VARIED.config_hex


def test_a_name_of_one_s_own(tarball: Callable[[bytes], str]) -> None:
    """It replaces those of the tarball, and is needed when there are none."""
    registry = Registry()
    path = tarball(archives.docker_save(VARIED))
    assert list(sow(registry, [Seed(path, "a/b:c"), Seed(path, "plain")])) == [
        "a/b:c",
        "plain:latest",
    ]
    assert config_of(registry, "plain", "latest") == VARIED.config_hex
    assert sorted(registry.store.repositories()) == ["a/b", "plain"]


def test_an_oci_layout_keeps_its_digests(tarball: Callable[[bytes], str]) -> None:
    """Its manifest comes in byte for byte."""
    image = make_image(layer(), names=["example/app:1.0"])
    registry = Registry()
    assert list(sow(registry, [Seed(tarball(archives.oci_layout(image)), "a:1")])) == ["a:1"]
    assert config_of(registry, "a", "1") == image.config_hex


def saved_together(*images: SampleImage) -> bytes:
    """Save several images as `docker save` does."""
    documents, entries = list[object](), list[tuple[str, bytes | str]]()
    for image in images:
        layers = [
            (f"{digest}.tar", tar) for digest, tar in zip(image.diff_ids, image.layers, strict=True)
        ]
        entries += [(image.config_hex, image.config), *layers]
        paths = [path for path, _ in layers]
        documents.append(
            {"Config": image.config_hex, "RepoTags": list(image.names), "Layers": paths}
        )
    return archives.tar_of([*entries, ("manifest.json", json.dumps(documents).encode())])


def test_every_image_of_a_tarball(tarball: Callable[[bytes], str]) -> None:
    """They come in one after another."""
    first, second = VARIED.named("app:1"), make_image(layer(), names=["app:2", "other:latest"])
    registry = Registry()
    found = list(sow(registry, [Seed(tarball(saved_together(first, second)))]))
    assert found == ["app:1", "app:2", "other:latest"]
    assert config_of(registry, "app", "1") == first.config_hex
    assert config_of(registry, "other", "latest") == second.config_hex


def test_it_serves_what_it_was_given(tarball: Callable[[bytes], str]) -> None:
    """Also behind a gate; the names are printed, ready to be pulled."""
    path = tarball(archives.docker_save(VARIED.named("demo:1")))
    options = ("--auth", "bearer", "--image", path, "--image", f"other/demo:2={path}")
    with running(*options) as (process, url):
        host = url.partition("://")[2]
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        assert lines == [f"  {host}/demo:1\n", f"  {host}/other/demo:2\n"]
        with RegistryClient(host, secure=False) as client:
            manifest = client.get_manifest("other/demo", "2")
            assert isinstance(manifest, Manifest)
            assert manifest.config.digest == Digest("sha256", VARIED.config_hex)


def test_a_file_with_an_equals_sign_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it is there; otherwise what stands before the sign is a name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b.tar").write_bytes(b"")
    assert "a=b.tar" in refused("a=b.tar")
    assert "can't read c.tar: No such file" in refused("a=c.tar")


def refused(image: str) -> str:
    """Run it with an image that it can't begin with; return what it says."""
    result = CliRunner().invoke(
        cli, ["registry", "serve", "--listen=127.0.0.1:0", "--image", image]
    )
    assert result.exit_code in (1, 2), result.output
    return result.output.splitlines()[-1]


@pytest.mark.parametrize("name", ["A:1", "a:", "a@b", f"a@sha256:{'0' * 64}"])
def test_a_name_that_is_none(tarball: Callable[[bytes], str], name: str) -> None:
    """It is said before anything is read."""
    assert "is no name of an image" in refused(f"{name}={tarball(b'')}")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"junk" * 200, "is no readable tar file"),
        (archives.tar_of([("file", b"")]), "does not appear to be a valid docker save tarball"),
        (archives.docker_legacy_save(VARIED.named()), "give it one: --image NAME="),
        (archives.tar_of([("manifest.json", b"[]")]), "give it one: --image NAME="),
        (archives.tar_of([("index.json", b"{")]), "is not JSON"),
    ],
)
def test_a_tarball_without_an_image(
    tarball: Callable[[bytes], str], content: bytes, expected: str
) -> None:
    """One line, with the file and what to do."""
    path = tarball(content)
    line = refused(path)
    assert path in line
    assert expected in line
