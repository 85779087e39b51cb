"""Cassettes as files: what is written is read again, by vcrpy as well."""

from __future__ import annotations

from pathlib import Path

import pytest
import vcr.persisters.filesystem
import vcr.serializers.yamlserializer
import yaml
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import CassetteError, ImageOutputError
from occystrap.oci.digest import Digest
from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Blobs, Body, Incoming
from pytest_occystrap.cassettes.files import blobs_beside, load_cassette, save_cassette
from pytest_occystrap.cassettes.form import (
    Cassette,
    Ending,
    Interaction,
    Provenance,
    RecordedRequest,
    RecordedResponse,
    Timing,
)

LAYER = bytes(range(256)) * 100


def cassette_of(*bodies: bytes) -> Cassette:
    """Make a cassette of a GET for each body."""
    return Cassette(
        tuple(
            Interaction(
                RecordedRequest("GET", f"https://r.test/v2/{n}", Headers({"Accept": "*/*"})),
                RecordedResponse(200, "OK", Headers({"X-A": "1"}), Body.of(each), "HTTP/2"),
                timing=Timing(0.5, 0.125, 1.0),
            )
            for n, each in enumerate(bodies)
        ),
        Provenance("2026-11-25", "distribution 2.8.2", "httpx", "hand", "a test"),
    )


