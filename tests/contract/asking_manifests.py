"""Requests about manifests, lists, and paths that are none."""

from __future__ import annotations

import json

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from occystrap.oci import media_types
from occystrap.oci.digest import Digest
from tests.contract.asking import (
    ALL_CONTENTS,
    CONTENTS,
    MAYBE_ELSEWHERE,
    METHODS,
    NO_DIGESTS,
    NUMBERS,
    UNKNOWN,
    USING,
    Asking,
    condition,
)
from tests.support.side_by_side import Request
from tests.support.wire import describe, docker, image_manifest, index_of

__all__ = ["AskingManifests"]

OCI, DOCKER = media_types.OCI_MANIFEST, media_types.DOCKER_MANIFEST
INDEX_TYPES = {False: media_types.OCI_INDEX, True: media_types.DOCKER_INDEX}
OTHER_TYPES = [None, "text/plain", "application/json", f"{OCI}; charset=utf-8"]
MANIFESTS = st.builds(image_manifest, CONTENTS.filter(bool), CONTENTS)
NO_MANIFESTS = [b"", b"[]", b"null", b"not json", b'{"schemaVersion":1}', b'{"schemaVersion":3}']
TAGS = st.sampled_from(["v1", "v2", "latest"])
NO_TAGS = [".x", "a" * 129, "a b", "-x"]
#: Who accepts less gets a manifest of the first schema, whose signature is left out by us.
ACCEPTED = st.sampled_from([media_types.MANIFEST_ACCEPT] * 3 + [OCI, media_types.DOCKER_INDEX])
NO_NAMES = ["UPPER", "a//b", "-a", "a..b", "a___b", "_a", "a/_b", "a" * 256]
ODD = [
    *("/", "/v2/", "/v2", "/v1/", "/v2/{}", "/v2/{}/blobs/", "/v2/{}/tags", "/v2/{}/tags/list/"),
    *("/v2/{}/blobs/uploads", "/v2/{}/blobs/uploads/", "/v2/{}/blobs/uploads/nothing"),
    "/v2/{}/blobs/uploads/00000000-0000-0000-0000-000000000000",
    f"/v2/{{}}/referrers/{UNKNOWN[0]}",
    *(f"/v2/{name}/{what}" for name in NO_NAMES for what in ("blobs/uploads/", "tags/list")),
]
PAGES = [{}, {}, {"n": "1"}, {"n": "x"}, {"last": "v1"}, {"n": "-1"}, {"n": "1", "last": "latest"}]


