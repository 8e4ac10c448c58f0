"""An answer's two lists, read entry by entry: what is not said for certain is unsure, never guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from academyctl.stores._http_wire import Reply
from academyctl.stores._solapi_answers import sent
from academyctl.stores.solapi_sending import Sent, SolapiUnsure
from tests.solapi.conftest import FROM, PHONE, item

ITEMS = [item("a"), item("b"), item("c", to="01077778888")]


def fields(key: str, stage: str = "first") -> dict[str, str]:
    return {"academyctlKey": key, "academyctlStage": stage}


def taken(key: str, code: str = "2000", **change: object) -> dict[str, Any]:
    return {"messageId": f"M-{key}", "statusCode": code, "statusMessage": "", "customFields": fields(key), **change}


def failed(key: str, **change: object) -> dict[str, Any]:
    return {
        "to": PHONE, "from": FROM, "type": "SMS", "country": "82", "accountId": "1", "messageId": "M",
        "statusCode": "1062", "statusMessage": f"발신번호 {FROM}은 미등록", "customFields": fields(key), **change,
    }  # fmt: skip


def read(accepted: object, refused: object, **more: object) -> Sent:
    body = {"messageList": accepted, "failedMessageList": refused, "groupInfo": {"groupId": "G"}, **more}
    return sent("sending failed", Reply(200, {}, json.dumps(body).encode()), ITEMS)


@pytest.mark.parametrize(
    ("accepted", "refused", "ends"),
    [
        ([taken("a"), taken("b"), taken("c")], [], ("abc", "", "")),
        ([taken("a"), taken("b")], [failed("c")], ("ab", "c", "")),
        ([taken("a"), taken("b")], None, ("ab", "", "c")),
        ([taken("a"), taken("b", "1062")], [], ("a", "b", "c")),
        ([taken("a", "3000"), taken("b", "4000"), taken("c", "2230")], [], ("abc", "", "")),
        ([taken("a"), taken("b", "9999")], [failed("c")], ("a", "c", "b")),
        # Without our fields, or with another's.
        ([taken("a"), taken("b", customFields=None)], [failed("c")], ("a", "c", "b")),
        ([taken("a"), taken("b", customFields={})], [failed("c")], ("a", "c", "b")),
        ([taken("a"), taken("z")], [], ("a", "", "bc")),
        ([taken("a"), taken("b", customFields=fields("b", "fallback"))], [], ("a", "", "bc")),
        # An entry that cannot be read is one text's trouble.
        ([taken("a"), {"messageId": 5}, "b"], [], ("a", "", "bc")),
        ([taken("a"), taken("b", statusCode=None)], [failed("c", type=None)], ("a", "", "bc")),
        # In both lists.
        ([taken("a"), taken("b")], [failed("b")], ("a", "", "bc")),
        # A failure without our fields is told by its phone, where that is one text's only.
        ([taken("a"), taken("b")], [failed("", customFields=None, to="01077778888")], ("ab", "c", "")),
        ([taken("a")], [failed("", customFields=None)], ("a", "", "bc")),
        ([taken("c")], [failed("", customFields=None, to="01077778888")], ("c", "", "ab")),
    ],
)  # fmt: skip
def test_each_text_ends_as_the_answer_says_or_unsure(
    accepted: object, refused: object, ends: tuple[str, str, str]
) -> None:
    found = read(accepted, refused)
    assert ("".join(sorted(found.accepted)), "".join(sorted(found.refused)), "".join(sorted(found.unsure))) == ends
    assert found.group_id == "G"


@pytest.mark.parametrize(
    ("accepted", "refused"), [([], []), (None, None), ("a", {}), ([taken("z")], [failed("", customFields=None)])]
)
def test_an_answer_that_tells_of_none_of_the_texts_is_unsure_as_a_whole(accepted: object, refused: object) -> None:
    with pytest.raises(SolapiUnsure):
        read(accepted, refused)


@pytest.mark.parametrize("info", [None, "G", {}, {"groupId": 5}])
def test_a_group_that_cannot_be_read_takes_nothing_from_the_texts(info: object) -> None:
    found = read([taken("a"), taken("b"), taken("c")], [], groupInfo=info)
    assert (len(found.accepted), found.group_id) == (3, "")


def test_a_reason_has_no_phone_number_also_where_a_korean_ending_sticks_to_it() -> None:
    code, told = read([taken("a"), taken("b")], [failed("c")]).refused["c"]
    assert (code, told) == ("1062", "발신번호 ****은 미등록")
