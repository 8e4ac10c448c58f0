"""What somebody has decided to live with is told and not counted, and nothing else is hidden with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from academyctl import settings_file
from academyctl.errors import ConfigError, UsageError
from checks import _report_json
from checks._engine import kinds
from checks._ignore import Rule, from_file, from_words
from checks._model import State
from checks._report import render
from tests.checks import facts as f
from tests.checks import said
from tests.checks.cases import CASES

CODES = tuple(kinds(f.TOPICS))


def test_every_fault_of_the_tables_can_be_ignored_with_all_that_follows_from_it() -> None:
    for case in CASES:
        report = said.report(case.facts, rules=[Rule(case.root)])
        assert case.root not in {one.code for one in report.diagnosis.findings}, case.name
        assert not any(
            one.because_of.partition("=")[0] == case.root and one.state is not State.skip
            for one in report.diagnosis.findings
        ), case.name
        assert report.ignored, case.name


def test_another_fault_still_counts() -> None:
    facts = said.SHOWN["many"]
    report = said.base(facts, rules=[Rule("r2.secret-wrong"), Rule("redis.*", "job:encode:*")])
    assert report.exit_code == 1
    assert report.diagnosis.root is not None
    assert report.diagnosis.root.code == "sqs.queue-missing"
    report = said.base(facts, rules=[Rule("r2.secret-wrong"), Rule("sqs.queue-missing"), Rule("redis.lock-orphan")])
    assert (report.exit_code, str(report.diagnosis.verdict)) == (0, "healthy")


def test_a_subject_that_is_not_named_is_not_ignored() -> None:
    rule = Rule("sqs.dead-letters", "academy-messaging-jobs-dlq")
    report = said.base(said.SHOWN["dead-letters"], rules=[rule])
    assert report.ignored == ()
    assert report.diagnosis.state is State.warn


def test_what_is_ignored_is_counted_and_told_in_one_line() -> None:
    rule = Rule("sqs.dead-letters", "*-video-*", "known since May", "2027-01-31")
    report = said.base(said.SHOWN["dead-letters"], rules=[rule])
    said_lines = [line for line in render("table", report).splitlines() if "ignored" in line]
    assert said_lines == [
        "ignored on request: 1 (sqs.dead-letters=academy-video-jobs-dlq (known since May; -> 2027-01-31))"
    ]
    for fmt in ("short", "md", "html", "junit", "json", "ndjson"):
        assert "known since May" in render(fmt, report), fmt
    assert _report_json.as_json(report)["ignored"][0]["until"] == "2027-01-31"


def test_a_rule_ends_after_its_last_day_by_the_day_of_the_facts() -> None:
    day = f.AT[:10]
    facts = said.SHOWN["dead-letters"]
    assert said.base(facts, rules=[Rule("sqs.*", "*", "r", day)]).diagnosis.state is State.ok
    report = said.base(facts, rules=[Rule("sqs.*", "*", "r", "2026-02-16")])
    assert report.diagnosis.state is State.warn
    assert report.ignored == ()
    assert "expired on 2026-02-16" in render("table", report)
    assert [one["rule"] for one in _report_json.as_json(report)["expired_ignores"]] == ["sqs.*"]


def test_words_are_rules() -> None:
    assert from_words(["sqs.dead-letters=academy-*", "r2.*"], CODES) == [
        Rule("sqs.dead-letters", "academy-*"),
        Rule("r2.*"),
    ]
    for wrong, why in (("sqs.dead-leters", "did you mean sqs.dead-letters"), ("*", "everything"), ("*.*=x", "everyth")):
        with pytest.raises(UsageError, match=why):
            from_words([wrong], CODES)


def _section(folder: Path, text: str) -> dict[str, Any]:
    path = folder / "academyctl.toml"
    path.write_text(text, encoding="utf-8")
    return dict(settings_file.read(path).diagnose)


GOOD = '[[diagnose.ignore]]\ncode = "sqs.dead-letters"\nsubject = "a-*"\nreason = "known"\nuntil = {}\n'


@pytest.mark.parametrize("until", ["2027-01-31", '"2027-01-31"', "2027-01-31T10:00:00"])
def test_the_settings_file_gives_rules_with_reason_and_expiry(tmp_path: Path, until: str) -> None:
    section = _section(tmp_path, GOOD.format(until))
    assert from_file(section, "default", "x") == [Rule("sqs.dead-letters", "a-*", "known", "2027-01-31")]


def test_a_rule_for_one_profile_is_silent_in_the_others(tmp_path: Path) -> None:
    section = _section(tmp_path, GOOD.format("2027-01-31") + 'profile = "staging"\n')
    assert len(from_file(section, "staging", "x")) == 1
    assert from_file(section, "prod", "x") == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("reason = ", "raison = "), "unknown key 'raison'.*did you mean reason"),
        (('reason = "known"\n', ""), "has no `reason`"),
        (('reason = "known"\n', 'reason = " "\n'), "has no `reason`"),
        (("until = 2027-01-31\n", ""), "has no `until`"),
        (("until = 2027-01-31\n", 'until = "soon"\n'), "'soon' is no date"),
        (('code = "sqs.dead-letters"\n', ""), "has no `code`"),
        (('"sqs.dead-letters"', '"*"'), "ignore everything"),
        (('"sqs.dead-letters"', "7"), "`code` is not a text"),
    ],
)
def test_a_rule_that_is_off_is_a_config_error_naming_it(tmp_path: Path, change: tuple[str, str], why: str) -> None:
    section = _section(tmp_path, GOOD.format("2027-01-31").replace(*change))
    with pytest.raises(ConfigError, match=why):
        from_file(section, "default", "x")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("diagnose = 7\n", "is not a table"),
        ("[diagnose]\nplugin = true\n", "unknown key 'plugin'"),
        ('[diagnose]\nplugins = "yes"\n', "neither true nor false"),
    ],
)
def test_the_section_is_as_strict_as_every_other(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        _section(tmp_path, text)


def test_a_list_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a list of tables"):
        from_file(_section(tmp_path, '[diagnose]\nignore = ["sqs.drift"]\n'), "default", "x")
