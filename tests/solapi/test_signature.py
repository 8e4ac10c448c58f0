"""Solapi's fence: a signature is good for 15 minutes around its date, with a salt of 12 to 64 bytes, and once."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from academyctl.local.solapi import Account, Refusal
from tests.solapi.conftest import KEY, SECRET

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def header(*, late: timedelta = timedelta(0), salt: str = "s" * 32) -> str:
    date = (NOW - late).isoformat()
    signature = hmac.new(SECRET.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
    return f"HMAC-SHA256 ApiKey={KEY}, Date={date}, salt={salt}, signature={signature}"


def refused(account: Account, authorization: str) -> str:
    try:
        account.authenticate(authorization)
    except Refusal as refusal:
        return refusal.code
    return ""


@pytest.fixture
def fixed(tmp_path: Path) -> Account:
    return Account(KEY, SECRET, tmp_path / "inbox", clock=lambda: NOW)


@pytest.mark.parametrize(
    ("late_s", "code"), [(900, ""), (901, "RequestTimeTooSkewed"), (-900, ""), (-901, "RequestTimeTooSkewed")]
)
def test_a_date_is_good_for_15_minutes_either_way(fixed: Account, late_s: int, code: str) -> None:
    assert refused(fixed, header(late=timedelta(seconds=late_s))) == code


@pytest.mark.parametrize(("length", "code"), [(11, "InvalidSalt"), (12, ""), (64, ""), (65, "InvalidSalt")])
def test_a_salt_has_12_to_64_bytes(fixed: Account, length: int, code: str) -> None:
    assert refused(fixed, header(salt="s" * length)) == code


def test_a_signature_is_good_once_as_long_as_its_date_is(tmp_path: Path) -> None:
    now = [NOW]
    account = Account(KEY, SECRET, tmp_path / "inbox", clock=lambda: now[0])
    ahead = header(late=timedelta(minutes=-15))
    assert refused(account, ahead) == ""
    for minutes in (0, 16, 29):
        now[0] = NOW + timedelta(minutes=minutes)
        assert refused(account, ahead) == "DuplicatedSignature"
        assert refused(account, header(late=timedelta(minutes=-minutes), salt=f"{minutes:032}")) == ""
    now[0] = NOW + timedelta(minutes=31)
    assert refused(account, ahead) == "RequestTimeTooSkewed"
    assert refused(account, header(late=timedelta(minutes=-31), salt="z" * 32)) == ""
    # The two of the first minute are past any date, and forgotten.
    assert len(account.used) == 3
