"""Quay, as quay.io runs it.

Seen on a Quay of August 2026 behind its own nginx; what stands before quay.io wasn't seen.
"""

from __future__ import annotations

from typing import Final

from occystrap.oci.routes import RouteKind
from occystrap.server.tokens import TokenForm
from pytest_occystrap.dialects.answers import FixedAnswer, error
from pytest_occystrap.dialects.entry_form import EntryForm, Scheme
from pytest_occystrap.dialects.form import (
    Absent,
    BlobForm,
    Dialect,
    HeaderRule,
    LimitForm,
    ListingForm,
    ManifestForm,
    Negotiation,
    Paging,
    Redirect,
    Rewording,
    UploadForm,
)

__all__ = ["QUAY"]

_EVERY: Final = tuple(RouteKind)
_VERSION: Final = ("Docker-Distribution-Api-Version", "registry/2.0")
_HTML: Final = "text/html; charset=utf-8"
_SEEN: Final = "seen on a Quay of August 2026"
_MANIFEST: Final = (RouteKind.MANIFEST,)
_UPLOADS: Final = (RouteKind.UPLOADS, RouteKind.UPLOAD)
_BLOB: Final = (RouteKind.BLOB,)
_FORBIDDEN: Final = "access to the requested resource is not authorized"
_NOT_FOUND: Final = (
    b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
    b"<p>The requested URL was not found on the server. If you entered the URL manually please"
    b" check your spelling and try again.</p>\n"
)
_LIMITED: Final = (
    b"<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n<body>\r\n"
    b"<center><h1>429 Too Many Requests</h1></center>\r\n<hr><center>nginx</center>\r\n"
    b"</body>\r\n</html>\r\n"
)
#: Where nginx adds headers of its own: on what went well, and on redirects.
_WELL: Final = (200, 201, 204, 206, 301, 302, 303, 304, 307, 308)

#: Said only to who comes with a token that is none.
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, DELETE, HEAD, OPTIONS, PUT",
    "Access-Control-Max-Age": "21600",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Vary": "Origin",
}

_ENTRY: Final = EntryForm(
    scheme=Scheme.BEARER,
    token=TokenForm(path="/v2/auth", methods=("GET",), fields=("token",)),
    seconds=3600,
    actions=("pull", "push", "*"),
    bad_action=error(400, "INVALID_REQUEST", "Unable to decode repository and actions", detail={}),
    deleting_is_pushing=True,
    open_pulls=True,
    hides_unknown=True,
    says_why=False,
    refusal=error(401, "UNAUTHORIZED", _FORBIDDEN, detail={}),
    bad_credentials=FixedAnswer(
        401, b'{"error": "Invalid bearer token format"}', _HTML, tuple(_CORS.items())
    ),
    wrong_password=error(
        401, "UNAUTHORIZED", "Invalid Username or Password", detail={}, headers=(_VERSION,)
    ),
    ping=FixedAnswer(200, b"true", _HTML, (("X-Sparse-Manifest-Support", "false"),)),
)

