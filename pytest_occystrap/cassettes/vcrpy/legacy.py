"""Cassettes that vcrpy wrote long ago, in the form that it writes today.

Before 6.0 vcrpy kept answers of httpx in a form of their own: `status_code`, `content` (decoded),
and one value a header. And bodies of requests that came from a file or a generator were kept as
Python objects.
"""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any, Final

import yaml
from vcr.serializers import yamlserializer
from vcr.util import read_body

__all__ = ["modernized"]

#: What was true of the body before it was decoded.
_OF_THE_WIRE: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def modernized(text: bytes) -> Any:
    """Return the document of an old cassette; None if vcrpy can't read it either."""
    with contextlib.suppress(yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError):
        document = yamlserializer.deserialize(text.decode())
        for each in document["interactions"]:
            request, response = each["request"], each["response"]
            request["body"] = read_body(SimpleNamespace(body=request.get("body")))
            if "status_code" in response:
                each["response"] = _of_httpx(response)
        return document
    return None


def _of_httpx(response: dict[str, Any]) -> dict[str, Any]:
    headers = {
        name: value
        for name, value in (response.get("headers") or {}).items()
        if name.lower() not in _OF_THE_WIRE
    }
    return {
        "status": {"code": response["status_code"], "message": ""},
        "headers": headers,
        "body": {"string": response.get("content") or ""},
    }
