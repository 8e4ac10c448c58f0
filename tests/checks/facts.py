"""Facts of a platform on which nothing is wrong, to be changed one at a time; judged without any server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checks import db, r2, redis, settings, sqs
from checks._engine import diagnose
from checks._model import Diagnosis, Finding, Gathered, Snapshot, State, Topic
from checks._topics import chosen
from checks._trouble import Trouble
from tests.checks import topics

TOPICS: tuple[Topic, ...] = chosen(())
AT = "2026-02-17T03:35:57.000+00:00"


def box(name: str, **changes: Any) -> sqs.Box:
    word = next((word for word, main in NAMES.items() if main == name), "")
    seconds = {"video": 300, "messaging": 60, "": 30}.get(word, 3600)
    fine = sqs.Box(
        name=name, arn=f"arn:aws:sqs:ap-northeast-2:000000000000:{name}", visible=0, in_flight=0, delayed=0,
        visibility_s=seconds, retention_s=1209600, wait_s=20 if word else 0, max_receive=3 if word else None,
        dlq_name=f"{name}-dlq" if word else "",
    )  # fmt: skip
    return replace(fine, **changes)


NAMES = {
    "video": "academy-video-jobs", "ai_lite": "academy-ai-jobs-lite", "ai_basic": "academy-ai-jobs-basic",
    "ai_premium": "academy-ai-jobs-premium", "messaging": "academy-messaging-jobs",
}  # fmt: skip
VARIABLES = {
    "video": "VIDEO_SQS_QUEUE_NAME", "ai_lite": "AI_SQS_QUEUE_NAME_LITE", "ai_basic": "AI_SQS_QUEUE_NAME_BASIC",
    "ai_premium": "AI_SQS_QUEUE_NAME_PREMIUM", "messaging": "MESSAGING_SQS_QUEUE_NAME",
}  # fmt: skip

SETTINGS = settings.Facts(
    workers=("video", "ai", "messaging"), elsewhere=(), missing=(), pairs=(), obsolete={}, misspelt={}, padded=(),
    region="ap-northeast-2", region_used=True,
    endpoints={"AWS_ENDPOINT_URL": "", "R2_ENDPOINT": "https://account.r2.cloudflarestorage.com"},
    debug=False, solapi_mock=False, profile="", file="", orders=(), against=None,
)  # fmt: skip
SQS = sqs.Facts(
    region="ap-northeast-2",
    endpoint="https://sqs.ap-northeast-2.amazonaws.com",
    queues=tuple(
        sqs.Queue(word, name, VARIABLES[word], box(name), None, f"{name}-dlq", box(f"{name}-dlq"), None)
        for word, name in NAMES.items()
    ),
    names=tuple(sorted([*NAMES.values(), *(f"{name}-dlq" for name in NAMES.values())])),
    listing=None,
    skew_s=0.4,
)
REDIS = redis.Facts(
    configured=True, where="redis.internal:6379 db=0", trouble=None, round_trip_ms=0.8,
    server=redis.Server("7.2.4", "master", 0, 1048576, "noeviction", 0, loading=False), info_why="", locks=(),
    all_locks=True,
)  # fmt: skip
DB = db.Facts(
    configured=True, where="academy@db.internal:5432/academy", name="academy", trouble=None,
    server=db.Server(
        "15.6", replica=False, read_only=False, max_connections=100, connections=12, missing=(), tables=9,
        generation="S2", not_granted=(), waiting=db.Sessions(0, 0, None), idle=db.Sessions(0, 0, None),
    ),
    names=(), videos=(db.Videos("READY", 41, 90), db.Videos("UPLOADED", 1, 12)), videos_trouble=None,
)  # fmt: skip
R2 = r2.Facts(
    configured=True,
    endpoint="https://account.r2.cloudflarestorage.com",
    buckets=tuple(
        r2.Bucket(word, f"academy-{word.removesuffix('_bucket')}", f"R2_{word.upper()}", None) for word in r2.BUCKETS
    ),
    names=None,
    skew_s=-0.2,
    cors=r2.Cors(None, plays=False, direct=False, site="", why="AccessDenied"),
)
HEALTHY: dict[str, Any] = {"settings": SETTINGS, "sqs": SQS, "redis": REDIS, "db": DB, "r2": R2, **topics.healthy()}


def snapshot(**facts: Any) -> Snapshot:
    """The healthy platform with some topics' facts replaced; a string stands for a topic without facts."""
    given = {**HEALTHY, **facts}.items()
    topics = {
        name: Gathered(one, None, "boom", 40, AT) if isinstance(one, str) else Gathered("seen", one, "", 40, AT)
        for name, one in given
    }
    return Snapshot(topics, taken_at=AT, took_ms=210, timeout_s=10.0, tool="0.1.0")


def judged(**facts: Any) -> Diagnosis:
    return diagnose(TOPICS, snapshot(**facts))


def queue(word: str, **changes: Any) -> sqs.Facts:
    """SQS facts with one queue changed."""
    return replace(SQS, queues=tuple(replace(one, **changes) if one.word == word else one for one in SQS.queues))


def absent(
    word: str, cause: str, code: str = "", *, dlq: bool = True, what: str = "sqs:GetQueueUrl queue x"
) -> sqs.Facts:
    """SQS facts in which one queue, and its dead-letter queue, could not be had."""
    trouble = Trouble(cause, code, what, code)
    gone: dict[str, Any] = {"box": None, "trouble": trouble}
    return queue(word, **gone, **({"dlq": None, "dlq_trouble": trouble} if dlq else {}))


def all_absent(cause: str, code: str = "", what: str = "sqs:ListQueues queue *") -> sqs.Facts:
    trouble = Trouble(cause, code, what, code)
    gone = tuple(replace(one, box=None, trouble=trouble, dlq=None, dlq_trouble=trouble) for one in SQS.queues)
    return replace(SQS, queues=gone, names=None, listing=trouble, skew_s=None)


def buckets(cause: str, *words: str, code: str = "", names: tuple[str, ...] | None = None) -> r2.Facts:
    """R2 facts in which some buckets (all without words) could not be listed."""
    trouble = Trouble(cause, code, "r2:ListObjectsV2 bucket x", code)
    listed = tuple(replace(one, trouble=trouble) if not words or one.word in words else one for one in R2.buckets)
    return replace(R2, buckets=listed, names=names)


def bucket(word: str, **changes: Any) -> r2.Facts:
    """R2 facts with one bucket changed."""
    return replace(R2, buckets=tuple(replace(one, **changes) if one.word == word else one for one in R2.buckets))


def red(diagnosis: Diagnosis) -> list[Finding]:
    """What stands as a failure of its own."""
    return [one for one in diagnosis.findings if one.state is State.fail and not one.because_of]


def codes(diagnosis: Diagnosis) -> set[str]:
    """Every code that is neither fine nor skipped."""
    return {one.code for one in diagnosis.findings if one.state not in (State.ok, State.skip)}
