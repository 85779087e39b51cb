"""What dialects are written in: knobs, each at first as the specification has it.

Rule: a dialect is a value of these and nothing else. Handlers read the knobs; none of them asks for
the name of a dialect.
Spec: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, from which they tell
what differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from occystrap.oci.routes import RouteKind
from occystrap.server.signatures import S3, SignatureStyle
from pytest_occystrap.dialects.answers import TOO_MANY_REQUESTS, FixedAnswer
from pytest_occystrap.dialects.entry_form import EntryForm

__all__ = [
    "Absent",
    "BlobForm",
    "Detail",
    "Dialect",
    "HeaderRule",
    "LimitForm",
    "ListingForm",
    "ManifestForm",
    "Negotiation",
    "Paging",
    "Quota",
    "Ranges",
    "Redirect",
    "Rewording",
    "UploadForm",
]


class Ranges(Enum):
    """What a registry makes of the Content-Range of a chunk."""

    CHECKED = "checked"
    CHECKED_WITH_LENGTH = "checked if there is a Content-Length as well"
    IGNORED = "ignored"


class Negotiation(Enum):
    """What a registry does when the Accept of a client doesn't name what it holds."""

    NONE = "sends it"
    DISTRIBUTION = "answers 404 for OCI, sends the linux/amd64 image of a Docker list"
    DISTRIBUTION2 = "answers 404 for OCI, makes up a schema 1 manifest of Docker's, if asked by tag"
    SCHEMA1 = "makes up a schema 1 manifest, if asked by tag"


class Detail(Enum):
    """What becomes of the detail of an error that gets no other."""

    KEPT = "as it is"
    LEFT_OUT = "without a detail"


@dataclass(frozen=True, slots=True)
class UploadForm:
    """Pushing blobs.

    `began`, `progress`, `status` and `refused` are the Range header of the answers to POST, PATCH,
    GET and of a 416; `{size}` is how many bytes have come, `{last}` one less, and `{first_chunk}`
    the last byte of the first chunk. Empty leaves the header as it is. With `head` HEAD of an
    upload is GET without a body. With `lenient_mounts` a mount of what is no digest, or from what
    is no name, is an upload that begins. With `keeps_refused` an upload outlives a commit under the
    wrong digest, with the bytes that came with it. `no_digest` and `bad_digest` are for who commits
    without one, or under what is none.
    """

    absolute: bool = False
    forwarded: bool = False
    state: bool = False
    stale_state: FixedAnswer | None = None
    began: str = ""
    progress: str = ""
    status: str = ""
    refused: str = ""
    chunk_status: int = 202
    ranges: Ranges = Ranges.CHECKED
    checks_last_range: bool = True
    bad_range: FixedAnswer | None = None
    octet_stream_only: FixedAnswer | None = None
    single_post: bool = True
    several_chunks: bool = True
    longest_chunk: int | None = None
    too_long: FixedAnswer | None = None
    mounts_what_manifests_name: bool = False
    mount_from_nowhere: str = ""
    lenient_mounts: bool = False
    no_digest: FixedAnswer | None = None
    bad_digest: FixedAnswer | None = None
    keeps_refused: bool = False
    head: bool = False


@dataclass(frozen=True, slots=True)
class Redirect:
    """Sending clients elsewhere for blobs, with a URL that is good for some seconds.

    `usual` is False where only some installations do so.
    """

    host: str
    status: int = 307
    seconds: int = 600
    style: SignatureStyle = S3
    usual: bool = True


@dataclass(frozen=True, slots=True)
class BlobForm:
    """Pulling blobs."""

    redirect: Redirect | None = None
    several_ranges: FixedAnswer | None = None


@dataclass(frozen=True, slots=True)
class ManifestForm:
    """Manifests and referrers.

    `expired_tag` says what a tag that was deleted is answered with, `untyped` is for who pushes
    without a Content-Type.
    """

    negotiation: Negotiation = Negotiation.NONE
    absolute: bool = False
    forwarded: bool = False
    stored: bytes = b""
    deletes_tags: bool = True
    expired_tag: str = ""
    unknown_type: FixedAnswer | None = None
    untyped: FixedAnswer | None = None
    unknown_subject: FixedAnswer | None = None


