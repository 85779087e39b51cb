"""All images of an index go through filters, and the index names what they have become."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from occystrap.errors import APIException, ImageOutputError, OccystrapError
from occystrap.oci.descriptor import Descriptor
from occystrap.oci.manifest import Index, Manifest
from occystrap.oci.media_types import DOCKER_INDEX, DOCKER_MANIFEST, OCI_CONFIG, Family
from tests.support.console import Shelf
from tests.support.filtering import Run
from tests.support.handlers import Front, status
from tests.support.images import file, layer, make_image
from tests.support.indexes import entry_of, paths_in, platforms, put_artifact, put_listing
from tests.support.wire import CONFIG, describe

HERE = "registry://r.example/many:1?platform=all"
THERE = "registry://r.example/new:1"
EXCLUDE = "exclude:pattern=tmp"
NOTHING = "exclude:pattern=not/there"


def index_at(shelf: Shelf, repository: str = "new", tag: str = "1") -> Index:
    """Find an index that has to be there."""
    found = shelf.get(repository, tag)
    assert isinstance(found, Index), found
    return found


def test_every_image_is_filtered(run: Run, shelf: Shelf) -> None:
    """Each is made anew with its own config, and stands under its platform, in its place."""
    report = run(HERE, THERE, EXCLUDE, VERIFY_FULL=True)
    before, after = index_at(shelf, "many"), index_at(shelf)
    assert report.digest == str(after.digest)
    assert (report.images, report.errors, report.left_out) == (3, [], ())
    assert [each.platform for each in after.manifests] == [x.platform for x in before.manifests]
    for listed, name in zip(after.manifests, ("amd64", "arm64", "s390x"), strict=True):
        image = shelf.store.manifest("new", listed.digest)
        assert isinstance(image, Manifest)
        assert (listed.media_type, listed.size) == (image.media_type, len(image.raw))
        assert paths_in(shelf, "new", image) == ["shared/kept", f"own/{name}"]
        assert json.loads(shelf.content("new", image.config))["architecture"] == name


def test_all_else_of_an_index_stays(run: Run, shelf: Shelf) -> None:
    """Annotations, what nobody here knows of, and the order; not what was true of the old bytes."""
    image = shelf.put("many", None, platforms("arm64")["linux/arm64"], family=Family.OCI)
    clean = shelf.put("many", None, make_image(layer(file("clean"))), family=Family.OCI)
    put_listing(
        shelf,
        "1",
        [
            entry_of(
                image,
                platform={"os": "linux", "architecture": "arm64", "os.extra": "x"},
                annotations={"b": "é", "a": "sha256:short"},
                unknown=[1, {"half": "\ud800"}],
                data="AAAA",
                urls=["https://r.example/x"],
                artifactType="a/b",
            ),
            entry_of(clean, data="BBBB", artifactType="a/b"),
        ],
        annotations={"z": "1", "y": "2"},
        future=True,
    )
    run(HERE, THERE, EXCLUDE)
    before, after = index_at(shelf, "many"), index_at(shelf)
    new = after.manifests[0]
    expected = json.loads(before.raw)
    for name in ("data", "urls", "artifactType"):
        del expected["manifests"][0][name]
    expected["manifests"][0] |= {"digest": str(new.digest), "size": new.size}
    assert new.digest != image.digest
    assert json.dumps(json.loads(after.raw)) == json.dumps(expected)  # the order of fields, too


def test_an_index_of_docker_stays_one(run: Run, shelf: Shelf) -> None:
    """And so do its manifests."""
    image = shelf.put("many", None, platforms("amd64")["linux/amd64"])
    put_listing(shelf, "1", [entry_of(image)], mediaType=DOCKER_INDEX)
    run(HERE, THERE, EXCLUDE)
    after = index_at(shelf)
    assert after.media_type == DOCKER_INDEX
    assert [each.media_type for each in after.manifests] == [DOCKER_MANIFEST]
    assert after.manifests[0].digest != image.digest


@pytest.mark.parametrize("target", [THERE, "ocidir://layout:a", "ocitar://layout.tar:a"])
@pytest.mark.parametrize("text", [NOTHING, "search:pattern=kept", "inspect:file=lines"])
def test_where_nothing_changes_the_index_stays(
    run: Run, shelf: Shelf, target: str, text: str
) -> None:
    """Byte for byte, however it is written."""
    images = [
        shelf.put("many", None, image, family=Family.OCI)
        for image in platforms("amd64", "arm64").values()
    ]
    index = put_listing(shelf, "1", [entry_of(image) for image in images])
    assert run(HERE, target, text).digest == str(index.digest)
    run(f"{target}?platform=all", "registry://r.example/back:1")
    assert index_at(shelf, "back").raw == index.raw


@pytest.mark.parametrize("jobs", [{}, {"MAX_WORKERS": 1, "IMAGE_PARALLEL": 1}, {"MAX_WORKERS": 9}])
@pytest.mark.parametrize("target", [THERE, "ocidir://layout:a", "ocitar://layout.tar:a"])
@pytest.mark.parametrize("source", [HERE, "ocidir://from:a?platform=all"])
def test_the_same_index_becomes_the_same_index(
    run: Run, shelf: Shelf, source: str, target: str, jobs: dict[str, int]
) -> None:
    """From any place to any other, whichever image or layer is done first."""
    run(HERE, "ocidir://from:a")
    expected = run(HERE, "registry://r.example/once:1", EXCLUDE).digest
    assert expected != str(index_at(shelf, "many").digest)
    assert run(source, target, EXCLUDE, **jobs).digest == expected
    report = run(f"{target}?platform=all", "registry://r.example/back:1", VERIFY_FULL=True)
    assert (report.digest, report.errors) == (expected, [])
    for listed in index_at(shelf, "back").manifests:
        assert "tmp/shared" not in paths_in(
            shelf, "back", shelf.store.manifest("back", listed.digest)
        )


def test_nested_indexes_are_made_anew_as_well(run: Run, shelf: Shelf) -> None:
    """Each after what it lists; one of which nothing changes stays."""
    inner = shelf.put_all("many", "inner", platforms("amd64", "arm64"))
    clean = shelf.put_all("many", "clean", {"linux/s390x": make_image(layer(file("clean")))})
    outer = put_listing(shelf, "1", [entry_of(inner, annotations={"a": "b"}), entry_of(clean)])
    report = run(HERE, THERE, EXCLUDE)
    after = index_at(shelf)
    assert report.images == 3
    assert after.digest != outer.digest
    assert [dict(each.annotations) for each in after.manifests] == [{"a": "b"}, {}]
    assert after.manifests[1] == outer.manifests[1]
    new = shelf.store.manifest("new", after.manifests[0].digest)
    assert isinstance(new, Index)
    assert [each.platform for each in new.manifests] == [x.platform for x in inner.manifests]
    for listed in new.manifests:
        assert "tmp/shared" not in paths_in(
            shelf, "new", shelf.store.manifest("new", listed.digest)
        )


def test_the_index_appears_after_all_that_it_lists(run: Run, front: Front) -> None:
    """All below it by digest, and the tag last."""
    run(HERE, THERE, EXCLUDE)
    puts = [r.path for r in front.requests if r.method == "PUT" and "/manifests/" in r.path]
    assert len(puts) == 4
    assert all(path.startswith("/v2/new/manifests/sha256:") for path in puts[:-1])
    assert puts[-1] == "/v2/new/manifests/1"


def test_an_artifact_goes_as_it_is(run: Run, shelf: Shelf) -> None:
    """A chart has no layers that filters could look into, and its config needn't name any."""
    image = shelf.put("many", None, platforms("amd64")["linux/amd64"], family=Family.OCI)
    chart = put_artifact(shelf, "chart")
    shelf.store.add_blob("many", Descriptor.of(CONFIG, "").digest, CONFIG)
    other = put_artifact(shelf, "other", config=describe(CONFIG, OCI_CONFIG))
    put_listing(shelf, "1", [entry_of(chart), entry_of(image), entry_of(other)])
    for source, target in ((HERE, "ocidir://layout:a"), ("ocidir://layout?platform=all", THERE)):
        assert run(source, target, EXCLUDE).left_out == ()
    after = index_at(shelf)
    assert after.manifests[0].digest == chart.digest
    assert after.manifests[1].digest != image.digest
    assert after.manifests[2].digest == other.digest
    assert shelf.store.manifest("new", chart.digest) == chart


