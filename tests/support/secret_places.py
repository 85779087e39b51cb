"""Every place of a cassette where a secret may be, as cassettes with one in it."""

from __future__ import annotations

import base64
import gzip
import html
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote, urlencode

import zstandard

from occystrap.server.message import Headers
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.form import (
    Cassette,
    Interaction,
    Provenance,
    RecordedRequest,
    RecordedResponse,
)

__all__ = [
    "CODINGS",
    "HOST",
    "IN_WORDS",
    "JSON",
    "WITH_A_NAME",
    "Place",
    "answer",
    "ask",
    "document",
    "header",
    "one",
    "signed",
    "url",
]

Place = Callable[[str], Cassette]

HOST: Final = "https://registry.example"
JSON: Final = "application/json"


def ask(url: str, *headers: tuple[str, str], body: bytes = b"", method: str = "GET") -> Interaction:
    """Make an exchange whose request says something; the answer is empty."""
    length = [("Content-Length", str(len(body)))] if body else []
    request = RecordedRequest(method, url, Headers([*headers, *length]), Body.of(body))
    return Interaction(request, RecordedResponse(200, "OK"))


def answer(*headers: tuple[str, str], body: bytes = b"", status: int = 200) -> Interaction:
    """Make an exchange whose answer says something."""
    length = [("Content-Length", str(len(body)))]
    response = RecordedResponse(status, "", Headers([*headers, *length]), Body.of(body))
    return Interaction(RecordedRequest("GET", f"{HOST}/v2/token"), response)


def one(interaction: Interaction) -> Cassette:
    """Make a cassette of one exchange."""
    return Cassette((interaction,))


def header(name: str, form: Callable[[str], str] = str) -> Place:
    """Put it into a header of a request."""
    return lambda secret: one(ask(f"{HOST}/v2/", (name, _line(form(secret)))))


def answered(name: str, form: Callable[[str], str] = str) -> Place:
    """Put it into a header of an answer."""
    return lambda secret: one(answer((name, _line(form(secret)))))


def url(form: Callable[[str], str]) -> Place:
    """Put it into a URL: a redirect, and the request that follows it."""

    def place(secret: str) -> Cassette:
        target = form(secret)
        page = f'<a href="{html.escape(target)}">here</a>'.encode()
        redirect = answer(("Location", target), ("Content-Type", "text/html"), body=page)
        assert redirect.response is not None
        moved = RecordedResponse(307, "", redirect.response.headers, redirect.response.body)
        return Cassette((Interaction(redirect.request, moved), ask(target)))

    return place


def signed(**parameters: str) -> Place:
    """Sign a URL with it; `*` is where it is."""
    return url(
        lambda secret: (
            "https://storage.example/registry/data?"
            + urlencode({name: value.replace("*", secret) for name, value in parameters.items()})
        )
    )


def document(form: Callable[[str], object], kind: str = JSON, coding: str = "") -> Place:
    """Put it into the body of an answer, perhaps a compressed one."""

    def place(secret: str) -> Cassette:
        content = form(secret)
        text = content if isinstance(content, str) else json.dumps(content)
        encoded = CODINGS[coding](text.encode())
        headers = [("Content-Type", kind)] + ([("Content-Encoding", coding)] if coding else [])
        return one(answer(*headers, body=encoded))

    return place


def form(**fields: str) -> Place:
    """Put it into a form that is posted."""

    def place(secret: str) -> Cassette:
        body = urlencode({name: value.replace("*", secret) for name, value in fields.items()})
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        return one(ask(f"{HOST}/oauth2/token", kind, body=body.encode(), method="POST"))

    return place


def _line(text: str) -> str:
    """Write a text as headers can hold it."""
    return text.replace("\n", " ")


def _basic(secret: str, user: str = "alice") -> str:
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


def _packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "": bytes,
    "gzip": lambda plain: gzip.compress(plain, mtime=0),
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
_AMZ: Final = "AWS4-HMAC-SHA256"
_SCOPE: Final = "/20261123/us-east-1/s3/aws4_request"

