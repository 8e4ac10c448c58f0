"""The keeper: it renews what runs and waits, stops what is lost, and says what this process does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from academyctl.contract import keys
from academyctl.errors import DatabaseAway, LeaseLost
from tests.conftest import eventually
from tests.workers.rig import DLQ, QUEUE, RedisServer, Rig, Seen, body, make_worker
from workers import _health as health
from workers._clock import Clock
from workers._inflight import SLOW_S
from workers._model import Delivery, Done, Outcome, Retry


@dataclass
class FileLease:
    """A hold over a file that names its owner, as a row lease over a row."""

    path: Path
    owner: str
    away: Callable[[], bool] = lambda: False
    renewals: list[float] = field(default_factory=list)
    name: str = "row lease"

    def renew(self) -> None:
        if self.away():
            raise DatabaseAway("no answer", cause="unreachable")
        if self.path.read_text(encoding="utf-8") != self.owner:
            raise LeaseLost("the row lease is another's")
        self.renewals.append(time.monotonic())


def working(seconds: float) -> Callable[[Delivery], Outcome]:
    def handle(delivery: Delivery) -> Outcome:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            delivery.wait(0.05)
        return Done()

    return handle


def test_a_job_longer_than_its_visibility_is_started_once_and_done_once(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1))
    seen = Seen(working(2.6))
    rig.once(make_worker(seen, visibility_s=1, lease_s=1))
    assert len(seen.deliveries) == 1
    assert rig.sqs.left(QUEUE) == 0
    assert rig.sqs.calls["ChangeMessageVisibilityBatch"] >= 3


def test_twelve_jobs_in_flight_are_renewed_with_two_calls_a_round(rig: Rig) -> None:
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(12)])
    rig.once(make_worker(Seen(working(1.7)), visibility_s=2, lease_s=2), 12, concurrency=12)
    assert rig.sqs.left(QUEUE) == 0
    assert 2 <= rig.sqs.calls["ChangeMessageVisibilityBatch"] <= 6


def test_a_message_that_sqs_refuses_to_extend_twice_stops_its_job_loudly(rig: Rig) -> None:
    def handle(delivery: Delivery) -> Outcome:
        rig.sqs.steal(QUEUE)
        return working(10)(delivery)

    rig.sqs.put(QUEUE, body(video_id=5))
    log = rig.once(make_worker(Seen(handle), visibility_s=2, lease_s=2))
    assert "LEASE_LOST | video_id=5 | reason=SQS refused twice to extend" in log
    assert rig.sqs.left(QUEUE) == 1


def test_a_single_refused_renewal_does_not_stop_a_job(rig: Rig) -> None:
    def handle(delivery: Delivery) -> Outcome:
        rig.sqs.refuse_entries.add("ChangeMessageVisibilityBatch")
        eventually(lambda: rig.sqs.calls["ChangeMessageVisibilityBatch"] == 1)
        rig.sqs.refuse_entries.clear()
        return working(1.5)(delivery)

    rig.sqs.put(QUEUE, body(n=1))
    log = rig.once(make_worker(Seen(handle), visibility_s=2, lease_s=2))
    assert "refuses to extend" in log
    assert rig.sqs.left(QUEUE) == 0


def test_a_lost_row_lease_interrupts_the_job_and_nothing_is_settled(rig: Rig, tmp_path: Path) -> None:
    row = tmp_path / "row"

    def handle(delivery: Delivery) -> Outcome:
        row.write_text(delivery.token, encoding="utf-8")
        delivery.hold(FileLease(row, delivery.token))
        row.write_text("another", encoding="utf-8")
        return working(10)(delivery)

    rig.sqs.put(QUEUE, body(video_id=5))
    log = rig.once(make_worker(Seen(handle), lease_s=1))
    assert "LEASE_LOST | video_id=5 | reason=the row lease is another's" in log
    assert rig.sqs.held(QUEUE)["in_flight"] == 1
    assert rig.sqs.left(DLQ) == 0


def test_a_failure_after_the_lease_is_lost_is_not_this_workers_to_retry(rig: Rig, tmp_path: Path) -> None:
    row = tmp_path / "row"
    row.write_text("another", encoding="utf-8")

    def handle(delivery: Delivery) -> Outcome:
        delivery.hold(FileLease(row, delivery.token))
        eventually(lambda: delivery.interrupted)
        return Retry("ffmpeg was killed", after=0)

    rig.sqs.make(QUEUE, max_receive=1)
    rig.sqs.put(QUEUE, body(n=1))
    rig.once(make_worker(Seen(handle), lease_s=1))
    assert (rig.sqs.held(QUEUE)["in_flight"], rig.sqs.left(DLQ)) == (1, 0)


def test_a_database_that_does_not_answer_for_a_moment_costs_no_lease(rig: Rig, tmp_path: Path) -> None:
    row = tmp_path / "row"
    refusals = iter([True])

    def handle(delivery: Delivery) -> Outcome:
        row.write_text(delivery.token, encoding="utf-8")
        lease = FileLease(row, delivery.token, away=lambda: next(refusals, False))
        delivery.hold(lease)
        eventually(lambda: lease.renewals)
        delivery.check()
        return Done()

    rig.sqs.put(QUEUE, body(n=1))
    log = rig.once(make_worker(Seen(handle), lease_s=1))
    assert rig.sqs.left(QUEUE) == 0
    assert "cannot tell whether row lease is still ours" in log


def test_a_lease_that_could_not_be_renewed_until_it_ran_out_is_lost(rig: Rig, tmp_path: Path) -> None:
    def handle(delivery: Delivery) -> Outcome:
        delivery.hold(FileLease(tmp_path / "row", delivery.token, away=lambda: True))
        return working(10)(delivery)

    rig.sqs.put(QUEUE, body(n=1))
    log = rig.once(make_worker(Seen(handle), lease_s=1))
    assert "could not be renewed and has run out" in log


def test_a_dropped_hold_is_never_renewed_again(rig: Rig, tmp_path: Path) -> None:
    row = tmp_path / "row"

    def handle(delivery: Delivery) -> Outcome:
        lease = FileLease(row, delivery.token)
        row.write_text(delivery.token, encoding="utf-8")
        delivery.hold(lease)
        eventually(lambda: lease.renewals)
        delivery.drop(lease)
        row.write_text("released", encoding="utf-8")
        return working(0.8)(delivery)

    rig.sqs.put(QUEUE, body(n=1))
    log = rig.once(make_worker(Seen(handle), lease_s=1))
    assert rig.sqs.left(QUEUE) == 0
    assert "LEASE_LOST" not in log


def test_sqs_away_longer_than_the_visibility_does_not_stop_a_job_whose_lease_lives(rig: Rig, tmp_path: Path) -> None:
    """A three hour encode must survive three minutes without SQS: the lease, not the message, says whose it is."""
    row = tmp_path / "row"

    def handle(delivery: Delivery) -> Outcome:
        row.write_text(delivery.token, encoding="utf-8")
        delivery.hold(FileLease(row, delivery.token))
        rig.sqs.mode("503")
        working(1.6)(delivery)
        rig.sqs.mode(None)
        return Done()

    rig.sqs.put(QUEUE, body(n=1))
    log = rig.once(make_worker(Seen(handle), visibility_s=1, lease_s=1))
    assert "LEASE_LOST" not in log
    rig.drained()


def test_a_job_without_any_lease_is_stopped_when_its_message_is_visible_again(rig: Rig) -> None:
    def handle(delivery: Delivery) -> Outcome:
        rig.sqs.mode("503", ["ChangeMessageVisibilityBatch"])
        return working(10)(delivery)

    rig.sqs.put(QUEUE, body(n=1))
    log = rig.once(make_worker(Seen(handle), visibility_s=1, lease_s=1))
    assert "could not be extended and is visible again" in log


def test_the_heartbeat_names_the_job_and_its_stage_and_goes_with_the_worker(rig: Rig, redis: RedisServer) -> None:
    def handle(delivery: Delivery) -> Outcome:
        delivery.stage("transcoding")
        return working(10)(delivery)

    def beat() -> dict[str, object]:
        [key] = redis.client.keys(keys.worker_heartbeats("test")) or [""]
        seen = health_of(redis, key) if key else {}
        return seen if seen.get("jobs") else {}

    rig.sqs.put(QUEUE, body(video_id=7, tenant_id=3))
    with rig.running(make_worker(Seen(handle), lease_s=1), grace_s=0) as loop:
        seen = eventually(beat)
        assert (seen["kind"], seen["host"], seen["stopping"]) == ("test", "test-host", False)
        [job] = seen["jobs"]
        assert (job["queue"], job["video_id"], job["tenant_id"]) == (QUEUE, 7, 3)
        assert (job["stage"], job["attempt"]) == ("transcoding", 1)
        [key] = redis.client.keys(keys.worker_heartbeats())
        assert 0 < redis.client.ttl(key) <= 4
        loop.stop()
    assert redis.client.keys(keys.worker_heartbeats()) == []


def test_a_slow_job_holds_no_message_behind_it(rig: Rig) -> None:
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(4)])
    with rig.running(make_worker(Seen(working(30))), grace_s=0) as loop:
        eventually(lambda: rig.sqs.held(QUEUE)["in_flight"] == 1)
        assert rig.sqs.held(QUEUE)["visible"] == 3
        loop.stop()


def test_messages_fetched_ahead_go_to_other_workers_when_the_job_before_them_turns_out_slow(rig: Rig) -> None:
    ahead = [0.0]
    clock = Clock(monotonic=lambda: time.monotonic() + ahead[0])
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(4)])
    with rig.running(make_worker(Seen(working(30)), lease_s=1, prefetch=9), clock=clock, grace_s=0):
        eventually(lambda: rig.sqs.held(QUEUE)["in_flight"] == 4)
        ahead[0] = SLOW_S + 1
        eventually(lambda: rig.sqs.held(QUEUE) == {"visible": 3, "in_flight": 1, "delayed": 0})
    assert {message.receive_count for message in rig.sqs.peek(QUEUE)} == {1}


def test_messages_fetched_ahead_are_renewed_while_they_wait(rig: Rig) -> None:
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(4)])
    seen = Seen(lambda delivery: working(1.5 if delivery.job["n"] == 0 else 0)(delivery))
    rig.once(make_worker(seen, visibility_s=1, lease_s=1, prefetch=9), 4)
    assert sorted(job["n"] for job in seen.jobs) == [0, 1, 2, 3]
    assert all(delivery.attempt == 1 for delivery in seen.deliveries)


def test_the_health_file_is_there_while_the_worker_is_and_no_longer(rig: Rig) -> None:
    path = rig.folder / "test.health"
    with rig.running(make_worker(Seen(), lease_s=1)) as loop:
        document = eventually(lambda: (health.read(path) or {}).get("last_receive_at") and health.read(path))
        assert document is not None
        assert health.judge(document, datetime.now(UTC)) == ""
        loop.stop()
    assert not path.exists()


def health_of(redis: RedisServer, key: str) -> dict[str, object]:
    return dict(json.loads(redis.client.get(key) or "{}"))
