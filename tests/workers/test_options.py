"""--once, --drain, --max-jobs, --max-rss, --concurrency, several queues, metrics."""

from __future__ import annotations

import threading
import time
import urllib.request
from functools import partial

from tests.conftest import eventually
from tests.workers.conftest import free_port
from tests.workers.rig import DLQ, QUEUE, Rig, Seen, body, make_worker
from workers._model import Delivery, Done, Outcome, Reject, Retry


def test_the_first_line_names_the_queue_and_the_poll(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1))
    log = rig.once(make_worker(Seen()))
    assert f"] Video Worker (SQS) started | queue={QUEUE} | wait_time=1s" in log.split("\n")[0]


def test_once_takes_one_message_and_leaves_the_others_alone(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1), body(n=2))
    with rig.running(make_worker(Seen(), prefetch=9), once=True) as loop:
        assert loop.wait() == 0
    assert rig.sqs.held(QUEUE) == {"visible": 1, "in_flight": 0, "delayed": 0}


def test_once_on_an_empty_queue_ends_after_one_poll(rig: Rig) -> None:
    with rig.running(make_worker(Seen()), once=True) as loop:
        assert loop.wait() == 0
    assert rig.sqs.calls["ReceiveMessage"] == 1


def test_once_says_by_its_exit_code_that_the_job_failed(rig: Rig) -> None:
    for outcome in (Retry("no"), Reject("never")):
        rig.sqs.put(QUEUE, body(n=1))
        with rig.running(make_worker(Seen(partial(returning, outcome))), once=True) as loop:
            assert loop.wait() == 1


def test_drain_ends_when_the_queue_is_empty_and_nothing_runs(rig: Rig) -> None:
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(25)])
    seen = Seen(lambda delivery: waiting(delivery, 0.2 if delivery.job["n"] == 24 else 0))
    with rig.running(make_worker(seen, prefetch=9), drain=True, concurrency=3) as loop:
        assert loop.wait() == 0
    assert len(seen.deliveries) == 25
    assert rig.sqs.left(QUEUE) == 0


def test_max_jobs_ends_the_process_after_exactly_so_many(rig: Rig) -> None:
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(30)])
    seen = Seen()
    rig.once(make_worker(seen, prefetch=20), 17, concurrency=4)
    assert len(seen.deliveries) == 17
    assert rig.sqs.held(QUEUE) == {"visible": 13, "in_flight": 0, "delayed": 0}


def test_a_process_over_its_memory_limit_takes_no_more_and_exits_well(rig: Rig) -> None:
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(5)])
    seen = Seen()
    with rig.running(make_worker(seen, prefetch=9), max_rss_mb=1) as loop:
        assert loop.wait() == 0
    assert 1 <= len(seen.deliveries) <= 5
    assert rig.sqs.left(QUEUE) == 5 - len(seen.deliveries)
    assert "more than --max-rss 1" in loop.log.getvalue()


def test_concurrency_runs_so_many_jobs_at_a_time_and_no_more(rig: Rig) -> None:
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(9)])
    together, most = [0], [0]
    lock = threading.Lock()

    def handle(delivery: Delivery) -> Outcome:
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        delivery.wait(0.15)
        with lock:
            together[0] -= 1
        return Done()

    rig.once(make_worker(Seen(handle), prefetch=9), 9, concurrency=3)
    assert most == [3]


def test_of_two_queues_a_message_of_either_is_taken_at_once(rig: Rig) -> None:
    """An empty queue must not hold the other's slot for the length of its poll (contract 11 #38)."""
    rig.sqs.make("lite", max_receive=3)
    seen = Seen()
    with rig.running(make_worker(seen, queues={QUEUE: 3, "lite": 1}), wait_s=20):
        eventually(lambda: rig.sqs.calls["ReceiveMessage"] >= 4)
        for n, queue in enumerate(("lite", QUEUE, "lite", "lite", QUEUE)):
            before = time.monotonic()
            rig.sqs.put(queue, body(n=n))
            eventually(partial(seen.called, n + 1), timeout=3)
            assert time.monotonic() - before < 1
    assert [delivery.queue for delivery in seen.deliveries] == ["lite", QUEUE, "lite", "lite", QUEUE]


def test_of_two_queues_a_slow_job_leaves_the_others_messages_to_other_workers(rig: Rig) -> None:
    rig.sqs.make("lite", max_receive=3)
    seen = Seen(lambda delivery: waiting(delivery, 30))
    with rig.running(make_worker(seen, queues={QUEUE: 3, "lite": 1}), wait_s=20, grace_s=0):
        eventually(lambda: rig.sqs.calls["ReceiveMessage"] >= 4)
        rig.sqs.put(QUEUE, body(n=1))
        eventually(lambda: seen.deliveries)
        rig.sqs.put("lite", body(n=2), body(n=3))
        eventually(lambda: rig.sqs.held("lite")["visible"] == 2 and rig.sqs.calls["ChangeMessageVisibilityBatch"] == 1)
    assert rig.sqs.left("lite-dlq") == 0


def test_metrics_count_what_happened(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1), body(n=2), "not json", body(n=3))
    seen = Seen(lambda delivery: Retry("no") if delivery.job["n"] == 2 else Done())
    port = free_port()
    with rig.running(make_worker(seen, lease_s=1), metrics_port=port, metrics_address="127.0.0.1"):
        eventually(lambda: len(seen.deliveries) == 3 and rig.sqs.left(DLQ) == 1 and rig.sqs.left(QUEUE) == 1)
        eventually(lambda: 'keeper_beats_total{worker="test"} 0.0' not in scrape(port))
        text = scrape(port)
    for line in (
        'academyctl_worker_received_total{worker="test"} 4.0',
        'academyctl_worker_settled_total{outcome="done",worker="test"} 2.0',
        'academyctl_worker_settled_total{outcome="retry",worker="test"} 1.0',
        'academyctl_worker_settled_total{outcome="reject",worker="test"} 1.0',
        'academyctl_worker_job_seconds_count{worker="test"} 4.0',
        'academyctl_worker_in_flight{worker="test"} 0.0',
        'academyctl_worker_lock_bypassed_total{worker="test"} 0.0',
        'academyctl_worker_queue_calls_total{action="send",worker="test"} 1.0',
    ):
        assert line in text
    assert "academyctl_worker_last_receive_timestamp_seconds" in text


def test_errors_and_bypassed_locks_are_counted(rig: Rig) -> None:
    rig.env["REDIS_PORT"] = str(free_port())
    rig.sqs.put(QUEUE, body(video_id=1))
    port = free_port()
    with rig.running(make_worker(Seen()), metrics_port=port, metrics_address="127.0.0.1"):
        rig.drained()
        rig.sqs.mode("AccessDenied")
        eventually(lambda: 'academyctl_worker_errors_total{code="AccessDenied",worker="test"}' in scrape(port))
        assert 'academyctl_worker_lock_bypassed_total{worker="test"} 1.0' in scrape(port)


def waiting(delivery: Delivery, seconds: float) -> Outcome:
    delivery.wait(seconds)
    return Done()


def returning(outcome: Outcome, _delivery: Delivery) -> Outcome:
    return outcome


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())
