"""What a worker last said of itself, in its heartbeat or its health file, and the judgement of it.

Workers write it, `worker health` and the diagnosis read it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from academyctl.contract.messages import parse_time

if TYPE_CHECKING:
    from academyctl.settings import Settings

BEATS_MISSED = 3
"""A heartbeat key lives so many beats; a health file older than that is a keeper that died."""


def path_for(settings: Settings, kind: str) -> Path:
    """Where a worker of this kind keeps its health file."""
    said = settings.worker.health_file
    return Path(said) if said else Path(tempfile.gettempdir()) / f"academyctl-{kind}.health"


def read(path: Path) -> dict[str, Any] | None:
    """The document, or None when there is none that can be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def judge(document: Mapping[str, Any] | None, now: datetime) -> str:
    """What is wrong with the worker, '' when it is healthy.

    Healthy: the keeper has beaten within three beats, and the loop turns.
    """
    if document is None:
        return "it does not run, or has not beaten yet"
    beat_at, started_at = parse_time(document.get("beat_at")), parse_time(document.get("started_at"))
    if beat_at is None or started_at is None:
        return "its health file cannot be read"
    silent_s = (now - beat_at).total_seconds()
    if silent_s > patience_s(document):
        return f"its keeper has not beaten for {silent_s:.0f} s"
    idle_s = stopped_s(document, now)
    return f"no receive has come back for {idle_s:.0f} s and no job runs" if idle_s else ""


def patience_s(document: Mapping[str, Any]) -> float:
    """Seconds without a beat after which its keeper counts as dead."""
    return BEATS_MISSED * seconds(document.get("beat_s"), 20) + 2


def stopped_s(document: Mapping[str, Any], at: datetime) -> float:
    """For how many seconds the loop has not turned, 0 while it does.

    It turns when a receive has come back, or was found to be of no use now, within twice its wait + 10 s (a new process
    has that long for its first), or when jobs run.
    """
    turns = [turn for name in ("last_receive_at", "held_off_at") if (turn := parse_time(document.get(name)))]
    turned_at = max(turns) if turns else parse_time(document.get("started_at"))
    if turned_at is None or document.get("jobs"):
        return 0.0
    idle = at - turned_at
    return idle.total_seconds() if idle > timedelta(seconds=2 * seconds(document.get("wait_s"), 20) + 10) else 0.0


def seconds(value: object, default: float) -> float:
    """A number of the document; another value than a number is the default."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
