"""`queue redrive --native`: SQS moves every letter; started once, watched, stopped, and none lost."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from academyctl.dead_letters import FIELDS, Letter
from academyctl.errors import UsageError
from academyctl.ops.queue_moves import Moving, StartMove, follow, look, refuse_shared
from academyctl.ops.queues import create_queue, queue_specs
from academyctl.repairs import Changed
from academyctl.stores import Stores
from academyctl.stores.queue_admin import Move, QueueAdmin
from academyctl.stores.sqs import Sqs
from tests import forked
from tests.conftest import Emulator, eventually
from tests.queue_commands.conftest import State
from tests.video_commands.conftest import Cli


def bury(stores: Stores, count: int, *, dlq: str = "") -> None:
    name = dlq or f"{stores.settings.queues.video}-dlq"
    for n in range(count):
        body = json.dumps({"video_id": n + 1, "tenant_id": 1})
        stores.sqs_quick.send(name, body, attributes={"academyctl.reason": "no upload"})


def counted(stores: Stores) -> tuple[int, int]:
    """(dead, live) letters."""
    live = stores.settings.queues.video
    return stores.sqs_quick.attributes(f"{live}-dlq").visible, stores.sqs_quick.attributes(live).visible


def received(stores: Stores) -> Counter[int]:
    found: Counter[int] = Counter()
    while got := stores.sqs_quick.receive(stores.settings.queues.video, wait_s=0, visibility_s=60):
        found.update(json.loads(message.body)["video_id"] for message in got)
    return found


def test_a_dry_run_starts_nothing_and_apply_moves_every_letter_once(cli: Cli, made: Stores, state: State) -> None:
    bury(made, 12)
    before = state()
    dry = cli("queue", "redrive", "video", "--native", "-o", "json")
    assert (dry.code, dry.json["applied"], dry.json["move"], state()) == (0, False, None, before)
    done = cli("queue", "redrive", "video", "--native", "--apply", "-o", "json")
    assert (done.code, done.json["changes"]) == (0, dry.json["changes"])
    assert "-video-dlq (12) to " in done.json["changes"][0]["change"]
    assert {name: done.json["move"][name] for name in ("status", "moved", "expected")} == {
        "status": "COMPLETED", "moved": 12, "expected": 12,
    }  # fmt: skip
    assert counted(made) == (0, 12)
    again = cli("queue", "redrive", "video", "--native", "--apply")
    assert (again.code, "is empty; there is nothing to do" in again.out) == (0, True)
    assert received(made) == Counter(range(1, 13))


@pytest.mark.skipif(not forked.POSSIBLE, reason="the command is killed as a forked process")
def test_a_command_killed_while_sqs_moves_loses_nothing_and_the_next_watches_the_rest(
    cli: Cli, made: Stores, env: dict[str, str], tmp_path: Path
) -> None:
    bury(made, 12)
    words = ("queue", "redrive", "video", "--native", "--rate", "12", "--apply")
    said = {**os.environ, **env, "XDG_STATE_HOME": str(tmp_path)}
    process = forked.start(words, env=said, out=tmp_path / "out", err=tmp_path / "err")
    eventually(lambda: counted(made)[1] > 0)
    process.kill()
    process.join()
    dry = cli("queue", "redrive", "video", "--native")
    assert "SQS is moving the letters" in dry.out
    rest = cli("queue", "redrive", "video", "--native", "--apply", "-o", "json")
    assert (rest.code, rest.json["changes"], rest.json["move"]["status"]) == (0, [], "COMPLETED")
    assert counted(made) == (0, 12)
    assert received(made) == Counter(range(1, 13))


def test_a_move_can_be_stopped_and_the_next_redrive_moves_what_is_left(cli: Cli, made: Stores) -> None:
    bury(made, 30)
    started = cli("queue", "redrive", "video", "--native", "--rate", "10", "--no-wait", "--apply", "-o", "json")
    assert started.code == 0
    dry = cli("queue", "redrive", "video", "--native", "--cancel")
    assert (dry.code, "would  stop SQS moving" in dry.out) == (0, True)
    stopped = cli("queue", "redrive", "video", "--native", "--cancel", "--apply", "-o", "json")
    assert (stopped.code, len(stopped.json["changes"])) == (0, 1)
    moving = look(made, f"{made.settings.queues.video}-dlq")
    assert moving is not None
    eventually(lambda: (made.queue_admin.moves(moving.arn) or ())[0].status == "CANCELLED")
    dead, live = counted(made)
    assert (dead + live, dead > 0) == (30, True)
    assert "nothing moves" in cli("queue", "redrive", "video", "--native", "--cancel", "--apply").out
    assert cli("queue", "redrive", "video", "--native", "--apply").code == 0
    assert received(made) == Counter(range(1, 31))


def test_letters_are_chosen_without_native_only(cli: Cli, made: Stores) -> None:
    bury(made, 2)
    for words in (["--native", "--where", "video_id=1"], ["--native", "--limit", "1"], ["--rate", "3"]):
        assert cli("queue", "redrive", "video", *words, "--apply").code == 2, words
    assert counted(made) == (2, 0)
    assert cli("queue", "redrive", "messaging", "--native").code == 3


@pytest.mark.parametrize(
    "where",
    ["1 OR 1=1", "*", "[1]", "1;DROP", "9" * 5000, "\x1b[2J", "None", "True", "1.0", "01", " 1", "{1}", "%"],
    ids=range(13),
)  # fmt: skip
def test_a_hostile_where_matches_nothing(where: str) -> None:
    bodies = ('{"video_id": 1, "tenant_id": true}', '{"video_id": null, "tenant_id": [1]}', "[1]", "1", "{" * 5000)
    for letter in (Letter("id", body, 1, None) for body in bodies):
        assert not any(letter.matches({field: where}) for field in FIELDS)


def test_a_hostile_where_sends_nothing(cli: Cli, made: Stores) -> None:
    bury(made, 1)
    ran = cli("queue", "redrive", "video", "--where", "video_id=1 OR 1=1", "--apply", "-o", "json")
    assert (ran.code, ran.json["letters"], counted(made)) == (0, [], (1, 0))


def test_a_dead_letter_queue_of_two_queues_is_not_moved_to_one_of_them(cli: Cli, made: Stores, prefix: str) -> None:
    dlq = f"{prefix}-video-dlq"
    policy = (made.queue_admin.raw(f"{prefix}-video") or {})["RedrivePolicy"]
    made.queue_admin.create(f"{prefix}-stranger", {"RedrivePolicy": policy})
    bury(made, 1)
    refused = cli("queue", "redrive", "video", "--native", "--apply")
    assert (refused.code, f"{prefix}-stranger" in refused.err) == (2, True)
    with pytest.raises(UsageError, match="stranger"):
        StartMove("video", dlq, f"{prefix}-video", 1).do(made)
    assert counted(made) == (1, 0)
    made.queue_admin.set(f"{prefix}-video", {"RedrivePolicy": ""})
    made.queue_admin.set(f"{prefix}-stranger", {"RedrivePolicy": ""})
    with pytest.raises(UsageError, match="no redrive policy names it"):
        refuse_shared(made, dlq, f"{prefix}-video")


def test_letters_that_sqs_moved_to_a_shared_dead_letter_queue_go_back_each_to_its_own(
    cli: Cli, stores: Stores, prefix: str
) -> None:
    cli.set(VIDEO_SQS_DLQ_NAME=f"{prefix}-dead", MESSAGING_SQS_DLQ_NAME=f"{prefix}-dead")
    assert cli("queue", "create", "video", "messaging", "--apply").code == 0
    sqs = stores.sqs_quick
    for name in (f"{prefix}-video", f"{prefix}-messaging"):
        sqs.send(name, json.dumps({"video_id": 1, "tenant_id": 1, "from": name}))
        for _ in range(3):
            assert sqs.receive(name, wait_s=0, visibility_s=0)
        assert sqs.receive(name, wait_s=0) == []
    assert sqs.attributes(f"{prefix}-dead").visible == 2
    done = cli("queue", "redrive", "messaging", "--apply", "-o", "json")
    assert (done.code, len(done.json["letters"])) == (0, 1)
    [message] = sqs.receive(f"{prefix}-messaging", wait_s=1)
    assert json.loads(message.body)["from"] == f"{prefix}-messaging"
    assert (sqs.attributes(f"{prefix}-video").visible, sqs.attributes(f"{prefix}-dead").visible) == (0, 1)


def test_a_second_start_finds_the_first(made: Stores, prefix: str) -> None:
    bury(made, 5)
    start = StartMove("video", f"{prefix}-video-dlq", f"{prefix}-video", 5, rate=5)
    start.do(made)
    with pytest.raises(Changed, match="another task"):
        start.do(made)
    moving = look(made, f"{prefix}-video-dlq")
    assert moving is not None
    ended = follow(made.queue_admin, moving, pause=lambda _s: None)
    assert ended is not None
    assert ended.status == "COMPLETED"


def test_the_analysis_pipelines_letters_go_back_too(cli: Cli, stores: Stores, prefix: str) -> None:
    assert cli("queue", "create", "analysis", "--apply").code == 0
    stores.sqs_quick.send(f"{prefix}-analysis-dlq", '{"bucket": "my-bucket", "key": "a.mp4"}')
    assert cli("queue", "peek", "analysis", "--dlq", "-o", "json").json["letters"]
    assert cli("queue", "redrive", "analysis", "--apply").code == 0
    assert stores.sqs_quick.attributes(f"{prefix}-analysis").visible == 1
    create_queue(stores.sqs_quick, queue_specs(stores.settings.queues)[0])
    assert cli("queue", "list", "-o", "json").code == 1


def test_an_sqs_without_move_tasks_gets_its_letters_one_by_one(
    cli: Cli, moto_emulator: Emulator, stores: Stores
) -> None:
    cli.set(AWS_ENDPOINT_URL=moto_emulator.endpoint, AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
    assert cli("queue", "create", "video", "--apply").code == 0
    sqs, queue = Sqs(moto_emulator.clients), stores.settings.queues.video
    assert QueueAdmin(moto_emulator.clients).moves(sqs.attributes(f"{queue}-dlq").arn) is None
    sqs.send(f"{queue}-dlq", '{"video_id": 1, "tenant_id": 1}')
    done = cli("queue", "redrive", "video", "--native", "--apply")
    assert (done.code, "one by one" in done.err) == (0, True)
    assert (sqs.attributes(f"{queue}-dlq").visible, sqs.attributes(queue).visible) == (0, 1)
    assert cli("queue", "redrive", "video", "--native", "--cancel").code == 2


class Listing(QueueAdmin):
    """A move task as it is told from one look to the next."""

    def __init__(self, *told: tuple[Move, ...]) -> None:
        self.left = list(told)

    def moves(self, source_arn: str) -> tuple[Move, ...] | None:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


def test_a_task_that_is_listed_late_is_waited_for_and_one_that_never_is_ends_the_watching() -> None:
    from datetime import UTC, datetime

    old = Move("COMPLETED", "", "", 9, 9, None, "", datetime(2026, 1, 1, tzinfo=UTC))
    new = Move("FAILED", "", "", 1, 3, None, "AccessDenied", datetime(2026, 1, 2, tzinfo=UTC))
    pauses: list[float] = []
    late = Listing((old,), (old,), (new, old))
    assert follow(late, Moving("arn", 3, (old,)), pause=pauses.append) == new
    assert follow(Listing((old,)), Moving("arn", 3, (old,)), pause=pauses.append) is None
    assert max(pauses) == 2.0
