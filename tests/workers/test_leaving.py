"""--idle-exit, and a machine that AWS takes: the real loop, a strict queue, a metadata service that gives notice."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from academyctl.__main__ import main
from tests.conftest import eventually
from tests.imds import Imds
from tests.workers.rig import QUEUE, Rig, Seen, body, make_worker
from tests.workers.test_cli import NEEDED
from workers._leaving import MARGIN_S
from workers._model import Delivery, Done, Outcome


@pytest.fixture
def imds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Imds]:
    with Imds("i-0123456789abcdef0") as served:
        for name, value in served.env.items():
            monkeypatch.setenv(name, value)
        yield served


def works(seconds: float) -> Seen:
    def handle(delivery: Delivery) -> Outcome:
        delivery.wait(seconds)
        return Done()

    return Seen(handle)


def test_an_idle_worker_ends_well(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1))
    seen = Seen()
    with rig.running(make_worker(seen), idle_exit_s=0.5, wait_s=0) as loop:
        assert loop.wait() == 0
        assert "leaving: idle for" in loop.log.getvalue()
    assert (len(seen.deliveries), rig.sqs.left(QUEUE)) == (1, 0)


def test_the_command_knows_the_option_and_the_setting(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**rig.env, **NEEDED, "VIDEO_SQS_QUEUE_NAME": QUEUE}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VIDEO_WORKER_TEMP_DIR", str(rig.folder / "work"))
    monkeypatch.setenv("ACADEMYCTL_HEALTH_FILE", str(rig.folder / "health"))
    assert main(("worker", "run", "video", "--idle-exit", "0.2", "--wait", "0")) == 0
    monkeypatch.setenv("ACADEMYCTL_IDLE_EXIT_SECONDS", "1")
    assert main(("worker", "run", "video", "--wait", "0")) == 0
    assert capsys.readouterr().err.count("leaving: idle for") == 2


def test_workers_that_leave_while_messages_come_lose_none_and_hide_none(rig: Rig) -> None:
    """Four workers that leave after a tenth of a second, and texts that come about as often."""
    seen, rng, pause = Seen(), random.Random(5), threading.Event()
    with ExitStack() as running:
        loops = [
            running.enter_context(
                rig.running(make_worker(seen), idle_exit_s=0.1, wait_s=1, health_file=rig.folder / f"h{n}")
            )
            for n in range(4)
        ]
        for n in range(8):
            rig.sqs.put(QUEUE, body(n=n))
            pause.wait(rng.uniform(0, 0.25))
        for loop in loops:
            assert loop.wait() == 0
        # Nobody is there any more: what was not handled must be there for the next one at once.
        held = rig.sqs.held(QUEUE)
        assert (held["in_flight"], held["delayed"]) == (0, 0)
    assert len(seen.deliveries) + held["visible"] == 8, "each was handled once, or waits"
    assert {delivery.attempt for delivery in seen.deliveries} == {1}, "leaving costs no message an attempt"


def test_who_has_a_delete_still_to_make_is_not_idle(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1))
    rig.sqs.refuse_entries.add("DeleteMessageBatch")
    seen = Seen()
    with rig.running(make_worker(seen), idle_exit_s=0.2, wait_s=0) as loop:
        eventually(lambda: seen.called(1))
        threading.Event().wait(0.7)
        assert loop.ended == [], "left now, its message would come back to another"
        rig.sqs.refuse_entries.clear()
        assert loop.wait() == 0
    assert (len(seen.deliveries), rig.sqs.left(QUEUE)) == (1, 0)


def test_a_queue_that_is_away_is_no_empty_queue(rig: Rig) -> None:
    rig.sqs.mode("503")
    with rig.running(make_worker(Seen()), idle_exit_s=0.1) as loop:
        threading.Event().wait(0.8)
        assert loop.ended == []


def test_a_spot_notice_lets_a_short_job_finish_and_takes_no_other(rig: Rig, imds: Imds) -> None:
    seen = works(0.5)
    rig.sqs.put(QUEUE, body(n=1), body(n=2))
    with rig.running(make_worker(seen), notice_s=0.1, grace_s=0) as loop:
        eventually(lambda: seen.called(1))
        imds.notice(seconds=120)
        assert loop.wait() == 0
        assert "Spot takes i-0123456789abcdef0 in 1" in loop.log.getvalue()
    assert len(seen.deliveries) == 1
    assert rig.sqs.held(QUEUE) == {"visible": 1, "in_flight": 0, "delayed": 0}


def test_a_spot_notice_gives_a_long_job_back_before_the_machine_is_gone(rig: Rig, imds: Imds) -> None:
    seen = works(60)
    rig.sqs.put(QUEUE, body(n=1))
    with rig.running(make_worker(seen), notice_s=0.1, grace_s=60) as loop:
        eventually(lambda: seen.called(1))
        imds.notice(seconds=MARGIN_S + 1)
        assert loop.wait(8) == 0
    assert rig.sqs.held(QUEUE) == {"visible": 1, "in_flight": 0, "delayed": 0}


def test_a_notice_during_a_stop_shortens_its_grace(rig: Rig, imds: Imds) -> None:
    seen = works(60)
    rig.sqs.put(QUEUE, body(n=1))
    with rig.running(make_worker(seen), notice_s=0.1, grace_s=60) as loop:
        eventually(lambda: seen.called(1))
        loop.signal()
        eventually(lambda: "Received SIGTERM" in loop.log.getvalue())
        imds.notice(seconds=5)
        assert loop.wait(8) == 0
    assert rig.sqs.held(QUEUE)["visible"] == 1


def test_a_signal_during_a_drain_leaves_the_grace_of_a_signal(rig: Rig, imds: Imds) -> None:
    seen = works(60)
    rig.sqs.put(QUEUE, body(n=1))
    with rig.running(make_worker(seen), notice_s=0.1, grace_s=0.2) as loop:
        eventually(lambda: seen.called(1))
        imds.notice(seconds=600)
        eventually(lambda: "Spot takes" in loop.log.getvalue())
        threading.Event().wait(0.3)
        assert loop.ended == []
        loop.signal()
        assert loop.wait(8) == 0
    assert rig.sqs.held(QUEUE)["visible"] == 1


def test_the_heartbeat_names_the_instance(rig: Rig, imds: Imds) -> None:
    with rig.running(make_worker(Seen()), notice_s=0.1) as loop:
        key = "academyctl:worker:test:*"

        def beats() -> list[object]:
            found = loop.stores.redis.scan(key)
            return [document.get("instance_id") for one in found if (document := loop.stores.redis.get_json(one))]

        eventually(lambda: beats() == [imds.instance_id])
