"""What several need is made by the first of them."""

from __future__ import annotations

import threading

import pytest

from occystrap.errors import ImageInputError
from occystrap.image.once import Once
from occystrap.oci.descriptor import Descriptor

MADE = Descriptor.of(b"made", "a/b")


def test_it_is_made_once_for_each_key() -> None:
    """And everyone is told whether it was made for them."""
    once = Once()
    assert once.get("a", lambda: MADE) == (MADE, True)
    assert once.get("a", lambda: pytest.fail("made again")) == (MADE, False)
    assert once.get(("a", 1), lambda: MADE) == (MADE, True)


def test_who_comes_meanwhile_waits() -> None:
    """Until it is made."""
    once, has_begun, may_end = Once(), threading.Event(), threading.Event()
    found: list[tuple[Descriptor, bool]] = []

    def slowly() -> Descriptor:
        has_begun.set()
        assert may_end.wait(10)
        return MADE

    first = threading.Thread(target=lambda: found.append(once.get("a", slowly)))
    first.start()
    assert has_begun.wait(10)
    second = threading.Thread(
        target=lambda: found.append(once.get("a", lambda: pytest.fail("made twice")))
    )
    second.start()
    assert once.get("b", lambda: MADE) == (MADE, True)  # nobody waits for another key
    assert found == []
    may_end.set()
    for thread in (first, second):
        thread.join(10)
    assert sorted(is_new for _, is_new in found) == [False, True]


def test_after_an_error_the_next_makes_it() -> None:
    """An error isn't shared."""
    once = Once()

    def fail() -> Descriptor:
        raise ImageInputError

    with pytest.raises(ImageInputError):
        once.get("a", fail)
    assert once.get("a", lambda: MADE) == (MADE, True)
