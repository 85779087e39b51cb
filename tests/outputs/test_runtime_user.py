"""The user of an image by name or number, and the groups of that user."""

from __future__ import annotations

import pytest

from occystrap.errors import ImageInputError
from occystrap.outputs.runtime_user import GROUP, PASSWD, RuntimeUser, resolve_user

FILES = {
    PASSWD: b"root:x:0:0:root:/root:/bin/sh\n# a comment\nbroken\n\napp:x:1000:1001::/:/bin/sh\n"
    b"12:x:7:8::/:/bin/sh\nhuge:x:99999999999:0::/:\n",
    GROUP: b"root:x:0:\nwheel:x:10:root,app\napp:x:1001:\nextra:x:2000:other, app\n42:x:77:\n",
}


@pytest.mark.parametrize(
    ("user", "found"),
    [
        ("", RuntimeUser(0, 0, (10,))),
        ("root", RuntimeUser(0, 0, (10,))),
        ("app", RuntimeUser(1000, 1001, (10, 2000))),
        ("1000", RuntimeUser(1000, 1001, (10, 2000))),
        ("app:", RuntimeUser(1000, 1001, (10, 2000))),
        ("app:wheel", RuntimeUser(1000, 10)),
        ("app:5", RuntimeUser(1000, 5)),
        ("app:42", RuntimeUser(1000, 77)),
        ("12", RuntimeUser(7, 8)),
        ("4000", RuntimeUser(4000, 0)),
        ("4000:extra", RuntimeUser(4000, 2000)),
        (":extra", RuntimeUser(0, 2000)),
    ],
)
def test_users_and_groups_are_those_of_the_image(user: str, found: RuntimeUser) -> None:
    """A name goes before a number; with a group there are no others."""
    assert resolve_user(user, FILES.get) == found


@pytest.mark.parametrize("user", ["nobody", "app:nogroup", "huge", "-1", "4294967295", "\u0661"])
def test_who_is_not_in_the_image_is_refused(user: str) -> None:
    """The machine's own users are not asked."""
    with pytest.raises(ImageInputError, match=r"the image has no (user|group) "):
        resolve_user(user, FILES.get)


def test_an_image_without_users_has_root_and_numbers() -> None:
    """An image from scratch needs no /etc/passwd."""
    assert resolve_user("", lambda _: None) == RuntimeUser()
    assert resolve_user("5:6", lambda _: None) == RuntimeUser(5, 6)
