"""Why a fact could not be had: a store's error as plain data, its cause told apart more finely than the store does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from academyctl.errors import StoreError

# What an operator must tell apart, for each has its own remedy.
KEY, SECRET, NO_KEY, EXPIRED, CLOCK = "key", "secret", "no-key", "expired", "clock"
DENIED, MISSING, UNREACHABLE, HOST = "denied", "missing", "unreachable", "host"
TIMEOUT, THROTTLED, FULL, STRANGER = "timeout", "throttled", "full", "stranger"
SETUP, ODD = "setup", "odd"

_BY_CODE = {
    "InvalidClientTokenId": KEY, "UnrecognizedClientException": KEY, "InvalidAccessKeyId": KEY,
    "SignatureDoesNotMatch": SECRET, "InvalidSignatureException": SECRET,
    "NoCredentialsError": NO_KEY, "PartialCredentialsError": NO_KEY, "CredentialRetrievalError": NO_KEY,
    "ConnectTimeoutError": TIMEOUT, "ReadTimeoutError": TIMEOUT,
    "ValueError": SETUP, "InvalidRegionError": SETUP, "ProfileNotFound": SETUP, "ConfigParseError": SETUP,
    "InvalidConfigError": SETUP, "NoRegionError": SETUP, "ResponseParserError": STRANGER,
}  # fmt: skip
_BY_CAUSE = {
    "auth": KEY, "expired": EXPIRED, "clock": CLOCK, "permission": DENIED, "missing": MISSING, "settings": SETUP,
    "throttled": THROTTLED, "unreachable": UNREACHABLE, "capacity": FULL,
}  # fmt: skip
_NO_HOST = re.compile(
    r"Name or service not known|nodename nor servname|getaddrinfo|NameResolution|could not translate host|"
    r"failed to resolve host|No address associated|Temporary failure in name resolution"
)
_SLOW = re.compile(r"(?i)timeout|timed out")


@dataclass(frozen=True)
class Trouble:
    """`cause` is one of the words above; `code` the service's own; `what` the call and its subject."""

    cause: str
    code: str = ""
    what: str = ""
    why: str = ""

    @property
    def told(self) -> str:
        """The service's own words, for evidence."""
        return self.why or self.code or self.cause


def trouble(error: StoreError) -> Trouble:
    """The error as data."""
    return Trouble(_cause(error), error.code, error.what.replace(" failed for ", " "), error.why)


def late(what: str) -> Trouble:
    """A fact that was not there in time."""
    return Trouble(TIMEOUT, "timeout", what, "no answer in time")


def _cause(error: StoreError) -> str:
    if error.why.startswith("the answer is not from"):
        return STRANGER
    # R2 answers a key of the wrong length with InvalidArgument instead of a word about keys.
    if error.code == "InvalidArgument" and "access key" in error.why:
        return KEY
    cause = _BY_CAUSE.get(error.cause, ODD)
    if cause in (UNREACHABLE, ODD):
        if _NO_HOST.search(error.why):
            return HOST
        if error.code not in _BY_CODE and _SLOW.search(error.why):
            return TIMEOUT
    if cause in (EXPIRED, CLOCK):
        return cause
    return _BY_CODE.get(error.code, cause)
