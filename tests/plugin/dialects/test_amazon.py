"""Amazon ECR, private and public."""

from __future__ import annotations

import pytest

from occystrap.errors import APIException
from occystrap.oci.digest import Digest
from occystrap.oci.manifest import Descriptor
from occystrap.oci.media_types import OCI_LAYER
from tests.support.dialects import Scene, proves, scene
from tests.support.wire import CONFIG, Wire, error_code, image_manifest

AWS = ("AWS", "twelve hours")


@pytest.fixture
def ecr() -> Scene:
    """A private registry."""
    return scene("ecr", accounts=dict([AWS]))


@pytest.fixture
def wire(ecr: Scene) -> Wire:
    """A client of it that has the password."""
    return ecr.wire(AWS)


@pytest.fixture
def public() -> Scene:
    """The public registry."""
    return scene("ecr_public", accounts=dict([AWS]))


@proves("ecr", "entry.bad_credentials")
def test_an_expired_password_is_denied_without_a_challenge(ecr: Scene) -> None:
    """flipt#3043, deis/builder#426: who brings none gets one, for Basic."""
    assert ecr.http().get("/v2/").headers["WWW-Authenticate"].startswith("Basic ")
    answer = ecr.http().get("/v2/", auth=("AWS", "yesterday's"))
    assert (answer.status_code, error_code(answer)) == (403, "DENIED")
    assert "WWW-Authenticate" not in answer.headers
    with pytest.raises(APIException, match="Your authorization token has expired"):
        list(ecr.client("AWS", "yesterday's").tags("org/app"))


@proves("ecr", "uploads.chunk_status", "uploads.progress", "headers")
def test_the_range_of_chunks_never_grows(wire: Wire) -> None:
    """tart#273, #159, mise#11376: they are 201, and all of them arrive nevertheless."""
    begun = wire.client.post("/v2/org/app/blobs/uploads/")
    assert "Docker-Upload-UUID" not in begun.headers
    place = begun.headers["Location"]
    for start, chunk in ((0, b"12345"), (5, b"6789"), (9, b"0")):
        span = f"{start}-{start + len(chunk) - 1}"
        answer = wire.patch(place, chunk, Content_Range=span)
        assert (answer.status_code, answer.headers["Range"]) == (201, "0-4")
        place = answer.headers["Location"]
    assert wire.finish(place, Digest.of(b"1234567890")).status_code == 201


def test_the_client_does_not_believe_that_range(ecr: Scene) -> None:
    """containers-roadmap#2831: it knows how much it has sent."""
    layer = bytes(range(256)) * 100
    client = ecr.client(*AWS)
    client.upload_blob("org/app", Descriptor.of(layer, OCI_LAYER), layer, chunk=10_000)
    assert client.has_blob("org/app", Digest.of(layer))


@proves("ecr", "uploads.mounts_what_manifests_name")
def test_a_blob_without_a_manifest_is_not_mounted(wire: Wire) -> None:
    """containers-roadmap#2860: an upload begins instead."""
    digest = wire.put_blob("org/app", CONFIG)
    path = f"/v2/org/copy/blobs/uploads/?mount={digest}&from=org/app"
    assert wire.client.post(path).status_code == 202
    assert wire.put_manifest("org/app", "1", image_manifest()).status_code == 201
    assert wire.client.post(path).status_code == 201


@proves("ecr", "blobs.redirect")
def test_blobs_come_from_s3_which_takes_one_right_only(ecr: Scene, wire: Wire) -> None:
    """opa#6580, #6728: 307; who brings the password along gets a 400."""
    digest = wire.put_blob("org/app", CONFIG)
    answer = wire.get_blob("org/app", digest)
    assert answer.status_code == 307
    elsewhere = answer.headers["Location"]
    assert ecr.http().get(elsewhere).content == CONFIG
    both = ecr.http().get(elsewhere, auth=AWS)
    assert both.status_code == 400
    assert "<Code>InvalidArgument</Code><Message>Only one auth mechanism allowed" in both.text
    assert ecr.cdn is not None
    assert len(ecr.cdn.violations) == 1


