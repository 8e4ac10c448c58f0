"""Dead letters of the test's own video queue. Nothing here needs a database or a bucket, so none is made."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from academyctl.contract.messages import encode_body
from academyctl.local import resources
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.video_commands.conftest import cli

__all__ = ["cli"]

Bury = Callable[..., str]


_NUMBERS = itertools.count(1)


@pytest.fixture
def platform_env(stack: LocalStack, opened: Stores) -> Iterator[dict[str, str]]:
    """The stack's environment with a video queue and a DLQ of the test's own."""
    name = f"l{os.getpid()}-{next(_NUMBERS)}-video"
    env = {**stack.env(), "VIDEO_SQS_QUEUE_NAME": name, "ACADEMYCTL_LOCAL_DIR": str(stack.folder)}
    spec = resources.queue_specs(load(env).settings.queues)[0]
    resources.create_queue(opened.sqs, spec)
    yield env
    opened.sqs.remove(spec.name)
    opened.sqs.remove(spec.dlq)


@pytest.fixture(scope="session")
def opened(stack: LocalStack) -> Iterator[Stores]:
    """The stack's own stores: making a client costs more than a test."""
    stores = Stores(load(stack.env()).settings)
    yield stores
    stores.close()


@pytest.fixture
def dlq(stores: Stores) -> str:
    return f"{stores.settings.queues.video}-dlq"


@pytest.fixture
def bury(stores: Stores, dlq: str) -> Bury:
    """Put an encode message, or any body, among the dead letters as a worker does; returns its id."""

    def put(video_id: int = 111, *, reason: str = "no upload", body: dict[str, Any] | None = None, **extra: str) -> str:
        made = encode_body(video_id=video_id, tenant_id=1, file_key="a.mp4", tenant_code="demo", now=datetime.now(UTC))
        told = {"academyctl.reason": reason, "academyctl.rejected_at": "now"} if reason else {}
        return stores.sqs.send(dlq, made if body is None else json.dumps(body), attributes={**told, **extra})

    return put
