"""`message resolve`: a person, or Solapi's list, decides about a text that nothing else decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, AcademyError, Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.message_repairs import Plan
    from academyctl.message_state import Picture


def resolve(
    here: Session, key: str, *, sent: bool, not_sent: bool, check: bool, note: str, apply: bool, fmt: Format
) -> None:
    """Show the change, or make it. Exits with 1 when Solapi's list decides nothing.

    Raises UsageError for a text that is decided or in somebody's hands, SolapiAway when --check cannot ask.
    """
    from academyctl import output
    from academyctl.message_repairs import plan_by_hand, plan_by_list
    from academyctl.message_state import gather
    from academyctl.repairs import Halfway, audit_path
    from academyctl.repairs import apply as carry_out

    if (sent, not_sent, check).count(True) != 1:
        raise UsageError(
            "message resolve needs a decision",
            remedy=Both("one of: --check, --sent, --not-sent", "--check, --sent, --not-sent 중 하나를 지정하세요"),
        )
    stores = here.stores()
    picture = gather(stores, key)
    wait_s = stores.settings.messaging.resend_after_s
    if check:
        plan = plan_by_list(picture, note=note, resend_after_s=wait_s)
    else:
        plan = plan_by_hand(picture, sent=sent, note=note, resend_after_s=wait_s)
    error: AcademyError | None = None
    done = False
    if apply and plan.repair is not None:
        here.confirm_production([str(plan.repair)])
        try:
            carry_out([plan.repair], stores, audit_path())
            done = True
        except Halfway as stopped:
            error = stopped.cause
    output.emit(
        _json(picture, plan, here.lang, apply=apply, done=done, error=error),
        fmt=fmt,
        table=lambda: _text(picture, plan, here.lang, apply=apply, done=done),
    )
    if error is not None and fmt == Format.table:
        output.fail(error)
    if error is not None or plan.undecided is not None:
        raise typer.Exit(error.exit_code if error is not None else EXIT_FAILED)


def _text(picture: Picture, plan: Plan, lang: str, *, apply: bool, done: bool) -> str:
    from academyctl.message_status import solapi

    lines = [] if picture.seen is None else [f"solapi  {solapi(picture.seen, lang)}"]
    if plan.undecided is not None:
        return "\n".join([*lines, f"note  {plan.undecided.pick(lang)}"]) + "\n"
    assert plan.repair is not None
    lines.append(f"{'done' if done else 'not done' if apply else 'would'}  {plan.repair}")
    lines.append(f"undo  {plan.repair.undo}")
    lines += [f"note  {remark.pick(lang)}" for remark in plan.remarks]
    if not apply:
        lines.append(
            Both("nothing was changed; to do it: --apply", "바뀐 것은 없습니다. 실행하려면: --apply").pick(lang)
        )
    return "\n".join(lines) + "\n"


def _json(
    picture: Picture, plan: Plan, lang: str, *, apply: bool, done: bool, error: AcademyError | None
) -> dict[str, Any]:
    from academyctl.message_status import solapi

    repair = plan.repair
    return {
        "version": 1,
        "applied": apply,
        "key": picture.row.key,
        "state": picture.row.state,
        "done": done,
        "change": None if repair is None else {"change": str(repair), "undo": repair.undo, "refund": repair.refund},
        "solapi": None if picture.seen is None else solapi(picture.seen, lang),
        "remarks": [remark.pick(lang) for remark in plan.remarks],
        "undecided": plan.undecided.pick(lang) if plan.undecided else None,
        "error": None if error is None else {
            "code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy_in(lang),
        },
    }  # fmt: skip
