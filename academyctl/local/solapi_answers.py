"""Solapi's answers with every field that its own client libraries insist on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from academyctl.local.solapi_box import new_id
from academyctl.local.solapi_rules import OK, WORDS, euckr

_KEPT = ("to", "from", "text", "subject", "kakaoOptions", "replacements", "customFields", "country")


def kept(message: object, group: str, now: datetime, kind: str, shown: str, code: str, about: str) -> dict[str, Any]:
    """A registered message as the inbox has it. `bytes`: of its text in EUC-KR, None where it does not fit in."""
    fields = message if isinstance(message, dict) else {}
    line = {
        **{word: fields.get(word) for word in _KEPT},
        "type": kind,
        "bytes": euckr(str(fields.get("text") or "")),
        "message_id": new_id("M4V"),
        "group_id": group,
        "accepted_at": now.isoformat(),
        "status_code": code or OK,
    }
    if shown and shown != line["text"]:
        line["shown"] = shown
    if code:
        line["status_message"] = f"{WORDS.get(code, '접수 실패')} ({about})"
    return line


def failed_entry(line: Mapping[str, Any], account: str) -> dict[str, Any]:
    """One entry of failedMessageList."""
    return {
        "to": str(line["to"] or ""),
        "from": str(line["from"] or ""),
        "type": line["type"],
        "country": str(line["country"] or "82"),
        "messageId": line["message_id"],
        "accountId": account,
        "statusCode": line["status_code"],
        "statusMessage": line["status_message"],
        "customFields": line["customFields"] if isinstance(line["customFields"], dict) else {},
    }


def group_info(
    group: str, account: str, good: Sequence[Mapping[str, Any]], failed: int, now: datetime, prices: Mapping[str, int]
) -> dict[str, Any]:
    """`groupInfo`, and an entry of the groups' list."""
    stamp, nothing = now.isoformat(), {"requested": 0, "replacement": 0, "refund": 0, "sum": 0}
    charged: dict[str, dict[str, int]] = {word: {} for word in ("sms", "lms", "mms", "ata", "cta", "cti", "nsa")}
    for line in good:
        of_kind = charged.setdefault(str(line.get("type")).lower(), {})
        of_kind["82"] = of_kind.get("82", 0) + 1
    cost = sum(prices.get(str(line.get("type")), 45) for line in good)
    count = {
        "total": len(good) + failed,
        "registeredSuccess": len(good),
        "registeredFailed": failed,
        **dict.fromkeys(("sentTotal", "sentSuccess", "sentFailed", "sentPending", "sentReplacement", "refund"), 0),
    }
    dates = ("dateCreated", "dateUpdated", "scheduledDate", "dateSent", "dateCompleted")
    return {
        "groupId": group, "status": "SENDING", "count": count, "countForCharge": charged,
        "balance": nothing | {"requested": cost, "sum": cost}, "point": nothing, "app": {}, "log": [],
        "price": {"82": {kind.lower(): price for kind, price in prices.items()}}, "allowDuplicates": True,
        "isRefunded": False, "accountId": account, "masterAccountId": account, "apiVersion": "4",
        **dict.fromkeys(dates, stamp),
    }  # fmt: skip


def money(account: str, balance: int, point: int) -> dict[str, Any]:
    """The balance's every field, as Solapi's reference shows it."""
    none: list[Any] = []
    alert = {"notificationBalance": "0", "currentBalance": None, "balances": none, "channels": none, "enabled": False}
    return {
        "lowBalanceAlert": alert, "point": point, "minimumCash": 0, "rechargeTo": 0, "rechargeTryCount": 0,
        "autoRecharge": 0, "accountId": account, "balance": balance,
    }  # fmt: skip
