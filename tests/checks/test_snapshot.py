"""A saved diagnosis is judged again to the byte, and what is no saved diagnosis is refused with the reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from academyctl.errors import UsageError
from checks import _report, _snapshot
from checks._codec import plain, typed
from checks._engine import diagnose, kinds
from checks._model import Snapshot
from checks._texts import Shell, worded
from tests.checks import facts as f
from tests.checks.cases import CASES


def _told(snapshot: Snapshot) -> str:
    found = diagnose(f.TOPICS, snapshot)
    said = found.with_findings(worded(found.findings, "ko", kinds(f.TOPICS), shell=Shell(), local=snapshot.local))
    return json.dumps(_report.as_json(said, "ko"), ensure_ascii=False) + _report.as_table(said, "ko")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_snapshot_read_back_gives_the_same_findings_and_the_same_file(case: Any) -> None:
    taken = f.snapshot(**case.facts)
    text = _snapshot.dumps(taken)
    again = _snapshot.loads(text, f.TOPICS)
    assert again == taken
    assert _snapshot.dumps(again) == text
    assert _told(again) == _told(taken)


def test_a_file_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    _snapshot.save(f.snapshot(redis="crash"), tmp_path / "snap.json")
    raw = (tmp_path / "snap.json").read_bytes()
    assert raw.endswith(b"}\n")
    assert b"\r" not in raw
    assert _snapshot.read(tmp_path / "snap.json", f.TOPICS) == f.snapshot(redis="crash")


def test_a_snapshot_of_another_version_is_refused_and_not_guessed_at() -> None:
    raw = json.loads(_snapshot.dumps(f.snapshot()))
    raw["schema"] = 99
    with pytest.raises(UsageError, match="version 99"):
        _snapshot.loads(json.dumps(raw), f.TOPICS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: raw["topics"]["redis"]["facts"].update(nope=1), "no field nope"),
        (lambda raw: raw["topics"]["redis"]["facts"].pop("where"), "where"),
        (lambda raw: raw["topics"]["sqs"]["facts"].update(region=7), "expected str"),
        (lambda raw: raw["topics"].update(martian=raw["topics"]["sqs"]), "martian"),
        (lambda raw: raw["topics"]["sqs"].pop("facts"), "facts"),
        (lambda raw: raw.pop("took_ms"), "took_ms"),
        (lambda raw: raw.update(topics=[]), "items"),
    ],
)
def test_what_does_not_fit_is_named(change: Any, said: str) -> None:
    raw = json.loads(_snapshot.dumps(f.snapshot()))
    change(raw)
    with pytest.raises(UsageError, match=said):
        _snapshot.loads(json.dumps(raw), f.TOPICS)


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", "7"])
def test_any_other_file_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be read as a saved diagnosis"):
        _snapshot.loads(text, f.TOPICS)


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        _snapshot.read(tmp_path / "nowhere.json", f.TOPICS)
    with pytest.raises(UsageError):
        _snapshot.save(f.snapshot(), tmp_path / "no" / "folder.json")


@dataclass(frozen=True)
class _Odd:
    seen: tuple[int | None, ...]
    share: float
    yes: bool


def test_facts_come_back_as_they_were_and_not_nearly() -> None:
    facts = _Odd((1, None), 2.0, True)
    again = typed(_Odd, json.loads(json.dumps(plain(facts))))
    assert again == facts
    assert isinstance(again.share, float)
    wrongs: tuple[Any, ...] = ({"seen": [True], "share": 1, "yes": True}, {"seen": 3, "share": 1, "yes": True}, [])
    for wrong in wrongs:
        with pytest.raises(ValueError, match="expected"):
            typed(_Odd, wrong)


def test_what_json_would_bend_has_no_place_in_a_snapshot() -> None:
    with pytest.raises(TypeError, match="has no place"):
        plain({1, 2})
