"""Secrets, receipts and phone numbers do not reach a log, however they come."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from academyctl import log


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to=01012345678", "to=0101****"),
        ("to=010-1234-5678.", "to=0101****."),
        ("010 1234 5678", "0101****"),
        ("01012345678은 없는 번호", "0101****은 없는 번호"),
        ("번호01012345678", "번호0101****"),
        ("02-123-4567", "021****"),
        ("+82 10-1234-5678", "0101****"),
        ("+821012345678", "0101****"),
        ('{"to": "01012345678"}', '{"to": "0101****"}'),
        ("password=hunter22 next=1", "password=**** next=1"),
        ("'secret_key': 'abc/def+ghi'", "'secret_key': '****'"),
        ("AWS_SECRET_ACCESS_KEY=abc/def+ghi", "AWS_SECRET_ACCESS_KEY=****"),
        ("SecretAccessKey: abc/def", "SecretAccessKey: ****"),
        ("API_KEY: NCSABCDEF", "API_KEY: ****"),
        ("ReceiptHandle=AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a", "ReceiptHandle=****"),
        ("receipt_handle=AQEBwJ", "receipt_handle=****"),
        ("https://r2/x?X-Amz-Credential=AK%2F1&X-Amz-Signature=0a1b&x=1", "****"),
        ("postgresql://academy:pa55word@db:5432/academy", "postgresql://academy:****@db:5432/academy"),
        ("Authorization: Bearer eyJhbGciOi.x.y", "Bearer ****"),
        ("HMAC-SHA256 apiKey=NCS1, signature=ff00", "HMAC-SHA256 ****"),
        ("key AKIAIOSFODNN7EXAMPLE used", "key AKIA**** used"),
    ],
)
def test_a_secret_or_a_number_is_masked(text: str, shown: str) -> None:
    assert shown in log.mask(text)
    for part in ("5678", "hunter22", "abc/def", "NCS", "AQEB", "0a1b", "pa55word", "eyJ", "ff00", "IOSFODNN"):
        assert part not in log.mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "SQS_MESSAGE_RECEIVED | request_id=ab12cd34 | video_id=1012345678 | tenant_id=1 | queue_wait_sec=0.5",
        "VIDEO_ENCODING_DURATION | video_id=7 | duration_sec=1024.5",
        "2026-11-21T10:00:00.123456+09:00 container 0a1b2c3d4e5f",
        "tenants/1/video/raw/1/9b2c1d1e-0000-4000-8000-000000000001.mp4",
        "SignatureDoesNotMatch: The request signature we calculated does not match",
        "Video Worker (SQS) started | queue=academy-video-jobs | wait_time=20s",
    ],
)
def test_what_operators_grep_stays_as_it_is(text: str) -> None:
    assert log.mask(text) == text


def test_known_secrets_are_masked_wherever_they_stand() -> None:
    assert log.mask("tail of s3cr3t-value!", ["s3cr3t-value", ""]) == "tail of ****!"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """A stream that our log writes to; the loggers are as before afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("academyctl")
    before = (root.handlers[:], root.level, ours.level)
    yield io.StringIO()
    root.handlers[:], root.level = before[0], before[1]
    ours.setLevel(before[2])


def test_a_line_is_the_platforms_with_korean_time(logged: io.StringIO) -> None:
    log.setup(prefix="VIDEO-WORKER-SQS", stream=logged)
    record = logging.LogRecord("academyctl.x", logging.INFO, "", 0, "hello %s", ("there",), None)
    record.created, record.msecs = 1_700_000_000.25, 250.0
    logging.getLogger("academyctl.x").handle(record)
    assert logged.getvalue() == "2023-11-15 07:13:20,250 [INFO] [VIDEO-WORKER-SQS] hello there\n"


def test_a_traceback_is_masked_too(logged: io.StringIO) -> None:
    log.setup(prefix="W", stream=logged)
    try:
        raise ValueError("password=hunter22")
    except ValueError:
        logging.getLogger("academyctl").exception("failed for 010-1234-5678")
    assert "Traceback" in logged.getvalue()
    assert "hunter22" not in logged.getvalue()
    assert "5678" not in logged.getvalue()


def test_json_lines_hold_the_fields_masked(logged: io.StringIO) -> None:
    log.setup(prefix="W", as_json=True, secrets=("t0p-secret",), stream=logged)
    fields = {"video_id": 7, "to": "01012345678", "note": "t0p-secret"}
    logging.getLogger("academyctl").warning("line\nbreak", extra={"fields": fields})
    lines = logged.getvalue().splitlines()
    assert len(lines) == 1
    seen = json.loads(lines[0])
    assert (seen["video_id"], seen["to"], seen["note"]) == (7, "0101****", "****")
    assert (seen["level"], seen["worker"], seen["message"]) == ("WARNING", "W", "line\nbreak")


def test_other_libraries_speak_only_from_warning_on(logged: io.StringIO) -> None:
    log.setup(prefix="W", stream=logged)
    logging.getLogger("botocore").info("chatter")
    logging.getLogger("academyctl.worker").info("ours")
    assert "chatter" not in logged.getvalue()
    assert "ours" in logged.getvalue()
