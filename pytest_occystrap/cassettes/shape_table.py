"""The shapes of secrets: those of well-known services, and those that any service has.

Rule: a shape is written so that what isn't a secret hardly has it, since it is looked for in the
bytes of programs, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pytest_occystrap.cassettes.credentials import (
    always,
    is_bearer,
    is_pair,
    is_password,
    is_quay,
    looks_so,
)
from pytest_occystrap.cassettes.placeholders import Kind, is_placeholder
from pytest_occystrap.cassettes.randomness import mixed

__all__ = ["SHAPES", "Shape"]

_B64: Final = "A-Za-z0-9+/"
_URL_B64: Final = r"A-Za-z0-9_\-"
#: Behind an escape (`%2F`, `\\n`) begins a word, too.
_WORD_BEFORE: Final = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of secret: `pattern`, of which the last group is the secret if there are groups.

    `anchors` are texts of which one is in every match; `holds` has the last word.
    """

    name: str
    what: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    kind: Kind = Kind.TOKEN
    holds: Callable[[str], bool] = always


def _shape(
    name: str,
    what: str,
    anchors: str,
    pattern: str,
    kind: Kind = Kind.TOKEN,
    holds: Callable[[str], bool] = always,
) -> Shape:
    return Shape(name, what, tuple(anchors.split("|")), re.compile(pattern), kind, holds)


