"""What the machine of test_side_by_side.py stands on: repositories of its own, and a comparison.

Rule: after every request both hold the same, so that what is asked next can be compared, too. What
would make them part, as a digest of sha512 does, isn't asked: differences.py has it with an example
of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine

from occystrap.oci.digest import Digest
from tests.contract.differences import SIDE_BY_SIDE
from tests.support.side_by_side import Answer, Both, Place, Request
from tests.support.wire import CONFIG, WHOLE_CONFIG

__all__ = [
    "ALL_CONTENTS",
    "CONTENTS",
    "MAYBE_ELSEWHERE",
    "METHODS",
    "NO_DIGESTS",
    "NUMBERS",
    "UNKNOWN",
    "USING",
    "Asking",
    "Upload",
    "condition",
]

ALL_CONTENTS = (b"", b"one", b"two two", CONFIG, WHOLE_CONFIG, bytes(300))
CONTENTS = st.sampled_from(ALL_CONTENTS)
METHODS = st.sampled_from(["GET", "GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"])
#: For what may be there.
USING = st.sampled_from(["GET"] * 5 + ["HEAD"] * 3 + ["DELETE"] * 2 + ["POST", "PATCH"])
#: Which repository: most requests meet in one.
NUMBERS = st.sampled_from([0, 0, 0, 1, 2])
#: None for where something was pushed.
MAYBE_ELSEWHERE = st.sampled_from([None, None, None, None, 0, 1, 2])
NO_DIGESTS = (
    *("sha256:short", "md5:0123456789abcdef0123456789abcdef", "x", ":", "sha256:"),
    *(f"sha256:{'A' * 64}", f"sha384:{'0' * 96}"),
)
UNKNOWN = (f"sha256:{'0' * 64}", f"sha512:{'0' * 128}")


def condition(method: str, digest: str, etag: str | None) -> dict[str, str]:
    """Say what the client has; "own" is what it asks for. They'd part at other methods."""
    if etag is None or method not in ("GET", "HEAD"):
        return {}
    return {"If-None-Match": f'"{digest}"' if etag == "own" else etag}


@dataclass
class Upload:
    """An upload at both: its repository, where it goes on, where it began, and what has come."""

    number: int
    place: Place
    first: Place
    received: bytes = b""


class Asking(RuleBasedStateMachine):
    """Asks both, and compares; no two examples share a repository, so one registry serves all."""

    uploads = Bundle("uploads")
    blobs = Bundle("blobs")
    images = Bundle("images")

    def __init__(self, both: Both) -> None:
        super().__init__()
        self.both = both
        self.prefix = f"m{next(both.numbers):06d}"

    def name(self, number: int) -> str:
        """Name one of the repositories of this example."""
        return self.prefix + ("a", "a/b", "c")[number]

    def ask(self, request: Request) -> tuple[Answer, Answer]:
        """Ask both, and compare."""
        ours, theirs = self.both.ask(request)
        is_known = any(each.applies(request, ours, theirs) for each in SIDE_BY_SIDE.values())
        assert ours == theirs or is_known, f"{request}\n  ours:   {ours}\n  theirs: {theirs}"
        return ours, theirs

    def open_upload(self, number: int) -> Upload:
        """Begin an upload at both."""
        ours, theirs = self.ask(Request("POST", f"/v2/{self.name(number)}/blobs/uploads/"))
        place = Place(ours.location, theirs.location)
        return Upload(number, place, place)

    def push_blob(self, number: int, content: bytes) -> None:
        """Push a blob as clients do."""
        params = {"digest": str(Digest.of(content))}
        place = self.open_upload(number).place
        self.ask(Request("PUT", place, params, content=content))
