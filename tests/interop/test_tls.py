"""TLS with an authority of one's own, against a docker-registry that speaks it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.command import Occystrap
from tests.support.debian_registry import DebianRegistry, ServerTLS, StartDebianRegistry
from tests.support.skopeo import Skopeo

IMAGE = "some/image:v1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority."""
    return Authority(tmp_path / "authority")


@pytest.fixture
def registry(start_debian_registry: StartDebianRegistry, authority: Authority) -> DebianRegistry:
    """A registry that the authority has certified, without images."""
    return start_debian_registry(tls=ServerTLS(authority.issue("127.0.0.1")))


@pytest.fixture
def choosy(start_debian_registry: StartDebianRegistry, authority: Authority) -> DebianRegistry:
    """A registry that lets in only clients that the authority has certified."""
    return start_debian_registry(tls=ServerTLS(authority.issue("127.0.0.1"), authority.file))


def test_an_authority_that_is_named_is_trusted(
    occystrap: Occystrap, registry: DebianRegistry, authority: Authority, archive: Path
) -> None:
    """With --ca-file, or its variable, images go there and come back."""
    occystrap.succeed(
        *("--ca-file", str(authority.file)),
        *("process", f"tar://{archive}", registry.uri(IMAGE)),
    )
    occystrap.succeed(
        *("process", registry.uri(IMAGE), f"tar://{archive.with_name('again.tar')}"),
        environ={"OCCYSTRAP_CA_FILE": str(authority.file)},
    )


def test_an_authority_that_nobody_knows_is_one_line(
    occystrap: Occystrap, registry: DebianRegistry, tmp_path: Path
) -> None:
    """It says what is wrong with the certificate and names both ways out, at once."""
    line = occystrap.fail("process", registry.uri(IMAGE), f"tar://{tmp_path}/image.tar")
    assert f"https://{registry.host}/" in line
    assert "certificate is not trusted" in line
    assert "--ca-file" in line
    assert "--skip-verify" in line
    assert "attempts" not in line


def test_certificates_are_not_checked_when_told(
    occystrap: Occystrap, registry: DebianRegistry, archive: Path
) -> None:
    """--skip-verify takes any, and so does the option of a URI."""
    source = f"tar://{archive}"
    occystrap.succeed("--skip-verify", "process", source, registry.uri(IMAGE))
    occystrap.succeed("process", source, f"{registry.uri(IMAGE)}?skip_verify=true")


@pytest.mark.parametrize(
    ("name", "year", "expected"),
    [("registry.example", 2100, "IP address mismatch"), ("127.0.0.1", 2020, "has expired")],
)
def test_a_certificate_that_is_wrong_is_one_line(
    occystrap: Occystrap,
    start_debian_registry: StartDebianRegistry,
    authority: Authority,
    tmp_path: Path,
    name: str,
    year: int,
    expected: str,
) -> None:
    """For another host, or too old: the line says which, though the authority is trusted."""
    certificate = authority.issue(name, not_after=datetime(year, 1, 1, tzinfo=UTC))
    registry = start_debian_registry(tls=ServerTLS(certificate))
    line = occystrap.fail(
        *("--ca-file", str(authority.file)),
        *("process", registry.uri(IMAGE), f"tar://{tmp_path}/image.tar"),
    )
    assert expected in line


def test_a_client_certificate_opens_the_registry(
    occystrap: Occystrap,
    skopeo: Skopeo,
    choosy: DebianRegistry,
    authority: Authority,
    archive: Path,
    tmp_path: Path,
) -> None:
    """Given by options or by a URI; skopeo, with the same certificate, finds the image."""
    client = authority.issue("client@example.com")
    files = {"ca_file": authority.file, "cert": client.file, "key": client.key}
    options = [
        word for name, path in files.items() for word in (f"--{name.replace('_', '-')}", str(path))
    ]
    occystrap.succeed(*options, "process", f"tar://{archive}", choosy.uri(IMAGE))
    query = "&".join(f"{name}={path}" for name, path in files.items())
    again = tmp_path / "again.tar"
    occystrap.succeed("process", f"{choosy.uri(IMAGE)}?{query}", f"tar://{again}")
    directory = tmp_path / "cert.d"
    directory.mkdir()
    for path, name in zip(files.values(), ("ca.crt", "client.cert", "client.key"), strict=True):
        shutil.copy(path, directory / name)
    assert skopeo("inspect", f"--cert-dir={directory}", f"docker://{choosy.host}/{IMAGE}")


def test_a_client_without_a_certificate_is_told(
    occystrap: Occystrap, choosy: DebianRegistry, authority: Authority, tmp_path: Path
) -> None:
    """The line says that the registry wants one, and how to give it."""
    line = occystrap.fail(
        *("--ca-file", str(authority.file)),
        *("process", choosy.uri(IMAGE), f"tar://{tmp_path}/image.tar"),
    )
    assert "it wants a client certificate: --cert and --key" in line
    assert "attempts" not in line


def test_a_client_with_a_strange_certificate_is_told(
    occystrap: Occystrap, choosy: DebianRegistry, authority: Authority, tmp_path: Path
) -> None:
    """The line says that it is the client's certificate that the registry doesn't take."""
    stranger = Authority(tmp_path / "stranger").issue("client@example.com")
    line = occystrap.fail(
        *("--ca-file", str(authority.file)),
        *("--cert", str(stranger.file), "--key", str(stranger.key)),
        *("process", choosy.uri(IMAGE), f"tar://{tmp_path}/image.tar"),
    )
    assert "client certificate" in line
    assert "attempts" not in line


def test_each_side_has_its_own_authority(
    occystrap: Occystrap,
    start_debian_registry: StartDebianRegistry,
    registry: DebianRegistry,
    authority: Authority,
    archive: Path,
    tmp_path: Path,
) -> None:
    """What a URI trusts, the other side of the pipeline doesn't."""
    other = Authority(tmp_path / "other")
    target = start_debian_registry(tls=ServerTLS(other.issue("127.0.0.1")))
    here = f"{registry.uri(IMAGE)}?ca_file={authority.file}"
    occystrap.succeed("process", f"tar://{archive}", here)
    occystrap.succeed("process", here, f"{target.uri(IMAGE)}?ca_file={other.file}")
    line = occystrap.fail("process", here, target.uri(IMAGE))
    assert target.host in line
    assert "--ca-file" in line


def test_plain_http_where_tls_is_spoken_is_one_line(
    occystrap: Occystrap, registry: DebianRegistry, tmp_path: Path
) -> None:
    """The registry answers 400 and says why, which is passed on."""
    target = f"tar://{tmp_path}/image.tar"
    line = occystrap.fail("--insecure", "process", registry.uri(IMAGE), target)
    assert "400 Bad Request" in line
    assert "HTTPS" in line


def test_tls_where_plain_http_is_spoken_is_one_line(
    occystrap: Occystrap, debian_registry: DebianRegistry, tmp_path: Path
) -> None:
    """The line names --insecure."""
    line = occystrap.fail("process", debian_registry.uri(IMAGE), f"tar://{tmp_path}/image.tar")
    assert "--insecure" in line
    assert "attempts" not in line
