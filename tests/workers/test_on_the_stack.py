"""The same loop on the local stack: another SQS emulator, a real Redis, and the row lease in PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from academyctl.errors import LeaseLost
from academyctl.stores import Stores
from academyctl.stores.sqs import Message
from tests.conftest import eventually, make_video, use_queue
from tests.workers.rig import Seen, body, make_worker
from workers._loop import RunOptions, run
from workers._model import Defer, Delivery, Done, Outcome, Retry, Worker
from workers._signals import Inbox, Signalled


class RowLease:
    """The row's lease as a hold."""

    name = "row lease"

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery

    def renew(self) -> None:
        videos = self.delivery.stores.videos
        if not videos.renew(self.delivery.job["video_id"], self.delivery.token, lease_s=2):
            raise LeaseLost("the row lease is another's")


def go(worker: Worker, stores: Stores, folder: Path, **options: Any) -> int:
    return run(worker, stores, RunOptions(wait_s=1, health_file=folder / "h", **options))


def test_forty_messages_are_done_and_the_queue_is_empty(stores: Stores, tmp_path: Path) -> None:
    queue = stores.settings.queues.video
    for n in range(40):
        stores.sqs.send(queue, body(n=n, video_id=n + 1))
    seen = Seen()
    worker = make_worker(seen, queues={queue: 1}, prefetch=16)
    assert go(worker, stores, tmp_path, drain=True, concurrency=4) == 0
    assert sorted(job["n"] for job in seen.jobs) == list(range(40))
    left = stores.sqs.attributes(queue)
    assert (left.visible, left.in_flight) == (0, 0)


def test_poison_and_used_up_messages_are_in_the_dead_letter_queue_with_their_reasons(
    stores: Stores, tmp_path: Path
) -> None:
    queue = stores.settings.queues.video
    stores.sqs.send(queue, "not json")
    stores.sqs.send(queue, body(n=1))
    worker = make_worker(lambda _: Retry("no picture", after=0), queues={queue: 1})
    assert go(worker, stores, tmp_path, max_jobs=4) == 0
    dead: list[Message] = []
    while len(dead) < 2:
        dead += stores.sqs.receive(f"{queue}-dlq", wait_s=1)
    reasons = sorted(message.attributes["academyctl.reason"] for message in dead)
    assert reasons == ["Invalid JSON in message body", "no picture"]


def test_five_deferrals_with_a_limit_of_three_end_in_done(stores: Stores, tmp_path: Path) -> None:
    queue = stores.settings.queues.video
    use_queue(stores, queue, max_receive=3)
    stores.sqs.send(queue, body(n=1))
    left = [5]

    def handle(_delivery: Delivery) -> Outcome:
        left[0] -= 1
        return Defer("locked", 0) if left[0] >= 0 else Done()

    assert go(make_worker(handle, queues={queue: 1}), stores, tmp_path, max_jobs=6) == 0
    assert stores.sqs.attributes(f"{queue}-dlq").visible == 0
    assert stores.sqs.attributes(queue).visible == 0


@pytest.mark.parametrize("taken", [False, True])
def test_the_keeper_renews_the_row_lease_and_hears_of_its_loss(stores: Stores, tmp_path: Path, taken: bool) -> None:
    queue = stores.settings.queues.video
    video = make_video(stores)
    stores.sqs.send(queue, body(video_id=video.id))
    ended: list[str] = []

    def handle(delivery: Delivery) -> Outcome:
        claimed = delivery.stores.videos.claim(video.id, video.tenant_id, delivery.token, lease_s=2)
        assert claimed.claim == "claimed"
        delivery.hold(RowLease(delivery))
        first = lease()
        if taken:
            sql = "UPDATE video_video SET leased_by = 'another' WHERE id = %s"
            stores.db.execute(sql, (video.id,))
        try:
            eventually(lambda: delivery.interrupted if taken else lease() > first)
            delivery.check()
        except LeaseLost:
            ended.append("lost")
            raise
        ended.append("kept")
        return Done()

    def lease() -> Any:
        row = stores.videos.row(video.id)
        assert row is not None
        return row.leased_until

    inbox = Inbox()
    worker = make_worker(handle, queues={queue: 1}, lease_s=2)
    options = RunOptions(wait_s=1, max_jobs=1, health_file=tmp_path / "h")
    thread = threading.Thread(target=run, args=(worker, stores, options), kwargs={"inbox": inbox}, daemon=True)
    thread.start()
    eventually(lambda: ended == ["lost" if taken else "kept"])
    inbox.put(Signalled("SIGTERM"))
    thread.join(10)
    seen = stores.sqs.attributes(queue)
    assert seen.visible + seen.in_flight == (1 if taken else 0)
