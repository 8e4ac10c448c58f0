"""What the facts of one video mean at one moment: the predicates that the table of states is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from academyctl.contract.messages import parse_time
from academyctl.contract.states import VideoState
from checks import _stuck_facts as f
from checks._stuck_facts import Beat, Facts, Running

GRACE_S = 120
"""What changed less than two minutes ago is on its way."""
STALE_S = 120
"""A heartbeat is renewed every few seconds and its key dies within a minute: an older one is a clock or a hang."""
FIRST_BEAT_S = 45
"""Heartbeats are at most 20 s apart."""
HUNG_S = 3600
"""A worker writes its progress with every percent; FFmpeg itself is stopped long before an hour of silence."""
LEGACY_S = 900
"""A legacy worker has no heartbeat: a progress of the last quarter of an hour speaks for it."""
LONG_WAIT_S = 600
UPLOAD_S = 3600
LOST_S = 1800
_SOURCE = re.compile(r"upload is missing|names no upload|source_not_found|NoSuchKey|(?<!\d)404(?!\d)")
_REASONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("source", _SOURCE),
    ("database", re.compile(r"not_found|has no row|does not exist in")),
    ("disk", re.compile(r"disk_full|disk is full|No space left|cannot be written")),
    ("upload", re.compile(r"upload failed|download failed|r2:|R2 |PutObject|ConnectTimeout")),
    ("probe", re.compile(
        r"probe|empty_file|not_media|no_video|damaged_source|cut_off|encrypted|too_big|too_long|too_many|dolby_vision|"
        r"format_not_allowed|implausible_duration|unreadable|picture_shape|moov atom|Invalid data found"
    )),
    ("ffmpeg", re.compile(r"(?i)ffmpeg|encode_failed|stalled|bad_output|transcod")),
)  # fmt: skip


def reason_class(reason: str) -> str:
    """What a FAILED video's reason is about: source, database, disk, upload, probe, ffmpeg or other."""
    return next((name for name, pattern in _REASONS if pattern.search(reason)), "other")


@dataclass(frozen=True)
class View:
    """The facts of one video, looked at now."""

    f: Facts
    now: datetime

    def age_s(self, at: str) -> float | None:
        """Seconds since an ISO time; None for none."""
        told = parse_time(at)
        return None if told is None else max(0.0, (self.now - told).total_seconds())

    def blind(self, part: str) -> bool:
        return part in self.f.unknown

    def is_in(self, *states: VideoState) -> bool:
        return self.f.row is not None and self.f.row.status in states

    @property
    def waited_s(self) -> float:
        """Since the row was last changed. A row without a time has waited for ever."""
        age = self.age_s(self.f.row.updated_at) if self.f.row is not None else None
        return float("inf") if age is None else age

    def beats(self, beat: Beat | None) -> bool:
        age = None if beat is None else self.age_s(beat.beat_at)
        # A heartbeat without a time is there all the same, and its key would be gone.
        return beat is not None and (age is None or age < STALE_S)

    @cached_property
    def running(self) -> tuple[Beat, Running] | None:
        """The living worker that says it works on this video."""
        listed = ((beat, job) for beat in self.f.workers if self.beats(beat) for job in beat.jobs)
        return next(((beat, job) for beat, job in listed if job.video_id == self.f.id), None)

    @property
    def hung(self) -> bool:
        """A living process whose work has not moved for an hour."""
        age = self.f.progress.age_s if self.f.progress is not None else None
        return self.running is not None and age is not None and age > HUNG_S

    @property
    def silent_lock(self) -> bool:
        """A lock whose named owner is gone, or works on something else."""
        lock = self.f.lock
        if lock is None or not lock.token or self.running is not None:
            return False
        age = self.age_s(lock.since)
        # A lock is taken before the heartbeat tells of it, and by a new process before its first one.
        return age is None or age > FIRST_BEAT_S

    @property
    def legacy_lock(self) -> bool:
        return self.f.lock is not None and not self.f.lock.token

    @property
    def moving(self) -> bool:
        """Somebody works on it, or has done so within the last minute."""
        row = self.f.row
        if self.running is not None and not self.hung:
            return True
        if self.silent_lock or self.hung:
            return False
        age = self.f.progress.age_s if self.f.progress is not None else None
        recent = self.is_in(VideoState.PROCESSING) and age is not None and age < LEGACY_S
        leased = row is not None and row.lease_left_s > 0
        new_lock = self.f.lock is not None and not self.legacy_lock
        return leased or new_lock or self.f.heartbeat_ttl_ms is not None or (recent and self.f.lock is not None)

    @property
    def traces(self) -> bool:
        """Whether anybody but our database knows this id."""
        return self.running is not None or self.f.lock is not None or bool(self.f.dead)

    @property
    def elsewhere(self) -> bool:
        """A worker has run this video for minutes, and our row knows nothing of it."""
        row = self.f.row
        if self.running is None or row is None or self.is_in(VideoState.PROCESSING):
            return False
        beat, job = self.running
        age = self.age_s(job.since)
        old = age is not None and age > GRACE_S and self.waited_s > GRACE_S
        return old and not row.leased_by.startswith(beat.token)

    @cached_property
    def consumers(self) -> tuple[Beat, ...]:
        """The living workers that take messages from this queue."""
        name = self.f.queue.name if self.f.queue is not None else ""
        return tuple(
            beat for beat in self.f.workers if self.beats(beat) and (not beat.queues or not name or name in beat.queues)
        )

    @property
    def no_message(self) -> bool:
        """The queue was seen, and every message in it belongs to a video that a worker runs now."""
        queue = self.f.queue
        if queue is None or queue.visible or queue.delayed:
            return False
        return queue.in_flight <= sum(len(beat.jobs) for beat in self.consumers)

    @property
    def given_up(self) -> bool:
        """A dead letter of this attempt; one from before the row's last change counts where no message is left."""
        since = self.waited_s
        fresh = any((self.age_s(dead.sent_at) or 0.0) <= since for dead in self.f.dead)
        return bool(self.f.dead) and (fresh or self.no_message or self.f.queue is None)

    @property
    def no_consumer(self) -> bool:
        """Messages wait, none is in flight, and no worker beats."""
        queue = self.f.queue
        if queue is None or queue.in_flight or not (queue.visible or queue.delayed):
            return False
        return not self.consumers

    @property
    def behind(self) -> bool:
        """Messages wait, and whoever takes them has both hands full."""
        queue = self.f.queue
        if queue is None or not queue.visible or self.waited_s < LONG_WAIT_S:
            return False
        if not self.consumers:
            return queue.in_flight > 0
        return all(len(beat.jobs) >= beat.concurrency for beat in self.consumers)

    @property
    def told_reason(self) -> str:
        return self.f.row.error_reason if self.f.row is not None else ""

    @property
    def reason(self) -> str:
        """The class of a FAILED video's reason; without its upload nothing else counts."""
        found = reason_class(self.told_reason)
        if self.no_upload:
            return "source"
        # The upload is there (again): what is left of that reason can be tried anew.
        return "other" if found == "source" and self.f.upload is not None else found

    @property
    def no_upload(self) -> bool:
        return self.f.row is not None and not self.blind(f.OBJECTS) and self.f.upload is None
