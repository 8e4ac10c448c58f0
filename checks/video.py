"""Videos: none waits in vain. The stuck ones are found, and judged by the same table as `academyctl video stuck`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from checks import _stuck_facts as f
from checks._depth import unseen
from checks._model import Because, Check, Finding, Kind, Snapshot, State, World
from checks._stuck_table import KINDS, WORD, findings, judge

CLIENTS = ("sqs", "r2")
LIMIT = 20


@dataclass(frozen=True)
class Facts:
    """What leaves a trace of being stuck, LIMIT videos at most (`more`: there are more). `unknown` has why a part could
    not be read."""

    videos: tuple[f.Facts, ...]
    more: bool
    workers: int
    unknown: Mapping[str, str]


def gather(world: World) -> Facts:
    from checks._stuck import look

    seen = look(world.stores, (), limit=LIMIT, until=world)
    return Facts(seen.videos, seen.more, len(seen.workers), seen.unknown)


UNREAD = Kind("video.unread", State.unknown, None, ("academyctl diagnose db redis",),
              because=(Because("db.not-granted"),))  # fmt: skip
QUEUE_UNSEEN = unseen(WORD)
BAD = tuple(kind for kind in KINDS.values() if kind.state is not State.ok)


def _judge_seen(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    for part, why in facts.unknown.items():
        if part == f.QUEUE:
            yield QUEUE_UNSEEN.found("", (part, why), word=WORD, why=why)
        elif part in (f.DATABASE, f.REDIS):
            yield UNREAD.found(part, (part, why), why=why)
    if not {f.DATABASE, f.REDIS, f.QUEUE} & set(facts.unknown):
        yield SEEN.ok("", workers=facts.workers)


def _judge_videos(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    now = datetime.fromisoformat(snapshot.taken_at) if snapshot.taken_at else datetime.now(UTC)
    cases = [judge(one, now) for one in facts.videos]
    bad = [case for case in cases if case.state is not State.ok]
    yield from findings(bad)
    if not bad:
        more = "+" if facts.more else ""
        yield MOVING.ok("", seen=f"{len(cases)}{more}")


SEEN = Check("video.seen", _judge_seen, ("db.schema", "redis.access", "sqs.access"), (UNREAD, QUEUE_UNSEEN))
MOVING = Check("video.moving", _judge_videos, ("video.seen",), BAD)
CHECKS = (SEEN, MOVING)
