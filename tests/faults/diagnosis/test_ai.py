"""Why an AI or Excel job does not end, on the real stack: lost, ownerless, failed, or failed and called DONE."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from academyctl.local.state import free_ports
from academyctl.stores import Stores
from checks._model import Diagnosis, State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import diagnosed
from tests.platform_rows import make_ai_job

Env = dict[str, str]
V = Verdict
# The topics that these faults could disturb; the others cost time and have their own tests.
NEAR = ("settings", "sqs", "redis", "db", "r2", "ai", "messaging")
HOUR = timedelta(hours=1)


def test_jobs_that_wait_run_and_end_as_they_should_are_healthy(rows_env: Env, rows: Stores) -> None:
    now = datetime.now(UTC)
    make_ai_job(rows)
    make_ai_job(rows, status="RUNNING", age=HOUR, locked_by="host:1", lease_expires_at=now + HOUR)
    # Its lease has just run out: the keeper may be about to renew it.
    make_ai_job(rows, status="RUNNING", locked_by="host:1", lease_expires_at=now - timedelta(seconds=5))
    for _ in range(8):
        make_ai_job(rows, status="DONE", result=True)
    make_ai_job(rows, status="FAILED", error_message="헤더 행을 찾을 수 없습니다.")
    make_ai_job(rows, status="FAILED", age=30 * HOUR, error_message="old news")
    found = diagnosed(rows_env, NEAR)
    assert [one.key for one in roots(found.findings)] == []
    assert "RUNNING 2" in next(one.value("states") for one in found.findings if one.code == "ai.rows")


def test_a_waiting_job_whose_queue_is_empty_is_lost(rows_env: Env, rows: Stores) -> None:
    # A tier that the producer does not know goes to the basic queue.
    jobs = [make_ai_job(rows, age=HOUR), make_ai_job(rows, age=HOUR, tier="gold")]
    found = diagnosed(rows_env, NEAR)
    _must_be(found, f"ai.lost={rows_env['AI_SQS_QUEUE_NAME_BASIC']}", V.data)
    assert found.root is not None
    assert found.root.value("count") == "2"
    assert all(job in str(found.root.evidence) for job in jobs)


def test_a_waiting_job_whose_queue_holds_messages_is_not_lost(rows_env: Env, rows: Stores) -> None:
    name = rows.settings.queues.video + "-ai"
    make_ai_job(rows, age=HOUR)
    rows.sqs.create(name, {})
    try:
        rows.sqs.send(name, json.dumps({"job_id": "x"}))
        found = diagnosed({**rows_env, "AI_SQS_QUEUE_NAME_BASIC": name}, ["ai"])
    finally:
        rows.sqs.remove(name)
    assert found.verdict is V.healthy


@pytest.mark.parametrize("owner", ["sqs-worker", ""])
def test_a_running_job_without_a_living_worker_is_stale(rows_env: Env, rows: Stores, owner: str) -> None:
    lease = datetime.now(UTC) - timedelta(minutes=10) if owner else None
    job = make_ai_job(rows, status="RUNNING", age=HOUR, locked_by=owner or None, lease_expires_at=lease)
    found = diagnosed(rows_env, NEAR)
    _must_be(found, "ai.stale", V.data, State.warn)
    assert found.root is not None
    assert found.root.value("ids") == job


def test_a_failure_that_reads_done_is_told(rows_env: Env, rows: Stores) -> None:
    job = make_ai_job(rows, status="DONE", error_message="No module named 'google'")
    for _ in range(9):
        make_ai_job(rows, status="DONE", result=True)
    found = diagnosed(rows_env, NEAR)
    _must_be(found, "ai.failed-as-done", V.code, State.warn)
    assert found.root is not None
    assert job in str(found.root.evidence)


@pytest.mark.parametrize(
    ("reason", "failed", "verdict", "state"),
    [
        ("Tier 'basic' only allows ['ocr'], got 'staff_excel_export'", 9, V.code, State.fail),
        ("An error occurred (AccessDenied) when calling the GetObject operation", 9, V.settings, State.fail),
        ("학부모 전화번호 검증 실패: 2건. 010 10~11자리 형식이어야 합니다.", 4, V.data, State.warn),
    ],
)
def test_failing_jobs_are_judged_by_their_reason(
    rows_env: Env, rows: Stores, reason: str, failed: int, verdict: Verdict, state: State
) -> None:
    for number in range(10):
        if number < failed:
            # The old worker writes failures of the lower tiers as DONE: they count as what they are.
            make_ai_job(rows, status="DONE" if number % 2 else "FAILED", error_message=reason)
        else:
            make_ai_job(rows, status="DONE", result=True)
    _must_be(diagnosed(rows_env, NEAR), "ai.failures-most" if failed == 9 else "ai.failures", verdict, state)


def test_a_job_that_is_done_without_a_result_is_told(rows_env: Env, rows: Stores) -> None:
    job = make_ai_job(rows, status="DONE")
    found = diagnosed(rows_env, NEAR)
    _must_be(found, "ai.no-result", V.data, State.warn)
    assert found.root is not None
    assert job in str(found.root.evidence)


@pytest.mark.parametrize("variable", ["DB_PORT", "AWS_ENDPOINT_URL", "REDIS_PORT"])
def test_what_ai_and_messaging_need_is_the_cause_when_it_is_away(steady_env: Env, variable: str) -> None:
    port = str(free_ports(1)[0])
    found = diagnosed({**steady_env, variable: f"http://127.0.0.1:{port}" if "URL" in variable else port}, NEAR)
    [cause] = red(found)
    ours = [one for one in found.findings if one.topic in ("ai", "messaging") and one.state is not State.ok]
    assert {one.because_of for one in ours} <= {cause.key}
    assert bool(ours) == (variable != "REDIS_PORT")


@pytest.mark.parametrize("topic", ["ai", "messaging"])
def test_a_database_that_is_away_is_not_known_to_a_diagnosis_that_did_not_look_at_it(
    steady_env: Env, topic: str
) -> None:
    found = diagnosed({**steady_env, "DB_PORT": str(free_ports(1)[0])}, [topic])
    assert [one.code for one in roots(found.findings)] == [f"{topic}.unread"]
    assert exit_code(found.state) == 3


def test_a_queue_that_is_gone_explains_why_its_jobs_could_not_be_judged(steady_env: Env) -> None:
    env = {**steady_env, "AI_SQS_QUEUE_NAME_LITE": "zzz-none"}
    _must_be(diagnosed(env, NEAR), "sqs.queue-missing=zzz-none", V.infrastructure)
    alone = diagnosed(env, ["ai"])
    assert [one.code for one in roots(alone.findings)] == ["ai.queue-unseen"]
    assert exit_code(alone.state) == 3


def test_rows_that_may_not_be_read_follow_from_the_missing_right(rows_env: Env, rows: Stores) -> None:
    # The stack's own user owns the tables, and nothing can be taken from an owner for good.
    user = f"narrow_{rows_env['DB_NAME']}"
    with rows.db.tx() as cursor:
        cursor.execute(f"CREATE ROLE \"{user}\" LOGIN PASSWORD 'narrow'")
        cursor.execute(f'GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO "{user}"')
        cursor.execute(f'REVOKE ALL ON ai_job FROM "{user}"')
    try:
        found = diagnosed({**rows_env, "DB_USER": user, "DB_PASSWORD": "narrow"}, NEAR)
        assert [one.key for one in red(found)] == ["db.not-granted"]
        assert found.verdict is V.settings
        assert "ai.unread" in {one.code for one in found.findings if one.because_of == "db.not-granted"}
        assert not [one.key for one in found.findings if one.topic == "messaging" and one.state is not State.ok]
    finally:
        with rows.db.tx() as cursor:
            cursor.execute(f'DROP OWNED BY "{user}"')
            cursor.execute(f'DROP ROLE "{user}"')


def _must_be(found: Diagnosis, key: str, verdict: Verdict, state: State = State.fail) -> None:
    assert [one.key for one in roots(found.findings)] == [key]
    assert (found.verdict, found.state) == (verdict, state)
    assert len(red(found)) == (1 if state is State.fail else 0)
    assert exit_code(found.state) == (1 if state is State.fail else 0)
    assert found.root is not None
    assert found.root.evidence
