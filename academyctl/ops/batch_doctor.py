"""`batch doctor`: what is wrong with the set-up of Batch and with its jobs, judged from what was read (contract 13)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from academyctl.contract.states import JobState
from academyctl.errors import Both

if TYPE_CHECKING:
    from academyctl.stores.batch import AwsJob
    from academyctl.stores.batch_jobs import JobRow

Raw = Mapping[str, Any]
OK, WARN, FAIL = "ok", "warn", "fail"
RUNNABLE_S = 900
HEARTBEAT_S = 1200
"""A RUNNING row without a heartbeat for so long is stuck (contract 13, Scan stuck)."""
DAY_S = 86400
_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$|API_KEY", re.IGNORECASE)
_REFERENCE = re.compile(r"Ref::([A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class Finding:
    """`mend`: the command that mends it or shows more."""

    code: str
    state: str
    text: Both
    mend: str = ""


@dataclass(frozen=True)
class Facts:
    """What was read. `image_there`, `log_group_there`: None when it is not ours to see. `rows` None: no database.

    `jobs`: of the queue, living ones and those that failed. `drift`: how many changes a reconcile would make.
    """

    now: datetime
    queue_name: str
    definition_name: str
    queue: Raw | None
    environments: Sequence[Raw]
    definition: Raw | None
    image_there: bool | None
    log_group: str
    log_group_there: bool | None
    jobs: Sequence[AwsJob]
    rows: Sequence[JobRow] | None
    drift: int | None
    database_why: str = ""


def judge(facts: Facts) -> list[Finding]:
    """Every finding, the sound parts too, in the order of the chain."""
    return [*_queue(facts), *_environments(facts), *_definition(facts), *_jobs(facts), *_rows(facts)]


def _queue(facts: Facts) -> Iterator[Finding]:
    name, queue = facts.queue_name, facts.queue
    if queue is None:
        yield Finding("queue-missing", FAIL, Both(f"there is no Batch queue {name}", f"Batch 큐 {name}이(가) 없습니다"),
                      "academyctl config show --section fleet")  # fmt: skip
    elif queue["state"] != "ENABLED" or queue.get("status") not in (None, "VALID"):
        state = f"{queue['state']} {queue.get('status', '')} {queue.get('statusReason', '')}".strip()
        yield Finding("queue-off", FAIL, Both(f"Batch queue {name} is {state}", f"Batch 큐 {name}: {state}"),
                      f"aws batch update-job-queue --job-queue {name} --state ENABLED")  # fmt: skip
    else:
        yield Finding("queue", OK, Both(f"Batch queue {name} takes jobs", f"Batch 큐 {name}: 정상"))


def _environments(facts: Facts) -> Iterator[Finding]:
    if facts.queue is not None and not facts.environments:
        yield Finding("environment-missing", FAIL, Both("the queue has no compute environment",
                      "큐에 연결된 컴퓨팅 환경이 없습니다"), "academyctl diagnose batch")  # fmt: skip
    for one in facts.environments:
        name = str(one["computeEnvironmentName"])
        most = (one.get("computeResources") or {}).get("maxvCpus")
        state = f"{one['state']} {one.get('status', '')} {one.get('statusReason', '')}".strip()
        if one["state"] != "ENABLED" or one.get("status") not in (None, "VALID"):
            yield Finding("environment-off", FAIL, Both(f"compute environment {name} is {state}",
                          f"컴퓨팅 환경 {name}: {state}"),
                          f"aws batch update-compute-environment --compute-environment {name} "
                          "--state ENABLED")  # fmt: skip
        elif most == 0:
            yield Finding("environment-empty", FAIL, Both(f"compute environment {name} may have no vCPU (maxvCpus 0)",
                          f"컴퓨팅 환경 {name}의 maxvCpus가 0입니다"),
                          f"aws batch update-compute-environment --compute-environment {name} "
                          "--compute-resources maxvCpus=40")  # fmt: skip
        else:
            told = f"{most} vCPU" if most is not None else "-"
            yield Finding("environment", OK, Both(f"compute environment {name} is on, at most {told}",
                          f"컴퓨팅 환경 {name}: 정상, 최대 {told}"))  # fmt: skip


def _definition(facts: Facts) -> Iterator[Finding]:
    name, definition = facts.definition_name, facts.definition
    if definition is None:
        yield Finding("definition-missing", FAIL, Both(f"there is no active job definition {name}",
                      f"활성 작업 정의 {name}이(가) 없습니다"), "academyctl config show --section fleet")  # fmt: skip
        return
    shown = f"{name}:{definition['revision']}"
    found = list(_of_definition(shown, definition, facts))
    yield from found
    if not found:
        yield Finding("definition", OK, Both(f"job definition {shown} can run", f"작업 정의 {shown}: 정상"))


def _of_definition(shown: str, definition: Raw, facts: Facts) -> Iterator[Finding]:
    container = definition.get("containerProperties") or {}
    given = {"job_id", *(definition.get("parameters") or {})}
    wanted = {name for word in container.get("command") or [] for name in _REFERENCE.findall(str(word))}
    show = f"aws batch describe-job-definitions --job-definitions {shown}"
    if lacking := sorted(wanted - given):
        names = ", ".join(lacking)
        yield Finding("parameter-missing", FAIL, Both(
            f"{shown} asks for {names}, which nobody gives: its jobs fail before they run",
            f"{shown}이(가) {names} 값을 요구하지만 아무도 주지 않아 작업이 시작 전에 실패합니다"), show)  # fmt: skip
    most = max((int((one.get("computeResources") or {}).get("maxvCpus") or 0) for one in facts.environments), default=0)
    if most and _vcpus(container) > most:
        yield Finding("too-large", FAIL, Both(
            f"{shown} wants {_vcpus(container):g} vCPU, a compute environment has {most} at most: it never starts",
            f"{shown}에는 vCPU {_vcpus(container):g}개가 필요하지만 컴퓨팅 환경의 최대가 {most}개라 시작되지 않습니다"),
            show)  # fmt: skip
    if not (definition.get("timeout") or {}).get("attemptDurationSeconds"):
        yield Finding("no-timeout", WARN, Both(
            f"{shown} has no timeout: a job that hangs holds its machine for ever",
            f"{shown}에 제한 시간이 없어 멈춘 작업이 컴퓨팅을 계속 차지합니다"), show)  # fmt: skip
    retry = definition.get("retryStrategy") or {}
    if int(retry.get("attempts") or 1) > 1 and not retry.get("evaluateOnExit"):
        yield Finding("retries-all", WARN, Both(
            f"{shown} repeats every failure {retry['attempts']} times by itself, also a cancelled or hopeless one: "
            "the rows count attempts already (attempts 1)",
            f"{shown}은(는) 취소되거나 가망 없는 실패까지 {retry['attempts']}번 반복합니다. 시도 횟수는 DB의 작업 행이 "
            "이미 세므로 attempts 1이 맞습니다"), show)  # fmt: skip
    secrets = [str(one["name"]) for one in container.get("environment") or [] if _SECRET.search(str(one["name"]))]
    if secrets:
        names = ", ".join(secrets)
        yield Finding("plain-secrets", WARN, Both(
            f"{shown} holds secrets in plain text, for everyone who may describe it: {names}",
            f"{shown}에 비밀 값이 평문으로 들어 있습니다: {names}"), "academyctl ssm env show")  # fmt: skip
    if facts.log_group_there is False:
        yield Finding("log-group-missing", FAIL, Both(
            f"{shown} logs to {facts.log_group}, which does not exist: its jobs cannot start",
            f"{shown}의 로그 그룹 {facts.log_group}이(가) 없어 작업이 시작되지 않습니다"),
            f"aws logs create-log-group --log-group-name {facts.log_group}")  # fmt: skip
    if facts.image_there is False:
        yield Finding("image-missing", FAIL, Both(
            f"the image of {shown} is not in ECR: {container.get('image')}",
            f"{shown}의 이미지가 ECR에 없습니다: {container.get('image')}"), "academyctl ecr check")  # fmt: skip


def _jobs(facts: Facts) -> Iterator[Finding]:
    waiting = [job for job in facts.jobs if job.status == "RUNNABLE"]
    long = [job for job in waiting if (facts.now - job.created_at).total_seconds() >= RUNNABLE_S]
    if long:
        oldest = min(long, key=lambda job: job.created_at)
        yield Finding("runnable-long", FAIL, Both(
            f"{len(long)} jobs wait for a machine longer than {RUNNABLE_S // 60} min",
            f"작업 {len(long)}개가 {RUNNABLE_S // 60}분 넘게 컴퓨팅을 기다립니다"),
            f"academyctl batch show {oldest.id}")  # fmt: skip
    failed = [job for job in facts.jobs if job.status == "FAILED" and _ended_s(job, facts.now) < DAY_S]
    if failed:
        why, times = Counter(job.reason for job in failed).most_common(1)[0]
        newest = max(failed, key=lambda job: job.created_at)
        yield Finding("failed", WARN, Both(
            f"{len(failed)} jobs failed within a day; most often ({times}): {why}",
            f"하루 동안 작업 {len(failed)}개가 실패했습니다. 가장 많은 이유({times}): {why}"),
            f"academyctl batch logs {newest.id}")  # fmt: skip
    if not long and not failed:
        active = sum(job.active for job in facts.jobs)
        yield Finding("jobs", OK, Both(f"no job failed within a day; {active} are under way",
                      f"하루 동안 실패한 작업이 없습니다. 진행 중 {active}개"))  # fmt: skip


def _rows(facts: Facts) -> Iterator[Finding]:
    if facts.rows is None:
        yield Finding("rows-unread", WARN, Both(f"the job rows could not be read: {facts.database_why}",
                      f"작업 행을 읽을 수 없습니다: {facts.database_why}"), "academyctl diagnose db")  # fmt: skip
        return
    silent = [row for row in facts.rows if row.state == JobState.RUNNING and _silent_s(row) >= HEARTBEAT_S]
    if silent:
        yield Finding("silent", WARN, Both(
            f"{len(silent)} jobs are RUNNING without a heartbeat for {HEARTBEAT_S // 60} min, {silent[0].id} first",
            f"RUNNING 작업 {len(silent)}개의 하트비트가 {HEARTBEAT_S // 60}분 넘게 없습니다. 예: {silent[0].id}"),
            f"academyctl batch show {silent[0].id}")  # fmt: skip
    if facts.drift:
        yield Finding("drift", WARN, Both(f"the rows and Batch differ: {facts.drift} changes would mend that",
                      f"작업 행과 Batch가 다릅니다. 변경 {facts.drift}개가 필요합니다"),
                      "academyctl batch reconcile")  # fmt: skip
    if not silent and not facts.drift:
        yield Finding("rows", OK, Both(f"the rows and Batch agree ({len(facts.rows)} active)",
                      f"작업 행과 Batch가 일치합니다(활성 {len(facts.rows)}개)"))  # fmt: skip


def _vcpus(container: Raw) -> float:
    for one in container.get("resourceRequirements") or []:
        if one.get("type") == "VCPU":
            return float(one["value"])
    return float(container.get("vcpus") or 1)


def _ended_s(job: AwsJob, now: datetime) -> float:
    return (now - (job.stopped_at or job.created_at)).total_seconds()


def _silent_s(row: JobRow) -> float:
    return (row.seen_at - (row.last_heartbeat_at or row.updated_at)).total_seconds()
