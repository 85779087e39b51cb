"""`occystrap process`: images move, and what is said of it is true."""

from __future__ import annotations

import json

import pytest

from occystrap.oci.media_types import Compression, Family
from tests.support.archives import docker_save
from tests.support.console import Console, Shelf, summary_of
from tests.support.handlers import Front, cut, lose_answer, status
from tests.support.images import SampleImage, file, layer, make_image
from tests.support.look import tars_of

SOURCE = "registry://r.example/demo/image:1"


def test_a_registry_to_a_tarball(console: Console, image: SampleImage) -> None:
    """The tarball has every layer, uncompressed, and nothing else is in the directory."""
    console.succeed("process", SOURCE, "tar://image.tar")
    assert tars_of(console.directory / "image.tar") == image.diff_ids
    assert console.files() == {"image.tar"}


def test_a_tarball_to_a_registry(console: Console, shelf: Shelf, image: SampleImage) -> None:
    """The config keeps its digest, and layers become gzip."""
    (console.directory / "image.tar").write_bytes(docker_save(image))
    console.succeed("process", "tar://image.tar", "registry://r.example/new/name:2")
    manifest = shelf.manifest("new/name", "2")
    assert manifest.config.digest.encoded == image.config_hex
    assert [layer.media_type.rpartition(".")[2] for layer in manifest.layers] == ["gzip"] * 3


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.NONE])
def test_a_registry_to_a_registry(
    console: Console, shelf: Shelf, image: SampleImage, family: Family, compression: Compression
) -> None:
    """The manifest is copied byte for byte."""
    original = shelf.put("any/image", "1", image, compression, family)
    report = console.report(
        "process", "registry://r.example/any/image:1", "registry://other.example/a/copy:3"
    )
    assert shelf.get("a/copy", "3") == original
    assert report["digest"] == str(original.digest)


def test_a_tarball_to_a_tarball(console: Console, image: SampleImage) -> None:
    """It keeps the image's name."""
    (console.directory / "old.tar").write_bytes(docker_save(image.named("example/app:1.0")))
    console.succeed("process", "tar://old.tar", "tar://new.tar")
    assert tars_of(console.directory / "new.tar") == image.diff_ids


def test_the_summary_of_a_pull(console: Console, image: SampleImage) -> None:
    """It counts layers and the bytes written."""
    assert sum(map(len, image.layers)) == 300 * 1024
    result = console.succeed("process", SOURCE, "tar://image.tar")
    layers, size, seconds, verified = summary_of(result).split(", ")
    assert (layers, size, verified) == ("3 layers", "300.0 KB", "verified OK")
    assert 0 <= float(seconds.removesuffix("s")) < 60


def test_the_summary_of_a_push(console: Console, shelf: Shelf) -> None:
    """W-33: it counts what was sent, which is no zero."""
    console.succeed("process", SOURCE, "tar://image.tar")
    report = console.report("process", "tar://image.tar", "registry://r.example/pushed:1")
    assert report["layers"] == 3
    assert report["bytes"] == sum(each.size for each in shelf.manifest("pushed", "1").layers)


def test_the_summary_of_layers_that_are_there(console: Console) -> None:
    """What is there already, or mounted, moves no bytes."""
    summary = summary_of(console.succeed("process", SOURCE, "registry://r.example/copy:1"))
    assert summary.startswith("3 layers, 0 B, ")
    assert ", 3 skipped, " in summary


def test_the_summary_of_trouble(console: Console, shelf: Shelf) -> None:
    """Retries and rate limits are counted as they were."""
    tricks = {
        "GET manifest": [status(429, Retry_After="0"), status(503)],
        "GET blob": [cut(0), cut(50)],
    }
    console.handler = front = Front(shelf.registry, tricks)
    report = console.report("process", SOURCE, "tar://image.tar")
    assert (report["retries"], report["rate_limits"]) == (4, 1)
    assert report["requests"] == len(front.seen)
    front.tricks = {"GET manifest": [status(429, Retry_After="0"), status(503)]}
    summary = summary_of(console.succeed("process", SOURCE, "tar://image.tar"))
    assert summary.endswith(", 2 retries, 1 rate limits, verified OK")


