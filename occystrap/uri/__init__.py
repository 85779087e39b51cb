"""Sources, destinations and filters as people type them.

    registry://[USER:PASSWORD@]HOST[:PORT]/IMAGE[:TAG][@DIGEST][?OPTION=VALUE[&OPTION=VALUE]...]
    quay://NAMESPACE[/GLOB][:TAG]     docker://IMAGE[:TAG][@DIGEST]     tar://PATH     dir://PATH
    ocidir://PATH[:TAG]               ocitar://PATH[:TAG]
    FILTER[:OPTION=VALUE[,OPTION=VALUE]...]

Rule: what was typed is read here, once; from here on there are values. Neither an error nor `repr`
nor `str` shows a user name, a password or a token.

In a URI `%XX` stands for a byte, and the `//` may be left out. What has to be encoded: `%` (`%25`)
everywhere; `?` (`%3F`) in a path; `&` (`%26`) in a value; `/` (`%2F`) and `?` in a user name or
password, and `:` (`%3A`) in a user name. All else stands for itself, also `#`, `+` and a space. An
option that is either on or off is switched on by its bare name.

`tar://a/b` is a relative path; `tar:///a/b` and `tar://localhost/a/b` are absolute. The path of a
layout ends at its first colon, so that one in the path is `%3A`.

In a filter nothing is encoded: what follows a comma and isn't `option=...` continues the value
before it, so `exclude:pattern=*.pyc,*.log` holds two patterns.
"""

from __future__ import annotations

from occystrap.errors import URIParseError
from occystrap.uri.names import (
    DEFAULT_SOCKET,
    daemon_socket,
    parse_docker_uri,
    parse_dockerpush_uri,
    parse_quay_uri,
    parse_registry_uri,
    registry_reference,
)
from occystrap.uri.options import OptionValue, text_list
from occystrap.uri.parse import parse_filter, parse_uri
from occystrap.uri.schemes import INPUT_SCHEMES, OUTPUT_SCHEMES, check_filter, check_options
from occystrap.uri.spec import FilterSpec, URISpec, redacted

__all__ = [
    "DEFAULT_SOCKET",
    "INPUT_SCHEMES",
    "OUTPUT_SCHEMES",
    "FilterSpec",
    "OptionValue",
    "URIParseError",
    "URISpec",
    "check_filter",
    "check_options",
    "daemon_socket",
    "parse_docker_uri",
    "parse_dockerpush_uri",
    "parse_filter",
    "parse_quay_uri",
    "parse_registry_uri",
    "parse_uri",
    "redacted",
    "registry_reference",
    "text_list",
]
