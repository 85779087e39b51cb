"""skopeo with a fake registry: every format in and out, over TLS, with logins, with redirects."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pytest_occystrap.fake import FakeRegistry
from pytest_occystrap.plugin import MakeRegistry
from tests.support.archives import docker_save, oci_layout
from tests.support.images import SampleImage
from tests.support.pushed import assert_complete
from tests.support.skopeo import Skopeo


class Reached:
    """A fake registry as skopeo reaches it: under what name, and with what options."""

    def __init__(self, registry: FakeRegistry, scheme: str, name: str) -> None:
        host = registry.host if scheme == "http" else registry.https_host
        self.image = f"docker://{host}/{name}"
        self.repository = self.image.rpartition(":")[0]
        trust = "tls-verify=false" if scheme == "http" else f"cert-dir={registry.cert_dir}"
        login = [f"creds={user}:{password}" for user, password in registry.accounts.items()]
        self.options = [trust, *(login if registry.options.auth in {"basic", "bearer"} else [])]

    def access(self, side: str = "") -> list[str]:
        """Return the options for the registry as a source, as a destination or alone."""
        return [f"--{side}{option}" for option in self.options]


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    """Either door."""
    return str(request.param)


@pytest.fixture
def archive(tmp_path: Path, sample: SampleImage) -> str:
    """What `docker save` makes of the image, as skopeo names it."""
    path = tmp_path / "saved.tar"
    path.write_bytes(docker_save(sample))
    return f"docker-archive:{path}"


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive", "oci", "dir"])
def test_every_format_goes_in_and_out(
    fake_registry: FakeRegistry,
    skopeo: Skopeo,
    sample: SampleImage,
    tmp_path: Path,
    scheme: str,
    kind: str,
) -> None:
    """The image is complete in the registry, and again where it is pulled to."""
    saved, there = tmp_path / "saved.tar", Reached(fake_registry, scheme, "a/b:v1")
    saved.write_bytes(oci_layout(sample.named("v1")))
    tag = "" if kind == "dir" else ":v1" if kind.startswith("oci") else ":a/b:v1"
    before, after = (f"{kind}:{tmp_path}/{name}{tag}" for name in ("before", "after"))
    skopeo("copy", f"oci-archive:{saved}:v1", before)
    skopeo("copy", *there.access("dest-"), before, there.image)
    assert_complete(fake_registry, "a/b:v1", sample)
    skopeo("copy", *there.access("src-"), there.image, after)
    fake_registry.assert_pulled("a/b:v1")
    assert skopeo("inspect", "--config", "--raw", after) == sample.config


@pytest.mark.parametrize("redirects", [False, True])
@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_logins_and_redirects(
    make_registry: MakeRegistry,
    skopeo: Skopeo,
    sample: SampleImage,
    archive: str,
    tmp_path: Path,
    scheme: str,
    auth: str,
    redirects: bool,
) -> None:
    """Credentials stay at the registry, blobs may come from elsewhere; over TLS as without."""
    registry = make_registry(auth=auth, private=True, redirects=redirects)
    there = Reached(registry, scheme, "a/b:v1")
    skopeo("copy", *there.access("dest-"), archive, there.image)
    assert_complete(registry, "a/b:v1", sample)
    registry.clear_requests()
    manifest = skopeo.unpack(there.image, tmp_path / "pulled", *there.access("src-"))
    assert manifest["config"]["digest"] == f"sha256:{sample.config_hex}"
    registry.assert_pulled("a/b:v1")
    assert ("storage" in {exchange.part for exchange in registry.requests}) is redirects
    assert {exchange.scheme for exchange in registry.requests} == {scheme}


def test_a_token_serves_for_all_of_a_push(
    make_registry: MakeRegistry, skopeo: Skopeo, archive: str
) -> None:
    """It isn't taken for expired at once, which would cost a question for each request."""
    registry = make_registry(auth="bearer")
    there = Reached(registry, "http", "a/b:v1")
    skopeo("copy", *there.access("dest-"), archive, there.image)
    # Six layers are sent side by side, and those that begin together ask for one each: to push,
    # and to look in another repository.
    most_tokens = 6 * 2
    assert 1 <= len(registry.issued_tokens) <= most_tokens
    with_token = [one for one in registry.requests if "Authorization" in one.headers]
    assert len(with_token) > most_tokens


def test_images_are_looked_at_listed_and_deleted(
    fake_registry: FakeRegistry, skopeo: Skopeo, scheme: str
) -> None:
    """What skopeo tells is what the test has put there."""
    image = fake_registry.add_image("a/b:v1", config={"Labels": {"x": "y"}})
    fake_registry.add_image("a/b:v2", platform="linux/arm64")
    there = Reached(fake_registry, scheme, "a/b:v1")
    seen = json.loads(skopeo("inspect", *there.access(), there.image))
    assert (seen["Digest"], seen["Labels"]) == (image.digest, {"x": "y"})
    assert seen["RepoTags"] == ["v1", "v2"]
    assert seen["Layers"] == [layer.digest for layer in image.layers]
    listed = json.loads(skopeo("list-tags", *there.access(), there.repository))
    assert listed["Tags"] == ["v1", "v2"]
    skopeo("delete", *there.access(), there.image)
    assert fake_registry.tags("a/b") == ["v2"]


def test_an_index_is_copied_whole(
    fake_registry: FakeRegistry, skopeo: Skopeo, scheme: str, tmp_path: Path
) -> None:
    """With all of its images, within the registry and out of it, digests as they were."""
    images = {
        "linux/amd64": fake_registry.add_image("a/b:1"),
        "linux/arm64/v8": fake_registry.add_image(
            "a/b:2", platform="linux/arm64/v8", compression="zstd"
        ),
    }
    index = fake_registry.add_index("a/b:all", images)
    there, copy = (Reached(fake_registry, scheme, name) for name in ("a/b:all", "c/d:all"))
    both = [*there.access("src-"), *copy.access("dest-")]
    skopeo("copy", "--all", "--preserve-digests", *both, there.image, copy.image)
    fake_registry.assert_pushed("c/d:all")
    assert fake_registry.image("c/d:all").manifest.raw == index.manifest.raw
    assert fake_registry.image("c/d:all").images.keys() == images.keys()
    manifest = skopeo.unpack(copy.image, tmp_path / "out", "--all", *there.access("src-"))
    assert manifest == index.manifest


def test_strangers_are_told_why(make_registry: MakeRegistry, archive: str, skopeo: Skopeo) -> None:
    """Those who don't know the authority, those without a password, and those with a wrong one."""
    registry = make_registry(auth="basic")
    plain, secure = (Reached(registry, scheme, "a/b:v1").image for scheme in ("http", "https"))
    trust = [f"--dest-cert-dir={registry.cert_dir}"]
    for options, name, expected in (
        (["--dest-creds=a:b"], secure, b"certificate signed by unknown authority"),
        (trust, secure, b"unauthorized: authentication required"),
        ([*trust, "--dest-creds=a:b"], secure, b"unauthorized: authentication required"),
        (["--dest-creds=a:b"], plain, b"server gave HTTP response to HTTPS client"),
    ):
        command = [skopeo.program, "copy", *options, archive, name]
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode != 0
        assert expected in done.stderr
    assert registry.images == []
