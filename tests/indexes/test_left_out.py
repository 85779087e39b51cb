"""What names an image that filters have changed isn't kept wrong: it is left out, and told."""

from __future__ import annotations

import json

import pytest

from occystrap.errors import ImageInputError
from occystrap.oci.manifest import Index, Manifest
from occystrap.oci.media_types import Family
from occystrap.report import Report
from tests.support.console import Console, Shelf, error_of, summary_of
from tests.support.filtering import Run
from tests.support.handlers import Front
from tests.support.images import file, layer, make_image
from tests.support.indexes import (
    attestation_of,
    entry_of,
    platforms,
    put_artifact,
    put_listing,
)

HERE = "registry://r.example/many:1?platform=all"
THERE = "registry://r.example/new:1"
EXCLUDE = "exclude:pattern=tmp"


@pytest.fixture
def dirty(shelf: Shelf) -> Manifest:
    """An image that the filter changes."""
    return shelf.put("many", None, platforms("amd64")["linux/amd64"], family=Family.OCI)


@pytest.fixture
def clean(shelf: Shelf) -> Manifest:
    """An image that it doesn't."""
    return shelf.put("many", None, make_image(layer(file("clean"))), family=Family.OCI)


def listed(shelf: Shelf) -> list[str]:
    """List what the new index lists."""
    found = shelf.get("new", "1")
    assert isinstance(found, Index)
    return [str(each.digest) for each in found.manifests]


def whats(report: Report) -> list[str]:
    """List what was left out."""
    return [each.what for each in report.left_out]


def test_an_attestation_of_a_changed_image(
    run: Run, shelf: Shelf, dirty: Manifest, clean: Manifest
) -> None:
    """Says of other layers that they were built so; that of an image that stays, stays."""
    false, true = attestation_of(shelf, dirty), attestation_of(shelf, clean)
    put_listing(shelf, "1", [entry_of(dirty), entry_of(clean), false, true])
    report = run(HERE, THERE, EXCLUDE)
    new = listed(shelf)
    assert new[1:] == [str(clean.digest), str(true["digest"])]
    (left_out,) = report.left_out
    assert str(left_out) == (
        f"the attestation {false['digest']}: it names {dirty.digest}, which has become {new[0]}"
    )
    assert report.to_document()["left_out"] == [left_out.to_document()]
    assert [each["digest"] for each in (false,) if each["digest"] in new] == []
    assert shelf.store.manifest("new", dirty.digest) is None


def test_an_attestation_whose_image_stays(run: Run, shelf: Shelf, dirty: Manifest) -> None:
    """Is true: the index is the same byte for byte."""
    index = put_listing(shelf, "1", [attestation_of(shelf, dirty), entry_of(dirty)])
    assert run(HERE, THERE, "search:pattern=kept").left_out == ()
    assert shelf.get("new", "1") == index


def test_nothing_that_is_left_out_is_sent(
    run: Run, shelf: Shelf, front: Front, dirty: Manifest
) -> None:
    """Neither the manifest nor its blobs, though they could go before the image is known."""
    attestation = attestation_of(shelf, dirty)
    put_listing(shelf, "1", [attestation, entry_of(dirty)])
    run(HERE, THERE, EXCLUDE)
    assert len([r for r in front.requests if r.method == "PUT" and "/manifests/" in r.path]) == 2
    digest = put_artifact(shelf, "another").layers[0].digest
    assert shelf.store.blob("new", digest) is None


@pytest.mark.parametrize("of", ["dirty", "clean", "elsewhere"])
def test_a_subject(run: Run, shelf: Shelf, dirty: Manifest, clean: Manifest, of: str) -> None:
    """What is about a changed image is left out, and with it what is about that in turn."""
    elsewhere = put_artifact(shelf, "elsewhere")
    subject = {"dirty": dirty, "clean": clean, "elsewhere": elsewhere}[of]
    signature = put_artifact(shelf, "signature", subject=entry_of(subject))
    receipt = put_artifact(shelf, "receipt", subject=entry_of(signature))
    put_listing(shelf, "1", [entry_of(each) for each in (receipt, signature, dirty, clean)])
    report = run(HERE, THERE, EXCLUDE)
    new = listed(shelf)
    if of == "dirty":
        assert whats(report) == [f"the artifact {x.digest}" for x in (receipt, signature)]
        assert report.left_out[0].reason == f"it names {signature.digest}, which was left out"
        assert len(new) == 2
    else:
        assert report.left_out == ()
        assert new[:2] == [str(receipt.digest), str(signature.digest)]


def test_what_is_about_an_index(run: Run, shelf: Shelf, dirty: Manifest) -> None:
    """An index of which something changes is another one, however deep that is."""
    inner = put_listing(shelf, None, [entry_of(dirty)])
    signature = put_artifact(shelf, "signature", subject=entry_of(inner))
    beside = put_listing(shelf, None, [entry_of(signature)], annotations={"stays": "x"})
    put_listing(shelf, "1", [entry_of(beside), entry_of(inner)])
    report = run(HERE, THERE, EXCLUDE)
    assert whats(report) == [f"the artifact {signature.digest}"]
    found = shelf.get("new", "1")
    assert isinstance(found, Index)
    new = shelf.store.manifest("new", found.manifests[0].digest)
    assert isinstance(new, Index)
    assert (new.manifests, dict(new.annotations)) == ((), {"stays": "x"})