_REWORDINGS: Final = (
    Rewording(
        "DIGEST_INVALID",
        _UPLOADS,
        400,
        "BLOB_UPLOAD_INVALID",
        "blob upload invalid",
        detail={},
    ),
    Rewording("BLOB_UPLOAD_UNKNOWN", _UPLOADS, detail={}),
    Rewording("BLOB_UNKNOWN", _BLOB, detail={}),
    Rewording("RANGE_INVALID", _UPLOADS, bare=True),
    *(
        Rewording(code, _MANIFEST, 400, "MANIFEST_INVALID", "manifest invalid", explained=True)
        for code in ("MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "DIGEST_INVALID", "SIZE_INVALID")
    ),
    Rewording("MANIFEST_UNKNOWN", _MANIFEST, message="manifest unknown", detail={}),
)

_HEADERS: Final = (
    HeaderRule("Server", "nginx"),
    HeaderRule("X-Frame-Options", "DENY", statuses=_WELL),
    HeaderRule("Strict-Transport-Security", "max-age=63072000; preload", statuses=_WELL),
    HeaderRule(_VERSION[0], None, _EVERY),
    HeaderRule(*_VERSION, _EVERY, statuses=(401,)),
    HeaderRule(*_VERSION, (RouteKind.PING,)),
    HeaderRule("ETag", None),
    HeaderRule("OCI-Subject", None),
    HeaderRule("Cache-Control", "max-age=31436000", _BLOB, ("HEAD",), (200,)),
    HeaderRule("Cache-Control", "max-age=31536000", _BLOB, ("GET",), (302,)),
    HeaderRule("Docker-Content-Digest", "{item}", _BLOB, ("GET",), (302,)),
    HeaderRule("Accept-Ranges", "bytes", _BLOB, ("GET",), (302,)),
    HeaderRule("Accept-Ranges", None, _BLOB, ("GET",), (200,)),
    HeaderRule("Location", None, _UPLOADS, ("GET",)),
    HeaderRule("Content-Type", _HTML, _UPLOADS, statuses=(201, 202, 204, 416)),
    HeaderRule("Content-Type", _HTML, _MANIFEST, ("PUT", "DELETE"), (201, 202)),
)

QUAY: Final = Dialect(
    "quay",
    "Quay",
    hosts=("quay.io",),
    entry=_ENTRY,
    uploads=UploadForm(
        absolute=True,
        began="bytes=0-{last}",
        progress="0-{last}",
        status="bytes=0-{size}",
        refused="0-{size}",
        bad_range=error(400, "INVALID_REQUEST", "Invalid request"),
    ),
    blobs=BlobForm(Redirect("cdn01.quay.io", status=302)),
    manifests=ManifestForm(
        negotiation=Negotiation.SCHEMA1,
        stored=b"OK",
        expired_tag=("Tag {tag} was deleted or has expired. To pull, revive via time machine"),
        unknown_type=error(
            415,
            "MANIFEST_INVALID",
            "manifest invalid",
            detail={"message": "manifest schema version not supported"},
        ),
        unknown_subject=error(400, "MANIFEST_INVALID", "manifest invalid", detail=""),
    ),
    listing=ListingForm(
        tags=Paging(usual=100, most=100, lenient=True),
        catalog=Paging(usual=100, most=100, lenient=True, cursor="next_page"),
    ),
    limits=LimitForm(FixedAnswer(429, _LIMITED, "text/html")),
    absent=(
        Absent(
            RouteKind.BLOB,
            ("DELETE",),
            error(405, "UNSUPPORTED", "The operation is unsupported.", detail={}),
        ),
    ),
    no_route=FixedAnswer(404, _NOT_FOUND, _HTML),
    rewordings=_REWORDINGS,
    headers=_HEADERS,
    quay_api=True,
    sources={
        **dict.fromkeys(
            (
                *(f"entry.{name}" for name in ("scheme", "token", "seconds", "actions")),
                *(f"entry.{name}" for name in ("bad_action", "deleting_is_pushing", "open_pulls")),
                *(f"entry.{name}" for name in ("hides_unknown", "says_why", "refusal", "ping")),
                *(f"entry.{name}" for name in ("bad_credentials", "wrong_password")),
                *(f"uploads.{name}" for name in ("absolute", "began", "progress", "status")),
                *(f"manifests.{name}" for name in ("negotiation", "stored", "expired_tag")),
                *(f"manifests.{name}" for name in ("unknown_type", "unknown_subject")),
                *("listing.catalog", "limits.answer", "absent", "no_route", "rewordings"),
                *("headers", "quay_api", "uploads.refused"),
            ),
            _SEEN,
        ),
        "uploads.bad_range": "quay/quay endpoints/v2/blob.py RANGE_HEADER_REGEX",
        "blobs.redirect": f"{_SEEN} over S3; rpardini/docker-registry-proxy#26",
        "listing.tags": f"{_SEEN}; quay/quay endpoints/v2/__init__.py",
    },
    unchecked=("the name of the host for blobs", "rates, which depend on how nginx is set up"),
)
