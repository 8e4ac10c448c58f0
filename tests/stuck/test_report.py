"""What people and machines read of stuck videos: goldens in both languages, marks, exit codes, what changes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from checks._model import State, Verdict
from checks._paper import ENDLESS, Paper
from checks._stuck import Picture
from checks._stuck_facts import Facts
from checks._stuck_report import Report, as_json, as_text, headline
from checks._stuck_table import judge
from checks._stuck_watch import watch
from checks._texts import Shell
from tests.stuck.facts import MASTER, NOW, QUEUE, beat, dead, facts, lock, progress, queued

IN_FLIGHT = replace(queued(in_flight=1), dead=2)
ENCODES = facts("PROCESSING", id=333, lock=lock(ttl_s=50), owner=beat(333), workers=(beat(333),), progress=progress())
STUCK = tuple(facts(id=one, lock=lock(), queue=IN_FLIGHT, workers=(beat(333),)) for one in (111, 222))
READY = facts("READY", id=333, master=MASTER)


def report(*videos: Facts, lang: str = "en", found: bool = False, **picture: object) -> Report:
    seen = Picture(videos, {}, (), IN_FLIGHT, more=False, received=False)
    cases = tuple(judge(one, NOW) for one in videos)
    return Report(replace(seen, **picture), cases, 0.6, lang, found, Shell())  # type: ignore[arg-type]


def golden(name: str, text: str) -> None:
    """Compare with golden/NAME.txt; UPDATE_GOLDENS=1 rewrites it."""
    path = Path(__file__).parent / "golden" / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8", newline="\n")
    assert text + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_two_videos_of_one_dead_worker_and_one_that_is_encoded(lang: str) -> None:
    golden(f"three-{lang}", as_text(report(*STUCK, ENCODES, lang=lang), Paper(marks=True)))


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_one_of_each_kind_as_words_where_there_are_no_marks(lang: str) -> None:
    kinds = (
        facts(id=1), facts(id=2, queue=queued(2)), facts(id=3, queue=queued(2)), facts("PROCESSING", id=4),
        facts(id=5, dead=dead()), facts("FAILED", id=6, of_row={"error_reason": "disk_full: no room"}),
        facts("READY", id=7, master=MASTER), facts(id=8, minutes=1),
        facts(id=9, unknown={"redis": "Error 111 connecting to redis:6379"}),
    )  # fmt: skip
    text = as_text(report(*kinds, lang=lang))
    golden(f"kinds-{lang}", text)
    text.encode("cp949")


def test_a_narrow_terminal_wraps_sentences_and_never_a_command() -> None:
    lines = as_text(report(STUCK[0]), Paper(width=60, marks=True)).splitlines()
    assert any(line.strip() == "academyctl fix video 111" for line in lines)
    cause = lines[lines.index(next(line for line in lines if line.startswith("111"))) : -1]
    assert len(cause) > 12
    # Names and commands are never broken, sentences are.
    assert all(len(line) <= 60 for line in cause if "tenants/" not in line)


def test_found_videos_that_are_fine_are_counted_and_not_listed() -> None:
    text = as_text(report(STUCK[0], ENCODES, found=True))
    assert "333" not in text.replace("video 333", "")
    assert "1 more were looked at and are fine" in text
    nothing = report(found=True)
    assert headline(nothing).startswith("verdict: healthy. no video is stuck")
    assert nothing.exit_code == 0


def test_exit_codes_say_fine_stuck_and_cannot_tell() -> None:
    blind = facts(unknown={"redis": "refused"})
    assert report(ENCODES, READY).exit_code == 0
    assert report(ENCODES, STUCK[0]).exit_code == 1
    assert report(facts("FAILED")).exit_code == 1
    assert report(blind, ENCODES).exit_code == 3
    # That one is stuck is certain, whatever else could not be seen.
    assert report(blind, STUCK[0]).exit_code == 1
    assert report(blind, facts("FAILED")).exit_code == 1
    assert report(found=True, unknown={"database": "refused"}).exit_code == 3


def test_the_verdict_is_of_the_worst_and_says_when_settings_are_not_to_blame() -> None:
    assert report(*STUCK).verdict == (Verdict.data, State.fail)
    assert "not settings, but data (2 of 2 videos)" in headline(report(*STUCK))
    other = report(facts(None, last_id=7, lock=lock()), *STUCK)
    assert other.verdict == (Verdict.settings, State.fail)
    assert "not settings" not in headline(other)
    assert report(facts(queue=queued(2))).verdict == (Verdict.capacity, State.fail)


def test_json_tells_everything_of_every_video() -> None:
    data = as_json(report(*STUCK, ENCODES))
    assert (data["verdict"], data["exit_code"], data["read_only"]) == ("data", 1, True)
    first, second, third = data["videos"]
    assert (first["code"], first["same_as"], second["same_as"]) == ("video.lock-orphan", None, 111)
    assert first["commands"] == ["academyctl fix video 111"]
    assert (first["fix"], third["fix"]) == ("unlock-requeue", None)
    assert {"source", "value", "at"} == set(first["evidence"][0])
    assert any(one["source"] == "redis" and "13412 s" in one["value"] for one in second["evidence"])
    assert third["state"] == "ok"
    assert data["queue"]["dead_letters"] == 2


def test_commands_carry_the_options_of_this_run() -> None:
    given = replace(report(STUCK[0]), shell=Shell(options=("--profile", "prod")))
    assert "academyctl --profile prod fix video 111" in as_text(given)


def test_watching_says_only_what_changes_and_ends_when_all_are_ready() -> None:
    waits = facts(id=111, minutes=1)
    half = replace(ENCODES, progress=progress(55))
    near = replace(ENCODES, progress=progress(58))
    done = replace(READY, id=111)
    looks = iter([
        report(waits, ENCODES), report(waits, ENCODES), report(waits, half), report(waits, near),
        report(done, READY), report(STUCK[0]),
    ])  # fmt: skip
    told: list[str] = []
    last = watch(lambda: next(looks), lambda: True, told.append, ENDLESS)
    assert last.exit_code == 0
    assert [" ".join(line.split()[:3]) for line in told[1:]] == [
        "111 ok video.may-be-queued", "333 ok video.encoding", "333 ok video.encoding",
        "111 ok video.ready", "333 ok video.ready",
    ]  # fmt: skip
    assert told[0].startswith("verdict: healthy")


def test_watching_what_was_found_ends_when_nothing_is_stuck_and_says_what_got_well() -> None:
    looks = iter([report(STUCK[0], found=True), report(found=True)])
    told: list[str] = []
    assert watch(lambda: next(looks), lambda: True, told.append).exit_code == 0
    assert told[-1] == "111 no longer stuck"


def test_watching_ends_when_it_may_wait_no_longer() -> None:
    assert watch(lambda: report(STUCK[0]), lambda: False, lambda _text: None).exit_code == 1


def test_that_dead_letters_were_received_is_said() -> None:
    read = report(STUCK[0], received=True)
    assert "but the receive counts of dead letters" in headline(read)
    assert as_json(read)["read_only"] is False


def test_a_queue_without_dead_letters_is_not_mentioned_as_one_that_has_them() -> None:
    clean = report(STUCK[0], queue=QUEUE)
    assert "queue peek" not in as_text(clean)
    assert "2 dead letters" in as_text(report(STUCK[0]))
