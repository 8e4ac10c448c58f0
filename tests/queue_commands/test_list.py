"""`queue list` and `show`: every queue of the settings beside its dead letters, its age, and what else there is."""

from __future__ import annotations

from academyctl.local import resources
from academyctl.stores import Stores
from tests.queue_commands.conftest import WORDS, State
from tests.video_commands.conftest import Cli


def test_the_list_tells_depth_dead_letters_and_age_and_changes_nothing(
    cli: Cli, stores: Stores, state: State, prefix: str
) -> None:
    assert cli("queue", "create", "--apply").code == 0
    sqs, queue = stores.sqs_quick, f"{prefix}-video"
    for delay_s in (0, 0, 900):
        sqs.send(queue, "{}", delay_s=delay_s)
    sqs.send(f"{queue}-dlq", "{}")
    dimensions = [{"Name": "QueueName", "Value": queue}]
    data = {"MetricName": "ApproximateAgeOfOldestMessage", "Dimensions": dimensions, "Value": 7300}
    stores.fleet_clients("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[data])
    before = state()
    ran = cli("queue", "list", "-o", "json")
    assert (ran.code, [one["word"] for one in ran.json["queues"]]) == (0, list(WORDS))
    assert ran.json["queues"][0] == {
        "word": "video", "name": queue, "exists": True, "waiting": 2, "in_flight": 0, "delayed": 1,
        "dlq_name": f"{queue}-dlq", "dead": 1, "oldest_s": 7300,
    }  # fmt: skip
    assert ran.json["queues"][1]["oldest_s"] is None
    told = cli("queue", "list")
    table = told.out.splitlines()
    assert table[0] == f"{len(WORDS)} queues: 3 waiting, 0 in flight, 1 dead letters"
    assert table[3].split() == ["video", queue, "2", "0", "1", "1", "2", "h"]
    assert "academyctl queue peek video --dlq" in told.err
    assert state() == before


def test_what_does_not_exist_is_told_and_others_queues_are_listed_when_asked(
    cli: Cli, made: Stores, prefix: str
) -> None:
    made.queue_admin.create(f"{prefix}-strange", {})
    made.queue_admin.delete(f"{prefix}-video-dlq")
    ran = cli("queue", "list", "--all", "-o", "json")
    video, lite = ran.json["queues"][:2]
    assert (ran.code, video["exists"], video["dead"], lite["exists"]) == (1, True, None, False)
    names = [one["name"] for one in ran.json["others"]]
    assert (f"{prefix}-strange" in names, f"{prefix}-video" in names) == (True, False)
    table = cli("queue", "list")
    assert f"{prefix}-video-dlq (does not exist)" in table.out
    assert f"{prefix}-messaging (does not exist)" in table.out
    assert "there is no queue" not in table.out


def test_sqs_away_is_not_told_as_empty_queues(cli: Cli) -> None:
    cli.set(AWS_ENDPOINT_URL="http://127.0.0.1:1")
    ran = cli("queue", "list", "-o", "json")
    assert ran.code == 3
    assert {one["waiting"] for one in ran.json["queues"]} == {None}
    assert ran.json["ages_unknown"]
    told = cli("queue", "list")
    assert (told.code, told.err.count("sqs:GetQueueUrl failed")) == (3, 1), "one account away is one error"
    assert f"the same of {len(WORDS) - 1} more" in told.err


def test_without_cloudwatch_permission_the_queues_are_listed_and_the_action_is_named(
    cli: Cli, made: Stores, prefix: str
) -> None:
    key, secret = resources.create_user(made.aws_clients(), prefix, "sqs:*")
    cli.set(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
    ran = cli("queue", "list", "-o", "json").json
    assert ran["queues"][0]["waiting"] == 0
    assert "cloudwatch:GetMetricData" in ran["ages_unknown"]


def test_the_pipelines_queue_is_shown_when_it_is_named(cli: Cli, stores: Stores, prefix: str) -> None:
    assert cli("queue", "create", "analysis", "--apply").code == 0
    ran = cli("queue", "show", "analysis", "-o", "json")
    assert (ran.code, ran.json["queues"][0]["name"], ran.json["queues"][0]["differs"]) == (0, f"{prefix}-analysis", [])


def test_show_says_in_korean_too_what_differs(cli: Cli, made: Stores, prefix: str) -> None:
    made.queue_admin.set(f"{prefix}-video-dlq", {"MessageRetentionPeriod": "345600"})
    cli.set(ACADEMYCTL_LANG="ko")
    ran = cli("queue", "show", "video")
    assert (ran.code, "데드레터" in ran.out) == (0, True)
    assert f"{prefix}-video-dlq MessageRetentionPeriod 345600 (1209600): academyctl queue tune video" in ran.err
