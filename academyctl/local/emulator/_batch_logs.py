"""Where a Batch job's output goes: a stream of its own in CloudWatch Logs."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any


def stream(job: dict[str, Any], default: str) -> tuple[str, Callable[[str], None]]:
    """The attempt's new stream and how a line is written to it. Raises LookupError: a group of one's own must exist."""
    from ministack.services import cloudwatch_logs as logs

    configured = job["container"].get("logConfiguration") or {}
    options = configured.get("options") or {} if configured.get("logDriver") == "awslogs" else {}
    group = str(options.get("awslogs-group") or default)
    if group not in logs._log_groups:
        if group != default and options.get("awslogs-create-group") != "true":
            raise LookupError(f"failed to initialize logging driver: the log group {group} does not exist")
        _done(logs._create_log_group({"logGroupName": group}))
    prefix = options.get("awslogs-stream-prefix") or job["jobDefinition"].rsplit("/", 1)[-1].split(":")[0]
    name = f"{prefix}/default/{uuid.uuid4().hex}"
    _done(logs._create_log_stream({"logGroupName": group, "logStreamName": name}))

    def said(line: str) -> None:
        event = {"timestamp": int(time.time() * 1000), "message": line}
        # AWS refuses an empty message, and the log driver leaves empty lines out.
        if line:
            logs._put_log_events({"logGroupName": group, "logStreamName": name, "logEvents": [event]})

    return name, said


def _done(answer: tuple[int, Any, bytes]) -> None:
    if answer[0] != 200:
        raise LookupError(str(json.loads(answer[2]).get("message", answer[2])))
