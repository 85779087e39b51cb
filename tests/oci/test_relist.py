"""Indexes that list what manifests have become."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from occystrap.oci.descriptor import Descriptor
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Index, parse_manifest
from occystrap.oci.media_types import OCI_INDEX, OCI_MANIFEST
from occystrap.oci.relist import named_in, names_of, relisted

OLD = [Descriptor.of(b"old%d" % number, OCI_MANIFEST) for number in range(4)]
NEW = [Descriptor.of(b"new %d" % number, OCI_MANIFEST) for number in range(4)]


def index_of(*numbers: int, **more: object) -> Index:
    """Make an index, with spaces that nobody here would write."""
    entries = [OLD[number].to_document() | {"x": place} for place, number in enumerate(numbers)]
    document = {"manifests": entries, "schemaVersion": 2, "mediaType": OCI_INDEX, **more}
    found = parse_manifest(json.dumps(document, indent=1).encode())
    assert isinstance(found, Index)
    return found


FATES = st.dictionaries(
    st.sampled_from([each.digest for each in OLD]),
    st.none() | st.sampled_from([*NEW, *OLD]),
)


@given(st.lists(st.integers(0, 3), max_size=6), FATES)
def test_every_entry_becomes_what_its_manifest_has(
    numbers: list[int], became: dict[Digest, Descriptor | None]
) -> None:
    """In its place; without any change the index is the same object."""
    index = index_of(*numbers)
    made, left_out = relisted(index, became)
    expected = [
        (now.digest, now.size, place)
        for place, number in enumerate(numbers)
        if (now := became.get(OLD[number].digest, OLD[number])) is not None
    ]
    entries = json.loads(made.raw)["manifests"]
    assert [(x.digest, x.size) for x in made.manifests] == [each[:2] for each in expected]
    assert [entry["x"] for entry in entries] == [each[2] for each in expected]
    assert left_out == ()
    is_same = [(x.digest, x.size) for x in index.manifests] == [x[:2] for x in expected]
    assert (made is index) == is_same


def test_what_an_index_of_indexes_lists_keeps_its_artifact_type() -> None:
    """A manifest that is made anew has none, an index keeps it."""
    index = index_of(0, 1)
    document = json.loads(index.raw)
    for entry in document["manifests"]:
        entry["artifactType"] = "a/b"
    found = parse_manifest(json.dumps(document).encode())
    assert isinstance(found, Index)
    became = {OLD[0].digest: NEW[0], OLD[1].digest: Descriptor.of(b"index", OCI_INDEX)}
    made, _ = relisted(found, became)
    assert [each.artifact_type for each in made.manifests] == ["", "a/b"]


def test_digests_are_found_in_the_middle_of_a_value() -> None:
    """And what only looks like one, or is none of those looked for, is not."""
    known = OLD[0].digest
    values = [f"r/x@{known}", f"{known}, {OLD[1].digest}", f"{known}0", "sha256:0", "", "a:b"]
    pairs = [(str(number), value) for number, value in enumerate(values)]
    assert list(named_in(pairs, [known])) == [("0", known), ("1", known)]


def test_all_that_a_document_names() -> None:
    """What it lists, its subject, and what annotations name."""
    index = index_of(
        0, subject=OLD[1].to_document(), annotations={"a": str(OLD[2].digest), "b": "c"}
    )
    digests = [each.digest for each in OLD]
    assert names_of(index, digests) == set(digests[:3])
    assert names_of(index, digests[2:]) == {digests[2]}
