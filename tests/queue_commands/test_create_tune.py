"""`queue create`, `tune`, `delete`: a dry run changes nothing, apply does the plan, again does nothing, undo undoes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from academyctl.cli._queue_changes import setting
from academyctl.errors import AwsError, UsageError
from academyctl.ops.queues import looked, making, tuning
from academyctl.repairs import Changed
from academyctl.stores import Stores
from tests.queue_commands.conftest import WORDS, State
from tests.video_commands.conftest import Cli


def steady(state: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Without the two times of SQS's own, which every change of an attribute moves."""
    moved = ("CreatedTimestamp", "LastModifiedTimestamp")
    return {name: {key: value for key, value in raw.items() if key not in moved} for name, raw in state.items()}


def test_create_makes_every_queue_as_the_scripts_do_and_only_when_told(
    cli: Cli, stores: Stores, state: State, prefix: str, tmp_path: Path
) -> None:
    dry = cli("queue", "create", "-o", "json")
    assert (dry.code, dry.json["applied"], state()) == (0, False, {})
    done = cli("queue", "create", "--apply", "-o", "json")
    assert (done.code, done.json["applied"]) == (0, True)
    assert done.json["changes"] == dry.json["changes"]
    made = state()
    assert sorted(made) == sorted(
        f"{prefix}-{word.replace('_', '-')}{end}" for word in WORDS for end in ("", "-dlq")
    )  # fmt: skip
    video, dead = made[f"{prefix}-video"], made[f"{prefix}-video-dlq"]
    told = ("VisibilityTimeout", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "DelaySeconds")
    assert [video[name] for name in told] == ["300", "1209600", "20", "0"]
    assert json.loads(video["RedrivePolicy"]) == {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": "3"}
    assert (dead["MessageRetentionPeriod"], dead["VisibilityTimeout"]) == ("1209600", "30")
    again = cli("queue", "create", "--apply")
    assert (again.code, again.out) == (0, "every queue is there already; there is nothing to do\n")
    assert state() == made
    [audit] = (tmp_path / "state").rglob("audit.jsonl")
    assert len(audit.read_text(encoding="utf-8").splitlines()) == 10
    for change in done.json["changes"][:2]:
        assert cli(*shlex.split(change["undo"])[1:]).code == 0
    assert state() == {name: raw for name, raw in made.items() if "-video" not in name}


def test_a_create_that_ended_in_the_middle_is_completed_by_the_next(cli: Cli, stores: Stores, state: State) -> None:
    for repair in making(looked(stores.settings, stores.queue_admin))[:3]:
        repair.do(stores)
    before = state()
    assert cli("queue", "create", "--apply").code == 0
    after = state()
    assert (len(before), len(after)) == (3, 10)
    assert before.items() <= after.items()
    assert tuning(looked(stores.settings, stores.queue_admin)) == ()


def test_create_leaves_a_queue_with_other_values_to_tune(cli: Cli, made: Stores, state: State, prefix: str) -> None:
    made.queue_admin.set(f"{prefix}-video", {"VisibilityTimeout": "21600"})
    before = state()
    told = cli("queue", "create", "video", "--apply")
    assert (told.code, state()) == (0, before)
    assert "academyctl queue tune video" in told.out


def test_tune_mends_exactly_what_its_plan_says_and_its_undo_brings_every_byte_back(
    cli: Cli, made: Stores, state: State, prefix: str
) -> None:
    admin, queue, dlq = made.queue_admin, f"{prefix}-video", f"{prefix}-video-dlq"
    contract = steady(state())
    # As somebody's own script left it: another spelling of the policy, more receives.
    odd = json.dumps({"maxReceiveCount": 9, "deadLetterTargetArn": contract[dlq]["QueueArn"]}, separators=(",", ":"))
    admin.set(queue, {"VisibilityTimeout": "21600", "DelaySeconds": "7", "RedrivePolicy": odd})
    admin.set(dlq, {"MessageRetentionPeriod": "345600"})
    before = state()
    dry = cli("queue", "tune", "video", "-o", "json")
    assert (dry.code, state()) == (0, before)
    assert "VisibilityTimeout 21600 -> 300" in dry.json["changes"][0]["change"]
    done = cli("queue", "tune", "video", "--apply", "-o", "json")
    assert (done.code, done.json["changes"]) == (0, dry.json["changes"])
    assert steady(state()) == contract
    mended = state()
    again = cli("queue", "tune", "video", "--apply")
    assert (again.code, "nothing to do" in again.out, state()) == (0, True, mended)
    for change in reversed(done.json["changes"]):
        assert cli(*shlex.split(change["undo"])[1:]).code == 0
    assert steady(state()) == steady(before)


def test_a_tune_that_ended_in_the_middle_is_completed_by_the_next(
    cli: Cli, made: Stores, state: State, prefix: str
) -> None:
    contract = steady(state())
    made.queue_admin.set(f"{prefix}-video", {"VisibilityTimeout": "1", "RedrivePolicy": ""})
    made.queue_admin.set(f"{prefix}-video-dlq", {"MessageRetentionPeriod": "60"})
    first, second = tuning(looked(made.settings, made.queue_admin, ["video"]))
    first.do(made)
    left = cli("queue", "tune", "video", "--apply", "-o", "json").json["changes"]
    assert [one["change"] for one in left] == [str(second)]
    assert steady(state()) == contract


def test_a_queue_that_somebody_else_changed_meanwhile_is_left_alone(made: Stores, state: State, prefix: str) -> None:
    made.queue_admin.set(f"{prefix}-video", {"VisibilityTimeout": "600"})
    [repair] = tuning(looked(made.settings, made.queue_admin, ["video"]))
    made.queue_admin.set(f"{prefix}-video", {"VisibilityTimeout": "900"})
    before = state()
    with pytest.raises(Changed, match="is 900, it was 600"):
        repair.do(made)
    assert state() == before
    [dead, _live] = making(looked(made.settings, made.queue_admin, ["messaging"]))
    made.queue_admin.create(f"{prefix}-messaging-dlq", {})
    with pytest.raises(Changed, match="meanwhile"):
        dead.do(made)


def test_a_dead_letter_queue_of_two_queues_is_made_once_and_told(cli: Cli, state: State, prefix: str) -> None:
    cli.set(AI_SQS_DLQ_NAME_LITE=f"{prefix}-dead", AI_SQS_DLQ_NAME_BASIC=f"{prefix}-dead")
    done = cli("queue", "create", "ai_lite", "ai_basic", "--apply")
    assert (done.code, sorted(state())) == (0, [f"{prefix}-ai-basic", f"{prefix}-ai-lite", f"{prefix}-dead"])
    assert f"{prefix}-dead takes the dead letters of {prefix}-ai-lite, {prefix}-ai-basic" in done.out
    assert "nothing to do" in cli("queue", "tune", "ai_lite", "ai_basic", "--apply").out


def test_without_a_name_in_the_settings_the_redrive_policys_own_dead_letter_queue_counts(
    cli: Cli, made: Stores, state: State, prefix: str
) -> None:
    arn = made.queue_admin.create(f"{prefix}-graveyard", {"MessageRetentionPeriod": "1209600"})
    other = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
    made.queue_admin.set(f"{prefix}-video", {"RedrivePolicy": other})
    before = state()
    assert "nothing to do" in cli("queue", "tune", "video", "--apply").out
    assert "there already" in cli("queue", "create", "video", "--apply").out
    assert state() == before
    # Named in the settings, that one is meant, and the policy is drift.
    cli.set(VIDEO_SQS_DLQ_NAME=f"{prefix}-video-dlq")
    [change] = cli("queue", "tune", "video", "-o", "json").json["changes"]
    assert f"{prefix}-graveyard after 3 receives -> {prefix}-video-dlq after 3 receives" in change["change"]


def test_a_fifo_name_and_a_live_queue_for_dead_letters_are_refused_before_sqs_is_asked(cli: Cli, prefix: str) -> None:
    cli.set(AWS_ENDPOINT_URL="http://127.0.0.1:1", VIDEO_SQS_QUEUE_NAME="jobs.fifo")
    for words in (["create"], ["send", "video", "--body", "{}"]):
        refused = cli("queue", *words, "--apply")
        assert (refused.code, "jobs.fifo is a FIFO queue" in refused.err) == (2, True), refused.err
    cli.set(VIDEO_SQS_QUEUE_NAME="jobs", VIDEO_SQS_DLQ_NAME=f"{prefix}-messaging")
    for words in (["create"], ["purge", "video", "--dlq"]):
        refused = cli("queue", *words, "--apply")
        assert (refused.code, "workers would take what was given up" in refused.err) == (2, True), refused.err


def test_a_queue_of_other_values_is_not_made_over_and_says_what_to_do(made: Stores, state: State, prefix: str) -> None:
    before = state()
    with pytest.raises(AwsError) as refused:
        made.queue_admin.create(f"{prefix}-video", {"VisibilityTimeout": "1"})
    assert (refused.value.cause, "queue tune" in refused.value.remedy_in("en"), state()) == ("refused", True, before)


@pytest.mark.parametrize(
    "value",
    ["VisibilityTimeout=43201", "VisibilityTimeout=-1", "VisibilityTimeout=٣", "VisibilityTimeout=", "Policy={}",
     "DelaySeconds", "RedrivePolicy={}", "RedrivePolicy=[1]", "MessageRetentionPeriod=59", ""],
)  # fmt: skip
def test_a_value_that_sqs_would_not_take_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="no value of a queue"):
        setting(value)