def test_the_json_of_a_run(console: Console) -> None:
    """It is alone on standard output, with every field that the documentation names."""
    result = console.succeed("-O", "json", "process", SOURCE, "tar://image.tar")
    report = json.loads(result.stdout)
    assert 0 <= report.pop("seconds") < 60
    assert report == {
        "source": SOURCE,
        "destination": "tar://image.tar",
        "digest": None,
        "images": 1,
        "layers": 3,
        "skipped": 0,
        "bytes": 300 * 1024,
        "requests": 5,
        "retries": 0,
        "rate_limits": 0,
        "left_out": [],
        "verify": [
            {
                "severity": "info",
                "check": "verify.ok",
                "message": "image.tar holds the image, of 3 different layers",
            }
        ],
    }
    assert result.stderr.splitlines()[-1].startswith("Summary: ")


def test_text_leaves_standard_output_alone(console: Console) -> None:
    """Progress and summary are for people, and so on standard error."""
    assert console.succeed("process", SOURCE, "tar://image.tar").stdout == ""


def test_quiet_lines_where_there_is_no_terminal(console: Console, shelf: Shelf) -> None:
    """A line when a layer begins, with its size, and no control characters."""
    lines = console.succeed("process", SOURCE, "tar://image.tar").stderr.splitlines()
    assert sorted(lines[:-1]) == sorted(
        f"{str(each.digest)[:19]}: starting ({each.size} bytes)"
        for each in shelf.manifest("demo/image", "1").layers
    )
    assert all(line.isprintable() for line in lines)


def platforms() -> dict[str, SampleImage]:
    """Make an image for three platforms."""
    return {
        name: make_image(
            layer(file("where", name.encode())),
            layer(file("shared")),
            architecture=name.split("/")[1],
            variant="".join(name.split("/")[2:]),
        )
        for name in ("linux/amd64", "linux/arm64/v8", "linux/arm/v7")
    }


MANY = "registry://r.example/many:1"


@pytest.mark.parametrize(
    ("before", "query", "chosen"),
    [
        ([], "", "linux/amd64"),
        ([], "?platform=linux/arm64", "linux/arm64/v8"),
        ([], "?platform=linux/arm/v7", "linux/arm/v7"),
        ([], "?arch=arm64", "linux/arm64/v8"),
        ([], "?architecture=arm&variant=v7", "linux/arm/v7"),
        (["--architecture", "arm64"], "", "linux/arm64/v8"),
        (["--architecture", "arm64", "--variant", "v8"], "", "linux/arm64/v8"),
        (["--architecture", "arm64"], "?arch=amd64", "linux/amd64"),
        (["--os", "windows"], "?os=linux", "linux/amd64"),
        (["--os", "windows"], "?platform=linux/amd64", "linux/amd64"),
    ],
)
def test_one_platform_of_several(
    console: Console, shelf: Shelf, before: list[str], query: str, chosen: str
) -> None:
    """W-23: the URI decides before the options do, and a variant needn't be said."""
    images = platforms()
    shelf.put_all("many", "1", images)
    console.succeed(*before, "process", MANY + query, "tar://one.tar")
    assert tars_of(console.directory / "one.tar") == images[chosen].diff_ids


def test_all_platforms(console: Console, shelf: Shelf) -> None:
    """The index and everything below it has the same digests; images are what is counted."""
    index = shelf.put_all("many", "1", platforms())
    result = console.succeed("process", f"{MANY}?platform=all", "registry://r.example/copy:2")
    assert shelf.get("copy", "2") == index
    for descriptor in index.manifests:
        assert shelf.store.manifest("copy", descriptor.digest) is not None
    assert summary_of(result).startswith("3 images, 6 layers, ")


