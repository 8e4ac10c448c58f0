"""The sender and the fake over real HTTP: what goes out, and what becomes of each text."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from solapi import SolapiMessageService
from solapi.error.MessageNotReceiveError import MessageNotReceivedError
from solapi.model import RequestMessage
from solapi.model.request.messages.get_messages import GetMessagesRequest

from academyctl.errors import NotReadOnly, SolapiAway
from academyctl.local.solapi import Account, Refusal, read_inbox
from academyctl.local.solapi_http import state
from academyctl.local.solapi_rules import Template
from academyctl.stores import Stores
from academyctl.stores.readonly import ReadOnlyStores
from academyctl.stores.solapi_sending import Sender, SolapiRefused, SolapiUnsure, payload
from tests.solapi.conftest import FROM, KEY, PHONE, SECRET, TEXT, item, settings

ATA = {
    "kind": "ATA", "text": "", "pf_id": "PF", "template_id": "T", "variables": (("#{name}", "민준"), ("#{when}", "")),
}  # fmt: skip


def test_the_body_is_what_the_plan_says_and_the_subject_is_an_lmss_only() -> None:
    body = payload([item("a", subject="제목"), item("b", kind="LMS", subject="제목"), item("c", **ATA)])
    assert (body["allowDuplicates"], body["showMessageList"]) == (True, True)
    common = {"to": PHONE, "from": FROM, "country": "82", "autoTypeDetect": False}
    fields = [{"customFields": {"academyctlKey": key, "academyctlStage": "first"}} for key in "abc"]
    kakao = {"pfId": "PF", "templateId": "T", "variables": {"#{name}": "민준", "#{when}": ""}, "disableSms": True}
    assert body["messages"] == [
        {**common, **fields[0], "type": "SMS", "text": TEXT},
        {**common, **fields[1], "type": "LMS", "text": TEXT, "subject": "제목"},
        {**common, **fields[2], "type": "ATA", "kakaoOptions": kakao},
    ]


def test_two_texts_to_one_parent_are_two_texts(sender: Sender, account: Account) -> None:
    sent = sender.send([item("biz:1"), item("biz:2"), item("biz:3", kind="LMS", subject="제목")])
    kept = read_inbox(account.inbox)
    assert [one["customFields"]["academyctlKey"] for one in kept] == ["biz:1", "biz:2", "biz:3"]
    assert sent.accepted == {one["customFields"]["academyctlKey"]: one["message_id"] for one in kept}
    assert {one["group_id"] for one in kept} == {sent.group_id}
    assert (sent.refused, sent.unsure) == ({}, frozenset())
    assert [one["type"] for one in kept] == ["SMS", "SMS", "LMS"]
    assert [one["bytes"] for one in kept] == [len(TEXT.encode("euc-kr"))] * 3


def test_a_refused_text_is_named_with_its_code_and_the_others_go_out(sender: Sender, account: Account) -> None:
    account.templates = {"T": Template("PF", "#{name}")}
    account.blocked = {"01077778888": "1061"}
    bad = {
        "long": item("long", text="가" * 46), "sender": item("sender", sender="0299999999"), "ata": item("ata", **ATA),
        "blocked": item("blocked", to="01077778888"),
    }  # fmt: skip
    sent = sender.send([item("fine"), *bad.values()])
    assert set(sent.accepted) == {"fine"}
    assert {key: code for key, (code, _) in sent.refused.items()} == {
        "long": "1031", "sender": "1062", "ata": "1043", "blocked": "1061"
    }  # fmt: skip
    assert len(read_inbox(account.inbox)) == 1


def test_all_refused_is_an_answer_and_not_an_error(sender: Sender, account: Account) -> None:
    sent = sender.send([item("a", sender="0299999999"), item("b", sender="0299999999")])
    assert (sent.accepted, set(sent.refused), sent.unsure) == ({}, {"a", "b"}, frozenset())
    assert account.balance == 100_000


def test_a_thousand_texts_go_in_one_request(sender: Sender, account: Account) -> None:
    items = [item(f"sqs:{number}", to=f"010{number:08}") for number in range(1000)]
    assert len(sender.send(items).accepted) == 1000
    assert account.requests == {("POST /messages/v4/send-many/detail", "200"): 1}
    assert account.balance == 100_000 - 18 * 1000


def test_requests_of_many_threads_lose_nothing_and_bill_each_text_once(sender: Sender, account: Account) -> None:
    def send(number: int) -> int:
        return len(sender.send([item(f"{number}:{n}", to=f"0109{number:03}{n:04}") for n in range(20)]).accepted)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(24))) == 480
    kept = read_inbox(account.inbox)
    assert len({one["customFields"]["academyctlKey"] for one in kept}) == 480
    assert account.balance == 100_000 - 480 * 18


def test_a_connection_is_used_again(sender: Sender) -> None:
    before = {thread.ident for thread in threading.enumerate()}
    for number in range(5):
        sender.send([item(str(number))])
    # The fake has one thread a connection.
    assert len({thread.ident for thread in threading.enumerate()} - before) == 1


@pytest.mark.parametrize("keys", [[], ["twice", "twice"]])
def test_a_request_has_texts_with_different_keys(sender: Sender, keys: list[str]) -> None:
    with pytest.raises(ValueError, match="different keys"):
        sender.send([item(key) for key in keys])


def test_solapis_own_library_works_with_the_fake(url: str) -> None:
    service = SolapiMessageService(KEY, SECRET)
    service.base_url = url
    fine, bad = RequestMessage(from_=FROM, to=PHONE, text=TEXT), RequestMessage(from_="0299999999", to="01099998888")
    sent = service.send([fine, bad])
    assert (sent.group_info.count.registered_success, sent.failed_message_list[0].status_code) == (1, "1062")
    with pytest.raises(MessageNotReceivedError):
        service.send(bad)
    group = sent.group_info.group_id
    assert len(service.get_messages(GetMessagesRequest(to=PHONE)).message_list) == 1
    assert len(service.get_group_messages(group).message_list) == 2
    assert service.get_group(group).count.registered_failed == 1
    assert len(service.get_groups().group_list) == 2
    assert service.get_balance().balance == 100_000 - 18


@pytest.mark.parametrize(
    ("code", "status", "cause", "content"),
    [
        ("TooManyRequests", 429, "throttled", False),
        ("NotEnoughBalance", 402, "money", False),
        ("Forbidden", 403, "permission", False),
        ("Unauthorized", 401, "auth", False),
        ("ValidationError", 400, "refused", True),
        # About our signature and not about a text, whatever the status.
        ("InvalidSalt", 400, "auth", False),
        ("InvalidDate", 400, "clock", False),
        ("DuplicatedSignature", 400, "throttled", False),
    ],
)
def test_a_whole_refusal_says_that_nothing_was_sent_and_why(
    sender: Sender, account: Account, code: str, status: int, cause: str, content: bool
) -> None:
    account.script({"do": "refuse", "code": code, "retry_after": 7})
    with pytest.raises(SolapiRefused) as refused:
        sender.send([item("a")])
    told = refused.value
    assert (told.status, told.solapi_code, told.cause, told.about_content) == (status, code, cause, content)
    assert told.retry_after_s == 7
    assert told.remedy_in("ko")
    assert read_inbox(account.inbox) == []
    # It was this once.
    assert sender.send([item("a")]).accepted


def test_an_account_without_money_refuses_the_whole(sender: Sender, account: Account) -> None:
    account.balance = 17
    with pytest.raises(SolapiRefused) as refused:
        sender.send([item("a"), item("b")])
    assert refused.value.cause == "money"


@pytest.mark.parametrize(("minutes", "sign"), [(20, "-"), (-20, "+")])
def test_a_wrong_clock_is_told_with_how_wrong_it_is_and_then_solapis_time_is_signed(
    sender: Sender, account: Account, caplog: pytest.LogCaptureFixture, minutes: int, sign: str
) -> None:
    account.clock = lambda: datetime.now(UTC) + timedelta(minutes=minutes)
    with pytest.raises(SolapiRefused) as refused:
        sender.send([item("a")])
    assert (refused.value.cause, refused.value.solapi_code) == ("clock", "RequestTimeTooSkewed")
    assert re.search(rf"clock is \{sign}1(199|200|201) s off", str(refused.value))
    assert sender.send([item("a")]).accepted
    assert sender.send([item("b")]).accepted
    # Once, not with every request.
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    # A clock that is set again is followed.
    account.clock = lambda: datetime.now(UTC) + timedelta(minutes=minutes / 2)
    assert sender.send([item("c")]).accepted
    assert abs(abs(sender.clock_ahead_s or 0) - 600) < 2


def test_a_clock_that_is_ahead_lengthens_no_request(sender: Sender, account: Account) -> None:
    """Solapi takes a date ten minutes ahead; such a request could still arrive 25 minutes after it was signed."""
    account.clock = lambda: datetime.now(UTC) - timedelta(minutes=10)
    sender.send([item("a")])
    signed = sender._authorization()
    account.clock = lambda: datetime.now(UTC) + timedelta(minutes=6)
    with pytest.raises(Refusal) as refused:
        account.authenticate(signed)
    assert refused.value.code == "RequestTimeTooSkewed"


def test_another_key_is_refused_and_no_error_shows_the_secret(url: str, sender_to: Callable[..., Sender]) -> None:
    with pytest.raises(SolapiRefused) as refused:
        sender_to(url, key="OTHER").send([item("a")])
    assert refused.value.cause == "auth"
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("where", "cause"),
    [
        ("http://127.0.0.1:1", "unreachable"),
        ("http://solapi.invalid", "unreachable"),
        ("solapi.com", "settings"),
        ("ftp://solapi.com", "settings"),
        ("http://", "settings"),
    ],
)
def test_nobody_reached_is_nothing_sent(sender_to: Callable[..., Sender], where: str, cause: str) -> None:
    with pytest.raises(SolapiAway) as away:
        sender_to(where, request_s=2).send([item("a")])
    assert away.value.cause == cause


@pytest.mark.parametrize("key", ["NCS\nKEY", "NCS키"])
def test_a_key_that_no_header_can_hold_is_a_setting_and_nothing_sent(
    url: str, sender_to: Callable[..., Sender], key: str
) -> None:
    with pytest.raises(SolapiAway) as away:
        sender_to(url, key=key).send([item("a")])
    assert away.value.cause == "settings"


def test_the_stores_have_one_sender_and_a_diagnosis_none(url: str, account: Account) -> None:
    stores = Stores(settings(url))
    assert stores.solapi_sender is stores.solapi_sender
    assert stores.solapi_sender.send([item("a")]).accepted
    stores.close()
    with pytest.raises(NotReadOnly):
        _ = ReadOnlyStores(settings(url)).solapi_sender
    assert state(account)["messages"] == 1


@pytest.mark.parametrize("step", [{"status": 502}, {"status": 400}])
def test_a_phone_number_in_solapis_own_words_is_masked(sender: Sender, account: Account, step: dict[str, int]) -> None:
    account.script({"do": "status", "code": f"Gone{PHONE}은", **step})
    with pytest.raises((SolapiRefused, SolapiUnsure)) as failed:
        sender.send([item("a")])
    assert PHONE not in str(failed.value)
    assert "Gone****" in str(failed.value)
