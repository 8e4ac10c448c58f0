"""The AI worker: rosters to students, exports, and whatever job types `workers/ai_tasks` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from academyctl.settings import Settings
    from workers._model import Worker
    from workers.ai_tasks._model import Task


def worker(
    settings: Settings,
    *,
    tasks: Mapping[str, str | Task] | None = None,
    root: Path | None = None,
    let_go_s: float | None = None,
) -> Worker:
    """How the runtime runs it. `tasks`: other job types than those of `workers.ai_tasks`; the rest as Handler has it.

    Raises UsageError when the setting ai.types (or --types) names a type that does not exist.
    """
    import tempfile
    from pathlib import Path

    from academyctl.contract import logtokens
    from academyctl.contract.messages import parse_ai
    from workers import _folders
    from workers._guards import kept, locked, logged
    from workers._model import Worker
    from workers.ai.handler import Handler
    from workers.ai.registry import Registry
    from workers.ai.supervise import LET_GO_S
    from workers.ai_tasks import TASKS

    registry = Registry(TASKS if tasks is None else tasks, only=settings.ai.types)
    root = root or Path(tempfile.gettempdir()) / "ai-worker"
    _folders.remove_leftovers(root, "ai", host=settings.worker.id)
    handler = Handler(registry, root=root, let_go_s=LET_GO_S if let_go_s is None else let_go_s)
    return Worker(
        kind="ai",
        log_prefix="AI-SQS-WORKER",
        queues=_queues(settings),
        visibility_s=settings.ai.visibility_s,
        lease_s=settings.ai.lease_s,
        parse=parse_ai,
        handle=handler.handle,
        guards=(logged, kept, locked),
        exhausted=handler.exhausted,
        describe=_describe,
        prefetch=0,
        started=logtokens.AI_STARTED,
    )


def _queues(settings: Settings) -> dict[str, int]:
    """Queue -> weight; later generations of the platform have one queue for both tiers."""
    ai, named = settings.ai, settings.queues
    if ai.premium_only:
        return {named.ai_premium: 1}
    weights = {named.ai_basic: ai.basic_weight}
    weights[named.ai_lite] = weights.get(named.ai_lite, 0) + ai.lite_weight
    return weights


def _describe(job: Any) -> dict[str, Any]:
    """Fields for log lines and the heartbeat; nothing of the payload."""
    fields = {name: getattr(job, name) for name in ("job_id", "tenant_id", "tier", "job_type", "created_at")}
    return {name: value for name, value in fields.items() if value}