@proves("ecr", "listing.tags", "listing.catalog")
@pytest.mark.parametrize("path", ["/v2/org/app/tags/list", "/v2/_catalog"])
def test_more_than_a_thousand_is_not_supported(wire: Wire, path: str) -> None:
    """ggcr#681, #1091, renovate#3800, #43657: 405, and no page."""
    wire.put_image("org/app", "1")
    answer = wire.client.get(f"{path}?n=1001")
    assert (answer.status_code, error_code(answer)) == (405, "UNSUPPORTED")
    assert "maxResults" in answer.json()["errors"][0]["message"]
    assert wire.client.get(f"{path}?n=1000").status_code == 200


@proves("ecr", "headers")
def test_a_manifest_comes_without_its_digest(wire: Wire) -> None:
    """distribution#3792: with GET; HEAD tells it."""
    manifest = wire.put_image("org/app", "1")
    assert "Docker-Content-Digest" not in wire.get_manifest("org/app", "1").headers
    head = wire.client.head("/v2/org/app/manifests/1")
    assert head.headers["Docker-Content-Digest"] == str(Digest.of(manifest))


@proves("ecr", "limits.answer")
def test_too_fast_is_rate_exceeded(ecr: Scene) -> None:
    """containerd#10447."""
    assert str(ecr.dialect.limits.answer).startswith("429")
    assert "Rate exceeded" in str(ecr.dialect.limits.answer)


@proves("ecr_public", "entry.scheme", "entry.token", "entry.scope")
def test_a_token_is_good_for_everything(public: Scene) -> None:
    """sdpctl#404: its scope is always `aws`, and it needn't be asked for."""
    public.wire(AWS).put_image("org/app", "1")
    plain = public.http()
    answer = plain.get("/v2/org/app/tags/list")
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws"'
    )
    for query in ("", "?service=public.ecr.aws&scope=aws", "?scope=repository:other/app:pull"):
        token = plain.get(f"/token/{query}").json()
        assert token.keys() == {"token"}
        signed = {"Authorization": f"Bearer {token['token']}"}
        assert plain.get("/v2/org/app/tags/list", headers=signed).status_code == 200
        begun = plain.post("/v2/org/app/blobs/uploads/", headers=signed)
        assert begun.headers["WWW-Authenticate"].split(",")[2] == 'scope="aws"'


@proves("ecr_public", "entry.bad_credentials")
@pytest.mark.parametrize("given", ["Bearer expired", "Basic QVdTOnR3ZWx2ZSBob3Vycw=="])
def test_a_bad_token_is_a_bad_request(public: Scene, given: str) -> None:
    """containers-roadmap#2835, dependabot/proxy#157: 400, and no challenge."""
    answer = public.http().get("/v2/org/app/tags/list", headers={"Authorization": given})
    assert (answer.status_code, error_code(answer)) == (400, "DENIED")
    message = "Your Authorization Token is invalid."
    assert answer.json()["errors"][0]["message"] == message
    assert "WWW-Authenticate" not in answer.headers


@proves("ecr_public", "limits.quota", "limits.answer")
def test_one_pull_a_second_where_a_test_wants_it() -> None:
    """aws-lambda-web-adapter#429: nothing announces it, so it is kept on demand only."""
    for limits, status in ((False, 200), (True, 429)):
        public = scene("ecr_public", limits=limits)
        wire = public.wire()
        wire.put_image("org/app", "1")
        assert wire.get_manifest("org/app", "1").status_code == 200
        answer = wire.get_manifest("org/app", "1")
        assert answer.status_code == status
        assert "ratelimit-limit" not in answer.headers
        public.clock.sleep(1)
        assert wire.get_manifest("org/app", "1").status_code == 200
        if limits:
            assert answer.json()["errors"][0]["message"] == "Rate exceeded"


@proves("ecr_public", "limits.abuse")
def test_too_much_is_data_limit_exceeded(public: Scene) -> None:
    """aws-lambda-web-adapter#595."""
    assert "Data limit exceeded" in str(public.dialect.limits.abuse)
