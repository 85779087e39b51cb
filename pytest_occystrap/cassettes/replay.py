"""A cassette that answers as the registry did from which it was recorded.

Rule: what a request means decides, not when it comes; and nothing is answered that wasn't recorded.
Bodies are hashed as they come and sent as they are read, none is held.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from occystrap.oci.digest import Digester
from occystrap.server.message import Request, Response, split_target
from pytest_occystrap.cassettes.changes import Thing
from pytest_occystrap.cassettes.form import Cassette, Ending, Interaction
from pytest_occystrap.cassettes.index import Entry, Index
from pytest_occystrap.cassettes.meaning import (
    LONGEST_FORM,
    Meaning,
    Question,
    Sent,
    Wish,
    is_form,
    meaning_of,
    wish_of,
)
from pytest_occystrap.cassettes.mismatch import Unmatched, UnmatchedRequest, compare
from pytest_occystrap.cassettes.playing import play
from pytest_occystrap.cassettes.sessions import (
    Content,
    Sessions,
    opened_by,
    renamed,
    session_of,
    upload_of,
)

__all__ = ["Replay", "UnmatchedRequest"]

_IN_PROCESS: Final = "in-process"
_SUCCESS: Final = range(200, 300)


class Replay:
    """A Handler that plays a cassette.

    A request that isn't in it raises UnmatchedRequest in process, with the nearest recorded ones,
    and is a 501 over sockets, or a 400 if but the bytes that it sends are others. With
    `allow_unmatched` it is that in process, too. `remark` is told of each.

    with serve(Replay(load_cassette(Path("cassettes/quay/pull.yaml")))) as listener: ...

    Raises:
        occystrap.errors.CassetteError: something in it is no request.
    """

    def __init__(
        self,
        cassette: Cassette,
        *,
        allow_unmatched: bool = False,
        remark: Callable[[Unmatched], None] = lambda _: None,
    ) -> None:
        self.cassette = cassette
        self.allow_unmatched = allow_unmatched
        self._remark = remark
        self._index = Index(cassette)
        self._sessions = Sessions()
        self._changes = Counter[Thing]()
        self._played = set[int]()
        self._unmatched: list[Unmatched] = []
        self._lock = threading.Lock()

    @property
    def unmatched(self) -> list[Unmatched]:
        """Requests that weren't in the cassette, in the order in which they came."""
        with self._lock:
            return list(self._unmatched)

    @property
    def unplayed(self) -> list[Interaction]:
        """Exchanges that nobody has asked for yet."""
        with self._lock:
            entries = [each for each in self._index.entries if each.position not in self._played]
        return [entry.interaction for entry in entries]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that were asked in the recording, the registry first."""
        places = self._index.places
        origins = (places.main, *places.origins)
        return tuple(dict.fromkeys(origin.authority for origin in origins))

    @property
    def storage_hosts(self) -> tuple[str, ...]:
        """Those of them that are neither a registry nor give out tokens."""
        return self._index.places.storage

    def handle(self, request: Request) -> Response:
        """Answer as recorded.

        Raises:
            UnmatchedRequest: nothing like it was recorded, and it came in process.
            ResetConnection, CloseConnection: so it ended in the recording.
        """
        asked = self._index.places.asked(request)
        path, query = split_target(asked.target)
        question = Question(request.method, asked.origin.authority, path, query, request.headers)
        with self._lock:
            before = self._sessions.content(session_of(question))
        question, after = _read(request, question, before)
        wish = wish_of(question)
        meaning = meaning_of(question, self._index.places.realms, upload_of(before, after))
        with self._lock:
            found = self._choose(question, meaning, wish, after)
        if found is None:
            return self._refuse(compare(question, meaning, wish, self._index.entries), request)
        entry, names = found
        wanted = "" if wish.range == entry.wish.range else wish.range
        response = play(entry.interaction, request.method, wanted)
        headers = renamed(response.headers, *names)
        return replace(response, headers=self._index.places.lead(headers, asked, request))

    def _choose(
        self, question: Question, meaning: Meaning, wish: Wish, after: Content
    ) -> tuple[Entry, tuple[str, str]] | None:
        """Find what is played; and what the session of an upload is called there, and here."""
        track = self._index.find(meaning, wish)
        if track is None:
            challenge = self._index.challenge(meaning)
            return None if challenge is None else (challenge, ("", ""))
        looks_at = track.looks_at
        entry = track.play(0 if looks_at is None else self._changes[looks_at])
        self._played.add(entry.position)
        recorded, asked = session_of(entry.question), session_of(question)
        names = (recorded[-1], asked[-1]) if recorded and asked else ("", "")
        response = entry.interaction.response
        if response is None or entry.interaction.ending is not Ending.COMPLETE:
            return entry, names
        if entry.changes is not None:
            self._changes[entry.changes] = max(self._changes[entry.changes], entry.change)
        opened = opened_by(question, response.status, response.headers)
        if opened is not None:
            names = opened[-1], self._sessions.open(opened)[-1]
        elif response.status in _SUCCESS:
            self._sessions.accept(question, after)
        return entry, names

    def _refuse(self, unmatched: Unmatched, request: Request) -> Response:
        with self._lock:
            self._unmatched.append(unmatched)
        self._remark(unmatched)
        if request.door == _IN_PROCESS and not self.allow_unmatched:
            raise UnmatchedRequest("\n".join(["nothing is recorded for", *unmatched.lines]))
        return unmatched.refusal.response


def _read(request: Request, question: Question, before: Content | None) -> tuple[Question, Content]:
    """Hash the body of a request as it comes, and with what its upload holds; keep only forms."""
    digester, head = Digester(), bytearray()
    whole = before.digester() if before is not None and before.size else digester
    kept = LONGEST_FORM if is_form(request.headers) else 0
    for piece in request.body:
        digester.update(piece)
        if whole is not digester:
            whole.update(piece)
        head += piece[: kept - len(head)]
    sent = Sent(digester.digest, digester.size, bytes(head))
    return replace(question, sent=sent), Content.of(whole)
