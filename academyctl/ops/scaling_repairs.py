"""One thing that scaling is made of: made, changed or taken away, while it still is what the plan showed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from academyctl.ops.scaling_state import ACTIONS, Json, Names, read_one
from academyctl.repairs import Changed

if TYPE_CHECKING:
    from academyctl.stores import Stores

_CALLED = {
    "group": "Auto Scaling group", "hook": "lifecycle hook", "rule": "rule", "mapping": "event source mapping of queue",
    "policy": "scaling policy", "alarm": "alarm",
}  # fmt: skip
# Said by the thing itself.
_UNSAID = ("AutoScalingGroupName", "PolicyName", "AlarmName", "LifecycleHookName", "Name", "AlarmDescription")
_USUAL = (("ActionsEnabled", "True"),)
_INPUTS = ("Id", "ReturnData", "Namespace", "MetricName", "Stat", "QueueName")


@dataclass(frozen=True)
class Replace:
    """Make a thing what it should be: `before` None makes it, `after` None takes it away."""

    names: Names
    part: str
    name: str
    before: Json | None = field(repr=False)
    after: Json | None = field(repr=False)
    undo: str

    def __str__(self) -> str:
        what = f"{_CALLED[self.part]} {self.name}"
        if self.after is None:
            return f"delete {what} ({', '.join(_flat(self.before or {}))})"
        if self.before is None:
            return f"make {what} ({', '.join(_flat(self.after))})"
        return f"change {what}: {', '.join(differences(self.before, self.after))}"

    def do(self, stores: Stores) -> None:
        now = read_one(stores, self.names, self.part, self.name)
        if now != self.before:
            told = "it is gone" if now is None else ", ".join(differences(self.before or {}, now))
            raise Changed(f"{_CALLED[self.part]} {self.name} was not changed", why=f"meanwhile: {told}")
        if self.after is None:
            _delete(stores, self.names, self.part, self.name)
        else:
            _put(stores, self.names, self.part, self.name, self.after, now)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """`State DISABLED -> ENABLED`, one a change."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return tuple(
        f"{_word(key)} {old.get(key, '(none)')} -> {new.get(key, '(none)')}"
        for key in [*new, *(key for key in old if key not in new)]
        if old.get(key) != new.get(key)
    )


def _flat(content: Mapping[str, Any]) -> Iterator[str]:
    """What a thing is, in short: without what its name says, what is so by default, the inputs of an expression."""
    leaves = [(_word(key), value) for key, value in _leaves(content)]
    math = any(word == "Expression" for word, _ in leaves)
    for word, value in leaves:
        if word not in _UNSAID and (word, value) not in _USUAL and not (math and word in _INPUTS):
            yield f"{word}={value}"


def _word(key: str) -> str:
    return key.rpartition(".")[2]


def _leaves(content: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(content, Mapping) and content.keys() == {"Name", "Value"}:
        yield f"{path}.{content['Name']}", str(content["Value"])
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(content, list) and any(isinstance(one, Mapping) for one in content):
        for number, value in enumerate(content):
            yield from _leaves(value, f"{path}.{number}")
    elif isinstance(content, list):
        yield path, "+".join(map(str, content)) or "(none)"
    else:
        yield path, f"{content:g}" if isinstance(content, float) else str(content)


def _put_group(stores: Stores, name: str, after: Json, now: Json | None) -> None:
    was, wanted = set((now or {})["Metrics"]), set(after["Metrics"])
    if wanted - was:
        stores.asg.collect(name, sorted(wanted - was), on=True)
    if was - wanted:
        stores.asg.collect(name, sorted(was - wanted), on=False)
    protected = after["NewInstancesProtectedFromScaleIn"]
    if (now or {})["NewInstancesProtectedFromScaleIn"] != protected:
        stores.asg.new_instances_protected(name, protected=protected)


def _put_alarm(stores: Stores, these: Names, name: str, after: Json) -> None:
    arns = {f"policy:{raw['PolicyName']}": str(raw["PolicyARN"]) for raw in stores.asg.raw_policies(these.group)}
    actions = {key: [arns.get(one, one) for one in after[key]] for key in ACTIONS if key in after}
    if gone := [one for some in actions.values() for one in some if one.startswith("policy:")]:
        raise Changed(f"alarm {name} was not made", why=f"the {gone[0].replace(':', ' ')} that it should run is gone")
    stores.alarms.put({**after, **actions})


def _put_mapping(stores: Stores, these: Names, name: str, after: Json, now: Json | None) -> None:
    if now is None:
        options = {key: value for key, value in after.items() if key not in ("FunctionName", "EventSourceArn")}
        made = stores.functions.map(these.feeder, str(after["EventSourceArn"]), options)
    else:
        made = _mapping_id(stores, these, name)
        # In one call: AWS refuses a second one while the first is being made.
        stores.functions.remap(made, {key: value for key, value in after.items() if now.get(key) != value})
    stores.functions.mapping_settled(made, "Enabled" if after["Enabled"] else "Disabled")


def _mapping_id(stores: Stores, these: Names, queue: str) -> str:
    # One that is being deleted is listed for some seconds more.
    return next(
        str(raw["UUID"])
        for raw in stores.functions.mappings(these.feeder)
        if str(raw.get("EventSourceArn", "")).rpartition(":")[2] == queue and raw.get("State") != "Deleting"
    )


def _delete_rule(stores: Stores, name: str) -> None:
    found = stores.rules.raw(name)
    if found and found[1]:
        stores.rules.untarget(name, [str(one["Id"]) for one in found[1]])
    stores.rules.delete(name)


def _put(stores: Stores, these: Names, part: str, name: str, after: Json, now: Json | None) -> None:
    match part:
        case "group":
            _put_group(stores, name, after, now)
        case "hook":
            stores.asg.put_hook(after)
        case "rule":
            stores.rules.restore(after["Rule"], after["Targets"])
        case "mapping":
            _put_mapping(stores, these, name, after, now)
        case "policy":
            stores.asg.put_policy(after)
        case "alarm":
            _put_alarm(stores, these, name, after)


def _delete(stores: Stores, these: Names, part: str, name: str) -> None:
    match part:
        case "hook":
            stores.asg.delete_hook(these.group, name)
        case "rule":
            _delete_rule(stores, name)
        case "mapping":
            stores.functions.unmap(_mapping_id(stores, these, name))
        case "policy":
            stores.asg.delete_policy(these.group, name)
        case "alarm":
            stores.alarms.delete([name])
