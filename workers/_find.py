"""Workers by the word the operator types: every file or folder here without a leading underscore is one."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import workers
from academyctl.errors import Both, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from academyctl.settings import Settings
    from workers._model import Worker


def words() -> list[str]:
    """The workers that exist."""
    names = (module.name for module in pkgutil.iter_modules(workers.__path__))
    # workers/ai_tasks holds job types, not workers.
    return sorted(name for name in names if not name.startswith("_") and not name.endswith("_tasks"))


def make(word: str, settings: Settings) -> Worker:
    """The worker of that name, over these settings. Raises UsageError with what exists."""
    check(word)
    made: Worker = importlib.import_module(f"workers.{word}").worker(settings)
    return made


def direct(word: str, settings: Settings, environ: Mapping[str, str]) -> int | None:
    """The exit code of a worker that did the one job its environment names; None = there is none, or no such worker."""
    run = getattr(importlib.import_module(f"workers.{word}"), "direct", None)
    code: int | None = run(settings, environ) if run is not None else None
    return code


def exit_code(word: str, *, once: bool, empty_ok: bool) -> Callable[[int, Mapping[str, int]], int]:
    """How `--once` tells its endings apart, where the worker has exit codes of its own for them."""
    tell = getattr(importlib.import_module(f"workers.{word}"), "once_code", None) if once else None
    if tell is None:
        return lambda code, _settled: code
    return lambda code, settled: int(tell(code, settled, empty_ok=empty_ok))


def check(word: str) -> None:
    """Raise UsageError unless there is such a worker."""
    if word not in words():
        known = ", ".join(words())
        raise UsageError(
            Both(f"there is no worker '{word}'", f"'{word}' 워커는 없습니다"),
            remedy=Both(f"one of: {known}", f"다음 중 하나: {known}"),
        )
