"""When a worker goes by itself, by a clock that only the test moves; nothing here asks AWS."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from academyctl.stores.imds import Fate
from tests.conftest import eventually
from tests.worker_fleet.played import NOW, World
from workers._gate import Gate
from workers._leaving import FREE_S, MARGIN_S, YOUNG_S, Leave
from workers._place import Hook

HOOK = Hook("group", "group-drain", beat_s=300, most_s=3600)


@pytest.fixture
def world() -> World:
    return World()


def test_a_worker_leaves_after_its_idle_time_and_takes_nothing_from_then_on(world: World) -> None:
    assert world.pass_s(299) is None
    assert world.pass_s(1) == Leave("idle for 300 s, left the group")
    assert world.gate.closed
    assert world.pass_s(300) is None
    assert world.place.calls.count("leave") == 1


def test_the_idle_time_begins_anew_with_every_message(world: World) -> None:
    world.pass_s(290)
    world.job()
    assert world.pass_s(299) is None
    assert world.pass_s(1) is not None


@pytest.mark.parametrize("what", ["in hand", "not deleted", "nothing could be asked"])
def test_a_worker_with_something_to_do_is_not_idle(world: World, what: str) -> None:
    if what == "in hand":
        world.take()
    world.clear = what != "not deleted"
    assert world.pass_s(301, empty=what != "nothing could be asked") is None
    assert "leave" not in world.place.calls


def test_every_queue_must_have_been_seen_empty(world: World) -> None:
    world.state.queues = ("q", "r")
    assert world.pass_s(400) is None
    world.leaving.empty("r")
    assert world.pass_s(1) is not None


def test_a_message_that_arrives_while_the_worker_wants_to_leave_is_kept_and_the_worker_with_it(world: World) -> None:
    """The race: the decision falls during a long poll, and the poll brings something."""
    asking, answer = threading.Event(), threading.Event()

    def poll() -> None:
        with world.gate.passing():
            asking.set()
            answer.wait(5)
            world.take()

    poller = threading.Thread(target=poll, daemon=True)
    poller.start()
    asking.wait(5)
    deciding = threading.Thread(target=world.pass_s, args=(301,), daemon=True)
    deciding.start()
    eventually(lambda: world.gate.closed)
    late = threading.Thread(target=pass_through, args=(world.gate,), daemon=True)
    late.start()
    answer.set()
    deciding.join(5)
    late.join(5)
    assert not late.is_alive(), "who came meanwhile waited, and goes on"
    assert (world.gate.closed, world.inbox.take()) == (False, None)
    assert "leave" not in world.place.calls
    world.finish()
    assert world.pass_s(299) is None, "a new idle time"
    assert world.pass_s(2) is not None


def pass_through(gate: Gate) -> None:
    with gate.passing():
        pass


@pytest.mark.parametrize("why", ["needed", "refused", "away"])
def test_who_is_needed_stays_and_asks_again_an_idle_time_later(world: World, why: str) -> None:
    place = world.place
    place.why_needed = "3 messages wait" if why == "needed" else ""
    place.refusal = "desiredSize equals minSize" if why == "refused" else ""
    place.away = why == "away"
    assert world.pass_s(301) is None
    assert not world.gate.closed
    place.why_needed, place.refusal, place.away = "", "", False
    assert world.pass_s(299) is None
    assert world.pass_s(1) is not None


def test_without_a_group_to_leave_the_process_ends_alone() -> None:
    world = World(leave_asg=False)
    assert world.pass_s(301) == Leave("idle for 301 s")
    assert world.place.calls == []


def test_a_time_of_work_is_protected_once_however_many_jobs_it_has(world: World) -> None:
    for _ in range(3):
        world.take()
        world.pass_s(5)
        world.finish()
        world.pass_s(FREE_S - 6)
    assert world.place.calls == ["protect"]
    world.pass_s(7)
    assert world.place.calls == ["protect", "unprotect"]
    world.pass_s(FREE_S)
    assert world.place.calls == ["protect", "unprotect"]


def test_a_refused_protection_is_tried_again_only_after_a_while(world: World) -> None:
    """An instance that is still being launched."""
    world.take()
    world.place.refuses_protection = True
    for _ in range(60):
        world.pass_s(5, empty=False)
    assert world.place.calls == ["protect"]
    world.place.refuses_protection = False
    world.pass_s(5, empty=False)
    world.pass_s(400, empty=False)
    assert world.place.calls == ["protect", "protect"]


def test_who_may_not_leave_after_all_is_protected_again_by_its_next_job() -> None:
    world = World(idle_exit_s=10)
    world.take()
    world.pass_s(1)
    world.finish()
    world.place.refusal = "desiredSize equals minSize"
    world.pass_s(11)
    assert world.place.calls == ["protect", "unprotect", "leave"]
    world.take()
    world.pass_s(1)
    assert world.place.calls[-1] == "protect"


def test_a_protection_left_by_a_killed_process_is_taken_away(world: World) -> None:
    world.pass_s(FREE_S)
    assert world.place.calls == ["unprotect"]


def test_a_spot_notice_ends_the_taking_and_sets_a_deadline(world: World) -> None:
    world.take()
    world.place.told = Fate(spot_at=NOW + timedelta(seconds=130), target="InService")
    assert world.pass_s(5) == Leave("Spot takes i-1 in 125 s", drain=True)
    assert world.gate.closed
    assert world.leaving.until(usual=1.0) == 1130 - MARGIN_S
    assert world.pass_s(5) is None, "said once"


def test_the_groups_end_waits_at_its_hook_as_long_as_a_job_runs(world: World) -> None:
    world.take()
    world.place.found, world.place.told = [HOOK], Fate(target="Terminated")
    assert world.pass_s(5) == Leave("the group ends i-1", drain=True)
    assert world.leaving.until(usual=1.0) == 1005 + 300 - MARGIN_S
    world.pass_s(100)
    assert world.place.calls.count("beat") == 1
    assert world.leaving.until(usual=1.0) == 1105 + 300 - MARGIN_S
    world.place.beats = False
    world.pass_s(200)
    assert world.leaving.until(usual=1.0) == 1105 + 300 - MARGIN_S, "the beat that AWS took counts"
    world.place.told = Fate(target="Terminated", spot_at=NOW + timedelta(seconds=360))
    world.pass_s(5)
    assert world.leaving.until(usual=1.0) == 1360 - MARGIN_S, "what comes first counts"


def test_without_a_hook_the_groups_end_leaves_the_usual_grace(world: World) -> None:
    world.place.told = Fate(target="Terminated")
    assert world.pass_s(5) is not None
    assert world.leaving.until(usual=1234.0) == 1234.0


def test_the_hook_is_answered_when_everything_is_settled(world: World) -> None:
    world.place.found, world.place.told = [HOOK], Fate(target="Terminated")
    world.leaving.start()
    assert isinstance(world.inbox.get(), Leave)
    assert "complete group-drain" not in world.place.calls
    world.leaving.close()
    assert world.place.calls == ["complete group-drain"]


def test_a_likely_interruption_replaces_the_instance_after_its_job_but_not_one_born_with_it(world: World) -> None:
    world.take()
    world.leaving.start()
    world.now += YOUNG_S
    world.place.told = Fate(rebalance=True, target="InService")
    said = world.pass_s(5)
    assert said is not None
    assert said.drain
    assert world.leaving.until(usual=1.0) == float("inf")
    world.place.found = [HOOK]
    world.leaving.close()
    assert world.place.calls[-2:] == ["be replaced", "complete group-drain"], (
        "nobody waits for a process that has ended"
    )
    assert not world.leaving.stranded


@pytest.mark.parametrize("young_s", [0, 120, YOUNG_S - 10])
def test_where_new_instances_soon_have_the_recommendation_replacing_them_does_not_go_on_for_ever(
    world: World, young_s: float
) -> None:
    world.take()
    world.pass_s(young_s)
    world.place.told = Fate(rebalance=True, target="InService")
    assert (world.pass_s(5), world.pass_s(YOUNG_S)) == (None, None)


def test_who_drained_for_an_instance_that_is_not_replaced_says_so_for_its_supervisor_to_start_it_again(
    world: World,
) -> None:
    """A machine on which nobody works, in a group that counts it as one that does, would never be missed."""
    world.leaving.start()
    world.now += YOUNG_S
    world.place.told, world.place.refusal = Fate(rebalance=True, target="InService"), "not authorized"
    assert world.pass_s(5) is not None
    world.leaving.close()
    assert world.leaving.stranded


def test_hooks_that_could_not_be_read_are_asked_for_again(world: World) -> None:
    world.take()
    world.place.found, world.place.told = None, Fate(target="Terminated")
    world.pass_s(5)
    assert world.leaving.until(usual=1234.0) == 1234.0
    world.place.found = [HOOK]
    world.pass_s(5)
    assert world.leaving.until(usual=1234.0) == 1005 + 300 - MARGIN_S


def test_a_short_hook_is_beaten_before_a_job_would_have_to_go(world: World) -> None:
    world.take()
    world.place.found, world.place.told = (
        [Hook("group", "group-drain", beat_s=30, most_s=3000)],
        Fate(target="Terminated"),
    )
    world.pass_s(5)
    for _ in range(20):
        assert world.now + 5 < world.leaving.until(usual=1.0), "the next look comes in time"
        world.pass_s(5)


def test_a_bug_in_a_look_ends_neither_the_start_nor_the_taking(world: World) -> None:
    world.place.bug = ValueError("a header's value")
    world.leaving.start()
    world.place.bug = None
    world.pass_s(1)
    world.place.bug = KeyError("MinSize")
    world.place.told = Fate(target="InService")
    world.now += 301
    world.leaving.empty("q")
    world.leaving._consider()
    assert not world.gate.closed
    world.leaving._consider()
    assert "leave" not in world.place.calls


def test_a_machine_that_is_no_instance_is_asked_no_more_but_still_leaves_when_idle() -> None:
    world = World(leave_asg=False)
    world.place.instance, world.place.told = "", None
    for _ in range(20):
        world.pass_s(5)
    assert world.leaving._silent == 3
    assert world.pass_s(301) is not None


def test_a_worker_that_is_told_to_stop_decides_nothing_more(world: World) -> None:
    world.state.stopping = True
    assert world.pass_s(500) is None
    assert world.place.calls == ["unprotect"]
