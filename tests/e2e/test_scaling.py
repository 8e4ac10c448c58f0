"""Scaling end to end: texts wait, the function makes the group larger, the workers do the work and leave."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from academyctl.stores.aws import ClientFactory
from academyctl.stores.functions import Functions
from tests.batch.conftest import Desk
from tests.batch.conftest import batch_clients as batch_clients
from tests.batch.conftest import desk as desk
from tests.batch.conftest import platform_env as platform_env
from tests.conftest import eventually
from tests.fleet import OwnFleet, own_fleet
from tests.fleet import fleet_clients as fleet_clients
from tests.fleet_instances import Instances
from tests.strict_sqs import StrictSqs
from tests.texting_platform import Texting
from tests.texting_platform import texting as texting
from tests.texting_platform import texting_platform as texting_platform
from tests.video_commands.conftest import Cli

UPLOADS = 30
MOST = 4


@dataclass
class World:
    texting: Texting
    fleet: OwnFleet
    cli: Cli

    def rule_fires(self) -> dict[str, object]:
        """What EventBridge does each minute: run the rule's target, if the rule is on."""
        events, name = self.fleet.clients("events"), self.fleet.names.depth_rule
        assert events.describe_rule(Name=name)["State"] == "ENABLED"
        [target] = events.list_targets_by_rule(Rule=name)["Targets"]
        ran = Functions(self.fleet.clients).invoke(target["Arn"].rpartition(":")[2])
        answer = json.loads(ran.payload)
        assert isinstance(answer, dict)
        return {**answer, "error": ran.error}


@pytest.fixture
def world(
    texting: Texting,
    fleet_clients: ClientFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[World]:
    state = {"XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    assert texting.queue
    with own_fleet({**texting.env, **state}, fleet_clients) as fleet:
        yield World(texting, fleet, Cli(fleet.env, monkeypatch, capsys))


def test_thirty_messages_make_the_fleet_grow_work_and_leave(world: World, tmp_path: Path) -> None:
    words = ("apply", "outstanding", "--role", "messaging", "--max", MOST, "--per-worker", 1, "--apply", "-o", "json")
    applied = world.cli("scaling", *words)
    assert (applied.code, applied.json["applied"]) == (0, True)
    academy = world.texting.academy()
    for number in range(UPLOADS):
        world.texting.text(academy, text=f"{number}")
    run = ("worker", "run", "messaging", "--idle-exit", "1", "--leave-asg", "--wait", "1", "--concurrency", "1")
    with Instances(
        world.fleet.clients, world.fleet.names.messaging_asg, run, world.fleet.env, tmp_path
    ) as instances:  # fmt: skip
        assert instances.sizes == (1, 1)
        assert world.rule_fires()["error"] == ""
        assert instances.sizes == (MOST, MOST)
        instances.boot()
        eventually(lambda: world.texting.left() == 0, timeout=60)
        # Out by the function, in by the idle workers: down to the minimum, and not below.
        eventually(lambda: instances.sizes == (1, 1), timeout=60)
        gone = set(instances.machines) - {one["InstanceId"] for one in instances.group["Instances"]}
        assert len(gone) == MOST - 1
        for instance in gone:
            machine = instances.machines[instance]
            machine.process.join(20)
            assert (machine.process.exitcode, "left the group" in machine.log.read_text("utf-8")) == (0, True)
        # Nothing was lost, nothing was done twice, and the function lets it be.
        assert sorted(int(one["text"]) for one in world.texting.inbox()) == list(range(UPLOADS))
        assert len(world.texting.letters()) == 0
        assert world.rule_fires()["error"] == ""
        assert instances.sizes == (1, 1)


def test_with_sqs_reads_denied_the_size_holds(world: World) -> None:
    group = world.fleet.names.messaging_asg
    assert world.cli("scaling", "apply", "outstanding", "--role", "messaging", "--apply").code == 0
    world.fleet.group("messaging", DesiredCapacity=7)
    with StrictSqs() as denied:
        denied.mode("AccessDenied")
        world.fleet.variables(AWS_ENDPOINT_URL_SQS=denied.url)
        Functions(world.fleet.clients).settled(world.fleet.names.depth_lambda)
        answer = world.rule_fires()
    assert answer["error"] == "Unhandled"
    assert "AccessDenied" in str(answer["errorMessage"])
    shown = world.cli("asg", "show", "messaging", "-o", "json").json["groups"][0]
    assert (shown["name"], shown["desired"]) == (group, 7)
    metrics = world.fleet.clients("cloudwatch").list_metrics(
        Namespace=world.fleet.names.metric_namespace, MetricName="ReadFailed"
    )["Metrics"]
    assert {"Name": "WorkerType", "Value": "Messaging"} in [one["Dimensions"][0] for one in metrics]


def test_with_batch_thirty_messages_are_thirty_jobs_and_the_group_is_not_needed(
    desk: Desk, fleet_clients: ClientFactory, platform_env: dict[str, str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    queue = platform_env["VIDEO_SQS_QUEUE_NAME"]
    env = {**platform_env, "XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    desk.define("print('encoded')")
    with own_fleet({**env, "ACADEMYCTL_BATCH_LAMBDA": f"{queue}-to-batch"}, fleet_clients) as fleet:
        cli = Cli(fleet.env, monkeypatch, capsys)
        applied = cli("scaling", "apply", "batch", "--apply")
        assert applied.code == 0, applied.err
        jobs = {str(uuid.uuid4()) for _ in range(UPLOADS)}
        for job_id in jobs:
            body = {"video_id": 1, "tenant_id": 1, "file_key": "k", "tenant_code": "t", "job_id": job_id}
            desk.stores.sqs.send(queue, json.dumps(body))
        eventually(lambda: len(desk.jobs()) == UPLOADS, timeout=60, every=0.2)
        desk.power(on=True)
        eventually(lambda: {one["status"] for one in desk.jobs()} == {"SUCCEEDED"}, timeout=60, every=0.2)
        assert {one["parameters"]["job_id"] for one in desk.jobs()} == jobs
        depth, dead = desk.stores.sqs.attributes(queue), desk.stores.sqs.attributes(f"{queue}-dlq")
        assert (depth.visible + depth.in_flight + depth.delayed, dead.visible) == (0, 0)
        shown = cli("scaling", "show", "-o", "json").json
        assert (shown["policy"], shown["min"], shown["desired"]) == ("batch", 0, 1)
        assert cli("scaling", "rollback", "--apply").code == 0
        assert cli("scaling", "show", "-o", "json").json["mappings"] == []
