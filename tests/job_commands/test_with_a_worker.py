"""What an operator does to a job, and what the real worker then makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from academyctl.errors import LeaseLost
from academyctl.settings import load
from academyctl.stores import Stores
from tests.ai_worker.working import make_delivery, run_job
from tests.job_commands.conftest import JOB, PASSWORD, Desk, MakeJob, look, messages, secret_of, typed
from tests.video_commands.conftest import Cli
from workers.ai_tasks import TASKS
from workers.ai_tasks._model import Result, Task, Work


def test_a_job_that_waited_for_a_column_is_enrolled_after_its_retry(
    cli: Cli, ai_stores: Stores, desk: Desk, make_job: MakeJob, tmp_path: Path
) -> None:
    make_job(payload={"initial_password": PASSWORD})
    settings = load({**desk.env, "ACADEMYCTL_PASSWORD_ITERATIONS": "100000"}).settings

    def work() -> None:
        run_job(ai_stores, JOB, TASKS, tmp_path, delivery=make_delivery(ai_stores, JOB, settings=settings))

    work()
    assert (look(ai_stores, JOB).status, secret_of(ai_stores, JOB)) == ("FAILED", None)
    [line] = [line for line in cli("job", "status", JOB).out.splitlines() if line.startswith("next")]
    proposed = line.partition("academyctl ")[2].split()
    assert proposed == ["job", "retry", JOB, "--map", "parent_phone=B", "--apply"]
    with typed(PASSWORD):
        assert cli(*proposed, "--password-stdin").code == 0
    assert [one.job_id for one in messages(ai_stores)] == [JOB]
    work()
    ended = cli("job", "watch", JOB, "-o", "json")
    assert (ended.code, ended.json["counts"]["created"], secret_of(ai_stores, JOB)) == (0, 4, None)
    phones = ai_stores.db.query("SELECT DISTINCT left(parent_phone, 7) AS start FROM students_student")
    assert [row["start"] for row in phones] == ["0100003"]


def test_a_job_cancelled_while_it_runs_stays_cancelled(
    cli: Cli, ai_stores: Stores, make_job: MakeJob, tmp_path: Path
) -> None:
    make_job(payload={"initial_password": PASSWORD})

    def run(work: Work) -> Result:
        assert cli("job", "cancel", work.job_id, "--apply").code == 0
        return {"enrolled_count": 1}

    with pytest.raises(LeaseLost):
        run_job(ai_stores, JOB, {"excel_parsing": Task("excel_parsing", run)}, tmp_path)
    after = look(ai_stores, JOB)
    assert (after.status, after.has_result, after.locked_by) == ("FAILED", False, "")
    assert "cancelled by operator" in after.error_message
