"""What a person decides about a text that nothing decided: it was sent, or it was not; compare-and-set, with refund."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from academyctl.errors import Both, UsageError
from academyctl.message_evidence import Seen, Told
from academyctl.message_state import Picture
from academyctl.messaging import pricing
from academyctl.messaging.model import OPEN, Ending, Row, State
from academyctl.messaging.pricing import Account
from academyctl.repairs import Changed
from academyctl.stores import Stores, deliveries


@dataclass(frozen=True)
class ResolveText:
    """End a text as SENT or FAILED; what it cost goes back in the same transaction when it was not sent.

    `refund` and `balance` are what the plan showed, in won: what is given back is reckoned anew when it is done.
    """

    key: str
    state: State
    tenant: str
    sent: bool
    note: str
    refund: int = 0
    balance: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    message_id: str = ""
    """Solapi's, where its list has the text as accepted."""
    letter: bool = True
    """Whether its message is a dead letter, from which it can be sent again."""

    def __str__(self) -> str:
        to = State.SENT if self.sent else State.FAILED
        reason = "" if self.sent else f", reason = {Ending.RESOLVED}"
        noted = f", note = {self.note}" if self.note else ""
        told = [f"set text {self.key} of {self.tenant} state {self.state} -> {to}{reason}{noted}"]
        if self.refund:
            balance = (
                "" if self.balance is None else f" (credit_balance {self.balance} -> {self.balance + self.refund})"
            )
            told.append(f"refund {self.refund} won to {self.tenant}{balance}")
        return "; ".join(told)

    def do(self, stores: Stores) -> None:
        done = deliveries.resolve(
            stores.db, self.key, sent=self.sent, expected=self.state, note=self.note, evidence=dict(self.evidence),
            message_id=self.message_id,
        )  # fmt: skip
        if done:
            return
        now = deliveries.row(stores.db, self.key)
        is_now = "its row is gone" if now is None else f"it is {now.state}{' and a worker has it' * now.leased}"
        raise Changed(f"text {self.key} was not changed", why=f"{is_now}, it was {self.state}")

    @property
    def undo(self) -> str:
        if self.sent:
            return "nothing: what counts as sent is never sent again; if it was not: academyctl message send"
        again = f"academyctl message redrive --key {self.key}" if self.letter else "academyctl message send"
        return f"nothing; to send it all the same, charged again: {again}"


@dataclass(frozen=True)
class Plan:
    """One repair, or none with the reason in `undecided`; `remarks` for the person who decides."""

    repair: ResolveText | None
    remarks: tuple[Both, ...] = ()
    undecided: Both | None = None


def plan_by_hand(picture: Picture, *, sent: bool, note: str, resend_after_s: float) -> Plan:
    """What --sent or --not-sent changes. Raises UsageError for a text that is decided, or in somebody's hands."""
    row = _undecided(picture.row, resend_after_s)
    if sent and row.state is State.CLAIMED:
        raise UsageError(
            f"text {row.key} is CLAIMED: it was paid for and never handed to Solapi",
            remedy=Both("it can only be --not-sent", "--not-sent만 지정할 수 있습니다"),
            code="text-claimed",
        )
    if not sent and row.state is not State.CLAIMED and row.sending_age_s < resend_after_s:
        raise _early(row, resend_after_s - row.sending_age_s)
    remarks = []
    seen = picture.seen
    if seen is not None and seen.sent is not None and seen.sent != sent:
        remarks.append(_AGAINST[seen.sent])
    return Plan(_repair(picture, sent=sent, note=note, seen=seen), (*remarks, *_letters(picture, sent=sent)))


def plan_by_list(picture: Picture, *, note: str, resend_after_s: float) -> Plan:
    """What --check changes: what Solapi's list says. Raises UsageError as `plan_by_hand`, SolapiAway when not asked."""
    row = _undecided(picture.row, resend_after_s)
    seen = picture.seen
    assert seen is not None
    if seen.away is not None:
        raise seen.away
    if seen.told is Told.early:
        raise _early(row, seen.wait_s)
    if seen.sent is None:
        return Plan(None, undecided=_ALIKE)
    said = note or f"Solapi's list: {seen.told}"
    return Plan(_repair(picture, sent=seen.sent, note=said, seen=seen), tuple(_letters(picture, sent=seen.sent)))


