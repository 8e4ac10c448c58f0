"""Read an uploaded file in a child process: the one call for the worker and for the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from academyctl.errors import Cancelled
from academyctl.roster._refusals import refusal
from academyctl.roster._wire import from_json, request_json
from academyctl.roster.model import Ask, Limits, Reading
from academyctl.sandbox import module, run_child


def read(
    path: Path, ask: Ask, limits: Limits, *, spool: Path, stop_asked: Callable[[], bool] = lambda: False
) -> Reading:
    """What the file says; its good rows are in `spool` when the status is ok or errors.

    Never raises for what the file holds: too much for the limits is refused as `too-heavy`, what crashes its reader as
    `unreadable`. Raises Cancelled when `stop_asked` ended it; a job's own `check()` then knows the reason.
    """
    request = json.dumps(request_json(path, ask, limits, spool)).encode()
    child = run_child(
        module("academyctl.roster.child"),
        request,
        wall_s=limits.wall_s,
        cpu_s=limits.cpu_s,
        memory_bytes=limits.memory_bytes,
        stop_asked=stop_asked,
    )
    if child.reason == "stopped":
        raise Cancelled(f"reading {path.name} was stopped")
    if child.reason == "ok":
        try:
            return from_json(json.loads(child.stdout))
        except (ValueError, KeyError, TypeError):
            refused = refusal("unreadable")
    else:
        refused = refusal("unreadable" if child.reason == "crashed" else "too-heavy")
    return Reading("refused", refused.kind, refused)
