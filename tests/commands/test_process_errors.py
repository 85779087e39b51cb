"""What goes wrong with `occystrap process` is one clear line, and leaves nothing behind."""

from __future__ import annotations

import random
import resource
import signal
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from occystrap.server.doors.listener import serve
from occystrap.server.message import Handler, Request, Response
from occystrap.server.registry import Registry
from tests.support.archives import docker_save
from tests.support.console import Console, Shelf, error_of
from tests.support.handlers import BasicGate, BearerGate, Front, Trick, cut, status
from tests.support.images import SampleImage, file, layer, make_image

HERE = "registry://r.example/demo/image:1"
THERE = "registry://r.example/new/image:1"
ZEROS = f"sha256:{'0' * 64}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A command line that can't be obeyed, and pieces of what it is answered."""

    name: str
    arguments: tuple[str, ...]
    said: tuple[str, ...]


def moving(name: str, source: str, target: str, *said: str, before: Iterable[str] = ()) -> Mistake:
    """Make a row for a source and a destination."""
    return Mistake(name, (*before, "process", source, target), said)


IN_A_URI = [
    moving(
        "input scheme", "ftp://x", "tar://new.tar", "Unknown input scheme: ftp", "registry, tar"
    ),
    moving("output scheme", HERE, "ftp://x", "Unknown output scheme: ftp", "registry, tar"),
    moving("no scheme", "r.example/demo", "tar://new.tar", "Missing scheme in URI: r.example/demo"),
    moving("upper case", "registry://r.example/Demo", "tar://new.tar", "'Demo'", "upper-case"),
    moving("empty tag", "registry://r.example/demo:", "tar://new.tar", "tag", "'demo:'"),
    moving("no image", "registry://r.example", "tar://new.tar", "HOST/IMAGE[:TAG]"),
    moving("digest", "registry://r.example/demo@sha256:00", "tar://new.tar", "digest"),
    moving("no path", "tar://", "tar://new.tar", "tar:// URI requires a path"),
    moving("no output path", HERE, "tar://", "tar:// output URI requires a path"),
    moving("unknown option", f"{HERE}?colour=red", "tar://new.tar", "'colour'", "platform"),
    moving("unknown option of the output", HERE, f"{THERE}?platform=all", "'platform'"),
    moving("option of tar", "tar://old.tar?os=linux", "tar://new.tar", "'os'"),
    moving("option twice", f"{HERE}?os=a&os=b", "tar://new.tar", "'os' 2 times"),
    moving("switch", f"{HERE}?insecure=maybe", "tar://new.tar", "insecure", "true or false"),
    moving("number", f"{HERE}?max_workers=0", "tar://new.tar", "max_workers", "1 or more"),
    moving("platform", f"{HERE}?platform=junk", "tar://new.tar", "'junk'", "linux/arm64"),
    moving("compression", HERE, f"{THERE}?compression=lz4", "'lz4'", "gzip", "zstd"),
    moving("all to a file", f"{HERE}?platform=all", "tar://new.tar", "platform=all"),
    moving("all from nowhere", "ftp://x?platform=all", THERE, "Unknown input scheme: ftp"),
    moving("all with a bad option", f"{HERE}?platform=all&colour=red", THERE, "'colour'"),
    moving(
        "all and zstd", f"{HERE}?platform=all", f"{THERE}?compression=zstd", "keeps every digest"
    ),
    moving("all with a bad target", f"{HERE}?platform=all", f"{THERE}?colour=red", "'colour'"),
]
IN_A_DAEMON = [
    moving(
        "no socket", "docker://a?socket=/no/x", "tar://new.tar", "/no/x", "No such file", "running?"
    ),
    moving("no socket to push", "dockerpush://a?socket=/no/x", THERE, "/no/x", "No such file"),
    moving("no socket to load", HERE, "docker://a?socket=/no/x", "/no/x", "No such file"),
    moving("no image of a daemon", "docker://", "tar://new.tar", "requires an image"),
    moving("digest for a daemon", HERE, f"docker://a@{ZEROS}", "by a tag, not by a digest"),
    moving("option of docker", "docker://a?os=linux", "tar://new.tar", "'os'", "knows: socket"),
    moving("no output of a push", HERE, "dockerpush://a", "Unknown output scheme: dockerpush"),
]
IN_A_FILE = [
    moving("missing file", "tar://no.tar", "tar://new.tar", "no.tar", "No such file"),
    moving("line break", "tar://no%0Afile.tar", "tar://new.tar", "can't read no file.tar"),
    moving("directory as file", "tar://folder", "tar://new.tar", "folder", "directory"),
    moving("no tar", "tar://junk.tar", "tar://new.tar", "junk.tar", "no readable tar file"),
    moving("empty file", "tar://empty.tar", "tar://new.tar", "empty.tar", "no readable tar file"),
    moving("cut tar", "tar://cut.tar", "tar://new.tar", "cut.tar"),
    moving("cut tar pushed", "tar://cut.tar", THERE, "cut.tar"),
    moving("output directory", HERE, "tar://folder", "can't write folder: it is a directory"),
    moving("output nowhere", HERE, "tar://no/new.tar", "no/new.tar", "No such file or directory"),
    moving("output device", HERE, "tar:///dev/null", "/dev/null", "no regular file"),
]
IN_A_REGISTRY = [
    moving("repository", "registry://r.example/no:1", "tar://new.tar", "404", "/v2/no/", "name"),
    moving("tag", "registry://r.example/demo/image:9", "tar://new.tar", "404", "MANIFEST_UNKNOWN"),
    moving("digest", f"registry://r.example/demo/image@{ZEROS}", "tar://new.tar", "404", ZEROS),
    moving("other digest", HERE, f"registry://r.example/new/image@{ZEROS}", "digest", ZEROS),
]
IN_AN_OPTION = [
    moving("user only", HERE, THERE, "user name without a password", before=["--username=a"]),
    moving("authfile", HERE, THERE, "no credential file no.json", before=["--authfile=no.json"]),
    moving("no number", HERE, THERE, "rate limit", "nan", before=["--rate-limit=nan"]),
    moving("level", "tar://old.tar", THERE, "gzip", "0 to 9", before=["--compression-level=12"]),
    moving(
        "temp dir", "tar://noise.tar", THERE, "no-dir", "--temp-dir", before=["--temp-dir=no-dir"]
    ),
]
TABLE = [*IN_A_URI, *IN_A_DAEMON, *IN_A_FILE, *IN_A_REGISTRY, *IN_AN_OPTION]


