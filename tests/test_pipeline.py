"""What the parts of a run share, what each side decides for itself, and what is closed when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from occystrap.client.build import TLS
from occystrap.client.credentials import Chain, Credential
from occystrap.errors import OccystrapError
from occystrap.options import Options
from occystrap.pipeline import PipelineBuilder
from occystrap.server.message import Request, Response
from occystrap.side import Side
from occystrap.uri import parse_uri
from tests.support.console import Shelf, client_of
from tests.support.handlers import BasicGate, Front
from tests.support.images import SampleImage, file, layer, make_image
from tests.support.look import tars_of

HERE = "registry://r.example/demo/image:1"
THERE = "registry://other.example/new/image:1"


def context(**obj: Any) -> Any:
    """Make what a click context is to the builder."""
    return SimpleNamespace(obj=obj)


@pytest.fixture
def image() -> SampleImage:
    """A small image."""
    return make_image(layer(file("a")), layer(file("b")))


@pytest.fixture
def shelf(image: SampleImage) -> Shelf:
    """A registry that has it."""
    shelf = Shelf()
    shelf.put("demo/image", "1", image)
    return shelf


@pytest.fixture
def client(shelf: Shelf) -> Iterator[httpx.Client]:
    """A client that reaches that registry under every name."""
    with client_of(shelf.registry) as client:
        yield client


def test_without_a_context_there_are_defaults(
    client: httpx.Client, shelf: Shelf, image: SampleImage, tmp_path: Path
) -> None:
    """A script needs a client at most."""
    with PipelineBuilder(client=client) as builder:
        builder.build_pipeline(HERE, f"tar://{tmp_path}/a.tar").run()
        builder.build_pipeline(f"tar://{tmp_path}/a.tar", THERE).run()
    assert tars_of(tmp_path / "a.tar") == image.diff_ids
    assert shelf.manifest("new/image", "1").config.digest.encoded == image.config_hex


def test_a_client_that_was_handed_in_stays_open(client: httpx.Client) -> None:
    """As an argument or in the context; whoever made it closes it."""
    for builder in (PipelineBuilder(client=client), PipelineBuilder(context(CLIENT=client))):
        with builder:
            builder.build_pipeline(HERE, THERE).run()
        assert not client.is_closed


def test_a_client_that_is_made_here_is_closed_here(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the way out, also after a failure."""
    made: list[httpx.Client] = []

    def create(**_: object) -> httpx.Client:
        made.append(client_of(shelf.registry))
        return made[-1]

    monkeypatch.setattr("occystrap.client.session.create_client", create)
    with PipelineBuilder() as builder:
        builder.build_pipeline(HERE, THERE).run()
        with pytest.raises(OccystrapError):
            builder.build_pipeline(HERE.replace(":1", ":2"), THERE).run()
        assert [each.is_closed for each in made] == [False]
    assert [each.is_closed for each in made] == [True]


