"""A saved diagnosis is judged again to the byte, and what is no saved diagnosis is refused with the reason."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from academyctl.errors import UsageError
from checks import _files, _snapshot
from checks._codec import plain, typed
from checks._report import FORMATS, render
from tests.checks import facts as f
from tests.checks import said
from tests.checks.cases import CASES


def test_a_snapshot_read_back_is_the_same_and_gives_the_same_file() -> None:
    for case in CASES:
        whole = f.snapshot(**case.facts)
        taken = replace(whole, topics={name: whole.topics[name] for name in case.facts})
        again = _snapshot.loads(_snapshot.dumps(taken), f.TOPICS)
        assert again == taken, case.name
        # What is judged live has been through this already, so a table's 3 for 3.0 is no difference of ours.
        text = _snapshot.dumps(again)
        assert _snapshot.dumps(_snapshot.loads(text, f.TOPICS)) == text


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("name", said.SHOWN)
def test_a_snapshot_read_back_gives_the_same_report(name: str, fmt: str) -> None:
    taken = _snapshot.loads(_snapshot.dumps(f.snapshot(**said.SHOWN[name])), f.TOPICS)
    again = _snapshot.loads(_snapshot.dumps(taken), f.TOPICS)
    assert render(fmt, said.of(again, "ko")) == render(fmt, said.of(taken, "ko"))


def test_a_file_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    _snapshot.save(f.snapshot(redis="crash"), tmp_path / "snap.json")
    raw = (tmp_path / "snap.json").read_bytes()
    assert raw.endswith(b"}\n")
    assert b"\r" not in raw
    assert _snapshot.read(tmp_path / "snap.json", f.TOPICS) == f.snapshot(redis="crash")


def test_a_file_is_its_owners_alone_and_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "snap.json"
    _snapshot.save(f.snapshot(), path)
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    with pytest.raises(TypeError):
        _snapshot.save(replace(f.snapshot(), profile={1}), path)  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["snap.json"]


def test_a_link_is_followed_and_a_device_is_not_replaced(tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("links and devices as POSIX has them")
    target = tmp_path / "target.txt"
    (tmp_path / "link").symlink_to(target)
    _files.write(tmp_path / "link", "new")
    assert target.read_text(encoding="utf-8") == "new"
    assert (tmp_path / "link").is_symlink()
    _files.write(Path(os.devnull), "gone")
    assert Path(os.devnull).is_char_device()


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
