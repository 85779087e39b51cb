"""What vcrpy hands about, made of cassettes and made into them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import vcr
from vcr.persisters.filesystem import CassetteNotFoundError, FilesystemPersister
from vcr.request import Request
from vcr.serializers import yamlserializer

from occystrap.errors import CassetteError
from occystrap.server.message import Headers
from pytest_occystrap import occystrap_vcr
from pytest_occystrap.cassettes.bodies import Body
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
from pytest_occystrap.cassettes.vcrpy.values import from_cassette, to_cassette

LAYER = bytes(range(256)) * 400


def exchange(url: str, body: bytes = LAYER, ending: Ending = Ending.COMPLETE) -> Interaction:
    """Make one whose headers come twice."""
    headers = Headers([("B", "1"), ("A", "2"), ("B", "3")])
    request = RecordedRequest("POST", url, Headers({"A": "1"}), Body.of(body))
    response = RecordedResponse(201, "Created", headers, Body.of(body), "HTTP/2")
    return Interaction(request, response, ending, Timing(1.0, 0.25, 0.5), "a note")


def answer_to(machine: vcr.VCR, path: Path, interaction: Interaction) -> dict[str, Any]:
    """Play the answer to a recorded request."""
    request = interaction.request
    with machine.use_cassette(path, record_mode="none") as cassette:
        made = Request(request.method, request.url, request.body.read(), dict(request.headers))
        answer: dict[str, Any] = cassette.play_response(made)
        return answer


def test_all_that_is_known_goes_there_and_back() -> None:
    """Version, times, ending and note stay with an exchange while vcrpy has it."""
    unanswered = Interaction(RecordedRequest("GET", "http://r.test/"), None, Ending.REFUSED)
    whole = exchange("http://r.test/v2/")
    partial = exchange("http://r.test/v2/", b"ab", Ending.RESET)
    cassette = Cassette((whole, partial, unanswered), Provenance(by="x"), {"mine": 1})
    requests, answers = from_cassette(cassette)
    recorded = {"requests": requests, "responses": answers, "metadata": {"mine": 1}}
    back = to_cassette(copy.deepcopy(recorded), cassette.provenance)
    assert [each.response for each in back.interactions] == [
        each.response
        and each.response.__class__(
            each.response.status,
            each.response.reason,
            Headers([("B", "1"), ("B", "3"), ("A", "2")]),  # vcrpy keeps those of a name together
            each.response.body,
            each.response.http_version,
        )
        for each in cassette.interactions
    ]
    assert [each.request for each in back.interactions] == [
        each.request for each in cassette.interactions
    ]
    assert [(each.ending, each.timing, each.note) for each in back.interactions] == [
        (each.ending, each.timing, each.note) for each in cassette.interactions
    ]
    assert back.metadata == {"mine": 1}


def test_a_failure_is_told_as_vcrpy_can(tmp_path: Path) -> None:
    """Vcrpy knows no failures, so one without an answer is an answer of a bad gateway."""
    refused = Interaction(RecordedRequest("GET", "http://r.test/"), None, Ending.REFUSED)
    save_cassette(Cassette((refused,)), tmp_path / "a.yaml")
    answer = answer_to(occystrap_vcr(), tmp_path / "a.yaml", refused)
    assert answer["status"] == {"code": 502, "message": "Bad Gateway"}


def test_a_body_is_read_when_it_is_played(tmp_path: Path) -> None:
    """A cassette opens without its layers, and what isn't there is told by who needs it."""
    path = tmp_path / "a.yaml"
    small, large = exchange("http://r.test/small", b"{}"), exchange("http://r.test/large")
    save_cassette(Cassette((small, large)), path)
    blobs_beside(path).path_of(Body.of(LAYER).digest).unlink()
    assert answer_to(occystrap_vcr(), path, small)["body"] == {"string": b"{}"}
    with pytest.raises(CassetteError, match="can't be read"):
        answer_to(occystrap_vcr(), path, large)


