"""The cancel flag stops a run at every step and never eats a retry's message (contract 2.1, 3.2; 11 #3)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from academyctl.contract import keys, progress
from academyctl.stores.videos import VideoRow
from tests.conftest import eventually
from tests.video_worker.tools import Bench, Staged, staged
from workers._model import Defer, Done
from workers.video.handler import handle

Make = Callable[..., Bench]


def ask_to_cancel(at: Bench, row: VideoRow) -> None:
    """POST .../retry/ without its message: the 503 case."""
    at.stores.db.execute("UPDATE video_video SET status = 'UPLOADED' WHERE id = %s", (row.id,))
    at.stores.redis.set(keys.video_cancel(row.tenant_id, row.id), "1", ttl_s=300)


@pytest.mark.parametrize("step", [step.name for step in progress.STEPS if step.name != "done"])
def test_a_flag_set_at_any_step_stops_the_run_and_keeps_the_message(bench: Make, clip: Path, step: str) -> None:
    at = bench()
    row = at.upload(clip)

    def cancel_here(name: str, delivery: Staged) -> None:
        if name == step:
            ask_to_cancel(at, row)
            eventually(lambda: delivery.interrupted, timeout=3)

    outcome = handle(staged(at, row, cancel_here))
    assert isinstance(outcome, Defer), "the retry's own message may never have been sent"
    assert outcome.after < 30
    after = at.row(row)
    assert (after.status, after.leased_by, after.error_reason) == ("UPLOADED", "", "")
    assert at.work_files() == []


def test_a_flag_set_while_ffmpeg_runs_stops_it_within_two_seconds(bench: Make, long_clip: Path) -> None:
    at = bench(preset="quality")
    row = at.upload(long_clip)
    asked: list[float] = []

    def cancel_soon(name: str, _delivery: Staged) -> None:
        if name == "transcoding":
            ask_to_cancel(at, row)
            asked.append(time.monotonic())

    outcome = handle(staged(at, row, cancel_soon))
    assert time.monotonic() - asked[0] < 2
    assert isinstance(outcome, Defer)
    assert [child.name() for child in psutil.Process().children(recursive=True) if "ffmpeg" in child.name()] == []
    assert at.work_files() == []


def test_a_retrys_own_message_is_not_eaten_by_the_flag_it_set(bench: Make, clip: Path) -> None:
    """Defect 3: retry sets the flag, enqueues, and the message found the flag and was deleted."""
    at = bench()
    row = at.upload(clip, error_reason="boom")
    ask_to_cancel(at, row)
    at.send(row)
    assert at.once() == 0
    assert at.row(row).status == "READY"
    assert at.stores.redis.get(keys.video_cancel(row.tenant_id, row.id)) is None


def test_a_cancelled_runs_message_encodes_the_video_when_the_retry_sent_none(bench: Make, clip: Path) -> None:
    """503: the retry set the flag and UPLOADED, and its message was never sent."""
    at = bench()
    row = at.upload(clip)

    def cancel_here(name: str, delivery: Staged) -> None:
        if name == "probing":
            ask_to_cancel(at, row)
            eventually(lambda: delivery.interrupted, timeout=3)

    assert isinstance(handle(staged(at, row, cancel_here)), Defer)
    assert at.handle(row) == Done()
    assert at.row(row).status == "READY"


def test_a_retry_without_a_flag_lets_the_running_encode_finish(bench: Make, clip: Path) -> None:
    """S1: retry only sets UPLOADED and sends; the result of the run is the result of the retry."""
    at = bench()
    row = at.upload(clip)

    def retry_here(name: str, _delivery: Staged) -> None:
        if name == "thumbnail":
            at.stores.db.execute("UPDATE video_video SET status = 'UPLOADED' WHERE id = %s", (row.id,))

    assert handle(staged(at, row, retry_here)) == Done()
    assert at.row(row).status == "READY"
    assert at.handle(row) == Done("already ready")
