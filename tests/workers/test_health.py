"""When a worker counts as healthy, and the file that says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from workers import _health as health

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


def document(**changes: Any) -> dict[str, Any]:
    fine = {
        "beat_at": ago(5),
        "started_at": ago(900),
        "last_receive_at": ago(15),
        "beat_s": 20,
        "wait_s": 20,
        "jobs": [],
    }
    return fine | changes


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"last_receive_at": ago(49)},
        {"last_receive_at": ago(9000), "jobs": [{"video_id": 1}]},
        {"last_receive_at": None, "started_at": ago(40)},
        {"last_receive_at": ago(9000), "held_off_at": ago(1)},
        {"beat_at": ago(61)},
    ],
)
def test_a_turning_loop_with_a_beating_keeper_is_healthy(changes: dict[str, Any]) -> None:
    assert health.judge(document(**changes), NOW) == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"beat_at": ago(63)}, "its keeper has not beaten for 63 s"),
        ({"beat_at": ago(9), "beat_s": 1}, "its keeper has not beaten for 9 s"),
        ({"last_receive_at": ago(51)}, "no receive has come back for 51 s and no job runs"),
        ({"last_receive_at": None, "started_at": ago(51)}, "no receive has come back for 51 s and no job runs"),
        ({"last_receive_at": ago(9000), "held_off_at": ago(51)}, "no receive has come back for 51 s and no job runs"),
        ({"beat_at": ago(300), "jobs": [{"video_id": 1}]}, "its keeper has not beaten for 300 s"),
        ({"beat_at": "yesterday"}, "its health file cannot be read"),
        ({"beat_at": None}, "its health file cannot be read"),
    ],
)
def test_a_deaf_worker_or_a_dead_keeper_is_not(changes: dict[str, Any], why: str) -> None:
    assert health.judge(document(**changes), NOW) == why


def test_a_worker_that_left_no_file_is_not_healthy(tmp_path: Path) -> None:
    assert health.judge(health.read(tmp_path / "none"), NOW) == "it does not run, or has not beaten yet"


def test_a_torn_or_foreign_file_is_no_health(tmp_path: Path) -> None:
    path = tmp_path / "x.health"
    for text in ('{"beat_at":', "[]", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")):
        path.write_text(text, encoding="utf-8")
        assert health.read(path) is None


def test_the_file_is_replaced_in_one_step_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.health"
    health.write(path, {"token": "a"})
    health.write(path, {"token": "b"})
    assert health.read(path) == {"token": "b"}
    assert [file.name for file in path.parent.iterdir()] == ["x.health"]


def test_a_worker_takes_away_only_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "x.health"
    health.write(path, {"token": "successor"})
    health.remove(path, "me")
    assert path.exists()
    health.remove(path, "successor")
    assert not path.exists()
