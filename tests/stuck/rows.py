"""Every row of the table as facts: (what it is about, facts, code, state)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from checks._model import State
from checks._stuck_facts import Facts
from tests.stuck.facts import LEGACY, MASTER, QUEUE, TOKEN, beat, dead, facts, lock, progress, queued

S = State
Fixture = tuple[str, Facts, str, State]
_RUNS: dict[str, Any] = {"lock": lock(ttl_s=50), "owner": beat(111), "workers": (beat(111),)}


def _failed(reason: str) -> Facts:
    return facts("FAILED", of_row={"error_reason": reason})


ROWS: tuple[Fixture, ...] = (
    # locks
    ("a dead worker's lock, and no message", facts(lock=lock()), "video.lock-orphan", S.fail),
    ("a dead worker's lock, and all messages in flight are those of running videos",
     facts(lock=lock(), queue=queued(in_flight=1), workers=(beat(333),)), "video.lock-orphan", S.fail),
    ("a dead worker's lock on a PROCESSING row", facts("PROCESSING", lock=lock()), "video.lock-orphan", S.fail),
    ("a dead worker's lock, and its message may come back",
     facts("PROCESSING", lock=lock(), queue=queued(in_flight=1)), "video.lock-dead-worker", S.fail),
    ("a lock whose owner's heartbeat has stopped",
     facts("PROCESSING", lock=lock(), owner=beat(111, seconds=900), workers=(beat(111, seconds=900),),
           queue=queued(in_flight=1)), "video.lock-dead-worker", S.fail),
    ("a lock whose owner lives and works on something else",
     facts("PROCESSING", lock=lock(), owner=beat(333), workers=(beat(333),), queue=queued(in_flight=2)),
     "video.lock-dead-worker", S.fail),
    ("a worker whose work has not moved for two hours",
     facts("PROCESSING", **_RUNS, progress=progress(age_s=7200), queue=queued(in_flight=1)),
     "video.lock-dead-worker", S.fail),
    ("a dead worker's lock while the queue cannot be seen",
     facts(lock=lock(), queue=None, unknown={"queue": "timed out"}), "video.lock-dead-worker", S.fail),
    ("a legacy worker's lock on a video that waits", facts(lock=LEGACY), "video.legacy-lock", S.fail),
    ("a legacy worker's lock on a video that runs, or not", facts("PROCESSING", lock=LEGACY), "video.legacy-lock",
     S.unknown),
    # somebody is at it
    ("a worker that encodes", facts("PROCESSING", **_RUNS, progress=progress()), "video.encoding", S.ok),
    ("a worker that has just begun", facts(workers=(beat(111, since_s=10),)), "video.encoding", S.ok),
    ("a worker that tidies up after READY", facts("READY", minutes=1, master=MASTER, workers=(beat(111),)),
     "video.ready", S.ok),
    ("a lock that was taken before the first heartbeat", facts(lock=lock(ttl_s=58, since_s=2)), "video.encoding",
     S.ok),
    ("a lock that its owner's last heartbeat does not know yet",
     facts("PROCESSING", minutes=0.1, lock=lock(ttl_s=58, since_s=2), owner=beat(), workers=(beat(),)),
     "video.encoding", S.ok),
    ("a run that a retry has told to stop",
     facts(minutes=1, of_row={"leased_by": TOKEN, "lease_left_s": 41.0}, cancel_ttl_ms=290_000, **_RUNS),
     "video.encoding", S.ok),
    ("a lease that runs while Redis is away",
     facts("PROCESSING", of_row={"leased_by": TOKEN, "lease_left_s": 41.0}, unknown={"redis": "refused"}),
     "video.encoding", S.ok),
    ("a legacy worker whose progress moves", facts("PROCESSING", lock=LEGACY, progress=progress()),
     "video.encoding", S.ok),
    ("a legacy worker's own heartbeat key", facts("PROCESSING", lock=LEGACY, heartbeat_ttl_ms=41_000),
     "video.encoding", S.ok),
    # it waits
    ("no message anywhere", facts(), "video.lost", S.fail),
    ("no message but those of running videos", facts(queue=queued(in_flight=1), workers=(beat(333),)), "video.lost",
     S.fail),
    ("messages wait and no worker lives", facts(queue=queued(visible=1)), "video.no-worker", S.fail),
    ("messages wait, and the only worker takes from another queue",
     facts(queue=queued(visible=1), workers=(replace(beat(), queues=("academy-video-job",)),)), "video.no-worker",
     S.fail),
    ("messages are delayed and no worker lives", facts(queue=queued(delayed=1)), "video.no-worker", S.fail),
    ("one worker with a long video", facts(queue=queued(visible=1, in_flight=1), workers=(beat(333),)),
     "video.queued-behind", S.warn),
    ("one legacy consumer with a long video", facts(queue=queued(visible=1, in_flight=1)), "video.queued-behind",
     S.warn),
    ("uploaded a minute ago", facts(minutes=1), "video.may-be-queued", S.ok),
    ("messages wait, and a worker is free to take them", facts(minutes=9, queue=queued(visible=1), workers=(beat(),)),
     "video.may-be-queued", S.ok),
    ("an hour, and whose message is in flight nobody can know", facts(minutes=60, queue=queued(in_flight=1)),
     "video.unknown", S.unknown),
    ("a cancel flag without a run", facts(cancel_ttl_ms=200_000), "video.cancel-eats-retries", S.fail),
    ("a dead letter", facts(dead=dead()), "video.dead-letter", S.fail),
    ("PROCESSING and nobody", facts("PROCESSING"), "video.no-owner", S.fail),
    ("PROCESSING with a lease that ran out", facts("PROCESSING", of_row={"leased_by": TOKEN}), "video.no-owner",
     S.fail),
    ("waits for an encode whose upload is gone", facts(upload=None), "video.failed-source", S.warn),
    # it failed
    ("failed, its upload gone", replace(_failed("the upload is missing: x"), upload=None), "video.failed-source",
     S.warn),
    ("failed for its upload, which is there again", _failed("the upload is missing: x"), "video.failed", S.warn),
    ("failed for the file", _failed("duration_probe_failed: no picture in it"), "video.failed-probe", S.warn),
    ("failed for the disk", _failed("the disk is full: no space left in /tmp"), "video.failed-disk", S.warn),
    ("failed for R2", _failed("upload failed key=tenants/1/video/hls/111: 6 tries"), "video.failed-upload", S.warn),
    ("failed for its row", _failed("Failed to complete video: not_found"), "video.failed-database", S.warn),
    ("failed in FFmpeg", _failed("encode_failed: FFmpeg ended with 1"), "video.failed", S.warn),
    ("failed without a word", _failed(""), "video.failed", S.warn),
    # it ended, or never began
    ("played by students", facts("READY", master=MASTER), "video.ready", S.ok),
    ("READY without a master playlist", facts("READY"), "video.broken", S.fail),
    ("READY without a segment", facts("READY", master=MASTER, problems=("segment-missing v1/index0.ts gone",)),
     "video.broken", S.fail),
    ("READY, and R2 is away", facts("READY", unknown={"objects": "refused"}), "video.unknown", S.unknown),
    ("an upload that runs", facts("PENDING", minutes=5), "video.uploading", S.ok),
    ("an upload that was never completed", facts("PENDING", minutes=600), "video.pending", S.warn),
    ("an upload that the API refused",
     facts("PENDING", minutes=5, of_row={"error_reason": "source_not_found_or_empty"}), "video.pending", S.warn),
    # rows that are not there
    ("deleted while it was encoded", facts(None, **_RUNS), "video.deleted", S.warn),
    ("deleted while it was queued", facts(None, dead=dead()), "video.deleted", S.warn),
    ("a worker encodes what this database never had", facts(None, last_id=7, **_RUNS), "video.other-database", S.fail),
    ("a lock on what this database never had", facts(None, last_id=7, lock=LEGACY), "video.other-database", S.fail),
    ("a worker encodes for minutes, and the row still says UPLOADED", facts(**_RUNS), "video.other-database", S.fail),
    ("no such video", facts(None), "video.absent", S.fail),
    # what could not be read
    ("the database is away", facts(None, unknown={"database": "refused"}), "video.unknown", S.unknown),
    ("Redis is away", facts(unknown={"redis": "refused"}), "video.unknown", S.unknown),
    ("SQS is away", facts(queue=None, unknown={"queue": "refused"}), "video.unknown", S.unknown),
)  # fmt: skip

FIRST: tuple[Fixture, ...] = (
    ("a lock before a cancel flag", facts(lock=lock(), cancel_ttl_ms=9000), "video.lock-orphan", S.fail),
    ("a cancel flag before a lost message", facts(cancel_ttl_ms=9000), "video.cancel-eats-retries", S.fail),
    ("a lock before a dead letter", facts(lock=lock(), dead=dead()), "video.lock-orphan", S.fail),
    ("a missing upload before a dead letter", facts(upload=None, dead=dead()), "video.failed-source", S.warn),
    ("a dead letter before a lost message", facts(dead=dead(), queue=replace(QUEUE, dead=1)), "video.dead-letter",
     S.fail),
    ("a worker's queue before a dead letter of an earlier attempt",
     facts(minutes=5, dead=dead(), queue=queued(visible=1), workers=(beat(),)), "video.may-be-queued", S.ok),
    ("a dead letter before a missing owner", facts("PROCESSING", dead=dead()), "video.dead-letter", S.fail),
    ("whoever works on it before everything that lies about",
     facts("PROCESSING", **_RUNS, cancel_ttl_ms=9000, dead=dead(), upload=None), "video.encoding", S.ok),
)  # fmt: skip
