"""`make demo` does what it says, whatever the environment."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from occystrap import demo
from occystrap.oci.digest import Digest


def test_the_demo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It pulls through a 429 and a cut, pushes, copies, and finds every digest the same.

    The developer's own settings don't get in its way.
    """
    for name in ("OCCYSTRAP_USERNAME", "OCCYSTRAP_RATE_LIMIT", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(SystemExit) as ended:
        demo.main()
    output, errors = capsys.readouterr()
    assert ended.value.code == 0
    assert len((output + errors).splitlines()) < 50  # a screenful
    assert output.count("429 Too Many Requests") == 1
    (cut,) = re.findall(r" 200, cut after (\d+) bytes\n", output)
    assert re.findall(r" 206 \(bytes=(\d+)-\)\n", output) == [cut]
    assert output.count("  same\n") == 5
    assert "DIFFERS" not in output
    assert output.endswith("Every digest matches.\n")
    assert len(re.findall(r"^Summary: .*verified OK$", errors, re.MULTILINE)) == 3
    assert ", 2 retries, 1 rate limits, " in errors


def test_a_digest_that_differs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, with the digest that was found."""
    same, other = Digest.of(b"same"), Digest.of(b"other")
    configs = {"demo/image": same, "demo/pushed": other, "demo/copied": same}
    monkeypatch.setattr(demo, "_inspect", lambda _, name: (same, configs[name], [same]))
    assert not demo._compare("host", SimpleNamespace(digest=same))  # type: ignore[arg-type]
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith("  same") for line in lines] == [True, False, True]
    assert lines[1].endswith(f"DIFFERS: {other}")
