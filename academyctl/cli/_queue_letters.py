"""`queue peek` and `queue redrive`: dead letters shown, and sent back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, AcademyError, Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.dead_letters import Letter, Pair, Sampled
    from academyctl.redrive import Redrive

ALL = 100_000
SEARCH_S = 120.0
BODY_CHARS = 500


def peek(here: Session, name: str, where: Sequence[str], limit: int, *, dlq: bool, fmt: Format) -> None:
    """Print letters; with `where` all are looked through and the first `limit` that match are printed."""
    from academyctl import output
    from academyctl.dead_letters import pair, sample

    if not dlq:
        raise UsageError(
            Both(
                "a live queue is never received from: the message would be hidden from its workers, and would count",
                "사용 중인 큐에서는 메시지를 꺼내 보지 않습니다. 워커에게 숨겨지고 수신 횟수도 늘기 때문입니다",
            ),
            remedy=Both(
                f"its depths: academyctl queue show {name}; its dead letters: academyctl queue peek {name} --dlq",
                f"깊이: academyctl queue show {name} / 데드레터: academyctl queue peek {name} --dlq",
            ),
            code="live-queue",
        )
    wanted = _where(where)
    which = pair(here.stores(), name)
    seen = sample(here.stores(), which.dlq, ALL if wanted else limit, timeout_s=SEARCH_S)
    letters = [one for one in seen.letters if one.matches(wanted)][:limit]
    whole = seen.complete and len(letters) == len(seen.letters)
    output.emit(
        {
            "version": 1,
            "queue": which.name,
            "dlq": which.dlq,
            "complete": seen.complete,
            "letters": [_json(one) for one in letters],
        },
        fmt=fmt,
        table=lambda: _text(which, letters, here.lang, whole=whole),
    )


def redrive(here: Session, name: str, where: Sequence[str], limit: int, *, apply: bool, fmt: Format) -> None:
    """List the letters that would go back, or send them. Exits with 1 when some of them were gone by then."""
    from academyctl import output
    from academyctl.dead_letters import pair, sample
    from academyctl.redrive import plan, redrive_all
    from academyctl.repairs import Halfway, Repair, audit_path

    wanted = _where(where)
    stores = here.stores()
    which = pair(stores, name)
    seen = sample(stores, which.dlq, ALL if wanted else limit, timeout_s=SEARCH_S)
    repairs = plan(seen.letters, which, wanted, limit)
    done: list[Repair] = []
    gone: tuple[Redrive, ...] = ()
    stopped: AcademyError | None = None
    if apply and repairs:
        here.confirm_production([str(repair) for repair in repairs])
        try:
            gone = redrive_all(repairs, stores, audit_path(), on_done=done.append)
        except Halfway as error:
            stopped = error.cause
    output.emit(
        {
            "version": 1,
            "applied": apply,
            "queue": which.name,
            "dlq": which.dlq,
            "complete": seen.complete,
            "letters": [
                {
                    "id": repair.letter_id,
                    "change": str(repair),
                    "undo": repair.undo,
                    "done": repair in done,
                    "gone": repair in gone,
                }
                for repair in repairs
            ],
            "error": None if stopped is None else {"code": stopped.code, "what": stopped.what, "why": stopped.why},
        },
        fmt=fmt,
        table=lambda: _told(repairs, done, gone, seen, which, here.lang, apply=apply),
    )
    if stopped is not None and fmt == Format.table:
        output.fail(stopped)
    if stopped is not None or gone:
        raise typer.Exit(stopped.exit_code if stopped is not None else EXIT_FAILED)


def _where(words: Sequence[str]) -> dict[str, str]:
    from academyctl.dead_letters import FIELDS

    found = {}
    for word in words:
        field, equals, value = word.partition("=")
        if field not in FIELDS or not equals or not value:
            raise UsageError(
                Both(f"--where {word} names no id of a message", f"--where {word}에 메시지의 ID가 없습니다"),
                remedy=Both(
                    f"FIELD=ID with FIELD one of: {', '.join(FIELDS)}", f"FIELD=ID 형식, FIELD: {', '.join(FIELDS)}"
                ),
            )
        found[field] = value
    return found


def _text(which: Pair, letters: Sequence[Letter], lang: str, *, whole: bool) -> str:
    from academyctl.output import as_typed
    from academyctl.redrive import about

    if not letters:
        none = Both(f"no such dead letter in {which.dlq}", f"{which.dlq}에 해당하는 데드레터가 없습니다")
        return none.pick(lang)
    lines = []
    for one in letters:
        sent = one.sent_at.isoformat(timespec="seconds") if one.sent_at else "?"
        lines += [
            f"{one.id}  {sent}  {about(one)}; "
            + Both(f"received {one.receive_count} times", f"{one.receive_count}번 수신").pick(lang),
            f"    {one.shown[:BODY_CHARS]}",
        ]
    if not whole:
        more = Both("there may be more: --limit, --where", "더 있을 수 있습니다: --limit, --where")
        lines.append(f"note  {more.pick(lang)}")
    back = f"academyctl queue redrive {which.word}"
    lines.append(as_typed(Both(f"to send them back: {back}", f"다시 보내려면: {back}").pick(lang)))
    return "\n".join(lines)


def _json(one: Letter) -> dict[str, Any]:
    from academyctl.log import mask

    return {
        "id": one.id,
        "sent_at": one.sent_at,
        "receive_count": one.receive_count,
        "reason": mask(one.reason),
        "source": one.source,
        "video_id": one.video_id,
        "body": one.shown,
        "attributes": {name: mask(value) for name, value in one.attributes.items()},
    }


def _told(
    repairs: Sequence[Redrive],
    done: Sequence[object],
    gone: Sequence[Redrive],
    seen: Sampled,
    which: Pair,
    lang: str,
    *,
    apply: bool,
) -> str:
    if not seen.letters and seen.complete:
        none = Both(
            f"{which.dlq} has no dead letters; there is nothing to do",
            f"{which.dlq}에 데드레터가 없습니다. 할 일이 없습니다",
        )
        return none.pick(lang)
    lines = []
    for repair in repairs:
        word = "done" if repair in done else "gone" if repair in gone else "would" if not apply else "not done"
        lines.append(f"{word}  {repair}")
    found = (len(repairs), len(seen.letters), which.dlq)
    counted = Both("{} of the {} letters seen in {} were chosen", "확인한 {1}개 중 {0}개를 골랐습니다 ({2})")
    lines.append(counted.pick(lang).format(*found))
    if not seen.complete:
        rest = Both("not every letter was seen: run it again for the rest", "일부만 확인했습니다. 다시 실행하세요")
        lines.append(f"note  {rest.pick(lang)}")
    if gone:
        away = Both(
            "gone: somebody else took or deleted it after it was listed",
            "gone: 목록을 만든 뒤 다른 곳에서 가져갔습니다",
        )
        lines.append(f"note  {away.pick(lang)}")
    if not apply and repairs:
        once = Both(
            "if it is killed, nothing is lost; a letter that was sent and not yet deleted goes twice when it is run "
            "again",
            "중간에 종료되어도 메시지는 사라지지 않습니다. 보낸 뒤 삭제하지 못한 것은 다시 실행할 때 한 번 더 갑니다",
        )
        lines.append(f"note  {once.pick(lang)}")
        lines.append(
            Both("nothing was changed; to do it: --apply", "바뀐 것은 없습니다. 실행하려면: --apply").pick(lang)
        )
    return "\n".join(lines)
