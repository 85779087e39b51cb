"""The gate: what it finds, how it says so, and what it lets pass."""

from __future__ import annotations

import base64
import gzip
import json
import os
from pathlib import Path
from random import Random

import pytest
import vcr
import vcr.persisters.filesystem
import vcr.serializers.yamlserializer

from occystrap.errors import SecretFound
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Body, Incoming
from pytest_occystrap.cassettes.files import load_cassette, save_cassette
from pytest_occystrap.cassettes.form import (
    Cassette,
    Interaction,
    RecordedRequest,
    RecordedResponse,
)
from pytest_occystrap.cassettes.gate import RULES, find_secrets
from pytest_occystrap.cassettes.streams import scan
from pytest_occystrap.cassettes.vault import Lookout
from tests.support.secret_content import content, layer_of
from tests.support.secret_places import Place, answer, ask, document, header, one, signed, url
from tests.support.secrets_made_up import RANDOM, SHAPED

ROOT = Path(__file__).resolve().parents[3]
DICE = Random(5)  # noqa: S311 - it has to be the same each time
SECRET = RANDOM["base64url-43"](DICE)
TOKEN = SHAPED["github-classic"](DICE)
NOTHING = Lookout()


@pytest.mark.parametrize(
    ("cassette", "finding"),
    [
        (header("Authorization", "Bearer {}".format), "request header Authorization: credentials"),
        (header("X-Thing"), "request header X-Thing: unknown name"),
        (header("Cookie", "a={}".format), "request header Cookie, cookie a: cookie"),
        (signed(sig="*"), "request URL, parameter sig: named secret"),
        (signed(thing="*"), "request URL, parameter thing: unknown name"),
        (url("https://r.example/?{}".format), "request URL, parameter: unknown name"),
        (url("https://r.example/{}/x".format), "request URL, path: random text"),
        (document(lambda it: {"token": it}), "response body, field token: named secret"),
        (document(lambda it: {"data": it}), "response body, field data: random text"),
        (
            lambda it: one(ask("https://r.example/x", body=f"password={it}".encode())),
            "request body, parameter password: named secret",
        ),
        (lambda _: one(ask("https://r.corp.local/")), "request URL, host: internal host"),
        (
            lambda _: one(ask("https://r.example", ("From", "joe@acme.org"))),
            "request header From: e-mail address",
        ),
        (document(lambda _: {"a": "joe@acme.org"}), "response body, field a: e-mail address"),
        (
            lambda _: one(answer(("Content-Encoding", "br"), body=b"\x0b\x80\xff\xff\x03")),
            "response body: unknown content coding",
        ),
        (
            content(lambda _: json.dumps({"a": TOKEN}).encode()),
            "response body, character 7: github",
        ),
        (content(lambda _: b"\xff" * 99 + TOKEN.encode()), "response body, byte 99: github"),
        (
            content(lambda _: json.dumps({"Env": ["API_TOKEN=a1b2c3d4e5"]}).encode()),
            "response body, field Env, API_TOKEN: named secret",
        ),
    ],
)
def test_place_and_rule(cassette: Place, finding: str) -> None:
    """They are said of each finding, and the value never is."""
    found = [str(each) for each in find_secrets(cassette(SECRET))]
    assert [each for each in found if each.endswith(finding)], found
    assert {each.rule for each in find_secrets(cassette(SECRET))} <= RULES.keys()
    assert SECRET not in "".join(found)
    assert TOKEN not in "".join(found)


def test_a_place_in_what_is_packed() -> None:
    """The offset is one in the tar, whatever the layer is packed with."""
    plain = layer_of(TOKEN, "")
    packed = [content(lambda it: layer_of(it, "gzip")), content(lambda it: layer_of(it, "zstd"))]
    for make in packed:
        (finding,) = find_secrets(make(TOKEN))
        place = f"byte {plain.index(TOKEN.encode())} of what it inflates to"
        assert finding.place == f"interaction 1, response body, {place}"


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_a_secret_that_two_pieces_share(cut: int) -> None:
    """Wherever a body is cut, it is found, and once."""
    before = os.urandom(4096)
    whole = before + b"\n" + TOKEN.encode() + b"\n" + os.urandom(4096)
    middle = len(before) + 1 + cut
    assert list(scan([whole[:middle], whole[middle:]], NOTHING)) == [("github", "byte 4097")]
    assert list(scan([bytes([byte]) for byte in whole[4000:4200]], NOTHING)) == [
        ("github", "byte 97")
    ]


def test_so_much_is_inflated_and_no_more() -> None:
    """A bomb is no reason to wait, and what comes before the bound is looked at."""
    bomb = gzip.compress(TOKEN.encode() + b"\n" + b"\0" * 4_000_000 + TOKEN.encode())
    expected = [("github", "byte 0 of what it inflates to")]
    assert list(scan([bomb], NOTHING, limit=1_000_000)) == expected
    assert len(list(scan([bomb], NOTHING))) == 2