def test_all_platforms_of_one(console: Console, shelf: Shelf) -> None:
    """An image without an index is copied as it is."""
    report = console.report("process", f"{SOURCE}?platform=all", "registry://r.example/copy:2")
    assert shelf.get("copy", "2") == shelf.get("demo/image", "1")
    assert report["images"] == 1


def test_all_platforms_are_those_of_nested_indexes_too(console: Console, shelf: Shelf) -> None:
    """An index that lists an index arrives with what that lists."""
    inner = shelf.put_all("many", "inner", platforms())
    outer = shelf.put_index("many", "1", {"linux/amd64": inner})
    report = console.report("process", f"{MANY}?platform=all", "registry://r.example/copy:2")
    assert shelf.get("copy", "2") == outer
    assert report["images"] == 3
    for descriptor in (*outer.manifests, *inner.manifests):
        assert shelf.store.manifest("copy", descriptor.digest) is not None


def test_a_digest_in_the_source(console: Console, shelf: Shelf, image: SampleImage) -> None:
    """W-24: an image is pulled by digest, with a tag beside it or without."""
    digest = shelf.manifest("demo/image", "1").digest
    for name in (f"demo/image@{digest}", f"demo/image:other@{digest}"):
        console.succeed("process", f"registry://r.example/{name}", "tar://image.tar")
        assert tars_of(console.directory / "image.tar") == image.diff_ids


def test_docker_hub_by_its_short_names(console: Console, shelf: Shelf, image: SampleImage) -> None:
    """W-25: docker.io is asked where it lives, and one-part names are below library/."""
    console.handler = front = Front(shelf.registry)
    shelf.put("library/busybox", "latest", image)
    console.succeed("process", "registry://docker.io/busybox", "tar://image.tar")
    assert {request.host for request in front.requests} == {"registry-1.docker.io"}
    assert b'"RepoTags":["busybox:latest"]' in (console.directory / "image.tar").read_bytes()


def test_an_existing_tarball_is_replaced_only_by_a_whole_one(console: Console) -> None:
    """A run that fails leaves the old file as it was."""
    (console.directory / "image.tar").write_bytes(b"precious")
    console.run("process", "registry://r.example/no/image:1", "tar://image.tar")
    assert (console.directory / "image.tar").read_bytes() == b"precious"
    console.succeed("process", SOURCE, "tar://image.tar")
    assert (console.directory / "image.tar").stat().st_size > 300_000
    assert console.files() == {"image.tar"}


def test_secrets_of_uris_are_masked(console: Console) -> None:
    """The report names source and destination without the password."""
    source = SOURCE.replace("//", "//alice:hush@")
    result = console.succeed("-O", "json", "--debug", "process", source, "tar://image.tar")
    assert "hush" not in result.output
    assert "r.example/demo/image" in json.loads(result.stdout)["source"]


def test_what_verification_finds_is_a_failure(console: Console, shelf: Shelf) -> None:
    """A registry that loses a layer after it took it is found out: exit code 1, and its digest."""
    console.handler = Front(shelf.registry, {"HEAD manifest": [status(404)]})
    said = ["--retries", "0", "-O", "json"]
    result = console.run(*said, "process", SOURCE, "registry://r.example/copy:1")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["verify"][0]["severity"] == "error"
    lines = result.stderr.splitlines()
    position = lines.index("Verification errors:")
    assert lines[position - 1].endswith(", 1 verify errors")
    assert lines[position + 1].startswith("  [verify.manifest] r.example/copy:1")
    assert str(shelf.manifest("copy", "1").digest) in lines[position + 1]


def test_what_nobody_could_look_at_is_not_verified(console: Console, shelf: Shelf) -> None:
    """A registry that is gone by then is a warning, and the summary doesn't say OK."""
    console.handler = Front(shelf.registry, {"HEAD manifest": [lose_answer]})
    result = console.run("--retries", "0", "process", SOURCE, "registry://r.example/copy:1")
    assert result.exit_code == 0
    assert "verified OK" not in result.stderr
    assert "1 verify warnings\nVerification warnings:\n  [verify.registry] " in result.stderr
