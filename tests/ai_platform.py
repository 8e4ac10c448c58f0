"""The platform around the AI worker: its three queues and the bucket of spreadsheets, a test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from academyctl.contract.messages import ai_body
from academyctl.local import environment, resources, sample
from academyctl.settings import load
from academyctl.stores import Stores
from tests.platform_rows import make_ai_job

TIERS = ("lite", "basic", "premium")


@pytest.fixture
def ai_env(platform_env: dict[str, str]) -> Iterator[dict[str, str]]:
    """`platform_env` with AI queues (and dead-letter queues) and an Excel bucket of the test's own."""
    unique = platform_env["VIDEO_SQS_QUEUE_NAME"].removesuffix("-video")
    bucket = f"academy-excel-{unique}"
    env = {
        **platform_env,
        **{f"AI_SQS_QUEUE_NAME_{tier.upper()}": f"{unique}-ai-{tier}" for tier in TIERS},
        "R2_EXCEL_BUCKET": bucket,
        "EXCEL_BUCKET_NAME": bucket,
    }
    stores = Stores(load(env).settings)
    specs = [spec for spec in resources.queue_specs(stores.settings.queues) if f"{unique}-ai-" in spec.name]
    for spec in specs:
        resources.create_queue(stores.sqs, spec)
    stores.aws_clients()("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": environment.REGION}
    )
    yield env
    for spec in specs:
        stores.sqs.remove(spec.name)
        stores.sqs.remove(spec.dlq)
    stores.close()


@pytest.fixture
def ai_stores(ai_env: dict[str, str]) -> Iterator[Stores]:
    """Stores over `ai_env`."""
    opened = Stores(load(ai_env).settings)
    yield opened
    opened.close()


def make_class(stores: Stores, *, tenant: str = "한빛학원") -> tuple[int, int]:
    """An academy with a lecture and no students: (tenant_id, lecture_id)."""
    with stores.db.tx() as cursor:
        tenant_id = sample.make_tenant(cursor, name=tenant, code=f"hanbit{os.urandom(3).hex()}")
        return tenant_id, sample.make_lecture(cursor, tenant_id, title="고2 수학")


def request(
    stores: Stores, job_type: str, payload: dict[str, Any], *, tenant_id: int | str, tier: str = "basic"
) -> str:
    """What the API does: a PENDING row and its message. Returns the job_id."""
    import json

    job_id = make_ai_job(stores, job_type=job_type, payload=json.dumps(payload), tenant_id=str(tenant_id), tier=tier)
    body = ai_body(job_id=job_id, job_type=job_type, tier=tier, payload=payload, tenant_id=str(tenant_id))
    stores.sqs.send(getattr(stores.settings.queues, f"ai_{tier}"), body)
    return job_id
