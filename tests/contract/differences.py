"""Where docker-registry 2.8.2 answers otherwise than we do, each with the reason.

Everything that is not in these tables has to be the same: the first two are of our registry, the
last is of the dialect that is taken from docker-registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from occystrap.errors import InvalidDigest
from occystrap.oci import media_types
from occystrap.oci.digest import Digest
from tests.support.side_by_side import NEW_UPLOAD, Exempt, Request
from tests.support.wire import WHOLE_CONFIG, describe, docker, image_manifest

__all__ = ["DIFFERENCES", "NOT_TAKEN", "OLD_IMAGE", "SIDE_BY_SIDE", "Difference", "Differs"]

#: Name of a difference -> what the registry under test is expected to say.
Differs = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Difference:
    """What we say, what docker-registry says, and why we don't follow it."""

    ours: object
    theirs: object
    because: str


DIFFERENCES = {
    "single POST": Difference(201, 202, "it doesn't know this way, which the specification allows"),
    "chunk out of order": Difference(
        416, 202, "it doesn't look at Content-Range; the specification wants 416"
    ),
    "commit out of order": Difference(
        416, 201, "it doesn't look at Content-Range; the specification wants 416"
    ),
    "a chunk again, at an old location": Difference(
        416, 404, "it keeps the state in the location, and knows the newest one alone"
    ),
    "sha512 names a blob": Difference(
        ours=True, theirs=False, because="it finds the blob, but says its sha256 wherever it can"
    ),
    "code of an upload that failed": Difference(
        "BLOB_UPLOAD_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
        "it says so of a failed upload only; for a client both mean to begin again",
    ),
    "manifest by sha512": Difference(
        201, 400, "it hashes manifests with sha256 only, whatever the digest in the path"
    ),
    "manifest without its blobs": Difference(404, 400, "the specification wants 404"),
    "size that is not true": Difference(
        400, 201, "it doesn't compare; clients that believe the manifest would fail"
    ),
    "foreign layer": Difference(
        201, 500, "it takes URLs only from hosts that its configuration names, and fails at others"
    ),
    "manifest that is too big": Difference(413, 400, "the specification wants 413"),
    "removing a tag": Difference(202, 400, "it can't, which came with version 3"),
    "subject on push": Difference(
        str(Digest.of(b"later")), None, "referrers came with specification 1.1, after it"
    ),
    "referrers": Difference(200, 404, "referrers came with specification 1.1, after it"),
    "tags when there are none": Difference(
        [], None, "it encodes a list that it never made; clients have to expect a list"
    ),
    "status of what is no digest": Difference(
        400, 500, "it finds no algorithm and takes that for a failure of its own"
    ),
    "code of what is no digest": Difference(
        "DIGEST_INVALID", "MANIFEST_INVALID", "it finds out late, when it looks at the manifest"
    ),
    "tags are sorted": Difference(
        ours=True, theirs=False, because="it lists tags in no order at all"
    ),
    "tags come in pages": Difference(
        ours=True, theirs=False, because="it doesn't know n and last for tags"
    ),
    "bad number of tags": Difference(400, 200, "it doesn't know n and last for tags"),
    "name outside the grammar": Difference(
        400, 404, "it doesn't find a route; the specification has the code NAME_INVALID"
    ),
    "method of the API's root": Difference(405, 200, "it answers every method there"),
}

#: Kinds of content (tests/support/specimens.py) that docker-registry doesn't take at all.
NOT_TAKEN = {
    "not-distributed": DIFFERENCES["foreign layer"].because,
    "sha512": DIFFERENCES["manifest by sha512"].because,
}


def _clean(path: str) -> str:
    """Write a path as the router of Go would, and with the slash that the API's own paths have."""
    joined = path.replace("//", "/").removesuffix("/")
    return f"{joined}/" if joined == "/v2" or joined.endswith("/blobs/uploads") else joined


def _names_no_digest(path: str) -> bool:
    """Tell whether a manifest is asked for by what looks like a digest, and is none."""
    reference = path.rpartition("/")[2]
    if "/manifests/" not in path or ":" not in reference:
        return False
    try:
        return Digest.parse(reference) is None
    except InvalidDigest:
        return True