def test_what_a_client_does_to_an_answer_stays_with_it(tmp_path: Path) -> None:
    """Vcrpy's own clients take headers out of what they are given."""
    path = tmp_path / "a.yaml"
    whole = exchange("http://r.test/v2/")
    save_cassette(Cassette((whole,)), path)
    with occystrap_vcr().use_cassette(path, allow_playback_repeats=True) as cassette:
        for _ in range(2):
            answer = cassette.play_response(cassette.requests[0])
            assert answer["headers"] == {"B": ["1", "3"], "A": ["2"]}
            del answer["headers"]["B"]


def test_the_body_of_an_answer_looks_like_a_dict() -> None:
    """However a hook of the user's looks at it, it sees bytes."""
    _, (answer,) = from_cassette(Cassette((exchange("http://r.test/v2/"),)))
    body = answer["body"]
    for seen in ({**body}, dict(body), body.copy(), copy.copy(body), copy.deepcopy(body)):
        assert seen["string"] == LAYER
    assert list(body.items()) == [("string", LAYER)]
    assert list(body.values()) == [LAYER]
    assert (body.get("string"), body.get("other"), body.get("other", 1)) == (LAYER, None, 1)
    assert list(body) == ["string"]
    body["string"] = b"other"
    assert (body["string"], copy.deepcopy(body), body.kept) == (
        b"other",
        {"string": b"other"},
        None,
    )


def test_hooks_change_what_is_kept(tmp_path: Path) -> None:
    """What a user's hooks put in the place of bodies counts, when loading and when saving."""
    path, again = tmp_path / "a.yaml", tmp_path / "b.yaml"
    save_cassette(Cassette((exchange("http://r.test/v2/", b"my secret"),)), path)
    secret = occystrap_vcr(filter_sensitive_data={"<S>": "secret"}, record_mode="new_episodes")
    with secret.use_cassette(path) as cassette:
        cassette.append(Request("GET", "http://r.test/secret", None, {}), answer_of(b"a secret"))
    kept = load_cassette(path).interactions
    assert [each.response and each.response.body.read() for each in kept] == [b"my <S>", b"a <S>"]
    assert [each.request.body.read() for each in kept] == [b"my <S>", b""]
    assert kept[0].timing == Timing(1.0, 0.25, 0.5)
    path.rename(again)
    with secret.use_cassette(again) as cassette:
        assert [each["body"]["string"] for each in cassette.responses] == [
            b"my secret",
            b"a secret",
        ]


def answer_of(body: bytes | None) -> dict[str, Any]:
    """Make an answer as vcrpy's stubs make it."""
    return {"status": {"code": 200, "message": None}, "headers": {}, "body": {"string": body}}


@pytest.mark.parametrize("body", [b"text", b"\xff\x00", LAYER])
def test_other_forms_of_files(tmp_path: Path, body: bytes) -> None:
    """JSON is written and read, with any body: what isn't text is beside it."""
    path = tmp_path / "a.json"
    machine = occystrap_vcr(serializer="json", record_mode="new_episodes")
    with machine.use_cassette(path) as cassette:
        cassette.append(Request("PUT", "http://r.test/v2/", body, {}), answer_of(body))
    assert json.loads(path.read_text())["interactions"]
    with machine.use_cassette(path) as cassette:
        ((request, answer),) = cassette.data
        assert (request.body, answer["body"]["string"]) == (body, body)
    path.write_text("{")
    with pytest.raises(CassetteError, match=r"a\.json"):
        machine.use_cassette(path).__enter__()


