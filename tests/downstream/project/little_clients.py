"""Four small clients of container registries, each as its library suggests."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin

import httpx
import requests

ACCEPT = {"Accept": "application/vnd.oci.image.manifest.v1+json"}


def checked(content: bytes, digest: str) -> bytes:
    """Return content that has the digest."""
    actual = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if actual != digest:
        raise ValueError(f"expected {digest}, got {actual}")
    return content


def pull(client: httpx.Client, base: str, repository: str, tag: str) -> list[bytes]:
    """Pull the layers of an image, with a token where the registry asks for one."""
    url = f"{base}/v2/{repository}/manifests/{tag}"
    response = client.get(url, headers=ACCEPT)
    headers = dict(ACCEPT)
    if response.status_code == httpx.codes.UNAUTHORIZED:
        headers["Authorization"] = f"Bearer {token(client, response)}"
        response = client.get(url, headers=headers)
    response.raise_for_status()
    layers = []
    for layer in response.json()["layers"]:
        blob = f"{base}/v2/{repository}/blobs/{layer['digest']}"
        answer = client.get(blob, headers=headers, follow_redirects=True)
        layers.append(checked(answer.raise_for_status().content, layer["digest"]))
    return layers


def token(client: httpx.Client, refused: httpx.Response) -> str:
    """Ask for the token that a challenge speaks of."""
    words = refused.headers["WWW-Authenticate"].removeprefix("Bearer ").split('",')
    fields = dict(word.replace('"', "").split("=", 1) for word in words)
    realm = fields.pop("realm")
    found: str = client.get(realm, params=fields).json()["token"]
    return found


def pull_from_quay(repository: str, tag: str) -> list[bytes]:
    """Pull with a client of its own, from a host of its own."""
    with httpx.Client() as client:
        return pull(client, "https://quay.io", repository, tag)


async def pull_at_once(
    client: httpx.AsyncClient, base: str, repository: str, tag: str
) -> list[bytes]:
    """Pull all layers at the same time."""
    manifest = await client.get(f"{base}/v2/{repository}/manifests/{tag}", headers=ACCEPT)
    digests = [layer["digest"] for layer in manifest.raise_for_status().json()["layers"]]
    blobs = [client.get(f"{base}/v2/{repository}/blobs/{digest}") for digest in digests]
    answers = await asyncio.gather(*blobs)
    return [checked(one.content, digest) for one, digest in zip(answers, digests, strict=True)]


def upload(base: str, repository: str, content: bytes, digest: str, **options: Any) -> None:
    """Upload a blob under a digest."""
    session = requests.Session()
    begun = session.post(f"{base}/v2/{repository}/blobs/uploads/", timeout=10, **options)
    begun.raise_for_status()
    place = urljoin(begun.url, begun.headers["Location"])
    done = session.put(place, params={"digest": digest}, data=content, timeout=10, **options)
    done.raise_for_status()


def push(
    base: str,
    repository: str,
    tag: str,
    config: dict[str, Any],
    layers: Sequence[bytes] = (),
    **options: Any,
) -> str:
    """Push an image, and return its digest."""
    described = []
    for number, content in enumerate([json.dumps(config).encode(), *layers]):
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        upload(base, repository, content, digest, **options)
        kind = f"application/vnd.oci.image.{'layer.v1.tar' if number else 'config.v1+json'}"
        described.append({"mediaType": kind, "digest": digest, "size": len(content)})
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": described[0]}
    body = json.dumps({**manifest, "layers": described[1:]})
    url, headers = f"{base}/v2/{repository}/manifests/{tag}", {"Content-Type": kind}
    kept = requests.put(url, data=body, headers=headers, timeout=10, **options)
    kept.raise_for_status()
    return kept.headers["Docker-Content-Digest"]


def tags(base: str, repository: str, context: ssl.SSLContext | None = None) -> list[str]:
    """List tags with nothing but the standard library."""
    url = f"{base}/v2/{repository}/tags/list"
    with urllib.request.urlopen(url, context=context, timeout=10) as response:  # noqa: S310
        found: list[str] = json.load(response)["tags"]
        return found
