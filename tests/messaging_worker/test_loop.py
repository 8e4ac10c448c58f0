"""The worker as it is run: the real loop, queue, database, Redis and Solapi."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from academyctl.cli.worker import _wait_s
from academyctl.contract import keys
from academyctl.settings import load
from academyctl.stores.sqs import Message
from tests.messaging_worker.crew import TEXT, work
from tests.texting_platform import OPENING, PHONE, Texting

MALFORMED: list[Any] = json.loads(
    (Path(__file__).parents[1] / "contract" / "data" / "texts.json").read_text(encoding="utf-8")
)["malformed"]
HOSTILE: list[Any] = [
    *MALFORMED,
    [PHONE],
    {"tenant_id": "x", "to": PHONE, "text": PHONE},
    {"tenant_id": 1, "to": {"phone": PHONE}, "text": "x"},
    {"tenant_id": 1, "to": PHONE, "text": "x", "alimtalk_replacements": [{"key": PHONE}, PHONE]},
    {"tenant_id": 1, "to": PHONE + "\x00", "text": "x"},
    {"tenant_id": True, "to": PHONE, "text": "x"},
]


def test_a_text_goes_out_is_billed_and_logged_and_its_message_deleted(texting: Texting, tmp_path: Path) -> None:
    academy = texting.academy()
    texting.text(academy)
    log = work(texting, tmp_path)
    [sent] = texting.inbox()
    assert (sent["type"], sent["text"], sent["to"]) == ("SMS", TEXT, PHONE)
    assert texting.balance(academy) == OPENING - 9
    [row] = texting.log_rows()
    assert (row["success"], str(row["amount_deducted"]), row["recipient_summary"]) == (True, "8.50", "0107****")
    assert texting.left() == 0
    for line in (
        rf"\[MESSAGING-WORKER\] Messaging Worker started \| queue={texting.queue} \| wait_time=1s",
        rf"SQS_MESSAGE_RECEIVED \| request_id=\w{{8}} \| tenant_id={academy} \|",
        rf"MESSAGE_SENT \| key=sqs:\S+ \| tenant_id={academy} \| kind=SMS \| group={sent['group_id']}",
        "SQS_JOB_COMPLETED .* result=ok",
        "Messaging Worker shutdown complete",
    ):
        assert re.search(line, log), line
    assert PHONE not in log


def test_one_malformed_message_of_twenty_is_a_letter_and_nineteen_texts_go_out(
    texting: Texting, tmp_path: Path
) -> None:
    academy = texting.academy()
    for number in range(10):
        texting.text(academy, text=f"{number}")
    texting.sqs.send(texting.queue, json.dumps({"tenant_id": academy, "to": PHONE}))
    for number in range(10, 19):
        texting.text(academy, text=f"{number}")
    work(texting, tmp_path, messages=20)
    assert len(texting.inbox()) == 19
    assert texting.left() == 0
    assert [letter.attributes["academyctl.reason"] for letter in texting.letters()] == [
        "Invalid message format: text required"
    ]


def test_ten_wrong_numbers_in_a_row_do_not_end_the_worker(texting: Texting, tmp_path: Path) -> None:
    academy = texting.academy()
    for number in range(10):
        texting.text(academy, to=f"0101{number}")
    texting.text(academy)
    work(texting, tmp_path, messages=11)
    assert len(texting.inbox()) == 1
    assert sorted(texting.states()) == ["FAILED"] * 10 + ["SENT"]
    assert texting.balance(academy) == OPENING - 9
    assert texting.left() == 0


def test_what_cannot_be_read_goes_to_the_dead_letters_and_no_log_shows_a_phone_number(
    texting: Texting, tmp_path: Path
) -> None:
    for body in HOSTILE:
        texting.sqs.send(texting.queue, body if isinstance(body, str) else json.dumps(body))
    log = work(texting, tmp_path, messages=len(HOSTILE))
    letters: list[Message] = []
    while len(letters) < len(HOSTILE):
        found = texting.letters()
        assert found, f"only {len(letters)} letters"
        letters += found
    assert all(letter.attributes["academyctl.reason"] for letter in letters)
    told = log + json.dumps([letter.attributes["academyctl.reason"] for letter in letters])
    assert PHONE[3:] not in told
    assert not re.search(r"(?<![\w-])\d{9,}(?![\w-])", re.sub(r"queue=\S+|worker=\S+", "", told))
    assert texting.rows() == []


def test_a_text_behind_a_legacy_workers_lock_is_given_back_not_deleted(texting: Texting, tmp_path: Path) -> None:
    academy = texting.academy()
    message_id = texting.text(academy)
    texting.stores.redis.set(keys.messaging_lock(message_id), "1", ttl_s=1800)
    work(texting, tmp_path)
    assert texting.inbox() == []
    assert texting.left() == 1


def test_the_platforms_own_setting_of_the_wait_is_kept() -> None:
    settings = load({"MESSAGING_SQS_WAIT_SECONDS": "3"}).settings
    assert (_wait_s(settings, "messaging"), _wait_s(settings, "video")) == (3, 20)
    assert _wait_s(load({"ACADEMYCTL_WAIT_SECONDS": "5"}).settings, "messaging") == 5
