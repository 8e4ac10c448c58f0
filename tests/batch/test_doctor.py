"""`batch doctor`: each thing that can be wrong with Batch, as a table; and the stack's own Batch, which is fine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from academyctl.local import batch_resources
from academyctl.ops.batch_doctor import Facts, judge
from tests.batch.conftest import Desk
from tests.batch.facts import JOB, NOW, ROW
from tests.video_commands.conftest import Cli

DEFINITION = {**batch_resources.definition("a-job", "/a-group"), "revision": 3}
FACTS = Facts(
    now=NOW, queue_name="a-queue", definition_name="a-job", queue={"state": "ENABLED", "status": "VALID"},
    environments=[{"computeEnvironmentName": "a-ce", "state": "ENABLED", "status": "VALID",
                   "computeResources": {"maxvCpus": 4}}],
    definition=DEFINITION, image_there=True, log_group="/a-group", log_group_there=True, jobs=(JOB,), rows=(ROW,),
    drift=0,
)  # fmt: skip
OLD = replace(JOB, created_at=NOW - timedelta(minutes=16))
FAILED = replace(JOB, status="FAILED", why="Host EC2 terminated", stopped_at=NOW - timedelta(hours=1))
SILENT = replace(ROW, state="RUNNING", updated_at=NOW - timedelta(minutes=21))


def _environment(**changes: Any) -> Facts:
    return replace(FACTS, environments=[{**FACTS.environments[0], **changes}])


def _definition(**changes: Any) -> Facts:
    return replace(FACTS, definition={**DEFINITION, **changes})


def _container(**changes: Any) -> Facts:
    return _definition(containerProperties={**DEFINITION["containerProperties"], **changes})


@pytest.mark.parametrize(
    ("facts", "code", "state"),
    [
        (replace(FACTS, queue=None, environments=()), "queue-missing", "fail"),
        (replace(FACTS, queue={"state": "DISABLED", "status": "VALID"}), "queue-off", "fail"),
        (replace(FACTS, queue={"state": "ENABLED", "status": "INVALID"}), "queue-off", "fail"),
        (replace(FACTS, environments=()), "environment-missing", "fail"),
        (_environment(state="DISABLED"), "environment-off", "fail"),
        (_environment(status="INVALID", statusReason="CLIENT_ERROR"), "environment-off", "fail"),
        (_environment(computeResources={"maxvCpus": 0}), "environment-empty", "fail"),
        (replace(FACTS, definition=None), "definition-missing", "fail"),
        (_container(command=["run", "Ref::size"]), "parameter-missing", "fail"),
        (_container(resourceRequirements=[{"type": "VCPU", "value": "8"}]), "too-large", "fail"),
        (_definition(timeout={}), "no-timeout", "warn"),
        (_definition(retryStrategy={"attempts": 3}), "retries-all", "warn"),
        (_container(environment=[{"name": "DB_PASSWORD", "value": "x"}]), "plain-secrets", "warn"),
        (replace(FACTS, log_group_there=False), "log-group-missing", "fail"),
        (replace(FACTS, image_there=False), "image-missing", "fail"),
        (replace(FACTS, jobs=(OLD,)), "runnable-long", "fail"),
        (replace(FACTS, jobs=(FAILED,)), "failed", "warn"),
        (replace(FACTS, rows=None, database_why="no route"), "rows-unread", "warn"),
        (replace(FACTS, rows=(SILENT,)), "silent", "warn"),
        (replace(FACTS, drift=2), "drift", "warn"),
    ],
)
def test_what_is_wrong_is_found_and_nothing_else(facts: Facts, code: str, state: str) -> None:
    assert [(one.code, one.state) for one in judge(facts) if one.state != "ok"] == [(code, state)]


def test_a_sound_batch_has_nothing_but_ok() -> None:
    assert {one.state for one in judge(FACTS)} == {"ok"}


def test_every_finding_has_a_command_that_mends_it_and_korean_that_a_korean_console_can_show() -> None:
    wrong = replace(FACTS, queue=None, environments=(), definition=None, jobs=(OLD, FAILED), rows=(SILENT,), drift=1)
    for one in judge(wrong):
        one.text.ko.encode("cp949")
        assert one.state == "ok" or one.mend


def test_the_stacks_batch_is_judged_for_real(cli: Cli, desk: Desk) -> None:
    ran = cli("batch", "doctor", "--output", "json")
    codes = {one["code"]: one["state"] for one in ran.json["findings"]}
    assert ran.code == 1
    assert codes == {"queue": "ok", "environment-off": "fail", "definition": "ok", "jobs": "ok", "rows": "ok"}
    desk.power(on=True)
    assert cli("batch", "doctor").code == 0
