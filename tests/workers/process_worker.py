"""A worker process for the tests that kill, stop and pause one. What a message asks for, it does:

    {"n": 1}                     note `start 1 PID`, then `done 1 PID`
    {"n": 1, "seconds": 3}       work so long between the two, in steps that an interruption ends
    {"n": 1, "deaf": true}       work for ever and ignore every interruption

An interruption is noted as `stopped 1 PID LeaseLost`, and raised.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from academyctl import log
from academyctl.errors import AcademyError
from academyctl.settings import load
from academyctl.stores import Stores
from tests.workers.rig import make_worker
from workers._loop import RunOptions, run
from workers._model import Delivery, Done, Outcome

EVENTS = Path(os.environ["TEST_EVENTS"])


def note(word: str, delivery: Delivery, more: str = "") -> None:
    """One line, appended in one write, so that lines of several processes never mix."""
    line = f"{word} {delivery.job['n']} {os.getpid()} {more}".strip() + "\n"
    handle = os.open(EVENTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line.encode())
    os.close(handle)


def handle(delivery: Delivery) -> Outcome:
    note("start", delivery)
    if delivery.job.get("deaf"):
        while True:
            time.sleep(0.1)
    try:
        # Counted, not timed: a paused process has not worked meanwhile.
        for _ in range(round(delivery.job.get("seconds", 0) / 0.05)):
            delivery.wait(0.05)
        delivery.check()
    except AcademyError as why:
        note("stopped", delivery, type(why).__name__)
        raise
    note("done", delivery)
    return Done()


def main() -> int:
    env = os.environ
    visibility = int(env.get("TEST_VISIBILITY", "30"))
    worker = make_worker(
        handle, visibility_s=visibility, lease_s=visibility, prefetch=int(env.get("TEST_PREFETCH", "0"))
    )
    settings = load(env).settings
    log.setup(prefix="TEST-WORKER")
    options = RunOptions(
        concurrency=int(env.get("TEST_CONCURRENCY", "1")),
        grace_s=float(env.get("TEST_GRACE", "5")),
        health_file=EVENTS.with_name(f"{os.getpid()}.health"),
    )
    return run(worker, Stores(settings), options)


if __name__ == "__main__":
    sys.exit(main())
