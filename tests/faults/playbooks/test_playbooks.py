"""Every playbook on the real stack: to its end when all is well, and to the right advice when its fault is there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import playbooks
from academyctl.contract import keys
from academyctl.contract.messages import encode_body
from academyctl.local import sample
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from playbooks._run import Done, Ended, Result, exit_code, steps, stopped, values
from tests.fleet import OwnFleet
from tests.platform_rows import make_ai_job
from tests.stuck import scene
from tests.video_commands.conftest import Cli

NAMES = tuple(playbooks.names())
Given = Mapping[str, str]
Seen = dict[tuple[str, ...], Ended]


def run(
    cli: Cli,
    name: str,
    given: Given | None = None,
    *,
    seen: Seen | None = None,
    from_step: int = 1,
    apply: bool = False,
) -> list[Done]:
    """A run in this process; `seen` are results that need not be asked for again."""
    known = {} if seen is None else seen

    def execute(words: Sequence[str]) -> Ended:
        key = tuple(words)
        if key not in known:
            ran = cli(*words)
            known[key] = Ended(ran.code, ran.out, ran.err)
        return known[key]

    book = playbooks.load(name, "en")
    wanted = {variable.name for variable in book.variables}
    filled = values(book, {key: value for key, value in (given or {}).items() if key in wanted})
    return list(steps(book, filled, execute, from_step=from_step, apply=lambda _plan: apply))


def told(done: Sequence[Done]) -> list[tuple[str, int, str, str]]:
    """Every step that is not as it should be, for the message of a failed test."""
    return [
        (one.step.id, one.ended.code, one.why, one.ended.out[:2000] + one.ended.err[:500]) for one in done if one.why
    ]


def must_stop(done: Sequence[Done], name: str, step: str, found: str, says: str) -> None:
    """`found` is in what the step printed, `says` in the advice that it leads to."""
    last = stopped(done)
    assert last is not None
    assert (last.step.id, exit_code(done)) == (step, 1), told(done)
    assert found in last.ended.out + last.ended.err
    advice = playbooks.load(name, "en").advice(last.step.advice)
    assert advice is not None
    assert says in advice.text
    # What the advice offers was shown, and done only when asked.
    assert {one.result for one in done[done.index(last) + 1 :]} <= {Result.planned, Result.applied}, told(done)


def test_every_check_of_every_playbook_passes_on_a_healthy_platform(cli: Cli, stores: Stores) -> None:
    ready = scene.published(stores)
    given = {"id": str(ready.id), "ids": str(ready.id)}
    # Nothing is changed in between, so a command that several playbooks share is run once.
    seen: Seen = {}
    for name in NAMES:
        done = run(cli, name, given, seen=seen)
        assert (name, told(done)) == (name, [])
        book = playbooks.load(name, "en")
        assert [one.step.id for one in done] == [step.id for _, step in book.numbered()]
        assert {one.result for one in done} <= {Result.ok, Result.planned}
        assert exit_code(done) == 0
    after = stores.videos.row(ready.id)
    assert after is not None
    assert replace(after, seen_at=ready.seen_at) == ready


def test_a_lock_that_a_dead_worker_left_stops_at_this_video(cli: Cli, stores: Stores) -> None:
    row = scene.waiting(stores)
    scene.locked(stores, row.id)
    done = run(cli, "video-not-encoding", {"id": str(row.id)})
    must_stop(done, "video-not-encoding", "stuck", "video.lock-orphan", "a worker died and its lock stayed")
    assert "mend" in [one.step.id for one in done]
    assert stores.redis.get(keys.encode_lock(row.id)) is not None


def test_some_of_three_are_found_and_mended_when_asked(cli: Cli, stores: Stores) -> None:
    first, second, third = scene.waiting(stores), scene.waiting(stores), scene.published(stores)
    scene.locked(stores, first.id)
    done = run(cli, "some-videos-stuck", {"ids": f"{first.id} {second.id} {third.id}"}, apply=True)
    must_stop(done, "some-videos-stuck", "stuck", "video.lock-orphan", "the lock goes first")
    assert [one.result for one in done[-2:]] == [Result.planned, Result.applied]
    assert stores.redis.get(keys.encode_lock(first.id)) is None
    assert stores.sqs.attributes(stores.settings.queues.video).visible == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminal")
def test_a_person_is_asked_for_what_is_missing_and_before_a_change(cli: Cli, stores: Stores) -> None:
    del cli  # its environment is what the process gets
    row = scene.waiting(stores)
    scene.locked(stores, row.id)
    words = ("playbook", "run", "some-videos-stuck", "--from-step", "3")
    said = _talk(words, {"ids (": str(row.id), "do this now?": "y"})
    before, _, after = said.partition("do this now?")
    assert "nothing was changed" in before
    assert "mended" in after
    assert stores.redis.get(keys.encode_lock(row.id)) is None


def _talk(words: Sequence[str], answers: Mapping[str, str]) -> str:
    """What a run says on a terminal on which each question gets its answer."""
    import pty

    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "academyctl", *words], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    said, open_questions = "", dict(answers)
    with contextlib.suppress(OSError):  # Linux says so when the other side has gone.
        while chunk := os.read(ours, 4096):
            said += chunk.decode("utf-8", "replace")
            for question in [one for one in open_questions if one in said]:
                os.write(ours, open_questions.pop(question).encode() + b"\n")
    os.close(ours)
    assert running.wait(timeout=60) == 1, said
    assert not open_questions, said
    return said


def test_the_first_success_waits_for_a_worker_and_then_for_the_video(cli: Cli, stores: Stores) -> None:
    name, row = "first-success-today", scene.waiting(stores)
    _send(stores, row)
    done = run(cli, name, {"id": str(row.id)})
    must_stop(done, name, "workers", "workers.absent", "docker restart academy-video-worker")
    running = scene.waiting(stores, "PROCESSING")
    done = run(cli, name, {"id": str(running.id)}, from_step=6)
    must_stop(done, name, "ready", '"PROCESSING"', "video progress")


def _send(stores: Stores, row: VideoRow) -> None:
    body = encode_body(
        video_id=row.id, tenant_id=row.tenant_id, file_key=row.file_key, tenant_code="demo", now=datetime.now(UTC)
    )
    stores.sqs.send(stores.settings.queues.video, body)


@dataclass(frozen=True)
class Fault:
    """Variables or rows that are wrong; the playbook must stop at `step` and its advice say `says`."""

    name: str
    step: str
    found: str
    says: str
    env: tuple[tuple[str, str], ...] = ()
    do: Callable[[Stores], None] = lambda _stores: None


def _no_credit(stores: Stores) -> None:
    with stores.db.tx() as cursor:
        sample.make_tenant(cursor, code="poor")
        cursor.execute("UPDATE core_tenant SET credit_balance = 0 WHERE code = 'poor'")


def _failed_imports(stores: Stores) -> None:
    for _ in range(6):
        make_ai_job(stores, status="FAILED", error_message="학부모 전화번호 검증 실패: 2건.")


FAULTS = (
    Fault("jobs-not-running", "queues", "sqs.queue-missing", "create_sqs_resources.py",
          (("MESSAGING_SQS_QUEUE_NAME", "zzz"),)),
    Fault("queue-or-credentials-broken", "aws", "InvalidClientTokenId", "InvalidClientTokenId",
          (("AWS_ACCESS_KEY_ID", "AKIA" + "X" * 16),)),
    Fault("messages-not-arriving", "real", "settings.solapi-mock", "[MockSolapi]", (("SOLAPI_MOCK", "true"),)),
    Fault("messages-not-arriving", "sending", "messaging.tenant-credit", "its credit is used up", do=_no_credit),
    Fault("roster-import-failed", "jobs", "ai.failures", "학부모 전화번호 검증 실패", do=_failed_imports),
    Fault("batch-pipeline", "batch", "batch.queue-missing", "not made",
          (("VIDEO_BATCH_JOB_QUEUE", "capstone-dev-video-processing-queue"),)),
)  # fmt: skip


@pytest.fixture
def rows_cli(
    rows_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    state = {"XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    return Cli({**rows_env, **state}, monkeypatch, capsys)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.name}-{fault.step}")
def test_a_playbook_stops_at_the_step_whose_advice_is_about_its_fault(
    rows_cli: Cli, rows: Stores, fault: Fault
) -> None:
    rows_cli.set(**dict(fault.env))
    fault.do(rows)
    must_stop(run(rows_cli, fault.name), fault.name, fault.step, fault.found, fault.says)


@pytest.mark.parametrize(
    ("do", "step", "found", "says"),
    [
        (lambda fleet: fleet.group(MaxSize=1), "max", '"max": 1', "Raise it"),
        (lambda fleet: fleet.rule(State="DISABLED"), "lambda", "lambda.rule-disabled", "deploy_worker_asg.ps1"),
    ],
    ids=["a maximum of one", "a rule that is off"],
)
def test_a_group_that_cannot_grow_is_found(
    rows_cli: Cli, fleet: OwnFleet, do: Callable[[OwnFleet], None], step: str, found: str, says: str
) -> None:
    rows_cli.set(**fleet.env)
    do(fleet)
    must_stop(run(rows_cli, "scale-video-workers"), "scale-video-workers", step, found, says)


def test_every_playbook_has_its_fault() -> None:
    others = {"video-not-encoding", "some-videos-stuck", "first-success-today", "scale-video-workers"}
    assert {fault.name for fault in FAULTS} | others == set(NAMES)
