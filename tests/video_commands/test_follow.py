"""Following an encode: what is shown, and when it ends."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest

from academyctl.contract import keys
from academyctl.contract.progress import DOWNLOADING, payload, transcoding
from academyctl.errors import CannotTell, WorkFailed
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow
from academyctl.video_follow import End, Progress, follow, read
from academyctl.video_report import line, watch
from tests.conftest import make_video


def set_status(stores: Stores, row: VideoRow, status: str, reason: str = "") -> None:
    sql = "UPDATE video_video SET status = %s, error_reason = %s WHERE id = %s"
    stores.db.execute(sql, (status, reason, row.id))


def show(stores: Stores, row: VideoRow, body: dict[str, object]) -> None:
    stores.redis.set_json(keys.video_progress(row.tenant_id, row.id), body)


class Script:
    """Each update triggers the next step of a run: no clock decides what is seen."""

    def __init__(self, *steps: Callable[[], None]) -> None:
        self.seen: list[Progress] = []
        self._left = iter(steps)

    def __call__(self, progress: Progress) -> None:
        self.seen.append(progress)
        step = next(self._left, None)
        if step is not None:
            step()


def test_a_run_is_followed_from_the_queue_to_ready(stores: Stores) -> None:
    row = make_video(stores)

    def begin() -> None:
        show(stores, row, payload(DOWNLOADING, 50))
        set_status(stores, row, "PROCESSING")

    steps: list[Callable[[], None]] = [
        begin,
        lambda: show(stores, row, transcoding(30, 60, speed=3)),
        lambda: set_status(stores, row, "READY"),
    ]
    update = Script(*steps)
    end, last = follow(stores, row.tenant_id, row.id, on_update=update, poll_s=0.01, timeout_s=20)
    seen = update.seen
    assert end is End.READY
    assert [(p.status, p.percent, p.step) for p in seen] == [
        ("UPLOADED", None, ""),
        ("PROCESSING", 19, "downloading"),
        ("PROCESSING", 67, "transcoding"),
        ("READY", 100, ""),
    ]
    assert seen[2].remaining_s == 25
    assert last == seen[-1]


def test_a_run_that_fails_ends_with_its_reason(stores: Stores) -> None:
    row = make_video(stores, status="PROCESSING")
    update = Script(lambda: set_status(stores, row, "FAILED", "ffmpeg failed"))
    end, last = follow(stores, row.tenant_id, row.id, on_update=update, poll_s=0.01, timeout_s=20)
    assert (end, last.error_reason) == (End.FAILED, "ffmpeg failed")


def test_what_an_earlier_run_left_is_not_shown_as_progress(stores: Stores) -> None:
    row = make_video(stores)
    show(stores, row, {"step": "done", "percent": 100})
    stores.redis.set_json(keys.video_status(row.tenant_id, row.id), {"status": "FAILED"})
    now = read(stores, row.tenant_id, row.id)
    assert (now.status, now.percent) == ("UPLOADED", None)


def test_a_progress_of_nonsense_is_no_progress(stores: Stores) -> None:
    row = make_video(stores, status="PROCESSING")
    show(stores, row, {"step": 5, "percent": "many", "remaining_seconds": float("nan"), "step_percent": True})
    now = read(stores, row.tenant_id, row.id)
    assert (now.percent, now.remaining_s, now.step_percent) == (None, None, None)
    show(stores, row, {"percent": 250, "remaining_seconds": -4})
    now = read(stores, row.tenant_id, row.id)
    assert (now.percent, now.remaining_s) == (100, 0)


def test_following_ends_when_it_is_stopped_with_the_last_word_of_the_row(stores: Stores) -> None:
    row = make_video(stores, status="PROCESSING")
    stop = threading.Event()

    def finish() -> None:
        set_status(stores, row, "READY")
        stop.set()

    update = Script(finish)
    end, last = follow(stores, row.tenant_id, row.id, on_update=update, stop=stop, poll_s=0.01, timeout_s=20)
    assert (end, last.status) == (End.READY, "READY")
    stop.set()
    waiting = make_video(stores)
    end, last = follow(stores, waiting.tenant_id, waiting.id, on_update=lambda _p: None, stop=stop)
    assert (end, last.status) == (End.STOPPED, "UPLOADED")


def test_a_timeout_could_not_tell(stores: Stores) -> None:
    row = make_video(stores)
    with pytest.raises(CannotTell, match="still UPLOADED after 0 s"):
        follow(stores, row.tenant_id, row.id, on_update=lambda _p: None, timeout_s=0, poll_s=0.01)


def test_a_video_that_is_not_there_is_told(stores: Stores) -> None:
    with pytest.raises(WorkFailed, match="there is no video 4242"):
        follow(stores, 1, 4242, on_update=lambda _p: None)


def test_without_redis_the_row_alone_is_followed_to_its_end(stores: Stores, platform_env: dict[str, str]) -> None:
    blind = Stores(load({**platform_env, "REDIS_PORT": "1"}).settings)
    row = make_video(stores, status="PROCESSING")
    show(stores, row, {"percent": 60})
    update = Script(lambda: set_status(stores, row, "READY"))
    end, _ = follow(blind, row.tenant_id, row.id, on_update=update, poll_s=0.01, timeout_s=20)
    seen = update.seen
    assert end is End.READY
    assert (seen[0].unknown, seen[0].percent) == (True, None)
    blind.close()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    row = make_video(stores, status="READY")
    terminal = Terminal()
    assert watch(stores, row.tenant_id, row.id, stream=terminal)[0] is End.READY
    assert "100%" in terminal.getvalue()
    assert capsys.readouterr().err == ""
    watch(stores, row.tenant_id, row.id, stream=io.StringIO(), lang="en")
    assert capsys.readouterr().err == "READY  100 %\n"


@pytest.mark.parametrize(
    ("progress", "lang", "text"),
    [
        (Progress("UPLOADED"), "en", "UPLOADED"),
        (
            Progress("PROCESSING", 61, "transcoding", "인코딩", 4, 7, 33, 95),
            "en",
            "PROCESSING   61 %  transcoding 4/7  about 1:35 left",
        ),
        (
            Progress("PROCESSING", 61, "transcoding", "인코딩", 4, 7, 33, 95),
            "ko",
            "PROCESSING   61 %  인코딩 4/7  약 1:35 남음",
        ),
        (Progress("FAILED", error_reason="no video"), "en", "FAILED  no video"),
        (Progress("PROCESSING", unknown=True), "en", "PROCESSING  (Redis is away: no progress)"),
    ],
)
def test_one_reading_is_one_line(progress: Progress, lang: str, text: str) -> None:
    assert line(progress, lang) == text
