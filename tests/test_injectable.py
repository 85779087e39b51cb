"""Whatever speaks HTTP takes a client: with one handed in, nothing else reaches a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import httpx
import pytest

from occystrap import util
from occystrap.client.registry import RegistryClient
from occystrap.errors import OccystrapError, PipelineError
from occystrap.inputs.registry import Image
from occystrap.main import cli
from occystrap.oci.descriptor import Descriptor
from occystrap.outputs.registry import RegistryWriter
from occystrap.pipeline import Pipeline, PipelineBuilder
from occystrap.quay import QuayClient, resolve_quay_uri
from occystrap.server.doors.in_process import InProcessTransport
from tests.support.archives import docker_save
from tests.support.console import Shelf
from tests.support.fake_daemon import FakeDaemon, running_fake
from tests.support.images import SampleImage, file, layer, make_image
from tests.support.look import tars_of
from tests.support.network import refuse_network
from tests.support.quay import Quay
from tests.support.schemes import SOURCES, TARGETS

IMAGE = make_image(*(layer(file(f"file-{n}", bytes([n]) * 1000)) for n in range(3)))
BLOB = Descriptor.of(b"blob", "application/octet-stream")

#: From a registry to everywhere, and from everywhere to one: nothing else asks anybody.
WAYS = [(s, t) for s in SOURCES for t in TARGETS if "registry" in (s, t)]
#: Commands that ask a registry, and how they are called; `registry serve` only answers, and
#: `cassette` is the plugin's.
LOOKING = {
    "diff": [],
    "search": ["--regex"],
    "check": [],
    "info": [],
    "tags": [],
    "digest": [],
    "delete": ["--manifest"],
}
ASKING = {"process", *LOOKING}
ANSWERING = {"cassette", "proxy", "registry"}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every socket but those of this machine: they are the daemon's."""
    refuse_network(monkeypatch, but_itself=True)


@pytest.fixture(autouse=True)
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    """A daemon that has the image, where DOCKER_HOST says."""
    daemon = FakeDaemon()
    daemon.add("demo/image:1", IMAGE)
    with running_fake(daemon) as socket:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{socket}")
        yield daemon


@pytest.fixture
def shelf() -> Shelf:
    """A registry that has an image, and an index of it."""
    shelf = Shelf()
    shelf.put("demo/image", "1", IMAGE)
    shelf.put_all("demo/image", "all", {"linux/amd64": IMAGE})
    return shelf


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a tarball in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source.tar").write_bytes(docker_save(IMAGE))
    with PipelineBuilder() as builder:
        for scheme in ("dir", "ocidir", "ocitar"):
            builder.build_pipeline(SOURCES["tar"], SOURCES[scheme]).run()
    return tmp_path


def in_process(shelf: Shelf) -> httpx.BaseTransport:
    """Make a transport that streams."""
    return InProcessTransport(shelf.registry)


def mocked(shelf: Shelf) -> httpx.BaseTransport:
    """Make a transport whose answers are made whole, as those of `respx` are."""
    inner = in_process(shelf)

    def answer(request: httpx.Request) -> httpx.Response:
        response = inner.handle_request(request)
        return httpx.Response(
            response.status_code, headers=response.headers, content=response.read()
        )

    return httpx.MockTransport(answer)


@pytest.fixture(params=[in_process, mocked])
def client(request: pytest.FixtureRequest, shelf: Shelf) -> Iterator[httpx.Client]:
    """A client of the registry, which has to be open when the test is over."""
    make: Callable[[Shelf], httpx.BaseTransport] = request.param
    with httpx.Client(transport=make(shelf)) as client:
        yield client
        assert not client.is_closed


def image_of(shelf: Shelf, repository: str, tag: str) -> SampleImage:
    """Read an image back, by names."""
    manifest = shelf.manifest(repository, tag)
    return SampleImage(IMAGE.layers, shelf.content(repository, manifest.config), IMAGE.names)


def test_the_network_is_refused() -> None:
    """The proof proves something: without a client the same call fails."""
    with pytest.raises(AssertionError, match="the network was used"):
        util.request_url("GET", "https://registry.example/v2/", retries=0)


def test_every_command_is_known_here() -> None:
    """A new command that asks has to be run in this file."""
    assert set(cli.list_commands(click.Context(cli))) == ASKING | ANSWERING


def test_every_scheme_is_known_here() -> None:
    """A new source or destination has to be run in this file."""
    with PipelineBuilder() as builder:
        with pytest.raises(PipelineError, match=r"known: ([a-z, ]+)\)") as sources:
            builder.build_input("ftp://x")
        with pytest.raises(PipelineError, match=r"known: ([a-z, ]+)\)") as targets:
            builder.build_output("ftp://x", builder.build_input(SOURCES["tar"]))
    assert f"known: {', '.join(sorted(SOURCES))})" in str(sources.value)
    assert f"known: {', '.join(sorted(TARGETS))})" in str(targets.value)


