"""`message send`: the messages of the queue that ask the worker for texts, shown first and then sent."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.cli._message_preview import Written, academy_id
from academyctl.errors import EXIT_FAILED, Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.message_drafts import Drafts, EnqueueText
    from academyctl.repairs import Halfway

MAX_KEY = 100
SHOWN = 20
"""Messages that are listed one by one; JSON has all."""


@dataclass(frozen=True)
class Sending:
    """What one command is about. `drawn`: the key was made up here. `wanted` is empty when a text was refused."""

    found: Drafts
    key: str
    drawn: bool
    wanted: Sequence[EnqueueText]
    notes: Sequence[Both]
    apply: bool
    reveal: bool


def send(here: Session, written: Written, key: str, *, reveal: bool, apply: bool, fmt: Format) -> None:
    """Show the texts and the messages for them; with `apply` send those, after asking in production.

    Exits with 1, and sends nothing, when one text could not go out. Raises UsageError, StoreError, WorkFailed.
    """
    from academyctl import output

    plan = _planned(here, written, key, reveal=reveal, apply=apply)
    error = _sent(here, plan) if apply and plan.wanted else None
    told = _json(plan, error, here.lang) if fmt == Format.json else {}
    output.emit(told, fmt=fmt, table=lambda: _text(plan, error, here.lang), revealed=reveal)
    if error is not None:
        if fmt == Format.table:
            output.fail(error)
        raise typer.Exit(error.exit_code)
    if plan.found.refused:
        raise typer.Exit(EXIT_FAILED)


def _planned(here: Session, written: Written, key: str, *, reveal: bool, apply: bool) -> Sending:
    from academyctl.message_drafts import EnqueueText, known, look, write

    if len(key) > MAX_KEY or key != key.strip():
        raise UsageError(
            f"--key has blanks around it or more than {MAX_KEY} characters",
            remedy=Both("give a short word, as exam-notice-1121", "짧은 말로 지정하세요. 예: exam-notice-1121"),
        )
    word = key or secrets.token_hex(8)
    asked, stores = written.asked(), here.stores()
    academy = academy_id(stores, written.tenant)
    texts, repeated = write(asked, academy, word)
    found = look(stores, texts, academy, datetime.now(UTC), repeated)
    queue, code = stores.settings.queues.messaging, found.tenant.code if found.tenant else ""
    wanted = [] if found.refused else [EnqueueText(draft.text, code, queue) for draft in found.drafts]
    return Sending(found, word, not key, wanted, known(stores, found) if key else (), apply, reveal)


def _sent(here: Session, plan: Sending) -> Halfway | None:
    from academyctl.repairs import Halfway, apply, audit_path

    told = [str(repair) for repair in plan.wanted[:SHOWN]]
    more = len(plan.wanted) - len(told)
    here.confirm_production([*told, *([Both(f"and {more} more", f"외 {more}건").pick(here.lang)] if more else [])])
    try:
        apply(plan.wanted, here.stores(), audit_path())
    except Halfway as error:
        first = error.cause.remedy_in("ko").rstrip(".")
        error.remedy = Both(
            f"{error.cause.remedy_in('en')}; then run the command again with --key {plan.key}: what is in the queue "
            "already is not sent twice",
            f"{first}. 그런 다음 --key {plan.key}를 넣어 다시 실행하세요. 이미 큐에 있는 문자는 두 번 가지 않습니다",
        )
        return error
    return None


def _json(plan: Sending, error: Halfway | None, lang: str) -> dict[str, Any]:
    from academyctl.message_report import as_json

    done = len(error.done) if error else len(plan.wanted) if plan.apply else 0
    told = None if error is None else {
        "code": error.code, "what": str(error.cause), "why": "", "remedy": error.remedy_in(lang),
    }  # fmt: skip
    shown = as_json(plan.found, lang, reveal=plan.reveal)
    return {
        **shown,
        "notes": [*shown["notes"], *(note.pick(lang) for note in plan.notes)],
        "applied": plan.apply and bool(plan.wanted) and error is None,
        "key": plan.key,
        "changes": [
            {"change": str(repair), "undo": repair.undo, "done": number < done}
            for number, repair in enumerate(plan.wanted)
        ],
        "error": told,
    }


def _text(plan: Sending, error: Halfway | None, lang: str) -> str:
    from academyctl.message_report import as_text

    lines = [as_text(plan.found, lang, reveal=plan.reveal).rstrip("\n")]
    lines += [f"note  {note.pick(lang)}" for note in plan.notes]
    if error is None:
        lines += [f"{'done' if plan.apply else 'would'}  {repair}" for repair in plan.wanted[:SHOWN]]
        more = len(plan.wanted) - SHOWN
        told = Both(f"... {more:,} more (--output json)", f"... 그 외 {more:,}건 (--output json)")
        lines += [told.pick(lang)] if more > 0 else []
    last = None if error else _last(plan)
    return "\n".join([*lines, *([last.pick(lang)] if last else [])]) + "\n"


def _last(plan: Sending) -> Both:
    if not plan.wanted:
        count, of = len(plan.found.refused), len(plan.found.drafts)
        return Both(
            f"nothing was sent: {count} of {of} could not go out",
            f"보내지 않았습니다: {of}건 중 {count}건이 불가합니다",
        )
    if plan.apply:
        look = f"academyctl message show {plan.found.drafts[0].key}"
        return Both(f"look: {look}", f"확인: {look}")
    again = f"--key {plan.key} --apply" if plan.drawn else "--apply"
    return Both(f"nothing was sent; to do it: {again}", f"보내지 않았습니다. 보내려면: {again}")
