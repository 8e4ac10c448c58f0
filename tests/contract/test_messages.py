"""Messages are read as the platform's consumer reads them and written byte for byte as its API writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract.messages import VideoDelete, VideoEncode, delete_body, encode_body, parse_time, parse_video
from academyctl.errors import BadMessage

SAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "messages.json").read_text(encoding="utf-8"))


def test_an_encode_message_of_each_generation_is_read() -> None:
    first = parse_video(json.dumps(SAMPLES["video_encode"]))
    assert isinstance(first, VideoEncode)
    assert (first.video_id, first.tenant_id, first.tenant_code, first.job_id) == (1, 1, "demo", None)
    assert first.created_at == datetime(2026, 11, 21, 0, 41, 44, 658836, tzinfo=UTC)
    third = parse_video(json.dumps(SAMPLES["video_encode_job_model"]))
    assert isinstance(third, VideoEncode)
    assert (third.job_id, third.tenant_code, third.created_at) == (
        SAMPLES["video_encode_job_model"]["job_id"],
        "",
        None,
    )


def test_a_delete_message_is_read() -> None:
    job = parse_video(json.dumps(SAMPLES["video_delete_r2"]))
    assert isinstance(job, VideoDelete)
    assert job.hls_prefix == "tenants/1/video/hls/1"


def test_what_we_send_equals_what_the_api_sends_to_the_byte() -> None:
    captured = SAMPLES["video_encode"]
    body = encode_body(
        video_id=1,
        tenant_id=1,
        file_key=captured["file_key"],
        tenant_code="demo",
        now=datetime.fromisoformat(captured["created_at"]),
    )
    assert body == json.dumps(captured)
    captured = SAMPLES["video_delete_r2"]
    body = delete_body(
        video_id=1,
        tenant_id=1,
        file_key=captured["file_key"],
        hls_prefix=captured["hls_prefix"],
        now=datetime.fromisoformat(captured["created_at"]),
    )
    assert body == json.dumps(captured)


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "",
        "null",
        "[]",
        "1",
        '"x"',
        "{}",
        '{"foo": 1}',
        '{"video_id": "abc", "tenant_id": 1}',
        '{"video_id": 1}',
        '{"tenant_id": 1}',
        '{"video_id": true, "tenant_id": 1}',
        '{"video_id": 1.5, "tenant_id": 1}',
        '{"video_id": -1, "tenant_id": 1}',
        '{"video_id": 0, "tenant_id": 1}',
        '{"video_id": 99999999999999999999, "tenant_id": 1}',
        '{"video_id": 1, "tenant_id": 1, "file_key": 5}',
        '{"video_id": 1, "tenant_id": 1, "file_key": "a\\u0000b"}',
        '{"video_id": 1, "tenant_id": 1, "action": "drop_table"}',
        '{"video_id": 1, "tenant_id": 1, "job_id": 5}',
        "[" * 100000,
    ],
)
def test_a_malformed_body_is_a_bad_message_whose_text_repeats_nothing(body: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse_video(body)
    assert str(caught.value).startswith("Invalid")
    assert "drop_table" not in str(caught.value)


def test_the_captured_malformed_samples_that_name_no_video_are_refused() -> None:
    for sample in SAMPLES["malformed"]:
        body = sample if isinstance(sample, str) else json.dumps(sample)
        if isinstance(sample, dict) and isinstance(sample.get("video_id"), int) and "tenant_id" in sample:
            assert isinstance(parse_video(body), VideoEncode)
        else:
            with pytest.raises(BadMessage):
                parse_video(body)


def test_ids_may_come_as_text_and_times_as_numbers() -> None:
    job = parse_video('{"video_id": "7", "tenant_id": "3", "created_at": 1766278904.5}')
    assert (job.video_id, job.tenant_id) == (7, 3)
    assert job.created_at is not None


@pytest.mark.parametrize("value", [None, "", "yesterday", True, [], 1e300])
def test_a_bad_time_is_no_time(value: object) -> None:
    assert parse_time(value) is None
