"""`queue redrive --native`: dead letters moved by SQS itself, watched, stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._changes import carry_out, undo_options
from academyctl.cli._common import Session
from academyctl.errors import EXIT_CANNOT_TELL, EXIT_FAILED, Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.dead_letters import Pair
    from academyctl.ops.queue_moves import Moving
    from academyctl.repairs import Repair
    from academyctl.stores.queue_admin import Move

_CANNOT_CHOOSE = Both(
    "leave --native out: letters are then chosen and sent one by one",
    "--native 없이 실행하세요. 그러면 메시지를 골라 하나씩 보냅니다",
)
_ABSENT = Both(
    "this SQS has no move tasks: the letters are sent back one by one",
    "이 SQS에는 이동 작업이 없어 메시지를 하나씩 다시 보냅니다",
)
_ALL = Both(
    "SQS moves every letter, by itself, even when this command is stopped; a copy keeps the reason that a worker wrote",
    "SQS가 모든 메시지를 스스로 옮기며 이 명령을 멈춰도 계속합니다. 워커가 적은 사유는 사본에 남습니다",
)


@dataclass(frozen=True)
class Asked:
    """The options that only --native has; `rate` in letters a second."""

    rate: int | None
    cancel: bool
    wait: bool


def refuse_without(asked: Asked) -> None:
    """Raises UsageError for options that mean nothing without --native."""
    if asked.rate is not None or asked.cancel or not asked.wait:
        raise UsageError(
            Both(
                "--rate, --cancel and --no-wait go with --native",
                "--rate, --cancel, --no-wait는 --native와 함께 씁니다",
            ),
            remedy=Both("add --native", "--native를 함께 지정하세요"),
        )


def redrive(
    here: Session, name: str, where: Sequence[str], limit: int | None, asked: Asked, *, apply: bool, fmt: Format
) -> bool:
    """Move all letters, or stop that. False when this SQS cannot, and nothing was said on stdout."""
    from academyctl import output
    from academyctl.dead_letters import pair
    from academyctl.ops.queue_moves import look, refuse_shared

    if where or limit is not None:
        raise UsageError(
            Both(
                "SQS cannot choose letters: --native goes without --where and --limit",
                "SQS는 메시지를 고를 수 없어 --native에는 --where와 --limit을 쓸 수 없습니다",
            ),
            remedy=_CANNOT_CHOOSE,
        )
    stores = here.stores()
    which = pair(stores, name)
    moving = look(stores, which.dlq)
    if moving is None:
        if asked.cancel:
            raise UsageError(
                Both("this SQS has no move tasks", "이 SQS에는 이동 작업 기능이 없습니다"),
                remedy=Both("there is nothing to stop", "멈출 것이 없습니다"),
            )
        output.note(f"note  {_ABSENT.pick(here.lang)}")
        return False
    if asked.cancel:
        _cancel(here, which, moving, apply=apply, fmt=fmt)
        return True
    refuse_shared(stores, which.dlq, which.name)
    _move(here, which, moving, asked, apply=apply, fmt=fmt)
    return True


def _move(here: Session, which: Pair, moving: Moving, asked: Asked, *, apply: bool, fmt: Format) -> None:
    from academyctl.ops.queue_moves import StartMove

    told: dict[str, Any] = {"queue": which.name, "dlq": which.dlq, "move": _json(moving.running or _newest(moving))}
    ended: list[Move | None] = []

    def watch(_repair: Repair | None = None) -> None:
        ended.append(_watch(here, which, moving, fmt=fmt))
        told["move"] = _json(ended[0])

    idle = moving.running is None
    repairs = (
        [StartMove(which.word, which.dlq, which.name, moving.count, asked.rate, undo_options(here))]
        if idle and moving.count
        else []
    )
    last = _newest(moving)
    failed = last is not None and last.status == "FAILED"
    why = last.why if last is not None else ""
    wrong = (Both(f"the last move failed: {why}", f"지난 이동이 실패했습니다: {why}"),) if failed and repairs else ()
    if apply and asked.wait and not idle:
        watch()
    carry_out(
        here, repairs, apply=apply, fmt=fmt,
        remarks=(_ALL, *wrong) if repairs else (),
        nothing=_nothing(which, moving, watched=bool(ended)),
        told=told,
        on_done=watch if asked.wait else lambda _repair: None,
    )  # fmt: skip
    if ended:
        _end(here, which, ended[0], fmt=fmt)


def _cancel(here: Session, which: Pair, moving: Moving, *, apply: bool, fmt: Format) -> None:
    from academyctl.ops.queue_moves import CancelMove

    running = moving.running
    repairs = (
        []
        if running is None or running.status != "RUNNING"
        else [
            CancelMove(which.word, which.dlq, running.moved, running.expected, running.handle, undo_options(here)),
        ]
    )
    idle = Both(f"nothing moves the letters of {which.dlq}", f"{which.dlq}에서 진행 중인 이동이 없습니다")
    told = {"queue": which.name, "dlq": which.dlq, "move": _json(running or _newest(moving))}
    carry_out(here, repairs, apply=apply, fmt=fmt, nothing=idle, told=told)


def _watch(here: Session, which: Pair, moving: Moving, *, fmt: Format) -> Move | None:
    import time

    from academyctl import output
    from academyctl.ops.queue_moves import follow, progress

    said: list[str] = []

    def seen(move: Move) -> None:
        line = f"{move.status.lower()}  {progress(move.moved, move.expected)}  {which.dlq} -> {which.name}"
        if fmt == Format.table and move.running and line not in said:
            said.append(line)
            output.note(line)

    if fmt == Format.table:
        stop = f"academyctl queue redrive {which.word} --native --cancel --apply"
        output.note(
            Both(
                f"Ctrl-C stops the watching only; to stop the move: {stop}",
                f"Ctrl-C는 지켜보기만 멈춥니다. 이동을 멈추려면: {stop}",
            ).pick(here.lang)
        )
    return follow(here.stores().queue_admin, moving, pause=time.sleep, seen=seen)


def _end(here: Session, which: Pair, move: Move | None, *, fmt: Format) -> None:
    """How the watched move ended, on stderr; exits with 1 unless it is complete."""
    from academyctl import output
    from academyctl.ops.queue_moves import progress

    if move is None:
        output.note(
            Both("the move is not seen yet: run it again", "이동이 아직 보이지 않습니다. 다시 실행하세요").pick(
                here.lang
            )
        )
        raise typer.Exit(EXIT_CANNOT_TELL)
    if fmt == Format.table:
        why = f": {move.why}" if move.why else ""
        output.note(f"{move.status.lower()}  {progress(move.moved, move.expected)}  {which.dlq} -> {which.name}{why}")
    if move.status != "COMPLETED":
        raise typer.Exit(EXIT_FAILED)


def _nothing(which: Pair, moving: Moving, *, watched: bool) -> Both:
    from academyctl.ops.queue_moves import progress

    move = moving.running
    if move is None or watched:
        none = Both(
            f"{which.dlq} is empty; there is nothing to do", f"{which.dlq}이(가) 비어 있습니다. 할 일이 없습니다"
        )
        return (
            none
            if move is None
            else Both("a move that ran already was watched", "이미 진행 중이던 이동을 지켜보았습니다")
        )
    how = progress(move.moved, move.expected)
    stop = f"academyctl queue redrive {which.word} --native --cancel"
    return Both(
        f"SQS is moving the letters of {which.dlq} ({how}); to watch it: --apply; to stop it: {stop}",
        f"SQS가 {which.dlq}의 메시지를 옮기는 중입니다 ({how}). 지켜보려면: --apply / 멈추려면: {stop}",
    )


def _newest(moving: Moving) -> Move | None:
    return moving.moves[0] if moving.moves else None


def _json(move: Move | None) -> dict[str, Any] | None:
    if move is None:
        return None
    return {
        "status": move.status,
        "moved": move.moved,
        "expected": move.expected,
        "rate": move.rate,
        "why": move.why,
        "started_at": move.started_at,
        "destination": move.destination.rsplit(":", 1)[-1],
    }
