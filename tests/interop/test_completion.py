"""Shells complete what is typed, each with the script that it is told to load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.components import real_component

#: Programs that complete `occystrap $@` and print what is offered, as docs/installation.md switches
#: it on. zsh has its own functions for that only while somebody types; these print instead.
BASH = """
eval "$(_OCCYSTRAP_COMPLETE=bash_source occystrap)"
complete -p occystrap >/dev/null || exit
COMP_WORDS=(occystrap "$@"); COMP_CWORD=$#
_occystrap_completion occystrap
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
autoload -Uz compinit && compinit -D -u
eval "$(_OCCYSTRAP_COMPLETE=zsh_source occystrap)"
compadd() { print -rl -- $completions }
_describe() { print -rl -- ${completions_with_descriptions%%:*} }
words=(occystrap "$@"); CURRENT=$#words
$_comps[occystrap]
"""
FISH = """
_OCCYSTRAP_COMPLETE=fish_source occystrap | source
for line in (complete -C "occystrap $argv")
    string split -f 1 \\t -- $line
end
true
"""
SHELLS = {
    "bash": ("bash", "--norc", "-c", BASH, "bash"),
    "fish": ("fish", "--no-config", "-c", FISH),
    "zsh": ("zsh", "-f", "-c", ZSH, "zsh"),
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A home without anything, and this occystrap on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"HOME": str(tmp_path), "PATH": path, "LC_ALL": "C.UTF-8"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("proc", {"process"}),
        ("tags --output-f", {"--output-format"}),
        ("tags --output-format j", {"json"}),
        ("registry serve --auth b", {"basic", "bearer"}),
    ],
)
def test_a_shell_completes(
    environ: dict[str, str], shell: str, typed: str, offered: set[str]
) -> None:
    """Commands, options of all commands behind them, and the values that these can have."""
    command = [real_component(shell), *SHELLS[shell][1:], *typed.split()]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert set(ended.stdout.split()) == offered, ended.stderr
