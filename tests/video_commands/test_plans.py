"""Which changes follow from which state: a table, without servers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.errors import AcademyError, Both, CannotTell
from academyctl.repairs import DeleteKey, DropLease, ResetVideo, SendEncode, SetFlag
from academyctl.stores.redis import Seen
from academyctl.stores.videos import VideoRow
from academyctl.video_plans import Refused, followable, plan_enqueue, plan_retry, plan_unlock
from academyctl.video_state import Keys, Lock, Owner, Video, Worker

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
TOKEN = "encoder-1:4242:beef:0badcafe"
ROW = VideoRow(
    id=7, title="1강", status="UPLOADED", file_key="tenants/3/video/raw/5/a.mp4", duration=None, hls_path="",
    error_reason="", leased_by="", leased_until=None, processing_started_at=None, created_at=NOW, updated_at=NOW,
    session_id=5, tenant_id=3, tenant_code="demo", seen_at=NOW,
)  # fmt: skip
KEYS = ("lock", "cancel", "heartbeat", "raw_status", "raw_progress")
NOTHING = Keys(None, None, None, None, None)
LEGACY = Lock(keys.encode_lock(7), "1", 3_600_000, None)
OURS = Lock(keys.encode_lock(7), '{"token": "..."}', 30_000, Owner(TOKEN, "encoder-1", 4242, NOW))
BEATING = Worker("encoder-1:4242:beef", "encoder-1", 4242, NOW - timedelta(seconds=4), "transcoding")
FLAG = Seen("1", 200_000)
SEND = SendEncode(7, 3, ROW.file_key, "demo", "q")
CANCEL = keys.video_cancel(3, 7)


def video(*, worker: Worker | None = None, unknown: frozenset[str] = frozenset(), **changes: Any) -> Video:
    """A video in some state: columns of the row, or Redis keys by their field's name."""
    known = {name: changes.pop(name) for name in list(changes) if name in KEYS}
    found = None if "redis" in unknown else replace(NOTHING, **known)
    return Video(7, replace(ROW, **changes), found, worker, None, unknown)


LEASED: dict[str, Any] = {"leased_by": TOKEN, "leased_until": NOW + timedelta(seconds=40)}
RUN_OUT: dict[str, Any] = {"leased_by": TOKEN, "leased_until": NOW - timedelta(seconds=1)}
ALIVE: tuple[dict[str, Any], ...] = (
    {"worker": BEATING, "lock": OURS},
    {"heartbeat": Seen("1", 50_000)},
    LEASED,
)


def enqueue(found: Video, **options: Any) -> Any:
    return plan_enqueue(found, queue="q", now=NOW, **options)


def retry(found: Video, **options: Any) -> Any:
    return plan_retry(found, queue="q", now=NOW, **options)


def test_an_uploaded_video_is_enqueued_with_one_message_and_nothing_else() -> None:
    assert enqueue(video()).repairs == (SEND,)


@pytest.mark.parametrize("status", ["PENDING", "PROCESSING", "READY", "FAILED"])
def test_only_an_uploaded_video_is_enqueued_even_by_force(status: str) -> None:
    for force in (False, True):
        with pytest.raises(Refused, match=f"is {status}"):
            enqueue(video(status=status), force=force)


