"""`academyctl queue`: what is shown, what is refused, and that a dry run changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from academyctl.stores import Stores
from tests.dead_letters.conftest import Bury
from tests.video_commands.conftest import Cli


def test_show_tells_depths_settings_and_dead_letters_of_every_queue(cli: Cli, stores: Stores, bury: Bury) -> None:
    queue = stores.settings.queues.video
    bury(1)
    stores.sqs.send(queue, "{}")
    ran = cli("queue", "show", "-o", "json")
    assert ran.code == 0
    words = [one["word"] for one in ran.json["queues"]]
    assert words == ["video", "ai_lite", "ai_basic", "ai_premium", "messaging"]
    video = ran.json["queues"][0]
    assert (video["name"], video["queue"]["visible"], video["dead"]) == (queue, 1, 1)
    assert (video["queue"]["visibility_s"], video["queue"]["max_receive"]) == (300, 3)
    table = cli("queue", "show", queue)
    [head, line] = table.out.splitlines()
    assert head.split()[:3] == ["queue", "name", "waiting"]
    assert line.split()[:6] == ["video", queue, "1", "0", "0", "1"]


def test_show_names_a_queue_that_does_not_exist(cli: Cli, stores: Stores) -> None:
    cli.set(MESSAGING_SQS_QUEUE_NAME="no-such-queue")
    ran = cli("queue", "show", "messaging", "video", "-o", "json")
    assert ran.code == 1
    video, messaging = ran.json["queues"]
    assert (video["errors"], messaging["queue"]) == ([], None)
    assert "no-such-queue" in messaging["errors"][0]["what"]
    assert cli("queue", "show", "nothing").code == 2


def test_show_cannot_tell_when_sqs_does_not_answer(cli: Cli) -> None:
    cli.set(AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert cli("queue", "show", "video").code == 3


def test_peek_shows_letters_masked_and_leaves_them(cli: Cli, stores: Stores, dlq: str, bury: Bury) -> None:
    bury(0, reason="refused 010-1234-5678", body={"to": "01012345678", "job_id": "a", "initial_password": "hunter22"})
    bury(112)
    for fmt in ("table", "json"):
        ran = cli("queue", "peek", "video", "--dlq", "-o", fmt)
        assert ran.code == 0
        assert "0101****" in ran.out
        assert not {"01012345678", "010-1234-5678", "hunter22"} & set(ran.out.replace('"', " ").split())
    assert [one["video_id"] for one in ran.json["letters"]] == [None, 112]
    assert stores.sqs.attributes(dlq).visible == 2
    chosen = cli("queue", "peek", dlq, "--dlq", "--where", "video_id=112", "-o", "json").json
    assert ([one["video_id"] for one in chosen["letters"]], chosen["complete"]) == ([112], True)


def test_peek_refuses_a_live_queue(cli: Cli) -> None:
    ran = cli("queue", "peek", "video")
    assert ran.code == 2
    assert "academyctl queue peek video --dlq" in ran.err


def test_a_redrive_of_nothing_says_so(cli: Cli, dlq: str) -> None:
    ran = cli("queue", "redrive", "video", "--apply")
    assert (ran.code, ran.out) == (0, f"{dlq} has no dead letters; there is nothing to do\n")


@pytest.mark.parametrize("where", ["video=1", "video_id", "video_id=", "to=010"])
def test_where_takes_ids_only(cli: Cli, where: str) -> None:
    ran = cli("queue", "redrive", "video", "--where", where)
    assert ran.code == 2
    assert "video_id, job_id, tenant_id" in ran.err


def test_a_dry_run_lists_exactly_what_apply_sends_and_changes_nothing(
    cli: Cli, stores: Stores, dlq: str, bury: Bury, tmp_path: Path
) -> None:
    live = stores.settings.queues.video
    for n in (111, 112, 111):
        bury(n)
    dry = cli("queue", "redrive", "video", "--where", "video_id=111", "-o", "json")
    assert (dry.code, dry.json["applied"]) == (0, False)
    assert (stores.sqs.attributes(dlq).visible, stores.sqs.attributes(live).visible) == (3, 0)
    assert not list((tmp_path / "state").rglob("audit.jsonl"))
    done = cli("queue", "redrive", "video", "--where", "video_id=111", "--apply", "-o", "json")
    assert done.code == 0
    assert [one["change"] for one in done.json["letters"]] == [one["change"] for one in dry.json["letters"]]
    assert all(one["done"] for one in done.json["letters"])
    assert (stores.sqs.attributes(dlq).visible, stores.sqs.attributes(live).visible) == (1, 2)
    [audit] = (tmp_path / "state").rglob("audit.jsonl")
    lines = [json.loads(line) for line in audit.read_text(encoding="utf-8").splitlines()]
    assert [line["change"] for line in lines] == [one["change"] for one in dry.json["letters"]]
    again = cli("queue", "redrive", "video", "--where", "video_id=111", "--apply")
    assert again.code == 0
    assert again.out.startswith("0 of the 1 letters")


def test_limit_redrives_the_oldest_and_production_needs_a_yes(cli: Cli, stores: Stores, dlq: str, bury: Bury) -> None:
    for n in (1, 2, 3):
        bury(n)
    cli.set(ACADEMYCTL_PRODUCTION="true")
    refused = cli("queue", "redrive", "video", "--apply")
    assert (refused.code, stores.sqs.attributes(dlq).visible) == (2, 3)
    ran = cli("--yes", "queue", "redrive", "video", "--limit", "2", "--apply")
    assert ran.code == 0
    assert [line.split("video_id=")[1][0] for line in ran.out.splitlines() if line.startswith("done")] == ["1", "2"]
    assert "run it again for the rest" in ran.out


def test_a_live_queue_that_is_gone_stops_a_redrive_with_every_letter_still_there(
    cli: Cli, stores: Stores, dlq: str, bury: Bury
) -> None:
    cli.set(VIDEO_SQS_DLQ_NAME=dlq)
    bury(1)
    live = stores.settings.queues.video
    stores.sqs.remove(live)
    ran = cli("queue", "redrive", "video", "--apply", "-o", "json")
    assert ran.code == 3
    assert [one["done"] for one in ran.json["letters"]] == [False]
    assert ran.json["error"]
    assert stores.sqs.attributes(dlq).visible == 1
    stores.sqs.create(live, {"VisibilityTimeout": "300"})
