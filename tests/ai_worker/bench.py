"""The AI worker's bench: real rows, a real Redis, strict queues, and task types that a test makes up."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from academyctl.contract.messages import ai_body
from academyctl.errors import DatabaseAway
from academyctl.settings import load
from academyctl.stores import Stores, ai_jobs
from academyctl.stores.ai_jobs import AiJobRow
from academyctl.stores.postgres import Postgres
from tests.platform_rows import make_ai_job
from tests.strict_queue import Stored
from tests.workers.rig import Rig, Running
from workers._model import Worker
from workers.ai import worker as ai_worker
from workers.ai_tasks._model import Committed, Result, Step, Task, Work

TYPE = "excel_parsing"
SECRET = "pass1234-very-own"
STEPS = (Step("downloading", "다운로드"), Step("parsing", "분석"), Step("enrolling", "등록"), Step("done", "완료"))

Tasks = Mapping[str, str | Task]


@dataclass
class Ran:
    """A task of a test's own: what it was called with; `then` is what it does."""

    then: Callable[[Work], Result | Committed] = lambda _work: {"enrolled_count": 1}
    jobs: list[str] = field(default_factory=list)
    began: threading.Event = field(default_factory=threading.Event)

    def __call__(self, work: Work) -> Result | Committed:
        self.jobs.append(work.job_id)
        self.began.set()
        return self.then(work)


def task(run: Callable[[Work], Result | Committed], job_type: str = TYPE, **values: Any) -> Task:
    return Task(job_type, run, **({"steps": STEPS, "secret_keys": ("initial_password",)} | values))


def commit(result: Result) -> Callable[[Work], Committed]:
    """A task that ends its job inside its own transaction."""

    def run(work: Work) -> Committed:
        with work.stores.db.tx() as cursor:
            work.finish(cursor, result)
        return Committed(result)

    return run


def until_stopped(work: Work) -> Result:
    """Work for ever, as a good task does: it asks whether it may go on."""
    while True:
        threading.Event().wait(0.01)
        work.check()


class Bench(Rig):
    """One test's world."""

    stores: Stores
    queues: dict[str, str]
    """tier -> name"""

    def worker(self, tasks: Tasks | Callable[[Work], Result | Committed], **ai: Any) -> Worker:
        """The real worker over these task types (or over one function as TYPE)."""
        settings = load(self.env).settings
        settings = settings.model_copy(update={"ai": settings.ai.model_copy(update=ai)})
        made = {TYPE: task(tasks)} if callable(tasks) else tasks
        return ai_worker(settings, tasks=made, root=self.folder / "work", let_go_s=0.5)

    def run(self, tasks: Tasks | Callable[[Work], Result | Committed], count: int = 1, **options: Any) -> str:
        """Handle so many messages; the log."""
        with self.going(tasks, max_jobs=count, **options) as loop:
            loop.wait()
            return loop.log.getvalue()

    def going(
        self,
        tasks: Tasks | Callable[[Work], Result | Committed],
        *,
        ai: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> AbstractContextManager[Running]:
        """The loop in a thread; `ai` are settings of that section."""
        names = {
            "lease_s": "ACADEMYCTL_AI_LEASE", "visibility_s": "ACADEMYCTL_AI_VISIBILITY",
            "inference_max_s": "AI_INFERENCE_MAX_SECONDS", "types": "ACADEMYCTL_AI_TYPES",
            "premium_only": "AI_WORKER_PREMIUM_ONLY", "basic_weight": "AI_WORKER_BASIC_POLL_WEIGHT",
            "lite_weight": "AI_WORKER_LITE_POLL_WEIGHT",
        }  # fmt: skip
        env = {names[name]: str(value) for name, value in (ai or {}).items()} | options.pop("env", {})
        return self.running(self.worker(tasks, **(ai or {})), env, **options)

    def make(self, job_type: str = TYPE, *, tier: str = "basic", **columns: Any) -> str:
        """A row as the API leaves it; its payload holds a password. Returns the job_id."""
        payload = {"file_key": "excel/1/a.xlsx", "tenant_id": 1, "initial_password": SECRET}
        return make_ai_job(self.stores, job_type=job_type, tier=tier, **({"payload": json.dumps(payload)} | columns))

    def send(self, job_id: str, job_type: str = TYPE, *, tier: str = "basic", queue: str = "", **said: Any) -> None:
        """The job's message, byte for byte as the API sends it."""
        payload = {"file_key": "excel/1/a.xlsx", "tenant_id": 1, "initial_password": SECRET}
        body = ai_body(
            **({"job_id": job_id, "job_type": job_type, "tier": tier, "payload": payload, "tenant_id": "1"} | said)
        )
        self.sqs.put(queue or self.queues[tier], body)

    def ask(self, job_type: str = TYPE, *, tier: str = "basic", **columns: Any) -> str:
        """What the API does: a PENDING row and its message."""
        job_id = self.make(job_type, tier=tier, **columns)
        self.send(job_id, job_type, tier=tier)
        return job_id

    def ask_many(self, count: int, job_type: str = TYPE, *, tier: str = "basic", source_id: str = "") -> None:
        """So many requests at once."""
        self.stores.db.execute(
            "INSERT INTO ai_job (created_at, updated_at, job_id, job_type, status, payload, error_message, tenant_id, "
            "source_id, tier, attempt_count, max_attempts, next_run_at, last_error, force_rerun, rerun_reason) "
            "SELECT now(), now(), %(tier)s || '-' || n, %(type)s, 'PENDING', '{}', '', '1', %(source)s, %(tier)s, 0, "
            "5, now(), '', false, '' FROM generate_series(1, %(count)s) AS n",
            {"tier": tier, "type": job_type, "source": source_id, "count": count},
        )
        for number in range(1, count + 1):
            self.send(f"{tier}-{number}", job_type, tier=tier)

    def peek(self, tier: str = "basic") -> list[Stored]:
        return self.sqs.peek(self.queues[tier])

    def show(self, tier: str = "basic") -> None:
        """Make everything visible now, as time would."""
        self.sqs.show_all(self.queues[tier])

    def row(self, job_id: str) -> AiJobRow:
        row = ai_jobs.row(self.stores.db, job_id)
        assert row is not None
        return row

    def ended(self, job_id: str) -> tuple[str, str]:
        """(status, error_message)"""
        row = self.row(job_id)
        return row.status, row.error_message

    def column(self, job_id: str, name: str) -> Any:
        return self.stores.db.query(f"SELECT {name} AS it FROM ai_job WHERE job_id = %s", (job_id,))[0]["it"]

    def change(self, job_id: str, **columns: Any) -> None:
        """What somebody else writes."""
        said = ", ".join(f"{name} = %({name})s" for name in columns)
        self.stores.db.execute(f"UPDATE ai_job SET {said} WHERE job_id = %(job_id)s", {**columns, "job_id": job_id})

    def result(self, job_id: str) -> Any:
        return ai_jobs.result_of(self.stores.db, job_id)

    def left(self, tier: str = "basic") -> int:
        return self.sqs.left(self.queues[tier])

    def dead(self, tier: str = "basic") -> list[Stored]:
        return self.sqs.peek(f"{self.queues[tier]}-dlq")


class AwayAtWill(Postgres):
    """The database, away whenever `away` is set."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.away = threading.Event()

    def _take(self) -> Any:
        if self.away.is_set():
            raise DatabaseAway("database refused the work", cause="unreachable", why="connection refused")
        return super()._take()
