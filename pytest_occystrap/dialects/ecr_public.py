"""Amazon ECR Public. A token is good for everything; its scope is always `aws`."""

from __future__ import annotations

from typing import Final

from occystrap.server.tokens import TokenForm
from pytest_occystrap.dialects.answers import error
from pytest_occystrap.dialects.entry_form import EntryForm, Scheme
from pytest_occystrap.dialects.form import Dialect, LimitForm, Quota

__all__ = ["ECR_PUBLIC"]

_INVALID: Final = "Your Authorization Token is invalid."

ECR_PUBLIC: Final = Dialect(
    "ecr_public",
    "Amazon ECR Public",
    hosts=("public.ecr.aws",),
    entry=EntryForm(
        scheme=Scheme.BEARER,
        token=TokenForm(path="/token/", methods=("GET",), fields=("token",)),
        scope="aws",
        bad_credentials=error(400, "DENIED", _INVALID),
    ),
    limits=LimitForm(
        answer=error(429, "TOOMANYREQUESTS", "Rate exceeded"),
        abuse=error(429, "TOOMANYREQUESTS", "Data limit exceeded"),
        quota=Quota(1, 1),
    ),
    sources={
        "entry.scheme": "aws/containers-roadmap#2835; its challenge is quoted in many clients",
        "entry.token": "sdpctl#404",
        "entry.scope": "its challenge is quoted in many clients, as by oras-project/oras-py",
        "entry.bad_credentials": "aws/containers-roadmap#2835; dependabot/proxy#157",
        "limits.answer": "awslabs/aws-lambda-web-adapter#429",
        "limits.abuse": "awslabs/aws-lambda-web-adapter#595",
        "limits.quota": "awslabs/aws-lambda-web-adapter#429",
    },
    unchecked=("the redirect to CloudFront", "mounts, which are reported broken"),
)
