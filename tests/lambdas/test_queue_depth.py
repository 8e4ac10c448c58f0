"""The queue-depth function: what it publishes, whom it sizes, and that it holds on whatever it could not read."""

from __future__ import annotations

from typing import Any

import pytest

from academyctl.ops import policy
from academyctl.ops.lambdas import queue_depth, readings
from tests.lambdas.conftest import World
from tests.strict_sqs import StrictSqs

TOTAL = "Academy/VideoProcessing"
SIZING = ("outstanding", "lambda-rule")
FAULTS = (
    ("AccessDenied", "GetQueueAttributes"), ("throttle", "GetQueueAttributes"), ("portal", "GetQueueAttributes"),
    ("NonExistentQueue", "GetQueueUrl"), ("ExpiredToken", "GetQueueUrl"), ("portal", "GetQueueUrl"),
)  # fmt: skip


def test_it_publishes_what_it_saw_and_sizes_nothing_unless_told(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.wait("video", 5, taken=2)
    world.wait("lite", 1)
    world.wait("basic", 2)
    answer = world.run()
    assert answer == {
        "ai_queue_depth": 3, "video_queue_depth": 3, "messaging_queue_depth": 0, "video_queue_depth_total": 5,
        "groups": {},
    }  # fmt: skip
    assert world.published() == {
        ("QueueDepth", "Video"): 3, ("QueueInFlight", "Video"): 2,
        ("QueueDepth", "AI"): 3, ("QueueInFlight", "AI"): 0,
        ("QueueDepth", "Messaging"): 0, ("QueueInFlight", "Messaging"): 0,
    }  # fmt: skip
    assert world.published(TOTAL) == {("VideoQueueDepthTotal", "Video"): 5}
    said = "queue_depth_metric | ai visible=3 in_flight=0 video visible=3 in_flight=2 messaging visible=0 in_flight=0\n"
    assert capsys.readouterr().out == said
    assert world.desired() == 1


def test_one_function_sizes_the_groups_it_is_told_each_by_its_own_mode(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.wait("video", 6, taken=1)
    world.wait("messaging", 45)
    world.wait("lite", 9)
    env = {"VIDEO_MODE": "outstanding", "MESSAGING_MODE": "lambda-rule", "MESSAGING_TARGET_MESSAGES_PER_INSTANCE": "20"}
    answer = world.run(env)
    assert [world.desired(role) for role in ("video", "ai", "messaging")] == [6, 1, 3]
    assert answer["groups"]["video"] == {
        "group": world.fleet.names.video_asg, "mode": "outstanding", "before": 1, "desired": 6, "action": "raise",
        "why": "outstanding=6",
    }  # fmt: skip
    assert world.published()["DesiredCapacity", "Video"] == 6
    assert f"{world.fleet.names.video_asg} desired 1 -> 6 (visible=5 in_flight=1)" in capsys.readouterr().out
    again = world.run(env)
    assert {one["action"] for one in again["groups"].values()} == {"hold"}
    assert [world.desired(role) for role in ("video", "messaging")] == [6, 3]


def test_a_dry_run_decides_and_changes_nothing(world: World) -> None:
    world.wait("video", 4)
    answer = world.run({"MODE": "outstanding"}, event={"dry_run": True})
    assert (answer["dry_run"], answer["groups"]["video"]["desired"]) == (True, 4)
    assert (world.desired(), world.published()) == (1, {})


def test_the_groups_own_maximum_bounds_it(world: World) -> None:
    world.sized(MaxSize=3)
    world.wait("video", 100)
    world.run({"MODE": "outstanding"})
    assert world.desired() == 3


def test_what_is_at_work_is_never_lowered_and_an_empty_queue_only_by_the_rule(world: World) -> None:
    world.sized(DesiredCapacity=7)
    world.wait("video", 2, taken=2)
    for mode in SIZING:
        world.run({"VIDEO_MODE": mode})
        assert world.desired() == 7
    world.sqs.queues["video"].messages.clear()
    world.run({"VIDEO_MODE": "outstanding"})
    assert world.desired() == 7
    world.run({"VIDEO_MODE": "lambda-rule"})
    assert world.desired() == 1


def test_an_instance_that_protects_itself_is_busy_though_the_queue_is_empty(world: World) -> None:
    world.sized(DesiredCapacity=3)
    groups, name = world.fleet.clients("autoscaling"), world.fleet.names.video_asg
    instances = groups.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]["Instances"]
    busy = [one["InstanceId"] for one in instances[:2]]
    groups.set_instance_protection(AutoScalingGroupName=name, InstanceIds=busy, ProtectedFromScaleIn=True)
    world.run({"VIDEO_MODE": "lambda-rule"})
    assert world.desired() == 2
    groups.set_instance_protection(AutoScalingGroupName=name, InstanceIds=busy, ProtectedFromScaleIn=False)


class _Flickering(StrictSqs):
    """Counts are approximate: a message that a worker has just taken may be counted nowhere for a moment."""

    asked = 0

    def _GetQueueAttributes(self, data: dict[str, Any]) -> dict[str, Any]:
        self.asked += data["QueueUrl"].endswith("video")
        answer = super()._GetQueueAttributes(data)
        if data["QueueUrl"].endswith("video") and self.asked == 1:
            answer["Attributes"] |= dict.fromkeys(readings.COUNTS, "0")
        return answer


def test_emptiness_is_believed_when_it_is_seen_twice(world: World) -> None:
    world.sized(DesiredCapacity=4)
    flickering = _Flickering()
    with flickering:
        for name in ("lite", "basic", "video", "messaging"):
            flickering.make(name)
        flickering.put("video", "{}")
        world.run({"VIDEO_MODE": "lambda-rule", "AWS_ENDPOINT_URL_SQS": flickering.url})
        assert flickering.asked == 2
    assert world.desired() == 4


@pytest.mark.parametrize(("fault", "operation"), FAULTS)
def test_a_read_that_fails_holds_is_published_and_fails_the_run(world: World, fault: str, operation: str) -> None:
    for role in ("video", "ai"):
        world.sized(role, DesiredCapacity=7)
    world.sqs.mode(fault, [operation])
    with pytest.raises(RuntimeError, match="video: could not be read: video: "):
        world.run({"VIDEO_MODE": "outstanding", "AI_MODE": "lambda-rule"})
    assert [world.desired(role) for role in ("video", "ai")] == [7, 7]
    assert world.published() == {
        **{("ReadFailed", worker): 1 for worker in ("Video", "AI", "Messaging")},
        ("DesiredCapacity", "Video"): 7, ("DesiredCapacity", "AI"): 7,
    }  # fmt: skip


@pytest.mark.parametrize("service", ["SQS", "AUTO_SCALING"])
def test_a_sign_in_page_is_no_answer(world: World, portal: str, service: str) -> None:
    world.sized(DesiredCapacity=7)
    world.wait("video", 20)
    with pytest.raises(RuntimeError, match="could not be read"):
        world.run({"VIDEO_MODE": "outstanding", f"AWS_ENDPOINT_URL_{service}": portal})
    assert world.desired() == 7
    assert world.published()["ReadFailed", "Video"] == 1


class _Half(StrictSqs):
    """An answer cut short that still parses: one count is missing."""

    def _GetQueueAttributes(self, data: dict[str, Any]) -> dict[str, Any]:
        answer = super()._GetQueueAttributes(data)
        del answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"]
        return answer


def test_a_missing_field_is_no_zero(world: World) -> None:
    world.sized(DesiredCapacity=7)
    with _Half() as half:
        for name in ("lite", "basic", "video", "messaging"):
            half.make(name)
        with pytest.raises(RuntimeError, match="ApproximateNumberOfMessagesNotVisible"):
            world.run({"MODE": "lambda-rule", "AWS_ENDPOINT_URL_SQS": half.url})
    assert world.desired() == 7


def test_one_unread_queue_keeps_the_others_served(world: World) -> None:
    world.wait("video", 5)
    with pytest.raises(RuntimeError, match=r"ai: could not be read: no-such-queue: .*NonExistentQueue"):
        world.run({"MODE": "outstanding", "AI_QUEUE_BASIC": "no-such-queue"})
    assert [world.desired(role) for role in ("video", "ai")] == [5, 1]
    published = world.published()
    assert (published["QueueDepth", "Video"], published["ReadFailed", "AI"]) == (5, 1)
    assert ("QueueDepth", "AI") not in published
    assert ("ReadFailed", "Video") not in published


def test_a_group_that_does_not_exist_is_told_and_the_depth_still_published(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError, match="ASG not found: no-such-group"):
        world.run({"VIDEO_MODE": "outstanding", "VIDEO_WORKER_ASG_NAME": "no-such-group"})
    assert "failed: ASG not found: no-such-group" in capsys.readouterr().out
    assert world.published()["QueueDepth", "Video"] == 0


class _Refusing:
    """Auto Scaling that tells of a group and lets nobody size it."""

    def describe_auto_scaling_groups(self, AutoScalingGroupNames: list[str]) -> dict[str, Any]:
        group = {"AutoScalingGroupName": AutoScalingGroupNames[0], "MinSize": 0, "MaxSize": 9, "DesiredCapacity": 2}
        return {"AutoScalingGroups": [group], "ResponseMetadata": {"RequestId": "r"}}

    def set_desired_capacity(self, **_asked: Any) -> None:
        raise PermissionError("AccessDenied")


def test_a_size_that_could_not_be_set_is_not_published_as_if_it_were() -> None:
    run = queue_depth.Run({"video": policy.Depth(5, 0)}, {}, set(), [])
    queue_depth._size({"sqs": None, "autoscaling": _Refusing()}, queue_depth.settings({"VIDEO_MODE": "outstanding"}),
                      run, dry=False)  # fmt: skip
    assert run.decisions["video"][1].desired == 2
    assert "set_asg_desired failed" in run.failed[0]


def test_sizes_are_set_though_nothing_can_be_published(world: World, portal: str) -> None:
    world.wait("video", 3)
    with pytest.raises(RuntimeError, match="could not be published"):
        world.run({"VIDEO_MODE": "outstanding", "AWS_ENDPOINT_URL_CLOUDWATCH": "http://127.0.0.1:9"})
    assert world.desired() == 3


@pytest.mark.parametrize(
    "env", [{"MODE": "outstandin"}, {"VIDEO_MODE": "fixed"}, {"TARGET_MESSAGES_PER_INSTANCE": "0"},
            {"AI_TARGET_MESSAGES_PER_INSTANCE": "many"}], ids=str,
)  # fmt: skip
def test_a_typing_error_scales_nothing(env: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        queue_depth.settings(env)