@pytest.mark.parametrize(("source", "target"), WAYS)
@pytest.mark.parametrize("options", [[], ["--verify-full"], ["--insecure", "--rate-limit", "9999"]])
def test_process_goes_through_the_client(
    client: httpx.Client,
    shelf: Shelf,
    daemon: FakeDaemon,
    here: Path,
    source: str,
    target: str,
    options: list[str],
) -> None:
    """Every scheme to every scheme, by the command line."""
    arguments = [*options, "process", SOURCES[source], TARGETS[target]]
    cli.main(arguments, prog_name="occystrap", standalone_mode=False, obj={"CLIENT": client})
    if target == "tar":
        assert tars_of(here / "target.tar") == IMAGE.diff_ids
    elif target == "docker":
        assert daemon.images["new/image:2"].config == IMAGE.config
    elif target == "registry":
        assert image_of(shelf, "new/image", "2").config_hex == IMAGE.config_hex


@pytest.mark.parametrize("command", LOOKING)
def test_what_looks_goes_through_the_client(client: httpx.Client, command: str) -> None:
    """And so does what deletes."""
    more = {"search": ["x"], "diff": [SOURCES["tar"]]}.get(command, [])
    arguments = [command, *LOOKING[command], SOURCES["registry"], *more]
    cli.main(arguments, prog_name="occystrap", standalone_mode=False, obj={"CLIENT": client})


def test_a_whole_index_goes_through_the_client(client: httpx.Client, shelf: Shelf) -> None:
    """Its images are moved by several threads at once."""
    source = "registry://source.example/demo/image:all?platform=all"
    arguments = ["-O", "json", "process", source, TARGETS["registry"]]
    cli.main(arguments, prog_name="occystrap", standalone_mode=False, obj={"CLIENT": client})
    assert shelf.get("new/image", "2") == shelf.get("demo/image", "all")


def test_a_pipeline_goes_through_the_client(client: httpx.Client, shelf: Shelf) -> None:
    """Given to the builder, or in the context of the command line."""
    context = SimpleNamespace(obj={"CLIENT": client})
    for builder in (PipelineBuilder(client=client), PipelineBuilder(context)):
        with builder:
            builder.build_pipeline(SOURCES["registry"], TARGETS["registry"]).run()
        assert shelf.get("new/image", "2") == shelf.get("demo/image", "1")


def test_inputs_and_outputs_go_through_the_client(client: httpx.Client, shelf: Shelf) -> None:
    """Without a builder."""
    image = Image("source.example", "demo/image", "1", client=client)
    writer = RegistryWriter("target.example", "new/image", "2", client=client)
    Pipeline(image, writer).run()
    assert not writer.verify(full=True).errors
    assert shelf.get("new/image", "2") == shelf.get("demo/image", "1")


def test_a_registry_client_goes_through_the_client(client: httpx.Client) -> None:
    """Reading and writing."""
    with RegistryClient("registry.example", client=client) as registry:
        registry.upload_blob("new/image", BLOB, b"blob", chunk=3)
        assert registry.read_blob("new/image", BLOB) == b"blob"
        manifest = registry.get_manifest("demo/image", "1")
        assert registry.find_manifest("demo/image", "1") == manifest.digest
        registry.put_manifest("demo/image", "2", manifest)
        assert list(registry.tags("demo/image", page_size=2)) == ["1", "2", "all"]
        assert registry.referrers("demo/image", manifest.digest) == ()
        registry.delete_manifest("demo/image", "2")


@pytest.mark.parametrize("stream", [False, True])
def test_a_url_is_asked_for_through_the_client(client: httpx.Client, stream: bool) -> None:
    """`request_url`, whole or streamed."""
    url = "https://registry.example/v2/demo/image/tags/list"
    response = util.request_url("GET", url, stream=stream, client=client)
    body = b"".join(response.iter_bytes())
    response.close()
    assert json.loads(body) == {"name": "demo/image", "tags": ["1", "all"]}


def test_quay_is_asked_through_the_client() -> None:
    """The list, and the tags."""
    with httpx.Client(transport=httpx.MockTransport(Quay({"app": {"latest": 1}}))) as client:
        assert QuayClient(client=client).list_repositories("acme") == ["app"]
        found = resolve_quay_uri("quay://acme", client=client, max_workers=4)
        assert found == [("quay.io", "acme/app", "latest")]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["process", "registry://r.example/gone:1", "tar://x.tar"], id="no image"),
        pytest.param(["process", SOURCES["registry"], "ftp://x"], id="no scheme"),
        pytest.param(["process", "tar://gone.tar", TARGETS["registry"]], id="no tarball"),
        pytest.param(["process", SOURCES["registry"], "tar://gone/x.tar"], id="no directory"),
        pytest.param(
            ["--username", "x", "process", SOURCES["registry"], TARGETS["tar"]], id="half a login"
        ),
    ],
)
def test_a_failure_leaves_the_client_open(client: httpx.Client, arguments: list[str]) -> None:
    """W-30: whoever made it closes it; the error is one of ours, in one line."""
    with pytest.raises(click.ClickException) as caught:
        cli.main(arguments, prog_name="occystrap", standalone_mode=False, obj={"CLIENT": client})
    assert isinstance(caught.value.__cause__, OccystrapError | OSError)
