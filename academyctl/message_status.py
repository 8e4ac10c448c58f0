"""How texts are told: the lines of `message list`, the block of `message show`, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from academyctl.ages import ago
from academyctl.errors import Both
from academyctl.message_evidence import Seen, Told
from academyctl.message_next import next_step
from academyctl.messaging.model import Row, State
from academyctl.messaging.pricing import won

if TYPE_CHECKING:
    from academyctl.dead_letters import Letter
    from academyctl.message_state import Picture

TOLD = {
    Told.accepted: Both("has it as accepted", "접수된 문자로 있음"),
    Told.refused: Both("has it as refused", "거절된 문자로 있음"),
    Told.alike: Both(
        "has the same text to the same phone, without our key", "같은 번호로 간 같은 내용이 있으나 우리 키가 없음"
    ),
    Told.early: Both("does not have it yet; a request may still arrive", "아직 없음. 요청이 아직 도착할 수 있음"),
    Told.absent: Both("does not have it: it never got there", "없음: 솔라피에 도착하지 않음"),
    Told.unasked: Both("not asked: it was never handed over", "확인하지 않음: 넘긴 적이 없음"),
}


def short(number: str) -> str:
    """A phone number as the platform's log shows it: its first four digits (contract 6.9)."""
    return f"{number[:4]}****" if number else "-"


def counts_line(counts: Mapping[str, int], lang: str) -> str:
    """`SENT 120  FAILED 3`, in the order of a text's life."""
    told = "  ".join(f"{state} {counts[state]}" for state in State if counts.get(state))
    return told or Both("no text", "문자 없음").pick(lang)


def listed(row: Row, codes: Mapping[int, str]) -> dict[str, Any]:
    """A row of a list as JSON."""
    return {
        "key": row.key, "tenant_id": row.tenant_id, "tenant_code": codes.get(row.tenant_id, ""), "state": row.state,
        "kind": row.kind, "to": short(row.recipient), "attempts": row.attempt, "reason": row.reason,
        "pretended": row.pretended, "created_at": row.created_at, "updated_at": row.updated_at, "age_s": age_s(row),
        "leased": row.leased,
    }  # fmt: skip


def line(row: Row, codes: Mapping[int, str]) -> tuple[Any, ...]:
    """The same for people."""
    state = f"{row.state}{' (leased)' if row.leased and row.state in (State.CLAIMED, State.SENDING) else ''}"
    return (
        row.key, codes.get(row.tenant_id) or row.tenant_id, state, row.kind, short(row.recipient), row.attempt,
        ago(age_s(row)), "SOLAPI_MOCK: not sent" if row.pretended else " ".join(row.reason.split())[:60],
    )  # fmt: skip


def age_s(row: Row) -> float:
    """Since it was first claimed, by this machine's clock."""
    return round(max(0.0, (datetime.now(UTC) - row.created_at).total_seconds()), 1)


def as_json(picture: Picture, lang: str) -> dict[str, Any]:
    """All that is known; what could not be read is null and named in `unknown`."""
    row, seen = picture.row, picture.seen
    entry = seen.entry if seen else None
    return {
        "version": 1,
        **listed(row, {row.tenant_id: picture.code}),
        "message_id": row.message_id, "mode": row.mode, "fallback": row.fallback, "sender": short(row.sender),
        "text_bytes": row.text_bytes, "template_id": row.template_id, "price": won(row.price_cents),
        "billed": row.billed, "billing": row.billing, "lease_until": row.lease_until, "sending_at": row.sending_at,
        "finished_at": row.finished_at, "solapi_message_id": row.solapi_message_id,
        "solapi_group_id": row.solapi_group_id, "evidence": dict(row.evidence),
        "balance": picture.tenant.balance if picture.tenant else None,
        "ledger": [
            {"at": one.at, "what": one.what, "billing": one.billing, "price": won(one.price_cents), "won": one.won,
             "balance_after": one.balance_after}
            for one in picture.entries
        ],
        "letter": _letter_json(picture.letter), "letters_complete": picture.all_letters,
        "solapi": None if seen is None or seen.told is None else {
            "told": seen.told, "message_id": entry.message_id if entry else None,
            "status_code": entry.status_code if entry else None, "created_at": entry.created_at if entry else None,
        },
        "unknown": {
            part: {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy_in(lang)}
            for part, error in picture.away.items()
        },
        "next": next_step(picture).pick(lang),
    }  # fmt: skip


