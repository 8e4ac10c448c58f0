"""Who we are to AWS: which credentials botocore takes, whose they are, and which regions there are."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.parsers import ResponseParserError

from academyctl.errors import AwsError
from academyctl.stores.aws import BOTO_ERRORS, ClientFactory, known_regions, translate

STRANGER = "the answer is not from STS"


@dataclass(frozen=True)
class Credentials:
    """What signs the calls. `method` is botocore's word for where it comes from ('explicit' = the settings).

    `key` is the key id's first and last four characters; `temporary` says that a session token goes with it.
    """

    method: str
    key: str
    temporary: bool


@dataclass(frozen=True)
class Caller:
    """Whose key it is."""

    account: str
    arn: str


class Identity:
    """Every method raises AwsError and nothing else."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients
        self._status = 0
        self._noted: Any = None

    def credentials(self) -> Credentials | None:
        """The credentials in use, None when there are none. A role's or a profile's are fetched for it."""
        try:
            held = self._client()._request_signer._credentials
            frozen = held and held.get_frozen_credentials()
        except BOTO_ERRORS as error:
            raise translate(error, action="reading the credentials", subject="AWS") from error
        if not frozen or not frozen.access_key:
            return None
        return Credentials(str(held.method or "explicit"), shortened(frozen.access_key), bool(frozen.token))

    def caller(self) -> Caller:
        """The account and the ARN of the key; AWS asks for no permission."""
        client = self._client()
        self._status = 0
        try:
            answer = client.get_caller_identity()
        except (ResponseParserError, KeyError, TypeError, AttributeError) as error:
            # botocore looks for the fields of an answer in whatever is well-formed.
            raise self._stranger(str(error)) from error
        except BOTO_ERRORS as error:
            # A proxy's well-formed page parses as an error without a code.
            if self._status >= 300 and not getattr(error, "response", {}).get("Error", {}).get("Code"):
                raise self._stranger("") from error
            raise translate(error, action="sts:GetCallerIdentity", subject="*") from error
        # A sign-in page that happens to be well-formed parses as an answer without the fields.
        if not answer.get("Account") or not answer.get("Arn"):
            raise self._stranger("")
        return Caller(str(answer["Account"]), str(answer["Arn"]))

    def _client(self) -> Any:
        client = self._clients("sts")
        if client is not self._noted:
            client.meta.events.register("before-parse.sts", self._note)
            self._noted = client
        return client

    def _note(self, response_dict: Any, **_: Any) -> None:
        self._status = int(response_dict["status_code"])

    def _stranger(self, said: str) -> AwsError:
        """An answer that AWS cannot have given; botocore's error has lost its status."""
        code = str(self._status) if self._status >= 300 else "ResponseParserError"
        page = f"HTTP {self._status}, {'not XML' if 'XML' in said else 'no account in it'}"
        why = page if self._status >= 300 else f"{STRANGER} ({page})"
        return AwsError("sts:GetCallerIdentity failed for *", why=why[:200], cause="unreachable", code=code)


def shortened(key: str) -> str:
    """A key id that can be recognised and not used: its first and its last four characters."""
    return f"{key[:4]}...{key[-4:]}" if len(key) >= 12 else "****"


@cache
def region_near(region: str) -> str:
    """The region itself when it exists, the one that was probably meant, or ''."""
    known = known_regions()
    return region if region in known else next(iter(difflib.get_close_matches(region, known, 1, cutoff=0.7)), "")
