"""What the embedded stack does differently from the real services, so that nobody takes its silence for a pass."""

from __future__ import annotations

from academyctl.errors import Both

# Measured against boto3; the tests that name them are strict: a gap that closes turns a test red.
_MINISTACK = (
    Both(
        "signatures are verified for users' keys only: root's key, `test` and 12-digit ids pass with any secret",
        "서명은 사용자 키만 검증합니다. root 키, `test`, 12자리 숫자 키는 어떤 시크릿으로도 통과합니다",
    ),
    Both(
        "SQS: deleting a message twice is an error, and a second purge within 60 s is not",
        "SQS: 메시지를 두 번 삭제하면 오류이고, 60초 안의 두 번째 비우기는 오류가 아닙니다",
    ),
    Both(
        "SQS: a visibility timeout above 12 h is accepted; move tasks are forgotten at `down`",
        "SQS: 12시간이 넘는 가시성 제한 시간도 받고, `down`하면 이동 작업(redrive) 기록을 잊습니다",
    ),
    Both(
        "Auto Scaling: a desired capacity outside min..max is accepted; an instance refresh is done at once; "
        "alarms run a step policy once, and no target tracking",
        "Auto Scaling: 최소..최대를 벗어난 용량도 받고, 인스턴스 새로 고침이 바로 끝나며, "
        "경보는 단계 정책을 한 번만 실행하고 대상 추적은 실행하지 않습니다",
    ),
    Both("CloudWatch has no AWS/SQS metrics", "CloudWatch에 AWS/SQS 지표가 없습니다"),
    Both(
        "Batch runs a job's command on this machine, not its image; no dependent and no array jobs",
        "Batch는 이미지 대신 작업의 명령을 이 컴퓨터에서 실행합니다. 종속 작업과 배열 작업은 없습니다",
    ),
    Both(
        "killed instead of stopped, it forgets its queues and keys; objects stay",
        "정상 종료가 아니면 큐와 키를 잊습니다. 객체는 남습니다",
    ),
)
_MOTO = (
    Both("signatures, keys and policies are not checked", "서명, 키, 정책을 검사하지 않습니다"),
    Both("everything in it is lost at `down`", "`down`하면 안의 모든 것이 사라집니다"),
    Both(
        "SQS: a stale receipt handle still deletes; visibility can be extended only to 12 h after sending",
        "SQS: 만료된 영수증 핸들로도 삭제되고, 가시성은 보낸 시각부터 12시간까지만 늘릴 수 있습니다",
    ),
    Both(
        "SQS: messages in the DLQ have no DeadLetterQueueSourceArn; StartMessageMoveTask answers 500",
        "SQS: DLQ 메시지에 DeadLetterQueueSourceArn이 없고 StartMessageMoveTask는 500을 답합니다",
    ),
    Both("Lambda functions do not run (no docker)", "Lambda 함수가 실행되지 않습니다 (docker 없음)"),
    Both("every Batch job fails (no docker)", "모든 Batch 작업이 실패합니다 (docker 없음)"),
    Both("EventBridge rules never fire, alarms never evaluate", "EventBridge 규칙과 경보가 동작하지 않습니다"),
    Both("CloudWatch has no AWS/SQS metrics", "CloudWatch에 AWS/SQS 지표가 없습니다"),
)
_BOTH = (
    Both("EC2 instances run nothing: there is no host to ssh to", "EC2 인스턴스는 실제로 실행되지 않습니다"),
    Both(
        "Solapi delivers nothing: see `academyctl local inbox`",
        "Solapi는 실제로 보내지 않습니다: academyctl local inbox",
    ),
)
_STAND_IN = (
    Both(
        "Redis is fakeredis: passwords are not checked, there is no INFO, and its data is lost at `down`",
        "Redis가 fakeredis입니다. 비밀번호를 검사하지 않고 INFO가 없으며 `down`하면 데이터가 사라집니다",
    ),
)


def known(aws: str, *, real_redis: bool = True) -> tuple[Both, ...]:
    """The known differences of a stack on the emulator `aws`."""
    of_aws = {"ministack": _MINISTACK, "moto": _MOTO}[aws]
    return (*of_aws, *_BOTH, *(() if real_redis else _STAND_IN))