def test_an_index_about_a_changed_image(run: Run, shelf: Shelf, dirty: Manifest) -> None:
    """Is left out itself, if it is listed; the one that was asked for only loses the name."""
    subject = entry_of(dirty)
    about = put_listing(shelf, None, [], subject=subject)
    put_listing(shelf, "1", [entry_of(about), entry_of(dirty)], subject=subject)
    report = run(HERE, THERE, EXCLUDE)
    old = shelf.get("many", "1")
    assert old is not None
    assert whats(report) == [f"the index {about.digest}", f"the subject of the index {old.digest}"]
    found = shelf.get("new", "1")
    assert isinstance(found, Index)
    assert found.subject is None
    assert len(found.manifests) == 1


def test_an_image_with_a_subject(run: Run, shelf: Shelf, dirty: Manifest, clean: Manifest) -> None:
    """Made anew it has none; about a changed one it is left out."""
    documents = [json.loads(dirty.raw), json.loads(clean.raw)]
    for document, subject in zip(documents, (clean, dirty), strict=True):
        document["subject"] = entry_of(subject)
    images = [
        put_artifact(shelf, f"image {number}", **document)
        for number, document in enumerate(documents)
    ]
    put_listing(shelf, "1", [entry_of(each) for each in (clean, dirty, *images)])
    report = run(HERE, THERE, EXCLUDE)
    new = listed(shelf)
    assert whats(report) == [f"the subject of {images[0].digest}", f"the image {images[1].digest}"]
    assert report.left_out[0].reason == f"the image has become {new[2]}, which names none"
    assert new == [str(clean.digest), new[1], new[1]]


def test_annotations(run: Run, shelf: Shelf, dirty: Manifest, clean: Manifest) -> None:
    """Of an index and of images in it those go that name what is no more; artifacts go whole."""
    old, kept = f"r.example/many@{dirty.digest}", str(clean.digest)
    chart = put_artifact(shelf, "chart", annotations={"of": old})
    other = put_artifact(shelf, "other", annotations={"of": kept, "odd": "sha256:1"})
    put_listing(
        shelf,
        "1",
        [
            entry_of(clean, annotations={"base": old, "self": kept}),
            entry_of(dirty, annotations={"self": old}),
            entry_of(chart),
            entry_of(other, annotations={"self": str(other.digest)}),
        ],
        annotations={"all": old, "some": kept},
    )
    index = shelf.get("many", "1")
    assert index is not None
    report = run(HERE, THERE, EXCLUDE)
    found = shelf.get("new", "1")
    assert isinstance(found, Index)
    assert dict(found.annotations) == {"some": kept}
    assert [dict(each.annotations) for each in found.manifests] == [
        {"self": kept},
        {},
        {"self": str(other.digest)},
    ]
    assert found.manifests[2].digest == other.digest
    assert whats(report) == [
        f"the artifact {chart.digest}",
        f"the annotation base of {clean.digest} in the index",
        f"the annotation self of {dirty.digest} in the index",
        f"the annotation all of the index {index.digest}",
    ]


def test_manifests_that_name_each_other(run: Run, shelf: Shelf, front: Front) -> None:
    """An annotation of a list can do that; nobody can say which to change first."""
    one, two = put_artifact(shelf, "one"), put_artifact(shelf, "two")
    index = put_listing(
        shelf,
        "1",
        [
            entry_of(one, annotations={"peer": str(two.digest), "self": str(one.digest)}),
            entry_of(two, annotations={"peer": str(one.digest)}),
        ],
    )
    with pytest.raises(ImageInputError, match=r"many:1\S* lists manifests of which each names"):
        run(HERE, THERE, EXCLUDE)
    assert "PUT manifest" not in front.seen
    run(HERE, THERE)
    assert shelf.get("new", "1") == index


def test_it_is_told_on_the_command_line(console: Console, shelf: Shelf, dirty: Manifest) -> None:
    """Under the summary, which counts it; it is no failure."""
    attestation = attestation_of(shelf, dirty)
    put_listing(shelf, "1", [entry_of(dirty), attestation])
    result = console.succeed("process", "-f", EXCLUDE, HERE, THERE)
    *_, summary, title, line = result.stderr.splitlines()
    assert "1 left out, verified OK" in summary
    assert title == "Left out:"
    assert line.startswith(f"  the attestation {attestation['digest']}: it names {dirty.digest}, ")
    report = console.report("process", "-f", EXCLUDE, HERE, THERE)
    assert [each["what"] for each in report["left_out"]] == [
        f"the attestation {attestation['digest']}"
    ]
    assert summary_of(console.succeed("process", HERE, THERE)).count("left out") == 0
    assert "platform=all goes only" in error_of(
        console.run("process", "-f", EXCLUDE, HERE, "tar://a.tar")
    )
