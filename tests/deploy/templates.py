"""The CloudFormation templates as data, and stacks made of them on an emulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from academyctl.stores.aws import ClientFactory
from tests.conftest import eventually

DEPLOY = Path(__file__).parents[2] / "deploy"
FOLDER = DEPLOY / "cloudformation"
TEMPLATES = tuple(path.name for path in sorted(FOLDER.glob("*.yaml")))


@cache
def template(name: str) -> dict[str, Any]:
    """A template with its short tags spelled out (`Ref`, `Fn::Sub`, ...)."""
    # Imported here: it takes a second, in every process that only collects.
    from cfnlint.decode.cfn_yaml import load

    found: dict[str, Any] = load(str(FOLDER / name))
    return found


def resources(name: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(logical name, properties) of a template's resources of one type."""
    for logical, resource in template(name)["Resources"].items():
        if resource["Type"] == kind:
            yield logical, resource["Properties"]


@contextmanager
def deployed(clients: ClientFactory, stack: str, name: str, **parameters: str) -> Iterator[None]:
    """A stack of a template while the block runs; it must come up whole, and go whole."""
    cloudformation = clients("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=(FOLDER / name).read_text(encoding="utf-8"),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    try:
        assert eventually(lambda: _ended(clients, stack), 30) == "CREATE_COMPLETE", _failures(clients, stack)
        yield
    finally:
        cloudformation.delete_stack(StackName=stack)
        assert eventually(lambda: _ended(clients, stack), 30) == "DELETE_COMPLETE", _failures(clients, stack)


def _ended(clients: ClientFactory, stack: str) -> str:
    """How creating or deleting ended; '' while it goes on."""
    cloudformation = clients("cloudformation")
    try:
        [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except cloudformation.exceptions.ClientError:
        return "DELETE_COMPLETE"
    status = str(found["StackStatus"])
    return "" if status.endswith("IN_PROGRESS") else status


def _failures(clients: ClientFactory, stack: str) -> list[str]:
    events = clients("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    told: Mapping[str, str] = {
        one["LogicalResourceId"]: one.get("ResourceStatusReason", "")
        for one in events
        if "FAILED" in one["ResourceStatus"]
    }
    return [f"{name}: {why}" for name, why in told.items()]
