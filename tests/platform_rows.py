"""Rows as the platform's programs leave them (AI jobs, attempts to send a message), and a database for them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from academyctl.local import postgres, sample
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.databases import empty

_JSON = "{}"


@pytest.fixture(scope="package")
def rows_platform(stack: LocalStack, steady_env: dict[str, str]) -> Iterator[tuple[dict[str, str], Stores]]:
    """The steady platform over a database that is only for rows: making one costs more than emptying it."""
    env = {**steady_env, "DB_NAME": f"rows{os.getpid()}"}
    postgres.create(stack.state(), env["DB_NAME"])
    stores = Stores(load(env).settings)
    yield env, stores
    stores.close()
    postgres.drop(stack.state(), env["DB_NAME"])


@pytest.fixture
def rows(rows_platform: tuple[dict[str, str], Stores]) -> Stores:
    """Stores over empty tables."""
    stores = rows_platform[1]
    with stores.db.tx() as cursor:
        empty(cursor)
    return stores


@pytest.fixture
def rows_env(rows_platform: tuple[dict[str, str], Stores], rows: Stores) -> dict[str, str]:
    """The environment of `rows`."""
    del rows
    return rows_platform[0]


def make_ai_job(
    stores: Stores, *, status: str = "PENDING", age: timedelta = timedelta(), result: bool = False, **values: Any
) -> str:
    """An AI job made `age` ago, and its result if asked; `values` are columns. Returns its job_id."""
    now = datetime.now(UTC)
    row: dict[str, Any] = {
        "created_at": now - age, "updated_at": now - age, "job_id": str(uuid.uuid4()), "job_type": "excel_parsing",
        "status": status, "payload": _JSON, "error_message": "", "tenant_id": "1", "tier": "basic", "attempt_count": 0,
        "max_attempts": 5, "next_run_at": now - age, "last_error": "", "force_rerun": False, "rerun_reason": "",
    }  # fmt: skip
    with stores.db.tx() as cursor:
        job = sample.insert(cursor, "ai_job", **(row | values))
        if result:
            sample.insert(cursor, "ai_result", created_at=now, updated_at=now, payload=_JSON, job_id=job)
    return str((row | values)["job_id"])


def make_attempts(
    stores: Stores, count: int, *, reason: str = "", tenant_id: int = 1, age: timedelta = timedelta(minutes=1)
) -> None:
    """Attempts to send a message, `age` ago; with a reason they failed."""
    with stores.db.tx() as cursor:
        for number in range(count):
            sample.insert(
                cursor, "messaging_notificationlog", sent_at=datetime.now(UTC) - age - timedelta(seconds=number),
                success=not reason, amount_deducted=0 if reason else "8.50", recipient_summary="0101****",
                template_summary="SMS", failure_reason=reason, tenant_id=tenant_id,
            )  # fmt: skip