SHAPES: Final = (
    _shape(
        "private-key",
        "a private key in PEM (RSA, EC, OpenSSH, PGP, of a service account), PuTTY's or age's",
        "PRIVATE KEY|PuTTY-User-Key-File|AGE-SECRET-KEY-1",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\r|\\n|[\r\n ])+"
        r"(?:[A-Za-z-]+: [^\r\n\\]*(?:\\r|\\n|[\r\n])+)*"
        rf"[{_B64}=]{{16}}(?:[{_B64}=\r\n ]|\\r|\\n)*(?:-----END [A-Z0-9 ]*-----)?"
        r"|PuTTY-User-Key-File-\d: [\s\S]*?Private-MAC: [0-9a-f]+|AGE-SECRET-KEY-1[0-9A-Z]{40,}",
        Kind.KEY,
    ),
    _shape(
        "jwt",
        "a JSON Web Token, signed or encrypted",
        "eyJ",
        rf"{_WORD_BEFORE}eyJ[{_URL_B64}]{{8,}}\.(?:eyJ)?[{_URL_B64}]{{8,}}(?:\.[{_URL_B64}]*)+",
    ),
    _shape(
        "aws-key",
        "an access key of AWS, by its id",
        "AKIA|ASIA|ABIA|ACCA",
        rf"{_WORD_BEFORE}(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16}}(?![A-Za-z0-9])",
        Kind.KEY,
        lambda value: not value.endswith("EXAMPLE"),
    ),
    _shape(
        "aws-secret",
        "a secret key or session token of AWS, beside its name",
        "ecret|SECRET|FwoG|IQoJ",
        rf"(?i:secret_?access_?key|aws_?secret(?:_?key)?)\W{{1,8}}([{_B64}]{{40}})(?![{_B64}=])"
        rf"|{_WORD_BEFORE}((?:FwoG|IQoJ)[{_B64}%]{{100,}}=*)",
        Kind.KEY,
        lambda value: not value.endswith("EXAMPLEKEY"),
    ),
    _shape(
        "github",
        "a token of GitHub, classic or fine-grained",
        "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
        rf"{_WORD_BEFORE}(?:gh[pousr]_[A-Za-z0-9]{{30,}}|github_pat_[A-Za-z0-9_]{{36,}})",
    ),
    _shape(
        "gitlab",
        "a token of GitLab",
        "gl",
        rf"{_WORD_BEFORE}gl(?:pat|dt|rt|rtr|cbt|ptt|ft|soat|agent|imt|oas|ffct)-[{_URL_B64}.]{{20,}}",
    ),
    _shape(
        "slack",
        "a token or a web hook of Slack",
        "xox|hooks.slack.com/services/",
        rf"{_WORD_BEFORE}xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{{16,}}"
        r"|hooks\.slack\.com/services/(T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,})",
    ),
    _shape(
        "docker",
        "an access token of Docker Hub, of a person or an organisation",
        "dckr_",
        rf"dckr_(?:pat|oat)_[{_URL_B64}]{{16,}}",
    ),
    _shape(
        "package-index",
        "a token of npm, PyPI, RubyGems or crates.io",
        "npm_|pypi-AgE|rubygems_|cio",
        rf"{_WORD_BEFORE}(?:npm_[A-Za-z0-9]{{36}}|pypi-AgE[{_URL_B64}]{{16,}}"
        r"|rubygems_[a-f0-9]{48}|cio[A-Za-z0-9]{32}(?![A-Za-z0-9]))",
        holds=lambda value: not value.startswith("cio") or looks_so(value),
    ),
    _shape(
        "google",
        "an API key, an OAuth token or a client secret of Google, or a service account's key",
        "AIza|ya29.|GOCSPX-|1//0|private_key_id",
        rf"{_WORD_BEFORE}(?:AIza[{_URL_B64}]{{35}}|ya29\.[{_URL_B64}.]{{20,}}"
        rf"|GOCSPX-[{_URL_B64}]{{20,}}|1//0[{_URL_B64}]{{40,}})"
        r"|private_key_id\\?\"\s*:\s*\\?\"([0-9a-f]{40})",
        Kind.KEY,
    ),
    _shape(
        "azure",
        "a storage key, a shared access signature, a client secret or a registry token of Azure",
        "AccountKey=|AccessKey=|sig=|Q~|+ACR",
        rf"(?:AccountKey|AccessKey)=([{_B64}]{{30,}}=*)"
        rf"|[?&;]sig=([{_B64}%]{{30,}}=*)"
        rf"|{_WORD_BEFORE}([A-Za-z0-9_~.]{{3}}\dQ~[A-Za-z0-9_~.-]{{31,34}})(?![A-Za-z0-9_~.-])"
        rf"|{_WORD_BEFORE}([{_B64}]{{42}}\+ACR[{_B64}]{{6}})",
        Kind.KEY,
        lambda value: mixed(value) and not is_placeholder(value),
    ),
    _shape(
        "basic",
        "a user and a password in Base64, as in `Basic` or in Docker's configuration",
        'asic |"auth"|\\"auth\\"',
        rf"(?i:basic) +([{_B64}]{{6,}}=*)|\\?\"auth\\?\"\s*:\s*\\?\"([{_B64}]{{6,}}=*)",
        Kind.TOKEN,
        is_pair,
    ),
    _shape(
        "bearer",
        "a token behind `Bearer`",
        "earer ",
        r"(?i:bearer) +([A-Za-z0-9._~+/-]{16,}=*)",
        holds=is_bearer,
    ),
    _shape(
        "url-password",
        "a password in a URL, as in `https://USER:PASSWORD@HOST`",
        "://",
        r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'<>\\?#]*:([^\s/@\"'<>\\?#]+)@[A-Za-z0-9\[](?!xample\b)",
        Kind.PASSWORD,
        is_password,
    ),
    _shape(
        "login-file",
        "a password of .netrc, .npmrc or .pypirc",
        "machine |_authToken|_password|login ",
        r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+\"?([^\s\"]{4,})"
        r"|(?:_authToken|:_password|_auth)\s*=\s*\"?([A-Za-z0-9+/=_-]{8,})",
        Kind.PASSWORD,
        is_password,
    ),
    _shape(
        "quay",
        "a token of a robot or an application of Quay: 64 or 40 capitals and digits",
        "",
        r"(?<![A-Za-z0-9+/=_-])(?:[A-Z0-9]{64}|[A-Z0-9]{40})(?![A-Za-z0-9+/=_-])",
        holds=is_quay,
    ),
    _shape(
        "artifactory",
        "an API key or a reference token of Artifactory",
        "AKC|cmVmdGtu",
        rf"{_WORD_BEFORE}(?:AKC[a-zA-Z0-9]{{60,}}|cmVmdGtu[A-Za-z0-9]{{40,}})",
        Kind.KEY,
    ),
    _shape(
        "stripe",
        "a key or a web hook secret of Stripe",
        "_live_|_test_|whsec_",
        rf"{_WORD_BEFORE}(?:[sr]k_(?:live|test)_[A-Za-z0-9]{{16,}}|whsec_[{_B64}]{{24,}})",
        Kind.KEY,
    ),
    _shape(
        "cloud",
        "a token of DigitalOcean, HashiCorp Vault, Databricks, Terraform, Heroku or Fernet",
        "_v1_|hvs.|hvb.|hvr.|dapi|.atlasv1.|HRKU-|gAAAAA",
        rf"{_WORD_BEFORE}(?:do[opr]_v1_[a-f0-9]{{64}}|hv[sbr]\.[{_URL_B64}]{{24,}}"
        rf"|dapi[a-f0-9]{{32}}|[A-Za-z0-9]{{14}}\.atlasv1\.[{_URL_B64}=]{{60,}}"
        rf"|HRKU-[{_URL_B64}]{{30,}}|gAAAAA[{_URL_B64}]{{60,}}={{0,2}})",
    ),
    _shape(
        "service",
        "a key of SendGrid, Hugging Face, OpenAI or Anthropic",
        "SG.|hf_|sk-",
        rf"{_WORD_BEFORE}(?:SG\.[{_URL_B64}]{{20,}}\.[{_URL_B64}]{{30,}}|hf_[A-Za-z0-9]{{30,}}"
        rf"|sk-(?:proj|ant|svcacct)[{_URL_B64}]{{24,}}|sk-[A-Za-z0-9]{{40,}})",
        Kind.KEY,
        looks_so,
    ),
    _shape(
        "password-hash",
        "a hash of a password, as in htpasswd or shadow",
        "$2|$5$|$6$|$y$|$apr1$",
        r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}"
        r"|\$[56]\$(?:rounds=\d+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43,86}"
        r"|\$y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}",
        Kind.PASSWORD,
    ),
)
