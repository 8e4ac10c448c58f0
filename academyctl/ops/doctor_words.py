"""What `scaling doctor` says, by its findings' codes."""

from __future__ import annotations

from dataclasses import dataclass

from academyctl.errors import Both
from academyctl.ops.scaling_words import filled

FAIL, WARN, UNKNOWN = "FAIL", "warn", "unknown"


@dataclass(frozen=True)
class Finding:
    """`evidence` is what was seen, `command` what mends it or looks closer."""

    level: str
    code: str
    text: Both
    evidence: str
    command: str


def found(level: str, code: str, evidence: str, command: str, **values: object) -> Finding:
    return Finding(level, code, filled(TEXTS[code], **values), evidence, command)


TEXTS = {
    "max-one": Both(
        "the group can never have a second instance",
        "인스턴스가 2대 이상이 될 수 없습니다",
    ),
    "idle-at-max": Both(
        "as many instances as may be, and nothing to do",
        "할 일이 없는데 최대 대수입니다",
    ),
    "outside": Both(
        "the desired capacity is outside the bounds",
        "원하는 용량이 최소/최대 범위 밖입니다",
    ),
    "two-scalers": Both(
        "the function and scaling policies set the size against each other",
        "함수와 스케일링 정책이 서로 다른 크기를 설정합니다",
    ),
    "nothing-scales": Both(
        "nothing sets the group's size",
        "그룹의 크기를 정하는 것이 없습니다",
    ),
    "per-worker": Both(
        "an instance for every {count} messages, and a worker does {does}: always too few",
        "메시지 {count}개당 1대인데 워커는 {does}개씩 처리합니다. 항상 부족합니다",
    ),
    "foreign-function": Both(
        "the function does not run this academyctl's code: the platform's own counts a queue that it cannot read as "
        "empty",
        "함수의 코드가 이 academyctl의 것이 아닙니다. 플랫폼의 함수는 읽지 못한 큐를 빈 큐로 셉니다",
    ),
    "rule-missing": Both(
        "no rule runs the function",
        "함수를 실행하는 규칙이 없습니다",
    ),
    "rule-off": Both(
        "the rule that runs the function is off",
        "함수를 실행하는 규칙이 꺼져 있습니다",
    ),
    "rule-target": Both(
        "the rule does not run the function",
        "규칙의 대상이 함수가 아닙니다",
    ),
    "rule-permission": Both(
        "the rule may not call the function",
        "규칙에 함수 호출 권한이 없습니다",
    ),
    "protected-at-launch": Both(
        "instances are protected from their launch on: a refresh waits for each for an hour, then fails",
        "인스턴스가 시작부터 보호됩니다. 새로 고침이 대당 1시간 기다린 뒤 실패합니다",
    ),
    "unprotected": Both(
        "work is in hand and no instance is protected: a scale-in may end it",
        "작업 중인데 보호된 인스턴스가 없습니다. 축소로 중단될 수 있습니다",
    ),
    "no-heartbeat": Both(
        "instances in service on which no worker beats",
        "서비스 중인데 워커의 신호가 없는 인스턴스가 있습니다",
    ),
    "env-shrank": Both(
        "the workers' environment became smaller with its last change",
        "워커 환경 변수가 마지막 변경에서 줄었습니다",
    ),
    "max-one-fixed": Both(
        "the group is fixed at one instance",
        "그룹이 1대로 고정되어 있습니다",
    ),
    "total-tracked": Both(
        "target tracking of the queue's total: any two encodes at once run to MAX",
        "큐 합계를 대상 추적합니다. 인코딩이 2개만 겹쳐도 MAX까지 늘어납니다",
    ),
    "in-flight-uncounted": Both(
        "only waiting messages count: instances at work are ended when the queue is empty",
        "대기 메시지만 셉니다. 큐가 비면 작업 중인 인스턴스가 종료됩니다",
    ),
    "no-alarm": Both(
        "no alarm runs this policy",
        "이 정책을 실행하는 경보가 없습니다",
    ),
    "function-queue": Both(
        "the function counts a queue that does not exist",
        "함수가 없는 큐를 셉니다",
    ),
    "metric-dimensions": Both(
        "the policy's metric is published with other dimensions: AWS compares the exact set",
        "정책의 지표가 다른 차원으로 발행됩니다. AWS는 차원이 완전히 같아야 합니다",
    ),
    "metric-silent": Both(
        "the policy's metric had no value for {minutes} minutes",
        "정책의 지표에 {minutes}분 동안 값이 없습니다",
    ),
    "queue-missing": Both(
        "the queue does not exist",
        "큐가 없습니다",
    ),
    "visibility-long": Both(
        "a message whose worker was killed stays away for so long",
        "워커가 중단되면 그 메시지가 이만큼 뒤에야 다시 보입니다",
    ),
    "few-receives": Both(
        "encodes can be killed here, and every kill is a receive: they end in the DLQ",
        "인코딩이 중단될 수 있고 그때마다 수신 횟수가 늘어 DLQ로 갑니다",
    ),
    "refresh-stuck": Both(
        "an instance refresh waits for protected instances",
        "새로 고침이 보호된 인스턴스를 기다리고 있습니다",
    ),
    "ecs-image": Both(
        "the image is made for ECS: its agent takes the machine's Docker",
        "ECS용 AMI입니다. 워커에 맞지 않습니다",
    ),
    "function-other-queue": Both(
        "the function counts another queue than the settings name",
        "함수가 설정과 다른 큐를 셉니다",
    ),
    "visibility-short": Both(
        "work is in hand, no worker here renews it, and a long encode takes longer: it is done twice",
        "작업 중인데 연장하는 워커가 없고 긴 인코딩보다 짧습니다. 같은 강의를 두 번 인코딩합니다",
    ),
}