def as_text(picture: Picture, lang: str) -> str:
    """The block that people read."""
    lines = [("text", picture.row.key), *_lines(picture, lang), ("next", next_step(picture).pick(lang))]
    return "\n".join(f"{name:<10}{value}".rstrip() for name, value in lines) + "\n"


def _lines(picture: Picture, lang: str) -> Iterator[tuple[str, str]]:
    row = picture.row
    yield "tenant", f"{row.tenant_id} ({picture.code})"
    leased = {True: ", leased", False: ", no worker has it"}[row.leased] if row.state in _HELD else ""
    yield "state", f"{row.state}{leased}"
    if row.reason:
        yield "reason", row.reason
    kind = f"{row.kind}{f' {row.template_id}' if row.template_id else ''}{', fallback of a refused ATA' * row.fallback}"
    yield "kind", f"{kind}, {row.text_bytes} bytes, mode {row.mode}"
    yield "to", f"{short(row.recipient)} from {short(row.sender)}"
    yield "made", f"{ago(age_s(row))} ago ({_at(row.created_at)}), attempts {row.attempt}"
    if row.sending_at:
        yield "requested", _at(row.sending_at)
    if row.finished_at:
        yield "finished", _at(row.finished_at)
    billed = Both("charged", "과금됨") if row.billed else Both("not charged", "과금되지 않음")
    yield "price", f"{won(row.price_cents)} ({billed.pick(lang)})"
    for one in picture.entries:
        yield "ledger", f"{_at(one.at)}  {one.what} {one.billing}  {one.won:+d} -> {one.balance_after}"
    if row.solapi_message_id:
        group = f" in group {row.solapi_group_id}" if row.solapi_group_id else ""
        yield "solapi id", f"{row.solapi_message_id}{group}"
    yield "letter", _letter(picture, lang)
    if picture.seen is not None:
        yield "solapi", solapi(picture.seen, lang)
    if row.evidence:
        yield "evidence", "  ".join(f"{name}={value}" for name, value in row.evidence.items())


_HELD: Sequence[State] = (State.CLAIMED, State.SENDING)


def solapi(seen: Seen, lang: str) -> str:
    """What Solapi's list said, or that it could not be asked."""
    if seen.told is None:
        return Both("cannot ask: ", "확인 불가: ").pick(lang) + str(seen.away)
    entry = seen.entry
    found = f" ({entry.message_id}, code {entry.status_code}, {_at(entry.created_at)})" if entry else ""
    return TOLD[seen.told].pick(lang) + found


def _letter(picture: Picture, lang: str) -> str:
    if picture.letter is not None:
        from academyctl.redrive import REASON_CHARS

        return f"{picture.letter.id}; {' '.join(picture.letter.reason.split())[:REASON_CHARS] or 'given up by SQS'}"
    if "dead letters" in picture.away:
        return Both("cannot tell", "알 수 없음").pick(lang)
    if picture.all_letters:
        return Both("not among the dead letters", "DLQ에 없음").pick(lang)
    return Both("not among the dead letters that were seen", "확인한 DLQ 메시지 중에는 없음").pick(lang)


def _letter_json(letter: Letter | None) -> dict[str, Any] | None:
    if letter is None:
        return None
    return {"id": letter.id, "reason": letter.reason, "sent_at": letter.sent_at}


def _at(when: datetime | None) -> str:
    return "?" if when is None else when.astimezone(UTC).isoformat(timespec="seconds")
