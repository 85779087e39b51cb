"""The grammar of URIs."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from occystrap.uri import (
    OptionValue,
    URIParseError,
    URISpec,
    parse_docker_uri,
    parse_quay_uri,
    parse_registry_uri,
    parse_uri,
)

DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("uri", "scheme", "host", "path"),
    [
        ("registry://docker.io/library/busybox:1", "registry", "docker.io", "/library/busybox:1"),
        ("REGISTRY://host:5000/a", "registry", "host:5000", "/a"),
        ("registry://[::1]:5000/a", "registry", "[::1]:5000", "/a"),
        ("registry:host/a", "registry", "host", "/a"),
        ("tar://foo.tar", "tar", "", "foo.tar"),
        ("tar:foo.tar", "tar", "", "foo.tar"),
        ("tar://a/b.tar", "tar", "", "a/b.tar"),
        ("tar:///a/b.tar", "tar", "", "/a/b.tar"),
        ("tar:/a/b.tar", "tar", "", "/a/b.tar"),
        ("tar://localhost/a/b.tar", "tar", "", "/a/b.tar"),
        ("tar://user@host:x.tar", "tar", "", "user@host:x.tar"),
        ("file:///a/b.tar", "tar", "", "/a/b.tar"),
        ("directory://out", "dir", "", "out"),
        ("dir://./out/", "dir", "", "./out/"),
        ("tar://", "tar", "", ""),
        ("docker://busybox@" + DIGEST, "docker", f"busybox@{DIGEST}", ""),
        ("quay://org/[a-c]*:tag", "quay", "org", "/[a-c]*:tag"),
    ],
)
def test_uri_splits_into_scheme_host_and_path(uri: str, scheme: str, host: str, path: str) -> None:
    """Files are all path, the rest has a host; aliases and the missing // are seen through."""
    assert parse_uri(uri) == URISpec(scheme, host, path)


@pytest.mark.parametrize(
    ("typed", "path", "options"),
    [
        ("layout", "layout", {}),
        ("layout:v1", "layout", {"tag": "v1"}),
        (
            "/srv/layout:docker.io/library/busybox:1",
            "/srv/layout",
            {"tag": "docker.io/library/busybox:1"},
        ),
        ("a%3Ab:c%2Bd", "a:b", {"tag": "c+d"}),
        ("layout?tag=v1", "layout", {"tag": "v1"}),
        ("localhost/srv:1", "/srv", {"tag": "1"}),
    ],
)
def test_the_path_of_a_layout_ends_at_its_first_colon(
    typed: str, path: str, options: dict[str, object]
) -> None:
    """As it does for skopeo; what follows is the name of an image in it."""
    spec = parse_uri(f"ocidir://{typed}")
    assert (spec.path, spec.options) == (path, options)
    assert parse_uri(str(spec)) == spec


@pytest.mark.parametrize("name", ["", "-a", "a b", "a//b", "a::b", "a/"])
def test_a_name_that_no_layout_may_have_is_refused(name: str) -> None:
    """The error says what to do about a colon in a path."""
    with pytest.raises(URIParseError, match="write %3A"):
        parse_uri(f"ocitar://layout.tar:{name}")


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("my image.tar", "my image.tar"),
        ("my%20image.tar", "my image.tar"),
        ("issue#5.tar", "issue#5.tar"),
        ("a+b.tar", "a+b.tar"),
        ("100%25.tar", "100%.tar"),
        ("what%3F.tar", "what?.tar"),
        ("%c3%bc.tar", "ü.tar"),
        ("ü.tar", "ü.tar"),
        ("not-utf8-%ff.tar", "not-utf8-\udcff.tar"),
        ("%zz.tar", "%zz.tar"),
        ("line\nbreak.tar", "line\nbreak.tar"),
    ],
)
def test_paths_are_decoded_and_only_percent_and_question_mark_are_special(
    typed: str, path: str
) -> None:
    """A tarball may be called anything."""
    assert parse_uri(f"tar:///tmp/{typed}").path == f"/tmp/{path}"  # noqa: S108 - only a text


@pytest.mark.parametrize("uri", ["", "foo.tar", "a/b:c", "://x", "1a://x", "library/busybox"])
def test_a_uri_without_scheme_is_refused(uri: str) -> None:
    """The error says what is missing, and where."""
    with pytest.raises(URIParseError) as caught:
        parse_uri(uri)
    assert str(caught.value) == f"Missing scheme in URI: {uri}"


def test_a_path_with_a_nul_byte_is_refused() -> None:
    """No file can be called so, and open() would raise something else."""
    with pytest.raises(URIParseError, match="NUL"):
        parse_uri("tar:///a%00b")


def test_a_question_mark_in_a_path_is_explained() -> None:
    """What follows it is no option, and the error tells how to write it."""
    with pytest.raises(URIParseError, match="write %3F"):
        parse_uri("tar://what?.tar")


@given(st.text())
@example("registry://[")
@example("tar:///%00")
@example("a:?max_workers=" + "9" * 5000)
@example("a:?n=" + "9" * 5000)
def test_any_text_is_a_uri_or_a_named_error(text: str) -> None:
    """Nothing else comes out of the parsers, whatever goes in."""
    try:
        spec = parse_uri(text)
    except URIParseError:
        return
    assert spec.scheme == spec.scheme.lower()
    for read in (parse_registry_uri, parse_docker_uri, parse_quay_uri):
        try:
            read(spec)
        except URIParseError:
            continue


NAMES = st.text("abcxyz0189._-", min_size=1).filter(str.strip)
PATHS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "compression": PATHS,
        "insecure": st.booleans(),
        "max_workers": st.integers(1, 10**9),
        "pattern": st.lists(PATHS, min_size=2),
        "platform": st.text(),
    },
)


@given(st.sampled_from(["tar", "dir", "oci", "mounts", "ocidir", "ocitar"]), PATHS, OPTIONS)
def test_a_written_path_is_parsed_back(
    scheme: str, path: str, options: dict[str, OptionValue]
) -> None:
    """`str` of a spec without secrets means the spec; `localhost` at the start means no host."""
    assume(path.partition("/")[0] != "localhost" and not path.startswith("//"))
    spec = URISpec(scheme, "", path, options)
    assert parse_uri(str(spec)) == spec


@given(st.sampled_from(["registry", "quay", "other"]), NAMES, PATHS, OPTIONS)
def test_a_written_name_is_parsed_back(
    scheme: str, host: str, path: str, options: dict[str, OptionValue]
) -> None:
    """The same for what has a host."""
    spec = URISpec(scheme, host, "/" + path.replace("@", ""), options)
    assert parse_uri(str(spec)) == spec
