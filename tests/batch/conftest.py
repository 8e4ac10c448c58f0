"""A Batch queue of the test's own, whose compute environment is off: jobs wait in RUNNABLE until a test wants more."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from academyctl.local import batch_resources
from academyctl.local.stack import LocalStack
from academyctl.ops.batch_repairs import job_name
from academyctl.settings import load
from academyctl.settings_model import Fleet
from academyctl.stores import Stores
from academyctl.stores.aws import ClientFactory
from tests.conftest import eventually, make_video
from tests.video_commands.conftest import Cli

_STATE = """
SELECT j.*, v.status AS video_status, v.current_job_id FROM video_video v LEFT JOIN video_videotranscodejob j
ON j.video_id = v.id ORDER BY v.id, j.id
"""


@dataclass(frozen=True)
class Desk:
    """The test's queue, and its rows."""

    stores: Stores
    names: Fleet
    batch: Any

    def power(self, *, on: bool) -> None:
        """Whether jobs are started."""
        state = "ENABLED" if on else "DISABLED"
        self.batch.update_compute_environment(computeEnvironment=self.names.batch_compute, state=state)

    def define(self, code: str) -> None:
        """What a job does: this program, which is given the job's id."""
        words = ["python", "-c", code, "Ref::job_id"]
        made = batch_resources.definition(self.names.batch_job, self.names.batch_log_group, command=words)
        self.batch.register_job_definition(**made)

    def submit(self, job_id: str) -> str:
        """A Batch job as a submission makes it, which then says nothing to anybody."""
        return self.stores.batch.submit(self.names.batch_queue, self.names.batch_job, job_name(job_id), job_id=job_id)

    def ended(self, aws_id: str, status: str) -> None:
        eventually(lambda: self.stores.batch.describe([aws_id])[aws_id].status == status)

    def jobs(self) -> list[dict[str, Any]]:
        """Batch's side, raw, oldest first."""
        from academyctl.stores.batch import STATUSES

        ids = self.stores.batch.ids(self.names.batch_queue, STATUSES)
        found = self.batch.describe_jobs(jobs=ids)["jobs"] if ids else []
        return sorted(found, key=lambda one: (one["createdAt"], one["jobId"]))

    def rows(self) -> list[dict[str, Any]]:
        """The database's side, raw."""
        return self.stores.db.query(_STATE)

    def all(self) -> str:
        """Both sides, complete, to be compared."""
        return json.dumps([self.jobs(), self.rows()], default=str, sort_keys=True)

    def age(self, minutes: int) -> None:
        """Every row was written so long ago."""
        self.stores.db.execute(
            "UPDATE video_videotranscodejob SET updated_at = updated_at - make_interval(mins => %s)", (minutes,)
        )


@pytest.fixture
def platform_env(platform_env: dict[str, str]) -> dict[str, str]:
    word = uuid.uuid4().hex[:12]
    return {
        **platform_env,
        "VIDEO_BATCH_JOB_QUEUE": f"{word}-queue",
        "VIDEO_BATCH_JOB_DEFINITION": f"{word}-job",
        "VIDEO_BATCH_COMPUTE_ENVIRONMENT": f"{word}-ce",
        "VIDEO_BATCH_LOG_GROUP": f"/{word}",
    }


@pytest.fixture(scope="session")
def batch_clients(stack: LocalStack) -> Iterator[ClientFactory]:
    """One set of clients: making EC2's costs more than a test."""
    opened = Stores(load(stack.env()).settings)
    yield opened.fleet_clients
    opened.close()


@pytest.fixture
def desk(platform_env: dict[str, str], stores: Stores, batch_clients: ClientFactory) -> Iterator[Desk]:
    names = load(platform_env).settings.fleet
    batch_resources.create_batch(batch_clients, names)
    made = Desk(stores, names, batch_clients("batch"))
    made.power(on=False)
    yield made
    made.power(on=False)
    made.batch.update_job_queue(jobQueue=names.batch_queue, state="DISABLED")
    made.batch.delete_job_queue(jobQueue=names.batch_queue)
    made.batch.delete_compute_environment(computeEnvironment=names.batch_compute)


@pytest.fixture
def upload(stores: Stores) -> Callable[..., int]:
    """Make a video that waits for its encode; its id."""
    return lambda **values: make_video(stores, **values).id


@pytest.fixture
def cli(
    platform_env: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({**platform_env, **state}, monkeypatch, capsys)
