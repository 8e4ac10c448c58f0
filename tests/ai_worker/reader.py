"""The platform's own readers of a job, as its front end meets them (contract 2.1, 2.3, 5.3): nothing more is known."""

from __future__ import annotations

import json
from typing import Any

from academyctl.stores import Stores

SEVEN = ("step", "percent", "step_index", "step_total", "step_name", "step_name_display", "step_percent")


def progress_endpoint(stores: Stores, tenant_id: str, job_id: str) -> dict[str, Any]:
    """GET /jobs/{id}/progress/: the status key, else UNKNOWN; with the percentage of the progress key."""
    status = _object(stores, f"tenant:{tenant_id}:job:{job_id}:status") or {"status": "UNKNOWN"}
    return {**status, "progress": percentage(stores, tenant_id, job_id)}


def job_endpoint(stores: Stores, tenant_id: str, job_id: str) -> dict[str, Any]:
    """GET /jobs/{id}/: row, result and progress."""
    [row] = stores.db.query(
        "SELECT j.job_id, j.job_type, j.status, j.error_message, r.payload AS result "
        "FROM ai_job j LEFT JOIN ai_result r ON r.job_id = j.id WHERE j.job_id = %s AND j.tenant_id = %s",
        (job_id, tenant_id),
    )
    said = row["error_message"] or None
    return {**row, "error_message": said, "progress": _object(stores, f"tenant:{tenant_id}:job:{job_id}:progress")}


def percentage(stores: Stores, tenant_id: str, job_id: str) -> int | None:
    """The tenant's key, then the legacy one; a percentage that is none is None."""
    keys = (f"tenant:{tenant_id}:job:{job_id}:progress", f"job:{job_id}:progress")
    body = next((found for key in keys if (found := _object(stores, key))), None)
    try:
        return max(0, min(100, int(body["percent"]))) if body else None
    except (KeyError, TypeError, ValueError):
        return None


def _object(stores: Stores, key: str) -> dict[str, Any] | None:
    try:
        value = json.loads(stores.redis.get(key) or "null")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
