"""For people: why a text cannot go out, and what to do before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from academyctl.errors import Both
from academyctl.messaging.model import Ending


class Words(NamedTuple):
    what: Both
    remedy: Both


WORDS: Mapping[Ending, Words] = {
    Ending.MESSAGING_INACTIVE: Words(
        Both("messaging is off for this academy", "이 학원은 메시지 사용이 꺼져 있습니다"),
        Both(
            "turn messaging on for it (core_tenant.messaging_is_active), or MESSAGING_REQUIRE_ACTIVE=false for all",
            "학원의 메시지 사용(core_tenant.messaging_is_active)을 켜거나 MESSAGING_REQUIRE_ACTIVE=false를 지정하세요",
        ),
    ),
    Ending.NO_TENANT: Words(
        Both("there is no such academy", "그런 학원이 없습니다"),
        Both("give the tenant_id of an academy in core_tenant", "core_tenant에 있는 학원의 tenant_id를 쓰세요"),
    ),
    Ending.NO_SENDER: Words(
        Both("there is no sender number", "쓸 수 있는 발신번호가 없습니다"),
        Both(
            "enter a number that is registered with Solapi: core_tenant.messaging_sender, or SOLAPI_SENDER for all",
            "솔라피에 등록한 발신번호를 core_tenant.messaging_sender 또는 SOLAPI_SENDER에 지정하세요",
        ),
    ),
    Ending.BAD_NUMBER: Words(
        Both("this number cannot receive a text", "문자를 받을 수 있는 번호가 아닙니다"),
        Both("correct the number: 010 and eight digits, say", "010과 8자리처럼 올바른 번호로 고치세요"),
    ),
    Ending.EMPTY: Words(
        Both("there is nothing to send", "보낼 내용이 없습니다"),
        Both("write a text; emoji alone cannot be sent", "내용을 쓰세요. 이모지만으로는 보낼 수 없습니다"),
    ),
    Ending.TOO_LONG: Words(
        Both("the text is too long", "내용이 너무 깁니다"),
        Both("make it shorter, or send it in two", "내용을 줄이거나 둘로 나누어 보내세요"),
    ),
    Ending.NOT_ENCODABLE: Words(
        Both("the text has characters that a text message cannot carry", "문자로 보낼 수 없는 글자가 있습니다"),
        Both("write them in another way", "그 글자를 다르게 쓰세요"),
    ),
    Ending.NO_TEMPLATE: Words(
        Both("the Alimtalk has no channel or no template", "알림톡의 채널(pf_id) 또는 템플릿이 없습니다"),
        Both(
            "give --template, set core_tenant.kakao_pfid (or SOLAPI_KAKAO_PF_ID), or send a text: --mode sms",
            "--template과 core_tenant.kakao_pfid(또는 SOLAPI_KAKAO_PF_ID)를 지정하거나 --mode sms로 보내세요",
        ),
    ),
}  # fmt: skip
"""Of every reason for which `compose` refuses, and of an academy that is not there."""
