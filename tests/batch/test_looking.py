"""`batch list`, `show` and `logs`: both sides of a job, by any of its names."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.batch.conftest import Desk
from tests.video_commands.conftest import Cli

Upload = Callable[..., int]
SAYS = (
    'import sys; print(\'job\', sys.argv[1], flush=True); print(\'{"level": "INFO", "message": "done"}\'); sys.exit(1)'
)


@pytest.fixture
def ran(cli: Cli, desk: Desk, upload: Upload) -> str:
    """A video's job that has said something and failed; its Batch job's id."""
    desk.define(SAYS)
    desk.power(on=True)
    assert cli("batch", "submit", upload(), "--apply").code == 0
    aws_id = str(desk.rows()[0]["aws_batch_job_id"])
    desk.ended(aws_id, "FAILED")
    return aws_id


def test_a_job_is_found_by_every_name_it_has(cli: Cli, desk: Desk, ran: str) -> None:
    (row,) = desk.rows()
    shown = [cli("batch", "show", name, "--output", "json") for name in (ran, row["id"], row["video_id"])]
    assert {one.code for one in shown} == {1}  # it has failed
    first = shown[0].json
    assert [one.json for one in shown] == [first] * 3
    assert (first["batch_job"]["id"], first["row"]["id"]) == (ran, str(row["id"]))
    assert first["batch_job"]["exit_code"] == 1
    assert first["batch_job"]["environment"]["VIDEO_JOB_ID"] == str(row["id"])


def test_the_list_names_each_jobs_row(cli: Cli, desk: Desk, ran: str) -> None:
    (job,) = cli("batch", "list", "--output", "json").json["jobs"]
    (row,) = desk.rows()
    assert (job["id"], job["status"], job["video_id"], job["row_state"]) == (ran, "FAILED", row["video_id"], "QUEUED")
    assert cli("batch", "list", "--status", "running", "--output", "json").json["jobs"] == []
    assert cli("batch", "list", "--status", "BROKEN").code == 2
    head, line = cli("batch", "list").out.splitlines()
    assert (head.split()[0], job["id"] in line) == ("status", True)


def test_the_logs_are_those_of_the_job_and_followed_to_its_end(cli: Cli, desk: Desk, ran: str) -> None:
    (row,) = desk.rows()
    told = cli("batch", "logs", ran, "--output", "json").json
    assert next(one["text"] for one in told["lines"]) == f"job {row['id']}"
    assert "INFO    done" in cli("batch", "logs", row["video_id"]).out


def test_a_job_that_is_not_there_is_told_with_exit_code_1(cli: Cli, desk: Desk) -> None:
    del desk
    for words in (("show", "nothing"), ("logs", "nothing"), ("cancel", "nothing"), ("show", "4711")):
        ended = cli("batch", *words)
        assert (ended.code, "there is no job" in ended.err) == (1, True), words
