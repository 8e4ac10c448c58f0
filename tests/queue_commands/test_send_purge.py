"""`queue send` and `purge`: what nobody could take is refused before it goes, what goes away is said before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote_plus

import pytest

from academyctl.cli._queue_send import Draft, body_of
from academyctl.contract.analysis import parse_uploads
from academyctl.errors import UsageError
from academyctl.ops.queue_messages import MAX_BYTES, about, refuse_unsendable, rejected
from academyctl.ops.queue_repairs import Purge
from academyctl.ops.queues import analysis_spec, create_queue
from academyctl.repairs import Changed
from academyctl.stores import Stores
from tests.queue_commands.conftest import State
from tests.video_commands.conftest import Cli

ENCODE = '{"video_id": 5, "tenant_id": 1}'
TEXT = '{"to": "01012345678", "text": "hello", "tenant_id": 1}'


def test_a_message_goes_as_it_was_written_with_its_attributes_and_its_delay(
    cli: Cli, made: Stores, state: State, prefix: str
) -> None:
    before = state()
    words = ("queue", "send", "video", "--body", ENCODE, "--attribute", "origin=a=b", "--delay", "1")
    dry = cli(*words, "-o", "json")
    assert (dry.code, state()) == (0, before)
    assert dry.json["changes"][0]["change"] == (
        f"send video_id=5 tenant_id=1 (31 bytes) to {prefix}-video in 1 s with origin"
    )
    done = cli(*words, "--apply", "-o", "json")
    assert (done.code, done.json["changes"]) == (0, dry.json["changes"])
    assert made.sqs_quick.attributes(f"{prefix}-video").delayed == 1
    [message] = made.sqs_quick.receive(f"{prefix}-video", wait_s=3)
    assert (message.body, message.attributes) == (ENCODE, {"origin": "a=b"})


@pytest.mark.parametrize(
    ("word", "body", "why"),
    [
        ("video", '{"video_id": 5}', "tenant_id required"),
        ("video", "no json", "Invalid JSON"),
        ("video", '{"video_id": 5, "tenant_id": 1, "action": "drop"}', "action"),
        ("ai_lite", ENCODE, "job_id required"),
        ("messaging", ENCODE, "to and text required"),
        ("analysis", ENCODE, "Invalid message format"),
        ("video", ENCODE, ""),
        ("ai_premium", '{"job_id": "j", "job_type": "ocr"}', ""),
        ("messaging", TEXT, ""),
        ("analysis", '{"bucket": "my-bucket", "key": "a.mp4"}', ""),
    ],
)
def test_a_queues_own_parser_judges_a_message(word: str, body: str, why: str) -> None:
    told = rejected(word, body)
    assert (why in told, bool(told)) == (True, bool(why))


def test_what_workers_would_reject_goes_only_by_force(cli: Cli, made: Stores, prefix: str) -> None:
    words = ("queue", "send", f"{prefix}-video", "--body", "no json", "--apply")
    refused = cli(*words)
    assert (refused.code, "--force" in refused.err) == (2, True)
    assert made.sqs_quick.attributes(f"{prefix}-video").visible == 0
    forced = cli(*words, "--force", "-o", "json")
    assert (forced.code, len(forced.json["remarks"])) == (0, 2)
    assert made.sqs_quick.attributes(f"{prefix}-video").visible == 1


def test_a_phone_number_and_a_password_in_a_message_are_never_shown(cli: Cli, made: Stores, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps({**json.loads(TEXT), "video_id": "010-1234-5678", "password": "hunter22"}))
    said = cli("queue", "send", "video", "--file", body, "--force", "--apply")
    assert said.code == 0
    [audit] = (tmp_path / "state").rglob("audit.jsonl")
    for secret in ("01012345678", "010-1234-5678", "hunter22", "hello"):
        assert secret not in said.out + said.err + audit.read_text(encoding="utf-8")


HANGUL = "가" * (MAX_BYTES // 3)


@pytest.mark.parametrize(
    ("body", "attributes", "why"),
    [
        (HANGUL + "aa", {}, "1048577 bytes"),
        ("x" * MAX_BYTES, {"a": "b"}, "1048584 bytes"),
        ("", {}, "empty"),
        ("a\x00b", {}, "characters"),
        ("a\ud800b", {}, "characters"),
        ("a", {"b": "\x1b"}, "characters"),
        ("a", {"AWS.x": "b"}, "no attribute"),
        ("a", {".x": "b"}, "no attribute"),
        ("a", {"x y": "b"}, "no attribute"),
        ("a", {"x": ""}, "no attribute"),
        ("a", {f"x{n}": "b" for n in range(11)}, "11 attributes"),
    ],
    ids=lambda value: str(value)[:20].encode("ascii", "replace").decode(),
)
def test_what_sqs_would_refuse_is_refused_here(body: str, attributes: Mapping[str, str], why: str) -> None:
    with pytest.raises(UsageError) as refused:
        refuse_unsendable(body, attributes, delay_s=0)
    assert why in refused.value.why


def test_a_message_of_exactly_one_mebibyte_is_none_too_many(cli: Cli, made: Stores, tmp_path: Path) -> None:
    """Bytes count, not characters; and the queue's own limit where it is lower."""
    refuse_unsendable(HANGUL + "a", {}, delay_s=0)
    queue = made.settings.queues.video
    big = tmp_path / "big"
    big.write_text(HANGUL + "a", encoding="utf-8")
    assert cli("queue", "send", "video", "--file", big, "--force", "--apply").code == 0
    assert made.sqs_quick.attributes(queue).visible == 1
    big.write_text(HANGUL + "가", encoding="utf-8")
    refused = cli("queue", "send", "video", "--file", big, "--force", "--apply")
    assert (refused.code, "1048577 bytes" in refused.err) == (2, True)
    made.queue_admin.set(queue, {"MaximumMessageSize": "1024"})
    refused = cli("queue", "send", "video", "--body", "가" * 342, "--force", "--apply")
    assert (refused.code, "1026 bytes" in refused.err) == (2, True)
    assert made.sqs_quick.attributes(queue).visible == 1


