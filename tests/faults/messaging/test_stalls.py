"""Workers that are stopped, killed at random, or lose what they need: no text twice, none lost, none billed wrongly."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import ExitStack

import pytest

from academyctl.errors import DatabaseAway
from academyctl.message_evidence import ask
from academyctl.messaging.model import State
from academyctl.stores import deliveries
from tests.conftest import eventually
from tests.faults.messaging.corner import OPENING, Corner, Sent, everything_adds_up
from tests.faults.messaging.crew import Crew, Hand
from tests.faults.messaging.points import ACCEPTED, POINTS
from tests.faults.roster.wire import wire

pytestmark = [pytest.mark.timeout(60), pytest.mark.skipif(os.name == "nt", reason="forks and signals")]

RANDOM_KILLS = int(os.environ.get("ACADEMYCTL_TEST_RANDOM_CRASHES", "8"))
SEED = 20261121
SMALL_GROUPS = {
    "MESSAGING_GROUP_SIZE": "5", "ACADEMYCTL_MESSAGING_VISIBILITY": "3", "MESSAGING_REQUEST_SECONDS": "5",
}  # fmt: skip
"""With requests of five seconds a lease lasts ten, the least that there is."""
_FREE = (
    "UPDATE core_tenant SET name = name WHERE id IN (SELECT id FROM core_tenant WHERE id = %s FOR UPDATE SKIP LOCKED)"
)
LIST_PATH = "/messages/v4/list-old"
NAMED = {point.name: point for point in POINTS}


def many(corner: Corner, queue: str, count: int) -> list[Sent]:
    """SMS of three academies, every second one without a producer's key."""
    academies = corner.academies()
    return [corner.put(queue, academies[number % 3], named=number % 2 == 0) for number in range(count)]


def finish(corner: Corner, crew: Crew, queue: str, **env: str) -> None:
    with crew.at_work(queue, **env):
        eventually(lambda: corner.is_over(queue), timeout=60, every=0.05)
    assert corner.sqs.left(f"{queue}-dlq") == 0


def hurried(corner: Corner, queue: str) -> None:
    """Until all is done, without waiting for what a worker put off."""

    def ended() -> bool:
        corner.sqs.show_all(queue)
        return corner.is_over(queue)

    eventually(ended, timeout=60, every=0.3)
    assert corner.sqs.left(f"{queue}-dlq") == 0


def test_kill_9_at_random_moments_of_two_workers_sends_and_bills_each_text_once(corner: Corner, crew: Crew) -> None:
    # Few receives: what waits is copied, and what dies too often SQS itself makes a dead letter.
    rng, queue = random.Random(SEED), corner.queue(max_receive=4)
    texts = many(corner, queue, 30)
    workers: list[Hand] = []
    gone: list[Hand] = []
    for _ in range(RANDOM_KILLS):
        if corner.sqs.left(queue) < 15:
            texts += many(corner, queue, 15)
        while len(workers) < 2:
            workers.append(crew.start(queue, **SMALL_GROUPS))
        # Not a wait for anything: the moment of death is what the test is about.
        threading.Event().wait(rng.uniform(0, 0.4))
        dead = workers.pop(rng.randrange(len(workers)))
        dead.kill()
        gone.append(dead)
        corner.pass_time(dead.pid)
        corner.sqs.show_all(queue)
    for worker in workers:
        worker.kill()
    for worker in (*gone, *workers):
        # Once more: what a worker committed with its last breath was not there yet.
        corner.pass_time(worker.pid)
    left = corner.gather([queue, corner.redrive(queue)])
    with crew.at_work(left):
        hurried(corner, left)
    everything_adds_up(corner, texts)


def test_a_worker_that_was_stopped_before_its_request_sends_nothing_when_it_goes_on(corner: Corner, crew: Crew) -> None:
    queue = corner.queue()
    texts = corner.handful(queue, corner.academies())
    with crew.held(queue, NAMED["sending committed, not told"], MESSAGING_REQUEST_SECONDS="5") as (stopped, held):
        begun = time.monotonic()
        os.kill(stopped.pid, signal.SIGSTOP)
        corner.pass_time(stopped.pid)
        held.release()
        finish(corner, crew, corner.gather([queue]))
        # The lease of ten seconds less the five of a request: later it may not begin one.
        eventually(lambda: time.monotonic() > begun + 5.1, every=0.1)
        os.kill(stopped.pid, signal.SIGCONT)
        assert stopped.end() == 0
    everything_adds_up(corner, texts)


