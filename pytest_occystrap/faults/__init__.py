"""Whatever goes wrong between a client and a registry, to be had at will.

    fake_registry.fault(reset(after=65536), on="GET blob", times=2)

An effect says what happens, a Where says to which requests, and a plan lays both over any handler:
the fake, a recording, or a live registry. docs/faults.md has each with an example.

Rule: every effect is one row of EFFECTS; its name there is its name in Python and in the grammar.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pytest_occystrap.faults import answers, bodies, challenges, headers, memory, pace, ranges, wire
from pytest_occystrap.faults.effect import Effect, Role, describe, effect_name
from pytest_occystrap.faults.plan import Fault, FaultPlan
from pytest_occystrap.faults.where import ALWAYS, Where

__all__ = [
    "ALWAYS",
    "EFFECTS",
    "Effect",
    "Fault",
    "FaultPlan",
    "Role",
    "Where",
    "bad_range",
    "challenge",
    "close",
    "commit_then_drop_answer",
    "corrupt",
    "describe",
    "drip",
    "empty",
    "expire_token",
    "expired_signature",
    "extra",
    "garbage",
    "goaway",
    "gzip_encode",
    "h2_reset_stream",
    "header",
    "hide_after_push",
    "latency",
    "link_loop",
    "location",
    "lose_upload",
    "mount_error",
    "never_read",
    "no_digest_header",
    "no_header",
    "page_size_refused",
    "read_only",
    "redirect_loop",
    "redirect_to",
    "refuse",
    "reset",
    "reset_upload",
    "slice",
    "slow",
    "stall",
    "status",
    "swap_body",
    "tls_bad_certificate",
    "tls_no_close_notify",
    "tls_stall",
    "token_down",
    "token_expiry",
    "token_garbage",
    "token_without_scope",
    "truncate",
    "upload_range",
    "wrong_digest_header",
    "wrong_length",
]

bad_range = ranges.BadRange
challenge = challenges.Challenge
close = bodies.Close
commit_then_drop_answer = memory.CommitThenDropAnswer
corrupt = bodies.Corrupt
drip = pace.Drip
empty = bodies.Empty
expire_token = memory.ExpireToken
expired_signature = answers.ExpiredSignature
extra = bodies.Extra
garbage = wire.Garbage
goaway = wire.Goaway
gzip_encode = bodies.GzipEncode
h2_reset_stream = wire.H2ResetStream
header = headers.Header
hide_after_push = memory.HideAfterPush
latency = pace.Latency
link_loop = headers.LinkLoop
location = headers.Location
lose_upload = memory.LoseUpload
mount_error = answers.MountError
never_read = pace.NeverRead
no_digest_header = headers.NoDigestHeader
no_header = headers.NoHeader
page_size_refused = headers.PageSizeRefused
read_only = answers.ReadOnly
redirect_loop = answers.RedirectLoop
redirect_to = answers.RedirectTo
refuse = wire.Refuse
reset = bodies.Reset
reset_upload = wire.ResetUpload
slice = pace.Slice  # noqa: A001 - the word that people know from toxiproxy
slow = pace.Slow
stall = pace.Stall
status = answers.Status
swap_body = bodies.SwapBody
tls_bad_certificate = wire.TlsBadCertificate
tls_no_close_notify = wire.TlsNoCloseNotify
tls_stall = wire.TlsStall
token_down = answers.TokenDown
token_expiry = challenges.TokenExpiry
token_garbage = answers.TokenGarbage
token_without_scope = memory.TokenWithoutScope
truncate = bodies.Truncate
upload_range = ranges.UploadRange
wrong_digest_header = headers.WrongDigestHeader
wrong_length = bodies.WrongLength

_MODULES: Final = (answers, bodies, challenges, headers, memory, pace, ranges, wire)
#: name -> the effect of that name.
EFFECTS: Final[Mapping[str, type[Effect]]] = MappingProxyType(
    {
        effect_name(kind): kind
        for module in _MODULES
        for kind in (getattr(module, name) for name in module.__all__)
    }
)
