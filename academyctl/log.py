"""Logging: the platform's line format or JSON lines; secrets, receipts and phone numbers never get through."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import IO

KST = timezone(timedelta(hours=9), "KST")

_NAMED = (
    r"(?i)((?:secret(?:_?access)?(?:_?key)?|password|passwd|token|api_?key|signature|receipt_?handle)"
    r"[\"']?\s*[=:]\s*[\"']?)"
)
# (words one of which must occur, in lower case, for the pattern to be worth a try; pattern; replacement). The words cut
# the cost of a clean line to a fifth, and nearly all lines are clean.
_MASKS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    # Korean mobile and landline numbers: the first four digits stay, as in the platform's logs (0101****).
    (("0",), re.compile(r"(?<![A-Za-z0-9_-])(0\d{1,2})[-. ]?(\d)\d{2,3}[-. ]?\d{4}(?![A-Za-z0-9_-])"), r"\1\2****"),
    (("82",), re.compile(r"(?<![A-Za-z0-9_])\+?82[-. ]?(1\d)[-. ]?(\d)\d{3}[-. ]?\d{4}(?![A-Za-z0-9_])"), r"0\1\2****"),
    (("x-amz-",), re.compile(r"(?i)(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s\"']+"), r"\1****"),
    (
        ("secret", "passw", "token", "api", "signature", "receipt"),
        re.compile(_NAMED + r"[^\s\"',&|]+"),
        r"\1****",
    ),
    (("bearer", "hmac-sha256"), re.compile(r"(?i)(Bearer\s+|HMAC-SHA256\s+)[^\s\"']+"), r"\1****"),
    (("akia", "asia"), re.compile(r"(?<![A-Z0-9])(AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"), r"\1****"),
    (("://",), re.compile(r"(\w+://[^:/\s]+:)[^@/\s]+(@)"), r"\1****\2"),
)
_UNNAMED = tuple(row for row in _MASKS if not row[1].pattern.startswith(_NAMED))


def mask(text: str, secrets: Iterable[str] = (), *, named: bool = True) -> str:
    """The text without secrets and full phone numbers. `secrets` are exact values known from the settings.

    `named` = False leaves alone what is secret by its name only: a result may well have a field `token`.
    """
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, "****")
    lower = text.lower()
    for words, pattern, replacement in _MASKS if named else _UNNAMED:
        for word in words:
            if word in lower:
                text = pattern.sub(replacement, text)
                break
    return text


class MaskingFormatter(logging.Formatter):
    """The single writer: whatever is logged, tracebacks included, passes `mask`."""

    def __init__(self, *, prefix: str, as_json: bool, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._prefix = prefix
        self._json = as_json
        self._secrets = tuple(secrets)
        self._second = (-1, "")

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        message = mask(message, self._secrets)
        if self._json:
            at = datetime.fromtimestamp(record.created, UTC)
            fields = getattr(record, "fields", None) or {}
            body = {"at": at.isoformat(timespec="milliseconds"), "level": record.levelname, "worker": self._prefix}
            body |= {
                key: mask(str(value), self._secrets) if isinstance(value, str) else value
                for key, value in fields.items()
            }
            return json.dumps({**body, "message": message}, ensure_ascii=False, default=str)
        # Times are Korean, as in the platform's own lines (contract 10).
        second, stamp = self._second
        if int(record.created) != second:
            second = int(record.created)
            stamp = datetime.fromtimestamp(second, KST).strftime("%Y-%m-%d %H:%M:%S,")
            self._second = (second, stamp)
        return f"{stamp}{int(record.msecs):03d} [{record.levelname}] [{self._prefix}] {message}"


def setup(
    *,
    prefix: str,
    as_json: bool = False,
    level: int = logging.INFO,
    secrets: Iterable[str] = (),
    stream: IO[str] | None = None,
) -> None:
    """Send our log to stderr (docker logs), masked. Other libraries' logs only from WARNING on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(MaskingFormatter(prefix=prefix, as_json=as_json, secrets=secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("academyctl").setLevel(level)
