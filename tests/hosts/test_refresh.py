"""`academyctl asg refresh`: what is replaced and what becomes of protected machines is always said."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from academyctl.errors import UsageError
from academyctl.ops.refresh import Start, plan, plan_cancel, replaced
from academyctl.repairs import Changed
from academyctl.stores import Stores
from tests.fleet import OwnFleet
from tests.hosts.conftest import ids, raw
from tests.video_commands.conftest import Cli


def instance(name: str, version: str = "1", *, protected: bool = False) -> dict[str, Any]:
    return {"InstanceId": name, "LaunchTemplate": {"Version": version}, "ProtectedFromScaleIn": protected}


def group(*instances: dict[str, Any], at_launch: bool = False) -> dict[str, Any]:
    fields = {"AutoScalingGroupName": "g", "Instances": list(instances), "NewInstancesProtectedFromScaleIn": at_launch}
    return {**fields, "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "$Latest"}}


OLD, NEW, HELD = instance("i-old"), instance("i-new", "2"), instance("i-held", protected=True)


def test_only_other_versions_are_replaced_unless_all_are_asked_for() -> None:
    assert replaced(group(OLD, NEW), "2", force=False) == ("i-old",)
    assert replaced(group(OLD, NEW), "2", force=True) == ("i-old", "i-new")
    # A launch configuration has no versions to compare.
    assert replaced(group(OLD, NEW), "", force=False) == ("i-old", "i-new")


def test_every_preference_is_said_in_the_plan() -> None:
    [start], _ = plan("video", group(OLD), "2", [], min_healthy=50, warmup_s=30)
    said = "(MinHealthyPercentage=50, ScaleInProtectedInstances=Wait, SkipMatching=True, InstanceWarmup=30)"
    assert str(start) == f"replace 1 instance of g by ones of template version 2 {said}"


@pytest.mark.parametrize("at_launch", [True, False])
def test_a_protected_instance_is_never_run_into_silently(*, at_launch: bool) -> None:
    with pytest.raises(UsageError, match="i-held of g is protected") as refused:
        plan("video", group(OLD, HELD, at_launch=at_launch), "2", [])
    assert "--protected wait" in refused.value.remedy_in("en")
    assert ("from their launch on" in refused.value.why) is at_launch


@pytest.mark.parametrize(("word", "said"), [("wait", "Wait"), ("ignore", "Ignore")])
def test_what_becomes_of_it_is_the_operators_choice(word: str, said: str) -> None:
    [start], remarks = plan("video", group(HELD), "2", [], protected=word)
    assert ("ScaleInProtectedInstances", said) in start.preferences
    assert len(remarks) == 2


def test_a_protected_instance_of_the_present_version_is_in_nobodys_way() -> None:
    [start], _ = plan("video", group(OLD, instance("i-held", "2", protected=True)), "2", [])
    assert start.instances == ("i-old",)


def test_nothing_is_planned_when_all_is_new_or_a_refresh_runs() -> None:
    for found, refreshes in ((group(NEW), []), (group(OLD), [{"Status": "InProgress"}]), (group(), [])):
        repairs, _ = plan("video", found, "2", refreshes)
        assert repairs == ()
    with pytest.raises(UsageError):
        plan("video", group(OLD), "2", [], protected="refresh")


def test_only_a_refresh_that_runs_is_cancelled_and_its_undo_starts_the_same() -> None:
    preferences = {"ScaleInProtectedInstances": "Ignore", "MinHealthyPercentage": 50, "SkipMatching": True}
    active = {"InstanceRefreshId": "r", "Status": "InProgress", "PercentageComplete": 40, "Preferences": preferences}
    [cancel] = plan_cancel("video", "g", [active], options=("--profile", "prod"))
    assert str(cancel) == "cancel refresh r of g (InProgress, 40 %)"
    assert cancel.undo == "academyctl --profile prod asg refresh video --protected ignore --min-healthy 50 --apply"
    assert plan_cancel("video", "g", [{"InstanceRefreshId": "r", "Status": "Successful"}]) == ()


def renew(park: OwnFleet) -> None:
    """A new version of the video group's launch template."""
    park.clients("ec2").create_launch_template_version(
        LaunchTemplateName=park.names.video_asg, SourceVersion="1", LaunchTemplateData={"ImageId": "ami-2"}
    )


def test_a_dry_run_changes_nothing_and_apply_replaces_the_old_ones_once(cli: Cli, park: OwnFleet) -> None:
    renew(park)
    before = raw(park)
    dry = cli("asg", "refresh", "video")
    assert (dry.code, raw(park)) == (0, before)
    done = cli("asg", "refresh", "video", "--apply")
    change = dry.out.splitlines()[0].removeprefix("would  ")
    assert f"done  {change}" in done.out
    after = raw(park)
    assert after["Instances"][0]["LaunchTemplate"]["Version"] == "2"
    assert cli("asg", "refresh", "video", "--status").out.count("Successful  100 %") == 1
    again = cli("asg", "refresh", "video", "--apply")
    assert (again.code, "no instance is to be replaced" in again.out, raw(park)) == (0, True, after)


def test_a_refresh_that_waits_is_seen_and_cancelled_by_its_own_undo(cli: Cli, park: OwnFleet) -> None:
    renew(park)
    assert cli("asg", "protect", "video", "--all", "--apply").code == 0
    refused = cli("asg", "refresh", "video", "--apply")
    assert (refused.code, "protected from scale-in" in refused.err) == (2, True)
    [change] = cli("asg", "refresh", "video", "--protected", "wait", "--apply", "-o", "json").json["changes"]
    [seen] = cli("asg", "refresh", "video", "--status", "-o", "json").json["refreshes"]
    assert (seen["status"], seen["left"], seen["ended_at"]) == ("InProgress", 1, None)
    assert "runs already" in cli("asg", "refresh", "video", "--protected", "wait", "--apply").out
    assert cli(*shlex.split(change["undo"])[1:]).code == 0
    [ended] = cli("asg", "refresh", "video", "--status", "-o", "json").json["refreshes"]
    assert ended["status"] == "Cancelled"
    assert "no refresh runs" in cli("asg", "refresh", "video", "--cancel", "--apply").out


def test_a_group_that_changed_after_the_plan_is_left_alone(park: OwnFleet, opened: Stores) -> None:
    name = park.names.video_asg
    preferences = (("SkipMatching", False),)
    start = Start("video", name, tuple(ids(park)), "template version 1", preferences)
    park.group(DesiredCapacity=2)
    with pytest.raises(Changed, match="would replace"):
        start.do(opened)
    with pytest.raises(Changed, match="gone"):
        Start("video", "no-such-group", ("i-1",), "", preferences).do(opened)
    assert opened.asg.refreshes(name) == []


def test_options_that_contradict_one_another_are_refused(cli: Cli) -> None:
    assert cli("asg", "refresh", "video", "--status", "--apply").code == 2
    cli.set(VIDEO_WORKER_ASG_NAME="no-such-group")
    assert cli("asg", "refresh", "video").code == 1
