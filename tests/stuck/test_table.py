"""The table of states, row by row, without a server: each fixture must meet its row and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from checks._codec import plain, typed
from checks._model import State, Verdict
from checks._stuck_facts import Facts
from checks._stuck_table import KINDS, TABLE, judge
from checks._stuck_view import View, reason_class
from tests.stuck.facts import NOW, beat, facts, lock, progress, queued
from tests.stuck.rows import FIRST, ROWS, Fixture


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_state_is_told_by_its_code(row: Fixture) -> None:
    _, known, code, state = row
    case = judge(known, NOW)
    assert (case.code, case.state) == (code, state)
    assert case.evidence, "a case without evidence is an opinion"
    if state is State.fail:
        assert case.commands


@pytest.mark.parametrize("row", FIRST, ids=lambda row: row[0])
def test_of_several_states_the_first_of_the_table_counts(row: Fixture) -> None:
    _, known, code, state = row
    case = judge(known, NOW)
    assert (case.code, case.state) == (code, state)


def test_every_row_of_the_table_has_a_fixture() -> None:
    met = {next(i for i, rule in enumerate(TABLE) if rule.when(View(known, NOW))) for _, known, _, _ in (*ROWS, *FIRST)}
    assert [rule.kind.code for i, rule in enumerate(TABLE) if i not in met] == []
    assert {code for _, _, code, _ in ROWS} == set(KINDS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_facts_are_the_same_after_a_trip_through_json(row: Fixture) -> None:
    assert typed(Facts, plain(row[1])) == row[1]


def test_only_what_nobody_works_on_is_mended() -> None:
    fixed = {rule.kind.code for rule in TABLE if rule.fix}
    assert not fixed & {"video.encoding", "video.ready", "video.uploading", "video.may-be-queued", "video.unknown"}
    # Without an upload, or with a bad one, nothing that we could send would help.
    assert not fixed & {"video.failed-source", "video.failed-probe"}


def test_unknown_is_never_fine() -> None:
    for part in ("database", "redis", "queue"):
        for status in ("UPLOADED", "PROCESSING"):
            seen = facts(status, unknown={part: "refused"})
            seen = replace(seen, queue=None) if part == "queue" else seen
            seen = replace(seen, row=None) if part == "database" else seen
            assert judge(seen, NOW).state is not State.ok, (part, status)


def test_a_workers_state_of_health_is_a_matter_of_time() -> None:
    seen = facts("PROCESSING", lock=lock(), owner=beat(111), workers=(beat(111),), queue=queued(in_flight=1))
    assert judge(seen, NOW).code == "video.encoding"
    assert judge(seen, NOW + timedelta(minutes=10)).code == "video.lock-dead-worker"


def test_videos_of_one_dead_worker_have_one_cause_and_videos_of_two_have_two() -> None:
    first, second = judge(facts(lock=lock()), NOW), judge(facts(id=222, lock=lock()), NOW)
    assert first.same == second.same != ""
    other = replace(lock("i-0cd:7:cafe:1"), host="i-0cd", pid=7)
    assert judge(facts(id=333, lock=other), NOW).same != first.same
    assert judge(facts(), NOW).same == ""


def test_an_encode_tells_how_far_it_is_and_a_waiting_video_what_is_ahead() -> None:
    known = facts("PROCESSING", workers=(beat(111),), progress=progress())
    assert judge(known, NOW).values["percent"] == "42"
    assert judge(known, NOW).values["eta"] == "9:00"
    ahead = beat(17, percent=61, remaining_s=4500)
    case = judge(facts(queue=queued(1, 1), workers=(ahead,)), NOW)
    assert case.verdict is Verdict.capacity
    assert case.values["ahead"] == "video 17 transcoding 61 %, about 75:00 left"


def test_a_worker_of_another_queue_is_named_with_its_queue() -> None:
    other = replace(beat(), queues=("academy-video-job",))
    case = judge(facts(queue=queued(visible=1), workers=(other,)), NOW)
    assert "takes from academy-video-job" in str(case.evidence)


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("the upload is missing: academy-video/tenants/1/x.mp4: there is no such object", "source"),
        ("404 Client Error: Not Found for url: https://r2/x", "source"),
        ("Failed to complete video: not_found", "database"),
        ("disk_full: no room where the output is written", "disk"),
        ("[Errno 28] No space left on device", "disk"),
        ("download failed: tenants/1/x.mp4: 6 tries; the last: timeout", "upload"),
        ("duration_probe_failed", "probe"),
        ("not_media: this is no video", "probe"),
        ("stalled: FFmpeg did nothing for 900 s", "ffmpeg"),
        ("ffmpeg failed with exit code 1", "ffmpeg"),
        ("", "other"),
        ("RuntimeError: boom", "other"),
    ],
)
def test_a_failure_is_told_by_what_its_reason_is_about(reason: str, name: str) -> None:
    assert reason_class(reason) == name