def _pushes_manifest(request: Request) -> bool:
    return request.method == "PUT" and "/manifests/" in request.path


def _push(content: bytes, media_type: str = media_types.OCI_MANIFEST, tag: str = "v1") -> Request:
    headers = {"Content-Type": media_type}
    return Request("PUT", f"/v2/known/manifests/{tag}", headers=headers, content=content)


def _blob(method: str, **headers: str) -> Request:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, f"/v2/known/blobs/{_KNOWN}", headers=fields)


#: In the repository `known`, as test_side_by_side.py prepares it.
_KNOWN: Final = Digest.of(b"two two")
_IMAGE: Final = image_manifest(b"two two")
#: In the repository `old`, as docker pushes.
OLD_IMAGE: Final = docker(image_manifest(WHOLE_CONFIG, b"one"))
_FOREIGN_TYPE: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"
_FOREIGN: Final = describe(b"x", _FOREIGN_TYPE, urls=["https://a.example/x"])

#: Name -> where the dialect `distribution2` doesn't follow; test_side_by_side.py finds all else.
SIDE_BY_SIDE: Mapping[str, Exempt] = {
    "root": Exempt(
        "it answers / as a sign of life, which is none of the API's",
        Request("GET", "/"),
        lambda request: request.path == "/",
        ((404, 200),),
    ),
    "unclean path": Exempt(
        "its router redirects to the path without the slash too much, or with the one that is"
        " missing; no client of the API asks like that",
        Request("GET", "/v2/a//b/tags/list"),
        lambda request: request.path != _clean(request.path),
        ((200, 301), (404, 301), (405, 301)),
    ),
    "long name": Exempt(
        "it takes a name of more than 255 characters for a failure of its own",
        Request("GET", f"/v2/{'a' * 256}/tags/list"),
        lambda request: len(request.path) > 255,
        ((404, 500),),
    ),
    "method of the API's root": Exempt(
        DIFFERENCES["method of the API's root"].because,
        Request("POST", "/v2/"),
        lambda request: request.path == "/v2/",
        ((405, 200),),
    ),
    "upload without a name": Exempt(
        "it looks for an upload whose name is empty, where the specification has POST only",
        Request("PUT", "/v2/known/blobs/uploads/"),
        lambda request: request.path.endswith("/blobs/uploads/"),
        ((405, 404),),
    ),
    "no digest": Exempt(
        DIFFERENCES["status of what is no digest"].because,
        Request("GET", "/v2/known/manifests/sha256:short"),
        lambda request: _names_no_digest(request.path),
        ((400, 400), (400, 404), (400, 405), (400, 500), (404, 500)),
        frozenset({"body"}),
    ),
    "sha384": Exempt(
        "it knows this algorithm, which the specification doesn't name",
        Request("GET", f"/v2/known/blobs/sha384:{'0' * 96}"),
        lambda request: "/blobs/sha384:" in request.path,
        ((400, 404), (400, 405)),
    ),
    "blob by sha512": Exempt(
        DIFFERENCES["sha512 names a blob"].because,
        Request("PUT", NEW_UPLOAD, {"digest": str(Digest.of(b"", "sha512"))}),
        lambda request: request.params.get("digest", "").startswith("sha512:"),
        ((201, 201),),
        frozenset({"docker-content-digest", "location"}),
    ),
    "manifest by sha512": Exempt(
        DIFFERENCES["manifest by sha512"].because,
        _push(_IMAGE, tag=str(Digest.of(_IMAGE, "sha512"))),
        lambda request: _pushes_manifest(request) and "/sha512:" in request.path,
        ((201, 400),),
    ),
    "manifest that is none": Exempt(
        "it fails at some, and finds some faults later than others; nothing is stored either way",
        _push(b'{"schemaVersion":1}'),
        _pushes_manifest,
        ((400, 500),),
    ),
    "words of a parser": Exempt(
        "it tells how far Go's parser had come in a manifest, or in a config that it converts",
        _push(b"not JSON"),
        lambda request: "/manifests/" in request.path and not request.content.startswith(b"{"),
        ((400, 400),),
        frozenset({"body"}),
    ),
    "index of nothing": Exempt(
        "it takes an index that has no list of manifests",
        _push(b'{"schemaVersion":2}', media_types.OCI_INDEX),
        lambda request: _pushes_manifest(request) and b"manifests" not in request.content,
        ((400, 201),),
    ),
    "size that is not true": Exempt(
        DIFFERENCES["size that is not true"].because,
        _push(_IMAGE.replace(b'"size": 7', b'"size": 8')),
        lambda request: _pushes_manifest(request) and b'"size": 8' in request.content,
        ((400, 201),),
    ),
    "foreign layer": Exempt(
        DIFFERENCES["foreign layer"].because,
        _push(image_manifest(b"two two", layers=[_FOREIGN])),
        lambda request: _pushes_manifest(request) and b'"urls"' in request.content,
        ((201, 500),),
    ),
    "manifest of the first form": Exempt(
        "it signs what it makes up for old clients, and tells of steps without a layer; we don't",
        Request("GET", "/v2/old/manifests/v1", headers={"Accept": "text/plain"}),
        lambda request: "/manifests/" in request.path,
        ((200, 200),),
        frozenset({"body", "content-length", "docker-content-digest", "etag"}),
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ),
    "digest that the client has": Exempt(
        "it answers 304 by the digest in the path, before it looks whether that is there",
        Request(
            "GET",
            f"/v2/known/manifests/{_KNOWN}",
            headers={"If-None-Match": f'"{_KNOWN}"'},
        ),
        lambda request: "If-None-Match" in request.headers,
        ((404, 304),),
    ),
    "condition of DELETE": Exempt(
        "it doesn't look at conditions but of GET and HEAD; RFC 9110 has them for every method",
        Request(
            "DELETE",
            f"/v2/old/manifests/{Digest.of(OLD_IMAGE)}",
            headers={"If-None-Match": f'"{Digest.of(OLD_IMAGE)}"'},
        ),
        lambda request: request.method == "DELETE" and "If-None-Match" in request.headers,
        ((412, 202),),
    ),
    "link to the last page": Exempt(
        "it links to a page that is empty when only uploads come after this one",
        Request("GET", "/v2/_catalog", {"n": "1", "last": "knowns"}),
        lambda request: request.path == "/v2/_catalog",
        ((200, 200),),
        frozenset({"link"}),
    ),
    "range of HEAD": Exempt(
        "it cuts the answer to HEAD, too; RFC 9110 gives Range a meaning for GET alone",
        _blob("HEAD", Range="bytes=1-"),
        lambda request: request.method == "HEAD" and "Range" in request.headers,
        ((200, 206), (200, 416)),
    ),
    "range that is none": Exempt(
        "it answers 416 to a unit or a form that it doesn't know; RFC 9110 has it ignored",
        _blob("GET", Range="junk"),
        lambda request: request.method == "GET" and "Range" in request.headers,
        ((200, 416),),
    ),
    "end of nothing": Exempt(
        "it sends a part of a blob without bytes, from byte 0 to byte -1",
        Request("GET", f"/v2/known/blobs/{Digest.of(b'')}", headers={"Range": "bytes=-2"}),
        lambda request: request.headers.get("Range", "").startswith("bytes=-"),
        ((416, 206),),
    ),
    "several ranges": Exempt(
        "it sends them as parts of a body; RFC 9110 leaves that to the server, and no client asks",
        _blob("GET", Range="bytes=0-0,2-3"),
        lambda request: "," in request.headers.get("Range", ""),
        ((200, 206),),
    ),
    "headers of 416": Exempt(
        "it leaves the headers of the blob on the error, its length included, so that the answer"
        " can't be read",
        _blob("GET", Range="bytes=9-"),
        lambda request: request.method == "GET" and "Range" in request.headers,
        ((416, 416),),
        frozenset(
            {"body", "cache-control", "content-length", "content-type", "docker-content-digest"}
            | {"content-range", "etag", "x-content-type-options"}
        ),
    ),
}
