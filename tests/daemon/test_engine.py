"""The Engine API over a unix socket, and all that a daemon may answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from occystrap.daemon import Daemon
from occystrap.errors import DaemonError, ImageOutputError
from occystrap.image.progress import NoProgress
from occystrap.oci.digest import Digest
from occystrap.server.message import CloseConnection, Headers, Request, Response
from tests.support.archives import docker_save
from tests.support.fake_daemon import FakeDaemon, gave_up, saying
from tests.support.images import SampleImage

NAME = "example/app:1"


def answering(*answers: Response) -> list[Callable[[Request, Any], Response]]:
    """Answer so instead, one after the other, once the request is read."""

    def trick(answer: Response) -> Callable[[Request, Any], Response]:
        def play(request: Request, act: Any) -> Response:
            for _ in request.body:
                pass
            return answer

        return play

    return [trick(answer) for answer in answers]


def test_an_image_is_found_by_its_name(daemon: Daemon, image: SampleImage) -> None:
    """With its digest and its layers; None if there is none."""
    found = daemon.find(NAME)
    assert found is not None
    assert found.identifier == Digest.of(image.config)
    assert [digest.encoded for digest in found.diff_ids] == image.diff_ids
    assert not found.by_manifest
    assert daemon.find("example/other:1") is None


def test_an_identifier_may_lack_its_algorithm(daemon: Daemon, fake: FakeDaemon) -> None:
    """As Podman writes it in other places."""
    fake.tricks["find"] = answering(saying(200, {"Id": "a" * 64, "Size": 7}))
    found = daemon.find(NAME)
    assert found is not None
    assert str(found.identifier) == f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    "answer",
    [
        saying(200, text=b"<html>"),
        saying(200, text=b"[]"),
        saying(200, {}),
        saying(200, {"Id": "sha256:7"}),
        saying(200, {"Id": None}),
        saying(200, {"Id": "a" * 64, "RootFS": {"Layers": [7]}}),
    ],
)
def test_nonsense_is_an_error(daemon: Daemon, fake: FakeDaemon, answer: Response) -> None:
    """It says who has said it, and when."""
    fake.tricks["find"] = answering(answer)
    with pytest.raises(DaemonError, match="answers nonsense when asked for example/app:1"):
        daemon.find(NAME)


def test_a_refusal_says_what_the_daemon_says(daemon: Daemon, fake: FakeDaemon) -> None:
    """In one line, with the status, also if it isn't JSON."""
    fake.tricks["find"] = answering(
        saying(500, {"message": "disk\n  failed", "cause": "x"}), saying(503, text=b"busy")
    )
    with pytest.raises(DaemonError, match=r"refuses GET .*/json: 500 disk failed$") as error:
        daemon.find(NAME)
    assert error.value.status == 500
    with pytest.raises(DaemonError, match="503 busy"):
        daemon.find(NAME)


def test_an_archive_is_stored_as_it_comes(daemon: Daemon, fake: FakeDaemon) -> None:
    """All of it, in a file that has no name."""
    file = daemon.save(NAME, NoProgress())
    assert file.read_at(0, file.size) == b"".join(fake.save(NAME, Request("GET", "/")).body)
    file.close()


def test_an_archive_that_ends_in_an_error(daemon: Daemon, fake: FakeDaemon) -> None:
    """Docker has no other way to say so once it has begun."""
    fake.tricks["save"] = answering(saying(200, gave_up("layer lost"), text=b"\0" * 9000))
    with pytest.raises(DaemonError, match="gave up: layer lost"):
        daemon.save(NAME, NoProgress())


def test_an_archive_that_breaks_off(daemon: Daemon, fake: FakeDaemon) -> None:
    """What came is thrown away."""

    def pieces() -> Iterator[bytes]:
        yield b"some"
        raise CloseConnection

    fake.tricks["save"] = answering(Response(200, Headers(), pieces()))
    with pytest.raises(DaemonError, match=r"broke off \(GET /images/example/app:1/get\)"):
        daemon.save(NAME, NoProgress())


