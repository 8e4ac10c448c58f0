"""A worker of the real runtime against the strict SQS and a real Redis: in a thread of the test, or in a process."""

from __future__ import annotations

import io
import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis as redis_client

from academyctl.errors import BadMessage
from academyctl.local.services import redis_program
from academyctl.log import MaskingFormatter
from academyctl.settings import load
from academyctl.stores import Stores
from tests.conftest import eventually
from tests.strict_sqs import StrictSqs
from workers._clock import Clock
from workers._guards import kept, locked, logged
from workers._loop import RunOptions, run
from workers._model import Delivery, Done, Outcome, Worker
from workers._signals import Inbox, Signalled

QUEUE = "jobs"
DLQ = "jobs-dlq"
LOCK = "job:encode:{}:lock"
ROOT = Path(__file__).parents[2]


def parse(body: str) -> dict[str, Any]:
    """Test messages are JSON objects."""
    try:
        job = json.loads(body)
    except ValueError as error:
        raise BadMessage("Invalid JSON in message body") from error
    if not isinstance(job, dict):
        raise BadMessage("Invalid message format: not a JSON object")
    return job


def describe(job: dict[str, Any]) -> dict[str, Any]:
    return {key: job[key] for key in ("video_id", "tenant_id") if key in job}


def make_worker(handle: Callable[[Delivery], Outcome], **changes: Any) -> Worker:
    """A worker with the guards that every real one has; it locks by video_id when the job has one."""
    defaults: dict[str, Any] = {
        "kind": "test",
        "log_prefix": "TEST-WORKER",
        "queues": {QUEUE: 1},
        "visibility_s": 30,
        "lease_s": 30,
        "parse": parse,
        "handle": handle,
        "guards": (logged, kept, locked),
        "lock_key": lambda job: LOCK.format(job["video_id"]) if "video_id" in job else None,
        "describe": describe,
    }
    return Worker(**(defaults | changes))


def body(**job: Any) -> str:
    return json.dumps(job)


@dataclass
class Seen:
    """What a handler of a test was called with; `then` decides what it returns."""

    then: Callable[[Delivery], Outcome] = lambda _delivery: Done()
    deliveries: list[Delivery] = field(default_factory=list)

    def __call__(self, delivery: Delivery) -> Outcome:
        self.deliveries.append(delivery)
        return self.then(delivery)

    def called(self, times: int) -> bool:
        return len(self.deliveries) == times

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return [delivery.job for delivery in self.deliveries]


@dataclass
class Running:
    """A loop in a thread of the test."""

    inbox: Inbox
    thread: threading.Thread
    log: io.StringIO
    stores: Stores
    ended: list[int | BaseException] = field(default_factory=list)
    hard_exits: list[int] = field(default_factory=list)

    def signal(self) -> None:
        self.inbox.put(Signalled("SIGTERM"))

    def wait(self, seconds: float = 10) -> int:
        """The exit code; raises what the loop raised."""
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "the loop did not end\n" + self.log.getvalue()[-2000:]
        if isinstance(self.ended[0], BaseException):
            raise self.ended[0]
        return self.ended[0]

    def stop(self) -> int:
        self.signal()
        return self.wait()


@dataclass
class Rig:
    """One test's world."""

    sqs: StrictSqs
    env: dict[str, str]
    folder: Path

    @contextmanager
    def running(
        self, worker: Worker, env: Mapping[str, str] | None = None, clock: Clock | None = None, **options: Any
    ) -> Iterator[Running]:
        """The loop in a thread, stopped at the end if it has not ended by itself."""
        stream = io.StringIO()
        with logged_into(stream):
            stores = Stores(load({**self.env, **(env or {})}).settings)
            loop = Running(Inbox(), threading.Thread(), stream, stores)
            usual: dict[str, Any] = {"health_file": self.folder / "test.health", "wait_s": 1, "grace_s": 2}
            said = RunOptions(**(usual | options))

            def target() -> None:
                try:
                    code = run(
                        worker, stores, said, clock=clock, rng=random.Random(7), inbox=loop.inbox,
                        end_now=loop.hard_exits.append,
                    )  # fmt: skip
                    loop.ended.append(code)
                except BaseException as error:
                    loop.ended.append(error)

            loop.thread = threading.Thread(target=target, daemon=True)
            loop.thread.start()
            try:
                yield loop
            finally:
                loop.signal()
                loop.thread.join(15)
                stores.close()

    def once(self, worker: Worker, count: int = 1, **options: Any) -> str:
        """Run until `count` messages were taken and settled; the log."""
        with self.running(worker, max_jobs=count, **options) as loop:
            assert loop.wait() == 0
            return loop.log.getvalue()

    @contextmanager
    def process(self, **job_env: str) -> Iterator[WorkerProcess]:
        """`tests.workers.process_worker` as a process; see there for what its messages may ask."""
        log = self.folder / f"worker-{time.monotonic_ns()}.log"
        env = {**os.environ, **self.env, **job_env, "TEST_EVENTS": str(self.folder / "events")}
        argv = [sys.executable, "-m", "tests.workers.process_worker"]
        with log.open("wb") as stream, subprocess.Popen(argv, env=env, cwd=ROOT, stdout=stream, stderr=stream) as child:
            try:
                yield WorkerProcess(child, log)
            finally:
                if child.poll() is None:
                    child.kill()

    def events(self) -> list[str]:
        """What process workers noted, one line an event: `start N PID`, `done N PID`."""
        path = self.folder / "events"
        return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []

    def count(self, word: str) -> int:
        return sum(event.startswith(word + " ") for event in self.events())

    def receives(self, count: int = 1) -> None:
        """Wait until the worker has asked the queue so often."""
        eventually(lambda: self.sqs.calls["ReceiveMessage"] >= count)

    def drained(self) -> None:
        eventually(lambda: self.sqs.left(QUEUE) == 0)


@dataclass
class WorkerProcess:
    child: subprocess.Popen[bytes]
    path: Path

    @property
    def pid(self) -> int:
        return self.child.pid

    def send(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def wait(self, seconds: float = 15) -> int:
        return self.child.wait(seconds)

    @property
    def log(self) -> str:
        return self.path.read_text(encoding="utf-8")


class RedisServer:
    """A redis-server of the tests' own, which can go away and come back."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        return {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port)}

    @property
    def client(self) -> Any:
        return redis_client.Redis(port=self.port, decode_responses=True)

    def start(self) -> None:
        argv = [*redis_program(), "--port", str(self.port), "--save", "", "--dir", str(self.folder)]
        self._child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._answers)

    def stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis_client.RedisError:
            return False


@contextmanager
def logged_into(stream: io.StringIO) -> Iterator[None]:
    """The worker's log, masked and formatted as in production, into a string."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(MaskingFormatter(prefix="TEST-WORKER", as_json=False))
    logger = logging.getLogger("academyctl")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