@pytest.fixture(autouse=True)
def litter(console: Console, image: SampleImage) -> set[str]:
    """Files that can't be read as what they are taken for."""
    whole = docker_save(image)
    here = console.directory
    (here / "folder").mkdir()
    (here / "old.tar").write_bytes(whole)
    (here / "cut.tar").write_bytes(whole[: len(whole) // 2])
    (here / "junk.tar").write_bytes(b"junk" * 1000)
    (here / "empty.tar").touch()
    noise = layer(file("noise", random.Random(0).randbytes(200_000)))  # noqa: S311 no secret
    (here / "noise.tar").write_bytes(docker_save(make_image(noise)))
    return console.files()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_mistake_is_one_line(
    row: Mistake, console: Console, shelf: Shelf, litter: set[str]
) -> None:
    """W-26: it says what was wrong, nothing is half-written, and no tag appears."""
    said = error_of(console.run("--retries", "0", *row.arguments))
    assert [piece for piece in row.said if piece not in said] == [], said
    assert console.files() == litter
    assert shelf.get("new/image", "1") is None


def test_a_platform_that_is_not_there(console: Console, shelf: Shelf, litter: set[str]) -> None:
    """The error lists those that are."""
    arm, amd = make_image(layer(), architecture="arm64", variant="v8"), make_image(layer())
    shelf.put_all("many", "1", {"linux/arm64/v8": arm, "linux/amd64": amd})
    for before, query in (
        (["--architecture", "s390x"], ""),
        ([], "?platform=linux/s390x"),
        ([], "?arch=s390x"),
    ):
        uri = f"registry://r.example/many:1{query}"
        said = error_of(console.run(*before, "process", uri, "tar://new.tar"))
        assert "no image for platform linux/s390x" in said
        assert "linux/arm64/v8, linux/amd64" in said
    assert console.files() == litter


def test_a_login_is_missing(console: Console, shelf: Shelf, litter: set[str]) -> None:
    """The error names the status and the options that help."""
    for gate in (BasicGate(shelf.registry), BearerGate(shelf.registry, password="other")):
        console.handler = gate
        said = error_of(console.run("--insecure", "process", HERE, "tar://new.tar"))
        assert "401 Unauthorized" in said
        assert "--username" in said
    assert console.files() == litter


def test_a_wrong_login(console: Console, shelf: Shelf, litter: set[str]) -> None:
    """The error doesn't repeat it, whatever is logged."""
    console.handler = BasicGate(shelf.registry)
    source = HERE.replace("//", "//mallory:hush hush@")
    result = console.run("--debug", "process", source, "tar://new.tar")
    assert "401 Unauthorized" in error_of(result)
    assert "mallory" not in result.output
    assert "hush" not in result.output
    assert console.files() == litter


def corrupt(request: Request, inner: Handler) -> Response:
    """Change the last byte of an answer."""
    response = inner.handle(request)
    *pieces, last = response.body
    return replace(response, body=[*pieces, last[:-1] + bytes([last[-1] ^ 1])])


@pytest.mark.parametrize("target", ["tar://new.tar", THERE])
@pytest.mark.parametrize(
    ("where", "trick", "said"),
    [
        ("GET blob", corrupt, "sha256:"),
        ("GET manifest", corrupt, "manifest"),
        ("GET manifest", status(500), "500 Internal Server Error"),
        ("GET blob", status(403), "403 Forbidden"),
        ("GET blob", cut(200), "/blobs/sha256:"),
    ],
)
def test_a_registry_in_trouble(
    console: Console,
    shelf: Shelf,
    litter: set[str],
    where: str,
    trick: Trick,
    said: str,
    target: str,
) -> None:
    """Wrong bytes, too few of them or an error: no file and no tag comes of it."""
    console.handler = Front(shelf.registry, {where: [trick] * 20})
    source = "registry://other.example/demo/image:1"  # another host, so that nothing is mounted
    assert said in error_of(console.run("--retries", "0", "process", source, target))
    assert console.files() == litter
    assert shelf.get("new/image", "1") is None


@pytest.mark.parametrize(
    ("where", "code"), [("PUT manifest", 403), ("POST uploads", 500), ("PUT upload", 400)]
)
def test_a_destination_in_trouble(console: Console, shelf: Shelf, where: str, code: int) -> None:
    """No tag comes of it, and the error has the status."""
    console.handler = Front(shelf.registry, {where: [status(code)] * 20})
    said = error_of(console.run("--retries", "0", "process", "tar://old.tar", THERE))
    assert str(code) in said
    assert shelf.get("new/image", "1") is None


def test_a_host_that_does_not_exist(console: Console, litter: set[str]) -> None:
    """Names under .invalid never do; the error names it."""
    console.handler = None
    source = "registry://host.invalid/demo/image:1"
    said = error_of(console.run("--retries", "0", "process", source, "tar://new.tar"))
    assert "https://host.invalid/v2/demo/image/manifests/1" in said
    assert console.files() == litter


def test_a_port_where_nothing_listens(console: Console, litter: set[str]) -> None:
    """The error says so, instead of an errno."""
    with serve(Registry()) as listener:
        host = listener.host
    console.handler = None
    source = f"registry://{host}/demo/image:1"
    said = error_of(console.run("--retries", "0", "--insecure", "process", source, "tar://new.tar"))
    assert "connection refused: nothing listens there" in said
    assert console.files() == litter


def test_a_full_disk(console: Console) -> None:
    """Where the file can't grow, the run ends, and the file goes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    files = console.files()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))
        said = error_of(console.run("process", HERE, "tar://new.tar"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "new.tar" in said
    assert "File too large" in said
    assert console.files() == files
