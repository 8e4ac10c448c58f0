"""The job types of this worker: which it takes, and their code, imported when the first job of a type comes."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Mapping

from academyctl.errors import UsageError
from academyctl.settings import Settings
from workers.ai_tasks._model import Task

log = logging.getLogger("academyctl.ai")

SECRETS = ("initial_password",)
"""Removed from the payload of every job that ends here, also of one whose type's code cannot be imported."""


def normal(job_type: str) -> str:
    """A job type as the platform compares it (contract 5.2); for all types, not only the Excel ones."""
    return job_type.strip().lower()


class Registry:
    """Job type -> Task, or why its jobs are left for other workers. `only` = '' takes all, else types by commas.

    Raises UsageError for a type in `only` that does not exist.
    """

    def __init__(self, tasks: Mapping[str, str | Task], *, only: str = "") -> None:
        self._tasks = dict(tasks)
        self._only = _chosen(only, tasks)
        self._loaded: dict[str, Task | str] = {}
        self._lock = threading.Lock()

    def task(self, job_type: str, settings: Settings) -> Task | str:
        """The type's Task, or the reason why this worker leaves its jobs alone."""
        if job_type not in self._tasks:
            return "this worker does not know the type"
        if job_type not in self._only:
            return "this worker was told to take other types only"
        with self._lock:
            if job_type not in self._loaded:
                self._loaded[job_type] = _load(job_type, self._tasks[job_type])
            loaded = self._loaded[job_type]
        if isinstance(loaded, str):
            return loaded
        try:
            missing = loaded.missing(settings)
        except Exception as error:  # one type's own trouble must not reach the other types
            log.warning("cannot tell whether all that %s needs is here", job_type, exc_info=True)
            missing = f"{type(error).__name__}: {error}"
        return f"this installation lacks what it needs: {missing}" if missing else loaded

    def secret_keys(self, job_type: str) -> tuple[str, ...]:
        """What is removed from the payload when a job of this type ends."""
        loaded = self._loaded.get(job_type)
        own = loaded.secret_keys if isinstance(loaded, Task) else ()
        return tuple(dict.fromkeys((*SECRETS, *own)))


def _load(job_type: str, where: str | Task) -> Task | str:
    """Import it once: a process that imported half of a module is no place to try again. The reason if that fails."""
    if isinstance(where, Task):
        return where
    try:
        task = importlib.import_module(where).TASK
    except Exception as error:  # a missing extra, or a bug, of one type must not hurt the others (contract 5.1)
        log.error("the code of job type %s cannot be imported; restart the worker when it can", job_type, exc_info=True)
        return f"its code cannot be imported: {type(error).__name__}: {error}"
    if not isinstance(task, Task):
        return f"{where}.TASK is no Task"
    return task


def _chosen(only: str, tasks: Mapping[str, str | Task]) -> frozenset[str]:
    words = [normal(word) for word in only.split(",") if word.strip()]
    unknown = [word for word in words if word not in tasks]
    if unknown:
        raise UsageError(f"there is no job type '{unknown[0]}'", remedy=f"some of: {', '.join(sorted(tasks))}")
    return frozenset(words or tasks)
