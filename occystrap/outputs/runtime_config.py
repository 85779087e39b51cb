"""The config.json of a runtime bundle, made from the configuration of an image.

Rule: what the image says is what runs: its command, environment, directory and user. What it can't
say is as `runc spec` has it, with the capabilities that containers of docker have.
Spec: https://github.com/opencontainers/runtime-spec/blob/v1.0.2/config.md and
https://github.com/opencontainers/image-spec/blob/v1.1.1/conversion.md
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from occystrap.oci.documents import field, load_object, string_map, texts

if TYPE_CHECKING:
    from occystrap.outputs.runtime_user import RuntimeUser

__all__ = ["BundleOptions", "user_of", "write_runtime_config"]

_WHAT: Final = "the image configuration"
_PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CAPABILITIES: Final = tuple(
    f"CAP_{name}"
    for name in (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
        *("NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
_MASKED: Final = (
    *("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi"),
    "/sys/firmware",
)
_READONLY: Final = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_PREFIX: Final = "org.opencontainers.image."


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """What the image doesn't say.

    `owner` are the numbers of who will run the bundle without being root, in a namespace in which
    they are; None for a bundle of root's.
    """

    readonly: bool = False
    terminal: bool = False
    owner: tuple[int, int] | None = None


def user_of(raw: bytes) -> str:
    """Return the user that an image configuration names, empty for none.

    Raises:
        InvalidManifest: it isn't one.
    """
    return field(_settings(load_object(raw, _WHAT)), "User", str, _WHAT) or ""


def write_runtime_config(raw: bytes, user: RuntimeUser, options: BundleOptions) -> dict[str, Any]:
    """Make the document for an image configuration.

    Raises:
        InvalidManifest: it isn't one.
    """
    document = load_object(raw, _WHAT)
    settings = _settings(document)
    return {
        "ociVersion": "1.0.2",
        "process": _process(settings, user, options),
        "root": {"path": "rootfs", "readonly": options.readonly},
        "hostname": "occystrap",
        "mounts": [*_mounts(options), *_volumes(settings, options)],
        "annotations": _annotations(document, settings),
        "linux": _linux(options),
    }


def _settings(document: dict[str, Any]) -> dict[str, Any]:
    return field(document, "config", dict, _WHAT) or {}


def _process(settings: dict[str, Any], user: RuntimeUser, options: BundleOptions) -> dict[str, Any]:
    environment = list(texts(settings, "Env", _WHAT))
    if not any(each.startswith("PATH=") for each in environment):
        environment.insert(0, _PATH)
    if options.terminal and not any(each.startswith("TERM=") for each in environment):
        environment.append("TERM=xterm")
    arguments = [*texts(settings, "Entrypoint", _WHAT), *texts(settings, "Cmd", _WHAT)]
    directory = field(settings, "WorkingDir", str, _WHAT) or "/"
    granted = list(_CAPABILITIES) if user.uid == 0 else []
    numbers: dict[str, Any] = {"uid": user.uid, "gid": user.gid}
    if user.additional_gids and options.owner is None:  # a user's namespace has one group only
        numbers["additionalGids"] = list(user.additional_gids)
    return {
        "terminal": options.terminal,
        "user": numbers,
        "args": arguments or ["sh"],
        "env": environment,
        "cwd": posixpath.normpath(posixpath.join("/", directory)),
        "capabilities": {
            "bounding": list(_CAPABILITIES),
            "effective": granted,
            "permitted": granted,
        },
        "noNewPrivileges": True,
    }


def _mount(target: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    mount: dict[str, Any] = {"destination": target, "type": kind, "source": source}
    return mount | {"options": list(options)} if options else mount


def _mounts(options: BundleOptions) -> list[dict[str, Any]]:
    rootless = options.owner is not None
    safe = ("nosuid", "noexec", "nodev")
    terminals = ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620")
    tmpfs = ("nosuid", "strictatime", "mode=755", "size=65536k")
    return [
        _mount("/proc", "proc", "proc"),
        _mount("/dev", "tmpfs", "tmpfs", *tmpfs),
        _mount("/dev/pts", "devpts", "devpts", *terminals, *(() if rootless else ("gid=5",))),
        _mount("/dev/shm", "tmpfs", "shm", *safe, "mode=1777", "size=65536k"),  # noqa: S108
        _mount("/dev/mqueue", "mqueue", "mqueue", *safe),
        _mount("/sys", "none", "/sys", "rbind", *safe, "ro")
        if rootless
        else _mount("/sys", "sysfs", "sysfs", *safe, "ro"),
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", *safe, "relatime", "ro"),
    ]


def _volumes(settings: dict[str, Any], options: BundleOptions) -> list[dict[str, Any]]:
    """Let the volumes of an image be written to, with what it has there, if nothing else can be."""
    if not options.readonly:
        return []
    volumes = field(settings, "Volumes", dict, _WHAT) or {}
    return [
        _mount(posixpath.join("/", each), "tmpfs", "tmpfs", "rw", "nosuid", "nodev", "tmpcopyup")
        for each in sorted(map(str, volumes))
    ]


def _annotations(document: dict[str, Any], settings: dict[str, Any]) -> dict[str, str]:
    names = ("os", "architecture", "author", "created")
    found = {f"{_PREFIX}{name}": field(document, name, str, _WHAT) for name in names}
    found[f"{_PREFIX}stopSignal"] = field(settings, "StopSignal", str, _WHAT)
    ports = field(settings, "ExposedPorts", dict, _WHAT) or {}
    found[f"{_PREFIX}exposedPorts"] = ",".join(sorted(map(str, ports)))
    said = {name: value for name, value in found.items() if value}
    return said | dict(string_map(settings, "Labels", _WHAT))


def _linux(options: BundleOptions) -> dict[str, Any]:
    kinds = ["pid", "ipc", "uts", "mount"]
    more: dict[str, Any] = {}
    if options.owner is None:
        kinds.append("network")
        more["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    else:
        kinds.append("user")
        for name, number in zip(("uidMappings", "gidMappings"), options.owner, strict=True):
            more[name] = [{"containerID": 0, "hostID": number, "size": 1}]
    return {
        "namespaces": [{"type": kind} for kind in kinds],
        "maskedPaths": list(_MASKED),
        "readonlyPaths": list(_READONLY),
        **more,
    }
