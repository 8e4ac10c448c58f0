"""`message send`: queue messages as the API makes them, one for each phone, and one however often it is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from academyctl.contract.texts import delivery_key
from academyctl.messaging.model import New
from academyctl.stores import Stores, deliveries
from tests.job_commands.conftest import audit
from tests.messaging.conftest import Academy, Queue
from tests.messaging.drafting import TO
from tests.video_commands.conftest import Cli, Ran

OTHER = "01011112222"


def send(cli: Cli, *words: object, text: str = "안녕") -> Ran:
    return cli("message", "send", "--tenant", "hanbit", "--to", TO, "--text", text, *words)


def test_a_dry_run_shows_the_text_and_the_message_and_sends_nothing(
    cli: Cli, academy: Academy, queue: Queue, tmp_path: Path
) -> None:
    academy()
    ran = send(cli)
    assert (ran.code, queue.bodies(), audit(tmp_path)) == (0, [], "")
    assert re.search(
        r"would  queue a text to 0107\*\*\*\* for hanbit in written\S+, key biz:cli-[0-9a-f]{40}\n", ran.out
    )
    assert re.search(r"nothing was sent; to do it: --key [0-9a-f]{16} --apply\n$", ran.out)
    assert TO not in ran.out + ran.err


def test_it_sends_what_the_api_would_send(cli: Cli, academy: Academy, queue: Queue, tmp_path: Path) -> None:
    tenant_id = academy(kakao_pfid="PF")
    words = (
        "--mode",
        "both",
        "--template",
        "T1",
        "--var",
        "name=길동",
        "--sender",
        "02-9999-8888",
        "--apply",
        "-o",
        "json",
    )
    ran = send(cli, *words, text="#{name}님 🎉")
    [sent] = queue.texts()
    assert (sent.tenant_id, sent.to, sent.text, sent.mode) == (tenant_id, TO, "길동님 🎉", "both")
    assert (sent.template_id, sent.replacements, sent.sender) == ("T1", (("name", "길동"),), "02-9999-8888")
    told = ran.json
    assert (ran.code, told["applied"], [one["done"] for one in told["changes"]]) == (0, True, [True])
    key = delivery_key(sent.business_key, "")
    assert key == told["messages"][0]["key"] == told["solapi"]["messages"][0]["customFields"]["academyctlKey"]
    assert key in audit(tmp_path)
    assert TO not in ran.out + ran.err + audit(tmp_path)


def test_each_phone_gets_one_text_however_its_number_is_written(
    cli: Cli, academy: Academy, queue: Queue, tmp_path: Path
) -> None:
    academy()
    file = tmp_path / "numbers.txt"
    file.write_text(f"\ufeff# 학부모\n010-1111-2222 # 엄마\n\n{OTHER},\n+82 10 7735 1902\r\n", encoding="utf-8")
    ran = send(cli, "--to-file", file, "--apply", "-o", "json")
    sent = queue.texts()
    assert sorted(one.to for one in sent) == [OTHER, TO]
    assert len({one.business_key for one in sent}) == 2
    assert ran.json["notes"] == ["numbers given twice, left out: 2"]


def test_one_key_is_one_text_a_phone_and_no_key_is_another_text_each_time(
    cli: Cli, academy: Academy, queue: Queue
) -> None:
    academy()
    keys = [send(cli, *words, "-o", "json").json["messages"][0]["key"] for words in (("--key", "a"), ("--key", "a"))]
    other = [send(cli, *words, "-o", "json").json["messages"][0]["key"] for words in (("--key", "b"), (), ())]
    assert len(set(keys)) == 1
    assert len({*keys, *other}) == 4
    # The dry run says how to send exactly what it showed.
    shown = send(cli)
    again = re.search(r"--key (\S+) --apply", shown.out)
    assert again is not None
    send(cli, "--key", again[1], "--apply")
    [sent] = queue.texts()
    assert f"key biz:{sent.business_key}\n" in shown.out


def test_what_a_worker_knows_by_this_key_is_told(cli: Cli, academy: Academy, platform: Stores) -> None:
    tenant_id = academy()
    key = send(cli, "--key", "spring", "-o", "json").json["messages"][0]["key"]
    new = New(key, tenant_id, "m", "sms", "SMS", TO, "0212345678", 4, "", "", "", 850)
    with platform.db.tx() as cursor:
        deliveries.claim(cursor, [new], "token", 60)
    assert "note  known by this key already, and not sent again: 1 CLAIMED\n" in send(cli, "--key", "spring").out


@pytest.mark.parametrize(("words", "text"), [(("--to", "010"), "안녕"), ((), "뷁")])
def test_one_text_that_cannot_go_out_stops_all_also_with_apply(
    cli: Cli, academy: Academy, queue: Queue, words: tuple[str, ...], text: str
) -> None:
    academy()
    for apply in ((), ("--apply",)):
        ran = send(cli, *words, *apply, text=text)
        assert (ran.code, "FAIL  0" in ran.out, "nothing was sent: 1 of " in ran.out) == (1, True, True)
        told = send(cli, *words, *apply, "-o", "json", text=text).json
        assert (told["applied"], told["changes"]) == (False, [])
    assert queue.bodies() == []


def test_production_is_asked_before_anything_is_sent(cli: Cli, academy: Academy, queue: Queue) -> None:
    academy()
    cli.set(ACADEMYCTL_PRODUCTION="true")
    ran = send(cli, "--apply")
    assert (ran.code, queue.bodies()) == (2, [])
    assert TO not in ran.out + ran.err
    assert cli("--yes", "message", "send", "--tenant", "hanbit", "--to", TO, "--text", "a", "--apply").code == 0
    assert len(queue.bodies()) == 1


def test_a_queue_that_fails_names_the_key_to_go_on_with(cli: Cli, academy: Academy) -> None:
    academy()
    cli.set(MESSAGING_SQS_QUEUE_NAME="written-none")
    ran = send(cli, "--to", OTHER, "--key", "spring", "--apply", "-o", "json")
    told = ran.json
    assert (ran.code, told["applied"], [one["done"] for one in told["changes"]]) == (3, False, [False, False])
    assert "--key spring" in told["error"]["remedy"]
    assert send(cli, "--apply").code == 3


def test_of_many_texts_the_first_are_listed_and_the_rest_counted(cli: Cli, academy: Academy) -> None:
    academy()
    ran = send(cli, *(word for number in range(24) for word in ("--to", f"010773500{number:02}")))
    assert (ran.code, ran.out.count("would  "), "... 5 more (--output json)" in ran.out) == (0, 20, True)


def test_a_key_that_cannot_be_typed_again_is_refused(cli: Cli, academy: Academy) -> None:
    academy()
    assert send(cli, "--key", " a").code == 2
    assert send(cli, "--key", "k" * 101).code == 2
