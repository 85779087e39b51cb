"""What global options do, seen from the registry, the directory and the messages."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from occystrap.oci.media_types import Compression, Family, layer_media_type
from occystrap.oci.routes import RouteKind, parse_route
from occystrap.server.message import Handler, Request, Response
from tests.support.archives import docker_save
from tests.support.console import Console, Shelf, error_of
from tests.support.handlers import Front, status
from tests.support.images import file, layer, make_image

HERE = "registry://r.example/demo/image:1"
THERE = "registry://other.example/new/image:1"
PULL = ("process", HERE, "tar://new.tar")
PUSH = ("process", "tar://noise.tar", THERE)


@pytest.fixture
def noise(console: Console) -> Path:
    """A tarball with a layer that is too large to wait in memory when compressed."""
    content = random.Random(0).randbytes(200_000) + b"text " * 100_000  # noqa: S311 no secret
    path = console.directory / "noise.tar"
    path.write_bytes(docker_save(make_image(layer(file("noise", content)))))
    return path


@dataclass
class Crowd:
    """Notes how many requests of a kind are under way at once.

    Each waits for `expected` to be there, and a moment for one too many.
    """

    inner: Handler
    counts: Callable[[Request], bool]
    expected: int
    most: int = 0
    present: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def handle(self, request: Request) -> Response:
        """Let a request wait for its company."""
        if self.counts(request):
            with self.changed:
                self.present += 1
                self.most = max(self.most, self.present)
                self.changed.notify_all()
                self.changed.wait_for(lambda: self.most >= self.expected, timeout=20)
                self.changed.wait_for(lambda: self.most > self.expected, timeout=0.05)
                self.present -= 1
        return self.inner.handle(request)


@pytest.mark.parametrize(
    ("words", "query", "most"),
    [(["-j", "1"], "", 1), (["-j", "3"], "", 3), ([], "", 4), (["-j", "1"], "?max_workers=2", 2)],
)
def test_parallel_layers(
    console: Console, shelf: Shelf, words: list[str], query: str, most: int
) -> None:
    """So many layers move at once, and no more."""
    image = make_image(*(layer(file(f"{n}", bytes(1000))) for n in range(6)))
    config = shelf.put("six", "1", image).config.digest

    def is_layer(request: Request) -> bool:
        route = parse_route(request.path)
        return route is not None and route.kind is RouteKind.BLOB and route.digest != config

    console.handler = crowd = Crowd(shelf.registry, is_layer, most)
    console.succeed(*words, "process", f"registry://r.example/six:1{query}", "tar://new.tar")
    assert crowd.most == most


@pytest.mark.parametrize(("words", "most"), [(["-J", "1"], 1), (["-J", "2"], 2), ([], 3)])
def test_parallel_images(console: Console, shelf: Shelf, words: list[str], most: int) -> None:
    """So many images of an index move at once, and no more."""
    names = [f"linux/{name}" for name in ("amd64", "arm64", "s390x", "ppc64le", "riscv64")]
    shelf.put_all("many", "1", {name: make_image(layer(file(name))) for name in names})

    def is_image(request: Request) -> bool:
        return request.method == "GET" and "/manifests/sha256:" in request.path

    console.handler = crowd = Crowd(shelf.registry, is_image, most)
    source = "registry://r.example/many:1?platform=all"
    console.succeed(*words, "process", source, "registry://other.example/many:1")
    assert crowd.most == most


@pytest.mark.parametrize(
    ("words", "attempts"), [([], 4), (["--retries", "0"], 1), (["--retries=2"], 3)]
)
@pytest.mark.parametrize("where", ["GET manifest", "GET blob", "POST uploads", "PUT manifest"])
def test_retries_are_attempts_after_the_first(
    console: Console, shelf: Shelf, noise: Path, words: list[str], attempts: int, where: str
) -> None:
    """W-3: of every kind of request, pull and push alike."""
    console.handler = front = Front(shelf.registry, {where: [status(503, Retry_After="0")] * 99})
    assert "503" in error_of(console.run(*words, *(PULL if where.startswith("GET") else PUSH)))
    assert front.seen.count(where) == attempts


def test_the_rate_limit_is_of_all_requests_together(console: Console, shelf: Shelf) -> None:
    """W-2: source, destination and all threads leave at that pace."""
    times: list[float] = []

    @dataclass
    class Clock:
        inner: Handler

        def handle(self, request: Request) -> Response:
            times.append(time.monotonic())
            return self.inner.handle(request)

    console.handler = Clock(shelf.registry)
    report = console.report("--rate-limit", "50", "-j", "4", "process", HERE, THERE)
    assert report["requests"] == len(times) > 10
    assert max(times) - min(times) >= (len(times) - 2) / 50


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compression_of_a_registry(console: Console, shelf: Shelf, compression: str) -> None:
    """Layers are stored as told, also those that were stored otherwise."""
    other = Compression.GZIP if compression == "zstd" else Compression.ZSTD
    shelf.put("demo/image", "1", make_image(layer(file("a"))), other, Family.OCI)
    expected = layer_media_type(Family.OCI, Compression(compression))
    for words, option in (
        ([f"--compression={compression}"], ""),
        ([], f"?compression={compression}"),
    ):
        console.succeed(*words, "process", HERE, THERE + option)
        assert [each.media_type for each in shelf.manifest("new/image", "1").layers] == [expected]


def test_the_compression_level(console: Console, shelf: Shelf, noise: Path) -> None:
    """A higher one is smaller."""
    sizes = []
    for level in ("1", "9"):
        report = console.report(
            "--compression-level", level, "process", "tar://noise.tar", f"{THERE}-{level}"
        )
        sizes.append(report["bytes"])
    assert sizes[1] < sizes[0]


def test_the_layer_cache(console: Console, noise: Path) -> None:
    """The second run compresses nothing, and sends nothing; a lock stays, for runs side by side."""
    first, second = (console.report("--layer-cache", "cache.json", *PUSH) for _ in range(2))
    assert (first["skipped"], second["skipped"]) == (0, 1)
    assert second["bytes"] == 0
    assert console.files() == {"noise.tar", "cache.json", "cache.json.lock"}


def test_the_layer_cache_serves_registries_only(console: Console) -> None:
    """A pull to a tarball neither needs nor makes one."""
    console.succeed("--layer-cache", "cache.json", *PULL)
    assert console.files() == {"new.tar"}


def test_the_directory_for_temporary_files(console: Console, noise: Path) -> None:
    """Layers wait there, and nothing stays."""
    (console.directory / "temp").mkdir()
    console.succeed("--temp-dir", "temp", *PUSH)
    assert console.files() == {"noise.tar", "temp"}
    assert "no-such" in error_of(console.run("--temp-dir", "no-such", *PUSH))


def test_verification(console: Console, shelf: Shelf) -> None:
    """By default it asks whether all is there; in full it reads all; and it can be left out."""
    seen: dict[str, list[str]] = {}
    for words in ("--verify", "--verify-full", "--no-verify"):
        console.handler = front = Front(shelf.registry)
        result = console.succeed(words, "process", HERE, THERE)
        seen[words] = front.seen[front.seen.index("PUT manifest") + 1 :]
        assert ("verified OK" in result.stderr) == (words != "--no-verify")
    assert seen["--no-verify"] == []
    assert set(seen["--verify"]) == {"HEAD manifest", "HEAD blob"}
    assert seen["--verify-full"].count("GET blob") == 4
    assert console.report("--no-verify", "process", HERE, THERE)["verify"] is None
    result = console.succeed("--no-verify", "--verify-full", "process", HERE, THERE)
    assert "verified OK" in result.stderr


@pytest.mark.parametrize("words", [["--verbose"], ["--debug"]])
def test_requests_are_told(console: Console, words: list[str]) -> None:
    """One line a request, with what was asked and what came back."""
    lines = console.succeed(*words, *PULL).stderr.splitlines()
    told = [line for line in lines if line.startswith("GET https://r.example/v2/demo/image/")]
    assert len(told) == 5
    assert all(" -> 200 " in line for line in told)


def test_nothing_is_told_unasked(console: Console) -> None:
    """Neither requests nor what libraries say."""
    assert "GET" not in console.succeed(*PULL).stderr


def test_nothing_of_a_run_stays_in_the_process(console: Console) -> None:
    """Handlers and levels of the logging of whoever runs the command are as they were."""
    root, ours = logging.getLogger(), logging.getLogger("occystrap")
    before = (root.level, list(root.handlers), ours.level, logging.getLogger("httpx").level)
    console.succeed("--debug", *PULL)
    console.run("--debug", "process", "none://", "none://")
    assert before == (root.level, root.handlers, ours.level, logging.getLogger("httpx").level)
