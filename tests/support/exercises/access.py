"""How clients get in: with a password, and with tokens."""

from __future__ import annotations

import httpx

from occystrap.oci.challenge import TokenRequest, parse_challenges
from occystrap.oci.media_types import MANIFEST_ACCEPT
from tests.support.debian_registry import CREDENTIALS
from tests.support.exercises.content import DOCKER, REPOSITORY, push

__all__ = ["answered", "password", "token"]

_MANIFEST = f"/v2/{REPOSITORY}/manifests/1.0"
_ACCEPT = {"Accept": MANIFEST_ACCEPT}
_WRONG = ("alice", "wrong")


def password(client: httpx.Client) -> None:
    """Ask without one, with a wrong one, and with the right one; pull and push."""
    for path in ("/v2/", _MANIFEST, "/v2/demo/unknown/tags/list"):
        client.get(path)
    client.get(_MANIFEST, auth=_WRONG)
    client.post(f"/v2/{REPOSITORY}/blobs/uploads/")
    client.auth = httpx.BasicAuth(*CREDENTIALS)
    client.get("/v2/").raise_for_status()
    client.get(_MANIFEST, headers=_ACCEPT).raise_for_status()
    push(client, "demo/private", "1.0", DOCKER)


def token(client: httpx.Client) -> None:
    """Ask without one, get those that there are, and use them where they help and where not."""
    client.get("/v2/")
    client.get(_MANIFEST, headers={"Authorization": "Bearer nonsense"})
    stranger = answered(client, client.get(_MANIFEST), None)
    client.get(_MANIFEST, headers={**_ACCEPT, **stranger}).raise_for_status()
    refused = client.post(f"/v2/{REPOSITORY}/blobs/uploads/", headers=stranger)
    _ask(client, refused, _WRONG)
    client.headers.update(answered(client, refused, CREDENTIALS))
    push(client, REPOSITORY, "pushed", DOCKER)
    listing = client.get("/v2/_catalog?n=1")
    client.headers.update(answered(client, listing, CREDENTIALS))
    client.get("/v2/_catalog?n=1").raise_for_status()


def _ask(
    client: httpx.Client, refused: httpx.Response, login: tuple[str, str] | None
) -> httpx.Response:
    """Ask for the token that a challenge is about."""
    (challenge,) = parse_challenges(refused.headers.get_list("WWW-Authenticate"))
    url = TokenRequest.answering(challenge, ()).url
    return client.get(url) if login is None else client.get(url, auth=login)


def answered(
    client: httpx.Client, refused: httpx.Response, login: tuple[str, str] | None
) -> dict[str, str]:
    """Get the token that a challenge is about; return the header that shows it."""
    given = _ask(client, refused, login).raise_for_status().json()
    return {"Authorization": f"Bearer {given['token']}"}
