"""`academyctl asg show|activities`: what belongs to a group, in one look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from academyctl.cli._asg_show import _activities
from academyctl.stores._fleet_types import Activity
from tests.fleet import OwnFleet
from tests.video_commands.conftest import Cli


def test_one_group_is_shown_with_its_policies_hooks_and_refresh(cli: Cli, park: OwnFleet) -> None:
    name = park.names.video_asg
    park.step()
    park.track(park.total)
    park.clients("autoscaling").put_lifecycle_hook(
        AutoScalingGroupName=name, LifecycleHookName="drain", HeartbeatTimeout=600, DefaultResult="CONTINUE",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
    )  # fmt: skip
    assert cli("asg", "refresh", "video", "--force", "--apply").code == 0
    shown = cli("asg", "show", "video").out
    assert "policy     video-backlogcount-tt  TargetTrackingScaling  VideoQueueDepthTotal  target 1" in shown
    assert "policy     video-queue-scaleout  StepScaling" in shown
    assert "hook       drain  EC2_INSTANCE_TERMINATING  600 s, then CONTINUE" in shown
    assert "refresh    Successful  100 %" in shown
    [group] = cli("asg", "show", "video", "-o", "json").json["groups"]
    assert [one["name"] for one in group["policies"]] == ["video-backlogcount-tt", "video-queue-scaleout"]


def test_a_group_that_does_not_exist_has_no_details(cli: Cli) -> None:
    cli.set(AI_WORKER_ASG_NAME="no-such-group")
    shown = cli("asg", "show", "ai", "-o", "json")
    assert (shown.code, shown.json["groups"][0]["exists"]) == (1, False)
    assert cli("asg", "activities", "ai").code == 1


def test_activities_are_told_with_their_cause(cli: Cli, park: OwnFleet) -> None:
    park.group(DesiredCapacity=2)
    park.group(DesiredCapacity=1)
    told = cli("asg", "activities", "-o", "json").json["activities"]
    assert [one["what"].split(":")[0] for one in told if one["group"] == park.names.video_asg] == [
        "Terminating EC2 instance",
        "Launching a new EC2 instance",
        "Launching a new EC2 instance",
    ]
    assert len(cli("asg", "activities", "video", "--limit", "1", "-o", "json").json["activities"]) == 1
    quiet = cli("asg", "activities", "video", "--failed")
    assert (quiet.code, "no activity is known" in quiet.out) == (0, True)
    at = datetime(2026, 11, 21, tzinfo=UTC)
    failed = Activity("g", "Failed", "Launching a new EC2 instance", "a user asked", "no Spot capacity", at)
    later = Activity("g", "Successful", "Terminating i-1", "", "", at + timedelta(minutes=1))
    assert _activities([later, failed], "en").splitlines() == [
        "2026-11-21 00:01:00 UTC  g  Successful  Terminating i-1",
        "2026-11-21 00:00:00 UTC  g  Failed  Launching a new EC2 instance",
        "    a user asked",
        "    no Spot capacity",
    ]
