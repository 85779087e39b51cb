"""Names of images."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from occystrap.errors import InvalidDigest, InvalidInput, InvalidReference, InvalidTag
from occystrap.oci.digest import Digest
from occystrap.oci.reference import Reference, check_repository, check_tag, join_name
from tests.support.strategies import ANY_TEXT, DIGESTS, HOSTS, REFERENCES, REPOSITORIES, TAGS, near

HEX = "a" * 64
SHA = Digest("sha256", HEX)


@given(REFERENCES)
def test_what_is_printed_is_read_back(reference: Reference) -> None:
    """Parsing what a reference prints gives the reference."""
    assert Reference.parse(str(reference)) == reference


@given(REFERENCES)
def test_the_familiar_name_means_the_same(reference: Reference) -> None:
    """What Docker prints for a repository is read as that repository."""
    familiar = Reference.parse(reference.familiar)
    assert (familiar.registry, familiar.repository) == (reference.registry, reference.repository)


@given(HOSTS, REPOSITORIES, TAGS, DIGESTS)
def test_a_host_that_is_said_apart_is_the_same_host(
    host: str, repository: str, tag: str, digest: Digest
) -> None:
    """`registry=` and a host in the text mean the same."""
    rest = f"{repository}:{tag}@{digest}"
    assert Reference.parse(rest, host) == Reference.parse(f"{host}/{rest}")


@given(ANY_TEXT | near("aZ9._-/:@[]\n") | near("a.b/c:d@sha256:0"), st.none() | st.just("h"))
def test_text_is_a_reference_or_one_of_the_named_errors(text: str, registry: str | None) -> None:
    """Whatever the text is, it is a complete reference or an invalid input."""
    try:
        reference = Reference.parse(text, registry)
    except (InvalidReference, InvalidDigest):
        return
    assert reference == Reference.parse(str(reference).removeprefix("h/"), registry)


@pytest.mark.parametrize(
    ("text", "printed", "api_host"),
    [
        ("busybox", "docker.io/library/busybox:latest", "registry-1.docker.io"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "registry-1.docker.io"),
        ("grafana/loki", "docker.io/grafana/loki:latest", "registry-1.docker.io"),
        ("docker.io/busybox", "docker.io/library/busybox:latest", "registry-1.docker.io"),
        ("index.docker.io/a/b:c", "docker.io/a/b:c", "registry-1.docker.io"),
        (
            "registry-1.docker.io/busybox",
            "docker.io/library/busybox:latest",
            "registry-1.docker.io",
        ),
        ("Docker.IO/busybox", "docker.io/library/busybox:latest", "registry-1.docker.io"),
        (f"busybox@{SHA}", f"docker.io/library/busybox@{SHA}", "registry-1.docker.io"),
        (f"quay.io/a/b:t@{SHA}", f"quay.io/a/b:t@{SHA}", "quay.io"),
        ("localhost:5000/img", "localhost:5000/img:latest", "localhost:5000"),
        ("localhost/img", "localhost/img:latest", "localhost"),
        ("host:80/a/b/c:t", "host:80/a/b/c:t", "host:80"),
        ("QUAY.io/a/b", "quay.io/a/b:latest", "quay.io"),
        ("10.0.0.1/x", "10.0.0.1/x:latest", "10.0.0.1"),
        ("host.io", "docker.io/library/host.io:latest", "registry-1.docker.io"),
        ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000"),
        ("[FE80::1]/x", "[fe80::1]/x:latest", "[fe80::1]"),
        ("xn--bcher-kva.example/x", "xn--bcher-kva.example/x:latest", "xn--bcher-kva.example"),
        ("a--b/c__d/e_f/g.h", "docker.io/a--b/c__d/e_f/g.h:latest", "registry-1.docker.io"),
    ],
)
def test_how_names_are_completed(text: str, printed: str, api_host: str) -> None:
    """Short names are Docker Hub's, and `docker.io` answers at registry-1.docker.io."""
    reference = Reference.parse(text)
    assert str(reference) == printed
    assert reference.api_host == api_host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "a/../b",
        "a/./b",
        "..",
        "Upper",
        "a/Upper",
        "a_",
        "-a",
        "a___b",
        "a._b",
        "é",
        "a b",
        "a\n",
        "a:",
        "a:b:c",
        "a:-b",
        "a:t\n",
        "a:" + "t" * 129,
        "a:ü",
        "a/٣",
        "h:0/a",
        "h:05/a",
        "h:65536/a",
        "h:port/a",
        "h:٣/a",
        "h.io:/a",
        "-h.io/a",
        "h-.io/a",
        "h..io/a",
        ".io/a",
        "h_x.io/a",
        "1.2.3/a",
        "256.1.1.1/a",
        "host.5/a",
        "007:1/a",
        "\u212a.io/a",
        "[::1/a",
        "[::g]/a",
        "[1.2.3.4]:80/a",
        "[::1]x:80/a",
        "[]:80/a",
        "h" * 64 + ".io/a",
        ".".join(["abc"] * 64) + "/a",
        "host.io/" + "a" * 256,
        "host.io/a?b",
        "https://host.io/a",
        "user:word@host.io/a",
    ],
)
def test_what_is_no_reference(text: str) -> None:
    """The grammar is exact, and hosts are such that a client can ask them."""
    with pytest.raises(InvalidInput):
        Reference.parse(text)


