"""An academy that uploads class lists: files, jobs as the API makes them, and what the platform says afterwards."""

from __future__ import annotations

import itertools
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from academyctl.contract import keys
from academyctl.contract.messages import ai_body
from academyctl.local import environment, postgres, resources, sample
from academyctl.local.stack import LocalStack
from academyctl.settings import Settings, load
from academyctl.stores import Stores, ai_jobs
from tests.platform_rows import make_ai_job

HEADER = ("이름", "학부모 전화번호", "학생 전화번호", "학교", "학년", "성별")
PASSWORD = "hanbit1234"
COUNTED = ("created", "restored", "updated", "unchanged", "skipped", "failed")
_NUMBERS = itertools.count(1)

Line = Sequence[Any]


def pupils(count: int, *, start: int = 0) -> list[Line]:
    """Different students with different parents, every cell as a good roster has it."""
    return [
        (f"김학생{n}", f"010-2000-{n:04d}", f"010-3000-{n:04d}", "한빛고", f"고{n % 3 + 1}", "남여"[n % 2])
        for n in range(start, start + count)
    ]


def workbook(path: Path, lines: Sequence[Line], *, header: Line = HEADER, title: str = "") -> Path:
    """A roster as a teacher saves it."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    if title:
        sheet.append([title])
    for line in (header, *lines):
        sheet.append(list(line))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


@pytest.fixture(scope="module")
def excel_env(stack: LocalStack) -> Iterator[dict[str, str]]:
    """The platform's environment over a database, AI queues and an Excel bucket of the module's own."""
    unique = f"xl{os.getpid()}x{next(_NUMBERS)}"
    bucket = f"academy-{unique}"
    env = {
        **stack.env(),
        "DB_NAME": unique,
        "REDIS_DB": "5",
        **{f"AI_SQS_QUEUE_NAME_{tier.upper()}": f"{unique}-ai-{tier}" for tier in ("lite", "basic", "premium")},
        "R2_EXCEL_BUCKET": bucket,
        "EXCEL_BUCKET_NAME": bucket,
        "ACADEMYCTL_PASSWORD_ITERATIONS": "100000",
        "ACADEMYCTL_LOCAL_DIR": str(stack.folder),
    }
    postgres.create(stack.state(), unique)
    stores = Stores(load(env).settings)
    specs = [spec for spec in resources.queue_specs(stores.settings.queues) if spec.name.startswith(f"{unique}-ai-")]
    for spec in specs:
        resources.create_queue(stores.sqs, spec)
    location = {"LocationConstraint": environment.REGION}
    stores.aws_clients()("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    yield env
    for spec in specs:
        stores.sqs.remove(spec.name)
        stores.sqs.remove(spec.dlq)
    stores.close()
    postgres.drop(stack.state(), unique)


@pytest.fixture(scope="module")
def excel_stores(excel_env: dict[str, str]) -> Iterator[Stores]:
    opened = Stores(load(excel_env).settings)
    yield opened
    opened.close()


@pytest.fixture
def world(excel_env: dict[str, str], excel_stores: Stores, tmp_path: Path) -> World:
    """A new academy with its lecture on `excel_env`; those of other tests are beside it, as on the platform."""
    return new_world(excel_env, excel_stores, tmp_path)


def new_world(env: dict[str, str], stores: Stores, folder: Path) -> World:
    made = World(stores, env, folder)
    made.tenant_id, made.lecture_id = made.academy()
    return made


@dataclass
class World:
    """One module's platform, for one test."""

    stores: Stores
    env: dict[str, str]
    folder: Path
    tenant_id: int = 0
    lecture_id: int = 0
    _made: int = field(default=0, repr=False)

    @property
    def settings(self) -> Settings:
        return self.stores.settings

    @property
    def bucket(self) -> str:
        return self.settings.r2.excel_bucket

    def academy(self, code: str = "") -> tuple[int, int]:
        """(tenant_id, lecture_id) of a new one."""
        with self.stores.db.tx() as cursor:
            tenant_id = sample.make_tenant(cursor, code=code or f"hanbit{os.urandom(3).hex()}", name="한빛학원")
            return tenant_id, sample.make_lecture(cursor, tenant_id, title="고2 수학")

    def file(self, lines: Sequence[Line], **how: Any) -> Path:
        self._made += 1
        return workbook(self.folder / f"roster{self._made}.xlsx", lines, **how)

    def upload(self, body: Path | bytes, *, tenant_id: int = 0, suffix: str = ".xlsx") -> str:
        """The object's key."""
        key = f"{keys.excel_folder(tenant_id or self.tenant_id)}{uuid.uuid4().hex}{suffix}"
        self.stores.r2.put(self.bucket, key, body)
        return key

    def job(self, file_key: str, *, tenant_id: int = 0, lecture: int | None = None, **more: Any) -> str:
        """The PENDING row that the API makes for an upload; `lecture` 0 = students only, None = the academy's own."""
        tenant = tenant_id or self.tenant_id
        chosen = self.lecture_id if lecture is None else lecture
        payload = {"file_key": file_key, "bucket": self.bucket, "tenant_id": tenant, "initial_password": PASSWORD}
        payload |= ({"lecture_id": chosen} if chosen else {}) | more
        payload = {name: value for name, value in payload.items() if value is not None}
        return make_ai_job(
            self.stores, payload=json.dumps(payload), tenant_id=str(tenant), idempotency_key=f"excel:{uuid.uuid4()}"
        )

    def send(self, job_id: str) -> None:
        """The job's message, as the API builds it from the row."""
        row = ai_jobs.row(self.stores.db, job_id)
        assert row is not None
        body = ai_body(
            job_id=job_id, job_type=row.job_type, tier=row.tier, payload=row.payload, tenant_id=row.tenant_id
        )
        self.stores.sqs.send(self.settings.queues.ai_basic, body)

    def row(self, job_id: str) -> Any:
        return self.stores.db.query("SELECT * FROM ai_job WHERE job_id = %s", (job_id,))[0]

    def result(self, job_id: str) -> Any:
        return ai_jobs.result_of(self.stores.db, job_id)

    def status(self, job_id: str) -> Any:
        return self.stores.redis.get_json(keys.job_status(self.row(job_id)["tenant_id"], job_id))

    def progress(self, job_id: str) -> Any:
        return self.stores.redis.get_json(keys.job_progress(self.row(job_id)["tenant_id"], job_id))

    def students(self, tenant_id: int = 0) -> list[tuple[str, str]]:
        """(name, parent_phone) of an academy's active students."""
        rows = self.stores.db.query(
            "SELECT name, parent_phone FROM students_student WHERE tenant_id = %s AND deleted_at IS NULL ORDER BY 1, 2",
            (tenant_id or self.tenant_id,),
        )
        return [(row["name"], row["parent_phone"]) for row in rows]

    def enrolled(self, lecture_id: int = 0) -> int:
        rows = self.stores.db.query(
            "SELECT count(*)::int AS n FROM enrollment_enrollment WHERE lecture_id = %s AND status = 'ACTIVE'",
            (lecture_id or self.lecture_id,),
        )
        return int(rows[0]["n"])


def counts(read: int, **told: int) -> dict[str, int]:
    """A report's counts; what is not named is 0."""
    return {"read": read, **dict.fromkeys(COUNTED, 0), **told}


def adds_up(result: Any) -> bool:
    """Every row that was read ended as exactly one thing."""
    counts = result["counts"]
    return bool(counts["read"] == sum(counts[name] for name in COUNTED))
