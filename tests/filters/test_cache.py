"""With a layer cache, filters needn't look at what they have seen before."""

from __future__ import annotations

import json
import multiprocessing
import random
from pathlib import Path

import pytest

from occystrap.errors import DigestMismatch
from occystrap.filters.exclude import Exclude
from occystrap.filters.rewrite import RewriteFilter
from occystrap.image.cache import LayerCache
from tests.support.console import Shelf
from tests.support.elements import config_of, layers_of
from tests.support.filtering import Run, Taken
from tests.support.handlers import Front
from tests.support.images import SampleImage, file, layer, make_image, special
from tests.support.look import tars_of

HERE = "registry://r.example/demo/image:1"
THERE = "registry://other.example/new:1"
EXCLUDE = "exclude:pattern=tmp"
CACHE = {"LAYER_CACHE": "cache.json"}


def test_the_second_push_reads_no_layer(run: Run, front: Front, shelf: Shelf) -> None:
    """All is known: what the layer becomes, and that the destination has it."""
    run(HERE, THERE, EXCLUDE, **CACHE)
    front.seen.clear()
    report = run(HERE, THERE.replace("1", "2"), EXCLUDE, **CACHE)
    assert front.seen.count("GET blob") == 1  # the config
    assert shelf.get("new", "1") == shelf.get("new", "2")
    assert (report.layers, report.skipped) == (3, 3)


def test_what_the_destination_does_not_have_is_made_again(run: Run, shelf: Shelf) -> None:
    """The same as before: the cache is no proof that a blob is anywhere."""
    run(HERE, THERE, EXCLUDE, **CACHE)
    run(HERE, "registry://other.example/elsewhere:1", EXCLUDE, **CACHE)
    assert shelf.manifest("elsewhere", "1") == shelf.manifest("new", "1")
    run(HERE, "tar://a.tar", EXCLUDE, **CACHE)
    run(HERE, "tar://b.tar", EXCLUDE)
    assert Path("a.tar").read_bytes() == Path("b.tar").read_bytes()


def test_a_tarball_is_made_from_what_is_known(run: Run, front: Front) -> None:
    """Each layer is fetched once, to be written, and the cache is kept for registries too."""
    run(HERE, "tar://a.tar", EXCLUDE, **CACHE)
    front.seen.clear()
    run(HERE, "tar://a.tar", EXCLUDE, **CACHE)
    assert front.seen.count("GET blob") == 4
    run(HERE, "tar://b.tar", EXCLUDE)
    assert tars_of(Path("a.tar")) == tars_of(Path("b.tar"))


def test_every_set_of_filters_has_entries_of_its_own(run: Run, shelf: Shelf) -> None:
    """W-31: and so has the image without filters; none takes another's place."""
    sets = [
        (),
        (EXCLUDE,),
        ("exclude:pattern=etc/two",),
        ("normalize-timestamps",),
        ("normalize-timestamps:ts=5",),
        (EXCLUDE, "normalize-timestamps"),
    ]
    for repository in ("plain", "cached", "again"):
        options = {} if repository == "plain" else CACHE
        for number, filters in enumerate(sets):
            target = f"registry://other.example/{repository}:{number}"
            run(HERE, target, *filters, **options)
    for number in range(len(sets)):
        manifests = {shelf.get(name, str(number)) for name in ("plain", "cached", "again")}
        assert len(manifests) == 1
    layers = json.loads(Path("cache.json").read_bytes())["layers"]
    assert max(map(len, layers.values())) == len(sets) - 1


def test_the_order_of_patterns_is_no_other_set(run: Run, front: Front) -> None:
    """They leave out the same."""
    run(HERE, "tar://a.tar", "exclude:pattern=tmp,usr", **CACHE)
    before = json.loads(Path("cache.json").read_bytes())["layers"]
    run(HERE, "tar://a.tar", "exclude:pattern=/usr/,pattern=tmp", **CACHE)
    after = json.loads(Path("cache.json").read_bytes())["layers"]
    assert {digest: set(found) for digest, found in before.items()} == {
        digest: set(found) for digest, found in after.items()
    }


@pytest.mark.parametrize("seed", range(6))
def test_entries_belong_to_their_layers_in_whatever_order_they_come(
    tmp_path: Path, seed: int
) -> None:
    """W-4: a second run, a third with other filters, and one in another order agree."""
    layers = [layer(file(f"tmp/{n}", bytes([n])), file(f"etc/{n}")) for n in range(6)]
    image = make_image(*layers)
    chance = random.Random(seed)  # noqa: S311 - no secret
    results = set()
    for _ in range(3):
        elements = [config_of(image), *layers_of(image)]
        chance.shuffle(elements)
        output = Taken()
        cache = LayerCache(tmp_path / "cache.json")
        rewriting = RewriteFilter(output, [Exclude(["tmp"])], cache=cache)
        for element in elements:
            rewriting.process_image_element(element)
        rewriting.finalize()
        rewriting.close()
        results.add((output.elements[0].read_config(), tuple(output.tars())))
    assert len(results) == 1


def _filter_one(number: int, path: str) -> None:
    image = make_image(layer(file("tmp/a"), file(f"etc/{number}")))
    rewriting = RewriteFilter(None, [Exclude(["tmp"])], cache=LayerCache(path))
    for element in (config_of(image), *layers_of(image)):
        rewriting.process_image_element(element)
    rewriting.finalize()


def test_processes_share_the_file(tmp_path: Path) -> None:
    """What each has found out stays, whoever writes last."""
    path = str(tmp_path / "cache.json")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_filter_one, args=(n, path)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(LayerCache(path)) == 4


def _exclude(image: SampleImage, path: Path) -> Taken:
    output = Taken()
    rewriting = RewriteFilter(output, [Exclude(["tmp"])], cache=LayerCache(path))
    for element in (config_of(image), *layers_of(image)):
        rewriting.process_image_element(element)
    rewriting.finalize()
    return output


def test_a_link_is_looked_for_again_when_only_the_result_is_known(tmp_path: Path) -> None:
    """Which excluded files live on isn't in the cache: the layer is looked at before it is made."""
    image = make_image(layer(file("tmp/a", b"a"), special("b", b"1", "tmp/a")))
    first, second = (_exclude(image, tmp_path / "cache.json").tars() for _ in range(2))
    assert first == second


def test_an_entry_that_is_wrong_is_found_out(tmp_path: Path) -> None:
    """A layer that isn't what was noted is an error, and no image."""
    image = make_image(layer(file("tmp/a")))
    path = tmp_path / "cache.json"
    right = _exclude(image, path)
    right.tars()
    text = path.read_text()
    path.write_text(text.replace(right.elements[1].name, "0" * 64))
    wrong = _exclude(image, path)
    assert wrong.elements[1].name == "0" * 64
    with pytest.raises(DigestMismatch):
        wrong.tars()