class AskingManifests(Asking):
    """The rules."""

    def put(self, name: str, tag: str, content: bytes, kind: str | None) -> None:
        """Push a manifest; "own" is its digest."""
        reference = str(Digest.of(content)) if tag == "own" else tag
        headers = {} if kind is None else {"Content-Type": kind}
        path = f"/v2/{name}/manifests/{reference}"
        self.ask(Request("PUT", path, headers=headers, content=content))

    @initialize(target=Asking.images, manifest=MANIFESTS)
    def begin_with_an_image(self, manifest: bytes) -> tuple[int, bytes]:
        """Push one, so that there is something to ask for."""
        return self.push_whole(0, manifest, "v1", OCI)

    def push_whole(self, number: int, manifest: bytes, tag: str, kind: str) -> tuple[int, bytes]:
        """Push an image with all that it names."""
        for content in ALL_CONTENTS:
            if str(Digest.of(content)).encode() in manifest:
                self.push_blob(number, content)
        self.put(self.name(number), tag, manifest, kind)
        return number, manifest

    @rule(
        target=Asking.images,
        number=NUMBERS,
        manifest=MANIFESTS,
        tag=TAGS | st.just("own"),
        of_docker=st.sampled_from([False, False, True]),
        with_subject=st.sampled_from([False, False, True]),
    )
    def push_image(
        self, number: int, manifest: bytes, tag: str, of_docker: bool, with_subject: bool
    ) -> tuple[int, bytes]:
        """Push an image, of Docker's types or with a subject that isn't there."""
        if of_docker:
            manifest = docker(manifest)
        elif with_subject:
            subject = {"subject": describe(b"elsewhere", OCI)}
            manifest = json.dumps(json.loads(manifest) | subject).encode()
        return self.push_whole(number, manifest, tag, DOCKER if of_docker else OCI)

    @rule(
        target=Asking.images,
        image=Asking.images,
        tag=TAGS | st.just("own"),
        of_docker=st.booleans(),
    )
    def push_index(self, image: tuple[int, bytes], tag: str, of_docker: bool) -> tuple[int, bytes]:
        """Push an index of an image or an index, unless that was removed since."""
        index = index_of(image[1])
        index = docker(index) if of_docker else index
        self.put(self.name(image[0]), tag, index, INDEX_TYPES[of_docker])
        return image[0], index

    @rule(
        number=NUMBERS,
        manifest=MANIFESTS,
        tag=TAGS | st.sampled_from(["own", *NO_TAGS, *UNKNOWN]),
        of_docker=st.booleans(),
        in_index=st.booleans(),
    )
    def push_part(
        self, number: int, manifest: bytes, tag: str, of_docker: bool, in_index: bool
    ) -> None:
        """Push a manifest or an index, of which everything is there or not."""
        manifest = index_of(manifest) if in_index else manifest
        kind = INDEX_TYPES[of_docker] if in_index else (OCI, DOCKER)[of_docker]
        self.put(self.name(number), tag, docker(manifest) if of_docker else manifest, kind)

    @rule(
        number=NUMBERS,
        content=st.sampled_from(NO_MANIFESTS) | MANIFESTS,
        tag=TAGS,
        kind=st.sampled_from([OCI, DOCKER, *OTHER_TYPES]),
    )
    def push_what_is_none(self, number: int, content: bytes, tag: str, kind: str | None) -> None:
        """Push what is no manifest, or isn't of the type that is said."""
        self.put(self.name(number), tag, content, kind)

    @rule(
        image=Asking.images,
        number=MAYBE_ELSEWHERE,
        method=USING,
        tag=TAGS | st.sampled_from(["own", "own"]),
        accept=ACCEPTED,
        etag=st.sampled_from([None, None, None, "own", '"x"']),
    )
    def use_manifest(
        self,
        image: tuple[int, bytes],
        number: int | None,
        method: str,
        tag: str,
        accept: str,
        etag: str | None,
    ) -> None:
        """Ask for a manifest, where it was pushed or elsewhere, or remove it."""
        digest = str(Digest.of(image[1]))
        headers = {"Accept": accept} | condition(method, digest, etag)
        name = self.name(image[0] if number is None else number)
        reference = digest if tag == "own" else tag
        self.ask(Request(method, f"/v2/{name}/manifests/{reference}", headers=headers))

    @rule(
        number=NUMBERS,
        method=METHODS,
        path=st.sampled_from(
            [f"manifests/{each}" for each in (*NO_TAGS, *UNKNOWN, *NO_DIGESTS)]
            + [f"blobs/{each}" for each in (*UNKNOWN, *NO_DIGESTS)]
        ),
    )
    def use_what_is_not_there(self, number: int, method: str, path: str) -> None:
        """Ask for what was never pushed, or can't be."""
        headers = {"Accept": media_types.MANIFEST_ACCEPT}
        self.ask(Request(method, f"/v2/{self.name(number)}/{path}", headers=headers))

    @rule(number=NUMBERS, method=USING, params=st.sampled_from(PAGES))
    def list_tags(self, number: int, method: str, params: dict[str, str]) -> None:
        """List the tags."""
        self.ask(Request(method, f"/v2/{self.name(number)}/tags/list", params))

    @rule(
        n=st.sampled_from([None, "0", "1", "1", "2", "1000", "1001", "1001", "x", "-1"]),
        last=st.sampled_from(["", "", "a", "a/", "b", "c"]),
        method=st.just("GET") | METHODS,
    )
    def list_repositories(self, n: str | None, last: str, method: str) -> None:
        """List the repositories of this example, which are the last ones, from any on."""
        params = {"last": self.prefix + last} | ({} if n is None else {"n": n})
        self.ask(Request(method, "/v2/_catalog", params))

    @rule(number=NUMBERS, method=METHODS, path=st.sampled_from(ODD))
    def stray(self, number: int, method: str, path: str) -> None:
        """Ask for paths beside those of the API, and for repositories that can't be."""
        self.ask(Request(method, path.format(self.name(number))))
