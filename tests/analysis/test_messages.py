"""The three shapes of guide 004's messages, and what is none of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from academyctl.contract.analysis import Upload, parse_uploads, result_key, shown
from academyctl.errors import BadMessage
from workers.analysis import describe

BUCKET = "capstone-dev-raw"


def event(key: str, name: str = "ObjectCreated:Put", **s3: Any) -> dict[str, Any]:
    told = {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 1048576}, **s3}
    return {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name, "eventTime": "2025-10-27T12:34:56.000Z",
            "s3": told}  # fmt: skip


def parsed(document: object) -> tuple[Upload, ...]:
    return parse_uploads(json.dumps(document)).uploads


def test_an_s3_event_names_the_object_as_it_is_called_and_not_as_the_event_encodes_it() -> None:
    encoded = "videos/%EA%B0%95%EC%9D%98+1%2B1.mp4"
    assert parsed({"Records": [event(encoded)]}) == (
        Upload(BUCKET, "videos/강의 1+1.mp4", event_time="2025-10-27T12:34:56.000Z"),
    )


def test_an_s3_event_may_encode_the_slash_and_the_space_in_other_ways() -> None:
    assert [one.key for one in parsed({"Records": [event("videos%2Fa%20b.mp4")]})] == ["videos/a b.mp4"]


def test_several_records_are_several_uploads_and_a_repeated_one_is_one() -> None:
    records = [event("videos/a.mp4"), event("videos/b.mp4"), event("videos/a.mp4")]
    assert [one.key for one in parsed({"Records": records})] == ["videos/a.mp4", "videos/b.mp4"]


BACKEND = {
    "eventType": "video-uploaded", "timestamp": "2025-12-01T00:00:00Z",
    "s3": {"bucket": BUCKET, "key": "videos/1+1%.mp4"},
    "video": {"id": "84", "status": "pending"}, "processing": {"requestTime": "x", "priority": "normal"},
}  # fmt: skip


def test_the_backends_key_is_not_encoded() -> None:
    assert parsed(BACKEND) == (Upload(BUCKET, "videos/1+1%.mp4", "84", "2025-12-01T00:00:00Z"),)


def test_the_readmes_spelling_of_the_backends_message_is_read_too() -> None:
    drifted = {**BACKEND, "video": {"video_id": 84, "filename": "a.mp4"}}
    assert parsed(drifted)[0].video_id == "84"


def test_the_first_versions_message_is_bucket_and_key() -> None:
    assert parsed({"bucket": BUCKET, "key": "videos/a+b.mp4"}) == (Upload(BUCKET, "videos/a+b.mp4"),)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}, "test of its notification"),
        ({"Records": []}, "no object was created"),
        ({"Records": [event("a", "ObjectRemoved:Delete")]}, "ObjectRemoved:Delete"),
    ],
)
def test_what_asks_for_nothing_says_so_and_is_no_error(document: object, says: str) -> None:
    message = parse_uploads(json.dumps(document))
    assert message.uploads == ()
    assert says in message.nothing


BAD = [
    "", "no json", "[]", "{}", '{"bucket": "capstone-dev-raw"}', '{"bucket": "Not A Bucket", "key": "a"}',
    '{"bucket": "capstone-dev-raw", "key": ""}', '{"bucket": "capstone-dev-raw", "key": 7}',
    '{"bucket": "capstone-dev-raw", "key": "\\ud800"}', '{"s3": "x"}', '{"s3": {"bucket": "capstone-dev-raw"}}',
    '{"Records": "x"}', '{"Records": [1]}', '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
    json.dumps({"Records": [event("%FF.mp4")]}), json.dumps({"Records": [event("a", bucket={"name": 1})]}),
    json.dumps({"bucket": BUCKET, "key": "k" * 1025}), json.dumps({"bucket": BUCKET, "key": "a\x00b"}),
]  # fmt: skip


@pytest.mark.parametrize("body", BAD)
def test_what_is_none_of_them_is_a_bad_message_whose_text_does_not_repeat_it(body: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse_uploads(body)
    assert not body or body not in str(caught.value)


def test_a_result_is_kept_under_the_objects_own_name_or_its_hash_where_that_is_too_long() -> None:
    assert result_key("r/", BUCKET, "videos/강.mp4", "9336-2") == f"r/{BUCKET}/videos/강.mp4/9336-2.json"
    long = [result_key("r/", BUCKET, "강" * 340 + end, "9336") for end in "ab"]
    assert len(set(long)) == 2
    assert all(len(one.encode()) < 200 for one in long)


def test_a_key_writes_no_lines_of_its_own_into_a_log() -> None:
    assert shown("videos/강의 +%.mp4\n2026 ERROR forged\x1b[31m") == "videos/강의 +%.mp4?2026 ERROR forged?[31m"
    [described] = [describe(parse_uploads('{"bucket": "raw", "key": "a\\nb"}'))]
    assert described == {"job_id": "raw/a?b"}
