"""How one process runs its worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunOptions:
    """How to run. `grace_s`: what a running job gets after SIGTERM; `wait_s`: the long poll; `max_jobs` 0 = no end.

    `idle_exit_s`: leave after so long without anything to do, 0 = never; `leave_asg`: end this EC2 instance then, and
    protect it while it works; `notice_s`: so often AWS is asked what it is about to do with the instance. `exit_code`
    has the last word: of the usual code, and of how many messages were settled under each word (`stopped`: none, for
    the process was told to go).
    """

    once: bool = False
    drain: bool = False
    concurrency: int = 1
    max_jobs: int = 0
    max_rss_mb: int = 0
    grace_s: float = 8
    wait_s: int = 20
    idle_exit_s: float = 0
    leave_asg: bool = False
    notice_s: float = 5
    metrics_port: int = 0
    metrics_address: str = "0.0.0.0"
    health_file: Path | None = None
    exit_code: Callable[[int, Mapping[str, int]], int] = lambda code, _settled: code
