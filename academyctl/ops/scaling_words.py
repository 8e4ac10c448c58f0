"""What a plan of scaling says beside its changes."""

from __future__ import annotations

from academyctl.errors import Both

RUNAWAY = Both(
    "the metric is the whole queue's total, TargetValue 1: two encodes at a time make AWS want 2 x 2 instances, then "
    "up to MAX. Measured against `outstanding`: 47 % more instance-hours, at MAX 20 twice as many "
    "(compare: academyctl scaling simulate)",
    "지표가 큐 전체의 합계이고 TargetValue가 1입니다. 인코딩이 2개만 겹쳐도 AWS가 2 x 2대를 원하고 MAX까지 늘어납니다. "
    "`outstanding`과 비교한 측정값: 인스턴스 시간 47% 증가, MAX 20에서는 2배 (비교: academyctl scaling simulate)",
)
WORKERS_LEAVE = Both(
    "the size only grows by this; workers make it smaller: academyctl worker run {role} --idle-exit 300 --leave-asg",
    "이 정책은 늘리기만 합니다. 줄이는 것은 워커입니다: academyctl worker run {role} --idle-exit 300 --leave-asg",
)
GROUP_EMPTIES = Both(
    "the group is not needed any more: its workers leave when they are idle, if they run with --idle-exit and "
    "--leave-asg; until then both take messages, and none is encoded twice",
    "그룹은 더 필요하지 않습니다. --idle-exit, --leave-asg로 실행한 워커는 할 일이 없으면 스스로 떠납니다. 그때까지는 "
    "둘 다 메시지를 받지만 같은 영상을 두 번 인코딩하지 않습니다",
)
ROLE_NEEDS = Both(
    "the function's role must allow autoscaling:DescribeAutoScalingGroups and autoscaling:SetDesiredCapacity; without "
    "them it holds, and publishes ReadFailed",
    "함수의 역할에 autoscaling:DescribeAutoScalingGroups와 autoscaling:SetDesiredCapacity 권한이 있어야 합니다. 없으면 "
    "크기를 유지하고 ReadFailed를 발행합니다",
)
NO_ROOM = Both(
    "min and max are both {size}: no policy can change that; give --min and --max",
    "최소와 최대가 모두 {size}입니다. 어떤 정책도 크기를 바꿀 수 없습니다. --min과 --max를 지정하세요",
)
FOREIGN = Both(
    "the code of {function} is not academyctl's: what else it did ends with it; groups that it sized keep their size "
    "until a policy is applied to them too",
    "{function}의 코드는 academyctl의 것이 아니므로 다른 기능도 함께 없어집니다. 이 함수가 크기를 정하던 다른 그룹은 "
    "정책을 적용할 때까지 지금 크기를 유지합니다",
)
UNFINISHED = Both(
    "an earlier apply did not end; its save {save} is kept, so that a rollback restores what was there before it",
    "이전 적용이 끝나지 않았습니다. 그 저장 {save}을(를) 유지하므로 롤백하면 그 이전 상태로 돌아갑니다",
)
SHARED = Both(
    "{function} now serves other groups as well: only this group's part of it is put back",
    "{function}이(가) 이제 다른 그룹에도 쓰이므로 이 그룹의 설정만 되돌립니다",
)
BUSY_KILLED = Both(
    "AWS lowers this group by a formula while instances encode (measured: 327 encodes killed in 14 days); the workers "
    "must protect themselves while busy, as academyctl's do. When they do: --workers-protect",
    "AWS가 인코딩 중인 인스턴스도 공식대로 줄입니다 (측정값: 14일 동안 327건 중단). academyctl 워커처럼 작업 중에 "
    "스스로 보호해야 합니다. 그렇다면: --workers-protect",
)
LOWERS = Both(
    "an empty queue sets the group to its minimum; instances that protect themselves while busy are kept",
    "큐가 비면 그룹을 최소 크기로 줄입니다. 작업 중에 스스로 보호하는 인스턴스는 남습니다",
)


def filled(text: Both, **values: object) -> Both:
    """The text with its values in it."""
    return Both(text.en.format(**values), text.ko.format(**values))
