"""What becomes of a message: every outcome, and every way a handler can end."""

from __future__ import annotations

import pytest

from academyctl.errors import DatabaseAway, RedisAway, WorkFailed
from tests.conftest import eventually
from tests.workers.rig import DLQ, QUEUE, Rig, Seen, body, make_worker
from workers._model import Defer, Delivery, Done, Outcome, Reject, Retry


def raising(error: BaseException) -> Seen:
    def handle(_delivery: Delivery) -> Outcome:
        raise error

    return Seen(handle)


def test_done_work_is_deleted(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1))
    log = rig.once(make_worker(Seen()))
    assert rig.sqs.left(QUEUE) == 0
    assert "SQS_JOB_COMPLETED | request_id=" in log


def test_ten_done_messages_cost_one_receive_and_one_delete(rig: Rig) -> None:
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(40)])
    rig.once(make_worker(Seen(), prefetch=16), 40, concurrency=4)
    assert rig.sqs.left(QUEUE) == 0
    assert (rig.sqs.calls["ReceiveMessage"], rig.sqs.calls["DeleteMessageBatch"]) == (4, 4)


def test_failed_work_is_hidden_for_the_back_off_and_not_burnt_at_once(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1))
    rig.once(make_worker(Seen(lambda _: Retry("no"))))
    [message] = rig.sqs.peek(QUEUE)
    assert message.receive_count == 1
    assert rig.sqs.held(QUEUE) == {"visible": 0, "in_flight": 1, "delayed": 0}


def test_a_retry_names_its_own_delay(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1))
    seen = Seen(lambda delivery: Retry("not yet", after=0) if delivery.attempt == 1 else Done())
    rig.once(make_worker(seen), 2)
    assert [delivery.attempt for delivery in seen.deliveries] == [1, 2]
    assert rig.sqs.left(QUEUE) == 0


@pytest.mark.parametrize("error", [ValueError("boom"), WorkFailed("no picture"), SystemExit(3), MemoryError()])
def test_whatever_a_handler_throws_is_a_retry_and_the_worker_lives(rig: Rig, error: BaseException) -> None:
    rig.sqs.put(QUEUE, body(n=1), body(n=2))
    rig.once(make_worker(raising(error)), 2)
    assert {message.receive_count for message in rig.sqs.peek(QUEUE)} == {1}


def test_an_unexpected_exception_is_in_the_log_with_its_traceback_once(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(video_id=7))
    log = rig.once(make_worker(raising(ZeroDivisionError("division"))))
    assert log.count("Traceback (most recent call last)") == 1
    assert "SQS_JOB_FAILED | request_id=" in log
    assert "[SQS_MAIN] handler.handle() returned video_id=7 result=failed" in log


def test_the_last_failure_is_told_to_the_worker_and_then_buried_with_its_reason(rig: Rig) -> None:
    told: list[tuple[int, str, int]] = []

    def exhausted(delivery: Delivery, reason: str) -> None:
        told.append((delivery.job["n"], reason, rig.sqs.left(DLQ)))

    [sent] = rig.sqs.put(QUEUE, body(n=1), attributes={"trace": "abc"})
    seen = Seen(lambda _: Retry("codec unknown", after=0))
    log = rig.once(make_worker(seen, exhausted=exhausted), 3)
    assert [delivery.last_attempt for delivery in seen.deliveries] == [False, False, True]
    assert told == [(1, "codec unknown", 0)]
    [dead] = rig.sqs.peek(DLQ)
    values = {key: value["StringValue"] for key, value in dead.attributes.items()}
    assert values.pop("academyctl.rejected_at").startswith("20")
    assert values == {
        "academyctl.reason": "codec unknown",
        "academyctl.source_queue": QUEUE,
        "academyctl.receive_count": "3",
        "academyctl.first_id": sent,
        "trace": "abc",
    }
    assert (dead.body, rig.sqs.left(QUEUE)) == (body(n=1), 0)
    assert "JOB_DEAD | attempt=3 | reason=codec unknown" in log