@pytest.mark.parametrize("alive", ALIVE)
def test_a_video_that_somebody_works_on_is_not_enqueued_without_force(alive: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        enqueue(video(**alive))
    assert caught.value.code == "alive"
    assert enqueue(video(**alive), force=True).repairs == (SEND,)


def test_a_video_behind_a_lock_is_not_enqueued_without_force() -> None:
    with pytest.raises(Refused, match="lock is held"):
        enqueue(video(lock=LEGACY))
    forced = enqueue(video(lock=LEGACY), force=True)
    assert forced.repairs == (SEND,)
    assert "up to 3600 s" in forced.remarks[0].en


@pytest.mark.parametrize("plan", [enqueue, retry])
def test_without_redis_nothing_is_sent_unless_forced(plan: Any) -> None:
    blind = video(unknown=frozenset({"redis"}))
    with pytest.raises(CannotTell, match="cannot be told"):
        plan(blind)
    assert plan(blind, force=True).repairs[-1] == SEND


@pytest.mark.parametrize("status", ["UPLOADED", "PROCESSING", "FAILED"])
def test_a_retry_resets_the_row_and_then_sends(status: str) -> None:
    plan = retry(video(status=status, error_reason="x"))
    assert plan.repairs == (ResetVideo(7, status, "x"), SEND)


def test_a_ready_video_is_encoded_again_only_by_force() -> None:
    with pytest.raises(Refused, match="Cannot retry"):
        retry(video(status="READY"))
    assert retry(video(status="READY"), force=True).repairs == (ResetVideo(7, "READY", "", force=True), SEND)


def test_a_video_without_an_upload_is_never_retried() -> None:
    for force in (False, True):
        with pytest.raises(Refused, match="Cannot retry"):
            retry(video(status="PENDING"), force=force)


def test_a_retry_clears_what_an_earlier_run_left_between_reset_and_message() -> None:
    status, progress = Seen('{"status": "FAILED"}', -1), Seen('{"percent": 40}', 9000)
    plan = retry(video(status="FAILED", raw_status=status, raw_progress=progress, cancel=FLAG))
    assert plan.repairs == (
        ResetVideo(7, "FAILED", ""),
        DeleteKey(CANCEL, "1", 200_000, exact=False),
        DeleteKey(keys.video_status(3, 7), '{"status": "FAILED"}', -1, exact=False),
        DeleteKey(keys.video_progress(3, 7), '{"percent": 40}', 9000, exact=False),
        SEND,
    )


@pytest.mark.parametrize("alive", ALIVE)
def test_a_retry_asks_a_living_run_to_stop(alive: dict[str, Any]) -> None:
    assert SetFlag(CANCEL, 300) in retry(video(status="PROCESSING", **alive)).repairs


@pytest.mark.parametrize("dead", [{}, {"lock": LEGACY}, {"lock": OURS}, RUN_OUT])
def test_a_retry_leaves_no_cancel_flag_where_no_run_lives(dead: dict[str, Any]) -> None:
    plan = retry(video(status="PROCESSING", cancel=FLAG, **dead))
    assert not any(isinstance(repair, SetFlag) for repair in plan.repairs)
    assert DeleteKey(CANCEL, "1", 200_000, exact=False) in plan.repairs


def test_a_retry_behind_an_abandoned_lock_says_that_the_message_will_wait() -> None:
    (remark,) = retry(video(status="FAILED", lock=LEGACY)).remarks
    assert "academyctl video unlock 7 --apply" in remark.en
    assert "academyctl video unlock 7 --apply" in remark.ko
    (for_ever,) = retry(video(status="FAILED", lock=replace(LEGACY, ttl_ms=-1))).remarks
    assert "for ever" in for_ever.en


def test_unlock_deletes_lock_and_lease_with_their_values() -> None:
    plan = plan_unlock(video(lock=LEGACY, **RUN_OUT), now=NOW)
    assert plan.repairs == (
        DeleteKey(LEGACY.key, "1", 3_600_000),
        DropLease(7, TOKEN, NOW - timedelta(seconds=1)),
    )


@pytest.mark.parametrize("alive", ALIVE)
def test_unlock_refuses_while_the_owner_beats_unless_forced(alive: dict[str, Any]) -> None:
    held = video(**{"lock": OURS, **alive})
    with pytest.raises(Refused) as caught:
        plan_unlock(held, now=NOW)
    assert caught.value.code == "alive"
    assert caught.value.why
    assert plan_unlock(held, now=NOW, force=True).repairs[0] == DeleteKey(OURS.key, OURS.value, 30_000)


def test_unlock_of_what_nobody_holds_changes_nothing() -> None:
    assert plan_unlock(video(), now=NOW).repairs == ()


def test_unlock_never_guesses_about_what_it_cannot_see() -> None:
    with pytest.raises(CannotTell, match="lock of video 7"):
        plan_unlock(video(unknown=frozenset({"redis"})), now=NOW, force=True)
    blind = Video(7, None, replace(NOTHING, lock=LEGACY), None, None, frozenset({"database"}))
    with pytest.raises(CannotTell, match="lease of video 7"):
        plan_unlock(blind, now=NOW)
    assert plan_unlock(blind, now=NOW, force=True).repairs == (DeleteKey(LEGACY.key, "1", 3_600_000),)


@pytest.mark.parametrize("plan", [enqueue, retry, lambda found: followable(found.row, 7, watch=True)])
def test_a_video_that_is_not_there_is_told(plan: Any) -> None:
    with pytest.raises(Refused, match="there is no video 7"):
        plan(Video(7, None, NOTHING))


def test_a_pending_video_is_not_watched_for_ever() -> None:
    with pytest.raises(Refused, match="nothing to follow"):
        followable(replace(ROW, status="PENDING"), 7, watch=True)
    assert followable(replace(ROW, status="PENDING"), 7, watch=False).id == 7


@pytest.mark.parametrize("status", ["PENDING", "PROCESSING", "READY", "FAILED"])
def test_every_refusal_says_what_to_do_in_both_languages(status: str) -> None:
    refused: list[AcademyError] = []
    for plan in (enqueue, retry):
        try:
            plan(video(status=status, **LEASED))
        except AcademyError as error:
            refused.append(error)
    assert refused
    for refusal in refused:
        assert isinstance(refusal.remedy, Both)
        assert refusal.remedy.en
        assert refusal.remedy.ko
