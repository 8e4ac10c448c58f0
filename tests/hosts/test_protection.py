"""`academyctl asg protect|unprotect`: by name, all, or by what the workers say."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from academyctl.errors import UsageError
from academyctl.ops.protection import MOST, Protect, plan, remarks, settable
from academyctl.repairs import Changed
from academyctl.stores import Stores
from academyctl.stores._fleet_types import Group, Instance
from tests.fleet import OwnFleet
from tests.hosts.conftest import ids, raw
from tests.video_commands.conftest import Cli

GROUP = Group(
    "g", 0, 2, 9, tuple(Instance(f"i-{n}", "InService", "Healthy", protected=n > 1) for n in (1, 2)), True
)  # fmt: skip


def protected(park: OwnFleet) -> list[bool]:
    return [bool(one["ProtectedFromScaleIn"]) for one in raw(park)["Instances"]]


def test_only_those_that_have_it_otherwise_are_changed() -> None:
    [change] = plan("video", GROUP, ["i-1", "i-2", "i-1"], protected=True)
    assert str(change) == "set scale-in protection of i-1 in g false -> true"
    assert change.undo == "academyctl asg unprotect video i-1 --apply"
    assert plan("video", GROUP, ["i-2"], protected=True) == ()
    with pytest.raises(UsageError, match="i-9 is not in g"):
        plan("video", GROUP, ["i-9"], protected=True)


def test_aws_takes_fifty_at_a_time() -> None:
    many = tuple(Instance(f"i-{n}", "InService", "Healthy", protected=False) for n in range(MOST + 1))
    found = plan("video", Group("g", 0, 0, 99, many, False), [one.id for one in many], protected=True)
    assert [len(one.instances) for one in found] == [MOST, 1]


def test_one_that_comes_or_goes_is_not_among_all() -> None:
    states = ("Pending", "InService", "Terminating:Wait", "Standby")
    group = Group("g", 0, 4, 9, tuple(Instance(one, one, "Healthy", protected=False) for one in states), False)
    assert settable(group) == ("InService", "Standby")


def test_what_a_change_means_is_said() -> None:
    changes = plan("video", GROUP, ["i-2"], protected=False)
    assert len(remarks(GROUP, changes, protected=False)) == 2
    assert remarks(GROUP, (), protected=False) == ()


def test_a_dry_run_changes_nothing_and_the_undo_takes_it_back(cli: Cli, park: OwnFleet) -> None:
    before = raw(park)
    dry = cli("asg", "protect", "video", "--all")
    assert (dry.code, raw(park)) == (0, before)
    done = cli("asg", "protect", "video", "--all", "--apply", "-o", "json").json
    assert (done["applied"], protected(park)) == (True, [True])
    assert "it is so already" in cli("asg", "protect", "video", "--all", "--apply").out
    assert cli(*shlex.split(done["changes"][0]["undo"])[1:]).code == 0
    assert raw(park) == before


def test_those_with_a_job_are_protected_and_the_idle_ones_are_let_go(cli: Cli, park: OwnFleet, beating: Any) -> None:
    assert "no instance has a job in hand" in cli("asg", "protect", "video", "--busy").out
    park.group(DesiredCapacity=3)
    busy, idle, mute = ids(park)
    beating("video", instance_id=busy, running=1, jobs=[{"video_id": 111}])
    beating("video", instance_id=idle)
    done = cli("asg", "protect", "video", "--busy", "--apply")
    assert f"protection of {busy} in" in done.out
    assert f"left as they are: {mute}" in done.out
    assert cli("asg", "protect", "video", "--all", "--apply").code == 0
    assert cli("asg", "unprotect", "video", "--idle", "--apply").code == 0
    kept = {one["InstanceId"] for one in raw(park)["Instances"] if one["ProtectedFromScaleIn"]}
    assert kept == {busy, mute}


def test_nobody_is_guessed_to_be_idle(cli: Cli, park: OwnFleet) -> None:
    assert cli("asg", "protect", "video", "--all", "--apply").code == 0
    cli.set(REDIS_HOST="")
    blind = cli("asg", "unprotect", "video", "--idle", "--apply")
    assert (blind.code, protected(park)) == (3, [True])
    for words in ((), ("--all", "i-1"), ("--idle", "--all")):
        assert cli("asg", "unprotect", "video", *words).code == 2


def test_an_instance_that_left_meanwhile_stops_the_change(park: OwnFleet, opened: Stores) -> None:
    name = park.names.video_asg
    [there] = ids(park)
    with pytest.raises(Changed, match="in the group no more"):
        Protect("video", name, (there, "i-gone"), protected=True).do(opened)
    with pytest.raises(Changed, match="is false by now"):
        Protect("video", name, (there,), protected=False).do(opened)
    assert protected(park) == [False]


def test_a_protected_instance_is_told_in_every_list(cli: Cli, park: OwnFleet) -> None:
    park.clients("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=park.names.video_asg, NewInstancesProtectedFromScaleIn=True
    )
    park.group(DesiredCapacity=2)
    shown = cli("asg", "show", "video")
    assert "protects new ones" in shown.out
    assert sum("template 1  protected" in line for line in shown.out.splitlines()) == 1
    assert "InService, protected" in cli("host", "list", "--role", "video").out
