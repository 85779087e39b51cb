"""What the names of headers, parameters and fields tell of their values.

Rule: by allow-list. A header or a parameter whose name isn't here, and whose value isn't trivial,
is replaced; a field of a document, when its value looks like a credential.
"""

from __future__ import annotations

import re
from typing import Final

from occystrap.oci.redaction import HARMLESS_HEADERS, HARMLESS_PARAMETERS
from pytest_occystrap.cassettes.placeholders import Kind, is_placeholder
from pytest_occystrap.cassettes.randomness import looks_random
from pytest_occystrap.cassettes.tables import words_of

__all__ = [
    "PLAIN_HEADERS",
    "PLAIN_PARAMETERS",
    "RANDOM_FIELDS",
    "RANDOM_HEADERS",
    "is_trivial",
    "is_word",
    "kind_of",
    "shown",
]

#: Headers that may hold random text: digests and the numbers of requests.
RANDOM_HEADERS: Final = words_of(
    """
    apigw-requestid cf-ray content-digest content-md5 digest docker-content-digest
    docker-upload-uuid etag if-match if-none-match if-range oci-subject repr-digest
    request-id traceparent x-amz-apigw-id x-amz-cf-id x-amz-checksum-sha256
    x-amz-content-sha256 x-amz-id-2 x-amz-request-id x-amz-version-id x-amzn-requestid
    x-amzn-trace-id x-azure-ref x-cache-key x-correlation-id x-github-request-id
    x-goog-generation x-goog-hash x-goog-metageneration x-guploader-uploadid
    x-ms-client-request-id x-ms-correlation-request-id x-ms-ref x-ms-request-id x-request-id
    x-served-by x-trace-id x-url-hash
    """
)
#: Headers that hold words, numbers and dates.
PLAIN_HEADERS: Final = HARMLESS_HEADERS | words_of(
    """
    accept-language access-control-allow-credentials access-control-allow-headers
    access-control-allow-methods access-control-allow-origin access-control-expose-headers
    access-control-max-age alt-svc cf-cache-status content-disposition content-language
    content-security-policy cross-origin-embedder-policy cross-origin-opener-policy
    cross-origin-resource-policy dnt docker-experimental keep-alive origin-agent-cluster
    ostype permissions-policy pragma priority proxy-connection referrer-policy server-timing
    te trailer upgrade upgrade-insecure-requests x-amz-date x-amz-replication-status
    x-amz-server-side-encryption x-amz-storage-class x-cache x-cache-hits x-cache-status
    x-content-type-options x-frame-options x-goog-storage-class
    x-goog-stored-content-encoding x-goog-stored-content-length x-ms-blob-type
    x-ms-creation-time x-ms-date x-ms-lease-state x-ms-lease-status x-ms-server-encrypted
    x-ms-version x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset x-requested-with
    x-runtime x-sparse-manifest-support x-timer x-ua-compatible x-xss-protection
    """
)
#: Parameters of URLs and forms that hold words, numbers, dates, names and digests.
PLAIN_PARAMETERS: Final = HARMLESS_PARAMETERS | words_of(
    """
    access_type all api-version cdn_specific client_id expires filter_tag_name force
    fromimage fromsrc grant_type includestats includetags noprune ns offline_token
    onlyactivetags orderby page_size platform popularity query region repo repo_name
    response-content-disposition response-content-type response_type rscd rsct se ske sks
    skt skv sp spr sr srt ss st starred sv x-amz-algorithm x-amz-content-sha256 x-amz-date
    x-amz-expires x-amz-signedheaders x-goog-algorithm x-goog-date x-goog-expires
    x-goog-signedheaders x-id _nouploadcache
    """
)
#: Fields of documents that may hold random text.
RANDOM_FIELDS: Final = words_of(
    """
    checksum chainid diffid diff_id digest etag hash hostid id image_id layerid
    manifest_digest md5 md5checksum parent requestid request_id revision sha sha1 sha256
    sha512 traceid uuid dev.cosignproject.cosign/signature dev.sigstore.cosign/bundle
    dev.sigstore.cosign/certificate dev.sigstore.cosign/chain
    """
)
#: Names that sound like a secret's, and aren't.
_SOUNDS_SO: Final = re.compile(
    r"(?:token|auth|session|cookie|password|secret|key|signature)[-_.]?(?:s?[-_.]?(?:type|types"
    r"|endpoint|url|uri|realm|service|expires?|expiry|expiration|lifetime|count|required|enabled"
    r"|format|algorithm|method|methods|name|names|id[-_]?type|size|length|version|servers?))(?:[-_]?(?:in|at|s))?"
    r"|is_.*|has_.*|can_.*|offline_token|.*supported|authors?|authority|public_?key"
    r"|secret_?scanning.*|session_required|token_?expir.*",
    re.IGNORECASE,
)
#: Which names are a secret's, the first that fits.
_KINDS: Final = {
    Kind.USER: "(?:user|user_?name|login|account|account_?name|robot_?name|user_?id)",
    Kind.PASSWORD: ".*(?:passw(?:or)?d|passphrase|passcode).*|(?:.*[-_.])?(?:pass|pwd|pw)",
    Kind.KEY: (
        ".*(?:access|api|private|account|shared|signing|encryption|subscription|client|storage"
        "|master|deploy|ssh)_?-?key.*|.*key_?-?pair_?-?id|.*access_?-?id"
        "|(?:x-amz-|x-goog-)credential"
    ),
    Kind.SIGNATURE: ".*(?:signature|hmac).*|sig|s(?:igned)?_?hash",
    Kind.COOKIE: ".*(?:cookie|csrf|xsrf|session).*|.*[-_]?sess(?:_?id)?|sid",
    Kind.STATE: ("_state|state_token|next_?page|next_?token|continuation|cursor|marker|upload_?id"),
    Kind.TOKEN: (
        ".*(?:token|secret|credential|jwt|bearer|assertion|authorization|authdata).*"
        "|(?:.*[-_.])?auth|otp|nonce|cnonce|opaque|ticket|verify|policy|stringtosign(?:bytes)?"
        "|canonicalrequest(?:bytes)?|(?:oauth_|code_)?verifier|device_code"
    ),
}
_COMPILED: Final = tuple((kind, re.compile(names, re.IGNORECASE)) for kind, names in _KINDS.items())
_TRIVIAL: Final = re.compile(
    r"|true|false|yes|no|on|off|none|null|undefined|\*+|-?\d{1,3}|v?\d{1,3}(?:\.\d{1,3}){1,3}",
    re.IGNORECASE,
)
_LEAST_STATE: Final = 40
_SHOWABLE: Final = re.compile(r"[A-Za-z_$][\w.$/-]{0,40}")


def kind_of(name: str) -> Kind | None:
    """Say what kind of secret goes by a name; None if it isn't one's."""
    if _SOUNDS_SO.fullmatch(name):
        return None
    return next((kind for kind, names in _COMPILED if names.fullmatch(name)), None)


def is_trivial(value: str) -> bool:
    """Say whether a value can't be a secret: nothing, a switch, a small number, a placeholder."""
    return _TRIVIAL.fullmatch(value) is not None or is_placeholder(value)


def is_word(name: str, value: str) -> bool:
    """Say whether the place to go on at is a word: not what only a server understands."""
    return "state" not in name and len(value) < _LEAST_STATE and not looks_random(value)


def shown(name: str) -> str:
    """Return a name for a finding, unless it may be a secret itself."""
    return name if _SHOWABLE.fullmatch(name) and not looks_random(name) else "?"