def test_a_persister_of_the_user_s_own(tmp_path: Path) -> None:
    """It gets what vcrpy would give it, and what it has is played."""
    kept: dict[str, Any] = {}

    class InMemory:
        @staticmethod
        def load_cassette(cassette_path: str, serializer: Any) -> tuple[Any, Any]:
            if cassette_path not in kept:
                raise CassetteNotFoundError
            return kept[cassette_path]["requests"], kept[cassette_path]["responses"]

        @staticmethod
        def save_cassette(cassette_path: str, cassette_dict: Any, serializer: Any) -> None:
            assert yamlserializer.serialize(cassette_dict["responses"])
            kept[cassette_path] = cassette_dict

    with occystrap_vcr().use_cassette("some", persister=InMemory) as cassette:
        cassette.append(Request("PUT", "http://r.test/v2/", LAYER, {}), answer_of(LAYER))
    assert kept["some"]["responses"] == [
        {"status": {"code": 200, "message": ""}, "headers": {}, "body": {"string": LAYER}}
    ]
    with occystrap_vcr().use_cassette("some", persister=InMemory) as cassette:
        ((request, answer),) = cassette.data
        assert (request.body, answer["body"]["string"]) == (LAYER, LAYER)


OLD = """
interactions:
- request:
    body: !!python/object/new:_io.BytesIO
      state: !!python/tuple [!!binary "AAE=", 0, null]
    headers: {accept: ['*/*']}
    method: PUT
    uri: http://r.test/v2/
  response:
    content: "text"
    headers: {Content-Encoding: gzip, content-type: text/plain}
    http_version: HTTP/1.1
    status_code: 200
version: 1
"""


def test_what_vcrpy_wrote_long_ago_is_read(tmp_path: Path) -> None:
    """Answers of httpx in the form before vcrpy 6, and bodies that were Python objects."""
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    with occystrap_vcr().use_cassette(path) as cassette:
        ((request, answer),) = cassette.data
        assert request.body == b"\0\1"
        assert (answer["status"]["code"], answer["body"]["string"]) == (200, b"text")
        assert answer["headers"] == {"content-type": ["text/plain"]}


@pytest.mark.parametrize("text", ["interactions: [1]", "[", "interactions: [{request: {}}]"])
def test_what_is_no_cassette_is_an_error(tmp_path: Path, text: str) -> None:
    """A file that can't be understood isn't recorded over."""
    path = tmp_path / "none.yaml"
    path.write_text(text)
    with pytest.raises(CassetteError, match=r"none\.yaml"):
        occystrap_vcr().use_cassette(path).__enter__()
    assert path.read_text() == text


def test_an_empty_file_is_no_cassette(tmp_path: Path) -> None:
    """As for vcrpy, it's recorded anew."""
    path = tmp_path / "empty.yaml"
    path.write_text("\n")
    with occystrap_vcr().use_cassette(path) as cassette:
        cassette.append(Request("GET", "http://r.test/", None, {}), answer_of(None))
    assert len(load_cassette(path).interactions) == 1


def test_metadata_of_the_user_s_own_stays(tmp_path: Path) -> None:
    """What vcrpy keeps beside the exchanges, and where the cassette comes from, are both kept."""
    path = tmp_path / "a.yaml"
    known = Provenance("2026-01-01", "distribution 2", "httpx", "hand", "a test")
    save_cassette(Cassette((exchange("http://r.test/"),), known, {"seed": 5}), path)
    with occystrap_vcr(record_mode="new_episodes").use_cassette(path) as cassette:
        assert cassette.get_metadata("seed", 6) == 5
        assert cassette.get_metadata("other", 7) == 7
    kept = load_cassette(path)
    assert kept.metadata == {"seed": 5, "other": 7}
    assert (kept.provenance.server, kept.provenance.by) == ("distribution 2", "hand")
    assert kept.provenance.recorded > "2026-01-01"


def test_plain_vcrpy_reads_what_we_write(tmp_path: Path) -> None:
    """Without us, requests and small answers are what they were."""
    path = tmp_path / "a.yaml"
    with occystrap_vcr().use_cassette(path) as cassette:
        cassette.append(Request("GET", "http://r.test/", None, {"A": b"1"}), answer_of(b"text"))
    (request,), (answer,), *_ = FilesystemPersister.load_cassette(path, yamlserializer)
    assert (request.uri, dict(request.headers)) == ("http://r.test/", {"A": "1"})
    assert answer["body"] == {"string": b"text"}
