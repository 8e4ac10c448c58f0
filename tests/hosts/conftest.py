"""A fleet of the tests' own, whose machines nobody else's name tag finds, and workers that beat on them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from tests.fleet import OwnFleet, own_fleet
from tests.video_commands.conftest import Cli

ROLES = ("VIDEO", "AI", "MESSAGING")


@pytest.fixture(scope="package")
def opened(stack: LocalStack) -> Iterator[Stores]:
    """The stack's stores, for the package's own looks and changes."""
    stores = Stores(load({**stack.env(), "REDIS_DB": "1"}).settings)
    yield stores
    stores.close()


@pytest.fixture
def park(stack: LocalStack, opened: Stores) -> Iterator[OwnFleet]:
    """A fleet that the test may change: one machine a group."""
    unique = uuid.uuid4().hex[:8]
    tags = {f"{role}_WORKER_NAME_TAG": f"{unique}-{role.lower()}" for role in ROLES}
    with own_fleet(
        {**stack.env(), "REDIS_DB": "1", **tags, "API_NAME_TAG": f"{unique}-api"}, opened.fleet_clients
    ) as made:
        yield made


@pytest.fixture
def cli(park: OwnFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    state = {"XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    return Cli({**park.env, **state}, monkeypatch, capsys)


@pytest.fixture
def beating(opened: Stores) -> Iterator[Any]:
    """Let a worker beat: `beating("video", instance_id="i-1", jobs=[...])`; the heartbeats end with the test."""
    made = []

    def beat(kind: str, **fields: Any) -> None:
        now = datetime.now(UTC).isoformat()
        token = uuid.uuid4().hex
        document = {
            "kind": kind,
            "token": token,
            "host": "somewhere",
            "pid": 7,
            "version": "1.0",
            "started_at": now,
            "beat_at": now,
            "last_receive_at": now,
            "jobs": [],
            **fields,
        }
        made.append(keys.worker_heartbeat(kind, token))
        opened.redis.set(made[-1], json.dumps(document), ttl_s=60)

    yield beat
    if made:
        opened.redis.delete(*made)


def raw(park: OwnFleet, role: str = "video") -> Any:
    """A group as AWS describes it."""
    name = str(getattr(park.names, f"{role}_asg"))
    [found] = park.clients("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
        "AutoScalingGroups"
    ]
    return found


def ids(park: OwnFleet, role: str = "video") -> list[str]:
    """A group's instances."""
    return [str(one["InstanceId"]) for one in raw(park, role)["Instances"]]
