"""Commands in processes of their own that begin with the libraries in memory: importing them is most of a start.

A server (multiprocessing's) that has imported them forks once per command. What is different from `python -m`: the
process's command line, and that an import costs nothing. Where the start itself is the claim, start it for real.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

POSSIBLE = "forkserver" in multiprocessing.get_all_start_methods()
_LIBRARIES = (
    "academyctl.cli._root", "academyctl.cli.worker", "academyctl.settings",
    "academyctl.stores.postgres", "academyctl.stores.r2", "academyctl.stores.redis", "academyctl.stores.sqs",
    "academyctl.stores.aws", "workers._loop", "workers.video.handler", "rich.console", "typer",
)  # fmt: skip


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *_LIBRARIES])
    return context


def start(
    words: Sequence[str], *, env: Mapping[str, str], out: Path, err: Path, folder: Path | None = None,
    module: str = "academyctl",
) -> BaseProcess:  # fmt: skip
    """Begin `python -m module words`, what it says appended to `out` and `err`."""
    process = _server().Process(
        target=_run, args=(module, tuple(words), dict(env), str(folder or Path.cwd()), str(out), str(err))
    )
    process.start()
    return process


def _run(module: str, words: tuple[str, ...], env: dict[str, str], folder: str, out: str, err: str) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    tempfile.tempdir = None
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the process's own
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
