"""What an operator reads of texts that would go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from academyctl.errors import Both
from academyctl.message_drafts import Draft, Drafts, masked, remarks, shown
from academyctl.messaging import euckr, pricing
from academyctl.messaging.compose import LMS_BYTES, SMS_BYTES
from academyctl.messaging.model import Composed, Refused
from academyctl.messaging.remedies import WORDS

if TYPE_CHECKING:
    from academyctl.stores.solapi_sending import Stage

NO_KEY = "(key)"
"""Stands in the request for the key of a text that has none before it is in the queue."""
RECEIVERS_SHOWN = 3
_LIMITS = {"SMS": SMS_BYTES, "LMS": LMS_BYTES}


def as_json(found: Drafts, lang: str, *, reveal: bool = False) -> dict[str, Any]:
    """`solapi`: the request that the worker would make; `solapi_fallback`: the one for refused Alimtalks; or null."""
    tenant = found.tenant
    return {
        "version": 1,
        "tenant": None if tenant is None else {
            "id": tenant.id, "code": tenant.code, "active": tenant.active, "messaging_active": tenant.messaging_active,
            "balance": tenant.balance,
        },
        "price": None if tenant is None else {
            "each": pricing.won(tenant.price_cents), "won": found.cost_won, "affordable": found.affordable,
        },
        "quiet": {"hours": found.hours, "wait_s": round(found.quiet_s)},
        "mock": found.free,
        "messages": [_message(draft, lang, reveal=reveal) for draft in found.drafts],
        "notes": [remark.pick(lang) for remark in remarks(found)],
        "solapi": _request([(draft, draft.made) for draft in found.drafts], "first", reveal=reveal),
        "solapi_fallback": _request([(draft, _instead(draft)) for draft in found.drafts], "fallback", reveal=reveal),
    }  # fmt: skip


def as_text(found: Drafts, lang: str, *, reveal: bool = False) -> str:
    """The first text in full, for the others differ in their numbers alone; then every one that is refused."""
    lines = [_line("academy", "학원", _academy(found, lang), lang)]
    going = [draft for draft in found.drafts if isinstance(draft.made, Composed)]
    if going:
        lines.append(_line("to", "받는 사람", _receivers(going, lang, reveal=reveal), lang))
        made = going[0].made
        assert isinstance(made, Composed)
        lines += _composed(made if reveal else shown(made), lang)
        if made.fallback is not None:
            lines.append(_line("if refused", "실패 시", "", lang).rstrip())
            lines += [f"  {line}" for line in _composed(made.fallback if reveal else shown(made.fallback), lang)]
        lines.append(_line("price", "요금", _price(found, lang), lang))
    for draft in found.refused:
        assert isinstance(draft.made, Refused)
        what, remedy = WORDS[draft.made.ending]
        to = draft.text.to if reveal else masked(draft.text.to)
        lines.append(f"FAIL  {to}  {what.pick(lang)} ({draft.made.reason})")
        lines.append(f"      {Both('next: ', '다음: ').pick(lang)}{remedy.pick(lang)}")
    if found.refused and len(found.drafts) > 1 and not reveal:
        lines.append("note  " + Both("see the numbers: --reveal", "번호 전체를 보려면: --reveal").pick(lang))
    lines += [f"note  {remark.pick(lang)}" for remark in remarks(found)]
    return "\n".join(lines) + "\n"


def _message(draft: Draft, lang: str, *, reveal: bool) -> dict[str, Any]:
    to = draft.text.to if reveal else masked(draft.text.to)
    common = {"to": to, "key": draft.key, "mode": draft.text.mode}
    if isinstance(draft.made, Refused):
        what, remedy = WORDS[draft.made.ending]
        refused = {"reason": str(draft.made.ending), "told": draft.made.told, "what": what.pick(lang),
                   "remedy": remedy.pick(lang)}  # fmt: skip
        return {**common, "refused": refused}
    return {**common, "refused": None, **_made(draft.made if reveal else shown(draft.made))}


def _made(made: Composed) -> dict[str, Any]:
    fields: dict[str, Any] = {"type": made.kind, "to": made.to, "sender": made.sender}
    if made.kind == "ATA":
        return fields | {
            "pf_id": made.pf_id, "template_id": made.template_id, "variables": dict(made.variables),
            "disable_sms": made.disable_sms, "fallback": _made(made.fallback) if made.fallback else None,
        }  # fmt: skip
    replaced = [{"was": was, "is": now} for was, now in euckr.replacements(made.replaced)]
    return fields | {
        "bytes": made.text_bytes, "limit": _LIMITS[made.kind], "subject": made.subject, "text": made.text,
        "replaced": replaced,
    }  # fmt: skip


def _composed(made: Composed, lang: str) -> list[str]:
    lines = []
    if made.kind == "ATA":
        pairs = ", ".join(f"{name}={value}" for name, value in made.variables) or "-"
        lines += [
            _line("type", "종류", Both("ATA (Alimtalk)", "ATA (알림톡)").pick(lang), lang),
            _line("channel", "채널", made.pf_id, lang),
            _line("template", "템플릿", made.template_id, lang),
            _line("variables", "변수", pairs, lang),
        ]
    else:
        size = Both(f"{made.text_bytes} of {_LIMITS[made.kind]} bytes", f"{made.text_bytes}/{_LIMITS[made.kind]}바이트")
        lines.append(_line("type", "종류", f"{made.kind}, {size.pick(lang)}", lang))
        if made.subject:
            lines.append(_line("subject", "제목", made.subject, lang))
    lines.append(_line("from", "발신번호", made.sender, lang))
    for number, line in enumerate(made.text.split("\n") if made.text else ()):
        lines.append(_line(*(("text", "내용") if number == 0 else ("", "")), line, lang))
    gone = Both("removed", "삭제").pick(lang)
    told = [f"{euckr.name(was)} -> {now or gone}" for was, now in euckr.replacements(made.replaced)]
    return [*lines, *([_line("replaced", "바뀜", ", ".join(told), lang)] if told else [])]


def _academy(found: Drafts, lang: str) -> str:
    if found.tenant is None:
        return f"{found.tenant_id} ({Both('there is none', '없음').pick(lang)})"
    return f"{found.tenant.id} ({found.tenant.code})"


def _receivers(going: list[Draft], lang: str, *, reveal: bool) -> str:
    numbers = [draft.text.to if reveal else masked(draft.text.to) for draft in going]
    more = len(numbers) - RECEIVERS_SHOWN
    told = ", ".join(numbers if reveal else numbers[:RECEIVERS_SHOWN])
    return told if reveal or more <= 0 else f"{told} {Both(f'and {more:,} more', f'외 {more:,}건').pick(lang)}"


def _price(found: Drafts, lang: str) -> str:
    assert found.tenant is not None
    if found.free:
        return Both("nothing: it is only pretended", "없음 (모의 발송)").pick(lang)
    if found.affordable is None:
        return Both("nothing: the academy's price is 0", "없음 (학원 단가 0원)").pick(lang)
    each, balance, can = pricing.won(found.tenant.price_cents), found.tenant.balance, found.affordable
    return Both(
        f"{each} won each, {found.cost_won:,} won in all; the balance of {balance:,} won pays for {can:,}",
        f"건당 {each}원, 모두 {found.cost_won:,}원. 잔액 {balance:,}원으로 {can:,}건을 보낼 수 있습니다",
    ).pick(lang)


def _instead(draft: Draft) -> Composed | None:
    return draft.made.fallback if isinstance(draft.made, Composed) else None


def _request(
    pairs: list[tuple[Draft, Composed | Refused | None]], stage: Stage, *, reveal: bool
) -> dict[str, Any] | None:
    from academyctl.stores.solapi_sending import Item, payload

    items = [
        Item(draft.key or NO_KEY, stage, made if reveal else shown(made))
        for draft, made in pairs
        if isinstance(made, Composed)
    ]
    return payload(items) if items else None


def _line(english: str, korean: str, value: str, lang: str) -> str:
    # A Hangul syllable is two columns wide.
    label = Both(english, korean).pick(lang)
    wide = sum(2 if letter > "\u1100" else 1 for letter in label)
    return f"{label}{' ' * (12 - wide)}{value}"
