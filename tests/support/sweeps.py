"""What occystrap is swept with: its operations, and the worlds that they take place in.

Rule: an operation waits by the clock of its world and draws from a seed, so that whatever a sweep
finds can be found again.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx

from occystrap.client.build import TLS, create_client
from occystrap.client.traffic import Traffic
from occystrap.errors import VerificationError
from occystrap.move import move
from occystrap.oci.digest import Digest
from occystrap.options import Options
from occystrap.pipeline import PipelineBuilder
from occystrap.quay import QuayClient
from pytest_occystrap.dialects import DIALECTS
from pytest_occystrap.options import RegistryOptions
from pytest_occystrap.sweep import Door, Operation, World
from tests.support.sweep_images import SOURCE, files_of, pulled_in_peace, seed, tarball

__all__ = ["SKOPEO", "SWEEPS", "Sweep"]

_TARGET: Final = "org/copy:2"


@dataclass(frozen=True, slots=True)
class Sweep:
    """An operation in a kind of world: what `fault_sweep` takes."""

    name: str
    operation: Operation
    prepare: Callable[[World], object]
    check: Callable[[World, object], object] | None
    door: Door = "in-process"
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def world(self) -> str:
        """Name the world."""
        dialect = self.options.get("dialect") or "specification"
        return f"{dialect}, {self.door}"

    @property
    def arguments(self) -> dict[str, Any]:
        """Return what `fault_sweep` takes by name."""
        return {
            "name": self.name,
            "prepare": self.prepare,
            "check": self.check,
            "door": self.door,
            **self.options,
        }


def _traffic(world: World) -> Traffic:
    return Traffic(
        clock=world.felt,
        wall_clock=world.clock,
        sleep=world.sleep,
        dice=random.Random(7).random,  # noqa: S311 - the same each time
    )


def _client(world: World) -> contextlib.AbstractContextManager[httpx.Client]:
    """Take the client of the world, or over HTTP/2 one of our own, as people have it.

    One connection of httpx's for all threads is no client of ours: under uploads it fails a third
    of its requests.
    """
    if not world.door.startswith("http/2"):
        return contextlib.nullcontext(world.client)
    tls = TLS(ca_file=world.registry.ca_file)
    return create_client(http2=True, tls=tls, timeout=world.client.timeout)


def _move(world: World, source: str, destination: str, *filters: str) -> None:
    accounts = world.registry.accounts
    username, password = next(iter(accounts.items()))
    options = Options(
        max_workers=2, insecure=not world.secure, username=username, password=password
    )
    with (
        _client(world) as client,
        PipelineBuilder(options, client=client, traffic=_traffic(world)) as builder,
    ):
        report = move(builder, source, destination, filters)
    if report.errors:
        raise VerificationError(report.errors[0].message)


def _seed_index(world: World) -> None:
    platforms = ("linux/amd64", "linux/arm64/v8")
    images = {
        platform: world.registry.add_random_image(f"org/part:{number}", size=9000, seed=number)
        for number, platform in enumerate(platforms)
    }
    world.registry.add_index(SOURCE, images)


def _put_tarball(world: World) -> None:
    (world.directory / "source.tar").write_bytes(tarball())


def pull(world: World) -> None:
    """Pull an image into a tarball."""
    _move(world, f"registry://{world.host}/{SOURCE}", f"tar://{world.directory}/app.tar")


def _check_pull(world: World, _value: object) -> None:
    image = world.registry.image(SOURCE)
    with tarfile.open(world.directory / "app.tar") as archive:

        def read(name: str) -> bytes:
            member = archive.extractfile(name)
            assert member is not None
            return member.read()

        (entry,) = json.loads(read("manifest.json"))
        assert read(entry["Config"]) == image.config.raw
        found = [str(Digest.of(read(name))) for name in entry["Layers"]]
    assert found == [layer.diff_id for layer in image.layers]


@dataclass(frozen=True, slots=True)
class PullInto:
    """Pulls an image into another format, perhaps through filters; processes pass it on."""

    scheme: str
    filters: tuple[str, ...] = ()

    def __call__(self, world: World) -> None:
        """Pull it."""
        source = f"registry://{world.host}/{SOURCE}"
        _move(world, source, f"{self.scheme}://{world.directory}/app", *self.filters)

    def check(self, world: World, _value: object) -> None:
        """Find what the same pull leaves where nothing goes wrong."""
        expected = pulled_in_peace(world.host, self.scheme, self.filters)
        assert files_of(world.directory / "app") == expected


def push(world: World) -> None:
    """Push an image from a tarball."""
    _move(world, f"tar://{world.directory}/source.tar", f"registry://{world.host}/{_TARGET}")


def _put_layout(world: World) -> None:
    _put_tarball(world)
    with PipelineBuilder() as builder:
        move(builder, f"tar://{world.directory}/source.tar", f"ocidir://{world.directory}/source")
    (world.directory / "source.tar").unlink()


def push_layout(world: World) -> None:
    """Push an image from an OCI layout."""
    _move(world, f"ocidir://{world.directory}/source", f"registry://{world.host}/{_TARGET}")


def _check_push(world: World, _value: object) -> None:
    pushed = world.registry.image(_TARGET)
    with tarfile.open(fileobj=io.BytesIO(tarball())) as archive:
        names = [name for name in archive.getnames() if name.endswith("layer.tar")]
    assert [layer.diff_id.removeprefix("sha256:") for layer in pushed.layers] == [
        name.partition("/")[0] for name in names
    ]


def copy(world: World) -> None:
    """Copy an image from repository to repository."""
    _move(world, f"registry://{world.host}/{SOURCE}", f"registry://{world.host}/{_TARGET}")


def copy_index(world: World) -> None:
    """Copy an index with its images."""
    source = f"registry://{world.host}/{SOURCE}?platform=all"
    _move(world, source, f"registry://{world.host}/{_TARGET}")


def _check_copy(world: World, _value: object) -> None:
    assert world.registry.image(_TARGET).digest == world.registry.image(SOURCE).digest


def discover(world: World) -> object:
    """Find repositories and their tags by the API of Quay."""
    base = f"{world.url.rstrip('/')}/api/v1"
    quay = QuayClient(client=world.client, base=base, traffic=_traffic(world))
    names = sorted(quay.list_repositories("org"))
    return [name for name in names if quay.has_tag("org", name, "1")]


def _seed_quay(world: World) -> None:
    for number in range(3):
        world.registry.add_image(f"org/app{number}:{1 if number else 2}")


def _check_discover(_world: World, value: object) -> None:
    assert value == ["app1", "app2"]


_PULL: Final = Sweep("pull to tar", pull, seed, _check_pull)
_PUSH: Final = Sweep("push from tar", push, _put_tarball, _check_push)
_PUSH_LAYOUT: Final = Sweep("push from OCI layout", push_layout, _put_layout, _check_push)
#: Where else an image can be pulled to, and through what.
_PULLS: Final = tuple(
    Sweep(f"pull to {name}", how, seed, how.check)
    for name, how in {
        "OCI layout": PullInto("ocidir"),
        "tar of an OCI layout": PullInto("ocitar"),
        "directory": PullInto("dir"),
        "bundle": PullInto("oci"),
        "mounts": PullInto("mounts"),
        "OCI layout, filtered": PullInto(
            "ocidir", ("normalize-timestamps", "exclude:pattern=*.none")
        ),
    }.items()
)
_COPY: Final = Sweep("copy", copy, seed, _check_copy)
_COPY_INDEX: Final = Sweep("copy an index", copy_index, _seed_index, _check_copy)
_DISCOVER: Final = Sweep("discover on quay", discover, _seed_quay, _check_discover)
#: Registries that nobody but their owner pushes to.
_READ_ONLY: Final = frozenset({"mcr"})
_SOCKETS: Final[tuple[Door, ...]] = ("http/1.1", "http/1.1 tls", "http/2 tls")
_GUARDED: Final[Mapping[str, Any]] = {"auth": "bearer", "redirects": True}


def _sweeps() -> Iterator[Sweep]:
    for operation in (_PULL, _PUSH, _COPY, _COPY_INDEX):
        yield replace(operation, options=_GUARDED)
        for dialect in DIALECTS:
            if operation is _PULL or dialect not in _READ_ONLY:
                yield replace(operation, options={"dialect": dialect})
    yield replace(_DISCOVER, options={"dialect": "quay"})
    for door in _SOCKETS:
        for operation in (_PULL, _PUSH, _COPY):
            yield replace(operation, options=_GUARDED, door=door)
    for operation in (*_PULLS, _PUSH_LAYOUT):
        yield replace(operation, options=_GUARDED)


SWEEPS: Final = tuple(_sweeps())

#: The same of another client, for comparison: it is held to the rules that ours is held to.
_LOGIN: Final = ":".join(next(iter(RegistryOptions().accounts.items())))
_SKOPEO_PULL: Final = (
    *("skopeo", "copy", "--src-tls-verify=false", "--src-creds", _LOGIN),
    *(f"docker://{{host}}/{SOURCE}", "dir:{directory}/app"),
)
_SKOPEO_PUSH: Final = (
    *("skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", _LOGIN),
    *("docker-archive:{directory}/source.tar", f"docker://{{host}}/{_TARGET}"),
)
_PATIENT: Final[Mapping[str, Any]] = {**_GUARDED, "bound": 20.0, "budget": 24}
SKOPEO: Final = (
    Sweep("skopeo: pull", _SKOPEO_PULL, seed, None, "http/1.1", _PATIENT),
    Sweep("skopeo: push", _SKOPEO_PUSH, _put_tarball, _check_push, "http/1.1", _PATIENT),
)
