"""Reading dead letters: every one is seen, none is kept, and no other queue is ever received from."""

from __future__ import annotations

import pytest

from academyctl.dead_letters import Letter, pair, sample, words
from academyctl.errors import AwsError, UsageError
from academyctl.stores import Stores
from tests.dead_letters.conftest import Bury


def test_a_letter_tells_its_video_and_why_it_is_dead(stores: Stores, dlq: str, bury: Bury) -> None:
    first = bury(7, reason="probe_failed: no picture")
    bury(8, reason="")
    seen = sample(stores, dlq)
    assert seen.complete
    assert [(one.video_id, one.reason) for one in seen.letters] == [(7, "probe_failed: no picture"), (8, "")]
    assert seen.letters[0].id == first
    assert seen.letters[0].sent_at is not None


@pytest.mark.parametrize("count", [3, 23])
def test_all_letters_are_seen_once_and_are_visible_afterwards(stores: Stores, dlq: str, bury: Bury, count: int) -> None:
    for n in range(count):
        bury(n + 1)
    seen = sample(stores, dlq)
    assert seen.complete
    assert sorted(one.video_id or 0 for one in seen.letters) == list(range(1, count + 1))
    after = stores.sqs.attributes(dlq)
    assert (after.visible, after.in_flight) == (count, 0)


def test_a_sample_says_when_it_is_not_all(stores: Stores, dlq: str, bury: Bury) -> None:
    for n in range(13):
        bury(n + 1)
    seen = sample(stores, dlq, 5)
    assert (len(seen.letters), seen.complete) == (5, False)
    assert stores.sqs.attributes(dlq).visible == 13


def test_letters_in_somebody_elses_hands_make_a_sample_incomplete(stores: Stores, dlq: str, bury: Bury) -> None:
    bury(1)
    bury(2)
    stores.sqs.receive(dlq, max_messages=1, wait_s=0, visibility_s=60)
    seen = sample(stores, dlq)
    assert (len(seen.letters), seen.complete) == (1, False)


def test_an_empty_dead_letter_queue_is_complete(stores: Stores, dlq: str) -> None:
    assert sample(stores, dlq) == sample(stores, dlq, 1)
    assert sample(stores, dlq).complete


def test_a_live_queue_is_never_received_from(stores: Stores) -> None:
    queue = stores.settings.queues.video
    stores.sqs.send(queue, "{}")
    with pytest.raises(UsageError, match="workers take their messages") as caught:
        sample(stores, queue)
    assert caught.value.code == "not-a-dlq"
    [message] = stores.sqs.receive(queue, wait_s=1)
    assert message.receive_count == 1


def test_a_stranger_with_a_redrive_policy_or_without_a_source_is_refused(stores: Stores, dlq: str) -> None:
    arn = stores.sqs.attributes(dlq).arn
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "3"}}'
    for name, attributes, why in (
        (f"{dlq}-live", {"RedrivePolicy": policy}, "redrive policy of its own"),
        (f"{dlq}-plain", {}, "no queue of the settings"),
    ):
        stores.sqs.create(name, attributes)
        try:
            with pytest.raises(UsageError, match=why):
                sample(stores, name)
        finally:
            stores.sqs.remove(name)


def test_a_target_with_a_name_of_its_own_is_known_by_the_redrive_policy(stores: Stores) -> None:
    queue = stores.settings.queues.video
    stores.sqs.create("graveyard", {})
    arn = stores.sqs.attributes("graveyard").arn
    stores.sqs.remove(queue)
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "3"}}'
    stores.sqs.create(queue, {"RedrivePolicy": policy})
    try:
        assert pair(stores, "video").dlq == "graveyard"
        assert sample(stores, "graveyard").complete
    finally:
        stores.sqs.remove("graveyard")


def test_a_queue_is_meant_by_its_word_its_name_or_its_dead_letter_queue(stores: Stores, dlq: str) -> None:
    queue = stores.settings.queues.video
    assert pair(stores, "video") == pair(stores, queue) == pair(stores, dlq)
    assert (pair(stores, "video").name, pair(stores, "video").dlq) == (queue, dlq)
    assert tuple(words(stores.settings.queues)) == ("video", "ai_lite", "ai_basic", "ai_premium", "messaging")
    with pytest.raises(UsageError, match="no queue videos") as caught:
        pair(stores, "videos")
    assert "ai_premium" in caught.value.remedy_in("en")


def test_a_missing_dead_letter_queue_is_missing_and_not_empty(stores: Stores, dlq: str) -> None:
    stores.sqs.remove(dlq)
    try:
        with pytest.raises(AwsError) as caught:
            sample(stores, dlq)
        assert caught.value.cause == "missing"
    finally:
        stores.sqs.create(dlq, {"MessageRetentionPeriod": "1209600"})


def test_a_body_is_shown_without_phones_and_secrets() -> None:
    body = '{"to": "01012345678",\n "initial_password": "hunter22", "video_id": 5}'
    letter = Letter("m", body, 1, None)
    assert letter.shown == '{"to": "0101****", "initial_password": "****", "video_id": 5}'
    assert "5678" not in repr(letter)


@pytest.mark.parametrize(
    ("body", "where", "matches"),
    [
        ('{"video_id": 111}', {"video_id": "111"}, True),
        ('{"video_id": "111"}', {"video_id": "111"}, True),
        ('{"video_id": 1111}', {"video_id": "111"}, False),
        ('{"video_id": 111, "tenant_id": 1}', {"video_id": "111", "tenant_id": "2"}, False),
        ('{"job_id": "a-b"}', {"job_id": "a-b"}, True),
        ('{"job_id": null}', {"job_id": "a-b"}, False),
        ("no json", {"video_id": "111"}, False),
        ("[111]", {"video_id": "111"}, False),
        ("no json", {}, True),
    ],
)
def test_letters_are_chosen_by_whole_ids(body: str, where: dict[str, str], matches: bool) -> None:
    assert Letter("m", body, 1, None).matches(where) is matches
