"""`batch submit --from-queue`: messages of the video queue become Batch jobs.

A message is deleted when its job is submitted, not before: killed in between, it comes back, and whoever has it next
(this command or a worker) finds the job that is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from academyctl.contract.messages import VideoEncode, parse_video
from academyctl.errors import BadMessage, Both, WorkFailed
from academyctl.ops.batch_gather import videos
from academyctl.ops.batch_plans import Plan, Seen, Where, plan_submit, submit_row

if TYPE_CHECKING:
    from academyctl.stores import Stores
    from academyctl.stores.sqs import Message

HOLD_S = 120
"""So long a message that cannot become a job, or whose taker was killed, stays hidden."""
WAIT_S = 1


@dataclass(frozen=True)
class TakeMessage:
    """Receive one message, submit its video, delete it. What came of it is put into `said`."""

    number: int
    queue: str
    waiting: int
    where: Where
    said: list[Both] = field(default_factory=list, compare=False, repr=False)

    def __str__(self) -> str:
        return (
            f"take message {self.number} of {self.waiting} that wait in {self.queue}, submit its video to "
            f"{self.where.queue}, delete it"
        )

    def do(self, stores: Stores) -> None:
        found = stores.sqs.receive(self.queue, max_messages=1, wait_s=WAIT_S, visibility_s=HOLD_S)
        for message in found:
            video_id, why = self._submitted(stores, message)
            if why:
                self.said.append(_left(self.queue, message.id, why))
                continue
            stores.sqs.delete(self.queue, [(message.id, message.receipt)])
            self.said.append(Both(f"video {video_id}: submitted", f"비디오 {video_id}: 제출했습니다"))

    @property
    def undo(self) -> str:
        return "cancel the job, then send the message again: academyctl batch list; academyctl video enqueue VIDEO_ID"

    def _submitted(self, stores: Stores, message: Message) -> tuple[int, str]:
        """(video id, '' or why its message has to stay)."""
        try:
            job = parse_video(message.body)
        except BadMessage as error:
            return 0, str(error)
        if not isinstance(job, VideoEncode):
            return job.video_id, "it deletes a video's objects; a worker of the queue does that"
        seen = videos(stores, [job.video_id], self.where.queue)[0]
        try:
            plan = _plan(seen, job, self.where)
        except WorkFailed as error:
            return job.video_id, error.why or error.what
        if not plan.repairs and not (seen.active and seen.active.sent):
            return job.video_id, plan.remarks[0].en if plan.remarks else "nothing can be submitted for it"
        for repair in plan.repairs:
            repair.do(stores)
        return job.video_id, ""


def _plan(seen: Seen, job: VideoEncode, where: Where) -> Plan:
    if job.job_id is None:
        return plan_submit([seen], where)
    row = next((one for one in seen.jobs if one.id == job.job_id), None)
    if row is None or not row.active:
        raise WorkFailed("nothing was submitted", why=f"its job {job.job_id} is {row.state if row else 'not there'}")
    repairs, remarks = submit_row(row, seen, where)
    return Plan(tuple(repairs), tuple(remarks))


def take(queue: str, waiting: int, count: int, where: Where) -> tuple[list[TakeMessage], list[Both]]:
    """One repair a message, and the list that tells at the end what came of each."""
    said: list[Both] = []
    return [TakeMessage(number, queue, waiting, where, said) for number in range(1, min(waiting, count) + 1)], said


def _left(queue: str, message_id: str, why: str) -> Both:
    return Both(
        f"message {message_id} stays in {queue}: {why}", f"메시지 {message_id}은(는) {queue}에 그대로 둡니다: {why}"
    )
