"""`academyctl asg`: a group's sizes are shown, planned, changed once, and can be set back."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from academyctl import asg_plans
from academyctl.asg_plans import Resize, Sizes, plan
from academyctl.errors import UsageError
from academyctl.repairs import Changed
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores._fleet_types import Group, Instance
from tests.fleet import OwnFleet
from tests.fleet import fleet as fleet
from tests.fleet import fleet_clients as fleet_clients
from tests.video_commands.conftest import Cli

GROUP = Group("video-asg", 1, 2, 4, (Instance("i-1", "InService", "Healthy", protected=False),) * 2, False)


@pytest.fixture
def cli(fleet: OwnFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    state = {"XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    return Cli({**fleet.env, **state}, monkeypatch, capsys)


def sizes(cli: Cli) -> tuple[int, int, int]:
    [video] = cli("asg", "show", "video", "-o", "json").json["groups"]
    return video["min"], video["desired"], video["max"]


def test_show_tells_every_group_and_its_instances(cli: Cli, fleet: OwnFleet) -> None:
    shown = cli("asg", "show")
    assert shown.code == 0
    assert [line.split()[:1] for line in shown.out.splitlines() if "min" in line] == [["video"], ["ai"], ["messaging"]]
    assert f"{fleet.names.video_asg}" in shown.out
    assert shown.out.count("InService") == 3


def test_a_group_that_does_not_exist_is_told_and_fails(cli: Cli) -> None:
    cli.set(AI_WORKER_ASG_NAME="no-such-group")
    shown = cli("asg", "show", "ai")
    assert (shown.code, "does not exist" in shown.out) == (1, True)
    changed = cli("asg", "set", "ai", "--desired", "1")
    assert (changed.code, "there is no Auto Scaling group no-such-group" in changed.err) == (1, True)


def test_the_dry_run_prints_the_very_change_and_changes_nothing(cli: Cli) -> None:
    dry = cli("asg", "set", "video", "--desired", "3")
    assert (dry.code, sizes(cli)) == (0, (1, 1, 20))
    done = cli("asg", "set", "video", "--desired", "3", "--apply")
    assert (done.code, sizes(cli)) == (0, (1, 3, 20))
    change = dry.out.splitlines()[0].removeprefix("would  ")
    assert change.endswith("min=1 desired=1 max=20 -> min=1 desired=3 max=20")
    assert f"done  {change}" in done.out


def test_the_undo_command_sets_the_group_back_and_both_are_on_record(cli: Cli, tmp_path: Path) -> None:
    done = cli("asg", "set", "video", "--desired", "0", "--min", "0", "--max", "2", "--apply", "-o", "json").json
    assert (done["applied"], sizes(cli)) == (True, (0, 0, 2))
    [change] = done["changes"]
    assert cli(*shlex.split(change["undo"])[1:]).code == 0
    assert sizes(cli) == (1, 1, 20)
    [record] = tmp_path.rglob("audit.jsonl")
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    assert [line["result"] for line in lines] == ["done", "done"]
    assert lines[0]["undo"] == change["undo"]


def test_sizes_that_do_not_fit_are_refused_before_aws_is_asked(cli: Cli) -> None:
    refused = cli("asg", "set", "video", "--desired", "21", "--apply")
    assert (refused.code, sizes(cli)) == (2, (1, 1, 20))
    assert "--desired 21 --max 21" in refused.err
    assert cli("asg", "set", "video").code == 2
    assert cli("asg", "set", "vidio", "--desired", "1").code == 2
    assert cli("asg", "set", "video", "--desired", "-1").code == 2


def test_nothing_to_change_is_no_change(cli: Cli, tmp_path: Path) -> None:
    same = cli("asg", "set", "video", "--desired", "1", "--apply")
    assert (same.code, "already" in same.out) == (0, True)
    assert not list(tmp_path.rglob("audit.jsonl"))


def test_production_is_asked_about_first(cli: Cli) -> None:
    cli.set(ACADEMYCTL_PRODUCTION="true")
    asked = cli("asg", "set", "video", "--desired", "2", "--apply")
    assert (asked.code, sizes(cli)) == (2, (1, 1, 20))
    assert cli("--yes", "asg", "set", "video", "--desired", "2", "--apply").code == 0


def test_a_group_that_somebody_else_changed_meanwhile_is_left_alone(fleet: OwnFleet) -> None:
    stores = Stores(load(fleet.env).settings)
    name = fleet.names.video_asg
    group = stores.fleet.groups([name])[name]
    [repair] = plan("video", group, desired=2).repairs
    fleet.group(DesiredCapacity=5)
    with pytest.raises(Changed, match="desired=5"):
        repair.do(stores)
    assert stores.fleet.groups([name])[name].desired == 5
    # New bounds alone do not take back what a scaler has set meanwhile, nor push it.
    [bounds] = plan("video", group, most=10).repairs
    bounds.do(stores)
    assert asg_plans.sizes(stores.fleet.groups([name])[name]) == Sizes(1, 5, 10)
    with pytest.raises(Changed, match="desired=5"):
        Resize("video", name, Sizes(1, 1, 10), Sizes(1, 1, 4)).do(stores)
    with pytest.raises(Changed, match="gone"):
        Resize("video", "no-such-group", Sizes(1, 1, 20), Sizes(1, 2, 20)).do(stores)


@pytest.mark.parametrize(
    "asked", [{"desired": 5}, {"desired": 0}, {"most": 1}, {"least": 3}, {"least": 5, "desired": 5}], ids=str
)
def test_min_desired_and_max_must_fit(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cannot have"):
        plan("video", GROUP, **asked)


def test_a_smaller_group_is_told_what_becomes_of_its_jobs() -> None:
    assert len(plan("video", GROUP, desired=3).remarks) == 1
    assert len(plan("video", GROUP, desired=1).remarks) == 2
    assert plan("video", replace(GROUP, desired=1), desired=1).repairs == ()


def test_the_undo_names_the_profile_that_was_changed() -> None:
    [repair] = plan("video", GROUP, desired=1, options=("--profile", "my prod")).repairs
    assert repair.undo == "academyctl --profile 'my prod' asg set video --min 1 --desired 2 --max 4 --apply"
