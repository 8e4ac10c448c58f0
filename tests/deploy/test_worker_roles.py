"""A worker does its work with its role's permissions alone: as a process of its own, in an account made of iam.yaml."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from academyctl.local import resources
from academyctl.local.stack import LocalStack
from academyctl.ops.queues import create_queue, queue_specs
from academyctl.settings import load
from academyctl.stores import Stores
from tests.cli.tool import academyctl
from tests.deploy.templates import deployed

ROLES = {"video": "video", "ai": "ai_basic", "messaging": "messaging"}


@dataclass(frozen=True)
class Account:
    """The emulator's account, whose owner may do everything."""

    env: dict[str, str]
    stores: Stores

    def as_role(self, role: str) -> dict[str, str]:
        """The environment with the key of a user who may what the role may."""
        iam = self.stores.aws_clients()("iam")
        # AWS asks for sqs:DeleteMessage where ten are deleted at once, the emulator for an action of that call's name.
        key, secret = resources.create_user(self.stores.aws_clients(), f"as-{role}", "sqs:*Batch")
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            iam.put_user_policy(UserName=f"as-{role}", PolicyName=name, PolicyDocument=json.dumps(document))
        for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            iam.attach_user_policy(UserName=f"as-{role}", PolicyArn=one["PolicyArn"])
        return {**self.env, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}


@pytest.fixture(scope="module")
def account(stack: LocalStack) -> Iterator[Account]:
    # The emulator takes a key of twelve digits for the account of that number.
    number = str(random.randrange(10**11, 10**12))
    env = {**stack.env(), "AWS_ACCESS_KEY_ID": number, "AWS_SECRET_ACCESS_KEY": "any"}
    stores = Stores(load(env).settings)
    for spec in queue_specs(stores.settings.queues):
        create_queue(stores.sqs, spec)
    with deployed(stores.aws_clients(), "iam", "iam.yaml"):
        yield Account(env, stores)
    stores.close()


@pytest.mark.parametrize("kind", ROLES)
def test_a_worker_settles_a_message_with_its_roles_permissions(account: Account, kind: str, tmp_path: Path) -> None:
    """A message that nobody can read is received, copied into the dead-letter queue with its reason, and deleted."""
    queues = account.stores.settings.queues
    queue = str(getattr(queues, ROLES[kind]))
    account.stores.sqs.send(queue, "no JSON")
    ran = academyctl(
        "worker", "run", kind, "--once", "--wait", "1", folder=tmp_path, env=account.as_role(f"academy-{kind}-worker")
    )
    assert "AccessDenied" not in ran.err + ran.out
    assert "SQS_JOB_REJECTED" in ran.err
    counts = account.stores.sqs.attributes(queue), account.stores.sqs.attributes(f"{queue}-dlq")
    assert (counts[0].visible + counts[0].in_flight, counts[1].visible) == (0, 1), ran.err


def test_a_worker_cannot_reach_another_workers_queue(account: Account, tmp_path: Path) -> None:
    env = account.as_role("academy-messaging-worker")
    account.stores.sqs.send(account.stores.settings.queues.messaging, "no JSON")
    other = {**env, "MESSAGING_SQS_QUEUE_NAME": account.stores.settings.queues.video}
    ran = academyctl("queue", "show", "messaging", "-o", "json", folder=tmp_path, env=other)
    assert "AccessDenied" in ran.out + ran.err
