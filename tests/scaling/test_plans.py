"""Every policy over every other, on an account that is only a value: a plan leads there, a rollback exactly back."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from academyctl.errors import UsageError, WorkFailed
from academyctl.ops import lambda_repairs as functions
from academyctl.ops import saves, scaling_shared
from academyctl.ops.package import package, sha256
from academyctl.ops.saves import Save
from academyctl.ops.scaling_plans import Asked, Resized, in_force, plan_apply, plan_rollback, undo_command
from academyctl.ops.scaling_policies import POLICIES
from academyctl.ops.scaling_repairs import Replace
from academyctl.ops.scaling_state import Names, State
from academyctl.repairs import Repair
from tests.scaling.test_doctor import AROUND, BARE, GROUP, NAMES, RAW

UNDO = "academyctl scaling rollback --apply"
FOREIGN = b"their code"


def inherited() -> State:
    """Somebody else's: a policy with an alarm that also tells a topic, a hook, a function, a rule that is off."""
    parts: dict[str, Any] = {"group": copy.deepcopy(GROUP), **copy.deepcopy(BARE)}
    parts["group"]["group"]["NewInstancesProtectedFromScaleIn"] = True
    parts["policy"]["old"] = {"PolicyName": "old", "PolicyType": "StepScaling"}
    parts["alarm"]["both"] = {"AlarmName": "both", "AlarmActions": ["policy:old", "arn:topic"]}
    parts["alarm"]["only"] = {"AlarmName": "only", "AlarmActions": ["policy:old"]}
    parts["hook"]["theirs"] = {
        "LifecycleHookName": "theirs",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
    }
    configuration = functions.Configuration("their-role", timeout=99, variables={"KEY": "secret", "AI_MODE": "publish"})
    parts["function"]["depth"] = {
        "Configuration": asdict(configuration), "Code": sha256(FOREIGN), "Reserved": 3,
        "Permissions": [{"statement": "s", "principal": "p", "source_arn": "a"}],
    }  # fmt: skip
    parts["rule"]["rule"] = {"Rule": {"Name": "rule", "State": "DISABLED"}, "Targets": [{"Id": "1", "Arn": "other"}]}
    return State(NAMES, parts, dict(RAW))


def done(state: State, repairs: Sequence[Repair]) -> State:
    """The account after these, as AWS would have it."""
    parts: dict[str, dict[str, Any]] = {part: copy.deepcopy(dict(found)) for part, found in state.parts.items()}
    raw = dict(state.raw)
    for one in repairs:
        if isinstance(one, Replace):
            assert parts[one.part].get(one.name) == one.before, "not what the plan showed"
            if one.after is None:
                del parts[one.part][one.name]
            else:
                parts[one.part][one.name] = copy.deepcopy(one.after)
        elif isinstance(one, Resized):
            assert (one.before.min, one.before.desired, one.before.max) == tuple(
                raw[key] for key in ("MinSize", "DesiredCapacity", "MaxSize")
            )
            raw |= {"MinSize": one.after.min, "DesiredCapacity": one.after.desired, "MaxSize": one.after.max}
        else:
            _function(parts["function"], one)
    return replace(state, parts=parts, raw=raw)


def _function(there: dict[str, Any], one: Any) -> None:
    match one:
        case functions.Create():
            code = sha256(one.code)
            there[one.name] = {
                "Configuration": asdict(one.configuration), "Code": code, "Permissions": [], "Reserved": None,
            }  # fmt: skip
        case functions.Delete():
            del there[one.name]
        case functions.ReplaceCode():
            there[one.name]["Code"] = sha256(one.code)
        case functions.Configure():
            there[one.name]["Configuration"] = asdict(one.after)
        case functions.Allow():
            there[one.name]["Permissions"].append(asdict(one.permission))
            there[one.name]["Permissions"].sort(key=lambda entry: entry["statement"])
        case functions.Forbid():
            there[one.name]["Permissions"].remove(asdict(one.permission))
        case functions.Reserve():
            there[one.name]["Reserved"] = one.after
        case _:
            raise AssertionError(f"unknown repair {one!r}")


def asked(policy: str) -> Asked:
    return Asked(policy, size=3 if policy == "fixed" else None, workers_protect=True)


def saved(state: State, folder: Path, sizes: str) -> Save:
    """Through the file, as a rollback reads it."""
    made = saves.new(
        folder, role="video", group="group", by=saves.APPLY, what="x", sizes=sizes, size=state.sizes,
        parts=state.parts, now=datetime.now(UTC),
    )  # fmt: skip
    return saves.read(saves.write(made).path)


def same(one: State, other: State) -> bool:
    return dict(one.parts) == dict(other.parts) and one.sizes == other.sizes


@pytest.mark.parametrize("first", ["", *POLICIES])
def test_any_policy_over_any_other_goes_there_and_exactly_back_from_every_step(first: str, tmp_path: Path) -> None:
    saves.keep_code(tmp_path, sha256(FOREIGN), FOREIGN)
    start = inherited()
    if first:
        start = done(start, plan_apply(asked(first), start, AROUND, undo=UNDO).repairs)
        assert in_force(start, AROUND) == first
    for second in POLICIES:
        plan = plan_apply(asked(second), start, AROUND, undo=UNDO)
        assert bool(plan.repairs) == (second != first)
        there = done(start, plan.repairs)
        assert plan_apply(asked(second), there, AROUND, undo=UNDO).repairs == ()
        kept = saved(start, tmp_path, plan.sizes)
        for count in range(len(plan.repairs) + 1):
            stopped = done(start, plan.repairs[:count])
            rest = plan_apply(asked(second), stopped, AROUND, undo=UNDO)
            assert same(done(stopped, rest.repairs), there), f"{count} of {second} and a rerun"
            back = plan_rollback(kept, stopped, tmp_path, undo=UNDO)
            assert same(done(stopped, back.repairs), start), f"{count} of {second} and a rollback"


