"""Workers: who beats, who hangs, who is missing where work waits (contract 8.3; heartbeats are academyctl's own).

The platform's own workers write no heartbeat: messages in flight show that they live.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from academyctl.contract import keys
from checks import sqs
from checks._depth import Depth, unseen
from checks._fleet import ROLES
from checks._model import Because, Check, Finding, Kind, Snapshot, State, Verdict
from checks._workers_facts import Beat, Facts, Fleet, Job, gather

__all__ = ["CHECKS", "CLIENTS", "Beat", "Facts", "Fleet", "Job", "gather"]

CLIENTS = ("autoscaling", "sqs")
# Longer than any job that gets on: the longest visibility that the platform's scripts give to its queues.
_LONG_S = {"video": 21600, "ai": 3600, "messaging": 900}
YOUNG_S = 120
"""SQS counts lag, and a worker that has just started needs a moment: younger messages are not yet left alone."""
_AGAIN = ("academyctl diagnose workers --timeout 30",)
_REDIS = ("unreachable", "host-unknown", "password-wrong", "timeout", "odd", "replica", "loading")
_NO_MACHINES = ("nobody", "group-missing", "group-name", "no-machines", "activity-failed")

UNREAD = Kind("workers.unread", State.unknown, None, _AGAIN, because=tuple(Because(f"redis.{one}") for one in _REDIS))
ABSENT = Kind(
    "workers.absent", State.fail, Verdict.capacity, ("academyctl diagnose scaling",),
    because=(*(Because(f"scaling.{one}", ("role",)) for one in _NO_MACHINES), Because("scaling.none-here"),
             Because("video.no-worker", ("word",))),
)  # fmt: skip
QUEUE_UNSEEN = unseen("workers")
NONE_NEEDED = Kind("workers.none-needed", State.ok)
OTHERS = Kind("workers.others-work", State.ok)
MUTE = Kind("workers.no-heartbeat", State.warn, Verdict.infrastructure, ("academyctl diagnose video",))
HUNG = Kind("workers.hung", State.fail, Verdict.code, ("academyctl worker list",))
# One that has fallen silent is no worker; where work waits for it, that is told once.
STALE = Kind(
    "workers.stale", State.warn, Verdict.infrastructure, ("academyctl worker list",),
    because=(Because(ABSENT.code, ("role",)),),
)  # fmt: skip
MIXED = Kind("workers.versions-differ", State.warn, Verdict.settings, ("academyctl worker list",))
LONG = Kind("workers.job-long", State.warn, Verdict.code, ("academyctl worker list",))


def _judge_heartbeats(snapshot: Snapshot) -> Iterator[Finding]:
    facts = snapshot.see(Facts)
    if facts.trouble:
        yield UNREAD.found("", (facts.trouble.what, facts.trouble.told), why=facts.trouble.told)
    elif not facts.configured and not facts.beats:
        yield Kind(HEARTBEATS.code, State.skip).found("", need="redis.access")
    else:
        yield HEARTBEATS.ok("", count=len(facts.beats), who=", ".join(one.place for one in facts.beats[:5]) or "-")


def _judge_present(snapshot: Snapshot) -> Iterator[Finding]:
    facts, depths = snapshot.see(Facts), _depths(snapshot)
    for fleet in facts.fleets:
        ours = [one for one in facts.beats if one.role == fleet.role]
        beats = [one for one in ours if not one.silent_s]
        queues = [one for one in depths if one.word in ROLES[fleet.role]]
        left = [queue for queue in queues if _left_alone(queue, beats)]
        blind = next((queue for queue in queues if queue.trouble), None)
        in_flight = sum(queue.in_flight for queue in queues)
        if left:
            yield _absent(fleet, left)
        elif beats:
            jobs = sum(len(one.jobs) for one in beats)
            yield PRESENT.ok(fleet.role, role=fleet.role, count=len(beats), jobs=jobs)
        elif in_flight:
            yield OTHERS.found(fleet.role, role=fleet.role, count=in_flight)
        elif blind and blind.trouble:
            told = blind.trouble
            yield QUEUE_UNSEEN.found(blind.name, (told.what, told.told), word=blind.word, why=told.told)
        elif fleet.machines and not ours and not facts.emulated:
            yield MUTE.found(fleet.role, *_machines(fleet), role=fleet.role, count=fleet.machines)
        else:
            yield NONE_NEEDED.found(fleet.role, role=fleet.role)


def _depths(snapshot: Snapshot) -> tuple[Depth, ...]:
    """What waits, as topic `sqs` saw it, or this one where that was not asked."""
    seen = snapshot.find(sqs.Facts)
    if seen is None:
        return snapshot.see(Facts).queues
    out = []
    for queue in seen.queues:
        visible, in_flight, delayed = (
            (queue.box.visible, queue.box.in_flight, queue.box.delayed) if queue.box else (0, 0, 0)
        )
        young = queue.oldest_s is not None and queue.oldest_s < YOUNG_S
        out.append(Depth(queue.word, queue.name, 0 if young else visible, in_flight, delayed, queue.trouble))
    return tuple(out)


def _left_alone(queue: Depth, beats: list[Beat]) -> bool:
    """Whether work waits there, nobody has any in hand, and no worker that beats takes from it."""
    taken = any(not one.queues or queue.name in one.queues for one in beats)
    return bool(queue.visible) and not queue.in_flight and not taken


def _absent(fleet: Fleet, left: list[Depth]) -> Finding:
    told = [(f"sqs:GetQueueAttributes {queue.name}", f"visible={queue.visible} in flight=0") for queue in left]
    none = (f"Redis {keys.worker_heartbeats(fleet.role)}", "no heartbeat of a worker that takes from it")
    found = ABSENT.found(
        fleet.role, *told, none, *_machines(fleet), role=fleet.role, count=sum(queue.visible for queue in left),
        queues=", ".join(queue.name for queue in left), machines=fleet.machines, word=left[0].word,
    )  # fmt: skip
    run = (f"academyctl worker run {fleet.role}",) if fleet.role in sqs.RUNNABLE else ()
    return replace(found, commands=(*run, *found.commands))


def _machines(fleet: Fleet) -> list[tuple[str, str]]:
    if fleet.in_service is not None:
        return [(f"autoscaling:DescribeAutoScalingGroups {fleet.group}", f"InService={fleet.in_service}")]
    return [] if fleet.running is None else [("ec2:DescribeInstances by Name tag", f"running={fleet.running}")]


def _judge_turning(snapshot: Snapshot) -> Iterator[Finding]:
    beats = snapshot.see(Facts).beats
    for one in beats:
        at = f"academyctl:worker:{one.role}:{one.token}"
        values = {"role": one.role, "place": one.place}
        if one.silent_s:
            evidence = (at, f"beat_at is {one.silent_s:.0f} s old")
            yield STALE.found(one.token, evidence, seconds=f"{one.silent_s:.0f}", **values)
        elif one.stopped_s and not one.stopping:
            evidence = (at, f"beats; last_receive_at is {one.stopped_s:.0f} s before the beat, no job runs")
            yield HUNG.found(one.token, evidence, seconds=f"{one.stopped_s:.0f}", **values)
    if all(one.works or one.stopping for one in beats):
        yield TURNING.ok("", count=len(beats))


def _judge_versions(snapshot: Snapshot) -> Iterator[Finding]:
    beats = snapshot.see(Facts).beats
    fine = True
    for role in ROLES:
        versions: dict[str, list[Beat]] = {}
        for one in beats:
            if one.role == role and one.version:
                versions.setdefault(one.version, []).append(one)
        if len(versions) > 1:
            fine = False
            told = [(f"version {version}", ", ".join(one.place for one in them)) for version, them in versions.items()]
            yield MIXED.found(role, *told, role=role, versions=", ".join(versions))
    if fine:
        yield VERSIONS.ok("", versions=", ".join(sorted({one.version for one in beats if one.version})) or "-")


def _judge_jobs(snapshot: Snapshot) -> Iterator[Finding]:
    beats = snapshot.see(Facts).beats
    jobs = [(one, job) for one in beats for job in one.jobs]
    late = [(one, job) for one, job in jobs if job.age_s > _LONG_S.get(one.role, 21600)]
    for one, job in late:
        told = f"stage={job.stage} for {job.age_s / 60:.0f} min, attempt {job.attempt}"
        yield LONG.found(
            f"{one.role} {job.id}", (f"academyctl:worker:{one.role}:{one.token}", told), id=job.id, role=one.role,
            stage=job.stage, minutes=f"{job.age_s / 60:.0f}", place=one.place,
        )  # fmt: skip
    if not late:
        now = ", ".join(f"{one.role} {job.id} {job.stage} {job.age_s:.0f} s" for one, job in jobs[:5])
        yield JOBS.ok("", count=len(jobs), now=now or "-")


HEARTBEATS = Check("workers.heartbeats", _judge_heartbeats, kinds=(UNREAD,))
PRESENT = Check(
    "workers.present", _judge_present, ("workers.heartbeats", "sqs.access"),
    (ABSENT, QUEUE_UNSEEN, MUTE, NONE_NEEDED, OTHERS),
)  # fmt: skip
TURNING = Check("workers.turning", _judge_turning, ("workers.heartbeats",), (HUNG, STALE))
VERSIONS = Check("workers.versions", _judge_versions, ("workers.heartbeats",), (MIXED,))
JOBS = Check("workers.jobs", _judge_jobs, ("workers.heartbeats",), (LONG,))
CHECKS = (HEARTBEATS, PRESENT, TURNING, VERSIONS, JOBS)