def test_no_room_for_an_archive(daemon: Daemon) -> None:
    """The error names the option that helps."""
    with pytest.raises(ImageOutputError, match="--temp-dir"):
        daemon.save(NAME, NoProgress(), "/no/such/directory")


@pytest.mark.parametrize("kind", ["docker 26", "podman"])
def test_an_archive_is_loaded(
    daemon: Daemon, fake: FakeDaemon, image: SampleImage, kind: str
) -> None:
    """As it is made, and the names that it has then are told."""
    fake.kind = kind
    fake.images.clear()
    archive = docker_legacy_first(image)
    names = daemon.load(iter([archive[:1000], archive[1000:]]))
    assert [name.removeprefix("localhost/") for name in names] == [NAME]
    assert fake.images[NAME].config == image.config
    assert fake.requests[-1].headers.get("Transfer-Encoding") == "chunked"


def docker_legacy_first(image: SampleImage) -> bytes:
    """Make an archive with the list of its layers at the end."""
    return docker_save(image).replace(b"repositories", b"manifest.bak")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (saying(200, gave_up("no space left")), "gave up: no space left"),
        (saying(200, {"stream": "Loaded image: a:1"}, gave_up("late")), "gave up: late"),
        (saying(200, {"stream": "Error unpacking image a:1: wrong diff id"}), "wrong diff id"),
        (saying(500, {"message": "payload does not match"}), "500 payload does not match"),
        (saying(200), "doesn't say that the image is loaded"),
        (saying(200, text=b"<html>"), "answers nonsense while it works"),
    ],
)
def test_errors_of_loading(daemon: Daemon, fake: FakeDaemon, answer: Response, said: str) -> None:
    """W-33: also those that hide in an answer that began well."""
    fake.tricks["load"] = answering(answer)
    with pytest.raises(DaemonError, match=said):
        daemon.load([b"an archive"])


def test_what_an_archive_raises_passes_through(daemon: Daemon, fake: FakeDaemon) -> None:
    """The daemon sees a request that breaks off, and keeps nothing."""
    fake.images.clear()

    def archive() -> Iterator[bytes]:
        yield b"some"
        raise ImageOutputError("stopped")

    with pytest.raises(ImageOutputError, match="stopped"):
        daemon.load(archive())
    assert fake.images == {}


def test_names_come_and_go(daemon: Daemon, fake: FakeDaemon) -> None:
    """One that isn't there can be taken away as well."""
    daemon.tag(NAME, "127.0.0.1:5000/x/y", "z")
    assert set(fake.images) == {NAME, "127.0.0.1:5000/x/y:z"}
    for _ in range(2):
        daemon.untag("127.0.0.1:5000/x/y:z")
    assert set(fake.images) == {NAME}
    assert fake.requests[-1].query == (("noprune", "true"),)
    with pytest.raises(DaemonError, match="No such image"):
        daemon.tag("no/such:1", "a", "b")


def test_a_name_that_stays_is_an_error(daemon: Daemon, fake: FakeDaemon) -> None:
    """Such as when the daemon can't remove anything just now."""
    fake.tricks["untag"] = answering(saying(500, {"message": "locked"}))
    with pytest.raises(DaemonError, match="500 locked"):
        daemon.untag(NAME)


def test_a_push_needs_no_login_and_no_tls(daemon: Daemon, fake: FakeDaemon) -> None:
    """Old daemons want the header of a login all the same; Podman wants to be told of the other."""
    fake.tricks["push"] = answering(saying(200, {"status": "done"}))
    daemon.push("127.0.0.1:5000/x/y", "z")
    request = fake.requests[-1]
    assert request.headers.get("X-Registry-Auth") == "e30="
    assert dict(request.query) == {"tag": "z", "tlsVerify": "false"}


def test_a_push_that_fails_after_it_began(daemon: Daemon, fake: FakeDaemon) -> None:
    """The status was 200."""
    fake.tricks["push"] = answering(saying(200, {"status": "begun"}, gave_up("dial tcp: refused")))
    with pytest.raises(DaemonError, match="gave up: dial tcp: refused") as error:
        daemon.push("127.0.0.1:5000/x/y", "z")
    assert error.value.status == 200
