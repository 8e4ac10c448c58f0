"""The fake Solapi refuses a single message with the code that Solapi has for it, and takes the limit itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from academyctl.local.solapi import Account, Refusal
from academyctl.local.solapi_rules import Template, euckr
from tests.solapi.conftest import FROM, KEY, PHONE, SECRET

SMS = {"to": PHONE, "from": FROM, "text": "안녕하세요", "type": "SMS"}
LMS = {**SMS, "type": "LMS"}
FILLED = {"#{이름}": "민준"}
ATA = {
    "to": PHONE, "from": FROM, "type": "ATA", "kakaoOptions": {"pfId": "PF", "templateId": "T", "variables": FILLED}
}  # fmt: skip


def kakao(**change: object) -> dict[str, Any]:
    return {**ATA, "kakaoOptions": {**ATA["kakaoOptions"], **change}}  # type: ignore[dict-item]


@pytest.fixture
def known(tmp_path: Path) -> Account:
    """An account that registered a sender and two templates, and whom two phones do not want to hear."""
    return Account(
        KEY, SECRET, tmp_path / "inbox.jsonl", (FROM,),
        templates={"T": Template("PF", "#{이름} 학생이 등원했습니다"), "OTHERS": Template("PF2"),
                   "LONG": Template("PF", "가" * 1001)},
        blocked={"01011110000": "1060", "01011110001": "1061", "01011110002": "1064"},
    )  # fmt: skip


def code_of(account: Account, *messages: object, allow: bool = True) -> str:
    """The code of the last of the messages, '2000' when it was taken."""
    answer = account.accept({"messages": list(messages), "allowDuplicates": allow, "showMessageList": True})
    failed = answer["failedMessageList"]
    assert len(failed) + len(answer["messageList"]) == len(messages)
    return str(failed[-1]["statusCode"]) if failed else "2000"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no object", "1011"),
        ({**SMS, "to": ""}, "1010"),
        ({**SMS, "from": ""}, "1010"),
        ({**SMS, "text": ""}, "1010"),
        ({**SMS, "to": "010-1234-5678"}, "1011"),
        ({**SMS, "from": "학원"}, "1011"),
        ({**SMS, "country": "KR"}, "1011"),
        ({**SMS, "text": 5}, "1011"),
        ({**SMS, "subject": "제목"}, "1013"),
        ({**LMS, "subject": "가" * 20}, "2000"),
        ({**LMS, "subject": "가" * 20 + "a"}, "1014"),
        ({**SMS, "type": "FAX2"}, "1025"),
        ({**SMS, "text": "벨\x07"}, "1028"),
        ({**SMS, "text": "줄\r\n탭\t"}, "2000"),
        ({**SMS, "text": "축하 🎉"}, "1029"),
        ({**SMS, "text": "뷁"}, "1029"),
        ({**LMS, "subject": "é"}, "1029"),
        ({**SMS, "text": "가" * 45}, "2000"),
        ({**SMS, "text": "가" * 45 + "a"}, "1031"),
        ({**LMS, "text": "가" * 1000}, "2000"),
        ({**LMS, "text": "가" * 1000 + "a"}, "1031"),
        ({**SMS, "customFields": {"k" * 30: "v" * 100}}, "2000"),
        ({**SMS, "customFields": {"k" * 31: "v"}}, "1032"),
        ({**SMS, "customFields": {"k": "v" * 101}}, "1032"),
        ({**SMS, "customFields": {"k": 1}}, "1032"),
        ({**SMS, "customFields": ["k"]}, "1032"),
        (ATA, "2000"),
        (kakao(pfId=""), "1010"),
        (kakao(templateId=""), "1010"),
        ({**ATA, "kakaoOptions": "PF"}, "1010"),
        (kakao(variables={"#{이름}": 5}), "1011"),
        (kakao(pfId="WHO"), "1041"),
        (kakao(templateId="WHO"), "1042"),
        (kakao(templateId="OTHERS"), "1042"),
        (kakao(variables={}), "1043"),
        (kakao(variables={**FILLED, "#{반}": "A"}), "1043"),
        (kakao(variables={"이름": "민준"}), "1043"),
        (kakao(templateId="LONG", variables={}), "1031"),
        ({**ATA, "from": ""}, "1010"),
        ({**kakao(disableSms=True), "from": ""}, "2000"),
        ({**SMS, "from": "0299999999"}, "1062"),
        ({**SMS, "to": "01011110000"}, "1060"),
        ({**SMS, "to": "01011110001"}, "1061"),
        ({**SMS, "to": "01011110002"}, "1064"),
    ],
)
def test_a_message_ends_in_the_code_that_solapi_has_for_it(known: Account, message: object, code: str) -> None:
    assert code_of(known, message) == code


def test_a_second_message_to_a_phone_is_refused_unless_duplicates_are_allowed(known: Account) -> None:
    assert code_of(known, SMS, SMS, allow=False) == "1026"
    assert code_of(known, SMS, SMS) == "2000"


def test_an_account_that_registered_no_templates_takes_any(tmp_path: Path) -> None:
    assert code_of(Account(KEY, SECRET, tmp_path / "inbox"), kakao(pfId="ANY", variables={"#{x}": "y"})) == "2000"


@pytest.mark.parametrize(("text", "size"), [("", 0), ("a가", 3), ("①", 2), ("뷁", None), ("é", None)])
def test_bytes_are_those_of_ks_x_1001(text: str, size: int | None) -> None:
    assert euckr(text) == size


def test_each_type_has_its_price_and_points_go_first(known: Account) -> None:
    known.balance, known.point = 100, 20
    assert code_of(known, SMS, {**LMS, "to": "01099990000"}, {**ATA, "to": "01099990001"}) == "2000"
    assert (known.balance, known.point) == (100 + 20 - 18 - 45 - 13, 0)


def test_money_that_ends_half_way_fails_the_rest(known: Account) -> None:
    known.balance = 40
    bad: Mapping[str, object] = {**SMS, "to": "nobody"}
    answer = known.accept({"messages": [SMS, bad, SMS, SMS], "allowDuplicates": True})
    assert [one["statusCode"] for one in answer["failedMessageList"]] == ["1011", "1030"]
    assert known.balance == 4


def test_without_money_for_any_the_whole_request_is_refused(known: Account) -> None:
    known.balance = 17
    with pytest.raises(Refusal) as refused:
        known.accept({"messages": [SMS]})
    assert (refused.value.status, refused.value.code) == (402, "NotEnoughBalance")
    assert (known.balance, len(known.box)) == (17, 0)