def test_what_platforms_share_is_done_once(run: Run, shelf: Shelf, front: Front) -> None:
    """A layer of all of them is fetched once, looked at once, compressed once and sent once."""
    (shared,) = {
        manifest.layers[0].digest
        for each in index_at(shelf, "many").manifests
        if isinstance(manifest := shelf.store.manifest("many", each.digest), Manifest)
    }
    report = run(HERE, THERE, EXCLUDE, VERIFY=False)
    fetched = [r.path for r in front.requests if r.method == "GET" and "/blobs/" in r.path]
    assert sum(str(shared) in path for path in fetched) == 1
    sent = [r for r in front.requests if r.method == "PUT" and "/blobs/" in r.path]
    assert len(sent) == 1 + 3 + 3  # the shared layer, those of their own, and configs
    assert (report.layers, report.skipped) == (6, 2)


@pytest.mark.parametrize("target", [THERE, "ocidir://layout:a", "ocitar://layout.tar:a"])
def test_one_image_that_fails_leaves_nothing(run: Run, shelf: Shelf, target: str) -> None:
    """No tag and no file, whichever images went through before."""
    good = shelf.put("many", None, platforms("amd64")["linux/amd64"], family=Family.OCI)
    bad = shelf.put("many", None, make_image(layer(file("a")), b"no tar" * 200), family=Family.OCI)
    put_listing(shelf, "1", [entry_of(good), entry_of(bad)])
    with pytest.raises(OccystrapError, match="layer"):
        run(HERE, target, "inspect:file=lines", EXCLUDE, IMAGE_PARALLEL=1)
    assert shelf.get("new", "1") is None
    assert list(Path().iterdir()) == []