@dataclass(frozen=True, slots=True)
class Paging:
    """A list in pages of at most `most`, and of `usual` when nobody says how many.

    `over` answers who asks for more than `most`, with their number for `"{n}"`; without it that
    many are sent. A `n` that is no number is refused, or ignored with `lenient`. `cursor` names the
    parameter that goes on where a page ended; one that isn't `last` holds what only the registry
    can read. With `sorted_link` the parameters of a link are in the order of their names.
    """

    usual: int | None = None
    most: int | None = None
    over: FixedAnswer | None = None
    lenient: bool = False
    paged: bool = True
    cursor: str = "last"
    sorted_link: bool = False


@dataclass(frozen=True, slots=True)
class ListingForm:
    """Lists of tags and of repositories.

    With `tags_come_with_the_first` there is no list of tags before a tag was set, and when the last
    one has gone, null.
    """

    tags: Paging = Paging()
    catalog: Paging = Paging()
    tags_come_with_the_first: bool = False


@dataclass(frozen=True, slots=True)
class Quota:
    """So many pulls of manifests for each client in so many seconds.

    One that is `announced` stands in headers of every answer to GET and HEAD, and is always kept;
    others are kept only where a test wants them to be.
    """

    amount: int
    seconds: int
    announced: bool = False


@dataclass(frozen=True, slots=True)
class LimitForm:
    """What becomes of who asks too much; `abuse` is another form of it, where there is one."""

    answer: FixedAnswer = TOO_MANY_REQUESTS
    abuse: FixedAnswer | None = None
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """Endpoints that aren't there, by any method if none is named, and what is answered instead."""

    kind: RouteKind
    methods: tuple[str, ...]
    answer: FixedAnswer


@dataclass(frozen=True, slots=True)
class Rewording:
    """An error of ours, as another registry says it.

    It counts for errors of this code, at these endpoints and for these methods if any are named,
    and, unless None, where the path names a digest or doesn't, as `by_digest` says; what is empty
    stays as it is. `explained` moves our message into the detail. Another `detail` is JSON, where
    `{name}` is the repository and `{item}` the tag or digest of the path. With `each` there is an
    error for every entry of our detail of that name, which `{each}` is then.
    """

    code: str
    kinds: tuple[RouteKind, ...] = ()
    status: int = 0
    to: str = ""
    message: str = ""
    explained: bool = False
    bare: bool = False
    methods: tuple[str, ...] = ()
    by_digest: bool | None = None
    detail: object = Detail.KEPT
    each: str = ""


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """A header that answers have, or with None for a value have not.

    It counts for these endpoints, methods and statuses, and for all of them where none is named,
    and if it is there with the value `instead_of`, where that isn't empty. `{item}` in the value is
    the tag or digest that the path names.
    """

    name: str
    value: str | None
    kinds: tuple[RouteKind, ...] = ()
    methods: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one registry differs from the specification, and from the others.

    `hosts` are the names that it answers under. `no_route` is what is said of a path that it
    hasn't, `no_method` of a method that a path hasn't, beside the Allow of it, sorted. With
    `routes_bad_digests` a path has what is no digest, if only it looks like one. `sources` tells
    for each knob that is turned where that was read or seen, `unchecked` what is said of it without
    any source: those knobs are left as they are.
    """

    name: str
    title: str
    hosts: tuple[str, ...] = ()
    entry: EntryForm = field(default_factory=EntryForm)
    uploads: UploadForm = UploadForm()
    blobs: BlobForm = BlobForm()
    manifests: ManifestForm = ManifestForm()
    listing: ListingForm = ListingForm()
    limits: LimitForm = LimitForm()
    absent: tuple[Absent, ...] = ()
    no_route: FixedAnswer | None = None
    no_method: FixedAnswer | None = None
    routes_bad_digests: bool = False
    rewordings: tuple[Rewording, ...] = ()
    headers: tuple[HeaderRule, ...] = ()
    http2: bool = True
    quay_api: bool = False
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    unchecked: tuple[str, ...] = ()
