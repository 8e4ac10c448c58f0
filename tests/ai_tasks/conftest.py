"""What the job types' tests share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from academyctl.local import environment, postgres
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores

# A process may come back to this folder after others.
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="package")
def excel_platform(stack: LocalStack) -> Iterator[Stores]:
    """Stores over a database and a bucket for spreadsheets that these tests share: each makes an academy of its own."""
    name = f"exports{os.getpid()}x{next(_NUMBERS)}"
    bucket = f"academy-{name}"
    postgres.create(stack.state(), name)
    opened = Stores(load({**stack.env(), "DB_NAME": name, "REDIS_DB": "2", "R2_EXCEL_BUCKET": bucket}).settings)
    location = {"LocationConstraint": environment.REGION}
    opened.aws_clients()("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    yield opened
    opened.close()
    postgres.drop(stack.state(), name)
