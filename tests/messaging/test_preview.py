"""`message preview` shows what the worker would send, its price, and why it would not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from academyctl.contract.texts import text_body
from academyctl.messaging.quiet import KST
from tests.job_commands.conftest import typed
from tests.messaging.conftest import Academy
from tests.messaging.drafting import TO
from tests.video_commands.conftest import Cli

SENDER = "0212345678"


def test_a_text_is_shown_with_its_bytes_its_price_and_what_was_replaced(cli: Cli, academy: Academy) -> None:
    academy()
    ran = cli("message", "preview", "--tenant", "hanbit", "--to", TO, "--text", "축하 🎉 — 합격")
    assert ran.code == 0
    assert ran.out.splitlines()[1:] == [
        "to          0107****",
        "type        SMS, 11 of 90 bytes",
        "from        0212****",
        "text        축하 - 합격",
        "replaced    '🎉' U+1F389 -> removed, '—' U+2014 -> -",
        "price       8.50 won each, 9 won in all; the balance of 10,000 won pays for 1,176",
    ]


def test_the_json_has_the_very_request_that_solapi_gets(cli: Cli, academy: Academy) -> None:
    tenant_id = academy(kakao_pfid="KA01PF")
    said = "첫 줄\n" + "가" * 50 + " #{name}"
    words = ("--mode", "both", "--template", "KA01TP", "--var", "name=길동", "--reveal", "-o", "json")
    told = cli("message", "preview", "--tenant", tenant_id, "--to", "010-7735-1902", "--text", said, *words).json
    [message] = told["messages"]
    filled = said.replace("#{name}", "길동")
    assert (message["type"], message["fallback"]["type"], message["fallback"]["subject"]) == ("ATA", "LMS", "첫 줄")
    assert (message["fallback"]["bytes"], message["fallback"]["limit"]) == (len(filled.encode("euc_kr")), 2000)
    [first], [fallback] = told["solapi"]["messages"], told["solapi_fallback"]["messages"]
    assert first == {
        "to": TO, "from": SENDER, "country": "82", "type": "ATA", "autoTypeDetect": False,
        "kakaoOptions": {
            "pfId": "KA01PF", "templateId": "KA01TP", "variables": {"#{name}": "길동"}, "disableSms": False,
        },
        "customFields": {"academyctlKey": "(key)", "academyctlStage": "first"},
    }  # fmt: skip
    assert (fallback["type"], fallback["text"], fallback["subject"]) == ("LMS", filled, "첫 줄")
    assert told["solapi"]["allowDuplicates"] is True
    assert told["price"] == {"each": "8.50", "won": 9, "affordable": 1176}


def test_numbers_are_hidden_unless_they_are_asked_for(cli: Cli, academy: Academy) -> None:
    academy(messaging_sender="050512345678")
    for fmt in ("json", "table"):
        words = (
            "message",
            "preview",
            "--tenant",
            "hanbit",
            "--to",
            "0507-7735-1902",
            "--text",
            f"문의 {TO}",
            "-o",
            fmt,
        )
        hidden = cli(*words)
        assert "7351902" not in hidden.out + hidden.err
        assert "12345678" not in hidden.out + hidden.err
        assert "050777351902" in cli(*words, "--reveal").out


def test_a_message_of_the_queue_is_shown_as_the_worker_would_read_it(
    cli: Cli, academy: Academy, tmp_path: Path
) -> None:
    body = tmp_path / "body.json"
    body.write_text(text_body(tenant_id=academy(), to=TO, text="안녕", business_key="order-7"), encoding="utf-8")
    told = cli("message", "preview", "--body", body, "-o", "json").json
    assert [(one["key"], one["type"], one["bytes"]) for one in told["messages"]] == [("biz:order-7", "SMS", 4)]
    assert told["solapi"]["messages"][0]["customFields"]["academyctlKey"] == "biz:order-7"


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ('{"tenant_id": 1}', "bad-message", "to and text required"),
        ("not json", "bad-message", "Invalid JSON"),
        ('{"tenant_id": 1, "to": "01077351902", "text": 5}', "bad-message", "text is no text"),
    ],
)
def test_a_malformed_body_is_refused_as_the_worker_does_and_not_shown(
    cli: Cli, tmp_path: Path, body: str, code: str, said: str
) -> None:
    file = tmp_path / "body.json"
    file.write_text(body, encoding="utf-8")
    ran = cli("message", "preview", "--body", file, "-o", "json")
    assert (ran.code, ran.json["error"]["code"]) == (1, code)
    assert said in ran.json["error"]["what"]
    assert "JSON" in ran.json["error"]["remedy"]
    assert TO not in ran.out + ran.err


@pytest.mark.parametrize(
    ("columns", "words", "reason", "remedy"),
    [
        ({"messaging_is_active": False}, (), "messaging_inactive", "MESSAGING_REQUIRE_ACTIVE=false"),
        ({"messaging_sender": "x"}, (), "sender_missing", "core_tenant.messaging_sender"),
        ({}, ("--to", "010"), "invalid_recipient", "010"),
        ({}, ("--text", "뷁"), "text_not_encodable", "another way"),
        ({}, ("--text", "🎉"), "text_empty", "emoji"),
        ({}, ("--text", "가" * 1001), "text_too_long", "shorter"),
        ({}, ("--mode", "alimtalk"), "alimtalk_requires_pf_id_and_template_id", "--template"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_what_cannot_go_out_exits_1_with_reason_and_remedy(
    cli: Cli, academy: Academy, columns: dict[str, object], words: tuple[str, ...], reason: str, remedy: str, lang: str
) -> None:
    academy(**columns)
    said = ("--text", "안녕") if "--text" not in words else ()
    to = ("--to", TO) if "--to" not in words else ()
    ran = cli("--lang", lang, "message", "preview", "--tenant", "hanbit", *said, *to, *words, "-o", "json")
    [message] = ran.json["messages"]
    assert (ran.code, message["refused"]["reason"], ran.json["solapi"]) == (1, reason, None)
    assert lang == "ko" or remedy in message["refused"]["remedy"]
    table = cli("--lang", lang, "message", "preview", "--tenant", "hanbit", *said, *to, *words)
    assert f"({reason}: " in table.out
    assert message["refused"]["remedy"] in table.out
    assert lang == "en" or message["refused"]["remedy"].encode("cp949")


def test_an_academy_that_is_not_there_is_told_of_a_body_and_is_a_usage_error_of_a_word(
    cli: Cli, tmp_path: Path
) -> None:
    body = tmp_path / "body.json"
    body.write_text(text_body(tenant_id=77, to=TO, text="안녕"), encoding="utf-8")
    ran = cli("message", "preview", "--body", body)
    assert (ran.code, "tenant_not_found" in ran.out) == (1, True)
    assert cli("message", "preview", "--tenant", "nobody", "--to", TO, "--text", "a").code == 2


def test_remarks_tell_of_quiet_hours_credit_pretending_and_variables(cli: Cli, academy: Academy) -> None:
    academy(credit_balance=10)
    now = datetime.now(UTC).astimezone(KST)
    around = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M}"
    cli.set(MESSAGING_QUIET_HOURS=f"*={around},other=off")
    words = ("message", "preview", "--tenant", "hanbit", "--to", TO, "--to", "010-1111-2222", "--to", "+821077351902")
    told = cli(*words, "--text", "#{name} #{name} 안녕", "-o", "json").json
    assert told["quiet"]["hours"] == around
    assert 7000 < told["quiet"]["wait_s"] <= 7260
    assert [note.split(":")[0].split(" (")[0] for note in told["notes"]] == [
        "numbers given twice, left out", "quiet hours now", "the balance pays for 1 of 2", "not filled in",
    ]  # fmt: skip
    cli.set(SOLAPI_MOCK="true")
    pretended = cli(*words, "--text", "안녕", "-o", "json").json
    assert (pretended["mock"], pretended["price"]["won"]) == (True, 0)
    assert "SOLAPI_MOCK" in pretended["notes"][0]


def test_a_text_may_come_from_a_file_of_windows_or_from_stdin(cli: Cli, academy: Academy, tmp_path: Path) -> None:
    academy()
    file = tmp_path / "text.txt"
    words = ("message", "preview", "--tenant", "hanbit", "--to", TO, "-o", "json")
    for raw in ("안녕\r\n하세요\r\n".encode("cp949"), "\ufeff안녕\n하세요".encode()):
        file.write_bytes(raw)
        assert cli(*words, "--text-file", file).json["messages"][0]["text"] == "안녕\n하세요"
    for piped in ("\ufeff안녕\n", "안녕\r\n".encode("cp949")):
        with typed(piped):
            assert cli(*words, "--stdin").json["messages"][0]["text"] == "안녕"
    file.write_bytes(b"\r\n")
    for wrong, said in (("--text-file", "text.txt has no text"), ("--stdin", "stdin is no text")):
        with typed(b"\x81\xff"):
            ran = cli(*words, wrong, *([file] if wrong == "--text-file" else []))
        assert (ran.code, said in ran.json["error"]["what"], bool(ran.json["error"]["remedy"])) == (2, True, True)


@pytest.mark.parametrize(
    "words",
    [
        ("--to", TO),
        ("--text", "a"),
        ("--text", "a", "--to", ""),
        ("--to", TO, "--text", "a", "--stdin"),
        ("--to", TO, "--text-file", "none.txt"),
        ("--to-file", "none.txt", "--text", "a"),
        ("--to", TO, "--text", "a", "--var", "name"),
        ("--to", TO, "--text", "a", "--var", "=x"),
        ("--to", TO, "--text", "a", "--mode", "lms"),
        ("--to", TO, "--text", "a", "--body", "x.json"),
        ("--body", "x.json", "--mode", "both"),
    ],
)
def test_words_that_do_not_go_together_are_a_usage_error(cli: Cli, academy: Academy, words: tuple[str, ...]) -> None:
    academy()
    tenant = ("--tenant", "hanbit") if "--mode" not in words or "--body" not in words else ()
    assert cli("message", "preview", *tenant, *words).code == 2


@pytest.mark.parametrize(
    "words", [("--text", "가" * 20_001), ("--text", "a", "--var", f"{'n' * 101}=x"), ("--text", "a", "--to", "0" * 41)]
)
def test_what_no_worker_could_read_is_refused_here(cli: Cli, academy: Academy, words: tuple[str, ...]) -> None:
    academy()
    ran = cli("message", "preview", "--tenant", "hanbit", "--to", TO, "--mode", "alimtalk", *words, "-o", "json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "bad-message")
    assert "shorten" in ran.json["error"]["remedy"]


def test_a_bad_setting_of_quiet_hours_is_told_before_anything_else_goes_wrong(cli: Cli, academy: Academy) -> None:
    academy()
    cli.set(MESSAGING_QUIET_HOURS="21-8")
    ran = cli("message", "preview", "--tenant", "hanbit", "--to", TO, "--text", "a", "-o", "json")
    assert (ran.code, ran.json["error"]["code"]) == (2, "config")
    assert json.dumps(ran.json).count("MESSAGING_QUIET_HOURS") >= 2