def test_a_failure_that_cannot_be_recorded_is_deferred_and_not_lost(rig: Rig) -> None:
    def exhausted(_delivery: Delivery, _reason: str) -> None:
        raise DatabaseAway("the database is away", cause="unreachable")

    rig.sqs.make(QUEUE, max_receive=1)
    rig.sqs.put(QUEUE, body(n=1))
    rig.once(make_worker(Seen(lambda _: Retry("no")), exhausted=exhausted))
    assert (rig.sqs.left(QUEUE), rig.sqs.left(DLQ)) == (1, 0)
    assert rig.sqs.held(QUEUE)["delayed"] == 1


def test_a_bug_while_recording_a_failure_costs_a_visibility_timeout_and_not_the_thread(rig: Rig) -> None:
    def exhausted(_delivery: Delivery, _reason: str) -> None:
        raise KeyError("bug")

    rig.sqs.make(QUEUE, max_receive=1)
    rig.sqs.put(QUEUE, body(n=1), body(n=2))
    rig.once(make_worker(Seen(lambda _: Retry("no")), exhausted=exhausted), 2)
    assert rig.sqs.held(QUEUE)["in_flight"] == 2


def test_five_deferrals_do_not_drive_a_message_into_the_dead_letter_queue(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1), attributes={"trace": "abc"})
    waits = iter([0] * 5)

    def handle(_delivery: Delivery) -> Outcome:
        return Defer("locked", 0) if next(waits, None) is not None else Done()

    seen = Seen(handle)
    rig.once(make_worker(seen), 6)
    assert len(seen.deliveries) == 6
    assert rig.sqs.calls["SendMessage"] < 5, "a copy is for the limit, not for every deferral"
    assert not any(delivery.last_attempt for delivery in seen.deliveries)
    assert (rig.sqs.left(QUEUE), rig.sqs.left(DLQ)) == (0, 0)
    last = seen.deliveries[-1].message
    assert last.attributes["trace"] == "abc"
    assert last.attributes["academyctl.deferred"] == str(rig.sqs.calls["SendMessage"])


def test_a_deferred_copy_waits_outside_of_the_queue_and_the_original_goes_after_it(rig: Rig) -> None:
    rig.sqs.make(QUEUE, max_receive=2)
    rig.sqs.put(QUEUE, body(n=1))
    rig.once(make_worker(Seen(lambda _: Defer("locked", 60))))
    assert rig.sqs.held(QUEUE) == {"visible": 0, "in_flight": 0, "delayed": 1}
    order = [op for _, op, _ in rig.sqs.log if op in ("SendMessage", "DeleteMessageBatch")]
    assert order == ["SendMessage", "DeleteMessageBatch"]


def test_below_the_limit_a_deferral_is_one_call_and_keeps_the_message(rig: Rig) -> None:
    rig.sqs.make(QUEUE, max_receive=5)
    [sent] = rig.sqs.put(QUEUE, body(n=1))
    rig.once(make_worker(Seen(lambda _: Defer("locked", 60))))
    assert [message.id for message in rig.sqs.peek(QUEUE)] == [sent]
    assert rig.sqs.calls["SendMessage"] == 0


def test_a_copy_that_cannot_be_sent_leaves_the_original(rig: Rig) -> None:
    rig.sqs.make(QUEUE, max_receive=2)
    [sent] = rig.sqs.put(QUEUE, body(n=1))
    rig.sqs.mode("503", ["SendMessage"])
    rig.once(make_worker(Seen(lambda _: Defer("locked", 60))))
    assert [message.id for message in rig.sqs.peek(QUEUE)] == [sent]


@pytest.mark.parametrize("error", [RedisAway("away", cause="unreachable"), DatabaseAway("wrong key", cause="auth")])
def test_a_store_that_is_away_defers_the_job_and_does_not_use_up_its_attempts(rig: Rig, error: Exception) -> None:
    rig.sqs.make(QUEUE, max_receive=2)
    rig.sqs.put(QUEUE, body(n=1))
    rig.once(make_worker(raising(error)))
    assert rig.sqs.held(QUEUE)["delayed"] == 1


