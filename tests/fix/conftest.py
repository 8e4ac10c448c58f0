"""Videos stuck in each of the ways that `fix` mends, on the real stack, and what is left of them afterwards."""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.contract.messages import VideoEncode, encode_body, parse_video
from academyctl.local import environment, postgres, resources
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from tests.conftest import make_video
from tests.video_commands.conftest import cli
from tests.video_commands.test_state import TOKEN, lock_text

__all__ = ["cli"]

LONG_AGO = timedelta(hours=1)
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def shared(stack: LocalStack) -> Iterator[tuple[dict[str, str], Stores]]:
    """A database and a bucket for all of these tests, which are told apart by their videos; and stores over them."""
    name = f"fix{os.getpid()}"
    bucket = f"academy-video-{name}"
    env = {**stack.env(), "DB_NAME": name, "R2_BUCKET": bucket, "R2_VIDEO_BUCKET": bucket, "REDIS_DB": "1"}
    postgres.create(stack.state(), name)
    opened = Stores(load(env).settings)
    location = {"LocationConstraint": environment.REGION}
    opened.aws_clients()("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    yield env, opened
    opened.close()
    postgres.drop(stack.state(), name)


@pytest.fixture
def platform_env(stack: LocalStack, shared: tuple[dict[str, str], Stores]) -> Iterator[dict[str, str]]:
    """The shared place with a video queue and a DLQ of the test's own, and an empty Redis db."""
    place, opened = shared
    env = {**place, "VIDEO_SQS_QUEUE_NAME": f"f{os.getpid()}-{next(_NUMBERS)}-video"}
    spec = resources.queue_specs(load(env).settings.queues)[0]
    resources.create_queue(opened.sqs, spec)
    opened.redis.delete(*opened.redis.scan("*"))
    yield {**env, "ACADEMYCTL_LOCAL_DIR": str(stack.folder)}
    opened.sqs.remove(spec.name)
    opened.sqs.remove(spec.dlq)


def stuck(stores: Stores, status: str, *, upload: bool = True, **values: Any) -> VideoRow:
    """A video that nobody has touched for an hour, with its upload in the bucket."""
    upload_key = f"tenants/1/video/raw/{next(_NUMBERS)}/lecture.mp4"
    old: dict[str, Any] = {"updated_at": datetime.now(UTC) - LONG_AGO, "file_key": upload_key}
    row = make_video(stores, status=status, **(old | values))
    if upload:
        stores.r2.put(stores.settings.r2.video_bucket, row.file_key, b"upload")
    return row


def dead_lease() -> dict[str, Any]:
    return {"leased_by": TOKEN, "leased_until": datetime.now(UTC) - LONG_AGO}


def lock(stores: Stores, row: VideoRow, value: str = "", *, ttl_s: int = 9000) -> None:
    since = datetime.now(UTC) - LONG_AGO
    stores.redis.set(keys.encode_lock(row.id), value or lock_text(since=since), ttl_s=ttl_s)


def cancel(stores: Stores, row: VideoRow) -> None:
    stores.redis.set(keys.video_cancel(row.tenant_id, row.id), "1", ttl_s=300)


def shown(stores: Stores, row: VideoRow) -> None:
    """What a failed run leaves for the front end."""
    stores.redis.set_json(keys.video_status(row.tenant_id, row.id), {"status": "FAILED"})


def body(row: VideoRow, *, tenant_id: int = 0) -> str:
    return encode_body(
        video_id=row.id, tenant_id=tenant_id or row.tenant_id, file_key=row.file_key, tenant_code=row.tenant_code,
        now=datetime.now(UTC),
    )  # fmt: skip


def send(stores: Stores, row: VideoRow) -> None:
    stores.sqs.send(stores.settings.queues.video, body(row))


def bury(stores: Stores, row: VideoRow, **options: Any) -> str:
    attributes = {"academyctl.reason": "killed three times"}
    return stores.sqs.send(f"{stores.settings.queues.video}-dlq", body(row, **options), attributes=attributes)


@dataclass(frozen=True)
class Left:
    """All that may be changed of a video: row, keys, messages and letters (ids of videos, oldest first)."""

    status: str
    error_reason: str
    leased_by: str
    lock: str | None
    cancel: str | None
    shown: str | None
    visible: int
    dead: int


def left(stores: Stores, row: VideoRow) -> Left:
    now = stores.videos.row(row.id)
    queue = stores.settings.queues.video
    names = (
        keys.encode_lock(row.id), keys.video_cancel(row.tenant_id, row.id), keys.video_status(row.tenant_id, row.id),
    )  # fmt: skip
    held, stopped, told = stores.redis.get_many(names)
    visible, dead = stores.sqs.attributes(queue).visible, stores.sqs.attributes(f"{queue}-dlq").visible
    state = (now.status, now.error_reason, now.leased_by) if now is not None else ("gone", "", "")
    return Left(*state, held, stopped, told, visible, dead)


def taken(stores: Stores) -> list[int]:
    """The videos whose messages a worker would get now, each as often as it would get it."""
    found = []
    while got := stores.sqs.receive(stores.settings.queues.video, wait_s=0, visibility_s=60):
        jobs = [parse_video(message.body) for message in got]
        found += [job.video_id for job in jobs if isinstance(job, VideoEncode)]
    return found


def undo(stores: Stores, commands: Sequence[str]) -> None:
    """Run the undo commands that were printed: redis-cli's and SQL."""
    for command in commands:
        words = shlex.split(command) if command.startswith("redis-cli") else []
        if words[1:2] == ["SET"]:
            ttl = int(words[5]) // 1000 if words[4:5] == ["PX"] else None
            stores.redis.set(words[2], words[3], ttl_s=ttl)
        elif command.startswith("UPDATE"):
            with stores.db.tx() as cursor:
                assert cursor.execute(command.encode()).rowcount == 1, command
        else:
            assert command.startswith("nothing"), command
