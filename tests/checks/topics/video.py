"""Facts of a platform on which no video is stuck, and one row a fault of the topic `video`."""

from __future__ import annotations

from dataclasses import replace

from checks import video
from checks._model import State, Verdict
from checks._stuck_table import judge
from tests.checks.case import Case, fail, unknown
from tests.stuck.facts import NOW, beat, facts, progress, queued
from tests.stuck.rows import ROWS

FACTS = video.Facts(
    videos=(facts("PROCESSING", workers=(beat(111),), progress=progress()),), more=False, workers=1, unknown={},
)  # fmt: skip


def _of_table() -> tuple[Case, ...]:
    cases = []
    for name, known, code, state in ROWS:
        if state is State.ok:
            continue
        blame = Verdict.cannot_tell if state is State.unknown else judge(known, NOW).verdict or Verdict.cannot_tell
        cases.append(Case(f"video: {name}", code, blame, state, {"video": replace(FACTS, videos=(known,))}))
    return tuple(cases)


def cases() -> tuple[Case, ...]:
    waiting = (facts(queue=queued(2)), facts(id=222, queue=queued(2)))
    return (
        *_of_table(),
        fail("two videos and no worker", "video.no-worker", Verdict.capacity, "video.no-worker",
             video=replace(FACTS, videos=waiting)),
        unknown("videos cannot be read", "video.unread",
                video=replace(FACTS, videos=(), unknown={"database": "canceling statement"})),
        unknown("the video queue was not seen", "video.queue-unseen",
                video=replace(FACTS, unknown={"queue": "timed out"})),
    )  # fmt: skip
