"""Facts of workers that live, and what can be wrong with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checks import _trouble as t
from checks import workers
from checks._model import Verdict
from checks._trouble import Trouble
from tests.checks.case import Case, fail, unknown, warn

V = Verdict
ROLES = ("video", "ai", "messaging")
BEATS = tuple(
    workers.Beat(role, f"i-0{role}:1:a", f"i-0{role}", 1, "0.1.0", 4.0, 0.0, 0.0, stopping=False, queues=(), jobs=())
    for role in ROLES
)
FLEETS = tuple(workers.Fleet(role, f"academy-{role}-worker-asg", 1, None) for role in ROLES)
FACTS = workers.Facts(configured=True, trouble=None, beats=BEATS, fleets=FLEETS, emulated=False, queues=())
JOB = workers.Job("academy-video-jobs", "111", "encode", 900.0, 1)


def beat(role: str = "video", **changes: Any) -> workers.Facts:
    """The facts with one worker changed."""
    return replace(FACTS, beats=tuple(replace(one, **changes) if one.role == role else one for one in BEATS))


def without(*roles: str, **changes: Any) -> workers.Facts:
    """The facts without the workers of some kinds."""
    return replace(FACTS, beats=tuple(one for one in BEATS if one.role not in roles), **changes)


def cases() -> tuple[Case, ...]:
    from tests.checks import facts as f
    from tests.checks.topics import scaling

    waiting = f.queue("video", box=f.box("academy-video-jobs", visible=12))
    premium = f.queue("ai_premium", box=f.box("academy-ai-jobs-premium", visible=1))
    newer = replace(BEATS[0], token="i-0new:2:b", host="i-0new", version="0.2.0")
    away = Trouble(t.UNREACHABLE, "redis-away", "Redis cannot be used", "Error 111")
    no_redis = replace(FACTS, trouble=away, beats=())
    return (
        fail("nobody consumes a queue that has work", "workers.absent", V.capacity, "sqs.not-consumed",
             sqs=waiting, workers=without("video")),
        fail("no worker takes the premium queue", "workers.absent", V.capacity, "sqs.not-consumed", sqs=premium,
             workers=beat("ai", queues=("academy-ai-jobs-lite", "academy-ai-jobs-basic"))),
        fail("a worker fell silent with work waiting", "workers.absent", V.capacity, "sqs.not-consumed",
             "workers.stale", sqs=waiting, workers=beat(silent_s=300.0, age_s=300.0)),
        fail("there is no machine for the work", "scaling.nobody", V.capacity, "workers.absent", "sqs.not-consumed",
             sqs=waiting, workers=without("video"), scaling=scaling.group(in_service=0, desired=0, min=0)),
        fail("a worker that hangs", "workers.hung", V.code, "sqs.not-consumed", sqs=waiting,
             workers=beat(stopped_s=600.0)),
        warn("a heartbeat that is old", "workers.stale", V.infrastructure, workers=beat(silent_s=300.0, age_s=300.0)),
        warn("machines without a heartbeat", "workers.no-heartbeat", V.infrastructure, workers=without("video")),
        warn("two versions", "workers.versions-differ", V.settings, workers=replace(FACTS, beats=(*BEATS, newer))),
        warn("a job without an end", "workers.job-long", V.code, workers=beat(jobs=(replace(JOB, age_s=30000.0),))),
        unknown("nobody knows whether work waits", "sqs.queue-unseen", "workers.queue-unseen",
                sqs=f.absent("video", t.TIMEOUT, dlq=False), workers=without("video")),
        unknown("heartbeats are not to be read", "workers.unread", workers=no_redis),
        fail("Redis is away", "redis.unreachable", V.infrastructure, "workers.unread", workers=no_redis,
             redis=replace(f.REDIS, trouble=away, server=None, round_trip_ms=None)),
    )  # fmt: skip
