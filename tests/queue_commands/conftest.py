"""Queues of the test's own: named in the settings, and not there until a test makes them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from academyctl.local.stack import LocalStack
from academyctl.ops.queues import queue_specs
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.queue_admin import QueueAdmin
from tests.video_commands.conftest import Cli

_NUMBERS = itertools.count(1)
WORDS = ("video", "ai_lite", "ai_basic", "ai_premium", "messaging")
State = Callable[[], dict[str, dict[str, str]]]


@pytest.fixture(scope="session")
def opened(stack: LocalStack) -> Iterator[Stores]:
    """The stack's own stores: making a client costs more than a test."""
    stores = Stores(load(stack.env()).settings)
    yield stores
    stores.close()


@pytest.fixture
def prefix() -> str:
    return f"q{os.getpid()}-{next(_NUMBERS)}"


@pytest.fixture
def env(stack: LocalStack, opened: Stores, prefix: str) -> Iterator[dict[str, str]]:
    """The stack's environment with names of its own for every queue; what was made of them is deleted afterwards."""
    ai = {f"AI_SQS_QUEUE_NAME_{tier}": f"{prefix}-ai-{tier.lower()}" for tier in ("LITE", "BASIC", "PREMIUM")}
    yield {
        **stack.env(),
        **ai,
        "VIDEO_SQS_QUEUE_NAME": f"{prefix}-video",
        "MESSAGING_SQS_QUEUE_NAME": f"{prefix}-messaging",
        "ANALYSIS_SQS_QUEUE_NAME": f"{prefix}-analysis",
        "ACADEMYCTL_LOCAL_DIR": str(stack.folder),
    }
    for name in ours(opened.queue_admin, prefix):
        opened.queue_admin.delete(name)


@pytest.fixture
def stores(env: dict[str, str], opened: Stores) -> Stores:
    """The stack's clients with the test's names."""
    named = Stores(load(env).settings)
    opened.sqs_quick, opened.queue_admin, opened.sqs  # noqa: B018 - made once, for all tests
    named._made.update(opened._made)
    return named


@pytest.fixture
def made(stores: Stores) -> Stores:
    """The same with the video queue and its dead-letter queue made."""
    from academyctl.ops.queues import create_queue

    create_queue(stores.sqs_quick, queue_specs(stores.settings.queues)[0])
    return stores


@pytest.fixture
def state(opened: Stores, prefix: str) -> State:
    """Everything that SQS tells about the test's queues, by name."""
    admin = opened.queue_admin
    return lambda: {name: admin.raw(name) or {} for name in ours(admin, prefix)}


@pytest.fixture
def cli(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    kept = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({**env, **kept}, monkeypatch, capsys)


def ours(admin: QueueAdmin, prefix: str) -> list[str]:
    return [name for name in admin.names() if name.startswith(f"{prefix}-")]
