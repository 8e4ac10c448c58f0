"""Letters sent back: exactly those that were chosen, whole, and none lost whatever happens in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from academyctl.contract.messages import parse_video
from academyctl.dead_letters import pair, sample
from academyctl.errors import UsageError, WorkFailed
from academyctl.redrive import Redrive, plan, redrive_all
from academyctl.repairs import Changed, Halfway
from academyctl.stores import Stores
from academyctl.stores.sqs import Message
from tests.conftest import eventually
from tests.dead_letters.conftest import Bury

KILLED = Path(__file__).with_name("killed_redrive.py")


def planned(stores: Stores, **where: str) -> tuple[Redrive, ...]:
    video = pair(stores, "video")
    return plan(sample(stores, video.dlq).letters, video, where, 100)


def received(stores: Stores) -> list[Message]:
    """What workers of the live queue would get."""
    found: list[Message] = []
    while got := stores.sqs.receive(stores.settings.queues.video, wait_s=0, visibility_s=60):
        found += got
    return found


def ids(messages: list[Message]) -> list[int]:
    return sorted(parse_video(message.body).video_id for message in messages)


def test_only_the_chosen_letters_go_back_and_the_others_are_visible_at_once(
    stores: Stores, dlq: str, bury: Bury, tmp_path: Path
) -> None:
    for n in range(23):
        bury(100 + n)
    assert redrive_all(planned(stores, video_id="111"), stores, tmp_path / "audit.jsonl") == ()
    after = stores.sqs.attributes(dlq)
    assert (after.visible, after.in_flight) == (22, 0)
    assert ids(received(stores)) == [111]
    [line] = (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["result"] == "done"


def test_a_letter_goes_back_byte_for_byte_without_what_the_burial_added(
    stores: Stores, dlq: str, bury: Bury, tmp_path: Path
) -> None:
    carried = {"academyctl.first_sent_at": "2026-01-01T00:00:00+00:00", "origin": "api"}
    bury(111, **carried)
    [letter] = sample(stores, dlq).letters
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    redrive_all(planned(stores), stores, tmp_path / "audit.jsonl")
    [message] = received(stores)
    assert message.body == letter.body
    attributes = dict(message.attributes)
    assert before <= datetime.fromisoformat(attributes.pop("academyctl.redriven")) <= datetime.now(UTC)
    assert attributes == {**carried, "academyctl.first_id": letter.id}


def test_a_letter_that_goes_back_again_keeps_its_first_id(stores: Stores, bury: Bury, tmp_path: Path) -> None:
    bury(111, **{"academyctl.first_id": "the-first"})
    redrive_all(planned(stores), stores, tmp_path / "audit.jsonl")
    [message] = received(stores)
    assert message.attributes["academyctl.first_id"] == "the-first"


def test_a_letter_of_another_queue_stays(stores: Stores, bury: Bury) -> None:
    bury(1, **{"academyctl.source_queue": "somebody-elses"})
    bury(2, **{"academyctl.source_queue": stores.settings.queues.video})
    assert [repair.about for repair in planned(stores)] == ["video_id=2; no upload"]


def test_a_letter_that_is_gone_is_reported_and_the_others_go(
    stores: Stores, dlq: str, bury: Bury, tmp_path: Path
) -> None:
    bury(1)
    bury(2)
    repairs = planned(stores)
    ghost = replace(repairs[0], letter_id="gone")
    assert redrive_all([ghost, repairs[1]], stores, tmp_path / "audit.jsonl") == (ghost,)
    assert ids(received(stores)) == [2]
    with pytest.raises(Changed, match="no longer in"):
        ghost.do(stores)
    assert stores.sqs.attributes(dlq).visible == 1


def test_a_redrive_twice_does_nothing_the_second_time(stores: Stores, bury: Bury, tmp_path: Path) -> None:
    bury(1)
    repairs = planned(stores)
    assert redrive_all(repairs, stores, tmp_path / "a") == ()
    assert redrive_all(repairs, stores, tmp_path / "a") == repairs
    assert ids(received(stores)) == [1]


def test_what_cannot_be_sent_stays_dead_and_visible(stores: Stores, dlq: str, bury: Bury, tmp_path: Path) -> None:
    for n in range(12):
        bury(n + 1)
    repairs = [replace(repair, queue="no-such-queue") for repair in planned(stores)]
    with pytest.raises(Halfway) as caught:
        redrive_all(repairs, stores, tmp_path / "audit.jsonl")
    assert (len(caught.value.done), len(caught.value.left)) == (0, 12)
    after = stores.sqs.attributes(dlq)
    assert (after.visible, after.in_flight) == (12, 0)


def test_a_letter_that_cannot_be_deleted_is_told_as_being_twice(stores: Stores, dlq: str, bury: Bury) -> None:
    bury(1)
    [repair] = planned(stores)
    [message] = stores.sqs.receive(dlq, wait_s=1, visibility_s=30)
    with pytest.raises(WorkFailed, match="is still in") as caught:
        repair.move(stores, replace(message, receipt="no receipt"))
    assert caught.value.code == "not-deleted"
    assert ids(received(stores)) == [1]


def test_a_live_queue_is_never_redriven_from(stores: Stores, tmp_path: Path) -> None:
    live = stores.settings.queues.video
    stores.sqs.send(live, "{}")
    with pytest.raises(UsageError, match="not a dead-letter queue"):
        redrive_all([Redrive("m", live, live, "")], stores, tmp_path / "audit.jsonl")
    assert stores.sqs.attributes(live).visible == 1


@pytest.mark.parametrize("nth", [1, 12])
def test_a_redrive_killed_between_sending_and_deleting_loses_nothing_and_is_resumed(
    stores: Stores, dlq: str, bury: Bury, platform_env: dict[str, str], tmp_path: Path, nth: int
) -> None:
    for n in range(15):
        bury(n + 1)
    env = {**os.environ, **platform_env, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        [sys.executable, str(KILLED), str(tmp_path / "audit.jsonl"), str(nth)], env=env, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"sent\n"
        finally:
            process.kill()
    eventually(lambda: stores.sqs.attributes(dlq).visible == 15 - nth + 1)
    assert redrive_all(planned(stores), stores, tmp_path / "audit.jsonl") == ()
    went = ids(received(stores))
    assert sorted(set(went)) == list(range(1, 16))
    assert len(went) == 16, "one letter went twice, and only that one"
    assert stores.sqs.attributes(dlq).visible == 0