def test_what_cannot_be_is_refused() -> None:
    now = inherited()
    messaging = replace(now, names=replace(NAMES, role="messaging"))
    several = replace(now, names=Names("ai", "group", ("lite", "basic"), "depth", "rule"))
    for wrong, state in (
        (Asked("nothing"), now), (Asked("fixed"), now), (Asked("outstanding", size=2), now),
        (Asked("fixed", least=1, size=2), now), (Asked("outstanding", least=5, most=4), now),
        (Asked("tt-backlog"), now), (Asked("tt-total"), messaging), (Asked("batch"), messaging),
        (Asked("step-alarm"), several), (Asked("tt-backlog", workers_protect=True), several),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            plan_apply(wrong, state, AROUND, undo=UNDO)


def test_a_rollback_without_the_replaced_code_says_so_before_anything_is_changed(tmp_path: Path) -> None:
    start = inherited()
    there = done(start, plan_apply(asked("outstanding"), start, AROUND, undo=UNDO).repairs)
    with pytest.raises(WorkFailed, match="cannot be put back"):
        plan_rollback(saved(start, tmp_path, ""), there, tmp_path, undo=UNDO)


def test_a_rollback_leaves_what_another_group_has_set_in_the_shared_function(tmp_path: Path) -> None:
    saves.keep_code(tmp_path, sha256(FOREIGN), FOREIGN)
    start = inherited()
    video = done(start, plan_apply(asked("outstanding"), start, AROUND, undo=UNDO).repairs)
    ai = replace(video, names=Names("ai", "group", ("lite", "basic"), "depth", "rule"))
    both = replace(done(ai, plan_apply(asked("outstanding"), ai, AROUND, undo=UNDO).repairs), names=NAMES)
    plan = plan_rollback(saved(start, tmp_path, ""), both, tmp_path, undo=UNDO)
    back = done(both, plan.repairs)
    function = back.of("function")["depth"]
    assert function["Code"] == sha256(package("queue_depth"))
    assert function["Configuration"]["variables"]["AI_MODE"] == "outstanding"
    assert "VIDEO_MODE" not in function["Configuration"]["variables"]
    assert back.of("rule")["rule"]["Rule"]["State"] == "ENABLED"
    assert back.of("policy") == start.of("policy")
    assert any("other groups" in remark.en for remark in plan.remarks)


@pytest.mark.parametrize("order", [("video", "ai"), ("ai", "video")])
@pytest.mark.parametrize("bare", [True, False], ids=["no function before", "their function before"])
def test_two_groups_of_one_function_are_taken_back_in_any_order(
    order: tuple[str, ...], bare: bool, tmp_path: Path
) -> None:
    saves.keep_code(tmp_path, sha256(FOREIGN), FOREIGN)
    start = replace(inherited(), parts={"group": GROUP, **copy.deepcopy(BARE)}) if bare else inherited()
    roles = {"video": NAMES, "ai": Names("ai", "ai-group", ("lite", "basic"), "depth", "rule")}
    now = start
    for role, names in roles.items():
        own = {"group": {names.group: {**GROUP["group"]}}, "hook": {}}
        seen = replace(now, names=names, parts={**now.parts, **own})
        plan = plan_apply(asked("outstanding"), seen, AROUND, undo=UNDO)
        made = saves.new(
            tmp_path, role=role, group=names.group, by=saves.APPLY, what="outstanding", sizes=plan.sizes,
            size=seen.sizes, parts=seen.parts, now=datetime.now(UTC),
        )  # fmt: skip
        saves.write(made)
        now = done(seen, plan.repairs)
    for role in order:
        save = saves.to_restore(tmp_path, roles[role].group)
        seen = replace(now, names=roles[role], parts={**now.parts, "hook": {}, "group": save.parts["group"]})
        now = done(seen, plan_rollback(save, seen, tmp_path, undo=UNDO).repairs)
        for heir in scaling_shared.heirs(save, saves.all_of(tmp_path), "depth"):
            saves.write(heir)
        saves.mark_restored(tmp_path, save)
        variables = [one["Configuration"]["variables"] for one in now.of("function").values()]
        assert not any(f"{role.upper()}_MODE" in one and one[f"{role.upper()}_MODE"] != "publish" for one in variables)
    assert (now.of("function"), now.of("rule")) == (start.of("function"), start.of("rule"))


def test_messages_per_instance_are_the_settings_for_video_and_kept_for_the_others() -> None:
    for role, given, expected in (
        ("video", None, "1"),
        ("video", 4, "4"),
        ("messaging", None, "20"),
        ("messaging", 7, "7"),
    ):
        now = replace(inherited(), names=replace(NAMES, role=role, feeder=""))
        plan = plan_apply(replace(asked("outstanding"), per_worker=given), now, AROUND, undo=UNDO)
        made = done(now, plan.repairs)
        key = f"{role.upper()}_TARGET_MESSAGES_PER_INSTANCE"
        assert made.of("function")["depth"]["Configuration"]["variables"][key] == expected
        again = plan_apply(replace(asked("lambda-rule"), per_worker=given), made, AROUND, undo=UNDO)
        assert done(made, again.repairs).of("function")["depth"]["Configuration"]["variables"][key] == expected
        assert in_force(made, AROUND) == "outstanding"


def test_the_undo_names_the_profile_and_the_save() -> None:
    assert undo_command(("--profile", "my prod"), "ai", "s") == (
        "academyctl --profile 'my prod' scaling rollback --role ai --to s --apply"
    )