def refund_won(picture: Picture) -> int:
    """What goes back to the academy's balance if this text was not sent; 0 where nothing was charged."""
    tenant, row = picture.tenant, picture.row
    if tenant is None or not row.billed:
        return 0
    return pricing.refund(Account(tenant.owed_cents, tenant.paid), row.price_cents)[1]


_AGAINST = {
    True: Both(
        "Solapi's list has this text as accepted: with --not-sent its price goes back although it went out",
        "솔라피 목록에는 접수된 문자입니다. --not-sent로 처리하면 발송된 문자의 요금을 돌려주게 됩니다",
    ),
    False: Both(
        "Solapi's list does not have this text as accepted: with --sent the academy pays for what nobody got",
        "솔라피 목록에 접수 기록이 없습니다. --sent로 처리하면 발송되지 않은 문자의 요금을 학원이 내게 됩니다",
    ),
}
_ALIKE = Both(
    "the list has the same text to the same phone without our key: somebody else may have sent it. Compare the times "
    "(message show), then say --sent or --not-sent",
    "같은 번호로 간 같은 내용의 문자가 있지만 우리 키가 없습니다. 다른 곳에서 보냈을 수 있습니다. 시각을 비교한 뒤"
    "(message show) --sent 또는 --not-sent로 정하세요",
)


def _repair(picture: Picture, *, sent: bool, note: str, seen: Seen | None) -> ResolveText:
    return ResolveText(
        key=picture.row.key,
        state=picture.row.state,
        tenant=picture.code,
        sent=sent,
        note=note,
        refund=0 if sent else refund_won(picture),
        balance=picture.tenant.balance if picture.tenant else None,
        evidence=seen.evidence() if seen is not None else {},
        letter=picture.letter is not None or not picture.all_letters,
        message_id=seen.entry.message_id if seen is not None and seen.entry is not None and seen.sent else "",
    )


def _letters(picture: Picture, *, sent: bool) -> list[Both]:
    if sent:
        return []
    if picture.letter is not None:
        back = f"academyctl message redrive --key {picture.row.key}"
        return [
            Both(
                f"its message is a dead letter; to send it then: {back}",
                f"메시지가 DLQ에 있습니다. 다시 보내기: {back}",
            )
        ]
    if picture.all_letters:
        return [
            Both(
                "its message is not among the dead letters: it cannot be sent again from here, only written anew "
                "(academyctl message send)",
                "DLQ에 메시지가 없어 여기서 다시 보낼 수 없습니다. 필요하면 새로 보내세요(academyctl message send)",
            )
        ]
    return []


def _undecided(row: Row, resend_after_s: float) -> Row:
    if row.state is State.UNKNOWN:
        return row
    if row.state not in OPEN:
        raise UsageError(
            f"text {row.key} is {row.state}: there is nothing to decide",
            remedy=Both(f"see it: academyctl message show {row.key}", f"확인: academyctl message show {row.key}"),
            code="text-decided",
        )
    if row.leased or _quiet_s(row) < resend_after_s:
        raise UsageError(
            f"text {row.key} is {row.state}",
            why="a worker has it" if row.leased else "its message may still come back to a worker",
            remedy=Both(
                f"a worker decides it by itself; if none has within {resend_after_s / 60:.0f} minutes, run this again",
                f"워커가 스스로 처리합니다. {resend_after_s / 60:.0f}분이 지나도 그대로이면 다시 실행하세요",
            ),
            code="text-handled",
        )
    return row


def _quiet_s(row: Row) -> float:
    """Since its lease ended, or its last change where it was put off; by this machine's clock."""
    return (datetime.now(UTC) - (row.lease_until or row.updated_at)).total_seconds()


def _early(row: Row, wait_s: float) -> UsageError:
    return UsageError(
        f"whether text {row.key} arrives cannot be known yet",
        why=f"its request may still reach Solapi for {wait_s:.0f} s",
        remedy=Both("wait so long, then run this again", "그 시간이 지난 뒤 다시 실행하세요"),
        code="text-early",
    )