def test_a_worker_that_was_stopped_with_its_request_on_the_way_changes_nothing_any_more(
    corner: Corner, crew: Crew
) -> None:
    queue = corner.queue()
    texts = corner.handful(queue, corner.academies())
    with crew.held(queue, ACCEPTED) as (stopped, held):
        eventually(lambda: corner.arrived(texts).total() == ACCEPTED.accepted)
        os.kill(stopped.pid, signal.SIGSTOP)
        corner.pass_time(stopped.pid)
        finish(corner, crew, corner.gather([queue]))
        held.release()
        os.kill(stopped.pid, signal.SIGCONT)
        stopped.end()
    everything_adds_up(corner, texts)


def test_two_workers_with_the_same_messages_send_them_once(corner: Corner, crew: Crew) -> None:
    queue = corner.queue()
    texts = corner.handful(queue, corner.academies())
    again = corner.again(queue)
    with crew.held(queue, NAMED["request not arrived"]) as (first, held), crew.at_work(again) as second:
        eventually(lambda: second.said().count("SQS_JOB_DEFERRED") == len(texts), every=0.05)
        held.release()
        eventually(lambda: corner.is_over(queue), timeout=30, every=0.05)
        corner.sqs.show_all(again)
        eventually(lambda: corner.is_over(again), timeout=30, every=0.05)
        assert first.end() == 0
    everything_adds_up(corner, texts)


def test_sessions_of_the_database_that_end_again_and_again_cost_nothing(corner: Corner, crew: Crew) -> None:
    queue = corner.queue()
    texts = many(corner, queue, 60)

    with crew.at_work(queue, **SMALL_GROUPS):
        for wanted in (5, 20, 35):
            eventually(lambda wanted=wanted: corner.arrived(texts).total() >= wanted, every=0.001)  # type: ignore[misc]
            corner.end_sessions()
        hurried(corner, queue)
    everything_adds_up(corner, texts)


def test_without_redis_nothing_stops_and_nothing_is_sent_twice(corner: Corner, crew: Crew) -> None:
    queue = corner.queue()
    texts = many(corner, queue, 40)
    with ExitStack() as way:
        redis = way.enter_context(wire(corner.env["REDIS_HOST"], int(corner.env["REDIS_PORT"])))
        with crew.at_work(queue, REDIS_PORT=str(redis.port), **SMALL_GROUPS):
            eventually(lambda: corner.arrived(texts).total() >= 5, every=0.001)
            way.close()
            eventually(lambda: corner.is_over(queue), timeout=60)
    everything_adds_up(corner, texts)


def test_while_solapi_is_down_texts_wait_and_then_all_go_once(corner: Corner, crew: Crew) -> None:
    queue = corner.queue()
    texts = many(corner, queue, 25)
    with corner.failing(do="status", status=503, times=2), crew.at_work(queue):
        hurried(corner, queue)
    everything_adds_up(corner, texts)


def test_answers_that_come_too_late_are_found_in_the_list(corner: Corner, crew: Crew) -> None:
    queue = corner.queue()
    texts = many(corner, queue, 12)
    with corner.failing(do="timeout-after-accepting", times=1), crew.at_work(queue, MESSAGING_REQUEST_SECONDS="1"):
        hurried(corner, queue)
    everything_adds_up(corner, texts)


def test_what_the_list_cannot_tell_is_left_to_a_person_and_never_sent_again(corner: Corner, crew: Crew) -> None:
    queue, db = corner.queue(), corner.stores.db
    texts = many(corner, queue, 6)
    queue = crew.kill_at(queue, ACCEPTED, lambda: corner.arrived(texts).total() == len(texts))
    with corner.failing(do="refuse", code="Forbidden", path=LIST_PATH, times=0), crew.at_work(queue):
        eventually(lambda: corner.is_over(queue), timeout=60)
    assert set(corner.states(texts).values()) == {"UNKNOWN"}
    assert corner.sqs.left(f"{queue}-dlq") == len(texts)
    for text in texts[:3]:
        row = deliveries.row(db, text.key)
        assert row is not None
        assert "Forbidden" in row.evidence["away"]
        seen = ask(corner.stores, row)
        assert seen.sent
        assert deliveries.resolve(
            db, text.key, sent=True, expected=State.UNKNOWN, note="in the list", evidence=seen.evidence()
        )
    # Half of them a person has resolved; of the others the letter's way back finds the proof.
    finish(corner, crew, corner.redrive(queue))
    everything_adds_up(corner, texts)


