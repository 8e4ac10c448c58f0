"""What the parts of our Batch share: names, the clock, answers as ministack gives them."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

Raw = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
LOCK = threading.RLock()
"""Of every job: requests come in one thread, each attempt has its own."""


def short(ref: str) -> str:
    """The name in an ARN; a name as it is."""
    return str(ref).rsplit("/", 1)[-1]


def now() -> int:
    return int(time.time() * 1000)


def answer(body: Raw) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def refused(message: str) -> Answer:
    from ministack.core.responses import error_response_json

    made: Answer = error_response_json("ClientException", message, 400)
    return made


def jobs_of(queue: str) -> list[Raw]:
    from ministack.services import batch as service

    found = [job for job in service._jobs.values() if short(job["jobQueue"]) == queue]
    return sorted(found, key=lambda job: -job["createdAt"])


def environments(queue: Raw) -> list[str]:
    order = sorted(queue.get("computeEnvironmentOrder") or [], key=lambda one: int(one.get("order", 0)))
    return [short(one["computeEnvironment"]) for one in order]


def enabled(environment: Raw) -> bool:
    return bool(environment["state"] == "ENABLED")
