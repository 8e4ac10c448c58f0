"""The AI worker as a process of its own, for the tests that kill and stop one; its one task works for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from academyctl import log
from academyctl.settings import load
from academyctl.stores import Stores
from tests.ai_worker.bench import TYPE, Bench, task, until_stopped
from workers._loop import RunOptions, run
from workers.ai import worker
from workers.ai_tasks._model import Result, Work

ROOT = Path(__file__).parents[2]


@dataclass
class Process:
    child: subprocess.Popen[bytes]
    folder: Path

    def began(self) -> bool:
        return (self.folder / "began").exists()

    def log(self) -> str:
        return (self.folder / "worker.log").read_text(encoding="utf-8")


@contextmanager
def worker_process(bench: Bench, **env: str) -> Iterator[Process]:
    """Running until the block ends."""
    said = {**os.environ, **bench.env, **env, "TEST_FOLDER": str(bench.folder)}
    argv = [sys.executable, "-m", "tests.ai_worker.process_worker"]
    with (bench.folder / "worker.log").open("wb") as stream:
        child = subprocess.Popen(argv, env=said, cwd=ROOT, stdout=stream, stderr=stream)
        try:
            yield Process(child, bench.folder)
        finally:
            child.kill()
            child.wait()


def main() -> int:
    folder = Path(os.environ["TEST_FOLDER"])

    def work(job: Work) -> Result:
        (job.folder / "roster.xlsx").write_bytes(b"x")
        (folder / "began").touch()
        return until_stopped(job)

    settings = load(os.environ).settings
    made = worker(settings, tasks={TYPE: task(work)}, root=folder / "work")
    log.setup(prefix=made.log_prefix)
    options = RunOptions(wait_s=1, grace_s=settings.worker.grace_s, health_file=folder / "ai.health")
    return run(made, Stores(settings), options)


if __name__ == "__main__":
    sys.exit(main())