def test_one_connection_pool_for_each_way_of_tls(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sides that trust the same share a client; a side that trusts other things has its own."""
    made: list[TLS] = []

    def create(*, tls: TLS, **_: object) -> httpx.Client:
        made.append(tls)
        return client_of(shelf.registry)

    monkeypatch.setattr("occystrap.client.session.create_client", create)
    with PipelineBuilder() as builder:
        builder.build_pipeline(HERE, THERE).run()
        builder.build_pipeline(HERE, f"{THERE}?skip_verify=true").run()
    assert made == [TLS(), TLS(skip_verify=True)]


def test_one_rate_limit_and_one_count_for_all(shelf: Shelf) -> None:
    """W-2: source, destination and every pipeline of a run share them."""
    front = Front(shelf.registry)
    ctx = context(RATE_LIMIT=1000.0, RETRIES=7)
    with client_of(front) as client, PipelineBuilder(ctx, client=client) as builder:
        pipelines = [builder.build_pipeline(HERE, THERE) for _ in range(2)]
        assert builder.traffic.limiter is not None
        assert builder.traffic.limiter.rate == 1000.0
        assert builder.traffic.policy.retries == 7
        for pipeline in pipelines:
            pipeline.run()
        assert builder.traffic.stats.requests == len(front.seen) > 10


NOWHERE = Chain()
OPTIONS = Options(
    username="alice", password="a", ca_file="a.pem", cert="c.pem", key="k.pem", max_workers=2
)


@pytest.mark.parametrize(
    ("uri", "options", "expected"),
    [
        ("", Options(), (True, TLS(), None, 4)),
        ("", Options(insecure=True), (False, TLS(), None, 4)),
        ("?insecure=false", Options(insecure=True), (True, TLS(), None, 4)),
        ("?insecure", Options(), (False, TLS(), None, 4)),
        ("", OPTIONS, (True, TLS(Path("a.pem"), Path("c.pem"), Path("k.pem")), ("alice", "a"), 2)),
        (
            "?ca_file=b.pem&cert=d.pem&key=l.pem&username=bob&password=1&max_workers=1",
            OPTIONS,
            (True, TLS(Path("b.pem"), Path("d.pem"), Path("l.pem")), ("bob", "1"), 1),
        ),
        ("?skip_verify", Options(), (True, TLS(skip_verify=True), None, 4)),
        ("?skip_verify=false", Options(skip_verify=True), (True, TLS(), None, 4)),
    ],
)
def test_the_uri_decides_before_the_options(
    uri: str,
    options: Options,
    expected: tuple[bool, TLS, tuple[str, str] | None, int],
) -> None:
    """Each side of a pipeline for itself (W-17)."""
    side = Side.of(parse_uri(f"registry://r.example/a{uri}"), options, NOWHERE)
    found = side.credentials.find("r.example")
    secure, tls, login, workers = expected
    assert (side.secure, side.tls, side.max_workers) == (secure, tls, workers)
    assert found == (None if login is None else Credential(*login))


def test_each_side_has_a_login_of_its_own(shelf: Shelf) -> None:
    """What is stored for a host is shown to that host, what a URI holds to its own."""
    passwords = {"r.example": "one", "other.example": "two"}
    wrong: list[str] = []

    class PerHost:
        def handle(self, request: Request) -> Response:
            response = BasicGate(shelf.registry, passwords[request.host]).handle(request)
            if response.status == 401 and "Authorization" in request.headers:
                wrong.append(request.host)
            return response

    def uri(name: str, host: str) -> str:
        return f"registry://alice:{passwords[host]}@{host}/{name}"

    with client_of(PerHost()) as client, PipelineBuilder(client=client) as builder:
        source = uri("demo/image:1", "r.example")
        builder.build_pipeline(source, uri("new/image:1", "other.example")).run()
    assert wrong == []
    assert shelf.get("new/image", "1") is not None


def test_credential_files_are_read_when_a_registry_asks(
    shelf: Shelf, client: httpx.Client, tmp_path: Path
) -> None:
    """A broken file harms nobody who doesn't need it; who does is told its name."""
    (tmp_path / "config.json").write_text("broken")
    ctx = context(ENVIRON={"DOCKER_CONFIG": str(tmp_path)})
    with PipelineBuilder(ctx, client=client) as builder:
        builder.build_pipeline(HERE, THERE).run()
    with (
        client_of(BasicGate(shelf.registry)) as gated,
        PipelineBuilder(ctx, client=gated) as other,
        pytest.raises(OccystrapError, match=r"config\.json"),
    ):
        other.build_pipeline(HERE, THERE).run()


def test_proxies_come_from_the_environment_that_was_given(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from that of the process."""
    made: list[object] = []

    def create(*, proxies: object, **_: object) -> httpx.Client:
        made.append(proxies)
        return client_of(shelf.registry)

    monkeypatch.setattr("occystrap.client.session.create_client", create)
    monkeypatch.setenv("ALL_PROXY", "http://wrong.example")
    for environ in ({"ALL_PROXY": "http://right.example"}, {}):
        with PipelineBuilder(context(ENVIRON=environ)) as builder:
            builder.build_pipeline(HERE, THERE).run()
    assert "right.example" in str(made[0])
    assert "wrong.example" not in str(made)


def test_a_tarball_has_the_name_that_people_use(
    shelf: Shelf, image: SampleImage, client: httpx.Client, tmp_path: Path
) -> None:
    """W-33: namespaces are kept, and the host, unless it is Docker Hub."""
    for name in ("library/busybox", "org/app"):
        shelf.put(name, "1", image)
    named = {
        "registry://docker.io/library/busybox:1": ["busybox:1"],
        "registry://docker.io/org/app:1": ["org/app:1"],
        "registry://r.example:5000/org/app:1": ["r.example:5000/org/app:1"],
        f"registry://r.example/org/app@{shelf.manifest('org/app', '1').digest}": [],
    }
    path = tmp_path / "a.tar"
    with PipelineBuilder(client=client) as builder:
        for uri, names in named.items():
            builder.build_pipeline(uri, f"tar://{path}").run()
            content = path.read_bytes()
            start = content.index(b'[{"Config"')
            assert (
                json.loads(content[start : content.index(b"}]", start) + 2])[0]["RepoTags"] == names
            )
