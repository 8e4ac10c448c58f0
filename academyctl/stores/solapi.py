"""Solapi's account: how much it holds and which sender numbers it may use. Signed requests that only read.

Header and errors: contract 6, and Solapi's reference for API keys (date within 15 minutes of the server's clock, salt
of 12 to 64 bytes, a signature only once).
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from academyctl.errors import Both, SolapiAway
from academyctl.settings_model import Solapi as SolapiSettings

STRANGER = "solapi-stranger"
"""Code of the error for an answer that is not Solapi's."""
_MAX_ANSWER = 1 << 20
_CHECK_KEY = Both("check SOLAPI_API_KEY and SOLAPI_API_SECRET", "SOLAPI_API_KEY와 SOLAPI_API_SECRET을 확인하세요")
CHECK_URL = Both("check SOLAPI_BASE_URL and the network", "SOLAPI_BASE_URL과 네트워크를 확인하세요")
_CHECK_CLOCK = Both("set this machine's clock", "이 컴퓨터의 시계를 맞추세요")
_CHARGE = Both("charge Solapi's account", "Solapi 잔액을 충전하세요")
_WAIT = Both("wait a minute and try again", "1분 뒤 다시 시도하세요")
_CAUSES = {
    "InvalidAPIKey": ("auth", _CHECK_KEY), "Unauthorized": ("auth", _CHECK_KEY),
    "SignatureDoesNotMatch": ("auth", _CHECK_KEY), "InvalidAuthorization": ("auth", _CHECK_KEY),
    "RequestTimeTooSkewed": ("clock", _CHECK_CLOCK), "TooManyRequests": ("throttled", _WAIT),
    "NotEnoughBalance": ("money", _CHARGE), "InvalidDate": ("clock", _CHECK_CLOCK), "InvalidSalt": ("auth", _CHECK_KEY),
    "DuplicatedSignature": ("throttled", _WAIT),
}  # fmt: skip
_OF_STATUS = {
    401: ("auth", _CHECK_KEY), 402: ("money", _CHARGE), 403: ("permission", _CHECK_KEY), 429: ("throttled", _WAIT),
    502: ("unreachable", _WAIT), 503: ("unreachable", _WAIT), 504: ("unreachable", _WAIT),
}  # fmt: skip


@dataclass(frozen=True)
class Balance:
    """In won. `point` is spent before `balance`; `auto_recharge` whether Solapi buys more by itself."""

    balance: float
    point: float
    auto_recharge: bool


class Solapi:
    """The account of one API key. Every method raises SolapiAway and nothing else.

    `note_date` is given the Date header of every answer, refusals included: it tells how far our clock is off.
    """

    def __init__(
        self,
        settings: SolapiSettings,
        *,
        timeout_s: float = 10,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        note_date: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._now = now
        self._note_date = note_date
        # No handler for redirects, which would take the signature elsewhere, and none that turns a status into an
        # exception: a refusal has its reason in the body.
        self._http = urllib.request.OpenerDirector()
        for handler in (urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler,
                        urllib.request.UnknownHandler):  # fmt: skip
            self._http.add_handler(handler())

    @property
    def where(self) -> str:
        return self._settings.base_url.rstrip("/")

    def balance(self) -> Balance:
        """What is left, in won."""
        path = "/cash/v1/balance"
        raw = self._get(path)
        if not isinstance(raw, dict) or not _number(raw.get("balance")):
            raise self._stranger(path)
        point = raw.get("point") if _number(raw.get("point")) else 0
        return Balance(float(raw["balance"]), float(point or 0), bool(raw.get("autoRecharge")))

    def senders(self) -> tuple[str, ...]:
        """The numbers that may send now, digits only. They are phone numbers: not for logs, facts or output."""
        path = "/senderid/v1/numbers/active"
        raw = self._get(path)
        if not isinstance(raw, list):
            raise self._stranger(path)
        # Solapi's reference shows strings; clients of its later version read objects with a phoneNumber.
        numbers = (one.get("phoneNumber", "") if isinstance(one, dict) else one for one in raw)
        return tuple(digits(str(number)) for number in numbers)

    def _get(self, path: str) -> Any:
        what = f"GET {path} failed for {self.where}"
        try:
            request = urllib.request.Request(  # noqa: S310 - no handler for file: is there
                self.where + path, headers={"Authorization": self._authorization(), "Accept": "application/json"}
            )
            with self._http.open(request, timeout=self._timeout_s) as answer:
                status, date = int(answer.status), str(answer.headers.get("Date", ""))
                body = answer.read(_MAX_ANSWER)
        except ssl.SSLCertVerificationError as error:
            raise self._stranger(path, str(error)) from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise self._stranger(path, str(error.reason)) from error
            if isinstance(error.reason, str):
                raise SolapiAway(what, why=error.reason, cause="settings", remedy=CHECK_URL) from error
            raise SolapiAway(what, why=str(error.reason), cause="unreachable", remedy=CHECK_URL) from error
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            raise SolapiAway(what, why=why, cause="unreachable", remedy=CHECK_URL) from error
        except ValueError as error:  # a URL without scheme, or a header with a line end in it
            raise SolapiAway(what, why=str(error), cause="settings", remedy=CHECK_URL) from error
        self._note_date(date)
        try:
            parsed = json.loads(body)
        except ValueError:
            raise self._stranger(path, f"HTTP {status}, no JSON") from None
        if 200 <= status < 300:
            return parsed
        raise self._refusal(path, status, parsed)

    def _authorization(self) -> str:
        secret = self._settings.api_secret.get_secret_value() if self._settings.api_secret else ""
        date = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        salt = secrets.token_hex(16)
        signature = hmac.new(secret.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
        return f"HMAC-SHA256 apiKey={self._settings.api_key}, date={date}, salt={salt}, signature={signature}"

    def _refusal(self, path: str, status: int, raw: Any) -> SolapiAway:
        if not isinstance(raw, dict) or "errorCode" not in raw:
            return self._stranger(path, f"HTTP {status} without errorCode")
        code, told = str(raw["errorCode"]), str(raw.get("errorMessage", ""))
        cause, remedy = cause_of(status, code, told)
        what = f"GET {path} failed for {self.where}"
        return SolapiAway(what, why=f"{code}: {told}"[:300], cause=cause, remedy=remedy, code=code)

    def _stranger(self, path: str, why: str = "") -> SolapiAway:
        told = "the answer is not from Solapi" + (f" ({why})" if why else "")
        what = f"GET {path} failed for {self.where}"
        return SolapiAway(what, why=told, cause="unreachable", remedy=CHECK_URL, code=STRANGER)


def cause_of(status: int, code: str, told: str) -> tuple[str, Both]:
    """The kind of a refusal, and what helps: auth, clock, permission, throttled, unreachable, refused, or money."""
    # A key of the wrong length is refused as a malformed request, not as a wrong key.
    if code == "ValidationError" and "apikey" in told.lower():
        return _CAUSES["InvalidAPIKey"]
    return _CAUSES.get(code) or _OF_STATUS.get(status) or ("refused", _WAIT)


def digits(number: str) -> str:
    """A phone number without what people put between its digits."""
    return "".join(char for char in number if char.isdigit())


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
