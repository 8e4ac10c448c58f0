"""`academyctl lambda`: planned, done once, taken back to the byte; a killed deployment is completed by the next."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from academyctl.ops import lambda_deploy, lambda_saves
from academyctl.ops.package import package, sha256
from academyctl.repairs import Changed
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.functions import Functions
from tests.fleet import OwnFleet
from tests.fleet import fleet as fleet
from tests.fleet import fleet_clients as fleet_clients
from tests.lambdas.test_functions import code
from tests.video_commands.conftest import Cli

# What AWS makes anew at each change.
_NEW = ("LastModified", "RevisionId", "ResponseMetadata")
SECRET = "a-key-of-the-internal-api"


@pytest.fixture
def cli(fleet: OwnFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    state = {"XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    return Cli({**fleet.env, **state}, monkeypatch, capsys)


@pytest.fixture
def foreign(fleet: OwnFleet) -> OwnFleet:
    """The depth function as the platform's own scripts left it: other code, other limits, a key, no permission."""
    functions, name = Functions(fleet.clients), fleet.names.depth_lambda
    functions.update_code(name, code("return 'theirs'"))
    variables = {"VIDEO_QUEUE": "academy-video-jobs-old", "LAMBDA_INTERNAL_API_KEY": SECRET}
    functions.configure(name, {"Timeout": 45, "Handler": "lambda_function.lambda_handler",
                               "Environment": {"Variables": variables}})  # fmt: skip
    functions.forbid(name, fleet.names.depth_rule)
    return fleet


def state(fleet: OwnFleet, name: str = "") -> dict[str, Any]:
    """Everything AWS tells about the function and its rule, and the code itself."""
    functions, name = Functions(fleet.clients), name or fleet.names.depth_lambda
    events, rule = fleet.clients("events"), fleet.names.depth_rule
    raw = functions.raw(name) and functions.settled(name)
    return {
        "raw": raw and {key: value for key, value in raw.items() if key not in _NEW},
        "code": functions.code(name) if raw else b"",
        "permissions": functions.permissions(name),
        "reserved": functions.reserved(name),
        "rules": [one for one in events.list_rules()["Rules"] if one["Name"].startswith(rule[:12])],
        "targets": events.list_targets_by_rule(Rule=rule)["Targets"],
        "mappings": functions.mappings(name) if raw else [],
    }


def test_the_dry_run_changes_nothing_and_apply_does_the_very_plan_once(cli: Cli, foreign: OwnFleet) -> None:
    before = state(foreign)
    dry = cli("lambda", "deploy", "depth", "-o", "json").json
    assert (dry["applied"], state(foreign)) == (False, before)
    done = cli("lambda", "deploy", "depth", "--apply", "-o", "json").json
    assert (done["applied"], done["changes"]) == (True, dry["changes"])
    after = state(foreign)
    assert after["raw"]["CodeSha256"] == sha256(package("queue_depth"))
    variables = after["raw"]["Environment"]["Variables"]
    # A variable of another's is kept, and a longer timeout; what a deployment sets by the settings is set.
    assert (variables["LAMBDA_INTERNAL_API_KEY"], after["raw"]["Timeout"], after["reserved"]) == (SECRET, 45, 1)
    assert (variables["VIDEO_QUEUE"], variables["MODE"]) == (foreign.env["VIDEO_SQS_QUEUE_NAME"], "publish")
    again = cli("lambda", "deploy", "depth", "--apply", "-o", "json").json
    assert (again["changes"], again["applied"], state(foreign)) == ([], False, after)
    assert SECRET not in json.dumps([dry, done])


def test_a_rollback_restores_everything_to_the_byte_and_twice_is_once(cli: Cli, foreign: OwnFleet) -> None:
    before = state(foreign)
    assert cli("lambda", "deploy", "depth", "--apply").code == 0
    deployed = state(foreign)
    back = cli("lambda", "deploy", "depth", "--rollback", "--apply", "-o", "json").json
    assert state(foreign) == before
    assert cli("lambda", "deploy", "depth", "--rollback", "--apply", "-o", "json").json["changes"] == []
    # What was taken back can be had again: the undo of the rollback.
    assert cli(*shlex.split(back["changes"][0]["undo"])[1:]).code == 0
    assert state(foreign) == deployed


