"""A log line is written by workers and read by checks from one constant: what goes in comes out."""

from __future__ import annotations

import pytest

from academyctl.contract import keys, logtokens, states
from academyctl.contract.logtokens import TOKENS, Token

PREFIX = "2026-11-21 10:00:00,123 [INFO] [VIDEO-WORKER-SQS] "


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token.name)
def test_every_token_reads_back_every_field(token: Token) -> None:
    values = {field: f"value of {field}" for field in token.fields}
    assert token.parse(PREFIX + token.text(**values)) == values


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token.name)
def test_absent_fields_are_left_out_and_unknown_ones_are_a_mistake(token: Token) -> None:
    assert token.text() == token.name
    assert token.parse(PREFIX + token.name) == {}
    with pytest.raises(ValueError, match="nosuch"):
        token.text(nosuch=1)


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token.name)
def test_no_token_takes_anothers_line(token: Token) -> None:
    for other in TOKENS:
        if other is not token:
            assert token.parse(PREFIX + other.text(**dict.fromkeys(other.fields, "x"))) is None


@pytest.mark.parametrize("value", ["a=b", "= | =", "|", " | ", "x |", "| x", "a\r\nb", "", "한글", "video_id=9"])
def test_no_value_becomes_a_field(value: str) -> None:
    token = next(token for token in TOKENS if token.name == "SQS_JOB_FAILED")
    line = token.text(request_id="r", video_id=1, error=value)
    seen = token.parse(line)
    assert "\n" not in line
    assert seen is not None
    assert (set(seen), seen["request_id"], seen["video_id"]) == ({"request_id", "video_id", "error"}, "r", "1")


def test_tokens_of_the_platform_keep_their_names() -> None:
    """Runbooks grep these (contract 10)."""
    names = {token.name for token in TOKENS}
    assert {
        "Video Worker (SQS) started",
        "SQS_MESSAGE_RECEIVED",
        "SQS_JOB_COMPLETED",
        "SQS_JOB_FAILED",
        "VIDEO_ALREADY_READY_SKIP",
        "IDEMPOTENT_SKIP",
        "VIDEO_ENCODING_DURATION",
        "AI_JOB_IDEMPOTENT_SKIP",
    } <= names
    assert logtokens.ai_timeout(60).text(job_id="j") == "SQS_JOB_TIMEOUT_60MIN | job_id=j"
    done = logtokens.EXCEL_DONE.format(job_id="j", enrolled=3)
    assert done == "EXCEL_PARSING processed_by=worker job_id=j enrolled=3"
    failed = logtokens.EXCEL_FAILED.format(job_id="j", tenant_id="1", error="no")
    assert failed == "EXCEL_PARSING failed job_id=j tenant_id=1: no"


def test_the_redis_keys_of_jobs_and_messages_are_the_platforms() -> None:
    assert keys.messaging_lock("m-1") == "job:messaging:m-1:lock"
    assert keys.video_backlog(3) == "tenant:3:video:backlog_count"
    assert keys.video_heartbeat(3, 4) == "tenant:3:video:4:heartbeat"
    assert keys.job_progress("1", "j") == "tenant:1:job:j:progress"
    assert keys.job_status("1", "j") == "tenant:1:job:j:status"
    assert keys.raw_key(1, 2, "a.mp4") == "tenants/1/video/raw/2/a.mp4"
    assert keys.raw_key(1, 2, "a.mp4").startswith(keys.raw_prefix(1))
    assert keys.hls_thumbnail(1, 2) == "tenants/1/video/hls/2/thumbnail.jpg"


def test_ready_is_neither_taken_nor_retried() -> None:
    for wanted in (states.CLAIMABLE, states.RETRYABLE):
        assert states.VideoState.READY not in wanted
        assert states.VideoState.PENDING not in wanted
