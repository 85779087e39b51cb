"""Options of URIs: which there are, and what their values are."""

from __future__ import annotations

import pytest

from occystrap.uri import (
    INPUT_SCHEMES,
    OUTPUT_SCHEMES,
    URIParseError,
    check_options,
    parse_uri,
)


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("max_workers=1", {"max_workers": 1}),
        ("password=12345", {"password": "12345"}),
        ("password=true&username=no&token=1", {"password": "true", "username": "no", "token": "1"}),
        ("password=a+b%26c%3Dd=e", {"password": "a+b&c=d=e"}),
        ("insecure=true", {"insecure": True}),
        ("insecure=YES", {"insecure": True}),
        ("insecure=1", {"insecure": True}),
        ("insecure=false", {"insecure": False}),
        ("insecure=No", {"insecure": False}),
        ("insecure=0", {"insecure": False}),
        ("insecure", {"insecure": True}),
        ("skip-verify&ca-file=/a/b.pem", {"skip_verify": True, "ca_file": "/a/b.pem"}),
        ("os=1&platform=all", {"os": "1", "platform": "all"}),
        ("other=yes", {"other": True}),
        ("other=No", {"other": False}),
        ("other=-12", {"other": -12}),
        ("other", {"other": True}),
        ("other=", {"other": ""}),
        ("other=x&other=2", {"other": ["x", 2]}),
        ("&&os=linux&", {"os": "linux"}),
        ("", {}),
    ],
)
def test_the_name_of_an_option_decides_its_kind(query: str, options: dict[str, object]) -> None:
    """Known options are text, number or switch; others are what they look like."""
    assert parse_uri(f"registry://host/a?{query}").options == options


def test_numbers_are_no_booleans() -> None:
    """`max_workers=1` is the number, not the truth that equals it."""
    assert type(parse_uri("registry://h/a?max_workers=1").options["max_workers"]) is int


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("insecure=maybe", "option insecure is either true or false"),
        ("insecure=", "option insecure is either true or false"),
        ("max_workers=x", "option max_workers takes a whole number, 1 or more"),
        ("max_workers=0", "option max_workers takes a whole number, 1 or more"),
        ("max_workers", "option max_workers takes a whole number, 1 or more"),
        ("password", "option password needs a value: password=..."),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(query: str, message: str) -> None:
    """The error names the option and what it takes."""
    with pytest.raises(URIParseError) as caught:
        parse_uri(f"registry://host/a?{query}")
    assert str(caught.value) == message


def test_schemes_are_those_of_the_manual() -> None:
    """Aliases are among them."""
    assert sorted(INPUT_SCHEMES) == [
        *("dir", "directory", "docker", "dockerpush", "file"),
        *("ocidir", "ocitar", "quay", "registry", "tar"),
    ]
    assert sorted(OUTPUT_SCHEMES) == [
        *("dir", "directory", "docker", "mounts", "oci", "ocidir", "ocitar", "registry", "tar")
    ]


def test_each_side_of_the_pipeline_has_its_own_options() -> None:
    """Transport security and credentials can differ between source and destination."""
    each = "insecure&skip_verify&ca_file=a&cert=b&key=c&username=d&password=e&max_workers=2"
    check_options(parse_uri(f"registry://h/a?{each}&platform=all&arch=arm64"), "input")
    check_options(parse_uri(f"registry://h/a?{each}&compression=zstd"), "output")
    check_options(parse_uri("file://a.tar"), "input")
    check_options(parse_uri("directory://a?unique_names=true&expand"), "output")


def test_an_option_that_the_scheme_does_not_know_is_refused() -> None:
    """The error names it, the scheme, and what there is; not its value."""
    with pytest.raises(URIParseError) as caught:
        check_options(parse_uri("docker://a?sokcet=hunter2"), "input")
    assert str(caught.value) == (
        "docker:// as input doesn't know the option 'sokcet' (did you mean socket?);"
        " it knows: socket"
    )
    with pytest.raises(URIParseError, match=r"tar:// as output .* 'compression'; it has none"):
        check_options(parse_uri("tar://a?compression=zstd"), "output")
    with pytest.raises(URIParseError, match=r"registry:// as output .*'platform'; .*compression"):
        check_options(parse_uri("registry://h/a?platform=all"), "output")


def test_a_scheme_without_that_role_is_refused() -> None:
    """The error lists those that have it."""
    with pytest.raises(URIParseError, match=r"Unknown input scheme: oci .*registry, quay, docker"):
        check_options(parse_uri("oci://a"), "input")
    with pytest.raises(URIParseError, match=r"Unknown output scheme: quay .*mounts"):
        check_options(parse_uri("quay://a"), "output")


def test_an_option_given_twice_is_refused() -> None:
    """Two passwords, one of them before the host, are not one of them by chance."""
    with pytest.raises(URIParseError, match="'password' 2 times") as caught:
        check_options(parse_uri("registry://u:hunter1@h/a?password=hunter2"), "input")
    assert "hunter" not in str(caught.value)
