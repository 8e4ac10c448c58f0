"""All AI jobs at a glance, for the diagnosis (contract 3.1, 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from academyctl.stores.postgres import Postgres, Row
from academyctl.stores.postgres_batch import Statement, read

OPEN = ("VALIDATING", "PENDING", "RETRYING", "RUNNING", "FALLBACK_TO_GPU", "REVIEW_REQUIRED")
NEWEST = 5000
"""How many of the newest jobs are looked at for what ended: neither created_at nor updated_at has an index."""
LISTED = 20
# A lease that has just run out may be about to be renewed or cleared.
GRACE_S = 120
_OPEN = """
SELECT status, count(*)::int AS count, extract(epoch FROM now() - min(created_at))::int AS oldest_s
FROM ai_job WHERE status = ANY(%(open)s) GROUP BY status ORDER BY status
"""
_STALE = """
SELECT job_id, job_type, tier, coalesce(locked_by, '') AS owner,
       extract(epoch FROM now() - coalesce(lease_expires_at, updated_at))::int AS since_s,
       count(*) OVER ()::int AS total
FROM ai_job
WHERE status = 'RUNNING' AND (coalesce(locked_by, '') = '' OR lease_expires_at IS NULL OR lease_expires_at < now())
      AND coalesce(lease_expires_at, updated_at) < now() - make_interval(secs => %(grace_s)s)
ORDER BY lease_expires_at NULLS FIRST, id LIMIT %(listed)s
"""
# The producer puts a tier that it does not know into the basic queue.
_WAITING = """
SELECT job_id, job_type, tier, since_s, total FROM (
    SELECT *, count(*) OVER (PARTITION BY tier)::int AS total,
           row_number() OVER (PARTITION BY tier ORDER BY id) AS place
    FROM (SELECT id, job_id, job_type, extract(epoch FROM now() - created_at)::int AS since_s,
                 CASE WHEN tier IN ('lite', 'premium') THEN tier ELSE 'basic' END AS tier
          FROM ai_job WHERE status = 'PENDING' AND created_at < now() - make_interval(mins => %(minutes)s)) AS waiting
) AS numbered WHERE place <= %(listed)s ORDER BY tier, place
"""
_RECENT = """
(SELECT id, job_id, job_type, status, error_message, last_error, updated_at FROM ai_job ORDER BY id DESC
 LIMIT %(newest)s) AS j WHERE updated_at > now() - make_interval(hours => %(hours)s)
"""
_WHY = "coalesce(nullif(error_message, ''), nullif(last_error, ''), '-')"
_ENDED = f"""
SELECT count(*)::int AS ended,
       (count(*) FILTER (WHERE status <> 'DONE' OR error_message <> ''))::int AS failed,
       (count(*) FILTER (WHERE status = 'DONE' AND error_message <> ''))::int AS hidden,
       (count(*) FILTER (WHERE status = 'DONE' AND error_message = ''
                         AND NOT EXISTS (SELECT 1 FROM ai_result r WHERE r.job_id = j.id)))::int AS without_result,
       (array_agg(job_id ORDER BY id DESC) FILTER (WHERE status = 'DONE' AND error_message <> ''))[1:5] AS hidden_ids,
       (array_agg(job_id ORDER BY id DESC) FILTER (WHERE status = 'DONE' AND error_message = ''
                         AND NOT EXISTS (SELECT 1 FROM ai_result r WHERE r.job_id = j.id)))[1:5] AS without_ids
FROM {_RECENT} AND status IN ('DONE', 'FAILED', 'REJECTED_BAD_INPUT')
"""  # noqa: S608 - ours
_REASONS = f"""
SELECT left({_WHY}, 200) AS reason, count(*)::int AS count
FROM {_RECENT} AND (status IN ('FAILED', 'REJECTED_BAD_INPUT') OR (status = 'DONE' AND error_message <> ''))
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10
"""  # noqa: S608 - ours


@dataclass(frozen=True)
class Survey:
    """Rows as PostgreSQL gave them: `open` by status; `stale` and `waiting` jobs, each row with the `total` of its
    kind (of its tier); `ended` one row of counts; `reasons` most frequent first."""

    open: list[Row]
    stale: list[Row]
    waiting: list[Row]
    ended: Row
    reasons: list[Row]


def survey(db: Postgres, *, pending_minutes: int, hours: int) -> Survey:
    """Jobs that are open, RUNNING without a living lease, PENDING for longer than that; and what ended in the hours.

    One round trip. Raises DatabaseAway.
    """
    recent = {"newest": NEWEST, "hours": hours}
    statements: Mapping[str, Statement] = {
        "open": (_OPEN, {"open": list(OPEN)}),
        "stale": (_STALE, {"grace_s": GRACE_S, "listed": LISTED}),
        "waiting": (_WAITING, {"minutes": pending_minutes, "listed": LISTED}),
        "ended": (_ENDED, recent),
        "reasons": (_REASONS, recent),
    }
    rows = read(db, statements)
    return Survey(rows["open"], rows["stale"], rows["waiting"], rows["ended"][0], rows["reasons"])
