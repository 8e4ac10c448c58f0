"""`queue create`, `tune`, `delete` and `purge`: plans of what is made, set, deleted, thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from academyctl.cli._changes import carry_out, undo_options
from academyctl.cli._common import Session
from academyctl.errors import Both, UsageError, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.queues import QueueSpec, Seen
    from academyctl.repairs import Repair

RANGES = {
    "VisibilityTimeout": (0, 43200),
    "MessageRetentionPeriod": (60, 1209600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1048576),
}
"""What --set takes, and SQS's limits; RedrivePolicy besides."""
LONG_S = 3600
_PURGED = Both(
    "this cannot be taken back; what a worker has in flight is lost too if it fails now",
    "되돌릴 수 없습니다. 처리 중인 메시지도 지금 실패하면 사라집니다",
)
_SECONDS = Both(
    "SQS takes up to a minute; what is sent meanwhile may go too",
    "최대 1분 걸리며, 그 사이에 보낸 메시지도 지워질 수 있습니다",
)
_DELETED = Both(
    "what the API and the workers send to it fails from then on; SQS makes a queue of the same name only after 60 s",
    "삭제하면 API와 워커가 이 큐에 보내지 못합니다. 같은 이름의 큐는 60초 뒤에야 다시 만들 수 있습니다",
)
_LONG = Both(
    "a killed worker's message stays hidden for so long; the workers renew a short timeout while they work",
    "워커가 죽으면 메시지가 그만큼 오래 숨습니다. 워커는 짧은 시간을 작업 중에 갱신합니다",
)


def create(here: Session, names: Sequence[str], *, apply: bool, fmt: Format) -> None:
    """Make what is missing, and say what differs on what is there."""
    from academyctl.ops.queues import dlq_drift, drift, looked, making

    seen = looked(here.loaded.settings, here.stores().queue_admin, names)
    off = [one.spec.word for one in seen if (one.queue and drift(one)) or (one.dlq and dlq_drift(one))]
    differs = Both(
        f"different from the platform's values: {', '.join(off)}; to mend them: academyctl queue tune {' '.join(off)}",
        f"플랫폼 값과 다른 큐: {', '.join(off)}. 고치려면: academyctl queue tune {' '.join(off)}",
    )
    nothing = Both("every queue is there already; there is nothing to do", "큐가 모두 있습니다. 할 일이 없습니다")
    repairs = making(seen, undo_options(here))
    carry_out(
        here, repairs, apply=apply, fmt=fmt, remarks=(*_shared(seen), *((differs,) if off else ())), nothing=nothing
    )


def tune(here: Session, names: Sequence[str], values: Sequence[str], *, dlq: bool, apply: bool, fmt: Format) -> None:
    """Set what differs, or with `values` just these on one queue. Raises WorkFailed for a queue that is not there."""
    from academyctl.ops.queues import looked, tuning

    if dlq and not values:
        raise UsageError(
            Both("--dlq goes with --set", "--dlq는 --set과 함께 씁니다"),
            remedy=Both("without it both queues are mended", "--set 없이 실행하면 두 큐를 모두 고칩니다"),
        )
    seen = looked(here.loaded.settings, here.stores().queue_admin, names)
    repairs: Sequence[Repair]
    if values:
        if len(seen) != 1 or not names:
            raise UsageError(
                Both("--set is for one queue", "--set은 큐 하나에만 씁니다"),
                remedy=Both("name it", "큐를 하나만 지정하세요"),
            )
        repairs, remarks = _said(here, seen[0], values, dlq=dlq)
    else:
        for one in seen:
            _refuse_missing(one.spec, one, dlq=one.queue is not None)
        repairs, remarks = tuning(seen, undo_options(here)), _shared(seen)
    same = Both("the queues have these values already; there is nothing to do", "이미 그 값입니다. 할 일이 없습니다")
    carry_out(here, repairs, apply=apply, fmt=fmt, remarks=remarks, nothing=same)


def delete(here: Session, name: str, *, dlq: bool, apply: bool, fmt: Format) -> None:
    """Delete a queue with nothing in it; one that is gone already is no error."""
    from academyctl.ops.queue_repairs import DeleteQueue, refuse_unless_empty
    from academyctl.stores.queue_admin import held

    seen, dlq = _one(here, name, dlq=dlq)
    raw, real = (seen.dlq, seen.spec.dlq) if dlq else (seen.queue, seen.spec.name)
    if raw is not None:
        refuse_unless_empty(real, held(raw))
    repairs = [] if raw is None else [DeleteQueue(seen.spec.word, real, dlq, undo_options(here))]
    gone = Both(f"there is no queue {real}; there is nothing to do", f"{real} 큐가 없습니다. 할 일이 없습니다")
    carry_out(here, repairs, apply=apply, fmt=fmt, nothing=gone, remarks=(_DELETED,) if repairs else ())