def test_one_value_can_be_set_on_one_queue(cli: Cli, made: Stores, state: State, prefix: str) -> None:
    before = state()
    assert cli("queue", "tune", "--set", "VisibilityTimeout=1", "--apply").code == 2
    assert cli("queue", "tune", "video", "--dlq").code == 2
    assert state() == before
    done = cli("queue", "tune", "video", "--set", "VisibilityTimeout=21600", "--apply", "-o", "json")
    assert (done.code, len(done.json["remarks"])) == (0, 1)
    assert state()[f"{prefix}-video"]["VisibilityTimeout"] == "21600"
    shown = cli("queue", "show", "video", "-o", "json").json["queues"]
    assert shown[0]["differs"] == ["VisibilityTimeout 21600 (300)"]


def test_a_queue_is_deleted_only_while_it_is_empty(cli: Cli, made: Stores, state: State, prefix: str) -> None:
    made.sqs_quick.send(f"{prefix}-video", "{}", delay_s=900)
    before = state()
    refused = cli("queue", "delete", "video", "--apply")
    assert (refused.code, "(1 in it)" in refused.err, state().keys()) == (1, True, before.keys())
    assert cli("queue", "delete", "video", "--dlq", "--apply").code == 0
    assert list(state()) == [f"{prefix}-video"]
    assert "nothing to do" in cli("queue", "delete", "video", "--dlq", "--apply").out
    missing = cli("queue", "tune", "messaging")
    assert (missing.code, "queue create messaging" in missing.err) == (1, True)


def test_a_dead_letter_queue_that_is_gone_is_made_anew_by_create_and_tune_says_so(
    cli: Cli, made: Stores, state: State, prefix: str
) -> None:
    before = steady(state())
    made.queue_admin.delete(f"{prefix}-video-dlq")
    tune = cli("queue", "tune", "video", "--apply")
    assert (tune.code, f"there is no queue {prefix}-video-dlq" in tune.err) == (1, True)
    assert "academyctl queue create video" in tune.err
    assert cli("queue", "create", "video", "--apply").code == 0
    assert steady(state()) == before


def test_production_is_asked_about_first(cli: Cli, made: Stores, state: State, prefix: str) -> None:
    cli.set(ACADEMYCTL_PRODUCTION="true")
    before = state()
    for words in (["create"], ["tune", "video", "--set", "DelaySeconds=1"], ["delete", "video"]):
        assert cli("queue", *words, "--apply").code == 2
    assert state() == before
    assert cli("--yes", "queue", "delete", "video", "--apply").code == 0
