"""Platforms, and choosing one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidManifest, InvalidOption, PlatformNotFound
from occystrap.oci.platform import Platform, choose
from tests.support.strategies import ANY_TEXT, PLATFORMS, json_values, near, objects_with


@dataclass(frozen=True)
class Offer:
    """What an index lists, as far as a choice goes; `name` tells two of them apart."""

    platform: Platform | None
    name: str = ""


def offers(*platforms: str) -> list[Offer]:
    """One offer a platform; "" is one that doesn't say, "unknown/unknown" an attestation."""
    return [Offer(Platform.parse(text) if text else None) for text in platforms]


def chosen(wanted: str, *platforms: str) -> str | None:
    """What is chosen, printed; None if nothing is."""
    try:
        return str(choose(offers(*platforms), Platform.parse(wanted)).platform)
    except PlatformNotFound:
        return None


@given(PLATFORMS)
def test_what_is_printed_is_read_back(platform: Platform) -> None:
    """Parsing what a platform prints gives the platform."""
    assert Platform.parse(str(platform)) == platform


@given(ANY_TEXT | near("linux/arm64v8()."))
def test_text_is_a_platform_or_an_invalid_option(text: str) -> None:
    """Whatever the text is, there is a platform that prints it, or the named error."""
    try:
        assert str(Platform.parse(text)) == text
    except InvalidOption as error:
        assert "linux/arm64/v8" in str(error)  # noqa: PT017 - either outcome is fine


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/arm/", "l nux/arm", "a(b/c"]
)
def test_what_is_no_platform(text: str) -> None:
    """A platform has two or three parts."""
    with pytest.raises(InvalidOption):
        Platform.parse(text)


@given(st.builds(Platform, st.text(max_size=0), st.text(max_size=0)) | PLATFORMS)
def test_a_document_that_is_written_is_read_back(platform: Platform) -> None:
    """A platform object of a descriptor keeps everything."""
    assert Platform.from_document(platform.to_document()) == platform


def test_a_windows_platform_keeps_version_and_features() -> None:
    """The fields with a dot in their name are read and written too."""
    document = {
        "architecture": "amd64",
        "os": "windows",
        "os.version": "10.0.17763.6293",
        "os.features": ["win32k"],
    }
    platform = Platform.from_document(document)
    assert platform.to_document() == document
    assert str(platform) == "windows(10.0.17763.6293)/amd64"


FIELDS = ("os", "architecture", "variant", "os.version", "os.features")


@given(objects_with(**dict.fromkeys(FIELDS, st.text(max_size=5) | st.lists(st.text(max_size=3)))))
def test_a_document_is_a_platform_or_an_invalid_manifest(document: dict[str, object]) -> None:
    """Whatever the fields hold, they make a platform that can be shown, or the named error."""
    try:
        platform = Platform.from_document(document)
    except InvalidManifest:
        return
    assert str(platform).isprintable()
    platform.serves(platform)


@pytest.mark.parametrize("value", ["a\x1b[31m", "a\nb", "\ud800", "\u202e", 5, ["linux"]])
def test_a_platform_that_cannot_be_shown_is_refused(value: object) -> None:
    """The names of platforms go into messages, so they hold no escape sequences."""
    with pytest.raises(InvalidManifest):
        Platform.from_document({"os": value, "architecture": "amd64"})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64/v8"),
        ("linux/arm64/V8", "linux/arm64/v8"),
        ("Linux/AMD64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/x86-64", "linux/amd64/v1"),
        ("linux/i386", "linux/386"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/arm64/v8.0", "linux/arm64/v8"),
    ],
)
def test_names_that_mean_the_same(one: str, other: str) -> None:
    """Each serves the other perfectly (a strict comparison is a fault of the public tool)."""
    assert Platform.parse(one).serves(Platform.parse(other)) == 0
    assert Platform.parse(other).serves(Platform.parse(one)) == 0


