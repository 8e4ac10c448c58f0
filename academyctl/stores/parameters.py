"""SSM parameters, their earlier versions, and a new one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from academyctl.errors import AwsError
from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import ours

SECURE = "SecureString"
STANDARD_BYTES = 4096
"""The longest value of the Standard tier; the Advanced one takes 8192."""
ADVANCED_BYTES = 8192


@dataclass(frozen=True)
class Parameter:
    """One version of a parameter, decrypted; `kind` is SecureString, String or StringList."""

    name: str
    kind: str
    version: int
    changed_at: datetime | None
    value: str = field(repr=False)


@dataclass(frozen=True)
class About:
    """What only a listing tells of a parameter; `key` is the KMS key of a SecureString, `by` who changed it last."""

    tier: str
    key: str
    by: str
    description: str


class Parameters:
    """Parameters by name. Every method raises AwsError and nothing else."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def get(self, name: str, *, version: int | None = None) -> Parameter | None:
        """A parameter, or an earlier version of it (AWS keeps a hundred); None when there is none."""
        asked = name if version is None else f"{name}:{version}"
        try:
            with ours("ssm:GetParameter", asked):
                raw = self._client.get_parameter(Name=asked, WithDecryption=True)["Parameter"]
                changed = raw.get("LastModifiedDate")
                at = changed.astimezone(UTC) if isinstance(changed, datetime) else None
                return Parameter(str(raw["Name"]), str(raw["Type"]), int(raw["Version"]), at, str(raw["Value"]))
        except AwsError as error:
            if error.code in ("ParameterNotFound", "ParameterVersionNotFound"):
                return None
            raise

    def about(self, name: str) -> About | None:
        """Tier and key of a parameter; None when there is none."""
        wanted = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
        with ours("ssm:DescribeParameters", name):
            # AWS may answer with an empty page that has a token.
            pages = self._client.get_paginator("describe_parameters").paginate(ParameterFilters=wanted)
            for raw in (one for page in pages for one in page["Parameters"]):
                said = (str(raw.get(field) or "") for field in ("Tier", "KeyId", "LastModifiedUser", "Description"))
                return About(*said)
        return None

    def put(
        self, name: str, value: str, *, new: bool, kind: str = SECURE, tier: str = "Standard", key: str = ""
    ) -> int:
        """Store a value; the version that it became. `new`: AWS refuses when the parameter is there by now.

        A SecureString without `key` is encrypted with the account's own key, whichever it had before.
        """
        asked = {"KeyId": key} if key and kind == SECURE else {}
        with ours("ssm:PutParameter", name):
            answer = self._client.put_parameter(
                Name=name, Value=value, Type=kind, Tier=tier, Overwrite=not new, **asked
            )
            return int(answer["Version"])

    @property
    def _client(self) -> Any:
        return self._clients("ssm")
