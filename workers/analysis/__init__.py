"""The analysis worker of guide 004: uploads go to the analysis service, its answers to S3 (see `handler`, `alone`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from academyctl.settings import Settings
    from workers._model import Worker


def worker(settings: Settings) -> Worker:
    """How the runtime runs it. Raises ConfigError when its results would be taken for uploads."""
    from academyctl.contract import logtokens
    from academyctl.contract.analysis import parse_uploads
    from workers._guards import kept, locked, logged
    from workers._model import Worker
    from workers.analysis.handler import Handler

    check(settings)
    said = settings.analysis
    handler = Handler()
    return Worker(
        kind="analysis",
        log_prefix="ANALYSIS-WORKER",
        queues={said.queue_name: 1},
        visibility_s=said.visibility_s,
        lease_s=said.lease_s,
        parse=parse_uploads,
        handle=handler.handle,
        # Without a lock_key there is no Redis lock: the claim in S3 is one, and a container here has no Redis.
        guards=(logged, kept, locked),
        describe=describe,
        hold_off_s=handler.hold_off_s,
        prefetch=0,
        started=logtokens.ANALYSIS_STARTED,
    )


def direct(settings: Settings, environ: Mapping[str, str]) -> int | None:
    """One upload named by S3_BUCKET and S3_KEY, as a Batch container gets it: its exit code, and no queue is read.

    None when the environment names none. Raises ConfigError.
    """
    from workers.analysis import alone

    return alone.run(worker(settings), settings, environ) if alone.names_one(environ) else None


def once_code(code: int, settled: Mapping[str, int], *, empty_ok: bool) -> int:
    """The exit code of `--once`; see `alone`."""
    from workers.analysis import alone

    return alone.once_code(code, settled, empty=0 if empty_ok else alone.EXIT_EMPTY)


def check(settings: Settings) -> None:
    """Raise ConfigError unless results lie in a folder of their own: they would be analysed themselves."""
    from academyctl.errors import ConfigError

    prefix = settings.analysis.results_prefix
    if not prefix.strip("/") or not prefix.endswith("/"):
        raise ConfigError(
            f"config error: ANALYSIS_RESULTS_PREFIX={prefix!r} is no folder",
            remedy="name a folder that ends with a slash, as analysis-results/",
        )


def describe(job: Any) -> dict[str, Any]:
    """Fields for log lines and the heartbeat."""
    from academyctl.contract.analysis import shown

    if not job.uploads:
        return {}
    first = job.uploads[0]
    more = f" and {len(job.uploads) - 1} more" if len(job.uploads) > 1 else ""
    fields = {"video_id": first.video_id, "job_id": f"{first.bucket}/{shown(first.key)}{more}"}
    return {name: value for name, value in fields.items() if value}
