"""Hypothesis strategies for the values of the language, and for what is almost one."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from occystrap.oci.challenge import Challenge, Scope
from occystrap.oci.diagnostics import Diagnostic
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Descriptor
from occystrap.oci.platform import Platform
from occystrap.oci.reference import Reference
from occystrap.oci.routes import Route, RouteKind

#: Any text at all, half characters included: header values and JSON escapes can hold them.
ANY_TEXT: Final = st.text(st.characters(exclude_categories=()))
#: Text that a JSON document in UTF-8 can hold.
TEXT: Final = st.text()
#: One short line.
LINE: Final = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30)


def near(alphabet: str) -> st.SearchStrategy[str]:
    """Text of the characters that a grammar gives a meaning, with a stranger now and then."""
    return st.text(st.sampled_from(alphabet) | st.characters(exclude_categories=()), max_size=60)


def json_values() -> st.SearchStrategy[object]:
    """Whatever JSON can say, numbers and texts that are odd included."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
        max_leaves=8,
    )


def objects_with(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """JSON objects with some of the fields, each either as it should be or anything at all."""
    return st.fixed_dictionaries(
        {}, optional={name: field | json_values() for name, field in fields.items()}
    )


DIGESTS: Final = st.builds(
    Digest, st.just("sha256"), st.from_regex(r"[a-f0-9]{64}", fullmatch=True)
) | (st.builds(Digest, st.just("sha512"), st.from_regex(r"[a-f0-9]{128}", fullmatch=True)))
REPOSITORIES: Final = st.from_regex(
    r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,5})?(/[a-z0-9]{1,8}){0,3}", fullmatch=True
)
TAGS: Final = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True)
#: Hosts that can be told from the first part of a repository.
HOSTS: Final = st.one_of(
    st.from_regex(r"[a-z0-9]{1,9}(\.[a-z][a-z0-9-]{0,9}[a-z0-9]){1,3}", fullmatch=True),
    st.builds("{}:{}".format, st.sampled_from(["localhost", "registry"]), st.integers(1, 65535)),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map("[{}]".format),
    st.builds("[{}]:{}".format, st.ip_addresses(v=6), st.integers(1, 65535)),
    st.sampled_from(["localhost", "docker.io", "index.docker.io"]),
)
REFERENCES: Final = st.builds(Reference, HOSTS, REPOSITORIES, st.none() | TAGS, st.none() | DIGESTS)
_PART: Final = st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True)
PLATFORMS: Final = st.builds(
    Platform, _PART, _PART, st.just("") | _PART, st.just("") | _PART, st.just(())
)
DESCRIPTORS: Final = st.builds(
    Descriptor,
    media_type=TEXT,
    digest=DIGESTS,
    size=st.integers(0, 2**63 - 1),
    platform=st.none()
    | st.builds(Platform, LINE, LINE, st.just("") | LINE, st.just("") | LINE, st.tuples(LINE)),
    annotations=st.dictionaries(TEXT, TEXT, max_size=3).map(lambda found: tuple(found.items())),
    urls=st.lists(TEXT, max_size=2).map(tuple),
    artifact_type=TEXT,
)
_NAMES: Final = st.from_regex(r"[!#$%&'*+\-.^_`|~0-9a-z]{1,10}", fullmatch=True)
CHALLENGES: Final = st.builds(
    Challenge,
    _NAMES,
    st.lists(st.tuples(_NAMES, ANY_TEXT), max_size=4).map(tuple),
) | st.builds(
    Challenge, _NAMES, st.just(()), st.from_regex(r"[A-Za-z0-9\-._~+/]{1,20}={0,2}", fullmatch=True)
)
SCOPES: Final = st.builds(
    Scope,
    st.sampled_from(["repository", "registry", "repository(plugin)"]),
    st.from_regex(r"[a-z0-9:./*-]{1,30}", fullmatch=True),
    st.lists(st.from_regex(r"[a-z*]{1,8}", fullmatch=True), max_size=3).map(tuple),
)
DIAGNOSTICS: Final = st.builds(
    Diagnostic,
    st.from_regex(r"[A-Z_]{1,20}", fullmatch=True),
    st.just("") | LINE,
    st.none() | st.dictionaries(TEXT, st.integers() | TEXT, min_size=1, max_size=2),
)
_SESSIONS: Final = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.=~+-]{0,40}", fullmatch=True)
ROUTES: Final = st.one_of(
    st.builds(Route, st.sampled_from([RouteKind.PING, RouteKind.CATALOG])),
    st.builds(Route, st.sampled_from([RouteKind.TAGS, RouteKind.UPLOADS]), REPOSITORIES),
    st.builds(Route, st.just(RouteKind.MANIFEST), REPOSITORIES, TAGS | DIGESTS.map(str)),
    st.builds(
        Route,
        st.sampled_from([RouteKind.BLOB, RouteKind.REFERRERS]),
        REPOSITORIES,
        DIGESTS.map(str),
    ),
    st.builds(Route, st.just(RouteKind.UPLOAD), REPOSITORIES, _SESSIONS),
)
