"""`message list` and `message show`: what an operator sees of texts, in both languages, and never a whole number."""

from __future__ import annotations

import pytest

from academyctl.contract import marks
from academyctl.messaging.model import State
from tests.message_commands.conftest import Desk, golden
from tests.texting_platform import PHONE
from tests.video_commands.conftest import Cli

LANGS = ("en", "ko")


def some(desk: Desk) -> None:
    """One of each, the newest last."""
    desk.text("biz:attendance:1", State.SENT)
    desk.text("biz:attendance:2", State.UNKNOWN)
    desk.text("biz:attendance:3", State.SENDING)
    desk.refused("biz:attendance:4", "insufficient_balance: credit 0, needs 9")


@pytest.mark.parametrize("lang", LANGS)
def test_the_list_shows_the_newest_first_and_counts_every_state(desk: Desk, cli: Cli, lang: str) -> None:
    some(desk)
    ran = cli("--lang", lang, "message", "list", "--since", "24h")
    assert (ran.code, ran.err) == (0, "")
    golden(f"list.{lang}", ran.out)


def test_the_list_can_be_narrowed_and_counts_what_was_asked_for(desk: Desk, cli: Cli) -> None:
    some(desk)
    other = desk.texting.academy(code="byeol")
    told = cli("message", "list", "--state", "open", "--output", "json").json
    assert [(one["key"], one["leased"]) for one in told["texts"]] == [("biz:attendance:3", True)]
    assert told["counts"] == {"SENT": 1, "UNKNOWN": 1, "SENDING": 1, "FAILED": 1}
    assert cli("message", "list", "--tenant", "byeol", "--output", "json").json["counts"] == {}
    assert "no such text" in cli("message", "list", "--tenant", str(other)).out
    [failed] = cli("message", "list", "--state", "FAILED", "--output", "json").json["texts"]
    assert failed["reason"].startswith("insufficient_balance")
    assert failed["to"] == PHONE[:4] + "****"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--state", "lost"), "is no state"),
        (("--since", "soon"), "no length of time"),
        (("--tenant", "x"), "no academy"),
    ],
)
def test_words_that_mean_nothing_are_told(cli: Cli, words: tuple[str, ...], told: str) -> None:
    ran = cli("message", "list", *words)
    assert ran.code == 2
    assert told in ran.err


def test_without_our_tables_every_command_says_how_to_make_them(desk: Desk, cli: Cli) -> None:
    del desk
    cli.set(DB_NAME="postgres")
    for words in (("list",), ("show", "x"), ("redrive",), ("resolve", "x", "--check")):
        ran = cli("message", *words)
        assert (ran.code, "academyctl db migrate --apply" in ran.err) == (2, True), words


@pytest.mark.parametrize("lang", LANGS)
def test_a_text_that_nobody_knows_of_is_shown_with_all_that_is_there(desk: Desk, cli: Cli, lang: str) -> None:
    desk.text("biz:attendance:2", State.UNKNOWN)
    desk.letter("unknown: whether it was sent", business_key="attendance:2")
    desk.accepted("biz:attendance:2")
    ran = cli("--lang", lang, "message", "show", "attendance:2")
    assert (ran.code, ran.err) == (0, "")
    golden(f"show-unknown.{lang}", ran.out)
    assert PHONE not in ran.out


def test_solapi_that_cannot_be_asked_is_told_and_not_fatal(desk: Desk, cli: Cli) -> None:
    desk.text("biz:attendance:2", State.UNKNOWN)
    cli.set(SOLAPI_BASE_URL="http://127.0.0.1:9")
    ran = cli("message", "show", "biz:attendance:2")
    assert (ran.code, "cannot ask: " in ran.out) == (3, True)
    assert "message resolve biz:attendance:2 --check" in ran.out
    told = cli("message", "show", "biz:attendance:2", "--output", "json").json
    assert (told["solapi"], list(told["unknown"])) == (None, ["solapi"]), told["unknown"]
    assert cli("message", "show", "biz:attendance:2", "--no-check").code == 0


def test_a_text_is_found_by_its_key_its_ids_or_how_they_begin(desk: Desk, cli: Cli) -> None:
    for key in ("biz:welcome:10", "biz:welcome:1", "sqs:0b8f6c1e-7b0c"):
        desk.text(key, State.SENT)
    for word, key in {
        "welcome:1": "biz:welcome:1", "biz:welcome:10": "biz:welcome:10", "0b8f6c1e-7b0c": "sqs:0b8f6c1e-7b0c",
        "0b8f": "sqs:0b8f6c1e-7b0c", "sqs:0": "sqs:0b8f6c1e-7b0c",
    }.items():  # fmt: skip
        assert cli("message", "show", word, "--no-check", "--output", "json").json["key"] == key, word
    several = cli("message", "show", "welc")
    assert (several.code, "biz:welcome:1, biz:welcome:10" in several.err) == (2, True)
    assert "there is no text" in cli("message", "show", "%").err
    assert cli("message", "resolve", "", "--sent").code == cli("message", "show", " ").code == 2


def test_an_academy_that_two_are_called_is_told_with_a_word_for_each(desk: Desk, cli: Cli) -> None:
    other = desk.texting.academy(code=str(desk.tenant_id))
    ran = cli("message", "list", "--tenant", desk.tenant_id, "--output", "json")
    assert (ran.code, ran.json["error"]["remedy"]) in [
        (2, f"give one of: {one}") for one in (f"hanbit | {other}", f"{other} | hanbit")
    ]


def test_a_time_before_all_time_is_a_wrong_word(desk: Desk, cli: Cli) -> None:
    ran = cli("message", "list", "--since", "999999d", "--output", "json")
    assert (ran.code, ran.json["error"]["code"]) == (2, "usage")


def test_a_letter_is_known_by_its_first_id(desk: Desk, cli: Cli) -> None:
    desk.text("sqs:first-of-all", State.CLAIMED)
    body = '{"tenant_id": 1, "to": "01077351902", "text": "x"}'
    desk.texting.sqs.send(desk.texting.dlq, body, attributes={marks.FIRST_ID: "first-of-all", marks.REASON: "attempts"})
    told = cli("message", "show", "first-of", "--no-check", "--output", "json").json
    assert told["letter"]["reason"] == "attempts"
    assert [one["what"] for one in told["ledger"]] == ["charge"]
