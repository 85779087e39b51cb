"""No made-up secret gets into a file, wherever in a cassette it was."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from random import Random
from urllib.parse import quote, quote_plus, unquote

import pytest

from occystrap.errors import SecretFound
from pytest_occystrap.cassettes.encodings import decode
from pytest_occystrap.cassettes.files import load_cassette, read_cassette, save_cassette
from pytest_occystrap.cassettes.form import Cassette
from pytest_occystrap.cassettes.gate import RULES
from tests.support.secret_content import IN_CONTENT
from tests.support.secret_places import IN_WORDS, WITH_A_NAME, Place
from tests.support.secrets_made_up import PASSWORDS, RANDOM, SHAPED, Make

ROOT = Path(__file__).resolve().parents[3]
SEED = 20261125
#: In a layer only shapes are looked for, and hexadecimal digits are digests there.
KINDS: tuple[tuple[Mapping[str, Place], Mapping[str, Make], int], ...] = (
    (WITH_A_NAME, {**SHAPED, **RANDOM, **PASSWORDS}, 6),
    (IN_WORDS, {**SHAPED, **RANDOM}, 12),
    (IN_CONTENT, SHAPED, 34),
)


def corpus() -> Iterator[tuple[str, str, Place]]:
    """Make the corpus: each place with some kinds, in turn, so that each kind is in many places."""
    dice = Random(SEED)  # noqa: S311 - it has to be the same each time
    for places, kinds, count in KINDS:
        turns = cycle(kinds.items())
        for name, place in places.items():
            for kind, make in islice(turns, count):
                yield f"{kind} in {name}", make(dice), place


CORPUS = list(corpus())


def pieces_of(secret: str) -> set[str]:
    """List what of a secret must not be seen, in any form: more than a third of a short one."""
    size = max(6, min(12, len(secret) // 2))
    lines = secret.splitlines()[1:-1] if "\n" in secret else [secret[len(secret) // 4 :]]
    parts = {line[n : n + size] for line in lines for n in range(0, len(line) - size + 1, 3)}
    forms = set(parts)
    for part in parts:
        forms |= {quote(part, safe=""), quote_plus(part), html.escape(part), json.dumps(part)[1:-1]}
    return forms | base64_of(lines)


def base64_of(lines: list[str]) -> set[str]:
    """List what Base64 makes of a text at each of the three ways that it may be cut."""
    found = set()
    for line in lines:
        for shift in range(3):
            encoded = base64.b64encode(b"x" * shift + line.encode()).decode()
            core = encoded[4:-4]
            if len(core) >= 8:
                found |= {core, core.replace("+", "-").replace("/", "_")}
    return found


def written_below(directory: Path) -> str:
    """Return all that was written, as text, with what is compressed or in Base64 undone, too."""
    texts = []
    for path in directory.rglob("*"):
        if path.is_file():
            texts.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".yaml":
            for each in read_cassette(path).interactions:
                for message in (each.request, each.response):
                    if message is None:
                        continue
                    coding = message.headers.get("content-encoding") or ""
                    texts.append(decode(message.body.read(), coding) or "")
    text = "\n".join(texts)
    for found in re.findall(r"[A-Za-z0-9+/_-]{16,}", text):
        padded = found.replace("-", "+").replace("_", "/")
        padded = padded[: len(padded) // 4 * 4]
        text += "\n" + base64.b64decode(padded).decode("latin-1")
    return text + "\n" + unquote(text)


@pytest.mark.parametrize(
    ("secret", "place"), [each[1:] for each in CORPUS], ids=[c[0] for c in CORPUS]
)
def test_no_secret_gets_in(secret: str, place: Place, tmp_path: Path) -> None:
    """It is replaced, or the cassette is refused, and then nothing at all was written."""
    path = tmp_path / "cassettes" / "some.yaml"
    refused = refusal_of(place(secret), path)
    if refused is None:
        said = written_below(tmp_path)
        load_cassette(path)
    else:
        said = str(refused) + "".join(refused.findings)
        assert not list(tmp_path.rglob("*"))
        assert {each.rpartition(": ")[2] for each in refused.findings} <= RULES.keys()
        assert refused.findings
    assert [piece for piece in pieces_of(secret) if piece in said] == []


def refusal_of(cassette: Cassette, path: Path) -> SecretFound | None:
    """Save a cassette, unless it is refused."""
    try:
        save_cassette(cassette, path)
    except SecretFound as refused:
        return refused
    return None


def test_the_figures_of_the_page() -> None:
    """docs/cassettes.md says how large the corpus is, and of how many places and kinds."""
    page = " ".join((ROOT / "docs/cassettes.md").read_text().split())
    places = sum(len(places) for places, *_ in KINDS)
    kinds = len(SHAPED) + len(RANDOM) + len(PASSWORDS)
    assert f"{len(CORPUS)} made-up secrets, of {kinds} kinds in {places} places" in page
