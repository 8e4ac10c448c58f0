"""A task in a thread of its own, watched: it ends in time, or it is given up.

A task's children are killed when the job is told to stop: they ask `stop_asked` (`academyctl.sandbox`). What nobody can
kill is a thread that is stuck in code without a `check`: it is given up some seconds after its time limit. Then the job
is FAILED and its message done with, and the thread can write nothing any more, for every write is fenced by the lease
token and RUNNING. But it may hold memory and the processor for ever, so the process takes no more jobs and ends in
order, with code 1, and its supervisor starts a new one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from academyctl.errors import AcademyError, WorkFailed
from workers.ai.job import Job
from workers.ai_tasks._model import Committed, Result

LET_GO_S = 5.0
"""How long a task may take to stop after it was told to: a child's kill, a statement that runs."""


class Abandoned(WorkFailed):
    """The task's thread did not stop when it was told to."""

    code = "abandoned"


def supervised(work: Job, run: Callable[[Job], Result | Committed], *, let_go_s: float) -> Result | Committed:
    """What the task returned; raises what it threw, or Abandoned."""
    ended = threading.Event()
    box: list[Result | Committed | BaseException] = []

    def target() -> None:
        try:
            box.append(run(work))
        except BaseException as error:  # noqa: BLE001 - also SystemExit is this one job's failure; see below
            box.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=target, name=f"task-{work.job_id[:8]}", daemon=True)
    thread.start()
    try:
        while not ended.wait(work.seconds_left):
            try:
                work.check()
            except AcademyError:  # it is noted in the delivery, and every later `check` of the task raises it
                break
        if not ended.wait(let_go_s):
            raise Abandoned(f"job {work.job_id} did not stop within {let_go_s:.0f} s after it was told to")
    finally:
        work.end()
    outcome = box[0]
    if isinstance(outcome, Exception):
        raise outcome
    if isinstance(outcome, BaseException):
        raise WorkFailed(f"the task of job {work.job_id} ended with {type(outcome).__name__}") from outcome
    return outcome