@pytest.mark.parametrize(
    ("wanted", "available", "found"),
    [
        ("linux/amd64", ["linux/arm64", "linux/amd64", "linux/386"], "linux/amd64"),
        ("linux/arm64", ["linux/amd64", "linux/arm64/v8"], "linux/arm64/v8"),
        ("linux/arm64/v8", ["linux/amd64", "linux/arm64"], "linux/arm64"),
        ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v8", "linux/arm/v6"], "linux/arm/v6"),
        ("linux/arm/v7", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"),
        ("linux/arm/v5", ["linux/arm/v6", "linux/arm/v7"], None),
        ("linux/arm/v6", ["linux/arm"], None),
        ("linux/amd64/v3", ["linux/amd64"], "linux/amd64"),
        ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v2"),
        ("linux/amd64", ["linux/amd64/v2"], None),
        ("linux/arm64/v9", ["linux/arm64/v8.2", "linux/arm64"], "linux/arm64/v8.2"),
        ("linux/arm64", ["linux/arm/v7"], None),
        ("linux/amd64", ["windows/amd64", "linux/arm64"], None),
        ("linux/ppc64le", ["linux/ppc64le/power9"], "linux/ppc64le/power9"),
        ("linux/ppc64le/power9", ["linux/ppc64le"], "linux/ppc64le"),
        ("linux/ppc64le/power9", ["linux/ppc64le", "linux/ppc64le/power9"], "linux/ppc64le/power9"),
        ("linux/ppc64le/power9", ["linux/ppc64le/power8"], None),
        ("linux/arm/odd", ["linux/arm/v7"], None),
        ("linux/arm/v7", ["linux/arm/odd"], None),
        ("linux/amd64", ["unknown/unknown", "linux/amd64", "unknown/unknown"], "linux/amd64"),
        ("linux/amd64", ["", "linux/amd64", ""], "linux/amd64"),
        ("windows(10.0.1)/amd64", ["windows(10.0.17)/amd64", "windows/amd64"], None),
        (
            "windows(10.0.17763)/amd64",
            ["windows(10.0.20348.1)/amd64", "windows(10.0.17763.9)/amd64"],
            "windows(10.0.17763.9)/amd64",
        ),
        ("windows/amd64", ["windows(10.0.17763.9)/amd64"], "windows(10.0.17763.9)/amd64"),
    ],
)
def test_which_offer_is_chosen(wanted: str, available: list[str], found: str | None) -> None:
    """The best that runs there is chosen, and nothing that doesn't."""
    assert chosen(wanted, *available) == found


def test_of_equals_the_first_is_chosen() -> None:
    """The order of the index decides between offers that serve equally."""
    first, second = (Offer(Platform("linux", "amd64"), name) for name in ("first", "second"))
    assert choose([first, second], Platform("linux", "amd64")) is first


@pytest.mark.parametrize("beside", [[], ["unknown/unknown"]])
@pytest.mark.parametrize("platform", [None, Platform("", "")])
def test_the_only_image_may_leave_its_platform_out(
    platform: Platform | None, beside: list[str]
) -> None:
    """An image alone in its index is taken for what it is, attestations beside it or not."""
    only = Offer(platform)
    assert choose([*offers(*beside), only], Platform("linux", "s390x")) is only


def test_the_only_image_is_not_taken_for_another_platform() -> None:
    """An image that says what it is for isn't forced on others."""
    assert chosen("linux/s390x", "linux/amd64") is None


def test_the_error_lists_what_there_is() -> None:
    """Each platform once, in the order of the index, attestations left out, and how to choose."""
    with pytest.raises(PlatformNotFound) as caught:
        choose(
            offers("linux/amd64", "linux/arm64/v8", "linux/amd64", "unknown/unknown", ""),
            Platform("linux", "s390x"),
        )
    assert caught.value.available == ("linux/amd64", "linux/arm64/v8")
    assert "no image for platform linux/s390x" in str(caught.value)
    assert "there is: linux/amd64, linux/arm64/v8 (choose with --os" in str(caught.value)


@pytest.mark.parametrize("available", [[], ["", ""], ["unknown/unknown"]])
def test_the_error_says_when_there_is_nothing_to_list(available: list[str]) -> None:
    """An index that is empty or doesn't speak is told of as such."""
    with pytest.raises(PlatformNotFound, match="there is: nothing that says its platform"):
        choose(offers(*available), Platform("linux", "amd64"))


ALIKE = st.builds(
    Platform,
    st.sampled_from(["linux", "windows", "unknown"]),
    st.sampled_from(["arm", "arm64", "amd64", "s390x"]),
    st.sampled_from(["", "v6", "v7", "v8", "odd"]),
)


@given(st.lists(st.none() | ALIKE, max_size=5), ALIKE)
def test_a_choice_is_always_one_that_serves(
    listed: list[Platform | None], wanted: Platform
) -> None:
    """What is chosen serves no worse than any other; if nothing is, nothing serves."""
    ranks = [p.serves(wanted) for p in listed if p is not None and p.os != "unknown"]
    served = [rank for rank in ranks if rank is not None]
    try:
        found = choose([Offer(platform) for platform in listed], wanted)
    except PlatformNotFound as error:
        assert served == []
        assert set(error.available) <= {str(platform) for platform in listed}  # noqa: PT017
    else:
        assert found.platform is None or found.platform.serves(wanted) == min(served)


@given(json_values())
def test_serving_is_never_negative(value: object) -> None:
    """A rank is at least 0, whatever a variant is called."""
    variant = str(value)
    for wanted in ("", "v7", variant):
        rank = Platform("linux", "arm", variant).serves(Platform("linux", "arm", wanted))
        assert rank is None or rank >= 0
