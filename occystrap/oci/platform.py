"""Platforms, and choosing one of those that an index offers.

Rule: a choice that can't be made says what there was to choose from.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md; which names mean the
same, and which variant stands in for which, follows containerd's `platforms` package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from occystrap.errors import InvalidManifest, InvalidOption, PlatformNotFound
from occystrap.oci.documents import field, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Platform", "choose"]

_PART: Final = r"[A-Za-z0-9_.-]+"
_GRAMMAR: Final = re.compile(
    rf"(?P<os>{_PART})(?:\((?P<os_version>{_PART})\))?"
    rf"/(?P<architecture>{_PART})(?:/(?P<variant>{_PART}))?"
)
#: Other names of an architecture, and the variant that they imply.
_ALIASES: Final = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
#: What an absent variant means.
_DEFAULT_VARIANT: Final = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
_GENERATION: Final = re.compile(r"v(?P<major>[0-9]{1,3})(?:\.(?P<minor>[0-9]{1,3}))?")
#: How well a platform serves when only one side names a variant: worse than any that can be ranked.
_LOOSELY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and a processor."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `os[(version)]/architecture[/variant]`.

        Raises:
            InvalidOption: the text is something else.
        """
        match = _GRAMMAR.fullmatch(text)
        if match is None:
            raise InvalidOption(
                f"not a platform: {text[:100]!r} (os/architecture[/variant], say linux/arm64/v8)"
            )
        os, os_version, architecture, variant = match.groups("")
        return cls(os, architecture, variant, os_version)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Platform:
        """Read the platform object of a descriptor or of an image configuration.

        Raises:
            InvalidManifest: a field isn't of its kind.
        """
        what = "a platform"

        def text(name: str) -> str:
            value = field(document, name, str, what) or ""
            if not value.isprintable():  # it goes to terminals
                raise InvalidManifest(f"{name!r} of {what} can't be printed: {value[:100]!r}")
            return value

        return cls(
            text("os"),
            text("architecture"),
            text("variant"),
            text("os.version"),
            texts(document, "os.features", what),
        )

    def to_document(self) -> dict[str, object]:
        """Write the platform object of a descriptor."""
        document: dict[str, object] = {"architecture": self.architecture, "os": self.os}
        if self.os_version:
            document["os.version"] = self.os_version
        if self.os_features:
            document["os.features"] = list(self.os_features)
        if self.variant:
            document["variant"] = self.variant
        return document

    @property
    def normal(self) -> tuple[str, str, str]:
        """OS, architecture and variant under the names that everyone else uses."""
        architecture = self.architecture.lower()
        architecture, implied = _ALIASES.get(architecture, (architecture, ""))
        variant = self.variant.lower() or implied or _DEFAULT_VARIANT.get(architecture, "")
        if _GENERATION.fullmatch(f"v{variant}"):
            variant = f"v{variant}"
        return self.os.lower(), architecture, variant

    def serves(self, wanted: Platform) -> int | None:
        """Rank how well this platform stands in for another: 0 is best, None is not at all.

        Processors run what was built for older generations of their kind.
        """
        *system, variant = self.normal
        *wanted_system, wanted_variant = wanted.normal
        if system != wanted_system or not self._has_version(wanted.os_version):
            return None
        if variant == wanted_variant:
            return 0
        if not variant or not wanted_variant:
            return _LOOSELY
        generation, newest = _generation(variant), _generation(wanted_variant)
        if generation is None or newest is None or generation > newest:
            return None
        return newest - generation

    def _has_version(self, wanted: str) -> bool:
        """Compare as many parts of the version as were said: Windows appends build numbers."""
        return not wanted or f"{self.os_version}.".startswith(f"{wanted}.")

    def __str__(self) -> str:
        system = f"{self.os}({self.os_version})" if self.os_version else self.os
        return "/".join(part for part in (system, self.architecture, self.variant) if part)


def _generation(variant: str) -> int | None:
    match = _GENERATION.fullmatch(variant)
    return None if match is None else int(match["major"]) * 1000 + int(match["minor"] or 0)


class _Offer(Protocol):
    @property
    def platform(self) -> Platform | None: ...


OfferT = TypeVar("OfferT", bound=_Offer)


def choose(offers: Sequence[OfferT], wanted: Platform) -> OfferT:
    """Return the first of the offers that serve the platform best.

    A single offer that doesn't say its platform is taken for what it is. Attestations don't count.

    Raises:
        PlatformNotFound: none serves it; the message lists what there is.
    """
    images = [(offer, _stated(offer)) for offer in offers if not _is_attestation(offer)]
    if len(images) == 1 and images[0][1] is None:
        return images[0][0]
    ranked = [
        (rank, position)
        for position, (_, platform) in enumerate(images)
        if platform is not None and (rank := platform.serves(wanted)) is not None
    ]
    if ranked:
        return images[min(ranked)[1]][0]
    available = tuple(
        dict.fromkeys(str(platform) for _, platform in images if platform is not None)
    )
    listed = ", ".join(available) or "nothing that says its platform"
    raise PlatformNotFound(
        f"no image for platform {wanted}; there is: {listed}"
        " (choose with --os, --architecture and --variant)",
        available,
    )


def _stated(offer: _Offer) -> Platform | None:
    """Return the platform of an offer, unless it is the empty one that some tools write."""
    platform = offer.platform
    return platform if platform is not None and (platform.os or platform.architecture) else None


def _is_attestation(offer: _Offer) -> bool:
    """Whether an offer is BuildKit's attestation for an image beside it."""
    return offer.platform is not None and offer.platform.os == "unknown"
