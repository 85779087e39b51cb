"""Where docker-registry 2.8.2 answers otherwise than we do, each with the reason.

Everything that is not in this table has to be the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from occystrap.oci.digest import Digest

__all__ = ["DIFFERENCES", "NOT_TAKEN", "Difference", "Differs"]

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