@given(bodies=st.lists(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode))))
def test_any_body_comes_back(bodies: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever bytes a body has, they are read as they were written."""
    path = tmp_path_factory.mktemp("any") / "some.yaml"
    written = save_cassette(cassette_of(*bodies), path)
    read = load_cassette(path)
    assert read == written
    assert [each.response and each.response.body.read() for each in read.interactions] == bodies


def test_order_and_repeats_of_headers_come_back(tmp_path: Path) -> None:
    """Headers keep their order, and one that is there twice is there twice."""
    headers = Headers([("Zebra", "1"), ("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Alpha", "2")])
    answer = RecordedResponse(401, "Unauthorized", headers)
    cassette = Cassette((Interaction(RecordedRequest("GET", "https://r.test/v2/"), answer),))
    save_cassette(cassette, tmp_path / "some.yaml")
    (interaction,) = load_cassette(tmp_path / "some.yaml").interactions
    assert interaction.response is not None
    assert list(interaction.response.headers) == list(headers)


@pytest.mark.parametrize("ending", list(Ending)[1:])
def test_failures_come_back(ending: Ending, tmp_path: Path) -> None:
    """An exchange without an answer, and one with a part of one, are read as they were."""
    request = RecordedRequest("GET", "https://r.test/v2/")
    part = RecordedResponse(200, "OK", Headers({"Content-Length": "9"}), Body.of(b"abc"))
    cassette = Cassette(
        (Interaction(request, None, ending), Interaction(request, part, ending)),
    )
    save_cassette(cassette, tmp_path / "some.yaml")
    assert load_cassette(tmp_path / "some.yaml") == cassette


def test_a_layer_is_stored_once_beside_the_documents(tmp_path: Path) -> None:
    """Binary bodies are files named by digest, shared by all cassettes of the directory."""
    home = tmp_path / "cassettes"
    save_cassette(cassette_of(LAYER, LAYER), home / "one" / "a.yaml")
    save_cassette(cassette_of(LAYER), home / "two" / "b.yaml")
    kept = [path.name for path in (home / "blobs" / "sha256").iterdir()]
    assert kept == [Digest.of(LAYER).encoded]
    document = (home / "one" / "a.yaml").read_text()
    assert f"occystrap body {Digest.of(LAYER)}, {len(LAYER)} bytes" in document


def test_vcrpy_reads_what_is_written(tmp_path: Path) -> None:
    """Plain vcrpy finds each request, and each answer whose body is text."""
    path = tmp_path / "some.yaml"
    save_cassette(cassette_of(b'{"tags": ["1"]}'), path)
    persister = vcr.persisters.filesystem.FilesystemPersister
    requests, responses, *_ = persister.load_cassette(path, vcr.serializers.yamlserializer)
    assert [(each.method, each.uri) for each in requests] == [("GET", "https://r.test/v2/0")]
    assert responses[0]["body"] == {"string": b'{"tags": ["1"]}'}
    assert responses[0]["status"] == {"code": 200, "message": "OK"}


def test_what_vcrpy_writes_is_read(tmp_path: Path) -> None:
    """A cassette that plain vcrpy recorded is one."""
    path = tmp_path / "some.yaml"
    request = vcr.request.Request("PUT", "https://r.test/v2/x", b"\xff\x00", {"A": "1"})
    response = {
        "status": {"code": 201, "message": "Created"},
        "headers": {"Location": ["/v2/x"]},
        "body": {"string": b"\xfe"},
    }
    persister = vcr.persisters.filesystem.FilesystemPersister
    recorded = {"requests": [request], "responses": [response]}
    persister.save_cassette(path, recorded, vcr.serializers.yamlserializer)
    (interaction,) = load_cassette(path).interactions
    assert interaction.request.body.read() == b"\xff\x00"
    assert interaction.response is not None
    assert interaction.response.body.read() == b"\xfe"
    assert interaction.response.headers.get("location") == "/v2/x"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "no YAML"),
        ("just text", "no interactions"),
        ("interactions: 3", "no list of interactions"),
        ("interactions: [3]", "interaction 1"),
        ("interactions: [{request: {method: GET, uri: x}}]", "interaction 1"),
        ("!!python/object:os.system {}", "no YAML"),
        (
            "interactions: [{request: {method: GET, uri: x, body: [1]}, response: {}}]",
            "a body is text or bytes",
        ),
    ],
)
def test_what_is_no_cassette_is_named(text: str, said: str, tmp_path: Path) -> None:
    """The error says which file it is, and what is wrong with it."""
    path = tmp_path / "some.yaml"
    path.write_text(text)
    with pytest.raises(CassetteError, match=r"some\.yaml") as caught:
        load_cassette(path)
    assert said in str(caught.value)


def test_a_missing_cassette_is_named(tmp_path: Path) -> None:
    """The error of a file that isn't there is one of occystrap's."""
    with pytest.raises(CassetteError, match="No such file"):
        load_cassette(tmp_path / "none.yaml")


def test_a_body_that_went_bad_is_noticed(tmp_path: Path) -> None:
    """A file of a body that has other bytes is an error when it is read, as is none."""
    path = tmp_path / "some.yaml"
    save_cassette(cassette_of(LAYER), path)
    kept = blobs_beside(path).path_of(Digest.of(LAYER))
    (interaction,) = load_cassette(path).interactions
    assert interaction.response is not None
    kept.write_bytes(LAYER[:-1] + b"x")
    with pytest.raises(CassetteError, match="corrupt"):
        interaction.response.body.read()
    kept.unlink()
    with pytest.raises(CassetteError, match="No such file"):
        interaction.response.body.read()


def test_a_text_that_looks_like_a_reference_is_not_one(tmp_path: Path) -> None:
    """A body that reads as the name of another one is kept apart, not confused with it."""
    text = f"occystrap body {Digest.of(b'')}, 0 bytes".encode()
    save_cassette(cassette_of(text), tmp_path / "some.yaml")
    (interaction,) = load_cassette(tmp_path / "some.yaml").interactions
    assert interaction.response is not None
    assert interaction.response.body.read() == text


def test_a_document_is_stable(tmp_path: Path) -> None:
    """Writing what was read gives the same file, so that a diff shows what changed."""
    save_cassette(cassette_of(b"a: b\n", LAYER), tmp_path / "a.yaml")
    save_cassette(load_cassette(tmp_path / "a.yaml"), tmp_path / "b.yaml")
    assert (tmp_path / "a.yaml").read_bytes() == (tmp_path / "b.yaml").read_bytes()
    assert list(yaml.safe_load((tmp_path / "a.yaml").read_text())) == [
        "interactions",
        "metadata",
        "version",
    ]


@pytest.mark.parametrize("size", [0, 10, 64 * 1024, 64 * 1024 + 1, 300_000])
def test_a_body_that_comes_in_pieces(size: int, tmp_path: Path) -> None:
    """What comes in is a body of the same bytes, however large."""
    content = (LAYER * 20)[:size]
    incoming = Incoming(tmp_path)
    for start in range(0, size, 7000):
        incoming.write(content[start : start + 7000])
    body = incoming.finish()
    assert (body, body.read()) == (Body.of(content), content)
    assert Blobs(tmp_path / "kept").keep(body).read() == content


def test_a_directory_that_can_not_be_made(tmp_path: Path) -> None:
    """The error is one of occystrap's, and names the file."""
    (tmp_path / "file").touch()
    with pytest.raises(ImageOutputError, match="can't write"):
        save_cassette(cassette_of(b"x"), tmp_path / "file" / "some.yaml")
