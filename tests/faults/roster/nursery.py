"""Worker processes without their start: everything is imported once, then a fork is a worker.

A program whose argument is the worker's kind: one JSON line in is a request, one out its answer. {"env", "log",
"folder"} starts `academyctl worker run KIND` with that environment and answers its process id; {"wait": pid} waits for
its end and answers its exit code (negative: the signal).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

COMMON = (
    "academyctl.__main__", "academyctl.cli._root", "academyctl.cli.worker", "academyctl.settings",
    "academyctl.stores.postgres", "academyctl.stores.redis", "academyctl.stores.sqs", "workers._loop",
    "workers._health",
)  # fmt: skip
IMPORTED = {
    "ai": (
        "boto3.s3.inject", "academyctl.stores.r2", "workers.ai.handler", "workers.ai_tasks.excel_parsing",
        "academyctl.roster.reading",
    ),
    "messaging": ("solapi.services.message_service", "academyctl.stores.solapi_sending", "workers.messaging.handler"),
}  # fmt: skip


def serve(kind: str) -> None:
    for name in (*COMMON, *IMPORTED[kind]):
        importlib.import_module(name)
    from academyctl.stores.aws import client_factory

    # The service's description is read with the first client of a process: half of a worker's start.
    client_factory(region="ap-northeast-2", access_key="nobody", secret_key="nothing")("sqs")
    for line in sys.stdin:
        told = json.loads(line)
        if "wait" in told:
            answer = os.waitstatus_to_exitcode(os.waitpid(told["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                _become(kind, told)
        print(answer, flush=True)


def _become(kind: str, told: dict[str, Any]) -> None:
    code = 70
    try:
        log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(target, number)
        os.environ.clear()
        os.environ.update(told["env"])
        os.chdir(told["folder"])
        tempfile.tempdir = None
        sys.argv = ["academyctl", "worker", "run", kind]
        from academyctl.__main__ import main

        code = main(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    serve(sys.argv[1])