def test_the_event_of_an_upload_is_what_s3_sends_and_the_pipeline_reads(cli: Cli, stores: Stores) -> None:
    spec = analysis_spec(stores.settings)
    create_queue(stores.sqs_quick, spec)
    key = "videos/강의 1+1%.mp4"
    assert cli("queue", "send", "analysis", "--s3", f"my-bucket/{key}", "--apply").code == 0
    [message] = stores.sqs_quick.receive(spec.name, wait_s=1)
    [record] = json.loads(message.body)["Records"]
    assert (record["eventSource"], record["eventName"]) == ("aws:s3", "ObjectCreated:Put")
    assert record["s3"]["object"]["key"] == "videos/%EA%B0%95%EC%9D%98+1%2B1%25.mp4"
    assert unquote_plus(record["s3"]["object"]["key"]) == key
    [upload] = parse_uploads(message.body).uploads
    assert (upload.bucket, upload.key) == ("my-bucket", key)


@pytest.mark.parametrize(
    "given", [{}, {"body": "a", "s3": "b/c"}, {"s3": "bucket"}, {"s3": "/key"}, {"file": "none"}, {"file": "latin"}]
)
def test_a_message_is_one_of_three_and_can_be_read(given: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b'{"a": "\xe9"}')
    file = str(tmp_path / given["file"]) if "file" in given else ""
    with pytest.raises(UsageError):
        body_of(Draft(given.get("body", ""), file, given.get("s3", ""), 0, ()))


def test_nothing_goes_to_a_dead_letter_queue_or_to_one_that_is_not_there(cli: Cli, made: Stores, prefix: str) -> None:
    refused = cli("queue", "send", f"{prefix}-video-dlq", "--body", ENCODE, "--apply")
    assert (refused.code, "send to video" in refused.err) == (2, True)
    missing = cli("queue", "send", "messaging", "--body", TEXT, "--apply")
    assert (missing.code, "queue create messaging" in missing.err) == (1, True)
    assert cli("queue", "send", "video", "--body", ENCODE, "--attribute", "x", "--apply").code == 2
    assert made.sqs_quick.attributes(f"{prefix}-video").visible == 0


def test_purge_says_how_many_and_throws_them_away_only_when_told(
    cli: Cli, made: Stores, state: State, prefix: str
) -> None:
    queue = f"{prefix}-video"
    for delay_s in (0, 0, 900):
        made.sqs_quick.send(queue, ENCODE, delay_s=delay_s)
    assert made.sqs_quick.receive(queue, max_messages=1, visibility_s=60)
    before = state()
    dry = cli("queue", "purge", "video", "-o", "json")
    assert (dry.code, state()) == (0, before)
    assert dry.json["changes"][0]["change"].endswith("(1 waiting, 1 in flight, 1 delayed)")
    cli.set(ACADEMYCTL_PRODUCTION="true")
    assert (cli("queue", "purge", "video", "--apply").code, state()) == (2, before)
    assert cli("--yes", "queue", "purge", "video", "--apply").code == 0
    left = made.sqs_quick.attributes(queue)
    assert (left.visible, left.in_flight, left.delayed) == (0, 0, 0)
    again = cli("queue", "purge", "video", "--apply")
    assert (again.code, "is empty; there is nothing to do" in again.out) == (0, True)


def test_dead_letters_are_purged_only_when_they_are_meant(cli: Cli, made: Stores, prefix: str) -> None:
    dlq = f"{prefix}-video-dlq"
    made.sqs_quick.send(dlq, ENCODE)
    refused = cli("queue", "purge", dlq, "--apply")
    assert (refused.code, "queue peek video --dlq" in refused.err) == (2, True)
    assert "is empty" in cli("queue", "purge", "video", "--apply").out
    assert made.sqs_quick.attributes(dlq).visible == 1
    assert cli("queue", "purge", "video", "--dlq", "--apply").code == 0
    assert made.sqs_quick.attributes(dlq).visible == 0
    assert cli("queue", "purge", "messaging").code == 1


def test_no_more_is_thrown_away_than_was_shown(made: Stores, prefix: str) -> None:
    queue = f"{prefix}-video"
    made.sqs_quick.send(queue, ENCODE)
    shown = Purge(queue, (1, 0, 0))
    made.sqs_quick.send(queue, ENCODE)
    with pytest.raises(Changed, match="holds 2 messages, it held 1"):
        shown.do(made)
    assert made.sqs_quick.attributes(queue).visible == 2


def test_a_body_without_ids_is_no_riddle() -> None:
    assert [about(body) for body in ("[]", "no", '{"a": 1}')] == ["a message without ids"] * 3
    assert about('{"job_id": "j", "job_type": "ocr", "to": "01012345678"}') == "job_type=ocr job_id=j"