def test_a_refused_manifest_leaves_no_tag(run: Run, shelf: Shelf, front: Front) -> None:
    """The registry says why."""
    front.tricks = {"PUT manifest": [status(403)]}
    with pytest.raises(APIException):
        run(HERE, THERE, EXCLUDE, RETRIES=0)
    assert shelf.get("new", "1") is None


def test_a_digest_in_the_destination_is_that_of_the_new_index(run: Run, shelf: Shelf) -> None:
    """What the index turns out to be is held against it, and not what it lists."""
    digest = run(HERE, "registry://r.example/once:1", EXCLUDE).digest
    run(HERE, f"{THERE}@{digest}", EXCLUDE)
    assert str(index_at(shelf).digest) == digest
    old = index_at(shelf, "many").digest
    with pytest.raises(ImageOutputError, match=f"has the digest {digest}, so it can't be stored"):
        run(HERE, f"registry://r.example/wrong:1@{old}", EXCLUDE)
    assert shelf.get("wrong", "1") is None


def test_an_index_can_be_filtered_in_its_place(run: Run, shelf: Shelf) -> None:
    """The tag moves on to the new one; the second time nothing changes."""
    first = run(HERE, "registry://r.example/many:1", EXCLUDE).digest
    assert str(index_at(shelf, "many").digest) == first
    assert run(HERE, "registry://r.example/many:1", EXCLUDE).digest == first


def test_an_image_without_an_index_is_filtered(run: Run, shelf: Shelf) -> None:
    """`platform=all` of one is that one."""
    shelf.put("many", "1", platforms("amd64")["linux/amd64"])
    report = run(HERE, THERE, EXCLUDE)
    assert report.images == 1
    assert paths_in(shelf, "new", shelf.get("new", "1")) == ["shared/kept", "own/amd64"]


def test_a_search_says_of_which_platform_it_tells(run: Run, shelf: Shelf) -> None:
    """In the order of the index, each in one piece."""
    run(HERE, THERE, "search:pattern=own/*", IMAGE_PARALLEL=3)
    expected: list[str] = []
    for listed, name in zip(index_at(shelf).manifests, ("amd64", "arm64", "s390x"), strict=True):
        image = shelf.store.manifest("new", listed.digest)
        assert isinstance(image, Manifest)
        layer_name = image.layers[1].digest.encoded
        expected += [f"Platform: linux/{name}", f"Layer: {layer_name}"]
        expected += [f"  own/{name} (file, 0 bytes)", "", "Found 1 match(es) in 1 layer(s).", ""]
    assert run.printed == expected


def test_a_search_for_scripts_names_platforms_as_uris_do(run: Run, shelf: Shelf) -> None:
    """Where the list says nothing, the config does."""
    image = shelf.put("many", None, platforms("arm64")["linux/arm64"], family=Family.OCI)
    put_listing(shelf, "1", [entry_of(image)])
    run(HERE, THERE, "search:pattern=own/*,script-friendly=true")
    name = image.layers[1].digest.encoded
    assert run.printed == [f"many:1?platform=linux/arm64:{name}:own/arm64"]


def test_what_was_found_is_told_though_an_image_fails(run: Run, shelf: Shelf) -> None:
    """As with one image: it was found."""
    good = shelf.put("many", None, platforms("amd64")["linux/amd64"], family=Family.OCI)
    bad = shelf.put("many", None, make_image(b"no tar" * 200), family=Family.OCI)
    put_listing(shelf, "1", [entry_of(good), entry_of(bad)])
    with pytest.raises(OccystrapError):
        run(HERE, THERE, "search:pattern=own/*,script-friendly=true", IMAGE_PARALLEL=1)
    assert [line.rpartition(":")[2] for line in run.printed] == ["own/amd64"]


def test_inspect_writes_a_line_for_each_platform(run: Run) -> None:
    """In the order of the index, when that is there; before and behind what changes layers."""
    run(HERE, THERE, "inspect:file=before", EXCLUDE, "inspect:file=after", IMAGE_PARALLEL=3)
    lines = [
        [json.loads(line) for line in Path(name).read_text().splitlines()]
        for name in ("before", "after")
    ]
    for several in lines:
        assert [each["platform"] for each in several] == [
            "linux/amd64",
            "linux/arm64",
            "linux/s390x",
        ]
        assert {each["name"] for each in several} == {"many:1"}
    ids = [{entry["Id"] for each in several for entry in each["layers"]} for several in lines]
    assert [len(each) for each in ids] == [4, 4]
    assert not ids[0] & ids[1]
