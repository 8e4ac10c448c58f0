"""`message redrive`: texts that are dead letters, sent back to the queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.cli._words import academy
from academyctl.errors import EXIT_FAILED, AcademyError, Both, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.dead_letters import Sampled
    from academyctl.message_redrive import Plan
    from academyctl.redrive import Redrive

ALL = 100_000
SEARCH_S = 120.0
SHOWN = 20
"""Letters that are listed one by one; all are counted, and JSON has all."""


def redrive(here: Session, tenant: str, key: str, reason: str, limit: int, *, apply: bool, fmt: Format) -> None:
    """List what would go back, or send it. Exits with 1 when some were gone by then, or none is there for --key."""
    from academyctl import output
    from academyctl.dead_letters import pair, sample
    from academyctl.message_redrive import Wanted, plan
    from academyctl.message_state import QUEUE, keys_of
    from academyctl.redrive import redrive_all
    from academyctl.repairs import Halfway, Repair, audit_path
    from academyctl.stores import own_tables

    stores = here.stores()
    own_tables.require(stores.db)
    wanted = Wanted(
        academy(stores, tenant).id if tenant else None, keys_of(stores, key) if key else frozenset(), reason, limit
    )
    which = pair(stores, QUEUE)
    seen = sample(stores, which.dlq, ALL, timeout_s=SEARCH_S)
    made = plan(stores, seen.letters, which, wanted)
    if key and seen.complete and not made.chosen and not made.left:
        raise WorkFailed(
            f"no dead letter in {which.dlq} is of text {key}",
            remedy=Both(
                f"see where it is: academyctl message show {key}", f"상태를 확인하세요: academyctl message show {key}"
            ),
            code="no-letter",
        )
    done: list[Repair] = []
    gone: tuple[Redrive, ...] = ()
    stopped: AcademyError | None = None
    if apply and made.repairs:
        here.confirm_production(_counted(made, here.lang))
        try:
            gone = redrive_all(made.repairs, stores, audit_path(), on_done=done.append)
        except Halfway as error:
            stopped = error.cause
    output.emit(
        _json(made, seen, done, gone, stopped, here.lang, apply=apply),
        fmt=fmt,
        table=lambda: _text(made, seen, done, gone, here.lang, apply=apply),
    )
    if stopped is not None and fmt == Format.table:
        output.fail(stopped)
    if stopped is not None or gone or (key and not made.chosen):
        raise typer.Exit(stopped.exit_code if stopped is not None else EXIT_FAILED)


def _text(made: Plan, seen: Sampled, done: Sequence[object], gone: Sequence[Redrive], lang: str, *, apply: bool) -> str:
    lines = []
    for repair in made.repairs[:SHOWN]:
        word = "done" if repair in done else "gone" if repair in gone else "not done" if apply else "would"
        lines.append(f"{word}  {repair}")
    if len(made.repairs) > SHOWN:
        rest = len(made.repairs) - SHOWN
        lines.append(Both(f"... {rest} more (--output json)", f"... 그 외 {rest}건 (--output json)").pick(lang))
    lines += [f"stays  {one.key or one.letter_id} ({one.reason}): {one.why.pick(lang)}" for one in made.left[:SHOWN]]
    if len(made.left) > SHOWN:
        rest = len(made.left) - SHOWN
        lines.append(Both(f"... {rest} more stay", f"... 그 외 {rest}건도 그대로 둡니다").pick(lang))
    lines += _counted(made, lang)
    lines += [f"note  {one.pick(lang)}" for one in _notes(made, seen, gone, apply=apply)]
    if not apply and made.repairs:
        lines.append(
            Both("nothing was changed; to do it: --apply", "바뀐 것은 없습니다. 실행하려면: --apply").pick(lang)
        )
    return "\n".join(lines) + "\n"


def _counted(made: Plan, lang: str) -> list[str]:
    """A line an academy and reason, and a line an academy about its credit."""
    from academyctl.messaging.pricing import won

    if not made.chosen:
        return [Both("no dead letter goes back", "DLQ에 되돌릴 문자가 없습니다").pick(lang)]
    lines = [
        Both(f"{code}  {reason}: {count} go back", f"{code}  {reason}: {count}건을 다시 보냄").pick(lang)
        for (code, reason), count in sorted(made.counts().items())
    ]
    for purse in made.purses:
        price, tenant = won(purse.tenant.price_cents), purse.tenant
        told = Both(
            f"{tenant.code}  {purse.texts} x {price} = {purse.needs_won:,} won, credit {tenant.balance:,}",
            f"{tenant.code}  {purse.texts} x {price} = {purse.needs_won:,}원, 크레딧 {tenant.balance:,}원",
        )
        fits = Both("it can pay", "지불 가능") if purse.pays else Both("NOT ENOUGH", "부족")
        lines.append(f"{told.pick(lang)}: {fits.pick(lang)}")
    return lines


def _notes(made: Plan, seen: Sampled, gone: Sequence[Redrive], *, apply: bool) -> list[Both]:
    told = []
    sent = sum(one.sent for one in made.chosen)
    if sent:
        told.append(
            Both(
                f"{sent} of them were sent already: the worker sees that and only clears the message away",
                f"그중 {sent}건은 이미 발송되었습니다. 워커가 확인하고 메시지만 지웁니다",
            )
        )
    if any(not purse.pays for purse in made.purses):
        told.append(
            Both(
                "what cannot be paid waits for credit and then becomes a dead letter again: charge it first",
                "크레딧이 모자란 문자는 기다리다가 다시 DLQ로 갑니다. 먼저 충전하세요",
            )
        )
    if made.more:
        told.append(Both(f"{made.more} more would go: --limit", f"{made.more}건이 더 있습니다: --limit"))
    if not seen.complete:
        told.append(
            Both("not every letter was seen: run it again for the rest", "일부만 확인했습니다. 다시 실행하세요")
        )
    if gone:
        told.append(
            Both(
                "gone: somebody else took or deleted it after it was listed",
                "gone: 목록을 만든 뒤 다른 곳에서 가져갔습니다",
            )
        )
    if not apply and made.repairs:
        told.append(
            Both(
                "if it is killed, run it again: a letter that goes twice is sent and charged once",
                "중간에 종료되면 다시 실행하세요. 메시지가 두 번 가도 문자는 한 번만 발송되고 과금됩니다",
            )
        )
    return told


def _json(
    made: Plan,
    seen: Sampled,
    done: Sequence[object],
    gone: Sequence[Redrive],
    stopped: AcademyError | None,
    lang: str,
    *,
    apply: bool,
) -> dict[str, Any]:
    return {
        "version": 1,
        "applied": apply,
        "complete": seen.complete,
        "letters": [
            {
                "id": one.repair.letter_id, "key": one.key, "tenant_id": one.tenant.id, "reason": one.reason,
                "sent_already": one.sent, "change": str(one.repair), "undo": one.repair.undo,
                "done": one.repair in done, "gone": one.repair in gone,
            }
            for one in made.chosen
        ],
        "stay": [
            {"id": one.letter_id, "key": one.key, "reason": one.reason, "why": one.why.pick(lang)} for one in made.left
        ],
        "tenants": [
            {"id": one.tenant.id, "code": one.tenant.code, "texts": one.texts, "needs": one.needs_won,
             "balance": one.tenant.balance, "pays": one.pays}
            for one in made.purses
        ],
        "more": made.more,
        "error": None if stopped is None else {
            "code": stopped.code, "what": stopped.what, "why": stopped.why, "remedy": stopped.remedy_in(lang),
        },
    }  # fmt: skip