def test_a_refusal_of_an_earlier_request_does_not_end_a_text_that_was_sent_again(corner: Corner, crew: Crew) -> None:
    queue = corner.queue()
    texts = [corner.put(queue, corner.academies([850])[0])]
    with corner.failing(do="partial", code="1062", every=1), crew.at_work(queue):
        eventually(lambda: corner.sqs.left(f"{queue}-dlq") == 1)
    again = crew.kill_at(corner.redrive(queue), NAMED["request not arrived"], lambda: True)
    with crew.at_work(again):
        hurried(corner, again)
    everything_adds_up(corner, texts)


def test_a_text_that_sqs_gave_up_after_two_deaths_is_sent_once_when_it_is_sent_back(corner: Corner, crew: Crew) -> None:
    queue = corner.queue(max_receive=2)
    texts = corner.handful(queue, corner.academies())
    for point in (NAMED["claim committed, not told"], ACCEPTED):
        queue = crew.kill_at(queue, point, lambda: True, max_receive=2)
    with crew.at_work(queue):
        eventually(lambda: corner.sqs.left(f"{queue}-dlq") == len(texts), timeout=40)
    finish(corner, crew, corner.redrive(queue))
    everything_adds_up(corner, texts)


def test_a_request_that_arrives_after_its_worker_has_died_is_found_and_not_made_again(
    corner: Corner, crew: Crew
) -> None:
    queue = corner.queue()
    texts = many(corner, queue, 6)
    with crew.held(queue, NAMED["request arrived by half"]) as (dead, held):
        dead.kill()
        corner.pass_time(dead.pid)
        queue = corner.gather([queue])
        with crew.at_work(queue, MESSAGING_RESEND_AFTER_SECONDS="30") as second:
            eventually(lambda: second.said().count("may still arrive") == len(texts))
            held.release()
            eventually(lambda: corner.arrived(texts).total() == len(texts))
            hurried(corner, queue)
    everything_adds_up(corner, texts)


def test_credit_that_ends_amid_a_group_pays_for_those_it_covers_whoever_dies(corner: Corner, crew: Crew) -> None:
    queue, credit = corner.queue(), 26
    academy = corner.academies([850], balance=credit)[0]
    texts = [corner.put(queue, academy, named=number < 2) for number in range(5)]
    queue = crew.kill_at(
        queue, NAMED["claim committed, not told"], lambda: list(corner.states(texts).values()) == ["CLAIMED"] * 3
    )
    with crew.at_work(queue, MESSAGING_CREDIT_WAIT_SECONDS="0"):
        eventually(lambda: corner.is_over(queue), timeout=30)
    assert sorted(corner.states(texts).values()) == ["FAILED"] * 2 + ["SENT"] * 3
    corner.charge(academy)
    finish(corner, crew, corner.redrive(queue))
    everything_adds_up(corner, texts, opening=OPENING + credit)


def test_a_worker_that_is_frozen_amid_its_claim_does_not_keep_an_academy_locked(corner: Corner) -> None:
    tenant_id = corner.academies([850])[0].id
    limit = "SELECT current_setting('idle_in_transaction_session_timeout') AS limit"
    with pytest.raises(DatabaseAway) as away, corner.stores.db.tx() as cursor:
        deliveries.tenants(cursor, [tenant_id], lock=True)
        assert cursor.execute(limit).fetchall() == [{"limit": "30s"}]
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '1ms'")
        eventually(lambda: corner.stores.db.execute(_FREE, (tenant_id,)))
        cursor.execute("SELECT 1")
    assert away.value.cause == "unreachable", "the text waits, and that counts for nothing"
    assert corner.stores.db.query(limit) != [{"limit": "30s"}], "of the claim's transaction alone"
