"""Which worker beats on which machine, and what is wrong with a group's machines: pure tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from academyctl.cli._host_list import sick
from academyctl.errors import UsageError
from academyctl.hosts import Beat, Machine, place, role_of
from academyctl.stores._fleet_types import Group, Host, Instance

BEAT = Beat(
    "video", "", "", 7, "1.0", datetime(2026, 11, 21, tzinfo=UTC), stopping=False, jobs=(), running=0, trouble=""
)
SEAT = Instance("i-1", "InService", "Healthy", protected=False)
HOST = Host("i-1", "academy-video-worker", "running", "10.0.1.2", "54.1.2.3", None, "video-asg",
            dns="ip-10-0-1-2.ap-northeast-2.compute.internal")  # fmt: skip
MACHINE = Machine("i-1", "video", HOST, SEAT, "video-asg")
GROUP = Group("video-asg", 1, 1, 4, (SEAT,), False)


@pytest.mark.parametrize(
    "beat",
    [
        replace(BEAT, instance="i-1"),
        replace(BEAT, host="ip-10-0-1-2.ap-northeast-2.compute.internal"),
        replace(BEAT, host="ip-10-0-1-2"),
        replace(BEAT, host="10.0.1.2"),
    ],
    ids=lambda one: one.instance or one.host,
)
def test_a_worker_is_on_the_machine_that_it_names(beat: Beat) -> None:
    [placed], strays = place([MACHINE], [beat])
    assert (placed.beats, strays) == ((beat,), ())


@pytest.mark.parametrize("beat", [replace(BEAT, instance="i-2", host="ip-10-0-1-2"), replace(BEAT, host="3f2a"), BEAT])
def test_a_worker_of_no_machine_is_told_apart(beat: Beat) -> None:
    [placed], strays = place([MACHINE, replace(MACHINE, host=None)][:1], [beat])
    assert (placed.beats, strays) == ((), (beat,))


def test_a_machine_is_busy_idle_or_unknown() -> None:
    at_work = replace(BEAT, running=1, jobs=("video 111",))
    assert replace(MACHINE, beats=(BEAT, at_work)).busy is True
    assert replace(MACHINE, beats=(BEAT,)).busy is False
    assert MACHINE.busy is None
    # What a hung worker said last is no knowledge.
    assert replace(MACHINE, beats=(replace(at_work, trouble="silent"),)).busy is None


def test_what_a_worker_does_is_said_in_few_words() -> None:
    assert BEAT.doing == "idle"
    assert replace(BEAT, stopping=True).doing == "stopping"
    assert replace(BEAT, running=1, jobs=("video 111",)).doing == "video 111"
    assert replace(BEAT, running=250, jobs=()).doing == "250 running"
    assert replace(BEAT, running=5, jobs=("video 1", "video 2", "video 3", "video 4")).doing.endswith("; 5 running")
    assert replace(BEAT, running=1, trouble="its keeper has not beaten for 90 s").doing.startswith("its keeper")


def test_a_whole_group_has_nothing_wrong() -> None:
    assert sick("video-asg", GROUP, [MACHINE]) == []
    assert sick("video-asg", replace(GROUP, desired=0, instances=()), []) == []


@pytest.mark.parametrize(
    ("group", "machines", "said"),
    [
        (None, [], "there is no Auto Scaling group"),
        (replace(GROUP, desired=2), [MACHINE], "wants 2 and has 1 in service"),
        (replace(GROUP, instances=(replace(SEAT, health="Unhealthy"),)), [MACHINE], "i-1 of video-asg is Unhealthy"),
        (GROUP, [], "no running EC2 instance"),
        (GROUP, [replace(MACHINE, host=replace(HOST, state="stopped"))], "no running EC2 instance"),
    ],
)
def test_what_is_wrong_with_a_group_is_said(group: Group | None, machines: list[Machine], said: str) -> None:
    [ill] = sick("video-asg", group, machines)
    assert said in ill.en


def test_an_unknown_role_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError) as refused:
        role_of("vidio")
    assert "video, ai, messaging, api" in refused.value.remedy_in("en")
