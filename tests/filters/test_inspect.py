"""`inspect` notes what an image consists of at its place of the pipeline."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from occystrap.constants import CONFIG_FILE, IMAGE_LAYER, ImageElement
from occystrap.errors import ImageOutputError
from occystrap.filters.exclude import Exclude
from occystrap.filters.inspect import InspectFilter
from tests.support.elements import config_of, layers_of
from tests.support.filtering import Run, Taken, filtered
from tests.support.images import SampleImage, make_image, sha256

HERE = "registry://r.example/demo/image:1"


def documents(path: str | Path) -> list[dict[str, Any]]:
    """Read the lines of a file."""
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def inspect(config: bytes, layers: list[bytes], path: Path) -> dict[str, Any]:
    """Let the filter see an image as others give it, in front of a double."""
    wrapped = MagicMock()
    watcher = InspectFilter(wrapped, str(path), "acme/app", "1.0")
    elements = [ImageElement(CONFIG_FILE, f"{sha256(config)}.json", io.BytesIO(config))]
    elements += [ImageElement(IMAGE_LAYER, sha256(tar), io.BytesIO(tar)) for tar in layers]
    for element in elements:
        watcher.process_image_element(element)
    watcher.finalize()
    passed = [call.args[0] for call in wrapped.process_image_element.call_args_list]
    assert [a is b for a, b in zip(passed, elements, strict=True)] == [True] * len(elements)
    wrapped.finalize.assert_called_once_with()
    return documents(path)[-1]


def test_a_line_is_an_image(image: SampleImage, tmp_path: Path) -> None:
    """Newest layer first, with its history, and the name of the image on the newest only."""
    config = json.loads(image.config)
    config["history"] = [
        {"created": "2023-11-14T22:13:20.5Z", "created_by": "COPY base", "comment": "first"},
        {"created_by": "ENV a=b", "empty_layer": True},
        {"created": "2023-11-15T00:13:20+02:00", "created_by": "COPY two"},
        {"created": "yesterday"},
    ]
    document = inspect(json.dumps(config).encode(), list(image.layers), tmp_path / "i.jsonl")
    common = {"Comment": "", "Created": 0, "CreatedBy": "", "Tags": None}
    assert document == {
        "name": "acme/app:1.0",
        "layers": [
            {
                **common,
                "Id": f"sha256:{image.diff_ids[2]}",
                "Size": 10240,
                "Tags": ["acme/app:1.0"],
            },
            {
                **common,
                "Id": f"sha256:{image.diff_ids[1]}",
                "Size": 10240,
                "Created": 1_700_000_000,
                "CreatedBy": "COPY two",
            },
            {
                "Id": f"sha256:{image.diff_ids[0]}",
                "Size": 10240,
                "Created": 1_700_000_000,
                "CreatedBy": "COPY base",
                "Comment": "first",
                "Tags": None,
            },
        ],
    }
    raw = (tmp_path / "i.jsonl").read_text()
    assert raw == json.dumps(document, sort_keys=True) + "\n"


@pytest.mark.parametrize(
    "config", [b"{}", b"no JSON", b'{"history": 1}', b'{"history": [{}, {}]}', b'{"history": [7]}']
)
def test_history_is_told_only_if_it_is_all_there(
    config: bytes, image: SampleImage, tmp_path: Path
) -> None:
    """Else nobody knows what belongs to which layer; sizes are told all the same."""
    document = inspect(config, list(image.layers), tmp_path / "i.jsonl")
    assert [each["Size"] for each in document["layers"]] == [10240] * 3
    assert {each["CreatedBy"] for each in document["layers"]} == {""}


def test_images_are_appended(run: Run, image: SampleImage) -> None:
    """One after the other, and beside what was there."""
    Path("i.jsonl").write_text('{"before": 1}\n')
    run(HERE, "tar://a.tar", "inspect:file=i.jsonl")
    run("tar://a.tar", "registry://r.example/new:1", "inspect:file=i.jsonl")
    before, one, two = documents("i.jsonl")
    assert before == {"before": 1}
    assert (one["name"], two["name"]) == ("demo/image:1", "r.example/demo/image:1")
    assert [each["Id"] for each in one["layers"]] == [
        f"sha256:{diff_id}" for diff_id in reversed(image.diff_ids)
    ]
    assert [each["Id"] for each in two["layers"]] == [each["Id"] for each in one["layers"]]


def test_its_place_matters(run: Run, image: SampleImage) -> None:
    """Before and behind a filter that changes layers it sees other ones; sizes are of the tars."""
    run(HERE, "tar://a.tar", "inspect:file=a.jsonl", "exclude:pattern=tmp", "inspect:file=b.jsonl")
    (before,), (after,) = documents("a.jsonl"), documents("b.jsonl")
    smaller = filtered(image.layers[1], Exclude(["tmp"]))
    assert [each["Size"] for each in before["layers"]] == [10240, 10240, 10240]
    assert [each["Size"] for each in after["layers"]] == [10240, len(smaller), 10240]
    assert after["layers"][1]["Id"] == f"sha256:{sha256(smaller)}"


def test_lines_of_several_at_once_stay_whole(tmp_path: Path, image: SampleImage) -> None:
    """Each is written in one piece."""

    def watch(number: int) -> None:
        watcher = InspectFilter(None, tmp_path / "i.jsonl", "app", str(number))
        for element in (config_of(image), *layers_of(image)):
            watcher.process_image_element(element)
        watcher.finalize()

    threads = [threading.Thread(target=watch, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {document["name"] for document in documents(tmp_path / "i.jsonl")}
    assert names == {f"app:{number}" for number in range(8)}


def test_an_image_that_does_not_arrive_is_not_noted(image: SampleImage, tmp_path: Path) -> None:
    """A new file isn't begun, an old one stays as it was."""

    class Failing(Taken):
        def finalize(self) -> None:
            raise ImageOutputError("no")

    path = tmp_path / "i.jsonl"
    for content in (None, "before\n", ""):
        if content is not None:
            path.write_text(content)
        watcher = InspectFilter(Failing(), path, "app", "1")
        for element in (config_of(image), *layers_of(image)):
            watcher.process_image_element(element)
        with pytest.raises(ImageOutputError, match="no"):
            watcher.finalize()
        assert (path.read_text() if path.exists() else None) == content


@pytest.mark.parametrize("file", ["missing/i.jsonl", ".", "a\0b"])
def test_an_image_does_not_appear_when_it_cannot_be_noted(
    image: SampleImage, tmp_path: Path, file: str
) -> None:
    """The error names the file."""
    output = Taken()
    watcher = InspectFilter(output, f"{tmp_path}/{file}", "app", "1")
    for element in (config_of(image), *layers_of(image)):
        watcher.process_image_element(element)
    with pytest.raises(ImageOutputError, match="can't write"):
        watcher.finalize()
    assert not output.is_final


def test_an_image_by_digest_has_a_name(tmp_path: Path) -> None:
    """As references are written."""
    path = tmp_path / "i.jsonl"
    watcher = InspectFilter(None, path, "app", "sha256:00")
    watcher.process_image_element(config_of(make_image()))
    watcher.finalize()
    assert documents(path) == [{"name": "app@sha256:00", "layers": []}]
