"""`academyctl rule`: the clocks of the platform's functions, shown and switched."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from academyctl.errors import AwsError
from academyctl.ops.rule_plans import Switch, plan
from academyctl.repairs import Changed
from academyctl.stores import Stores
from academyctl.stores.rules import Rules
from tests.fleet import OwnFleet
from tests.video_commands.conftest import Cli


def rule(park: OwnFleet) -> Any:
    found = park.clients("events").describe_rule(Name=park.names.depth_rule)
    return {key: value for key, value in found.items() if key != "ResponseMetadata"}


def test_the_settings_rules_are_listed_with_what_they_run(cli: Cli, park: OwnFleet) -> None:
    listed = cli("rule", "list", "-o", "json")
    depth, old = listed.json["rules"]
    assert (listed.code, depth["state"], depth["schedule"]) == (0, "ENABLED", "rate(1 minute)")
    assert depth["targets"][0]["arn"].endswith(park.names.depth_lambda)
    assert (old["word"], old["exists"]) == ("autoscale", False)
    assert park.names.depth_lambda in cli("rule", "list").out
    assert park.names.depth_rule in [one["name"] for one in cli("rule", "list", "--all", "-o", "json").json["rules"]]


def test_a_rule_is_switched_off_once_and_on_again_by_the_undo(cli: Cli, park: OwnFleet) -> None:
    before = rule(park)
    assert cli("rule", "disable", "depth").code == 0
    assert rule(park) == before
    done = cli("rule", "disable", "depth", "--apply", "-o", "json").json
    assert (done["applied"], rule(park)["State"]) == (True, "DISABLED")
    assert "it is so already" in cli("rule", "disable", park.names.depth_rule, "--apply").out
    assert cli(*shlex.split(done["changes"][0]["undo"])[1:]).code == 0
    assert rule(park) == before


def test_a_rule_that_is_missing_fails_everywhere(cli: Cli) -> None:
    cli.set(ACADEMYCTL_DEPTH_RULE="no-such-rule")
    assert cli("rule", "list").code == 1
    for words in (("show", "depth"), ("enable", "depth"), ("disable", "nothing")):
        gone = cli("rule", *words)
        assert (gone.code, "academyctl rule list --all" in gone.err) == (1, True)


def test_a_rule_without_a_target_is_told(cli: Cli, park: OwnFleet) -> None:
    park.clients("events").remove_targets(Rule=park.names.depth_rule, Ids=["1"])
    assert "nothing" in cli("rule", "show", "depth").out
    repairs, remarks = plan("depth", {"Name": "r", "State": "DISABLED"}, [], on=True)
    assert (len(repairs), len(remarks)) == (1, 1)


def test_a_rule_that_somebody_switched_meanwhile_is_left_alone(park: OwnFleet, opened: Stores) -> None:
    switch = Switch("depth", park.names.depth_rule, "DISABLED", "ENABLED")
    with pytest.raises(Changed, match="it is ENABLED, it was DISABLED"):
        switch.do(opened)
    with pytest.raises(Changed, match="gone"):
        Switch("x", "no-such-rule", "DISABLED", "ENABLED").do(opened)


class Refusing:
    """EventBridge, which answers 200 to targets that it does not take."""

    def put_targets(self, **_asked: object) -> dict[str, object]:
        return {"FailedEntryCount": 1, "FailedEntries": [{"ErrorCode": "ConcurrentModificationException"}]}


def test_a_target_that_was_not_taken_is_no_success() -> None:
    with pytest.raises(AwsError, match="events:PutTargets failed for a-rule") as refused:
        Rules(lambda _service: Refusing()).target("a-rule", "1", "arn")
    assert "ConcurrentModificationException" in str(refused.value.why)
