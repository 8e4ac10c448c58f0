"""What people and machines read, held by golden files. ACADEMYCTL_TEST_UPDATE=1 writes them anew."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from checks import _report
from checks._engine import diagnose, kinds
from checks._model import Diagnosis
from checks._texts import Shell, worded
from tests.checks import facts as f
from tests.checks.cases import CASES

GOLDEN = Path(__file__).with_name("golden")
_BY_NAME = {case.name: case.facts for case in CASES}
SHOWN: dict[str, dict[str, Any]] = {
    "healthy": {},
    "bad-key": _BY_NAME["an unknown key"],
    "queue-name": _BY_NAME["a wrong queue name"],
    "dead-letters": _BY_NAME["dead letters"],
    "silent": _BY_NAME["the database is silent"],
    "crash": _BY_NAME["a topic crashes"],
    "many": {**_BY_NAME["a wrong R2 secret"], **_BY_NAME["an orphan lock"], **_BY_NAME["a queue is gone"]},
}
# Read by the test of the report alone: the variable must survive the fixture that clears ours.
_UPDATE = bool(os.environ.get("ACADEMYCTL_TEST_UPDATE"))


def _said(facts: dict[str, Any], lang: str) -> Diagnosis:
    found = diagnose(f.TOPICS, f.snapshot(**facts))
    return found.with_findings(worded(found.findings, lang, kinds(f.TOPICS), shell=Shell(), local=False))


def _golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if _UPDATE:
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", SHOWN)
def test_the_table_reads_as_it_did(name: str, lang: str) -> None:
    _golden(f"{name}.{lang}.txt", _report.as_table(_said(SHOWN[name], lang), lang) + "\n")


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", ["healthy", "bad-key", "many"])
def test_the_json_is_what_it_was(name: str, lang: str) -> None:
    body = _report.as_json(_said(SHOWN[name], lang), lang)
    _golden(f"{name}.{lang}.json", json.dumps(body, ensure_ascii=False, indent=1) + "\n")


@pytest.mark.parametrize("name", SHOWN)
def test_the_short_form_is_the_verdict_and_a_line_a_cause(name: str) -> None:
    _golden(f"{name}.short.txt", _report.as_short(_said(SHOWN[name], "en"), "en") + "\n")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_first_line_is_the_verdict_with_its_root_cause(case: Any) -> None:
    said = _said(case.facts, "en")
    assert said.root is not None
    first = _report.as_table(said, "en").splitlines()[0]
    assert first.startswith(f"verdict: {case.verdict}")
    assert first.endswith(said.root.summary)
    assert ("(warning)" in first) == (str(case.state) == "warn")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_fault_is_one_red_line(case: Any) -> None:
    table = _report.as_table(_said(case.facts, "en"), "en")
    assert sum(line.startswith("  FAIL ") for line in table.splitlines()) == (str(case.state) == "fail")


def test_json_tells_of_every_finding_its_evidence_and_when() -> None:
    for case in CASES:
        body = _report.as_json(_said(case.facts, "en"), "en")
        for one in body["findings"]:
            assert one["state"] in ("ok", "skip") or one["evidence"], one
            assert all(evidence["at"] and evidence["source"] for evidence in one["evidence"])
        assert sum(body["counts"].values()) == len(body["findings"])
        assert body["root"] is None or body["root"]["key"] == body["roots"][0]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_report_survives_a_korean_windows_console(lang: str) -> None:
    for facts in SHOWN.values():
        _report.as_table(_said(facts, lang), lang).encode("cp949")
