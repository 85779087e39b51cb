"""A registry that speaks a dialect: one handler for each part that differs, over the registry.

Rule: what a dialect leaves as the specification has it costs no handler. From the outside in:
headers, the API of Quay, entry, limits, endpoints, what they do, and how errors are worded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, final

from occystrap.server.cdn import Cdn, RedirectBlobs
from occystrap.server.gate import BearerGate
from occystrap.server.message import Handler, Request, Response
from occystrap.server.store import BlobStore, Store
from pytest_occystrap.dialects.blobs import DialectBlobs
from pytest_occystrap.dialects.entry import BasicEntry, BearerEntry, Visibility
from pytest_occystrap.dialects.entry_form import Scheme
from pytest_occystrap.dialects.form import Dialect, ListingForm, ManifestForm, Redirect, UploadForm
from pytest_occystrap.dialects.history import TagHistory
from pytest_occystrap.dialects.limits import DialectLimits
from pytest_occystrap.dialects.listing import DialectListing
from pytest_occystrap.dialects.manifests import DialectManifests
from pytest_occystrap.dialects.mounts import DialectMounts
from pytest_occystrap.dialects.quay_api import QuayApi
from pytest_occystrap.dialects.uploads import DialectUploads
from pytest_occystrap.dialects.wording import Endpoints, HeaderRules, Rewordings

__all__ = ["Speaking", "StockedHandler", "new_cdn", "speak"]

Clock = Callable[[], float]
#: (request for a blob, signed path and query) -> the URL to send the client to.
Location = Callable[[Request, str], str]


class StockedHandler(Protocol):
    """A registry, and the store that it answers from."""

    @property
    def store(self) -> Store:
        """What it holds."""
        ...

    def handle(self, request: Request) -> Response:
        """Answer."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Speaking:
    """A Handler that speaks a dialect; `gate` gives out its tokens, if it has any."""

    handler: Handler
    gate: BearerGate | None = None
    history: TagHistory | None = None

    def handle(self, request: Request) -> Response:
        """Answer in the dialect."""
        return self.handler.handle(request)

    def look(self) -> None:
        """Take note of tags that were set in the store directly, with the time that it is."""
        if self.history is not None:
            self.history.look()


def new_cdn(dialect: Dialect, store: BlobStore, clock: Clock) -> Cdn | None:
    """Make the host that a dialect sends clients to for blobs; None where there is none."""
    redirect = dialect.blobs.redirect
    if redirect is None:
        return None
    return Cdn(store, clock=clock, lifetime=redirect.seconds, style=redirect.style)


def speak(
    dialect: Dialect,
    registry: StockedHandler,
    *,
    clock: Clock,
    accounts: Mapping[str, str] | None = None,
    private: Collection[str] = (),
    cdn: Cdn | None = None,
    location: Location | None = None,
    limits: bool = False,
) -> Speaking:
    """Make a registry speak a dialect.

    The clock gives seconds since 1970. Without `accounts` everyone may do everything, with a token
    if it is a dialect of tokens; with them, strangers may pull what isn't in `private`. Blobs are
    redirected to `cdn` if it is given, at the URL that `location` makes of the signed path; by
    default that is the dialect's own host for blobs. `limits` keeps also those limits that the
    registry doesn't announce.
    """
    store = registry.store
    handler = _endpoints(dialect, _redirected(dialect, registry, cdn, location), store, clock)
    quota = dialect.limits.quota
    if quota is not None and (quota.announced or limits):
        handler = DialectLimits(handler, dialect.limits, quota, clock)
    gate = None
    if dialect.entry.scheme is Scheme.BASIC and accounts is not None:
        handler = BasicEntry(handler, dialect.entry, accounts)
    elif dialect.entry.scheme is Scheme.BEARER:
        visibility = Visibility(store, private, dialect.entry.hides_unknown)
        handler = entry = BearerEntry(
            handler, dialect.entry, visibility, hosts=dialect.hosts, accounts=accounts, clock=clock
        )
        gate = entry.gate
    history = None
    if dialect.quay_api:
        history = TagHistory(store, clock)
        handler = QuayApi(handler, store, history, clock, accounts, private)
    if dialect.headers:
        handler = HeaderRules(handler, dialect.headers)
    return Speaking(handler, gate, history)


def _redirected(
    dialect: Dialect, inner: Handler, cdn: Cdn | None, location: Location | None
) -> Handler:
    redirect = dialect.blobs.redirect
    if cdn is None or redirect is None:
        return inner
    return RedirectBlobs(inner, cdn, location or _at(redirect), status=redirect.status)


def _at(redirect: Redirect) -> Location:
    return lambda request, signed: f"{request.scheme}://{redirect.host}{signed}"


def _endpoints(dialect: Dialect, handler: Handler, store: Store, clock: Clock) -> Handler:
    if dialect.rewordings:
        handler = Rewordings(handler, dialect.rewordings)
    if dialect.blobs.several_ranges is not None:
        handler = DialectBlobs(handler, dialect.blobs.several_ranges)
    uploads = dialect.uploads
    if uploads.mount_from_nowhere or uploads.mounts_what_manifests_name:
        handler = DialectMounts(handler, uploads, store)
    if uploads != UploadForm():
        handler = DialectUploads(handler, uploads)
    if dialect.manifests != ManifestForm():
        handler = DialectManifests(handler, dialect.manifests, store)
    if dialect.listing != ListingForm():
        handler = DialectListing(handler, dialect.listing, clock)
    if dialect.absent or dialect.no_route is not None or dialect.no_method is not None:
        handler = Endpoints(handler, dialect)
    return handler