def test_a_deployment_that_was_killed_is_completed_and_undone_as_one(
    cli: Cli, foreign: OwnFleet, tmp_path: Path
) -> None:
    before, stores = state(foreign), Stores(load(foreign.env).settings)
    where = tmp_path / "academyctl" / "lambda"
    plan = lambda_deploy.deployment(stores, "depth", where)
    plan.keep(stores)
    plan.repairs[0].do(stores)
    done = cli("lambda", "deploy", "depth", "--apply", "-o", "json").json
    assert [one["change"] for one in done["changes"]] == [str(repair) for repair in plan.repairs[1:]]
    assert {one["undo"] for one in done["changes"]} == {repair.undo for repair in plan.repairs}
    assert cli(*shlex.split(done["changes"][0]["undo"])[1:]).code == 0
    assert state(foreign) == before
    stores.close()


def test_a_function_that_is_not_there_is_made_runs_and_is_taken_away_again(cli: Cli, fleet: OwnFleet) -> None:
    name, rule = f"{fleet.names.depth_rule[:12]}-auto", f"{fleet.names.depth_rule[:12]}-auto-rate"
    cli.set(ACADEMYCTL_AUTOSCALE_LAMBDA=name, ACADEMYCTL_AUTOSCALE_RULE=rule)
    before = state(fleet, name)
    made = cli("lambda", "deploy", "autoscale", "--apply")
    assert (made.code, f"create Lambda function {name}" in made.out) == (0, True)
    assert cli("lambda", "invoke", "autoscale", "--dry-run", "-o", "json").json["answer"]["dry_run"] is True
    shown = cli("lambda", "show", "autoscale", "-o", "json").json
    assert (shown["rule"], shown["runs_at_a_time"]) == ({"name": rule, "state": "ENABLED", "runs_it": True}, 1)
    assert cli("lambda", "deploy", "autoscale", "--apply", "-o", "json").json["changes"] == []
    assert cli("lambda", "deploy", "autoscale", "--rollback", "--apply").code == 0
    assert state(fleet, name) == before
    assert cli("lambda", "show", "autoscale").code == 1


def test_what_somebody_else_changed_meanwhile_is_left_alone(foreign: OwnFleet, tmp_path: Path) -> None:
    stores, name = Stores(load(foreign.env).settings), foreign.names.depth_lambda
    replace, configure, *_ = lambda_deploy.deployment(stores, "depth", tmp_path).repairs
    stores.functions.update_code(name, code("return 'newer'"))
    stores.functions.configure(name, {"Timeout": 46})
    between = state(foreign)
    for repair, word in ((replace, "replaced"), (configure, "timeout 45 -> 46")):
        with pytest.raises(Changed, match=word):
            repair.do(stores)
    assert state(foreign) == between
    stores.close()


def test_a_save_whose_code_is_gone_or_another_puts_nothing_back(cli: Cli, foreign: OwnFleet, tmp_path: Path) -> None:
    assert cli("lambda", "deploy", "depth", "--apply").code == 0
    after = state(foreign)
    [kept] = tmp_path.rglob("lambda/*/code/*.zip")
    kept.write_bytes(b"another")
    refused = cli("lambda", "deploy", "depth", "--rollback", "--apply")
    assert (refused.code, "sha256 is another" in refused.err, state(foreign)) == (2, True, after)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_saves_are_their_owners_alone(cli: Cli, foreign: OwnFleet, tmp_path: Path) -> None:
    assert cli("lambda", "deploy", "depth", "--apply").code == 0
    files = [path for path in (tmp_path / "academyctl" / "lambda").rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    assert SECRET not in (tmp_path / "academyctl" / "audit.jsonl").read_text(encoding="utf-8")


def test_there_is_no_rollback_without_a_deployment(cli: Cli) -> None:
    refused = cli("lambda", "deploy", "depth", "--rollback", "--apply")
    assert (refused.code, "no deployment" in refused.err) == (2, True)
    assert cli("lambda", "deploy", "depth", "--to", "abc").code == 2
    assert cli("lambda", "deploy", "another-function").code == 2


def test_a_save_that_did_not_end_is_not_taken_for_another_deployments(tmp_path: Path, foreign: OwnFleet) -> None:
    stores = Stores(load(foreign.env).settings)
    first = lambda_deploy.deployment(stores, "depth", tmp_path)
    first.keep(stores)
    stores.functions.configure(foreign.names.depth_lambda, {"MemorySize": 512})
    # It would become something else now: the state is saved anew.
    assert lambda_deploy.deployment(stores, "depth", tmp_path).save.key != first.save.key
    assert len(lambda_saves.listed(first.where, foreign.names.depth_lambda)) == 1
    stores.close()
