"""The end of a worker process: asked for, asked for twice, or by a kill."""

from __future__ import annotations

import os
import signal
import socket
import time
from functools import partial

import pytest

from academyctl.errors import ConfigError
from tests.conftest import eventually
from tests.workers.rig import DLQ, QUEUE, Rig, Seen, body, make_worker
from workers._model import Delivery, Done, Outcome

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_exits_at_once_in_the_middle_of_a_long_poll(rig: Rig, number: signal.Signals) -> None:
    with rig.process() as worker:
        rig.receives()
        started = time.monotonic()
        worker.send(number)
        assert worker.wait() == 0
        # A second on a quiet machine; the poll would have lasted twenty.
        assert time.monotonic() - started < 3
    assert f"Received {number.name}, initiating graceful shutdown... | current_job=idle" in worker.log
    assert "Test Worker shutdown complete" in worker.log


def test_a_running_job_may_finish_within_the_grace(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1, seconds=1))
    with rig.process(TEST_GRACE="10") as worker:
        eventually(lambda: rig.count("start"))
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0
    assert rig.count("done") == 1
    assert rig.sqs.left(QUEUE) == 0
    assert "Graceful shutdown: current job completed, exiting" in worker.log


def test_after_the_grace_the_job_is_interrupted_and_its_message_is_visible_at_once(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1, seconds=60))
    with rig.process(TEST_GRACE="0.3") as worker:
        eventually(lambda: rig.count("start"))
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0
    assert rig.events()[-1].endswith("Stopping")
    assert rig.sqs.held(QUEUE) == {"visible": 1, "in_flight": 0, "delayed": 0}


def test_three_stops_in_a_row_do_not_bury_the_message_of_a_long_job(rig: Rig) -> None:
    """A receive counts. Given back as itself on its last one, the next receive would move it to the DLQ unheard."""
    rig.sqs.put(QUEUE, body(n=1))

    def handle(delivery: Delivery) -> Outcome:
        while True:
            delivery.wait(0.05)

    for _ in range(4):
        seen = Seen(handle)
        with rig.running(make_worker(seen), grace_s=0) as loop:
            eventually(partial(seen.called, 1))
            assert loop.stop() == 0
        assert (rig.sqs.held(QUEUE)["visible"], rig.sqs.left(DLQ)) == (1, 0)


def test_messages_that_nobody_started_go_back_in_one_call(rig: Rig) -> None:
    rig.sqs.put(QUEUE, *[body(n=n, seconds=60) for n in range(10)])
    with rig.process(TEST_GRACE="0.2", TEST_PREFETCH="9") as worker:
        eventually(lambda: rig.count("start") and rig.sqs.held(QUEUE)["in_flight"] == 10)
        worker.send(signal.SIGTERM)
        eventually(lambda: rig.sqs.held(QUEUE)["visible"] >= 9, timeout=2)
        assert worker.wait() == 0
    assert rig.sqs.held(QUEUE)["visible"] == 10
    assert rig.sqs.calls["ChangeMessageVisibilityBatch"] == 2


def test_finished_work_is_deleted_before_the_process_ends(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1))
    with rig.process() as worker:
        eventually(lambda: rig.count("done"))
        worker.send(signal.SIGTERM)
        assert worker.wait() == 0
    assert rig.sqs.left(QUEUE) == 0


def test_a_second_signal_ends_the_process_at_once(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1, deaf=True))
    with rig.process(TEST_GRACE="60") as worker:
        eventually(lambda: rig.count("start"))
        worker.send(signal.SIGTERM)
        eventually(lambda: "initiating graceful shutdown" in worker.log)
        started = time.monotonic()
        worker.send(signal.SIGTERM)
        assert worker.wait() == 130
        assert time.monotonic() - started < 2


def test_a_job_that_never_lets_go_does_not_hold_the_process(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1, deaf=True))
    with rig.process(TEST_GRACE="0.1") as worker:
        eventually(lambda: rig.count("start"))
        worker.send(signal.SIGTERM)
        assert worker.wait(8) == 0
    assert "1 jobs did not let go" in worker.log
    assert rig.sqs.held(QUEUE)["in_flight"] == 1


def test_a_killed_worker_loses_nothing_and_the_job_is_done_once_after_the_visibility(rig: Rig) -> None:
    """The old worker's dead lock made the next one delete the message (contract 11 #2, #24)."""
    rig.sqs.put(QUEUE, body(n=1, video_id=7, seconds=60))
    with rig.process(TEST_VISIBILITY="2") as worker:
        eventually(lambda: rig.count("start"))
        worker.send(signal.SIGKILL)
        worker.wait()
    killed = time.monotonic()
    [stored] = rig.sqs.peek(QUEUE)
    stored.body = body(n=1, video_id=7)
    with rig.process(TEST_VISIBILITY="2"):
        eventually(lambda: rig.count("done"), timeout=20)
        rig.drained()
    assert time.monotonic() - killed < 12
    assert (rig.count("done"), rig.sqs.left(DLQ)) == (1, 0)


def test_a_worker_paused_past_its_lease_cannot_settle_what_another_has_taken(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1, video_id=7, seconds=3))
    with rig.process(TEST_VISIBILITY="2") as first:
        eventually(lambda: rig.count("start"))
        first.send(signal.SIGSTOP)
        with rig.process(TEST_VISIBILITY="2") as second:
            eventually(lambda: rig.count("start") == 2, timeout=20)
            first.send(signal.SIGCONT)
            eventually(lambda: rig.count("stopped") == 1, timeout=20)
            assert rig.events()[-1] == f"stopped 1 {first.pid} LeaseLost"
            eventually(lambda: rig.count("done"), timeout=20)
            rig.drained()
            assert rig.events()[-1] == f"done 1 {second.pid}"
    assert (rig.count("done"), rig.sqs.left(DLQ)) == (1, 0)
    assert "LEASE_LOST" in first.log


def test_the_worker_of_a_broken_start_does_not_stay_half_alive(rig: Rig) -> None:
    """The metrics port is taken: nothing was received, and the error says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        rig.sqs.put(QUEUE, body(n=1))
        with (
            pytest.raises(ConfigError, match="cannot serve metrics"),
            rig.running(make_worker(Seen(lambda _: Done())), metrics_port=port, metrics_address="127.0.0.1") as loop,
        ):
            loop.wait()
    assert rig.sqs.calls["ReceiveMessage"] == 0
