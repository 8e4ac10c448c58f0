"""An operator in front of AI jobs: the command line in this process, over queues and a bucket of the test's own."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract.messages import AiJob, parse_ai
from academyctl.local import environment, postgres, resources, sample_jobs
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores, ai_requests
from academyctl.stores.ai_requests import JobRow
from tests.ai_platform import TIERS, make_class
from tests.platform_rows import make_ai_job
from tests.video_commands.conftest import Cli

JOB = "0b8f6c1e-7b0c-4f0e-9a54-2f6f5a5d7c11"
PASSWORD = "secret77"
HOURS = timedelta(hours=3)
MakeJob = Callable[..., JobRow]
# A process may come back to this folder after others.
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Desk:
    """The platform of all tests of this folder: its environment, stores over it, an academy with a lecture."""

    env: dict[str, str]
    stores: Stores
    tenant_id: int
    lecture_id: int


@pytest.fixture(scope="package")
def desk(stack: LocalStack) -> Iterator[Desk]:
    """A database, AI queues and a bucket: making them costs more than emptying them."""
    unique = f"desk{os.getpid()}x{next(_NUMBERS)}"
    env = {
        **stack.env(),
        "DB_NAME": unique,
        "REDIS_DB": "1",
        **{f"AI_SQS_QUEUE_NAME_{tier.upper()}": f"{unique}-ai-{tier}" for tier in TIERS},
        "R2_EXCEL_BUCKET": unique,
        "EXCEL_BUCKET_NAME": unique,
        "ACADEMYCTL_LOCAL_DIR": str(stack.folder),
    }
    postgres.create(stack.state(), unique)
    stores = Stores(load(env).settings)
    specs = [spec for spec in resources.queue_specs(stores.settings.queues) if spec.name.startswith(unique)]
    for spec in specs:
        resources.create_queue(stores.sqs, spec)
    where = {"LocationConstraint": environment.REGION}
    stores.aws_clients()("s3").create_bucket(Bucket=unique, CreateBucketConfiguration=where)
    yield Desk(env, stores, *make_class(stores))
    for spec in specs:
        stores.sqs.remove(spec.name)
        stores.sqs.remove(spec.dlq)
    stores.close()
    postgres.drop(stack.state(), unique)


@pytest.fixture
def ai_stores(desk: Desk) -> Stores:
    """Stores without jobs, with an empty Redis and empty basic queues."""
    stores = desk.stores
    with stores.db.tx() as cursor:
        cursor.execute("DELETE FROM ai_result")
        cursor.execute("DELETE FROM ai_job")
    stores.redis.delete(*stores.redis.scan("*"))
    for queue in (stores.settings.queues.ai_basic, f"{stores.settings.queues.ai_basic}-dlq"):
        stores.sqs.purge(queue)
    return stores


@pytest.fixture
def cli(
    desk: Desk, ai_stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    del ai_stores
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({**desk.env, **state}, monkeypatch, capsys)


@pytest.fixture
def make_job(desk: Desk, ai_stores: Stores) -> MakeJob:
    """A roster's job with its file in R2; `payload` adds to what it asks, `told` is its ai_result."""
    tenant_id, lecture_id = desk.tenant_id, desk.lecture_id
    bucket = ai_stores.settings.r2.excel_bucket
    file_key = f"excel/{tenant_id}/0123456789abcdef0123456789abcdef.xlsx"
    ai_stores.r2.put(bucket, file_key, sample_jobs.two_phones())

    def make(*, payload: dict[str, Any] | None = None, told: dict[str, Any] | None = None, **values: Any) -> JobRow:
        asks = {"file_key": file_key, "bucket": bucket, "tenant_id": tenant_id, "lecture_id": lecture_id}
        job_id = make_ai_job(
            ai_stores, result=told is not None,
            **{"job_id": JOB, "tenant_id": str(tenant_id), "source_domain": "enrollment", "age": HOURS, **values},
            payload=json.dumps({**asks, **(payload or {})}),
        )  # fmt: skip
        if told is not None:
            sql = "UPDATE ai_result SET payload = %s WHERE job_id = (SELECT id FROM ai_job WHERE job_id = %s)"
            ai_stores.db.execute(sql, (json.dumps(told), job_id))
        return look(ai_stores, job_id)

    return make


def look(stores: Stores, job_id: str) -> JobRow:
    return ai_requests.rows(stores.db, [job_id])[job_id]


def secret_of(stores: Stores, job_id: str) -> str | None:
    """The first password in the row."""
    [row] = stores.db.query("SELECT payload->>'initial_password' AS secret FROM ai_job WHERE job_id = %s", (job_id,))
    return None if row["secret"] is None else str(row["secret"])


def messages(stores: Stores, tier: str = "basic") -> list[AiJob]:
    """What waits in a tier's queue; receiving it here is what a worker would do next."""
    queue = getattr(stores.settings.queues, f"ai_{tier}")
    return [parse_ai(message.body) for message in stores.sqs.receive(queue, wait_s=0)]


def audit(tmp_path: Path) -> str:
    found = list((tmp_path / "state").rglob("audit.jsonl"))
    return found[0].read_text(encoding="utf-8") if found else ""


@contextmanager
def typed(text: str | bytes) -> Iterator[None]:
    """`text` on stdin."""
    raw = io.BytesIO(text.encode() if isinstance(text, str) else text)
    before, sys.stdin = sys.stdin, io.TextIOWrapper(raw, encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin = before


_VARYING = (
    (re.compile(r"desk\d+x\d+"), "<test>"),
    (re.compile(r"\b\d+ bytes"), "<n> bytes"),
    (re.compile(r"\b\d+ s (left|more)"), r"<n> s \1"),
    (re.compile(r"hanbit[0-9a-f]{6}"), "<code>"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def golden(name: str, text: str) -> None:
    """Compare with golden/NAME.txt, random names blanked out. UPDATE_GOLDENS=1 rewrites it."""
    for pattern, blank in _VARYING:
        text = pattern.sub(blank, text)
    path = Path(__file__).parent / "golden" / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")
