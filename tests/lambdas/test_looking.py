"""`academyctl lambda list`, `show`, `env`, `invoke`: what is told, what is masked, and that a run is asked for."""

from __future__ import annotations

import json
from pathlib import Path

from academyctl.stores.functions import Functions
from tests.fleet import OwnFleet
from tests.fleet import fleet as fleet
from tests.fleet import fleet_clients as fleet_clients
from tests.lambdas.test_commands import SECRET, state
from tests.lambdas.test_commands import cli as cli
from tests.lambdas.test_functions import code
from tests.video_commands.conftest import Cli


def test_the_list_tells_which_are_there_and_whose_code_they_run(cli: Cli, fleet: OwnFleet) -> None:
    Functions(fleet.clients).settled(fleet.names.depth_lambda)
    found = {one["word"]: one for one in cli("lambda", "list", "-o", "json").json["functions"]}
    assert list(found) == ["depth", "autoscale", "sqs-to-batch", "analysis"]
    assert (found["depth"]["code"], found["depth"]["state"]) == ("ours", "Active")
    assert found["analysis"]["exists"] is False
    Functions(fleet.clients).update_code(fleet.names.depth_lambda, code())
    listed = cli("lambda", "list")
    assert (listed.code, "another" in listed.out, "does not exist" in listed.out) == (0, True, True)


def test_a_function_is_shown_with_its_rule_and_callers_and_no_secret(cli: Cli, fleet: OwnFleet) -> None:
    name = fleet.names.depth_lambda
    assert cli("lambda", "env", "set", "depth", f"LAMBDA_INTERNAL_API_KEY={SECRET}", "--apply").code == 0
    shown = cli("lambda", "show", "depth", "-o", "json")
    assert shown.json["rule"] == {"name": fleet.names.depth_rule, "state": "ENABLED", "runs_it": True}
    assert [one["principal"] for one in shown.json["callers"]] == ["events.amazonaws.com"]
    assert shown.json["variables"]["LAMBDA_INTERNAL_API_KEY"] == "(not shown)"
    for words in (("show", name), ("env", "show", name)):
        table = cli("lambda", *words)
        assert (table.code, SECRET in table.out, "VIDEO_QUEUE=" in table.out) == (0, False, True)
        assert SECRET in cli("lambda", *words, "--reveal").out
    missing = cli("lambda", "show", "no-such-function")
    assert (missing.code, "academyctl lambda list" in missing.err) == (1, True)
    assert cli("lambda", "env", "show", "no-such-function").code == 1


def test_variables_are_set_beside_the_others_and_put_back(cli: Cli, fleet: OwnFleet) -> None:
    before = state(fleet)
    words = ("lambda", "env", "set", "depth", "VIDEO_MODE=outstanding", "--unset", "METRIC_NAME")
    dry = cli(*words)
    assert (dry.code, state(fleet)) == (0, before)
    assert "METRIC_NAME QueueDepth -> (none), VIDEO_MODE (none) -> outstanding" in dry.out
    done = cli(*words, "--apply", "-o", "json").json
    variables = state(fleet)["raw"]["Environment"]["Variables"]
    assert (variables["VIDEO_MODE"], variables["MODE"], "METRIC_NAME" in variables) == (
        "outstanding",
        "lambda-rule",
        False,
    )
    assert cli(*words, "--apply", "-o", "json").json["changes"] == []
    assert cli(*done["changes"][0]["undo"].split()[1:]).code == 0
    assert state(fleet) == before


def test_what_the_function_could_not_work_with_is_refused(cli: Cli, fleet: OwnFleet) -> None:
    before = state(fleet)
    both = ["A_B=1", "--unset", "A_B"]
    for words in (["VIDEO_MODE=outstandin"], ["TARGET_MESSAGES_PER_INSTANCE=0"], ["novalue"], [], both):
        assert cli("lambda", "env", "set", "depth", *words, "--apply").code == 2, words
    assert state(fleet) == before


def test_a_run_is_told_first_and_happens_when_it_is_asked_for(cli: Cli, fleet: OwnFleet, tmp_path: Path) -> None:
    fleet.variables(VIDEO_MODE="outstanding")
    fleet.wait(3)
    before = state(fleet)
    told = cli("lambda", "invoke", "depth")
    assert (told.code, f"set the desired capacity of {fleet.names.video_asg} by outstanding" in told.out) == (0, True)
    dry = cli("lambda", "invoke", "depth", "--dry-run", "-o", "json").json
    assert (dry["dry_run"], dry["answer"]["groups"]["video"]["desired"]) == (True, 3)
    assert _desired(cli) == 1
    event = tmp_path / "event.json"
    event.write_text("\ufeff{}", encoding="utf-8")
    ran = cli("lambda", "invoke", "depth", "--payload-file", event, "--apply", "-o", "json").json
    assert (ran["invoked"], ran["error"], _desired(cli)) == (True, "", 3)
    assert any(
        line.startswith(f"{fleet.names.video_asg} desired 1 -> 3 (visible=3 in_flight=0)") for line in ran["log"]
    )
    assert state(fleet) == before
    [line] = (tmp_path / "academyctl" / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    assert "run Lambda function" in json.loads(line)["change"]


def test_a_run_that_fails_says_why_and_exits_with_1(cli: Cli, fleet: OwnFleet) -> None:
    fleet.variables(VIDEO_QUEUE="no-such-queue")
    ran = cli("lambda", "invoke", "depth", "--apply")
    assert (ran.code, "video: could not be read: no-such-queue" in ran.out) == (1, True)


def test_other_code_is_never_run_dry(cli: Cli, fleet: OwnFleet) -> None:
    Functions(fleet.clients).update_code(fleet.names.depth_lambda, code("return 'ran'"))
    refused = cli("lambda", "invoke", "depth", "--dry-run")
    assert (refused.code, "cannot be run dry" in refused.err) == (2, True)
    assert "not known here" in cli("lambda", "invoke", "depth").out
    assert cli("lambda", "invoke", "depth", "--payload", "{").code == 2


def _desired(cli: Cli) -> int:
    return int(cli("asg", "show", "video", "-o", "json").json["groups"][0]["desired"])
