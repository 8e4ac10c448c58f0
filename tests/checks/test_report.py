"""What people and machines read, held by golden files. ACADEMYCTL_TEST_UPDATE=1 writes them anew."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from checks import _report_json, _report_text
from checks._paper import Paper, columns
from checks._report import Show, render
from checks._report_words import age
from tests.checks import facts as f
from tests.checks import said
from tests.checks.cases import CASES
from tests.checks.said import SHOWN

GOLDEN = Path(__file__).with_name("golden")
# Read by the test of the report alone: the variable must survive the fixture that clears ours.
_UPDATE = bool(os.environ.get("ACADEMYCTL_TEST_UPDATE"))
LANGS = ("en", "ko")


def _golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if _UPDATE:
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", SHOWN)
def test_the_table_reads_as_it_did(name: str, lang: str) -> None:
    _golden(f"{name}.{lang}.txt", render("table", said.base(SHOWN[name], lang)))


@pytest.mark.parametrize("lang", LANGS)
def test_the_table_fits_a_terminal_of_80_columns_with_marks(lang: str) -> None:
    text = render("table", said.base(SHOWN["many"], lang), Paper(width=80, marks=True))
    _golden(f"many.80.{lang}.txt", text)
    commands = {command for one in said.base(SHOWN["many"]).listed for command in one.commands}
    assert all(columns(line) <= 80 for line in text.splitlines() if line.strip() not in commands)
    assert not any(line.endswith(" ") for line in text.splitlines())


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", ["healthy", "bad-key", "many"])
def test_the_json_is_what_it_was(name: str, lang: str) -> None:
    _golden(f"{name}.{lang}.json", render("json", said.base(SHOWN[name], lang)))


@pytest.mark.parametrize("name", SHOWN)
def test_the_short_form_is_the_verdict_and_a_line_a_cause(name: str) -> None:
    _golden(f"{name}.short.txt", render("short", said.base(SHOWN[name])))


@pytest.mark.parametrize("lang", LANGS)
def test_the_markdown_reads_as_it_did(lang: str) -> None:
    _golden(f"many.{lang}.md", render("md", said.base(SHOWN["many"], lang)))


def test_the_first_line_is_the_verdict_with_its_root_cause_and_one_fault_is_one_red_line() -> None:
    for case in CASES:
        report = said.of_case(case.name)
        root = report.diagnosis.root
        assert root is not None
        lines = render("table", report).splitlines()
        assert lines[0].startswith(f"verdict: {case.verdict}"), case.name
        assert lines[0].endswith(root.summary), case.name
        assert ("(warning)" in lines[0]) == (str(case.state) == "warn"), case.name
        assert sum(line.startswith("  FAIL ") for line in lines) == (str(case.state) == "fail"), case.name


def test_json_tells_of_every_finding_its_evidence_and_when() -> None:
    for case in CASES:
        body = _report_json.as_json(said.of_case(case.name))
        for one in body["findings"]:
            assert one["state"] in ("ok", "skip") or one["evidence"], one
            assert all(evidence["at"] and evidence["source"] for evidence in one["evidence"])
        assert sum(body["counts"].values()) == len(body["findings"])
        assert body["root"] is None or body["root"]["key"] == body["roots"][0]


def test_the_same_remedy_is_told_once() -> None:
    drifted = f.queue("video", box=f.box("academy-video-jobs", wait_s=0))
    twice = f.queue("video", box=drifted.queues[0].box, dlq=None, dlq_trouble=None)
    both = tuple(
        one if one.word == "video" else f.queue("messaging", box=f.box("academy-messaging-jobs", wait_s=0)).queues[n]
        for n, one in enumerate(twice.queues)
    )
    table = _report_text.as_table(said.base({"sqs": type(twice)(**{**vars(twice), "queues": both})}))
    told = [line for line in table.splitlines() if line.strip().startswith("next: ")]
    assert table.count("[sqs.drift]") == 2
    assert len(told) == len(set(told)) == 1


def test_evidence_has_its_source_and_its_age() -> None:
    table = _report_text.as_table(said.base(SHOWN["bad-key"]))
    assert "sqs:ListQueues queue *: InvalidClientTokenId  (47 s ago)" in table


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "just now"), (59, "59 s ago"), (60, "1 min ago"), (7300, "2 h ago"), (200000, "2 d ago")]
)
def test_an_age_has_one_unit(seconds: int, words: str) -> None:
    then = datetime.fromisoformat(f.AT)
    assert age(said.base({}, now=then + timedelta(seconds=seconds)), f.AT) == words
    assert age(said.base({}, now=None), f.AT) == ""


@pytest.mark.parametrize("lang", LANGS)
def test_the_report_survives_a_korean_windows_console(lang: str) -> None:
    for facts in SHOWN.values():
        render("table", said.report(facts, lang)).encode("cp949")


@pytest.mark.parametrize(
    ("show", "states"),
    [(Show.warn, {"warn", "fail"}), (Show.fail, {"fail"}), (Show.all, {"ok", "warn", "fail", "skip"})],
)
def test_the_threshold_hides_findings_and_changes_no_verdict(show: Show, states: set[str]) -> None:
    report = said.base(SHOWN["many"], show=show)
    body = _report_json.as_json(report)
    assert {one["state"] for one in body["findings"]} == states
    assert body["verdict"] == "settings"
    assert body["counts"] == _report_json.as_json(said.base(SHOWN["many"]))["counts"]
    assert (f"--show {show}" in render("table", report)) == (show is not Show.all)


def test_what_could_not_be_seen_is_never_hidden() -> None:
    report = said.base(SHOWN["silent"], show=Show.fail)
    assert [str(one.state) for one in report.listed] == ["unknown"]
    assert report.exit_code == 3
