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


def show(here: Session, names: Sequence[str], *, fmt: Format) -> None:
    """Print the queues. Exits with 1 when one does not exist, 3 when one could not be read."""
    from academyctl import output
    from academyctl.dead_letters import words

    stores = here.stores()
    known = words(here.loaded.settings.queues)
    for name in names:
        if name not in known and name not in known.values():
            raise UsageError(
                f"there is no queue {name} in the settings",
                remedy=Both(f"one of: {', '.join(known)}", f"다음 중 하나: {', '.join(known)}"),
            )
    wanted = [(word, queue) for word, queue in known.items() if not names or word in names or queue in names]
    with ThreadPoolExecutor(len(wanted)) as pool:
        seen = list(pool.map(lambda pair: _look(stores, *pair), wanted))
    errors: list[AcademyError] = [error for one in seen for error in one.errors]
    output.emit(
        {"version": 1, "queues": [_json(one, here.lang) for one in seen]},
        fmt=fmt,
        table=lambda: _table(seen, here.lang),
    )
    if fmt == Format.table:
        for error in errors:
            output.fail(error)
    unread = any(isinstance(error, AwsError) and error.cause != "missing" for error in errors)
    raise typer.Exit(EXIT_CANNOT_TELL if unread else EXIT_FAILED if errors else EXIT_OK)


def _look(stores: Stores, word: str, name: str) -> Seen:
    said = str(getattr(stores.settings.queues, f"{word}_dlq"))
    try:
        queue = stores.sqs_quick.attributes(name)
    except AwsError as error:
        return Seen(word, name, said, None, None, (error,))
    dlq = said or queue.dlq_name or f"{name}-dlq"
    try:
        return Seen(word, name, dlq, queue, stores.sqs_quick.attributes(dlq), ())
    except AwsError as error:
        return Seen(word, name, dlq, queue, None, (error,))


def _table(seen: Sequence[Seen], lang: str) -> Any:
    from academyctl.output import rows

    head = ("queue", "name", "waiting", "in flight", "delayed", "dead", "visibility", "retention", "wait", "receives")
    ko = ("큐", "이름", "대기", "처리 중", "지연", "데드레터", "가시성", "보존", "폴링", "최대 수신")
    return rows(Both("\t".join(head), "\t".join(ko)).pick(lang).split("\t"), [_line(one) for one in seen])


def _line(one: Seen) -> tuple[Any, ...]:
    queue, dead = one.queue, "?" if one.dlq is None else _held(one.dlq)
    if queue is None:
        return (one.word, one.name, *("?" * 4), *("-" * 4))
    limit = "-" if queue.max_receive is None else queue.max_receive
    settings = (f"{queue.visibility_s} s", f"{queue.retention_s // 86400} d", f"{queue.wait_s} s", limit)
    return (one.word, one.name, queue.visible, queue.in_flight, queue.delayed, dead, *settings)


def _held(queue: QueueAttributes) -> int:
    return queue.visible + queue.in_flight + queue.delayed


def _json(one: Seen, lang: str) -> dict[str, Any]:
    return {
        "word": one.word,
        "name": one.name,
        "dlq_name": one.dlq_name,
        "queue": None if one.queue is None else asdict(one.queue),
        "dlq": None if one.dlq is None else asdict(one.dlq),
        "dead": None if one.dlq is None else _held(one.dlq),
        "errors": [
            {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy_in(lang)}
            for error in one.errors
        ],
    }
