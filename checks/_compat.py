"""The lines of the platform's own `check_sqs_worker_connectivity.py`, for runbooks that compare them (contract 8.4).

The same words and exit code, without its harm: the script received a message and never gave it back (contract 11 #26).
So `receive_message: OK` says in the same line that nothing was received and what was seen instead. Its language is the
script's, Korean, whatever --lang says.
"""

from __future__ import annotations

from collections.abc import Iterator

from academyctl.settings_model import Aws
from checks import _trouble as t
from checks._model import Snapshot
from checks._sqs_facts import Facts, Queue
from checks._trouble import Trouble

_QUEUES = (("video", "Video"), ("ai_basic", "AI(Basic)"))
_KEYS = frozenset({t.KEY, t.SECRET, t.NO_KEY, t.EXPIRED, t.CLOCK})


def lines(snapshot: Snapshot, aws: Aws) -> tuple[list[str], int]:
    """(what the script would print, its exit code: 0 connected, 1 not)."""
    out = ["SQS 연결 진단 (읽기 전용: 메시지를 받지 않습니다)"]
    # Presence alone: the script printed no keys either.
    given = {"AWS_ACCESS_KEY_ID": aws.access_key_id, "AWS_SECRET_ACCESS_KEY": aws.secret_access_key}
    out += [f"  {name}: {'설정됨' if value else '없음'}" for name, value in given.items()]
    out.append(f"  AWS_REGION: {aws.region}")
    facts = snapshot.find(Facts)
    fine = True
    for number, (word, title) in enumerate(_QUEUES, 1):
        queue = next((one for one in facts.queues if one.word == word), None) if facts else None
        out += ["", f"[{number}] {title} 큐: {queue.name if queue else '?'}"]
        out += [f"  {line}" for line in _told(queue)]
        fine = fine and queue is not None and queue.box is not None
    return [*out, "", f"결과: SQS 연결 {'정상' if fine else '실패'}"], 0 if fine else 1


def _told(queue: Queue | None) -> Iterator[str]:
    if queue is None:
        yield "FAIL: 큐 접근 불가 (제한 시간 안에 확인하지 못함)"
    elif queue.box is not None:
        box = queue.box
        seen = f"대기 {box.visible}, 처리 중 {box.in_flight}, 지연 {box.delayed}"
        yield "get_queue_url: OK"
        yield f"receive_message: OK (호출하지 않음, 대신 get_queue_attributes로 확인: {seen})"
    elif queue.trouble is not None:
        if "GetQueueAttributes" in queue.trouble.what:
            yield "get_queue_url: OK"
        yield f"{_failed(queue.trouble)}: {queue.trouble.told}"


def _failed(trouble: Trouble) -> str:
    if trouble.cause == t.MISSING:
        return "FAIL: 큐가 존재하지 않습니다"
    if trouble.cause == t.DENIED:
        return "FAIL: AWS 자격 증명 오류 또는 SQS 권한 없음"
    if trouble.cause in _KEYS:
        return "FAIL: 큐 접근 불가 (자격 증명/권한 문제)"
    return "FAIL: 큐 접근 불가 (네트워크 또는 응답 문제)"
