"""RegistryWriter over doubles, in the ways in which tests of other projects make them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock, Mock, create_autospec

import httpx
import pytest

from occystrap.constants import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.errors import APIException, UnauthorizedException
from occystrap.outputs.registry import RegistryWriter
from tests.support.images import layer, make_image

IMAGE = make_image(layer())
BASE = "https://registry.example/v2/acme/app"
CHALLENGE = 'Bearer realm="https://auth.example/token",service="registry.example"'
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


def response(status: int, headers: Any = None, **attributes: Any) -> MagicMock:
    """Make an answer of which only status and headers are set; all else is a mock."""
    return MagicMock(status_code=status, headers=headers or {}, **attributes)


class Double:
    """A registry as a function: `side_effect` of a mock's `request`."""

    def __init__(self, *, location: str = "/v2/acme/app/blobs/uploads/1") -> None:
        self.location = location
        self.blobs: set[str] = set()
        self.lock = threading.Lock()

    def __call__(self, method: str, url: str, **kwargs: Any) -> MagicMock:
        """Answer a request."""
        with self.lock:
            if method == "HEAD":
                return response(200 if url.rpartition("/")[2] in self.blobs else 404)
            if method == "POST":
                return response(202, {"Location": self.location})
            if "?digest=" in url or "&digest=" in url:
                self.blobs.add(url.rpartition("digest=")[2].replace("%3A", ":"))
            return response(201)


def push(client: Any, **options: Any) -> RegistryWriter:
    """Write the image through a client, as a test would."""
    writer = RegistryWriter("registry.example", "acme/app", "1.0", client=client, **options)
    config = io.BytesIO(IMAGE.config)
    writer.process_image_element(ImageElement(CONFIG_FILE, f"{IMAGE.config_hex}.json", config))
    for tar in IMAGE.layers:
        name = hashlib.sha256(tar).hexdigest()
        writer.process_image_element(ImageElement(IMAGE_LAYER, name, io.BytesIO(tar)))
    writer.finalize()
    return writer


def methods(client: Any) -> list[str]:
    """List the methods of the requests, which come first by position."""
    return [call.args[0] for call in client.request.call_args_list]


def test_attributes_are_those_of_the_constructor() -> None:
    """Positional or by name, with the defaults that scripts lean on."""
    positional = ("r.example", "acme/app", "1", False, "alice", "sesame")
    writer = RegistryWriter(*positional, client=MagicMock())
    assert (writer.registry, writer.image, writer.tag) == ("r.example", "acme/app", "1")
    assert (writer.secure, writer.username, writer.password) == (False, "alice", "sesame")
    assert writer.max_workers == 4
    other = RegistryWriter(
        registry="r.example", image="app", tag="1", max_workers=2, client=MagicMock()
    )
    assert (other.secure, other.username, other.max_workers) == (True, None, 2)


