"""What the account and the settings give to a plan of scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from academyctl.ops import lambda_specs
from academyctl.ops.scaling_policies import Around

if TYPE_CHECKING:
    from academyctl.stores import Stores


def around(stores: Stores) -> Around:
    """Ask once who we are. Raises AwsError."""
    settings = stores.settings
    partition, account = stores.functions.account()
    role = settings.fleet.lambda_role
    return Around(
        partition=partition,
        region=settings.aws.region,
        account=account,
        role=role if role.startswith("arn:") else f"arn:{partition}:iam::{account}:role/{role}",
        counter=lambda_specs.spec(settings, lambda_specs.DEPTH),
        feeder=lambda_specs.spec(settings, lambda_specs.BATCH),
        per_worker=settings.fleet.per_worker,
    )