def test_dice_are_no_secret() -> None:
    """Random bytes, as compressed or encrypted data is, hold no shape."""
    assert list(scan([os.urandom(1_000_000) for _ in range(8)], NOTHING)) == []


def test_a_secret_that_is_known_is_found_in_a_blob(tmp_path: Path) -> None:
    """The token of a request isn't in a layer by chance, though it has no shape."""
    layer = content(lambda it: layer_of(it, "gzip"))(SECRET)
    bearer = header("Authorization", "Bearer {}".format)(SECRET)
    save_cassette(layer, tmp_path / "alone.yaml")
    both = Cassette((*bearer.interactions, *layer.interactions))
    with pytest.raises(SecretFound, match="secret of another place"):
        save_cassette(both, tmp_path / "both.yaml")


CONFIG = {
    "architecture": "amd64",
    "config": {
        "Env": [
            "PATH=/usr/local/sbin:/usr/local/bin",
            "GPG_KEY=E3FF2839C048B25C084DEBE9B26995E310250568",
            "PYTHON_SHA256=c30bb24b7f1e9a19b11b55a546434f74e739bb4c271a3e3a80ff4380d49f7adb",
            "GOTOOLCHAIN=local",
            "AUTH_TYPE=basic",
            "TOKEN_FILE=/run/secrets/token2",
            "PASSWORD=",
        ],
        "Labels": {
            "maintainer": "NGINX Docker Maintainers <docker-maint@nginx.com>",
            "org.opencontainers.image.revision": "a9fb4d6e6d4bd4f8a9fb4d6e6d4bd4f8a9fb4d6e",
            "url": "https://git.corp.internal/x",
        },
    },
    "history": [{"created_by": f"/bin/sh -c #(nop) ADD file:{'0af1' * 16} in / "}],
    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{'a1' * 32}"]},
}
SIGNATURE = base64.b64encode(bytes(range(70))).decode()
SIGNED = {
    "schemaVersion": 1,
    "annotations": {"dev.cosignproject.cosign/signature": SIGNATURE},
    "signatures": [{"header": {"jwk": {"x": SIGNATURE}}, "signature": SIGNATURE}],
}


@pytest.mark.parametrize("body", [CONFIG, SIGNED])
def test_what_images_are_made_of(body: object, tmp_path: Path) -> None:
    """Fingerprints, checksums, signatures and maintainers are no secrets of a document."""
    cassette = content(lambda _: json.dumps(body).encode())("")
    assert save_cassette(cassette, tmp_path / "some.yaml") == cassette


def test_what_vcrpy_wrote_is_refused(tmp_path: Path) -> None:
    """The error says where, by which rule, and with what it can be scrubbed."""
    path = tmp_path / "some.yaml"
    request = vcr.request.Request(
        "GET", "https://r.example/v2/", b"", {"Authorization": f"Bearer {SECRET}"}
    )
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b""}}
    vcr.persisters.filesystem.FilesystemPersister.save_cassette(
        path, {"requests": [request], "responses": [response]}, vcr.serializers.yamlserializer
    )
    with pytest.raises(SecretFound) as caught:
        load_cassette(path)
    assert caught.value.findings == ("interaction 1, request header Authorization: credentials",)
    assert f"occystrap cassette scrub {path}" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_what_is_refused_leaves_what_was_there(tmp_path: Path) -> None:
    """Neither the cassette nor a body is written, not even those that are clean."""
    path = tmp_path / "some.yaml"
    clean = content(lambda _: b"\0\xff" * 99)("")
    save_cassette(clean, path)
    before = {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")}
    other = content(lambda _: b"\xff\0" * 999)("")
    refused = content(lambda it: layer_of(it, "gzip"))(TOKEN)
    with pytest.raises(SecretFound):
        save_cassette(Cassette((*other.interactions, *refused.interactions)), path)
    assert {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")} == before


def test_a_large_body_is_looked_through_in_its_file(tmp_path: Path) -> None:
    """Piece by piece, to its end."""
    incoming = Incoming(tmp_path)
    for _ in range(30):
        incoming.write(os.urandom(500_000))
    incoming.write(b"\n" + TOKEN.encode())
    body = incoming.finish()
    request = RecordedRequest("GET", f"https://r.example/v2/a/blobs/{body.digest}")
    response = RecordedResponse(200, "OK", Headers(), body)
    (finding,) = find_secrets(one(Interaction(request, response)))
    assert str(finding) == "interaction 1, response body, byte 15000001: github"


def test_a_text_that_is_too_large_to_scrub_is_looked_through(tmp_path: Path) -> None:
    """What can't be replaced in it is refused."""
    words = b'{"name": "app", "description": "Sample application"}\n' * 180_000
    body = Body.of(words + json.dumps({"a": TOKEN}).encode())
    request = RecordedRequest("GET", "https://r.example/list")
    with pytest.raises(SecretFound, match=f"byte {len(words) + 7}: github"):
        save_cassette(
            one(Interaction(request, RecordedResponse(200, "OK", Headers(), body))),
            tmp_path / "some.yaml",
        )