@pytest.mark.parametrize("text", ["a@", "a@x", f"a@{SHA}@{SHA}", f"a@{HEX}", f"a@{SHA}:tag"])
def test_what_follows_the_at_must_be_a_digest(text: str) -> None:
    """A bad digest is named as one."""
    with pytest.raises(InvalidDigest):
        Reference.parse(text)


def test_upper_case_gets_a_hint() -> None:
    """The most common mistake is explained."""
    with pytest.raises(InvalidReference, match="upper-case letters are not allowed"):
        Reference.parse("Busybox")


def test_a_missing_tag_is_explained() -> None:
    """A colon with nothing after it isn't `latest`."""
    with pytest.raises(InvalidReference, match="the tag after ':' is missing"):
        Reference.parse("busybox:")


def test_the_digest_is_asked_for_before_the_tag() -> None:
    """With both, the tag is for people."""
    assert Reference.parse(f"a:t@{SHA}").identifier == str(SHA)
    assert Reference.parse("a:t").identifier == "t"
    assert Reference.parse("a:t").with_digest(SHA) == Reference.parse(f"a@{SHA}")


def test_library_counts_towards_the_length() -> None:
    """A name that is too long once it is complete is refused, for it couldn't be read back."""
    assert Reference("docker.io", "a" * 247).repository == f"library/{'a' * 247}"
    with pytest.raises(InvalidReference, match="at most 255"):
        Reference("docker.io", "a" * 248)


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("busybox:1", "busybox"),
        ("a/b", "a/b"),
        ("quay.io/a/b", "quay.io/a/b"),
        ("docker.io/library/a/b", "library/a/b"),
        ("docker.io/foo.bar/x", "docker.io/foo.bar/x"),
        ("docker.io/localhost/x", "docker.io/localhost/x"),
    ],
)
def test_familiar_names(text: str, familiar: str) -> None:
    """Nothing is left out that a reader would fill in differently."""
    assert Reference.parse(text).familiar == familiar


@pytest.mark.parametrize(
    ("tag", "joined"), [("t", "a:t"), (str(SHA), f"a@{SHA}"), (f"t@{SHA}", f"a:t@{SHA}")]
)
def test_halves_of_a_name_are_joined(tag: str, joined: str) -> None:
    """Where an interface has image and tag apart, the tag may be a digest."""
    assert join_name("a", tag) == joined


def test_names_and_tags_can_be_checked_alone() -> None:
    """The checks return what they were given, or raise what the route table passes on."""
    assert check_repository("a/b") == "a/b"
    assert check_tag("v1.0") == "v1.0"
    with pytest.raises(InvalidReference):
        check_repository("a/B")
    with pytest.raises(InvalidTag):
        check_tag("a/b")
