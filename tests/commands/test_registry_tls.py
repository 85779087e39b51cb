"""`occystrap registry serve --tls`, and which HTTP it speaks."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from occystrap.main import cli
from tests.support.certificates import Authority
from tests.support.serving import printed, running
from tests.support.wire import Wire


def version_of(url: str, context: ssl.SSLContext) -> str:
    """Ask as a client that speaks every version, and tell which one was spoken."""
    with httpx.Client(verify=context, http2=True, trust_env=False) as client:
        answer = client.get(f"{url}/v2/")
        assert answer.status_code == 200
        return answer.http_version


@pytest.mark.parametrize(
    ("options", "version"),
    [([], "HTTP/2"), (["--http2"], "HTTP/2"), (["--no-http2"], "HTTP/1.1")],
)
def test_a_certificate_made_for_the_run(options: list[str], version: str) -> None:
    """Who trusts the CA that is printed can push and pull; it is gone with the run."""
    with running("--tls", *options) as (process, url):
        assert url.startswith("https://")
        ca_file = Path(printed(process, "CA certificate"))
        context = ssl.create_default_context(cafile=ca_file)
        assert version_of(url, context) == version
        assert version_of(url.replace("127.0.0.1", "localhost"), context) == version
        with httpx.Client(base_url=url, verify=context, trust_env=False) as client:
            manifest = Wire(client).put_image("a/b", "v1", b"layer")
            assert Wire(client).get_manifest("a/b", "v1").content == manifest
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{url}/v2/", trust_env=False)
        process.terminate()
        assert process.wait(20) == 0
    assert not ca_file.exists()


def test_skopeo_pulls_over_tls(skopeo: str, tmp_path: Path) -> None:
    """It is pointed to the directory that the CA is in."""
    with running("--tls") as (process, url):
        ca_file = Path(printed(process, "CA certificate"))
        context = ssl.create_default_context(cafile=ca_file)
        with httpx.Client(base_url=url, verify=context, trust_env=False) as client:
            Wire(client).put_image("a/b", "v1", b"layer")
        source = f"docker://{url.removeprefix('https://')}/a/b:v1"
        copy = ["copy", "--src-cert-dir", str(ca_file.parent), source, f"dir:{tmp_path}/out"]
        subprocess.run([skopeo, *copy], check=True, capture_output=True)
    assert (tmp_path / "out/manifest.json").exists()


@pytest.mark.parametrize("one_file", [True, False])
def test_a_certificate_of_one_s_own(tmp_path: Path, one_file: bool) -> None:
    """With its key in the same file or in another."""
    authority = Authority(tmp_path / "authority")
    certificate = authority.issue("127.0.0.1")
    options = ["--tls-cert", str(certificate.file), "--tls-key", str(certificate.key)]
    if one_file:
        with certificate.file.open("ab") as file:
            file.write(certificate.key.read_bytes())
        options = options[:2]
    with running(*options) as (_, url):
        assert version_of(url, ssl.create_default_context(cafile=authority.file)) == "HTTP/2"


def test_http2_without_tls() -> None:
    """For clients that know beforehand, unless it is turned off."""
    known = httpx.Client(http1=False, http2=True, trust_env=False)
    with known as client, running() as (_, url):
        assert client.get(f"{url}/v2/").http_version == "HTTP/2"
    known = httpx.Client(http1=False, http2=True, trust_env=False)
    refusal = pytest.raises(httpx.RemoteProtocolError)
    with known as client, running("--no-http2") as (_, url), refusal:
        client.get(f"{url}/v2/")


def refused(*options: str) -> str:
    """Run it with options that it can't serve with; return the one line that it says."""
    result = CliRunner().invoke(cli, ["registry", "serve", "--listen=127.0.0.1:0", *options])
    assert result.exit_code == 1, result.output
    (line,) = result.output.splitlines()
    return line


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    """One line that names the file; a key alone is no certificate, and one is never asked for."""
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    assert f"can't use the certificate {junk}: " in refused("--tls-cert", str(junk))
    assert "--tls-cert is missing" in refused("--tls-key", str(junk))
    locked = tmp_path / "locked.pem"
    certificate = Authority(tmp_path / "authority").issue("127.0.0.1")
    command = ["openssl", "pkey", "-in", str(certificate.key), "-aes256", "-passout", "pass:hush"]
    subprocess.run([*command, "-out", str(locked)], check=True)
    options = ("--tls-cert", str(certificate.file), "--tls-key", str(locked))
    assert f"can't use the certificate {certificate.file}: " in refused(*options)
