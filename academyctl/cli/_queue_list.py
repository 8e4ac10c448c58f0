"""`queue list`: the queues' depths, dead letters and ages, and what else this account has."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.cli._queue_show import Seen, held, look, tell_errors
from academyctl.errors import AwsError, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.sqs import QueueAttributes

AGE_MINUTES = 10
_AT_ONCE = 8


def list_(here: Session, *, every: bool, fmt: Format) -> None:
    """Print them. Exits with 1 when a queue of the settings does not exist, 3 when one could not be read."""
    from academyctl import output
    from academyctl.dead_letters import words

    stores = here.stores()
    known = words(here.loaded.settings.queues)
    # Made here: botocore's clients are made one at a time.
    sqs, fleet = stores.sqs_quick, stores.fleet
    del sqs, fleet
    with ThreadPoolExecutor(len(known) + 1) as pool:
        ages = pool.submit(_ages, stores, list(known.values()))
        seen = list(pool.map(lambda pair: look(stores, *pair), known.items()))
    old, unknown = ages.result()
    others = _others(stores, {name for one in seen for name in (one.name, one.dlq_name)}) if every else []
    output.emit(
        {
            "version": 1,
            "queues": [_json(one, old.get(one.name)) for one in seen],
            **({"others": [_other_json(one) for one in others]} if every else {}),
            "ages_unknown": unknown,
        },
        fmt=fmt,
        table=lambda: _summary(seen, here.lang) + _table(seen, old, others, here.lang),
    )
    if fmt == Format.table:
        for hint in _hints(seen, here.lang):
            output.note(output.as_typed(hint))
    if fmt == Format.table and unknown:
        output.note(Both(f"ages are unknown: {unknown}", f"메시지 나이를 알 수 없습니다: {unknown}").pick(here.lang))
    raise typer.Exit(tell_errors(seen, fmt))


def _ages(stores: Stores, queues: Sequence[str]) -> tuple[dict[str, int], str]:
    """Seconds that the oldest message of each queue has waited, where CloudWatch tells; why it does not tell at all."""
    from datetime import UTC, datetime

    from academyctl.stores._fleet_types import Metric

    asked = {
        name: Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", name),))
        for name in dict.fromkeys(queues)
    }
    try:
        told = stores.fleet.series(asked, now=datetime.now(UTC), minutes=AGE_MINUTES)
    except AwsError as error:
        return {}, str(error)
    return {name: int(points[0].value) for name, points in told.items() if points}, ""


def _others(stores: Stores, known: set[str]) -> list[QueueAttributes]:
    names = [name for name in stores.sqs_quick.names() if name not in known]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [one for one in pool.map(lambda name: _attributes(stores, name), names) if one is not None]


def _attributes(stores: Stores, name: str) -> QueueAttributes | None:
    try:
        return stores.sqs_quick.attributes(name)
    except AwsError as error:
        if error.cause == "missing":
            return None  # deleted since it was listed
        raise


def _table(seen: Sequence[Seen], old: dict[str, int], others: Sequence[QueueAttributes], lang: str) -> str:
    from academyctl.ages import ago
    from academyctl.cli._columns import columns

    head = ["queue", "name", "waiting", "in flight", "delayed", "dead", "oldest", "dead-letter queue"]
    ko = ["큐", "이름", "대기", "처리 중", "지연", "데드레터", "최장 대기", "데드레터 큐"]
    missing = Both("does not exist", "없음").pick(lang)
    lines: list[Sequence[Any]] = []
    for one in seen:
        age = "-" if one.name not in old else ago(old[one.name])
        queue, dead = one.queue, "?" if one.dlq is None else held(one.dlq)
        counts = ("?",) * 3 if queue is None else (queue.visible, queue.in_flight, queue.delayed)
        dlq = f"{one.dlq_name} ({missing})" if one.is_missing(one.dlq_name) else one.dlq_name
        name = f"{one.name} ({missing})" if one.is_missing(one.name) else one.name
        lines.append((one.word, name, *counts, dead, age, dlq))
    lines += [("-", o.name, o.visible, o.in_flight, o.delayed, "-", "-", o.dlq_name or "-") for o in others]
    table = [Both("\t".join(head), "\t".join(ko)).pick(lang).split("\t"), *lines]
    if all(line[-1] in ("-", f"{line[1]}-dlq") for line in table[1:]):
        # A name that follows from the queue's makes the line too long for a narrow terminal.
        table = [line[:-1] for line in table]
    return columns(table[0], [[str(cell) for cell in line] for line in table[1:]])


def _summary(seen: Sequence[Seen], lang: str) -> str:
    waiting = sum(one.queue.visible + one.queue.delayed for one in seen if one.queue)
    busy = sum(one.queue.in_flight for one in seen if one.queue)
    dead = {one.word: held(one.dlq) for one in seen if one.dlq and held(one.dlq)}
    ill = sum(one.queue is None for one in seen)
    told = Both(
        f"{len(seen)} queues: {waiting} waiting, {busy} in flight, {sum(dead.values())} dead letters",
        f"큐 {len(seen)}개: 대기 {waiting}, 처리 중 {busy}, 데드레터 {sum(dead.values())}",
    ).pick(lang)
    if ill:
        told += Both(f"; {ill} not seen", f" (확인 못한 큐 {ill}개)").pick(lang)
    return f"{told}\n\n"


def _hints(seen: Sequence[Seen], lang: str) -> list[str]:
    look = Both("look at them", "확인").pick(lang)
    return [
        f"note  {one.word}: {look}: academyctl queue peek {one.word} --dlq" for one in seen if one.dlq and held(one.dlq)
    ]


def _json(one: Seen, age_s: int | None) -> dict[str, Any]:
    queue = one.queue
    return {
        "word": one.word,
        "name": one.name,
        "exists": not one.is_missing(one.name),
        "waiting": None if queue is None else queue.visible,
        "in_flight": None if queue is None else queue.in_flight,
        "delayed": None if queue is None else queue.delayed,
        "dlq_name": one.dlq_name,
        "dead": None if one.dlq is None else held(one.dlq),
        "oldest_s": age_s,
    }


def _other_json(one: QueueAttributes) -> dict[str, Any]:
    counts = {"waiting": one.visible, "in_flight": one.in_flight, "delayed": one.delayed}
    return {"name": one.name, **counts, "dlq_name": one.dlq_name}
