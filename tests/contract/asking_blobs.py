"""Requests about uploads and blobs, in order and out of it."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from occystrap.oci.digest import Digest
from tests.contract.asking import (
    CONTENTS,
    MAYBE_ELSEWHERE,
    NO_DIGESTS,
    NUMBERS,
    UNKNOWN,
    USING,
    Asking,
    Upload,
    condition,
)
from tests.support.side_by_side import Place, Request

__all__ = ["AskingBlobs"]

DIGESTS = st.sampled_from(["right"] * 9 + ["none", *UNKNOWN * 2, *NO_DIGESTS])
SPANS = st.sampled_from([None, None, 0, 0, 1, -1, "junk", "5-2"])
TYPES = st.sampled_from([None, "application/octet-stream", "text/plain"])
RANGES = st.sampled_from(
    [None] * 6
    + ["junk", "bytes=0-0,2-3"]
    + [f"bytes={each}" for each in ("0-0", "1-", "-2", "2-1", "99999-", "0-9999999", "0-", "")]
)


def content_range(upload: Upload, content: bytes, span: int | str | None) -> dict[str, str]:
    """Say where a chunk belongs: so many bytes beside the truth, or in words of one's own."""
    if span is None:
        return {}
    if isinstance(span, str):
        return {"Content-Range": span}
    start = len(upload.received) + span
    return {"Content-Range": f"{start}-{start + len(content) - 1}"}


class AskingBlobs(Asking):
    """The rules."""

    @rule(target=Asking.uploads, number=NUMBERS)
    def begin(self, number: int) -> Upload:
        """Open an upload."""
        return self.open_upload(number)

    @rule(number=NUMBERS, content=CONTENTS, digest=DIGESTS)
    def push_at_once(self, number: int, content: bytes, digest: str) -> None:
        """Push a blob with POST alone."""
        params = {"digest": str(Digest.of(content)) if digest == "right" else digest}
        path = f"/v2/{self.name(number)}/blobs/uploads/"
        self.ask(Request("POST", path, params, content=content))

    @rule(
        upload=Asking.uploads,
        content=CONTENTS,
        span=SPANS,
        kind=TYPES,
        late=st.sampled_from([False, False, False, True]),
        streamed=st.booleans(),
    )
    def append(
        self,
        upload: Upload,
        content: bytes,
        span: int | str | None,
        kind: str | None,
        late: bool,
        streamed: bool,
    ) -> None:
        """Send a chunk: in its place or beside it, of any type, to the newest place or not."""
        headers = content_range(upload, content, span)
        headers |= {} if kind is None else {"Content-Type": kind}
        place = upload.first if late else upload.place
        request = Request("PATCH", place, headers=headers, content=content, streamed=streamed)
        ours, theirs = self.ask(request)
        if ours.status == theirs.status == 202:
            upload.place = Place(ours.location, theirs.location)
            upload.received += content

    @rule(
        upload=Asking.uploads,
        content=st.just(b"") | CONTENTS,
        # They'd part at sha384, which docker-registry can read: then it takes what comes with it.
        digest=DIGESTS.filter(lambda digest: not digest.startswith("sha384:")),
        span=SPANS,
    )
    def commit(self, upload: Upload, content: bytes, digest: str, span: int | str | None) -> None:
        """End an upload, under a digest that is right or not."""
        right = str(Digest.of(upload.received + content))
        params = {} if digest == "none" else {"digest": right if digest == "right" else digest}
        headers = content_range(upload, content, span)
        self.ask(Request("PUT", upload.place, params, headers, content))

    @rule(upload=Asking.uploads, method=st.sampled_from(["GET", "GET", "HEAD", "DELETE"]))
    def look_or_cancel(self, upload: Upload, method: str) -> None:
        """Ask how far an upload has come, or give it up."""
        self.ask(Request(method, upload.place))

    @rule(upload=Asking.uploads, number=NUMBERS, method=st.sampled_from(["GET", "PUT", "PATCH"]))
    def go_on_elsewhere(self, upload: Upload, number: int, method: str) -> None:
        """Take an upload to another repository."""
        names = self.name(upload.number), self.name(number)
        if names[0] != names[1]:
            old, new = (f"/v2/{name}/blobs/" for name in names)
            place = Place(
                upload.place.ours.replace(old, new), upload.place.theirs.replace(old, new)
            )
            self.ask(Request(method, place))

    @rule(
        number=NUMBERS,
        source=st.sampled_from([0, 0, 1, 2, "UPPER", "nowhere", None]),
        content=CONTENTS,
        digest=DIGESTS,
    )
    def mount(self, number: int, source: int | str | None, content: bytes, digest: str) -> None:
        """Mount what is there or not, from where it is or not."""
        origin = self.name(source) if isinstance(source, int) else source
        blob = {"right": str(Digest.of(content)), "none": None}.get(digest, digest)
        params = {"mount": blob, "from": origin}
        said = {name: value for name, value in params.items() if value is not None}
        self.ask(Request("POST", f"/v2/{self.name(number)}/blobs/uploads/", said))

    @initialize(target=Asking.blobs, content=CONTENTS)
    def begin_with_a_blob(self, content: bytes) -> tuple[int, bytes]:
        """Push one, so that there is something to ask for."""
        self.push_blob(0, content)
        return 0, content

    @rule(target=Asking.blobs, number=NUMBERS, content=CONTENTS)
    def push(self, number: int, content: bytes) -> tuple[int, bytes]:
        """Push a blob as clients do."""
        self.push_blob(number, content)
        return number, content

    @rule(
        blob=Asking.blobs,
        method=USING | st.just("PUT"),
        number=MAYBE_ELSEWHERE,
        span=RANGES,
        etag=st.sampled_from([None] * 5 + ["own", '"x"', "*"]),
    )
    def use_blob(
        self,
        blob: tuple[int, bytes],
        method: str,
        number: int | None,
        span: str | None,
        etag: str | None,
    ) -> None:
        """Ask for a blob or a part of it, where it was pushed or elsewhere, or remove it."""
        digest = str(Digest.of(blob[1]))
        headers = {} if span is None else {"Range": span}
        headers |= condition(method, digest, etag)
        name = self.name(blob[0] if number is None else number)
        self.ask(Request(method, f"/v2/{name}/blobs/{digest}", headers=headers))
