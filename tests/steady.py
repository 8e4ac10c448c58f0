"""A platform that many read-only tests share: making one costs more than a diagnosis of it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from academyctl.local import environment, postgres, resources
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.fleet import own_fleet

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="package")
def steady_env(stack: LocalStack) -> Iterator[dict[str, str]]:
    """The platform's environment over a database, a video queue and a video bucket that no test changes."""
    unique = f"steady{os.getpid()}x{next(_NUMBERS)}"
    bucket = f"academy-video-{unique}"
    env = {
        **stack.env(),
        "DB_NAME": unique,
        "REDIS_DB": "2",
        "R2_BUCKET": bucket,
        "R2_VIDEO_BUCKET": bucket,
        "VIDEO_SQS_QUEUE_NAME": f"{unique}-video",
    }
    postgres.create(stack.state(), unique)
    stores = Stores(load(env).settings)
    spec = resources.queue_specs(stores.settings.queues)[0]
    resources.create_queue(stores.sqs, spec)
    location = {"LocationConstraint": environment.REGION}
    stores.aws_clients()("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    with own_fleet(env, stores.aws_clients(), "lambda-rule") as fleet:
        yield fleet.env
    stores.sqs.remove(spec.name)
    stores.sqs.remove(spec.dlq)
    stores.close()
    postgres.drop(stack.state(), unique)
