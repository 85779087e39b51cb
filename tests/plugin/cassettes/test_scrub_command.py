"""`occystrap cassette scrub`: cassettes of others, mended in place."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import yaml
from click.testing import CliRunner, Result

from occystrap.main import cli
from pytest_occystrap.cassettes.bodies import Body
from pytest_occystrap.cassettes.document import to_document
from pytest_occystrap.cassettes.files import blobs_beside, load_cassette
from pytest_occystrap.cassettes.form import Cassette
from tests.support.secret_content import content, layer_of
from tests.support.secret_places import document, header
from tests.support.secrets_made_up import RANDOM, SHAPED

DICE = Random(9)  # noqa: S311 - it has to be the same each time
SECRET = RANDOM["base64url-43"](DICE)
TOKEN = SHAPED["github-classic"](DICE)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory of cassettes."""
    return tmp_path / "cassettes"


def write(cassette: Cassette, path: Path) -> None:
    """Write a cassette as one that knows no gate would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(to_document(cassette, blobs_beside(path))))


def run(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(cli, ["cassette", *map(str, arguments)])


def test_a_cassette_is_mended(home: Path) -> None:
    """It can be loaded then, and holds nothing to find; doing it again changes nothing."""
    path = home / "some.yaml"
    write(header("Authorization", "Bearer {}".format)(SECRET), path)
    assert run("check", home).exit_code == 1
    result = run("scrub", home)
    assert (result.exit_code, result.stdout) == (
        0,
        f"{path}: scrubbed, 1 of 1 interactions\n",
    )
    assert SECRET not in path.read_text()
    (interaction,) = load_cassette(path).interactions
    assert interaction.request.headers.get("Authorization") == "Bearer scrubbed-token-1"
    assert run("check", home).exit_code == 0
    text = path.read_bytes()
    assert run("scrub", path).stdout == f"{path}: clean\n"
    assert path.read_bytes() == text


def test_bodies_with_secrets_are_removed(home: Path) -> None:
    """Unless another cassette has them; what comes in their place is a body, too."""
    large = document(lambda it: {"token": it, "names": ["app"] * 5000})
    for name in ("one", "two"):
        write(large(SECRET), home / f"{name}.yaml")
    (before,) = (home / "blobs" / "sha256").iterdir()
    assert run("scrub", home / "one.yaml").exit_code == 0
    assert before.exists()
    assert "field token: named secret" in run("check", home / "two.yaml").stdout
    assert run("scrub", home / "two.yaml").exit_code == 0
    assert not before.exists()
    (after,) = (home / "blobs" / "sha256").iterdir()
    assert SECRET not in after.read_text()
    assert run("check", home).stdout == ""


def test_what_cannot_be_scrubbed_stays_and_fails(home: Path) -> None:
    """A blob with a secret is named, and the others are scrubbed all the same."""
    write(content(lambda it: layer_of(it, "gzip"))(TOKEN), home / "a.yaml")
    write(header("Cookie", "a={}".format)(SECRET), home / "b.yaml")
    text = (home / "a.yaml").read_bytes()
    result = run("scrub", home)
    assert result.exit_code == 1
    assert f"Error: {home}/a.yaml isn't saved" in result.stderr
    assert "of what it inflates to: github" in result.stderr
    assert TOKEN not in result.output
    assert (home / "a.yaml").read_bytes() == text
    assert f"{home}/b.yaml: scrubbed" in result.stdout


def test_hosts_of_ones_own(home: Path) -> None:
    """A name that nobody could tell for internal is replaced when it is said."""
    path = home / "some.yaml"
    write(header("Host")("mirror.acme.example"), path)
    assert run("scrub", "--internal-host", "mirror.acme.example", home).exit_code == 0
    assert "acme" not in path.read_text()


def test_paths_are_needed() -> None:
    """Nothing is rewritten that wasn't named."""
    assert run("scrub").exit_code == 2


def test_a_missing_body_is_no_reason_not_to_look_for_secrets(home: Path) -> None:
    """Both are found."""
    path = home / "some.yaml"
    layer = content(lambda _: b"\xff" * 99)("").interactions
    write(Cassette((*layer, *header("Cookie", "a={}".format)(SECRET).interactions)), path)
    blobs_beside(path).path_of(Body.of(b"\xff" * 99).digest).unlink()
    said = run("check", home).stdout
    assert "is missing" in said
    assert "cookie a: cookie" in said
