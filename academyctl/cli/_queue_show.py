"""`queue show`: every queue of the contract beside its dead-letter queue, by attributes only."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import EXIT_CANNOT_TELL, EXIT_FAILED, EXIT_OK, AcademyError, AwsError, Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.sqs import QueueAttributes


@dataclass(frozen=True)
class Seen:
    """A queue and its dead-letter queue; what could not be read is None, with the errors that said so."""

    word: str
    name: str
    dlq_name: str
    queue: QueueAttributes | None
    dlq: QueueAttributes | None
    errors: tuple[AwsError, ...]

    def is_missing(self, name: str) -> bool:
        """Whether SQS said that there is no queue of this name."""
        return any(error.cause == "missing" and name == error.what.rsplit(" ", 1)[-1] for error in self.errors)


def show(here: Session, names: Sequence[str], *, fmt: Format) -> None:
    """Print the queues. Exits with 1 when one does not exist, 3 when one could not be read."""
    from academyctl import output
    from academyctl.dead_letters import all_words, words

    stores = here.stores()
    known = all_words(here.loaded.settings)
    for name in names:
        if name not in known and name not in known.values():
            raise UsageError(
                Both(f"there is no queue {name} in the settings", f"설정에 {name} 큐가 없습니다"),
                remedy=Both(f"one of: {', '.join(known)}", f"다음 중 하나: {', '.join(known)}"),
            )
    shown = known if names else words(here.loaded.settings.queues)
    wanted = [(word, queue) for word, queue in shown.items() if not names or word in names or queue in names]
    with ThreadPoolExecutor(len(wanted)) as pool:
        seen = list(pool.map(lambda pair: look(stores, *pair), wanted))
    output.emit(
        {"version": 1, "queues": [_json(one, here) for one in seen]},
        fmt=fmt,
        table=lambda: _table(seen, here.lang),
    )
    for one in seen if fmt == Format.table else ():
        if differs := _drift(one, here):
            output.note(output.as_typed(f"note  {one.word}: {', '.join(differs)}: academyctl queue tune {one.word}"))
    raise typer.Exit(tell_errors(seen, fmt))


def tell_errors(seen: Sequence[Seen], fmt: Format) -> int:
    """Say what could not be read; the command's exit code."""
    from academyctl import output

    errors: list[AcademyError] = [error for one in seen for error in one.errors]
    if fmt == Format.table:
        # An account that is away says the same of every queue.
        for error in {(error.code, error.why): error for error in reversed(errors)}.values():
            output.fail(error)
            same = [one for one in errors if (one.code, one.why) == (error.code, error.why) and one is not error]
            if same:
                output.note(
                    Both(
                        f"      (the same of {len(same)} more queues)",
                        f"      (다른 큐 {len(same)}개도 같은 오류입니다)",
                    ).pick(output.lang())
                )
    unread = any(isinstance(error, AwsError) and error.cause != "missing" for error in errors)
    return EXIT_CANNOT_TELL if unread else EXIT_FAILED if errors else EXIT_OK


def look(stores: Stores, word: str, name: str) -> Seen:
    """A queue and the dead-letter queue that the settings name, else its redrive policy."""
    said = str(getattr(stores.settings.queues, f"{word}_dlq", ""))
    try:
        queue = stores.sqs_quick.attributes(name)
    except AwsError as error:
        return Seen(word, name, said or f"{name}-dlq", None, None, (error,))
    dlq = said or queue.dlq_name or f"{name}-dlq"
    try:
        return Seen(word, name, dlq, queue, stores.sqs_quick.attributes(dlq), ())
    except AwsError as error:
        return Seen(word, name, dlq, queue, None, (error,))


def _table(seen: Sequence[Seen], lang: str) -> str:
    from academyctl.cli._columns import columns

    head = ("queue", "name", "waiting", "in flight", "delayed", "dead", "visibility", "retention", "wait", "receives")
    ko = ("큐", "이름", "대기", "처리 중", "지연", "데드레터", "가시성", "보존", "폴링", "최대 수신")
    lines = [[str(cell) for cell in _line(one)] for one in seen]
    return columns(Both("\t".join(head), "\t".join(ko)).pick(lang).split("\t"), lines)


def _line(one: Seen) -> tuple[Any, ...]:
    queue, dead = one.queue, "?" if one.dlq is None else held(one.dlq)
    if queue is None:
        return (one.word, one.name, *("?" * 4), *("-" * 4))
    limit = "-" if queue.max_receive is None else queue.max_receive
    settings = (f"{queue.visibility_s} s", f"{queue.retention_s // 86400} d", f"{queue.wait_s} s", limit)
    return (one.word, one.name, queue.visible, queue.in_flight, queue.delayed, dead, *settings)


def held(queue: QueueAttributes) -> int:
    """Everything in it."""
    return queue.visible + queue.in_flight + queue.delayed


def _drift(one: Seen, here: Session) -> list[str]:
    """What differs from the platform's values, in words."""
    from academyctl.ops.queue_repairs import shown
    from academyctl.ops.queues import as_seen, dlq_drift, drift

    if one.queue is None:
        return []
    seen = as_seen(here.loaded.settings, one.word, one.queue, one.dlq)
    found = [f"{name} {shown(name, old)} ({shown(name, new)})" for name, (old, new) in drift(seen).items()]
    return found + [f"{seen.spec.dlq} {name} {old} ({new})" for name, (old, new) in dlq_drift(seen).items()]


def _json(one: Seen, here: Session) -> dict[str, Any]:
    return {
        "word": one.word,
        "name": one.name,
        "dlq_name": one.dlq_name,
        "queue": None if one.queue is None else asdict(one.queue),
        "dlq": None if one.dlq is None else asdict(one.dlq),
        "dead": None if one.dlq is None else held(one.dlq),
        "errors": [
            {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy_in(here.lang)}
            for error in one.errors
        ],
        "differs": _drift(one, here),
    }
