"""Stuck videos on the real stack: each accident meets its row, and thirty videos cost no more steps than one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.postgres import Postgres
from academyctl.stores.readonly import ReadOnlyStores
from academyctl.stores.redis import Redis
from checks._engine import utc_now
from checks._stuck import gather, look
from checks._stuck_reads import letters_of
from checks._stuck_table import judge
from tests.checks.platform import state_of_the_world
from tests.conftest import make_video
from tests.stuck import scene

Env = dict[str, str]


def codes(stores: Stores, *ids: int) -> dict[int, str]:
    now = utc_now()
    return {facts.id: judge(facts, now).code for facts in gather(stores, ids)}


def test_every_accident_is_told_by_its_code_asked_for_or_found(stores: Stores) -> None:
    made = scene.build(stores)
    asked = {
        scene.published(stores).id: "video.ready",
        scene.published(stores, segment=False).id: "video.broken",
        make_video(stores, status="PENDING").id: "video.uploading",
        scene.waiting(stores, "PENDING", error_reason="source_not_found_or_empty").id: "video.pending",
        make_video(stores, file_key="tenants/1/video/raw/1/new.mp4").id: "video.failed-source",
        999_999: "video.absent",
    }
    assert codes(stores, *made, *asked) == made | asked
    # Nobody named them: whatever leaves a trace is found, and what is READY, new or not there is left alone.
    assert {facts.id for facts in look(stores, (), limit=50).videos} == set(made)
    some = look(stores, (), limit=3)
    assert (len(some.videos), some.more) == (3, True)


def test_what_waits_is_told_apart_by_who_takes_messages(stores: Stores) -> None:
    queue, row = stores.settings.queues.video, scene.waiting(stores)
    stores.sqs.send(queue, "{}")
    assert codes(stores, row.id) == {row.id: "video.no-worker"}
    stores.sqs.send(queue, "{}")
    assert stores.sqs.receive(queue, max_messages=1, wait_s=1, visibility_s=60)
    running = scene.waiting(stores, "PROCESSING")
    scene.beats(stores, running, tenant_id=running.tenant_id)
    scene.progressing(stores, running)
    (facts,) = gather(stores, [row.id])
    case = judge(facts, utc_now())
    assert case.code == "video.queued-behind"
    assert case.values["ahead"].startswith(f"video {running.id} transcoding 64 %")
    # A message in flight belongs to the video that runs: the other one has none.
    stores.sqs.purge(queue)
    assert codes(stores, row.id) == {row.id: "video.lost"}


def test_a_new_lock_protects_a_video_and_a_dead_lease_does_not(stores: Stores) -> None:
    ahead, past = (datetime.now(UTC) + timedelta(seconds=one) for one in (50, -50))
    leased = scene.waiting(stores, "PROCESSING", leased_by=scene.DEAD, leased_until=ahead)
    left = scene.waiting(stores, "PROCESSING", leased_by=scene.DEAD, leased_until=past)
    assert codes(stores, leased.id, left.id) == {leased.id: "video.encoding", left.id: "video.no-owner"}


@pytest.mark.parametrize(
    ("away", "part"), [({"DB_PORT": "1"}, "database"), ({"REDIS_PORT": "1"}, "redis"),
                       ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "queue")],
    ids=["database", "Redis", "SQS"],
)  # fmt: skip
def test_a_source_that_is_away_leaves_it_unknown_and_is_named(
    platform_env: Env, stores: Stores, away: Env, part: str
) -> None:
    row = scene.waiting(stores)
    blind = ReadOnlyStores(load({**platform_env, **away}).settings)
    (facts,) = gather(blind, [row.id])
    blind.close()
    case = judge(facts, utc_now())
    assert (case.code, case.state) == ("video.unknown", "unknown")
    assert part in facts.unknown
    assert part in case.values["why"]


def test_looking_changes_nothing_but_the_count_of_dead_letters(platform_env: Env, stores: Stores) -> None:
    made = scene.build(stores)
    before = state_of_the_world(stores)
    readonly = ReadOnlyStores(load(platform_env).settings)
    assert len(gather(readonly, tuple(made))) == len(made)
    (found,) = [one for one in look(readonly, (), limit=50).videos if made[one.id] == "video.dead-letter"]
    readonly.close()
    after = state_of_the_world(stores)
    for part in ("queues", "keys", "rows"):
        assert after[part] == before[part], part
    # Counted, not read: whose letter it is cannot be known, and nothing is claimed.
    assert (found.dead, found.dead_read) == ((), False)
    dlq = f"{stores.settings.queues.video}-dlq"
    (letter,) = letters_of(stores)(dlq).letters.values()
    assert letter[0].reason == "the disk is full"
    assert stores.sqs.attributes(dlq).visible == 1


class Counted(Stores):
    """Counts the round trips: transactions, Redis pipelines, calls of SQS and R2."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.trips: Counter[str] = Counter()

    @property
    def db(self) -> Postgres:
        trips = self.trips

        class Db(Postgres):
            @contextmanager
            def tx(self, *, read_only: bool = False) -> Iterator[Any]:
                trips["db"] += 1
                with super().tx(read_only=read_only) as cursor:
                    yield cursor

        return self._once("db", lambda: Db(self.settings.db))

    @property
    def redis(self) -> Redis:
        trips = self.trips

        class Counting(Redis):
            @contextmanager
            def _call(self) -> Iterator[Any]:
                trips["redis"] += 1
                with super()._call() as client:
                    yield client

        return self._once("redis", lambda: Counting(self.settings.redis))

    def watch(self) -> None:
        for name, client in (("sqs", self.sqs_quick._client), ("r2", self.r2._client)):
            client.meta.events.register("before-call", self._counter(name))

    def _counter(self, name: str) -> Any:
        def count(**_: Any) -> None:
            self.trips[name] += 1

        return count


def test_thirty_videos_cost_the_round_trips_of_one(stores: Stores) -> None:
    rows = [scene.waiting(stores) for _ in range(30)]
    for row in rows:
        scene.locked(stores, row.id)
    counted = Counted(stores.settings)
    counted.watch()
    trips = {}
    for number in (1, 30):
        # Names of queues are asked for once a process.
        gather(counted, [rows[0].id])
        counted.trips.clear()
        assert len(gather(counted, [row.id for row in rows[:number]])) == number
        trips[number] = dict(counted.trips)
    counted.close()
    # Objects have no other way than one question each; eight are asked at a time.
    assert (trips[1].pop("r2"), trips[30].pop("r2")) == (1, 30)
    assert trips[30] == trips[1]
    assert sum(trips[30].values()) <= 8
