"""`academyctl scaling` as it is typed: what it says, as a table and as one JSON object, and how it ends."""

from __future__ import annotations

import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

from academyctl.ops import saves
from tests.scaling import account
from tests.scaling.conftest import Operator, inherit
from tests.scaling.conftest import operator as operator
from tests.video_commands.conftest import Cli


@pytest.fixture
def cli(operator: Operator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(operator.fleet.env, monkeypatch, capsys)


def test_show_names_the_policy_what_it_is_made_of_and_what_can_be_taken_back(cli: Cli, operator: Operator) -> None:
    inherit(operator.fleet)
    operator.fleet.wait(3, taken=1)
    done = cli("scaling", "apply", "outstanding", "--apply", "-o", "json").json
    assert done["applied"]
    shown = cli("scaling", "show")
    assert (shown.code, shown.err) == (0, "")
    for line in ("policy    outstanding", "visible 2  in flight 1  delayed 0  (outstanding would raise to 3)",
                 "mode outstanding  code academyctl  per worker 1", "before outstanding"):  # fmt: skip
        assert line in shown.out
    now = cli("scaling", "show", "-o", "json").json
    assert (now["policy"], now["outstanding_would"]) == ("outstanding", {"action": "raise", "desired": 3})
    assert [one["what"] for one in now["saves"]] == ["outstanding"]
    undo = shlex.split(done["changes"][0]["undo"])[1:]
    assert cli(*undo).code == 0
    strange = cli("scaling", "show", "-o", "json").json
    assert (strange["policy"], strange["function"]["mode"], len(strange["policies"])) == (None, "?", 2)
    assert "a-secret" not in str(strange)


def test_plan_is_apply_without_doing_it(cli: Cli, operator: Operator) -> None:
    before = operator.raw
    planned, dry = cli("scaling", "plan", "tt-total"), cli("scaling", "apply", "tt-total")
    *said, how = planned.out.splitlines()
    assert (said, planned.code, operator.raw) == (dry.out.splitlines()[:-1], 0, before)
    assert how.endswith("scaling apply tt-total --role video --apply"), "plan has no --apply of its own"
    assert "47 % more instance-hours" in planned.out
    korean = cli("--lang", "ko", "scaling", "plan", "tt-total").out
    korean.encode("cp949")
    assert "인스턴스 시간 47% 증가" in korean


def test_production_is_asked_about_first(cli: Cli, operator: Operator) -> None:
    cli.set(ACADEMYCTL_PRODUCTION="true")
    before = operator.raw
    asked = cli("scaling", "apply", "fixed", "--size", 2, "--apply")
    assert (asked.code, operator.raw == before) == (2, True)
    assert cli("--yes", "scaling", "apply", "fixed", "--size", 2, "--apply").code == 0
    assert cli("scaling", "rollback", "--apply").code == 2
    operator.rollback()
    assert operator.raw == before


def test_what_cannot_be_is_refused_with_what_to_do(cli: Cli, operator: Operator) -> None:
    for words, code, said in (
        (("apply", "best"), 2, "one of: outstanding, batch"),
        (("apply", "tt-backlog"), 2, "--workers-protect"),
        (("rollback",), 2, "scaling show"),
        (("simulate", "best"), 2, "outstanding-min-0"),
        (("simulate", "--min", 5, "--max", 2), 2, "swap"),
    ):
        ended = cli("scaling", *words)
        assert (ended.code, said in ended.err) == (code, True), (words, ended.err)
    cli.set(VIDEO_WORKER_ASG_NAME="no-such-group")
    for word in ("show", "doctor"):
        ended = cli("scaling", word)
        assert (ended.code, "there is no Auto Scaling group no-such-group" in ended.err) == (1, True)
    cli.set(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert cli("scaling", "show").code == 3


def test_what_cannot_be_saved_is_not_changed(cli: Cli, operator: Operator, tmp_path: Path) -> None:
    before, file = operator.raw, tmp_path / "a-file"
    file.write_text("", encoding="utf-8")
    cli.set(ACADEMYCTL_STATE_DIR=str(file))
    ended = cli("scaling", "apply", "outstanding", "--apply")
    assert (ended.code, operator.raw == before) == (2, True)
    assert "ACADEMYCTL_STATE_DIR" in ended.err
    where = tmp_path / "saves"
    cli.set(ACADEMYCTL_STATE_DIR=str(where))
    assert cli("scaling", "apply", "tt-total", "--apply").code == 0
    [folder] = (where / "scaling").iterdir()
    tracked, elsewhere = operator.raw, folder.with_name("999999999999-ap-northeast-2")
    folder.rename(elsewhere)
    assert "nothing was applied" in cli("scaling", "rollback", "--apply").err, "the save of another account"
    assert operator.raw == tracked
    elsewhere.rename(folder)
    [save] = saves.listed(folder, operator.fleet.names.video_asg)
    save.path.write_text("{", encoding="utf-8")
    assert "is no save" in cli("scaling", "rollback").err


def test_somebody_elses_change_meanwhile_is_left_alone(operator: Operator) -> None:
    from academyctl.ops.scaling_around import around
    from academyctl.ops.scaling_plans import Asked, plan_apply
    from academyctl.ops.scaling_state import gather, names
    from academyctl.repairs import Changed

    inherit(operator.fleet)
    stores = operator.here.stores()
    now = gather(stores, names(stores.settings, "video"))
    repairs = plan_apply(Asked("outstanding"), now, around(stores), undo="").repairs
    operator.fleet.rule(ScheduleExpression="rate(7 minutes)")
    rule = next(one for one in repairs if str(one).startswith("change rule"))
    before = account.raw(operator.fleet.clients, operator.fleet.names)
    with pytest.raises(Changed, match=r"rate\(7 minutes\)"):
        rule.do(stores)
    assert operator.raw == before


def test_simulate_needs_no_account_and_draws_its_charts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cli, svg, trace = Cli({}, monkeypatch, capsys), tmp_path / "x.svg", tmp_path / "t.csv"
    trace.write_text("at,seconds\n2026-02-21T18:00:00Z,1800\n2026-02-21T18:01:00Z,1800\n", encoding="utf-8")
    said = cli("scaling", "simulate", "outstanding", "fixed-1", "--trace", trace, "--svg", svg)
    assert said.code == 0
    said.out.encode("ascii")
    assert said.out.count("#") > 20
    drawn = ElementTree.fromstring(svg.read_text(encoding="utf-8"))
    assert len([one for one in drawn.iter() if one.tag.endswith("rect")]) == 5
    # One machine: the second waits for the first. More: for the next minute, and for an instance to start.
    told = cli("scaling", "simulate", "outstanding", "fixed", "--trace", trace, "-o", "json").json
    assert [one["wait_max_min"] for one in told["policies"]] == [2.0, 29.0]
    cli("--lang", "ko", "scaling", "simulate", "--days", 1).out.encode("cp949")
    assert cli("scaling", "simulate", "--days", 1, "--svg", tmp_path / "none" / "x.svg").code == 2
    assert "there is no policy 'outstandin'" in cli("scaling", "simulate", "outstandin").err
