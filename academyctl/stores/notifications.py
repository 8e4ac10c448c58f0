"""The platform's log of sent messages as read verbs (contract 3.1 messaging_notificationlog, 6.9).

The log has one row an attempt, and neither a message's id nor its number.
"""

from __future__ import annotations

from academyctl.stores.postgres_batch import Statement

NEWEST = 20_000
"""How many of the newest attempts are counted; the index on sent_at finds them without reading the rest."""
_RECENT = """
(SELECT sent_at, success, failure_reason FROM messaging_notificationlog
 WHERE sent_at > now() - make_interval(hours => %(hours)s) ORDER BY sent_at DESC LIMIT %(newest)s) AS recent
"""
_COUNTS = f"""
SELECT count(*)::int AS attempts, (count(*) FILTER (WHERE NOT success))::int AS failed,
       extract(epoch FROM now() - max(sent_at))::int AS last_s
FROM {_RECENT}
"""  # noqa: S608 - ours
_REASONS = f"""
SELECT left(coalesce(nullif(failure_reason, ''), '-'), 200) AS reason, count(*)::int AS count
FROM {_RECENT} WHERE NOT success GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10
"""  # noqa: S608 - ours


def counts(hours: int) -> Statement:
    """One row: attempts, failed, and the age of the newest in seconds (NULL without any)."""
    return _COUNTS, {"hours": hours, "newest": NEWEST}


def reasons(hours: int) -> Statement:
    """The most frequent reasons of failed attempts: reason, count."""
    return _REASONS, {"hours": hours, "newest": NEWEST}