MAKERS: dict[str, Callable[[], Any]] = {
    "MagicMock": MagicMock,
    "Mock": Mock,
    "Mock(spec)": lambda: Mock(spec=httpx.Client),
    "MagicMock(spec instance)": lambda: MagicMock(spec=httpx.Client()),
    "autospec": lambda: create_autospec(httpx.Client, instance=True),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_everything_goes_through_request(make: Callable[[], Any]) -> None:
    """Method and URL by position, headers and content by name; nothing else is touched."""
    client = make()
    client.request.side_effect = Double()
    push(client)
    assert methods(client) == ["HEAD", "POST", "PUT"] * 2 + ["PUT"]
    for call in client.request.call_args_list:
        assert len(call.args) == 2
        assert set(call.kwargs) == {"headers", "content"}
        assert call.args[1].startswith(BASE)
        assert type(call.kwargs["headers"]) is dict
    for untouched in (client.get, client.send, client.stream, client.close):
        untouched.assert_not_called()


def test_a_list_of_answers_is_taken_in_order() -> None:
    """Config first, then the layer, then the manifest: HEAD, POST and PUT for each blob."""
    client = MagicMock()
    upload = {"Location": "https://registry.example/v2/acme/app/blobs/uploads/1?state=x"}
    blob = [response(404), response(202, upload), response(201)]
    client.request.side_effect = [*blob, *blob, response(201)]
    push(client)
    urls = [call.args[1] for call in client.request.call_args_list]
    assert urls[0] == f"{BASE}/blobs/sha256:{IMAGE.config_hex}"
    assert urls[1] == f"{BASE}/blobs/uploads/"
    assert urls[2] == f"{upload['Location']}&digest=sha256%3A{IMAGE.config_hex}"
    assert urls[-1] == f"{BASE}/manifests/1.0"


def test_the_last_request_is_the_manifest_with_its_bytes() -> None:
    """A PUT under the tag, with its media type; content is bytes."""
    client = MagicMock()
    client.request.side_effect = Double()
    push(client)
    last = client.request.call_args
    assert last.args == ("PUT", f"{BASE}/manifests/1.0")
    assert last.kwargs["headers"]["Content-Type"] == MANIFEST_TYPE
    content = last.kwargs["content"]
    assert type(content) is bytes
    manifest = json.loads(content)
    assert (manifest["schemaVersion"], manifest["mediaType"]) == (2, MANIFEST_TYPE)
    assert manifest["config"]["digest"] == f"sha256:{IMAGE.config_hex}"


def test_a_layer_is_sent_as_bytes_that_have_its_digest() -> None:
    """What a test finds in content is what the manifest names."""
    client = MagicMock()
    client.request.side_effect = Double()
    push(client)
    *_, blob, manifest = (c for c in client.request.call_args_list if c.args[0] == "PUT")
    (named,) = json.loads(manifest.kwargs["content"])["layers"]
    content = blob.kwargs["content"]
    assert hashlib.sha256(content).hexdigest() == named["digest"].removeprefix("sha256:")
    assert (len(content), gzip.decompress(content)) == (named["size"], IMAGE.layers[0])


def test_blobs_that_are_there_are_not_sent() -> None:
    """200 to HEAD: only the manifest is PUT; a mock that answers everything with 200 will do."""
    client = MagicMock()
    client.request.return_value = response(200)
    push(client)
    assert methods(client) == ["HEAD", "HEAD", "PUT"]


@pytest.mark.parametrize("name", ["Location", "location", "LOCATION"])
@pytest.mark.parametrize("kind", [dict, httpx.Headers])
def test_headers_are_read_in_any_case(name: str, kind: Callable[[dict[str, str]], Any]) -> None:
    """From a plain dict as from headers of httpx."""
    client = MagicMock()
    headers = kind({name: "/v2/acme/app/blobs/uploads/7"})
    client.request.side_effect = [response(404), response(202, headers), response(201)] * 2 + [
        response(201)
    ]
    push(client)
    assert client.request.call_args_list[2].args[1].startswith(f"{BASE}/blobs/uploads/7?digest=")


@pytest.mark.parametrize("login", [None, ("alice", "sesame")])
@pytest.mark.parametrize("name", ["WWW-Authenticate", "Www-Authenticate", "www-authenticate"])
def test_a_401_is_answered_with_a_token(name: str, login: tuple[str, str] | None) -> None:
    """W-1: one `client.get(token_url, auth=...)` a 401; the request is repeated with the token."""
    client, registry = MagicMock(), Double()

    def answer(method: str, url: str, headers: dict[str, str], content: Any) -> Any:
        if headers.get("Authorization") != "Bearer abc":
            return response(401, {name: CHALLENGE})
        return registry(method, url)

    client.request.side_effect = answer
    client.get.return_value.status_code = 200
    client.get.return_value.json.return_value = {"token": "abc"}
    username, password = login or (None, None)
    push(client, username=username, password=password)
    client.get.assert_called_once()
    (token_url,) = client.get.call_args.args
    assert client.get.call_args.kwargs == {"auth": login}
    parts = httpx.URL(token_url)
    assert (parts.host, parts.path) == ("auth.example", "/token")
    assert parts.params["service"] == "registry.example"
    assert parts.params["scope"] == "repository:acme/app:pull,push"
    assert methods(client) == ["HEAD"] + ["HEAD", "POST", "PUT"] * 2 + ["PUT"]


def test_a_token_is_found_wherever_a_double_has_it() -> None:
    """In bytes, in text or in JSON; `access_token` is one, too."""
    for attributes in (
        {"content": b'{"token": "abc"}'},
        {"text": '{"access_token": "abc"}'},
        {"json": lambda: {"access_token": "abc", "expires_in": 300}},
    ):
        client = MagicMock()
        client.request.side_effect = [response(401, {"WWW-Authenticate": CHALLENGE})] + [
            response(200)
        ] * 3
        client.get.return_value = response(200, **attributes)
        push(client)
        assert client.request.call_args.kwargs["headers"]["Authorization"] == "Bearer abc"


def test_every_401_gets_a_token_of_its_own() -> None:
    """W-10: a token that ends in the middle is replaced, and the body sent again, whole."""
    client = MagicMock()
    unauthorized = response(401, {"Www-Authenticate": CHALLENGE})
    upload = response(202, {"Location": "/v2/acme/app/blobs/uploads/1"})
    client.request.side_effect = [
        *(unauthorized, response(404), upload, response(201)),
        *(response(404), upload, unauthorized, response(201)),
        response(201),
    ]
    client.get.return_value.json.side_effect = [{"token": "one"}, {"token": "two"}]
    push(client)
    assert client.get.call_count == 2
    sent = client.request.call_args_list
    assert sent[6].args == sent[7].args
    assert sent[6].kwargs["content"] == sent[7].kwargs["content"] != b""
    tokens = [call.kwargs["headers"].get("Authorization") for call in sent]
    assert tokens == [None] + ["Bearer one"] * 6 + ["Bearer two"] * 2


def test_basic_is_answered_without_a_token() -> None:
    """A registry that wants Basic gets it, with each request from then on."""
    client, registry = MagicMock(), Double()
    basic = "Basic " + base64.b64encode(b"alice:sesame").decode()

    def answer(method: str, url: str, headers: dict[str, str], content: Any) -> Any:
        if headers.get("Authorization") != basic:
            return response(401, {"WWW-Authenticate": 'Basic realm="registry"'})
        return registry(method, url)

    client.request.side_effect = answer
    push(client, username="alice", password="sesame")
    client.get.assert_not_called()


def test_a_401_that_stays_is_an_error() -> None:
    """With a token that doesn't help, or none to be had."""
    client = MagicMock()
    client.request.return_value = response(401, {"WWW-Authenticate": CHALLENGE}, text="no")
    client.get.return_value.json.return_value = {"token": "abc"}
    with pytest.raises(UnauthorizedException):
        push(client)
    client.get.assert_called_once()


@pytest.mark.parametrize("trouble", [503, httpx.ConnectError("refused"), httpx.ReadTimeout("")])
@pytest.mark.parametrize("position", range(7))
def test_a_push_has_its_retries(position: int, trouble: Any) -> None:
    """W-3: whichever request meets trouble that passes, the image arrives."""
    client, registry = MagicMock(), Double()
    troubles = {position: response(trouble) if isinstance(trouble, int) else trouble}

    def answer(method: str, url: str, **kwargs: Any) -> Any:
        met = troubles.pop(client.request.call_count - 1, None)
        if isinstance(met, Exception):
            raise met
        return met or registry(method, url)

    client.request.side_effect = answer
    push(client, retries=1)
    assert client.request.call_args.args[1] == f"{BASE}/manifests/1.0"
    assert client.request.call_count > 7


def test_an_error_of_a_double_is_told_as_one_of_a_registry() -> None:
    """Status and text of the answer are in the message."""
    client = MagicMock()
    client.request.side_effect = [
        response(404),
        response(403, text='{"errors":[{"code":"DENIED"}]}'),
    ]
    with pytest.raises(
        APIException, match=r"POST https://registry\.example/.*403 Forbidden: DENIED"
    ):
        push(client)


def test_plain_http_is_asked_for_by_secure() -> None:
    """`secure=False` is the scheme, for every request."""
    client = MagicMock()
    client.request.return_value = response(200)
    push(client, secure=False)
    assert {call.args[1].partition(":")[0] for call in client.request.call_args_list} == {"http"}
