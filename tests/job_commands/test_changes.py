"""retry and cancel through the one door: what they do, in which order, and what is left when a part fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from academyctl.contract import keys
from academyctl.errors import AcademyError
from academyctl.job_repairs import EndJob, ReopenJob
from academyctl.stores import Stores
from tests.job_commands.conftest import JOB, PASSWORD, MakeJob, audit, golden, look, messages, secret_of, typed
from tests.video_commands.conftest import Cli

NOW = datetime.now(UTC)


def test_a_failed_job_is_tried_again_as_the_operator_says(
    cli: Cli, ai_stores: Stores, make_job: MakeJob, tmp_path: Path
) -> None:
    row = make_job(status="FAILED", error_message="학부모 전화번호 컬럼을 찾을 수 없습니다.")
    status = keys.job_status(row.tenant_id, JOB)
    ai_stores.redis.set_json(status, {"status": "FAILED"})
    dry = cli("job", "retry", JOB, "--map", "parent_phone=C", "--partial")
    assert (dry.code, look(ai_stores, JOB).status, messages(ai_stores)) == (0, "FAILED", [])
    with typed(PASSWORD + "\n"):
        ran = cli("job", "retry", JOB, "--map", "parent_phone=C", "--partial", "--apply", "--password-stdin")
    assert ran.code == 0
    planned = [line for line in dry.out.splitlines() if line.startswith("would")]
    done = [line for line in ran.out.splitlines() if line.startswith("done")]
    assert [line.partition("  ")[2] for line in planned] == [
        line.partition("  ")[2].replace(", payload.initial_password given", "") for line in done
    ]
    after = look(ai_stores, JOB)
    assert (after.status, after.error_message, after.last_error, after.attempt_count) == ("PENDING", "", "", 0)
    assert (after.payload["mapping"], after.payload["partial"]) == ({"parent_phone": "C"}, True)
    assert secret_of(ai_stores, JOB) == PASSWORD
    assert ai_stores.redis.get(status) is None
    [sent] = messages(ai_stores)
    assert (sent.job_id, sent.job_type, sent.tenant_id) == (JOB, "excel_parsing", row.tenant_id)
    assert sent.payload["initial_password"] == PASSWORD
    assert PASSWORD not in dry.out + ran.out + ran.err + audit(tmp_path)
    golden("retry-dry-en", dry.out)


def test_a_password_that_nobody_can_be_asked_for_changes_nothing(
    cli: Cli, ai_stores: Stores, make_job: MakeJob
) -> None:
    make_job(status="FAILED")
    ran = cli("job", "retry", JOB, "--apply")
    assert (ran.code, look(ai_stores, JOB).status) == (2, "FAILED")
    assert "--password-stdin" in ran.err
    with typed("123\n"):
        assert cli("job", "retry", JOB, "--apply", "--password-stdin").code == 2
    assert messages(ai_stores) == []


def test_a_message_that_cannot_be_sent_leaves_a_failed_row_and_no_password(
    cli: Cli, ai_stores: Stores, make_job: MakeJob
) -> None:
    """contract 3.3: a publish failure ends the job; a PENDING row without a message would wait for ever."""
    make_job(status="FAILED", payload={"initial_password": PASSWORD})
    cli.set(AI_SQS_QUEUE_NAME_BASIC="zzz-none")
    ran = cli("job", "retry", JOB, "--apply")
    after = look(ai_stores, JOB)
    assert (ran.code, after.status, secret_of(ai_stores, JOB)) == (3, "FAILED", None)
    assert "작업을 큐에 보내지 못했습니다" in after.error_message
    assert "not done: send the message" in ran.err
    assert f"academyctl job retry {JOB} --apply" in ran.err


def test_redis_that_goes_away_in_between_sends_nothing_and_ends_the_job(
    cli: Cli, ai_stores: Stores, make_job: MakeJob
) -> None:
    from academyctl.cli._common import Session
    from academyctl.cli._job_changes import Result, carry_out
    from academyctl.errors import RedisAway
    from academyctl.job_plans import Plan
    from academyctl.job_repairs import SendJob
    from academyctl.output import Format

    class Gone:
        undo = ""

        def do(self, _stores: Stores) -> None:
            raise RedisAway("Redis cannot be used")

    row = make_job(status="FAILED", payload={"initial_password": PASSWORD})
    queue = ai_stores.settings.queues.ai_basic
    plan = Plan(JOB, (ReopenJob(row), Gone(), SendJob(JOB, queue)))
    del cli  # its environment is what the session reads
    with Session.opened() as here, pytest.raises(BaseException, match="3"):
        carry_out(here, [Result(JOB, plan)], apply=True, fmt=Format.json)
    assert (look(ai_stores, JOB).status, messages(ai_stores)) == ("FAILED", [])


@pytest.mark.parametrize("moved", ["status = 'RUNNING', locked_by = 'host:1'", "updated_at = now()"])
def test_a_row_that_moved_since_the_plan_is_not_touched(ai_stores: Stores, make_job: MakeJob, moved: str) -> None:
    row = make_job(status="FAILED")
    ai_stores.db.execute(f"UPDATE ai_job SET {moved}")
    with pytest.raises(AcademyError, match="was not changed") as caught:
        ReopenJob(row, password=PASSWORD).do(ai_stores)
    assert caught.value.code == "changed"
    assert secret_of(ai_stores, JOB) is None


def test_a_lease_that_came_to_life_since_the_plan_is_respected(ai_stores: Stores, make_job: MakeJob) -> None:
    run_out = {"status": "RUNNING", "locked_by": "host:1", "lease_expires_at": NOW - timedelta(minutes=5)}
    row = make_job(**run_out)
    ai_stores.db.execute("UPDATE ai_job SET lease_expires_at = now() + interval '1 minute'")
    with pytest.raises(AcademyError, match="host:1 has it"):
        ReopenJob(row).do(ai_stores)


def test_a_running_job_is_not_tried_again_until_its_lease_has_run_out(
    cli: Cli, ai_stores: Stores, make_job: MakeJob
) -> None:
    make_job(status="RUNNING", locked_by="host:1", lease_expires_at=NOW + timedelta(hours=1),
             payload={"initial_password": PASSWORD})  # fmt: skip
    ran = cli("job", "retry", JOB, "--apply", "--again", "-o", "json")
    assert (ran.code, ran.json["jobs"][0]["error"]["code"]) == (1, "alive")
    ai_stores.db.execute("UPDATE ai_job SET lease_expires_at = now() - interval '1 s'")
    assert cli("job", "retry", JOB, "--apply").code == 0
    assert [one.job_id for one in messages(ai_stores)] == [JOB]


def test_a_second_retry_is_refused_while_its_message_waits(cli: Cli, ai_stores: Stores, make_job: MakeJob) -> None:
    make_job(status="FAILED", payload={"initial_password": PASSWORD})
    assert cli("job", "retry", JOB, JOB, "--apply").code == 0
    second = cli("job", "retry", JOB, "--apply")
    assert second.code == 1
    assert "--again" in second.err
    assert len(messages(ai_stores)) == 1


def test_one_refused_job_does_not_stop_the_others(cli: Cli, ai_stores: Stores, make_job: MakeJob) -> None:
    make_job(status="FAILED", payload={"initial_password": PASSWORD})
    make_job(status="FAILED", job_id="gone", payload={"file_key": "excel/1/none.xlsx"})
    ran = cli("job", "retry", "gone", JOB, "nobody", "--apply", "-o", "json")
    told = [(one["done"], one["error"] and one["error"]["code"]) for one in ran.json["jobs"]]
    assert (ran.code, told) == (1, [(False, "source-gone"), (True, None), (False, "absent")])
    assert [one.job_id for one in messages(ai_stores)] == [JOB]


def test_a_cancelled_job_is_failed_for_every_reader_and_keeps_no_password(
    cli: Cli, ai_stores: Stores, make_job: MakeJob, tmp_path: Path
) -> None:
    row = make_job(status="RUNNING", locked_by="host:1", lease_expires_at=NOW + timedelta(hours=1),
                   payload={"initial_password": PASSWORD})  # fmt: skip
    progress = keys.job_progress(row.tenant_id, JOB)
    ai_stores.redis.set_json(progress, {"percent": 40})
    assert (cli("job", "cancel", JOB).code, look(ai_stores, JOB).status) == (0, "RUNNING")
    ran = cli("job", "cancel", JOB, "--apply")
    after = look(ai_stores, JOB)
    assert (ran.code, after.status, after.locked_by, after.lease_expires_at) == (0, "FAILED", "", None)
    assert "운영자가 취소했습니다" in after.error_message
    assert secret_of(ai_stores, JOB) is None
    told = ai_stores.redis.get_json(keys.job_status(row.tenant_id, JOB))
    assert told == {"status": "FAILED", "job_type": "excel_parsing", "error_message": after.error_message}
    assert ai_stores.redis.get(progress) is None
    assert f"academyctl job retry {JOB}" in audit(tmp_path)
    assert cli("job", "cancel", JOB, "--apply").code == 1


def test_a_job_that_another_worker_took_meanwhile_is_not_cancelled(ai_stores: Stores, make_job: MakeJob) -> None:
    make_job(status="RUNNING", locked_by="host:2", lease_expires_at=NOW + timedelta(hours=1))
    with pytest.raises(AcademyError, match="host:2 has it"):
        EndJob(JOB, "RUNNING", "host:1").do(ai_stores)


def test_production_is_asked_first(cli: Cli, ai_stores: Stores, make_job: MakeJob) -> None:
    make_job(status="PENDING")
    cli.set(ACADEMYCTL_PRODUCTION="true")
    assert (cli("job", "cancel", JOB, "--apply").code, look(ai_stores, JOB).status) == (2, "PENDING")
    assert (cli("--yes", "job", "cancel", JOB, "--apply").code, look(ai_stores, JOB).status) == (0, "FAILED")
