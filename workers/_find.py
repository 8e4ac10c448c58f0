"""Workers by the word the operator types: every file or folder here without a leading underscore is one."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import workers
from academyctl.errors import UsageError

if TYPE_CHECKING:
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


def check(word: str) -> None:
    """Raise UsageError unless there is such a worker."""
    if word not in words():
        raise UsageError(f"there is no worker '{word}'", remedy=f"one of: {', '.join(words())}")
