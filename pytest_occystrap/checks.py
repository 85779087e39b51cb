"""The assertions of a fake registry about its images.

Rule: a failure says what is missing.
"""

from __future__ import annotations

from occystrap.server.store import Store
from pytest_occystrap.contents import Contents, parse_reference
from pytest_occystrap.evidence import not_pulled, not_pushed
from pytest_occystrap.ledger import Ledger
from pytest_occystrap.observed import Observed

__all__ = ["Checks"]


class Checks(Contents, Observed):
    """The images of a registry, and what its clients did."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        Contents.__init__(self, store)
        Observed.__init__(self, ledger)

    def assert_pulled(self, reference: str) -> None:
        """Check that an image was pulled whole: its manifest, and each byte of every blob.

        Of an index one of its images is enough.

        Raises:
            AssertionError: something of it was not sent.
        """
        __tracebackhide__ = True
        lines = not_pulled(self.image(reference), self.requests)
        if lines:
            self._fail(f"{reference} was not pulled", lines)

    def assert_pushed(self, reference: str) -> None:
        """Check that an image was pushed and is there.

        Raises:
            AssertionError: it isn't there, or nobody but the test itself has put it there.
        """
        __tracebackhide__ = True
        name = parse_reference(reference)
        names, lines = [name.identifier], []
        try:
            names.append(self.image(reference).digest)
        except LookupError as error:
            lines.append(str(error))
        lines += not_pushed(name.repository, names, self.requests)
        if lines:
            self._fail(f"{reference} was not pushed", lines)
