"""The simulation: its order of the policies is the measured one, and each of its parts does what SQS and AWS do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from academyctl.errors import UsageError
from academyctl.ops.policy import Bounds, Depth, outstanding
from academyctl.ops.scalers import Fixed, Ours, Setup, StepAlarm, Tracking, setups, total
from academyctl.ops.simulate import Outcome, simulate
from academyctl.ops.traces import LOADS, Job, recorded, seeded

HOUR = 3600.0
DAYS = 7


@dataclass
class Nervous:
    """One instance, and none each tenth minute: somebody is always ended."""

    turn: int = 0

    def decide(self, *_seen: object) -> int:
        self.turn += 1
        return 1 if self.turn % 10 else 0


@cache
def outcomes(load: str) -> dict[str, Outcome]:
    jobs = seeded(seed=1, days=DAYS, load=load)
    return {name: simulate(name, setup, jobs) for name, setup in setups(least=1, most=10).items()}


@pytest.mark.parametrize("load", LOADS)
def test_the_order_of_the_policies_is_the_measured_one(load: str) -> None:
    of = outcomes(load)
    waits = {name: one.mean_min for name, one in of.items()}
    hours = {name: one.instance_h for name, one in of.items()}
    safe = (
        "outstanding",
        "outstanding-min-0",
        "batch",
        "tt-backlog",
        "lambda-rule",
        "tt-total",
        "step-alarm",
        "fixed-1",
    )
    assert {name for name, one in of.items() if one.killed} <= set(of) - set(safe)
    assert of["guide-001-per-1"].killed > 20
    assert of["tt-backlog-unprotected"].killed > of["guide-001-per-1"].killed
    assert of["tt-backlog-unprotected"].dead > 0
    # Waiting: everything that grows and kills nobody is minutes, one machine and what kills are hours.
    assert max(waits[name] for name in safe[:-1]) < 5
    assert min(waits[name] for name in ("fixed-1", "guide-001-per-1", "tt-backlog-unprotected")) > 40
    assert waits["outstanding"] < waits["outstanding-min-0"] < waits["batch"]
    # Cost: nothing when there is nothing to do, and the total's runaway.
    assert max(hours["batch"], hours["outstanding-min-0"]) < min(hours[name] for name in safe[3:])
    assert hours["outstanding"] <= hours["lambda-rule"] * 1.02
    assert hours["tt-total"] > 1.4 * hours["outstanding"]
    assert hours["tt-total"] > hours["tt-backlog"]
    assert hours["step-alarm"] > hours["tt-total"]


def test_the_total_runs_to_whatever_the_maximum_is() -> None:
    small, jobs, larger = outcomes("usual"), seeded(seed=1, days=DAYS), setups(least=1, most=20)
    large = {name: simulate(name, larger[name], jobs) for name in ("tt-total", "outstanding")}
    assert (small["tt-total"].peak, large["tt-total"].peak) == (10, 20)
    assert large["tt-total"].instance_h > 2 * large["outstanding"].instance_h
    assert large["outstanding"].instance_h == small["outstanding"].instance_h


def test_no_upload_is_lost_whatever_is_killed() -> None:
    jobs = len(seeded(seed=1, days=DAYS))
    for one in outcomes("usual").values():
        assert len(one.waits_s) + one.dead + one.unfinished == jobs
        assert one.unfinished == 0


def test_one_job_is_boot_wait_work_and_idle_exit() -> None:
    setup = Setup(lambda: Ours(outstanding), min=0, max=3, idle_exit_s=300)
    one = simulate("one", setup, [Job(30.0, HOUR)])
    # Seen at the minute 60, there at 180, done an hour later; gone at the first minute after five idle ones.
    assert one.waits_s == (150.0,)
    assert one.instance_h == pytest.approx((4080 - 60) / 3600)
    assert one.peak == 1


def test_a_killed_job_comes_back_when_its_visibility_ends_and_dies_at_the_fourth_receive() -> None:
    setup = Setup(Nervous, min=1, max=1, visibility_s=1200, renews=False)
    one = simulate("nervous", setup, [Job(1.0, HOUR)])
    assert (one.killed, one.dead, one.waits_s) == (3, 1, ())
    assert one.wasted_h > 0.2
    kept = simulate("protected", replace(setup, protects=True), [Job(1.0, HOUR)])
    assert (kept.killed, kept.dead, len(kept.waits_s)) == (0, 0, 1)
    soon = simulate("drained", replace(setup, drains=True), [Job(1.0, HOUR)])
    assert (soon.killed, soon.dead) == (3, 1)


def test_target_tracking_needs_three_minutes_up_and_fifteen_down() -> None:
    scaler, bounds = Tracking(total, 1.0), Bounds(1, 10)
    sizes = [scaler.decide(Depth(0, 3), 1, 1, bounds) for _ in range(3)]
    assert sizes == [1, 1, 3]
    assert scaler.decide(Depth(0, 3), 3, 3, bounds) == 9
    sizes = [scaler.decide(Depth(0, 0), 9, 9, bounds) for _ in range(15)]
    assert sizes == [9] * 14 + [1]


def test_a_step_alarm_only_ever_grows() -> None:
    one = simulate("step", Setup(StepAlarm, max=4), [Job(1.0, 60.0), Job(2.0, 60.0)])
    assert one.timeline[-2] == one.peak > 1


def test_the_same_seed_gives_the_same_uploads_and_another_does_not() -> None:
    assert seeded(seed=3, days=2) == seeded(seed=3, days=2) != seeded(seed=4, days=2)
    assert len(seeded(seed=3, days=8, load="double")) > 1.7 * len(seeded(seed=3, days=8))
    assert len(seeded(seed=3, days=8)) < len(seeded(seed=3, days=8, load="exam"))


def test_a_recorded_trace_is_read_and_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("at,seconds\n2026-02-21T18:00:00Z,600\n\n2026-02-21T09:00:00+00:00,60\n", encoding="utf-8-sig")
    assert recorded(path) == (Job(9 * HOUR, 60.0), Job(18 * HOUR, 600.0))
    assert simulate("one", Setup(lambda: Fixed(1)), recorded(path)).waits_s == (0.0, 0.0)
    for bad in ("1,2\nx,3\n", "1,2\n5\n", "1,-2\n", "1,nan\n", "", "at,seconds\n"):
        path.write_text(bad, encoding="utf-8")
        with pytest.raises(UsageError):
            recorded(path)
    with pytest.raises(UsageError, match="cannot be read"):
        recorded(tmp_path / "none.csv")
