"""EventBridge rules and their targets, changed and put back. `Fleet.rule` reads what a diagnosis needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from academyctl.errors import AwsError
from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import ours

Raw = dict[str, Any]


class Rules:
    """Rules by name. Every method raises AwsError and nothing else."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def raw(self, name: str) -> tuple[Raw, list[Raw]] | None:
        """(rule, its targets) as AWS describes them; None when there is none."""
        try:
            with ours("events:DescribeRule", name):
                rule = self._client.describe_rule(Name=name)
        except AwsError as error:
            if error.cause == "missing":
                return None
            raise
        with ours("events:ListTargetsByRule", name):
            targets = self._client.list_targets_by_rule(Rule=name).get("Targets", [])
        return {key: value for key, value in rule.items() if key != "ResponseMetadata"}, [dict(one) for one in targets]

    def all(self, prefix: str = "") -> list[Raw]:
        """The default bus's rules whose names begin with `prefix`, as AWS lists them: without targets."""
        found: list[Raw] = []
        asked: dict[str, str] = {"NamePrefix": prefix} if prefix else {}
        with ours("events:ListRules", prefix or "*"):
            while True:
                answer = self._client.list_rules(**asked)
                found += [dict(one) for one in answer["Rules"]]
                if not answer.get("NextToken"):
                    return sorted(found, key=lambda one: str(one["Name"]))
                asked["NextToken"] = answer["NextToken"]

    def put(self, name: str, *, schedule: str, state: str, description: str = "") -> str:
        """Make a rule or change it; its ARN."""
        told = {"Description": description} if description else {}
        with ours("events:PutRule", name):
            answer = self._client.put_rule(Name=name, ScheduleExpression=schedule, State=state, **told)
            return str(answer["RuleArn"])

    def restore(self, request: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> None:
        """PutRule with these parameters, and exactly these targets."""
        name = str(request["Name"])
        with ours("events:PutRule", name):
            self._client.put_rule(**request)
        there = self.raw(name)
        extra = {str(one["Id"]) for one in (there[1] if there else [])} - {str(one["Id"]) for one in targets}
        if extra:
            self.untarget(name, sorted(extra))
        if targets:
            with ours("events:PutTargets", name):
                answer = self._client.put_targets(Rule=name, Targets=[dict(one) for one in targets])
            _taken(answer, "events:PutTargets", name)

    def enable(self, name: str) -> None:
        with ours("events:EnableRule", name):
            self._client.enable_rule(Name=name)

    def disable(self, name: str) -> None:
        with ours("events:DisableRule", name):
            self._client.disable_rule(Name=name)

    def target(self, name: str, target_id: str, arn: str) -> None:
        """Point the rule at something."""
        with ours("events:PutTargets", name):
            answer = self._client.put_targets(Rule=name, Targets=[{"Id": target_id, "Arn": arn}])
        _taken(answer, "events:PutTargets", name)

    def untarget(self, name: str, target_ids: Sequence[str]) -> None:
        with ours("events:RemoveTargets", name):
            answer = self._client.remove_targets(Rule=name, Ids=list(target_ids))
        _taken(answer, "events:RemoveTargets", name)

    def delete(self, name: str) -> None:
        """Delete a rule without targets."""
        with ours("events:DeleteRule", name):
            self._client.delete_rule(Name=name)

    @property
    def _client(self) -> Any:
        return self._clients("events")


def _taken(answer: Mapping[str, Any], action: str, name: str) -> None:
    """AWS answers 200 to a change of targets that it did not make, and says so in the answer."""
    if answer.get("FailedEntryCount"):
        first: Mapping[str, Any] = next(iter(answer.get("FailedEntries") or []), {})
        why = f"{first.get('ErrorCode', '')} {first.get('ErrorMessage', '')}".strip()
        raise AwsError(f"{action} failed for {name}", why=why, cause="refused", code=str(first.get("ErrorCode") or ""))
