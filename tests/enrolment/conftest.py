"""One database for all of these tests, emptied before each: making one costs more than the import it is for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from academyctl.local import postgres
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.postgres import Postgres
from tests.enrolment.academy import TABLES, Academy, count, make_academy

# Emptying all tables for good costs as much as ten small imports; a handful of rows is deleted in no time.
_MANY = 1000
_TRUNCATE = "TRUNCATE core_tenant, accounts_user, ai_job RESTART IDENTITY CASCADE"
_DELETE = ";".join(
    f"DELETE FROM {table}; SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1, false)"
    for table in reversed(TABLES)
)


@pytest.fixture(scope="package")
def enrolment_stores(stack: LocalStack) -> Iterator[Stores]:
    name = f"enrol{os.getpid()}"
    postgres.create(stack.state(), name)
    stores = Stores(load({}, overlay={**stack.env(), "DB_NAME": name}).settings)
    yield stores
    stores.close()
    postgres.drop(stack.state(), name)


@pytest.fixture
def stores(enrolment_stores: Stores) -> Stores:
    """Stores over empty tables."""
    many = count(enrolment_stores.db, "accounts_user") > _MANY
    with enrolment_stores.db.tx() as cursor:
        cursor.execute((_TRUNCATE if many else _DELETE).encode())
    return enrolment_stores


@pytest.fixture
def db(stores: Stores) -> Postgres:
    return stores.db


@pytest.fixture
def academy(db: Postgres, tmp_path: Path) -> Academy:
    return make_academy(db, tmp_path / "hanbit")