def purge(here: Session, name: str, *, dlq: bool, apply: bool, fmt: Format) -> None:
    """Throw away a queue's messages. Raises UsageError for dead letters without --dlq."""
    from academyctl.ops.queue_repairs import Purge
    from academyctl.stores.queue_admin import COUNTS

    asked = dlq
    seen, dlq = _one(here, name, dlq=dlq)
    if dlq and not asked:
        raise UsageError(
            Both(
                f"{seen.spec.dlq} holds dead letters: work that was not done",
                f"{seen.spec.dlq}은(는) 데드레터 큐입니다. 처리하지 못한 작업이 들어 있습니다",
            ),
            remedy=Both(
                f"look first: academyctl queue peek {seen.spec.word} --dlq; to throw them away: "
                f"academyctl queue purge {seen.spec.word} --dlq",
                f"먼저 확인: academyctl queue peek {seen.spec.word} --dlq / 버리려면: "
                f"academyctl queue purge {seen.spec.word} --dlq",
            ),
            code="dead-letters",
        )
    _refuse_missing(seen.spec, seen, dlq=dlq)
    raw, real = (seen.dlq, seen.spec.dlq) if dlq else (seen.queue, seen.spec.name)
    waiting, taken, delayed = (int((raw or {}).get(count, 0)) for count in COUNTS)
    counts = (waiting, taken, delayed)
    empty = Both(f"{real} is empty; there is nothing to do", f"{real}이(가) 비어 있습니다. 할 일이 없습니다")
    repairs = [Purge(real, counts)] if any(counts) else []
    remarks = (_PURGED, _SECONDS) if repairs else ()
    carry_out(here, repairs, apply=apply, fmt=fmt, nothing=empty, remarks=remarks)


def _one(here: Session, name: str, *, dlq: bool) -> tuple[Seen, bool]:
    """What a word or a name means, read; and whether it is the dead-letter queue."""
    from academyctl.ops.queues import find, looked

    settings = here.loaded.settings
    spec, dead = find(settings, name)
    [seen] = looked(settings, here.stores().queue_admin, [spec.word])
    return seen, dlq or dead


def _refuse_missing(spec: QueueSpec, seen: Seen, *, dlq: bool) -> None:
    if (seen.dlq if dlq else seen.queue) is None:
        raise WorkFailed(
            Both(
                f"there is no queue {spec.dlq if dlq else spec.name}", f"{spec.dlq if dlq else spec.name} 큐가 없습니다"
            ),
            remedy=Both(
                f"make it: academyctl queue create {spec.word}", f"만드세요: academyctl queue create {spec.word}"
            ),
            code="missing",
        )


def _shared(seen: Sequence[Seen]) -> tuple[Both, ...]:
    """Which dead-letter queues take from two queues."""
    from collections import Counter

    twice = [name for name, count in Counter(one.spec.dlq for one in seen).items() if count > 1]
    return tuple(
        Both(
            f"{name} takes the dead letters of {_givers(seen, name)}",
            f"{name}은(는) {_givers(seen, name)}의 데드레터 큐입니다",
        )
        for name in twice
    )


def _givers(seen: Sequence[Seen], dlq: str) -> str:
    return ", ".join(one.spec.name for one in seen if one.spec.dlq == dlq)


def _said(here: Session, seen: Seen, values: Sequence[str], *, dlq: bool) -> tuple[list[Repair], tuple[Both, ...]]:
    """The change to exactly these values."""
    from academyctl.ops.queue_repairs import SetAttributes

    _refuse_missing(seen.spec, seen, dlq=dlq)
    raw, real = (seen.dlq or {}, seen.spec.dlq) if dlq else (seen.queue or {}, seen.spec.name)
    wanted = dict(setting(value) for value in values)
    changes = tuple((name, raw.get(name, ""), value) for name, value in wanted.items() if raw.get(name, "") != value)
    hidden = wanted.get("VisibilityTimeout", "0")
    repairs: list[Repair] = [SetAttributes(seen.spec.word, real, changes, dlq, undo_options(here))] if changes else []
    return repairs, (_LONG,) if changes and int(hidden) > LONG_S else ()


def setting(text: str) -> tuple[str, str]:
    """(attribute, value) of one --set. Raises UsageError for what SQS would not take."""
    import json

    from academyctl.ops.shell_words import unpacked

    name, equals, value = text.partition("=")
    if name == "RedrivePolicy" and equals:
        try:
            value = unpacked(value)
            said = json.loads(value or "{}")
            fits = not value or (bool(said["deadLetterTargetArn"]) and 1 <= int(said["maxReceiveCount"]) <= 1000)
        except (ValueError, KeyError, TypeError):
            fits = False
    else:
        least, most = RANGES.get(name, (1, 0))
        fits = value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most
    if not fits:
        told = ", ".join(f"{one} {least}..{most}" for one, (least, most) in RANGES.items())
        raise UsageError(
            Both(f"--set {text[:80]} is no value of a queue", f"--set {text[:80]}은(는) 큐에 설정할 수 없는 값입니다"),
            remedy=Both(
                f"NAME=VALUE: {told}; RedrivePolicy as SQS's JSON, empty for none",
                f"NAME=VALUE 형식: {told}; RedrivePolicy는 SQS의 JSON, 비우면 없음",
            ),
        )
    # SQS compares numbers as texts.
    return name, value if name == "RedrivePolicy" else str(int(value))
