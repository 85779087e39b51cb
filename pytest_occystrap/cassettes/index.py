"""The exchanges of a cassette by what they mean, so that one is found without looking at the rest.

Rule: of several answers to the same request each is played once, in the order in which they were
recorded, and then the last one again. An answer that was given after something had been written is
for those who ask after that has been written again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final

from occystrap.oci.routes import RouteKind
from occystrap.server.message import split_target
from pytest_occystrap.cassettes.changes import Thing, changed_by, looked_at
from pytest_occystrap.cassettes.form import Cassette, Ending, Interaction
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
from pytest_occystrap.cassettes.places import Places, asked_in
from pytest_occystrap.cassettes.sessions import (
    EMPTY,
    Sessions,
    opened_by,
    session_of,
    upload_of,
)

__all__ = ["Entry", "Index", "Track", "question_of"]

_OK: Final = 200
_SUCCESS: Final = range(200, 300)
_UNAUTHORIZED: Final = 401
_PING: Final = RouteKind.PING.value
#: What no challenge is known for: token endpoints, and paths that aren't of the API.
_WITHOUT_CHALLENGE: Final = frozenset({_PING, "token", "path"})
#: Answers that are about the range that was asked for.
_OF_RANGES: Final = frozenset({206, 416})


@dataclass(frozen=True, slots=True)
class Entry:
    """A recorded exchange, and what has to be known to play it.

    `position` counts from 1. `looks_at` is what its answer depends on, `state` how often that had
    been changed before; `changes` is what it has changed itself, and `change` the how manieth of
    its changes that was.
    """

    position: int
    interaction: Interaction
    question: Question = field(repr=False)
    meaning: Meaning
    wish: Wish
    looks_at: Thing | None
    state: int
    changes: Thing | None
    change: int

    @property
    def status(self) -> int:
        """The status of the answer; 0 if there was none."""
        response = self.interaction.response
        return 0 if response is None else response.status

    def serves(self, wish: Wish) -> bool:
        """Tell whether it can be the answer to somebody who asks in this way."""
        return (
            (wish.range == self.wish.range or self.status not in _OF_RANGES)
            and (wish.span == self.wish.span or not (wish.span and self.wish.span))
            and (wish.accept == self.wish.accept or self._is_accepted(wish))
        )

    def likeness(self, wish: Wish) -> tuple[bool, ...]:
        """Rank how close it comes to what was asked for."""
        return (
            wish.range == self.wish.range,
            wish.span == self.wish.span,
            wish.accept == self.wish.accept,
            wish.authorization == self.wish.authorization,
        )

    def _is_accepted(self, wish: Wish) -> bool:
        response = self.interaction.response
        if response is None or response.status != _OK:
            return True
        media_type = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        return any(fnmatchcase(media_type, each) for each in wish.accept)


class Track:
    """The answers to one request, by the state of what they are about."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._groups: dict[int, list[Entry]] = {}
        for entry in entries:
            self._groups.setdefault(entry.state, []).append(entry)
        self._states = sorted(self._groups)
        self._played = Counter[int]()

    @property
    def looks_at(self) -> Thing | None:
        """What the answers depend on."""
        return self._groups[self._states[0]][0].looks_at

    def play(self, state: int) -> Entry:
        """Take the next answer for a state; that of an earlier one if there is none."""
        chosen = self._states[max(bisect_right(self._states, state) - 1, 0)]
        group = self._groups[chosen]
        number = self._played[chosen]
        self._played[chosen] = number + 1
        return group[min(number, len(group) - 1)]


class Index:
    """A cassette that can be asked; by one thread at a time."""

    def __init__(self, cassette: Cassette) -> None:
        self.places = Places.of(cassette)
        self.entries: Sequence[Entry] = tuple(_entries(cassette, self.places))
        self._buckets: dict[Meaning, dict[Wish, list[Entry]]] = {}
        #: What was asked with a login, without it; and by origin how it was asked for.
        self._logins: set[Meaning] = set()
        self._pings: dict[str, Entry] = {}
        #: By the very wish, or by the positions of what serves instead.
        self._tracks: dict[tuple[Meaning, Wish | tuple[int, ...]], Track] = {}
        for entry in self.entries:
            wishes = self._buckets.setdefault(entry.meaning, {})
            wishes.setdefault(entry.wish, []).append(entry)
            if entry.meaning.credential:
                self._logins.add(replace(entry.meaning, credential=""))
            elif entry.meaning.subject[0] == _PING and entry.status == _UNAUTHORIZED:
                self._pings.setdefault(entry.meaning.origin, entry)

    def find(self, meaning: Meaning, wish: Wish) -> Track | None:
        """Find the answers to a request: those to the very same one, else those that serve."""
        bucket = self._buckets.get(meaning)
        if bucket is None:
            return None
        if wish in bucket:
            return self._track((meaning, wish), bucket[wish])
        found = _nearest(bucket, wish)
        positions = tuple(entry.position for entry in found)
        return self._track((meaning, positions), found) if found else None

    def _track(
        self, key: tuple[Meaning, Wish | tuple[int, ...]], entries: Sequence[Entry]
    ) -> Track:
        if key not in self._tracks:
            self._tracks[key] = Track(entries)
        return self._tracks[key]

    def challenge(self, meaning: Meaning) -> Entry | None:
        """Find what told a client to log in, for a request that was recorded with a login only.

        A client that asks at once is told what one was told that had begun with a ping.
        """
        if meaning.credential or meaning.subject[0] in _WITHOUT_CHALLENGE:
            return None
        return self._pings.get(meaning.origin) if meaning in self._logins else None


def _nearest(bucket: Mapping[Wish, Sequence[Entry]], wish: Wish) -> list[Entry]:
    """Choose, of all that serve, those that come closest, as they were recorded."""
    serving = [entry for entries in bucket.values() for entry in entries if entry.serves(wish)]
    best = max((entry.likeness(wish) for entry in serving), default=())
    closest = [entry for entry in serving if entry.likeness(wish) == best]
    return sorted(closest, key=lambda entry: entry.position)


def _entries(cassette: Cassette, places: Places) -> Iterable[Entry]:
    sessions, changes = Sessions(), Counter[Thing]()
    for position, interaction in enumerate(cassette.interactions, 1):
        question, response = question_of(interaction), interaction.response
        before = sessions.content(session_of(question))
        after = (before or EMPTY).extended(interaction.request.body)
        looks_at, changed = looked_at(question), None
        if interaction.ending is Ending.COMPLETE and response is not None:
            changed = changed_by(question, response.status)
            opened = opened_by(question, response.status, response.headers)
            if opened is not None:
                sessions.open(opened)
            elif response.status in _SUCCESS:
                sessions.accept(question, after)
        state = changes[looks_at] if looks_at is not None else 0
        if changed is not None:
            changes[changed] += 1
        yield Entry(
            position,
            interaction,
            question,
            meaning_of(question, places.realms, upload_of(before, after)),
            wish_of(question),
            looks_at,
            state,
            changed,
            changes[changed] if changed is not None else 0,
        )


def question_of(interaction: Interaction) -> Question:
    """Read a recorded request as one that is asked now.

    Raises:
        CassetteError: it is none.
    """
    request = interaction.request
    asked, body = asked_in(request), request.body
    head = body.read() if is_form(request.headers) and body.size <= LONGEST_FORM else b""
    path, query = split_target(asked.target)
    sent = Sent(body.digest, body.size, head)
    return Question(request.method, asked.origin.authority, path, query, request.headers, sent)