#: Places whose name tells that there is a secret, or isn't known to be harmless.
WITH_A_NAME: Final[Mapping[str, Place]] = {
    "Authorization: Bearer": header("Authorization", "Bearer {}".format),
    "Authorization: Basic": header("Authorization", lambda it: f"Basic {_basic(it)}"),
    "Authorization: a user in Basic": header(
        "Authorization", lambda it: "Basic " + base64.b64encode(f"{it}:x1".encode()).decode()
    ),
    "Authorization, bare": header("Authorization"),
    "Authorization of AWS": header(
        "Authorization",
        lambda it: f"{_AMZ} Credential=x{_SCOPE}, SignedHeaders=host, Signature={quote(it)}",
    ),
    "Authorization: Digest": header(
        "Authorization", lambda it: f'Digest username="a", realm="r", response="{it}", uri="/v2/"'
    ),
    "Proxy-Authorization": header("Proxy-Authorization", lambda it: f"Basic {_basic(it)}"),
    "X-Registry-Auth, password": header(
        "X-Registry-Auth", lambda it: _packed({"username": "alice", "password": it})
    ),
    "X-Registry-Auth, token": header("X-Registry-Auth", lambda it: _packed({"identitytoken": it})),
    "X-Registry-Config": header(
        "X-Registry-Config", lambda it: _packed({"r.example": {"auth": _basic(it)}})
    ),
    "Cookie": header("Cookie", lambda it: f"theme=dark; session={quote(it)}"),
    "Set-Cookie": answered("Set-Cookie", lambda it: f"sid={quote(it)}; Path=/; HttpOnly"),
    "a header of a request": header("X-Vendor-Thing"),
    "a header of an answer": answered("X-Vendor-Thing"),
    "X-Next-CSRF-Token": answered("X-Next-CSRF-Token"),
    "WWW-Authenticate, unusual": answered(
        "WWW-Authenticate", lambda it: f'Bearer realm="https://r.example/token",hint="{it}"'
    ),
    "WWW-Authenticate, realm": answered(
        "WWW-Authenticate", lambda it: f'Bearer realm="https://r.example/t?key={quote(it)}"'
    ),
    "Link": answered("Link", lambda it: f'</v2/_catalog?next_page={quote(it * 4)}>; rel="next"'),
    "Referer": header("Referer", lambda it: f"https://r.example/?ticket={quote(it)}"),
    "S3, signature 4": signed(**{"X-Amz-Algorithm": _AMZ, "X-Amz-Signature": "*"}),
    "S3, key": signed(**{"X-Amz-Credential": "*" + _SCOPE, "X-Amz-Expires": "600"}),
    "S3, session": signed(**{"X-Amz-Security-Token": "*", "X-Amz-Expires": "600"}),
    "S3, signature 2": signed(AWSAccessKeyId="x", Expires="1795453607", Signature="*"),
    "S3, key of signature 2": signed(AWSAccessKeyId="*", Expires="1795453607"),
    "Google, signature": signed(
        **{"X-Goog-Algorithm": "GOOG4-RSA-SHA256", "X-Goog-Signature": "*"}
    ),
    "Azure, signature": signed(sv="2020-10-02", se="2026-11-23", sp="r", sig="*"),
    "CloudFront, signature": signed(Expires="1795453607", Signature="*"),
    "CloudFront, policy": signed(Policy="*", Expires="1795453607"),
    "Akamai": signed(akamai_signature="exp=1795453607~hmac=*"),
    "Cloudflare": signed(verify="1795453607-*"),
    "an upload's state": signed(_state="*" * 4),
    "a parameter": signed(thing="*"),
    "a fragment": url(lambda it: f"https://r.example/cb#access_token={quote(it)}&state=1"),
    "a password in a URL": url(lambda it: f"https://alice:{quote(it, safe='')}@r.example/v2/"),
    "token": document(lambda it: {"token": it, "expires_in": 300}),
    "access_token": document(lambda it: {"access_token": it, "refresh_token": it + "x"}),
    "a token, again": document(lambda it: {"token": it, "message": f"granted {it}"}),
    "nested fields": document(
        lambda it: {"robot": [{"name": "a+b", "credentials": {"secret": it}}]}
    ),
    "lines of JSON": document(lambda it: '{"status": "ok"}\n' + json.dumps({"token": it}) + "\n"),
    "JSON that is cut off": document(lambda it: json.dumps({"token": it, "a": 1})[:-4]),
    "Docker's configuration": document(lambda it: {"auths": {"r.example": {"auth": _basic(it)}}}),
    "JSON with gzip": document(lambda it: {"token": it}, coding="gzip"),
    "JSON with deflate": document(lambda it: {"token": it}, coding="deflate"),
    "JSON with zstd": document(lambda it: {"token": it}, coding="zstd"),
    "XML": document(
        lambda it: (
            f"<Error><Code>X</Code><SignatureProvided>{html.escape(it)}</SignatureProvided></Error>"
        ),
        "application/xml",
    ),
    "form, password": form(grant_type="password", username="alice", password="*"),
    "form, refresh_token": form(grant_type="refresh_token", client_id="skopeo", refresh_token="*"),
    "form, client_secret": form(grant_type="client_credentials", client_secret="*"),
    "form, unheard of": form(grant_type="x", thing="*"),
}

#: Places where words are expected.
IN_WORDS: Final[Mapping[str, Place]] = {
    "User-Agent": header("User-Agent", "client/1.0 ({})".format),
    "a scope": signed(scope="repository:*:pull"),
    "a bare query": url(lambda it: f"https://r.example/hook?{quote(it, safe='')}"),
    "a path": url(lambda it: f"https://r.example/hooks/{quote(it, safe='')}/run"),
    "a field": document(lambda it: {"data": it}),
    "a message": document(lambda it: {"errors": [{"code": "DENIED", "message": f"not with {it}"}]}),
    "plain text": document("token is {} for now".format, "text/plain"),
    "assigned": document("export REGISTRY_PASSWORD={}".format, "text/plain"),
    "a page": document(
        lambda it: f"<script>window.__token = '{it}';</script><p>Hello</p>".replace("\n", "\\n"),
        "text/html",
    ),
    "a multipart form": document(
        lambda it: f'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\n{it}\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
    "the name of a field": document(lambda it: {"auths": {it: {"scope": "pull"}}}),
    "a secret of Kubernetes": document(
        lambda it: {"data": {".dockerconfigjson": _packed({"auths": {"r": {"auth": _basic(it)}}})}}
    ),
    "a note": lambda it: Cassette((Interaction(ask(HOST).request, None, note=f"with {it}"),)),
    "provenance": lambda it: Cassette((), Provenance(about=f"recorded with {it}")),
    "a reason phrase": lambda it: one(
        Interaction(ask(HOST).request, RecordedResponse(403, f"Not with {_line(it)}"))
    ),
}