def test_rejected_work_goes_to_the_dead_letter_queue_at_once(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(video_id=9))
    log = rig.once(make_worker(Seen(lambda _: Reject("wrong tenant"))))
    [dead] = rig.sqs.peek(DLQ)
    assert dead.attributes["academyctl.reason"]["StringValue"] == "wrong tenant"
    assert rig.sqs.left(QUEUE) == 0
    assert "SQS_JOB_REJECTED | request_id=" in log


@pytest.mark.parametrize("bad", ["not json", "[1]", '"text"'])
def test_a_malformed_message_is_rejected_at_once_and_never_just_deleted(rig: Rig, bad: str) -> None:
    rig.sqs.put(QUEUE, bad)
    seen = Seen()
    log = rig.once(make_worker(seen))
    [dead] = rig.sqs.peek(DLQ)
    assert dead.body == bad
    assert dead.attributes["academyctl.reason"]["StringValue"].startswith("Invalid")
    assert (seen.deliveries, rig.sqs.left(QUEUE)) == ([], 0)
    assert "SQS_JOB_REJECTED" in log


def test_without_a_dead_letter_queue_a_rejected_message_is_kept_and_said_so(rig: Rig) -> None:
    rig.sqs.make(QUEUE, max_receive=None)
    del rig.sqs.queues[DLQ]
    rig.sqs.put(QUEUE, "not json")
    log = rig.once(make_worker(Seen()))
    assert rig.sqs.left(QUEUE) == 1
    assert f"cannot go to the dead-letter queue {DLQ} and is kept (create that queue" in log


def test_the_dead_letter_queue_of_the_settings_goes_before_the_redrive_policys(rig: Rig) -> None:
    rig.sqs.make("spare", max_receive=None)
    rig.sqs.put(QUEUE, "not json")
    names = {"VIDEO_SQS_QUEUE_NAME": QUEUE, "VIDEO_SQS_DLQ_NAME": "spare"}
    with rig.running(make_worker(Seen()), env=names, max_jobs=1) as loop:
        assert loop.wait() == 0
    assert (rig.sqs.left("spare"), rig.sqs.left(DLQ), rig.sqs.left(QUEUE)) == (1, 0, 0)


def test_a_message_full_of_attributes_still_reaches_the_dead_letter_queue(rig: Rig) -> None:
    rig.sqs.put(QUEUE, "not json", attributes={f"own{n}": "x" for n in range(10)})
    rig.once(make_worker(Seen()))
    [dead] = rig.sqs.peek(DLQ)
    assert len(dead.attributes) == 10
    assert "academyctl.reason" in dead.attributes


def test_ten_failures_in_a_row_do_not_end_the_worker(rig: Rig) -> None:
    rig.sqs.put(QUEUE, *["poison"] * 6, *[body(n=n) for n in range(6)])
    seen = raising(ValueError("wrong phone number"))
    with rig.running(make_worker(seen)) as loop:
        eventually(lambda: rig.sqs.left(DLQ) == 6 and len(seen.deliveries) == 6)
        rig.sqs.put(QUEUE, body(n=99))
        eventually(lambda: seen.jobs[-1] == {"n": 99})
        assert loop.stop() == 0


def test_nothing_secret_reaches_the_log(rig: Rig) -> None:
    def handle(delivery: Delivery) -> Outcome:
        raise ValueError(f"to={delivery.job['to']} password={delivery.job['password']}")

    rig.sqs.put(QUEUE, body(to="01012345678", password="hunter2hunter2"))
    rig.sqs.put(QUEUE, "{ 01012345678 password=hunter2hunter2")
    rig.sqs.refuse_entries.add("ChangeMessageVisibilityBatch")
    log = rig.once(make_worker(Seen(handle)), 2)
    assert "0101****" in log
    for secret in ("01012345678", "hunter2", "test-secret", *[m.receipt for m in rig.sqs.peek(QUEUE)]):
        assert secret not in log
