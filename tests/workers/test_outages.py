"""SQS goes away for eight seconds in every way it can, and comes back: no hot loop, no loss, nothing done twice.

All modes run side by side, each with an endpoint and a worker of its own, for eight seconds are long.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from academyctl.errors import AwsError
from tests.conftest import eventually
from tests.strict_sqs import StrictSqs
from tests.workers.rig import QUEUE, RedisServer, Rig, Seen, body, make_worker
from workers._model import Delivery, Done, Outcome

OUTAGE_S = 8.0
MODES = ("503", "ExpiredToken", "AccessDenied", "NonExistentQueue", "throttle", "hang")
SAID = {
    "503": "ServiceUnavailable",
    "NonExistentQueue": "AWS.SimpleQueueService.NonExistentQueue",
    "throttle": "RequestThrottled",
}


@dataclass
class Outage:
    """What one mode did to a worker."""

    calls: int = 0
    resumed_s: float = -1.0
    handled: list[int] = field(default_factory=list)
    counts: set[int] = field(default_factory=set)
    left: int = -1
    log: str = ""


@pytest.fixture(scope="module")
def outages(shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outage]:
    found = {mode: Outage() for mode in MODES}
    threads = [
        threading.Thread(target=_suffer, args=(mode, found[mode], shared_redis, tmp_path_factory.mktemp(mode)))
        for mode in MODES
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _suffer(mode: str, found: Outage, redis: RedisServer, folder: Path) -> None:
    with StrictSqs() as sqs:
        sqs.make(QUEUE)
        env = {"AWS_ENDPOINT_URL": sqs.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", **redis.env}
        seen = Seen()
        with Rig(sqs, env, folder).running(make_worker(seen, kind=f"test-{mode}"), wait_s=20) as loop:
            sqs.put(QUEUE, body(n=0))
            eventually(lambda: sqs.left(QUEUE) == 0)
            sqs.calls.clear()
            sqs.mode(mode)
            sqs.put(QUEUE, *[body(n=n) for n in range(1, 21)])
            time.sleep(OUTAGE_S)
            found.calls = sum(sqs.calls.values())
            sqs.mode(None)
            back = time.monotonic()
            eventually(lambda: len(seen.deliveries) > 1, timeout=30)
            found.resumed_s = time.monotonic() - back
            eventually(lambda: sqs.left(QUEUE) == 0, timeout=30)
            found.handled = sorted(job["n"] for job in seen.jobs)
            found.counts = {delivery.attempt for delivery in seen.deliveries}
            found.left = sqs.left(QUEUE)
            found.log = loop.log.getvalue()


@pytest.mark.parametrize("mode", MODES)
def test_an_outage_of_eight_seconds_costs_few_calls_and_is_noticed_to_be_over(
    outages: dict[str, Outage], mode: str
) -> None:
    seen = outages[mode]
    # A poll that hangs costs no further call at all.
    assert (0 if mode == "hang" else 5) <= seen.calls <= 25
    assert 0 <= seen.resumed_s <= 3


@pytest.mark.parametrize("mode", MODES)
def test_an_outage_loses_nothing_doubles_nothing_and_burns_no_receive(outages: dict[str, Outage], mode: str) -> None:
    seen = outages[mode]
    assert seen.handled == list(range(21))
    assert (seen.counts, seen.left) == ({1}, 0)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "hang"])
def test_every_failed_try_says_what_is_wrong_and_how_long_it_waits(outages: dict[str, Outage], mode: str) -> None:
    log = outages[mode].log
    assert f"queue={QUEUE}" in log
    assert "SQS unavailable (sqs:ReceiveMessage failed for queue" in log
    assert SAID.get(mode, mode) in log
    assert "Waiting 1s before retry" in log


def test_work_finished_while_deletes_fail_is_deleted_after_it_and_not_done_again(rig: Rig) -> None:
    """Expired keys refuse the delete of done work. It comes back, is known here, and is not handled twice."""
    rig.sqs.put(QUEUE, *[body(n=n) for n in range(5)])
    rig.sqs.mode("ExpiredToken", ["DeleteMessageBatch"])
    seen = Seen()
    with rig.running(make_worker(seen, prefetch=9, visibility_s=1)) as loop:
        eventually(lambda: rig.sqs.calls["DeleteMessageBatch"] >= 2)
        eventually(lambda: rig.sqs.held(QUEUE)["visible"] == 5, timeout=5)
        taken = rig.sqs.calls["ReceiveMessage"]
        rig.sqs.put(QUEUE, body(n=9))
        eventually(lambda: rig.sqs.calls["DeleteMessageBatch"] >= 4, timeout=8)
        assert rig.sqs.calls["ReceiveMessage"] <= taken + 1, "a worker that cannot delete must not take more"
        rig.sqs.mode(None)
        rig.drained()
        eventually(lambda: len(seen.deliveries) == 6)
        assert loop.stop() == 0
    assert sorted(job["n"] for job in seen.jobs) == [0, 1, 2, 3, 4, 9]


def test_done_work_whose_delete_was_refused_is_not_done_again_when_it_comes_back(rig: Rig) -> None:
    rig.sqs.put(QUEUE, body(n=1))
    rig.sqs.refuse_entries.add("DeleteMessageBatch")
    seen = Seen()
    with rig.running(make_worker(seen, visibility_s=1)):
        eventually(lambda: rig.sqs.peek(QUEUE)[0].receive_count >= 2, timeout=10)
        rig.sqs.refuse_entries.clear()
        rig.drained()
    assert len(seen.deliveries) == 1


def test_a_message_delivered_twice_to_one_worker_runs_once_and_the_newer_receipt_counts(rig: Rig) -> None:
    def handle(_delivery: Delivery) -> Outcome:
        rig.sqs.show_all(QUEUE)
        eventually(lambda: rig.sqs.peek(QUEUE)[0].receive_count == 2)
        return Done()

    rig.sqs.put(QUEUE, body(n=1))
    seen = Seen(handle)
    with rig.running(make_worker(seen), concurrency=2):
        rig.drained()
    assert len(seen.deliveries) == 1


def test_a_queue_made_anew_is_found_again(rig: Rig) -> None:
    with rig.running(make_worker(seen := Seen())) as loop:
        rig.receives()
        gone = rig.sqs.queues.pop(QUEUE)
        eventually(lambda: "SQS unavailable" in loop.log.getvalue())
        rig.sqs.queues[QUEUE] = gone
        rig.sqs.put(QUEUE, body(n=1))
        eventually(lambda: seen.deliveries)
    assert rig.sqs.calls["GetQueueUrl"] >= 2


def test_renewed_credentials_of_a_profile_are_read_without_a_restart(rig: Rig, tmp_path: Path) -> None:
    """A session reads its keys once; the loop makes a new one when they are refused."""
    keys = tmp_path / "credentials"
    keys.write_text("[work]\naws_access_key_id = OLD\naws_secret_access_key = old\n", encoding="utf-8")
    env = {"AWS_PROFILE": "work", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    rig.sqs.accept_key = "NEW"
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
        with rig.running(make_worker(seen := Seen()), env=env) as loop:
            eventually(lambda: "InvalidClientTokenId" in loop.log.getvalue())
            keys.write_text("[work]\naws_access_key_id = NEW\naws_secret_access_key = new\n", encoding="utf-8")
            rig.sqs.put(QUEUE, body(n=1))
            eventually(lambda: seen.deliveries)


@pytest.mark.parametrize("option", ["once", "drain"])
def test_with_once_or_drain_an_unreachable_queue_is_an_error_and_no_loop(rig: Rig, option: str) -> None:
    rig.sqs.mode("AccessDenied")
    said: dict[str, Any] = {option: True}
    with rig.running(make_worker(Seen()), **said) as loop, pytest.raises(AwsError) as caught:
        loop.wait()
    assert (caught.value.cause, caught.value.exit_code) == ("permission", 3)
    assert sum(rig.sqs.calls.values()) <= 2


def test_a_captive_portals_answer_is_an_outage_and_not_a_crash(rig: Rig) -> None:
    rig.sqs.mode("portal")
    with rig.running(make_worker(seen := Seen())) as loop:
        eventually(lambda: "SQS unavailable" in loop.log.getvalue())
        rig.sqs.mode(None)
        rig.sqs.put(QUEUE, body(n=1))
        eventually(lambda: seen.deliveries)
