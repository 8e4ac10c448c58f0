"""What a queue should be, what differs on it, and which names cannot be: judged without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from academyctl.errors import AcademyError, ConfigError, UsageError
from academyctl.ops.queue_repairs import MakeQueue, SetAttributes
from academyctl.ops.queues import (
    QueueSpec,
    Seen,
    analysis_spec,
    chosen,
    dlq_drift,
    drift,
    find,
    making,
    policy,
    queue_specs,
    tuning,
)
from academyctl.settings import Settings, load

ARN = "arn:aws:sqs:ap-northeast-2:1:"
POLICY = policy(f"{ARN}jobs-dlq", 3)
FIVE, OTHER = policy(f"{ARN}jobs-dlq", 5), policy(f"{ARN}other", 3)
SPEC = QueueSpec("jobs", "jobs-dlq", 300, "video")
DEAD = {"QueueArn": f"{ARN}jobs-dlq", "MessageRetentionPeriod": "1209600"}
LIVE = {
    "QueueArn": f"{ARN}jobs",
    "VisibilityTimeout": "300",
    "MessageRetentionPeriod": "1209600",
    "ReceiveMessageWaitTimeSeconds": "20",
    "DelaySeconds": "0",
    "RedrivePolicy": POLICY,
}


def settings(**env: str) -> Settings:
    return load(env).settings


def test_the_queues_are_those_of_the_create_scripts() -> None:
    told = [(one.word, one.name, one.dlq, one.visibility_s, one.max_receive) for one in queue_specs(settings().queues)]
    assert told == [
        ("video", "academy-video-jobs", "academy-video-jobs-dlq", 300, 3),
        ("ai_lite", "academy-ai-jobs-lite", "academy-ai-jobs-lite-dlq", 3600, 3),
        ("ai_basic", "academy-ai-jobs-basic", "academy-ai-jobs-basic-dlq", 3600, 3),
        ("ai_premium", "academy-ai-jobs-premium", "academy-ai-jobs-premium-dlq", 3600, 3),
        ("messaging", "academy-messaging-jobs", "academy-messaging-jobs-dlq", 60, 3),
    ]
    assert all(one.retention_s == 1209600 for one in queue_specs(settings().queues))
    assert analysis_spec(settings()).attributes() == {
        "VisibilityTimeout": "900", "MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "20",
    }  # fmt: skip


def test_names_come_from_the_settings() -> None:
    own = settings(VIDEO_SQS_QUEUE_NAME="mine", VIDEO_SQS_DLQ_NAME="graveyard", ANALYSIS_SQS_QUEUE_NAME="looks")
    assert find(own, "video")[0].dlq == "graveyard"
    assert [find(own, name)[0].name for name in ("video", "mine", "graveyard", "looks-dlq")] == ["mine"] * 3 + ["looks"]
    assert [find(own, name)[1] for name in ("video", "mine", "graveyard", "looks-dlq")] == [False, False, True, True]
    assert [one.word for one in chosen(own, ["mine", "video", "analysis"])] == ["video", "analysis"]
    with pytest.raises(UsageError, match="no queue academy-video-jobs in the settings"):
        find(own, "academy-video-jobs")


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"VIDEO_SQS_QUEUE_NAME": "jobs.fifo"}, "jobs.fifo is a FIFO queue"),
        ({"VIDEO_SQS_DLQ_NAME": "dead.fifo"}, "dead.fifo is a FIFO queue"),
        ({"VIDEO_SQS_QUEUE_NAME": "a queue"}, "cannot be a queue's name"),
        ({"VIDEO_SQS_QUEUE_NAME": "x" * 77}, "cannot be a queue's name"),
        ({"VIDEO_SQS_DLQ_NAME": "academy-messaging-jobs"}, "workers would take what was given up"),
        ({"VIDEO_SQS_DLQ_NAME": "academy-video-jobs"}, "workers would take what was given up"),
    ],
)
def test_a_name_that_cannot_be_is_refused_clearly(env: Mapping[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        chosen(settings(**env))
    assert refused.value.remedy


def test_a_fifo_queue_asked_for_by_name_is_refused_as_one() -> None:
    with pytest.raises(AcademyError, match="FIFO") as refused:
        find(settings(), "orders.fifo")
    assert refused.value.code == "fifo"


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({}, {}),
        ({"VisibilityTimeout": "21600"}, {"VisibilityTimeout": ("21600", "300")}),
        ({"MessageRetentionPeriod": "345600"}, {"MessageRetentionPeriod": ("345600", "1209600")}),
        ({"ReceiveMessageWaitTimeSeconds": "0"}, {"ReceiveMessageWaitTimeSeconds": ("0", "20")}),
        ({"DelaySeconds": "5"}, {"DelaySeconds": ("5", "0")}),
        ({"MaximumMessageSize": "262144", "Policy": "{}", "KmsMasterKeyId": "k"}, {}),
        ({"RedrivePolicy": FIVE}, {"RedrivePolicy": (FIVE, POLICY)}),
        ({"RedrivePolicy": OTHER}, {"RedrivePolicy": (OTHER, POLICY)}),
        ({"RedrivePolicy": ""}, {"RedrivePolicy": ("", POLICY)}),
        ({"RedrivePolicy": "nonsense"}, {"RedrivePolicy": ("nonsense", POLICY)}),
        # The same said otherwise is no drift.
        ({"RedrivePolicy": json.dumps({"maxReceiveCount": 3, "deadLetterTargetArn": f"{ARN}jobs-dlq"})}, {}),
    ],
)  # fmt: skip
def test_drift_names_what_differs_and_nothing_else(
    changed: Mapping[str, str], differs: Mapping[str, tuple[str, str]]
) -> None:
    assert drift(Seen(SPEC, {**LIVE, **changed}, DEAD)) == differs


def test_a_dead_letter_queue_must_keep_letters_as_long_as_it_can() -> None:
    short = {**DEAD, "MessageRetentionPeriod": "345600"}
    assert dlq_drift(Seen(SPEC, LIVE, short)) == {"MessageRetentionPeriod": ("345600", "1209600")}
    assert dlq_drift(Seen(SPEC, LIVE, DEAD)) == {}


def test_the_dead_letter_queue_is_made_before_the_queue_that_needs_it() -> None:
    [dead, live] = making([Seen(SPEC, None, None)])
    assert isinstance(dead, MakeQueue)
    assert (dead.name, dead.dlq) == ("jobs-dlq", "")
    assert str(live).startswith("create queue jobs (VisibilityTimeout=300,")
    assert str(live).endswith("to jobs-dlq after 3 receives)")
    assert making([Seen(SPEC, LIVE, DEAD)]) == ()


def test_a_shared_dead_letter_queue_is_made_and_mended_once() -> None:
    other = QueueSpec("more", "jobs-dlq", 60, "messaging")
    names = [
        one.name for one in making([Seen(SPEC, None, None), Seen(other, None, None)]) if isinstance(one, MakeQueue)
    ]
    assert names == ["jobs-dlq", "jobs", "more"]
    short = {**DEAD, "MessageRetentionPeriod": "60"}
    changes = tuning([Seen(SPEC, LIVE, short), Seen(other, {**LIVE, "VisibilityTimeout": "60"}, short)])
    assert [one.name for one in changes if isinstance(one, SetAttributes)] == ["jobs-dlq"]


def test_the_undo_of_a_change_sets_the_very_values_back() -> None:
    odd = '{"deadLetterTargetArn":"' + ARN + 'other","maxReceiveCount":7}'
    [change] = tuning([Seen(SPEC, {**LIVE, "VisibilityTimeout": "9", "RedrivePolicy": odd}, DEAD)], ("--profile", "p"))
    assert change.undo == (
        f"academyctl --profile p queue tune video --set VisibilityTimeout=9 --set 'RedrivePolicy={odd}' --apply"
    )
    assert "VisibilityTimeout 9 -> 300, RedrivePolicy other after 7 receives -> jobs-dlq after 3 receives" in str(
        change
    )
