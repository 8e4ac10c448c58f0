"""What to do about a text, by its state: one line that ends with the command to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from academyctl.errors import Both
from academyctl.message_evidence import Told
from academyctl.messaging.model import MENDABLE, Ending, State

if TYPE_CHECKING:
    from academyctl.message_state import Picture


def next_step(picture: Picture) -> Both:
    """The line."""
    row = picture.row
    if row.state is State.SENT:
        if row.pretended:
            return Both(
                "was only pretended (SOLAPI_MOCK): nothing left; academyctl diagnose messaging",
                "발송하는 척만 했습니다(SOLAPI_MOCK). 실제로는 나가지 않았습니다: academyctl diagnose messaging",
            )
        return Both(
            "Solapi took it; whether it was delivered: Solapi's console, by the message id above",
            "솔라피가 접수했습니다. 도착 여부는 솔라피 콘솔에서 위의 메시지 ID로 확인하세요",
        )
    if row.state is State.FAILED:
        return _failed(picture)
    if row.state is State.UNKNOWN:
        return _unknown(picture)
    return _open(picture)


def ending(reason: str) -> Ending | None:
    """The stable word of a reason, None for a reason that has none."""
    word = reason.partition(":")[0].strip()
    return next((one for one in Ending if one == word), None)


def _failed(picture: Picture) -> Both:
    row = picture.row
    told = _MEND.get(ending(row.reason) or Ending.REFUSED, _LOOK)
    word = ending(row.reason)
    if picture.letter is not None:
        back = f"academyctl message redrive --key {row.key}"
        return Both(f"{told.en}; then: {back}", f"{told.ko} 그다음: {back}")
    if word in MENDABLE and not picture.all_letters:
        look = "academyctl queue peek messaging --dlq"
        return Both(
            f"{told.en}; whether its message is a dead letter was not seen: {look}",
            f"{told.ko} DLQ에 있는지는 확인하지 못했습니다: {look}",
        )
    return Both(
        f"{told.en}; its message is gone, write it anew: academyctl message send",
        f"{told.ko} 메시지가 남아 있지 않으므로 새로 보내세요: academyctl message send",
    )


_LOOK = Both("mend the reason above", "위의 이유를 해결하세요.")
_MEND = {
    Ending.INSUFFICIENT_BALANCE: Both("charge the academy's credit", "학원의 크레딧을 충전하세요."),
    Ending.MESSAGING_INACTIVE: Both(
        "turn messaging on for the academy, if it should send", "학원이 문자를 써야 한다면 메시지 사용을 켜세요."
    ),
    Ending.NO_SENDER: Both(
        "enter a sender number that Solapi knows in the academy's message settings",
        "학원의 메시지 설정에 솔라피에 등록된 발신번호를 입력하세요.",
    ),
    Ending.NO_TEMPLATE: Both("set the KakaoTalk channel and the template", "카카오 채널(pf_id)과 템플릿을 설정하세요."),
    Ending.BAD_NUMBER: Both("correct the recipient's number", "받는 사람의 번호를 고치세요."),
    Ending.TOO_LONG: Both("make the text shorter", "내용을 줄이세요."),
    Ending.NOT_ENCODABLE: Both("take out the characters named above", "위에 적힌 문자를 빼세요."),
    Ending.DUPLICATE: Both(
        "nothing: the same text went to this phone a moment before",
        "같은 내용이 같은 번호로 조금 전에 발송되었으므로 할 일이 없습니다.",
    ),
    Ending.RESOLVED: Both("somebody decided that it was not sent", "운영자가 발송되지 않은 것으로 처리했습니다."),
    Ending.GIVEN_UP: Both("see the worker's log", "워커 로그를 확인하세요."),
}


def _unknown(picture: Picture) -> Both:
    key, seen = picture.row.key, picture.seen
    if seen is None or seen.told is None:
        check = f"academyctl message resolve {key} --check"
        return Both(f"ask Solapi again: {check}", f"솔라피에 다시 확인: {check}")
    if seen.sent is not None:
        check = f"academyctl message resolve {key} --check --apply"
        return Both(f"take what the list says: {check}", f"솔라피 목록대로 처리: {check}")
    if seen.told is Told.early:
        return Both(
            f"a request may still arrive; in {seen.wait_s:.0f} s: academyctl message resolve {key} --check",
            f"요청이 아직 도착할 수 있습니다. {seen.wait_s:.0f}초 뒤: academyctl message resolve {key} --check",
        )
    by_hand = f"academyctl message resolve {key} --sent"
    return Both(
        f"compare the two times, then decide: {by_hand} (or --not-sent)",
        f"두 시각을 비교해 정하세요: {by_hand} (또는 --not-sent)",
    )


def _open(picture: Picture) -> Both:
    row = picture.row
    if row.leased:
        return Both("a worker has it: look again in a minute", "워커가 처리하고 있습니다. 1분 뒤 다시 확인하세요")
    if picture.letter is not None:
        back = f"academyctl message redrive --key {row.key}"
        return Both(
            f"its message is a dead letter; it is not charged or sent twice: {back}",
            f"메시지가 DLQ에 있습니다. 두 번 과금되거나 발송되지 않습니다: {back}",
        )
    check = f"academyctl message resolve {row.key} --check"
    return Both(
        f"waits for its message to come back to a worker; if it does not: {check}",
        f"메시지가 워커에게 돌아오기를 기다립니다. 돌아오지 않으면: {check}",
    )
