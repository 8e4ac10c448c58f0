"""The planner alone: every verdict of the diagnosis has its answer, and the two tables do not contradict each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from academyctl.contract.messages import encode_body
from academyctl.dead_letters import Letter, Pair
from academyctl.errors import Both, CannotTell
from academyctl.redrive import Redrive
from academyctl.repairs import SendEncode
from academyctl.stores.videos import VideoRow
from academyctl.video_fixes import FINE, FORCED, MENDED, Stuck, plan_fix
from academyctl.video_plans import Refused
from academyctl.video_repairs import WhenFree
from academyctl.video_state import Keys, Video
from checks._stuck_table import TABLE

NOW = datetime(2026, 1, 2, tzinfo=UTC)
QUEUE = Pair("video", "q", "q-dlq")
FREE = Keys(None, None, None, None, None)


def row(status: str = "UPLOADED") -> VideoRow:
    return VideoRow(
        id=7, title="", status=status, file_key="a.mp4", duration=None, hls_path="", error_reason="", leased_by="",
        leased_until=None, processing_started_at=None, created_at=NOW, updated_at=NOW, session_id=1, tenant_id=1,
        tenant_code="demo", seen_at=NOW,
    )  # fmt: skip


def letter(name: str, *, tenant_id: int = 1, file_key: str = "a.mp4", job: str = "") -> Letter:
    body = encode_body(video_id=7, tenant_id=tenant_id, file_key=file_key, tenant_code="demo", now=NOW)
    if job:
        body = body.replace("{", f'{{"job_id": "{job}", ', 1)
    return Letter(name, body, 4, NOW + timedelta(seconds=ord(name)))


def stuck(code: str, status: str = "UPLOADED", *letters: Letter, job_open: bool = True) -> Stuck:
    return Stuck(code, Video(7, row(status), FREE), QUEUE, letters, upload=True, no_message=True, job_open=job_open,
                 verdict=Both("it is so", "그렇습니다"), remedy=Both("do this", "이렇게 하세요"))  # fmt: skip


def sent(found: Stuck) -> SendEncode | Redrive:
    last = plan_fix(found).repairs[-1]
    assert isinstance(last, WhenFree)
    return last.message


def test_what_the_diagnosis_calls_mendable_is_mended_and_nothing_else_is() -> None:
    for rule in TABLE:
        code = rule.kind.code.removeprefix("video.")
        assert bool(rule.fix) == (code in MENDED), code
        assert not (code in FINE and code in MENDED)
    assert {*MENDED, *FINE, *FORCED} <= {rule.kind.code.removeprefix("video.") for rule in TABLE}


@pytest.mark.parametrize("code", sorted({rule.kind.code.removeprefix("video.") for rule in TABLE}))
def test_every_verdict_has_an_answer_with_its_reason(code: str) -> None:
    if code in FINE | MENDED.keys():
        plan = plan_fix(stuck(code))
        assert plan.remarks
        assert bool(plan.repairs) == (code in MENDED and code != "lock-dead-worker")
        return
    with pytest.raises((Refused, CannotTell)) as caught:
        plan_fix(stuck(code))
    assert "it is so" in caught.value.why
    assert caught.value.remedy_in("ko") == "이렇게 하세요"


def test_the_newest_letter_that_a_worker_would_take_goes_back_and_no_other() -> None:
    good = stuck("dead-letter", "PROCESSING", letter("a"), letter("b"), letter("c", tenant_id=2))
    message = sent(good)
    assert isinstance(message, Redrive)
    assert message.letter_id == "b"
    assert any("would skip them: 2" in remark.en for remark in plan_fix(good).remarks)


@pytest.mark.parametrize(
    "bad", [letter("a", tenant_id=2), letter("a", file_key="old.mp4"), letter("a", job="j-1")], ids=repr
)
def test_a_letter_that_a_worker_would_refuse_is_replaced_by_a_new_message(bad: Letter) -> None:
    assert isinstance(sent(stuck("dead-letter", "PROCESSING", bad, job_open=False)), SendEncode)


def test_a_letter_whose_job_is_still_open_goes_back() -> None:
    assert isinstance(sent(stuck("dead-letter", "PROCESSING", letter("a", job="j-1"))), Redrive)


def test_a_ready_videos_letter_stays_and_that_is_said() -> None:
    plan = plan_fix(stuck("ready", "READY", letter("a")))
    assert plan.repairs == ()
    assert "academyctl queue peek video --dlq --where video_id=7" in plan.remarks[-1].en


def test_a_broken_videos_old_letter_stays_and_a_new_message_is_sent() -> None:
    assert isinstance(sent(stuck("broken", "READY", letter("a"))), SendEncode)


def test_probe_failures_need_force() -> None:
    with pytest.raises(Refused):
        plan_fix(stuck("failed-probe", "FAILED"))
    assert plan_fix(stuck("failed-probe", "FAILED"), force=True).repairs
