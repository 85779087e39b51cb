"""config.json says what the image says, and what `runc spec` would."""

from __future__ import annotations

import json
from typing import Any

import pytest

from occystrap.errors import InvalidManifest
from occystrap.outputs.runtime_config import BundleOptions, user_of, write_runtime_config
from occystrap.outputs.runtime_user import RuntimeUser

CONFIG = {
    "os": "linux",
    "architecture": "amd64",
    "created": "2023-11-14T22:13:20Z",
    "config": {
        "User": "app",
        "Env": ["A=1"],
        "Entrypoint": ["/bin/a", "b"],
        "Cmd": ["c"],
        "WorkingDir": "srv",
        "Volumes": {"/data": {}},
        "ExposedPorts": {"80/tcp": {}},
        "StopSignal": "SIGINT",
        "Labels": {"x": "y"},
    },
}


def written(
    user: RuntimeUser | None = None, options: BundleOptions | None = None, **config: object
) -> dict[str, Any]:
    """Make a document."""
    raw = json.dumps({**CONFIG, **config}).encode()
    return write_runtime_config(raw, user or RuntimeUser(), options or BundleOptions())


def test_the_process_is_the_images() -> None:
    """Command, environment, directory and user; a PATH is added where there is none (W-38)."""
    process = written(RuntimeUser(5, 6, (7,)))["process"]
    assert process["args"] == ["/bin/a", "b", "c"]
    assert process["env"][0].startswith("PATH=/usr/local/sbin:")
    assert process["env"][1:] == ["A=1"]
    assert process["cwd"] == "/srv"
    assert process["user"] == {"uid": 5, "gid": 6, "additionalGids": [7]}
    assert process["terminal"] is False
    assert process["capabilities"]["effective"] == []


def test_root_has_capabilities_and_an_image_without_a_command_a_shell() -> None:
    """As with docker, and as with `runc spec`."""
    process = written(config=None)["process"]
    assert process["args"] == ["sh"]
    assert process["cwd"] == "/"
    assert "CAP_CHOWN" in process["capabilities"]["effective"]


def test_a_root_that_cannot_be_written_leaves_volumes_that_can() -> None:
    """With what the image has there."""
    document = written(options=BundleOptions(readonly=True, terminal=True))
    assert document["root"] == {"path": "rootfs", "readonly": True}
    assert "TERM=xterm" in document["process"]["env"]
    volume = document["mounts"][-1]
    assert (volume["destination"], volume["type"]) == ("/data", "tmpfs")
    assert "tmpcopyup" in volume["options"]
    assert written()["mounts"][-1]["destination"] == "/sys/fs/cgroup"


def test_who_is_not_root_is_root_in_a_namespace() -> None:
    """With one user and one group, and the network of the machine."""
    document = written(RuntimeUser(0, 0, (10,)), BundleOptions(owner=(1000, 1001)))
    linux = document["linux"]
    kinds = {each["type"] for each in linux["namespaces"]}
    assert "user" in kinds
    assert "network" not in kinds
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 1000, "size": 1}]
    assert linux["gidMappings"] == [{"containerID": 0, "hostID": 1001, "size": 1}]
    assert "additionalGids" not in document["process"]["user"]


def test_annotations_are_labels_and_what_else_the_image_says() -> None:
    """As image-spec's conversion has it."""
    annotations = written()["annotations"]
    assert annotations["x"] == "y"
    assert annotations["org.opencontainers.image.stopSignal"] == "SIGINT"
    assert annotations["org.opencontainers.image.exposedPorts"] == "80/tcp"
    assert annotations["org.opencontainers.image.architecture"] == "amd64"


def test_the_user_is_what_the_config_says() -> None:
    """Nothing is nobody in particular."""
    assert user_of(json.dumps(CONFIG).encode()) == "app"
    assert user_of(b"{}") == ""


@pytest.mark.parametrize("config", [{"Env": "A=1"}, {"Cmd": [1]}, {"WorkingDir": []}, []])
def test_a_config_that_makes_no_sense_is_refused(config: object) -> None:
    """It comes from a stranger, as all of the image does."""
    with pytest.raises(InvalidManifest):
        written(config=config)
