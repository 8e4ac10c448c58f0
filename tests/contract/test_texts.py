"""Messages of the messaging queue are read as contract 6 says and written as the API writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract.texts import MAX_KEY, MAX_TEXT, Text, delivery_key, parse_text, text_body
from academyctl.errors import BadMessage

DATA = json.loads((Path(__file__).parent / "data" / "texts.json").read_text(encoding="utf-8"))
SAMPLES: dict[str, dict[str, Any]] = DATA["samples"]
SECRETS = ("01077351902", "비밀번호1234", "0212345678")
GOOD = {"tenant_id": 1, "to": SECRETS[0], "text": SECRETS[1], "sender": SECRETS[2]}
LONE = "\ud800"


def read(name: str) -> Text:
    return parse_text(json.dumps(SAMPLES[name]))


def test_a_plain_text_is_read() -> None:
    at = datetime(2026, 11, 21, 0, 41, 44, 736938, tzinfo=UTC)
    assert read("messaging_sms") == Text(tenant_id=1, to="01012345678", text="안녕하세요", created_at=at)


def test_an_alimtalk_has_its_template_and_its_variables() -> None:
    both = read("messaging_both")
    template = "KA01TP000000000000000000000001"
    assert (both.mode, both.template_id, both.replacements, both.reservation_id) == (
        "both", template, (("student_name_2", "홍길"),), 7,
    )  # fmt: skip
    alone = read("messaging_alimtalk")
    assert (alone.mode, alone.text) == ("alimtalk", "fallback text (mandatory although unused)")
    assert dict(alone.replacements) == {
        "student_name_2": "홍길", "student_name_3": "홍길동", "site_link": "https://academy.example",
    }  # fmt: skip


def test_a_message_of_later_generations_has_a_business_key_and_fields_that_are_ignored() -> None:
    later = read("messaging_2026_08")
    assert (later.business_key, later.mode, later.replacements) == ("sha256 hex", "alimtalk", ())


@pytest.mark.parametrize(
    ("fields", "mode"),
    [
        ({}, "sms"),
        ({"use_alimtalk_first": True}, "both"),
        ({"use_alimtalk_first": False}, "sms"),
        ({"message_mode": None, "use_alimtalk_first": True}, "both"),
        ({"message_mode": "sms", "use_alimtalk_first": True}, "sms"),
        ({"message_mode": "alimtalk"}, "alimtalk"),
        ({"message_mode": " Both "}, "both"),
        ({"message_mode": "lms"}, "sms"),
        ({"message_mode": 7}, "sms"),
        ({"message_mode": ["both"]}, "sms"),
    ],
)
def test_the_mode_is_what_is_said_else_the_old_flag_else_sms(fields: dict[str, Any], mode: str) -> None:
    """contract 6.3."""
    assert parse_text(json.dumps({**GOOD, **fields})).mode == mode


def test_the_old_flag_of_the_sample_means_both() -> None:
    assert read("messaging_legacy_flag").mode == "both"


@pytest.mark.parametrize("body", DATA["malformed"])
def test_what_the_old_worker_deleted_unread_is_refused_by_name(body: object) -> None:
    with pytest.raises(BadMessage):
        parse_text(body if isinstance(body, str) else json.dumps(body))


BROKEN: tuple[dict[str, Any], ...] = (
    {"to": None}, {"to": ""}, {"to": 1077351902}, {"to": "0" * 41}, {"to": ["01077351902"]},
    {"to": f"01077351902{LONE}"}, {"to": "010\x007735"},
    {"text": None}, {"text": ""}, {"text": 5}, {"text": "가" * (MAX_TEXT + 1)},
    {"text": f"비밀번호1234{LONE}"}, {"text": "비밀번호1234\x00"},
    {"tenant_id": None}, {"tenant_id": ""}, {"tenant_id": "one"}, {"tenant_id": 0}, {"tenant_id": -1},
    {"tenant_id": 1.5}, {"tenant_id": True}, {"tenant_id": 2**63}, {"tenant_id": "9" * 5000},
    {"tenant_id": [1]}, {"tenant_id": "１"},
    {"sender": 2}, {"template_id": {}}, {"business_idempotency_key": 5}, {"business_idempotency_key": "k" * 501},
    {"alimtalk_replacements": "비밀번호1234"}, {"alimtalk_replacements": {"key": "a"}},
    {"alimtalk_replacements": ["비밀번호1234"]}, {"alimtalk_replacements": [{"value": "비밀번호1234"}]},
    {"alimtalk_replacements": [{"key": "", "value": "x"}]}, {"alimtalk_replacements": [{"key": 5}]},
    {"alimtalk_replacements": [{"key": "a", "value": f"비밀번호1234{LONE}"}]},
    {"alimtalk_replacements": [{"key": f"a{LONE}", "value": "b"}]},
    {"alimtalk_replacements": [{"key": "a" * 101, "value": "b"}]},
    {"alimtalk_replacements": [{"key": "a", "value": "b"}] * 101},
)  # fmt: skip
NO_OBJECTS = ("", "null", "[]", '"text"', "{", '{"to": "01077351902"', "[" * 100_000)


@pytest.mark.parametrize(
    "body", [*NO_OBJECTS, *(json.dumps({**GOOD, **broken}) for broken in BROKEN)], ids=lambda body: body[-60:]
)
def test_a_malformed_message_is_told_without_any_part_of_it(body: str) -> None:
    with pytest.raises(BadMessage) as told:
        parse_text(body)
    words = f"{told.value} {told.value.why} {told.value.remedy}"
    assert not [secret for secret in (*SECRETS, "7735", "비밀") if secret in words]


@pytest.mark.parametrize(
    ("value", "read"),
    [("홍길", "홍길"), (3, "3"), (2.5, "2.5"), (None, ""), ("", "")],
)
def test_a_value_is_text_whatever_it_was(value: object, read: str) -> None:
    body = json.dumps({**GOOD, "alimtalk_replacements": [{"key": "#{n}", "value": value}]})
    assert parse_text(body).replacements == (("n", read),)


@pytest.mark.parametrize("made", ["now", 1e400, -1e18, True, [], "9999-12-31T23:59:59-23:59"])
def test_a_bad_time_does_not_cost_the_text(made: object) -> None:
    assert parse_text(json.dumps({**GOOD, "created_at": made})).tenant_id == 1


def test_a_text_does_not_show_itself() -> None:
    text = parse_text(json.dumps({**GOOD, "message_mode": "both"}))
    assert (repr(text), str(text)) == ("Text(tenant_id=1, mode=both)",) * 2


def test_what_we_send_is_what_the_api_sends_to_the_byte() -> None:
    sample = SAMPLES["messaging_sms"]
    sent = text_body(
        tenant_id=1, to="010-1234-5678", text="안녕하세요", now=datetime.fromisoformat(sample["created_at"])
    )
    assert sent == json.dumps(sample)


def test_what_we_send_is_read_back() -> None:
    body = text_body(
        tenant_id=3, to="01077351902", text="안녕\n하세요 🎉", mode="both", sender="0212345678", template_id="T",
        replacements=(("name", "길동"),), business_key="k", now=datetime(2026, 1, 2, tzinfo=UTC),
    )  # fmt: skip
    assert parse_text(body) == Text(
        3, "01077351902", "안녕\n하세요 🎉", "both", "0212345678", "T", (("name", "길동"),), None,
        datetime(2026, 1, 2, tzinfo=UTC), "k",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("business", "first", "key"),
    [
        ("", "3f0c", "sqs:3f0c"),
        ("abc", "3f0c", "biz:abc"),
        ("a b", "3f0c", "biz:a b"),
        ("k" * 96, "", f"biz:{'k' * 96}"),
        ("", "i" * 200, f"sqs:{'i' * 96}"),
    ],
)
def test_a_text_is_known_by_its_business_key_else_by_its_first_message(business: str, first: str, key: str) -> None:
    assert delivery_key(business, first) == key


@pytest.mark.parametrize("odd", ["k" * 97, "학원", "a\nb", "k" * 500])
def test_an_odd_business_key_stands_for_itself_by_its_hash(odd: str) -> None:
    key = delivery_key(odd, "first")
    assert key.startswith("biz:sha256:")
    assert (len(key) <= MAX_KEY, key == delivery_key(odd, "second"), key == delivery_key(odd + "x", "")) == (
        True, True, False,
    )  # fmt: skip
