"""Every format is well formed whatever the findings say, and promises what its readers rely on."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from checks import _report_html, _report_junit
from checks._model import Gathered, Snapshot
from checks._paper import ENDLESS, Paper, columns, has_marks, paper_of
from checks._report import FORMATS, Report, render
from tests.checks import facts as f
from tests.checks import said
from tests.checks.cases import CASES

FOLDER = Path(_report_html.__file__).parent
SCHEMA = json.loads((FOLDER / "report.schema.json").read_text(encoding="utf-8"))
HOSTILE = "a<script>alert(1)</script>\x1b[31m`*[x](y)*`|\"'&-->]]>\x00"


def hostile() -> Report:
    """A platform whose names are attacks on every format."""
    gone = f.absent("video", "missing", HOSTILE)
    queues = tuple(replace(one, name=HOSTILE) if one.word == "video" else one for one in gone.queues)
    return said.base({"sqs": replace(gone, queues=queues)})


def test_the_object_and_every_line_keep_to_the_schema() -> None:
    whole = jsonschema.Draft202012Validator(SCHEMA)
    whole.check_schema(SCHEMA)
    defs = {"$defs": SCHEMA["$defs"]}
    line, finding = (whole.evolve(schema={"$ref": f"#/$defs/{name}", **defs}) for name in ("line", "finding"))
    seen: dict[str, Any] = {}
    for case in CASES:
        *findings, summary = [json.loads(one) for one in render("ndjson", said.of_case(case.name)).splitlines()]
        assert [one.pop("type") for one in findings] == ["finding"] * len(findings)
        assert summary["type"] == "summary"
        line.validate(summary)
        seen |= {one["code"] + one["state"]: one for one in findings}
    for one in seen.values():
        finding.validate(one)
        line.validate({"type": "finding", **one})
    for facts in said.SHOWN.values():
        whole.validate(json.loads(render("json", said.report(facts))))


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_is_made_of_every_state(fmt: str) -> None:
    for facts in said.SHOWN.values():
        text = render(fmt, said.base(facts))
        assert text.endswith("\n")
        assert "None" not in text


def _cases(report: Report) -> tuple[ET.Element, dict[str, ET.Element]]:
    root = ET.fromstring(render("junit", report))
    return root, {f"{one.get('classname')}/{one.get('name')}": one for one in root.iter("testcase")}


def test_a_failure_is_a_failure_and_what_could_not_be_seen_an_error() -> None:
    root, cases = _cases(said.base(said.SHOWN["many"]))
    assert (root.get("failures"), root.get("errors")) == ("2", "0")
    failure = cases["academyctl.sqs/every queue exists [academy-video-jobs]"].find("failure")
    assert failure is not None
    assert failure.get("type") == "sqs.queue-missing"
    assert "academyctl config show --section queues" in (failure.text or "")
    follows = next(one for name, one in cases.items() if "dead-letter queue [" in name)
    assert follows.find("skipped") is not None
    root, _ = _cases(said.base(said.SHOWN["silent"]))
    assert (root.get("failures"), root.get("errors")) == ("0", "1")


def test_a_warning_is_a_failure_only_when_it_was_asked_to_be() -> None:
    assert _cases(said.base(said.SHOWN["dead-letters"]))[0].get("failures") == "0"
    assert _cases(said.base(said.SHOWN["dead-letters"], fail_on_warn=True))[0].get("failures") == "1"


def test_an_aborted_diagnosis_is_one_case_with_an_error() -> None:
    root = ET.fromstring(_report_junit.aborted(f"bug {HOSTILE}", HOSTILE))
    assert (root.get("tests"), root.get("errors")) == ("1", "1")
    assert root.find(".//testcase/error[@type='aborted']") is not None


def test_no_name_breaks_out_of_its_place() -> None:
    report = hostile()
    assert len(_cases(report)[1]) == len(report.listed)
    page = render("html", report)
    assert page.count("<script>") == 1
    assert "<script>alert" not in page
    # In a code span it is a text to every Markdown there is.
    text = re.sub(r"(?<!\\)`[^`\n]*`", "", render("md", report))
    assert "<script>" not in text
    assert "[x](y)" not in text
    for fmt in ("table", "short", "md"):
        assert "\x1b" not in render(fmt, report)
    assert len([json.loads(line) for line in render("ndjson", report).splitlines()]) == len(report.listed) + 1


def test_the_page_needs_nothing_else_and_runs_no_other_script() -> None:
    page = render("html", said.base(said.SHOWN["many"]))
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://(?!account)", page.replace("https://sqs.", ""))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert _report_html._hash(_report_html._SCRIPT) in policy[1]


def test_the_page_can_be_read_without_eyes() -> None:
    page = render("html", said.base(said.SHOWN["many"], "ko"))
    assert '<html lang="ko">' in page
    assert page.count("<h1>") == 1
    assert all("aria-label=" in svg for svg in re.findall(r"<svg[^>]*>", page))
    levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", page)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_asks_for(scheme: str) -> None:
    style = (FOLDER / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[scheme == "dark"]))
    pairs = [("ink", "paper"), ("ink", "card"), ("ink", "code"), ("soft", "paper"), ("soft", "card"), ("soft", "code")]
    tones = ("ok", "warn", "fail", "unknown")
    pairs += [pair for tone in tones for pair in ((tone, "card"), (tone, f"{tone}-wash"), ("ink", f"{tone}-wash"))]
    for text, ground in pairs:
        bright, dark = sorted((_luminance(colours[text]), _luminance(colours[ground])), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


@pytest.mark.parametrize(
    ("encoding", "marks"),
    [
        ("utf-8", True),
        ("UTF8", True),
        ("cp949", False),
        ("cp437", False),
        ("cp1252", False),
        ("ascii", False),
        ("", False),
    ],
)
def test_marks_are_shown_where_all_of_them_can_be(encoding: str, marks: bool) -> None:
    assert has_marks(encoding) is marks


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("env", "platform", "colour"),
    [
        ({}, "linux", True), ({"NO_COLOR": "1"}, "linux", False), ({"TERM": "dumb"}, "linux", False),
        ({}, "win32", False), ({"WT_SESSION": "x"}, "win32", True),
    ],
)  # fmt: skip
def test_colours_are_for_terminals_that_want_them(env: dict[str, str], platform: str, colour: bool) -> None:
    assert paper_of(_Terminal(), env, platform=platform).colour is colour
    assert paper_of(io.StringIO(), env, platform=platform) == replace(ENDLESS, marks=False)


def test_colours_change_no_letter() -> None:
    for facts in said.SHOWN.values():
        report = said.base(facts)
        for width in (0, 80):
            plain = render("table", report, Paper(width, marks=True))
            inked = render("table", report, Paper(width, marks=True, colour=True))
            assert re.sub(r"\x1b\[[\d;]+m", "", inked) == plain
            assert inked != plain


def test_lines_are_broken_between_words_by_columns_and_not_by_letters() -> None:
    paper = Paper(width=30)
    lines = paper.wrapped("버킷이 있고 나열할 수 있음 " * 3, 4)
    assert len(lines) > 1
    assert all(columns(line) <= 26 for line in lines)
    name = "arn:aws:sqs:ap-northeast-2:000000000000:academy-video-jobs"
    assert name in paper.wrapped(f"queue {name} is gone", 4)


def _snapshot_with(facts: Any) -> Snapshot:
    taken = f.snapshot()
    return replace(taken, topics={"sqs": taken.topics["sqs"], "other": Gathered("seen", facts, "", 1, f.AT)})


def test_what_can_be_drawn_is_drawn() -> None:
    busy = f.queue("video", box=f.box("academy-video-jobs", visible=12, in_flight=3))
    page = render("html", said.report({"sqs": busy}))
    assert 'aria-label="academy-video-jobs: waiting 12, in flight 3, delayed 0, dead letters 0"' in page
    facts = {
        "group": {"name": "asg-1", "min": 0, "desired": 4, "max": 6, "in_service": 3},
        "metric": {"name": "QueueDepth", "points": [{"at": f.AT, "value": 1}, {"at": f.AT, "value": 9.5}]},
        "activities": [{"group": "asg-1", "status": "Failed", "description": "no <room>", "age_s": 90.0}],
    }
    page = render("html", replace(said.base({}), diagnosis=replace(said.base({}).diagnosis, snapshot=_drawn(facts))))
    assert 'aria-label="asg-1: in service 3, desired 4, min 0, max 6"' in page
    assert 'aria-label="QueueDepth: latest 9.5, highest 9.5"' in page
    assert "no &lt;room&gt;" in page


def _drawn(facts: dict[str, Any]) -> Snapshot:
    metric = {**facts["metric"], "points": tuple(facts["metric"]["points"])}
    return _snapshot_with(MappingProxyType({**facts, "metric": metric, "activities": tuple(facts["activities"])}))
