"""Platforms, and choosing one of those that an index offers.

Rule: a choice that can't be made says what there was to choose from.
Spec: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md; which variants of
arm stand in for which follows containerd's `platforms` package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from occystrap.errors import PlatformNotFound
from occystrap.oci.documents import field, list_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Platform", "choose"]

_SAME_ARCHITECTURE: Final = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", "v8"),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
#: What an absent variant means.
_DEFAULT_VARIANT: Final = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
_ARM_VARIANTS: Final = ("v8", "v7", "v6", "v5")


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
        """Read `os/architecture[/variant]`; a missing part is empty."""
        os, _, rest = text.partition("/")
        architecture, _, variant = rest.partition("/")
        return cls(os, architecture, variant)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Platform:
        """Read the platform object of a descriptor or of an image configuration.

        Raises:
            InvalidManifest: a field isn't of its kind.
        """

        def text(name: str) -> str:
            return field(document, name, str, "a platform") or ""

        return cls(
            text("os"),
            text("architecture"),
            text("variant"),
            text("os.version"),
            tuple(str(feature) for feature in list_field(document, "os.features", "a platform")),
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
        os = self.os.lower()
        architecture = self.architecture.lower()
        architecture, variant = _SAME_ARCHITECTURE.get(architecture, (architecture, ""))
        variant = self.variant.lower() or variant or _DEFAULT_VARIANT.get(architecture, "")
        if variant.isdigit():
            variant = f"v{variant}"
        return os, architecture, variant

    def serves(self, wanted: Platform) -> int | None:
        """How well this platform stands in for another: 0 is best, None is not at all."""
        os, architecture, variant = self.normal
        wanted_os, wanted_architecture, wanted_variant = wanted.normal
        if (os, architecture) != (wanted_os, wanted_architecture):
            return None
        if wanted.os_version and wanted.os_version != self.os_version:
            return None
        if variant == wanted_variant:
            return 0
        if architecture == "arm" and {variant, wanted_variant} <= set(_ARM_VARIANTS):
            distance = _ARM_VARIANTS.index(variant) - _ARM_VARIANTS.index(wanted_variant)
            return distance if distance > 0 else None
        if not variant:
            return len(_ARM_VARIANTS)
        return None

    def __str__(self) -> str:
        text = "/".join(part for part in (self.os, self.architecture, self.variant) if part)
        return f"{text} ({self.os_version})" if self.os_version else text


class _Offer(Protocol):
    @property
    def platform(self) -> Platform | None: ...


OfferT = TypeVar("OfferT", bound=_Offer)


def choose(offers: Sequence[OfferT], wanted: Platform) -> OfferT:
    """Return the first of the offers that serve the platform best.

    A single offer that doesn't say its platform is taken for what it is.

    Raises:
        PlatformNotFound: none serves it; the message lists what there is.
    """
    if len(offers) == 1 and offers[0].platform is None:
        return offers[0]
    ranked = [
        (rank, position)
        for position, offer in enumerate(offers)
        if offer.platform is not None and (rank := offer.platform.serves(wanted)) is not None
    ]
    if ranked:
        return offers[min(ranked)[1]]
    available = tuple(dict.fromkeys(str(offer.platform) for offer in offers if _runs(offer)))
    listed = ", ".join(available) or "none at all"
    raise PlatformNotFound(
        f"no image for platform {wanted}; there is: {listed}"
        " (choose with --os, --architecture and --variant)",
        available,
    )


def _runs(offer: _Offer) -> bool:
    """Whether an offer is an image: attestations say their platform is unknown/unknown."""
    return offer.platform is not None and offer.platform.os not in ("", "unknown")
