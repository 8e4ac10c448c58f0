"""The rule that removes uploads: N days after their video is READY (contract 11 #8; VIDEO_RAW_RETENTION_DAYS).

An upload is the only way to encode a video again, so it goes late and carefully: only from under
`tenants/{id}/video/raw/`, only when every row that stands on it has been READY long enough, and with those rows locked
while it goes, so that no retry can start on it meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from academyctl.contract import keys, logtokens
from academyctl.errors import RedisAway, StoreError
from academyctl.stores import Stores

log = logging.getLogger("academyctl.video")

SWEEP_KEY = "academyctl:video:raw-sweep"
SWEEP_EVERY_S = 3600
SWEEP_LIMIT = 50
LOOKUP = 500
"""So many file keys are looked up in the database at once."""


def expired(stores: Stores, older_than_days: int, limit: int) -> list[tuple[int, str]]:
    """Up to `limit` uploads that the rule removes, as (video id, file key). Reads only. Raises StoreError.

    What exists in the bucket is the starting point, not the rows: the cost then follows the uploads that are kept, and
    not every video there ever was.
    """
    found: list[tuple[int, str]] = []
    for chunk in _chunks(_old_uploads(stores, older_than_days), LOOKUP):
        found += stores.videos.spent_uploads(chunk, days=older_than_days)
        if len(found) >= limit:
            break
    return found[:limit]


def purge(stores: Stores, older_than_days: int, limit: int) -> list[tuple[int, str]]:
    """Remove what `expired` names; the removed ones come back. Raises StoreError."""
    return [(video_id, key) for video_id, key in expired(stores, older_than_days, limit)
            if remove(stores, video_id, key, days=older_than_days)]  # fmt: skip


def remove(stores: Stores, video_id: int, file_key: str, *, days: int) -> bool:
    """Remove one upload if the rule still allows it now; whether it went. Raises StoreError."""
    with stores.videos.holding_spent(file_key, days=days) as spent:
        if not spent:
            log.info("the upload of video %d stays: it is needed, or not under its tenant's raw folder", video_id)
            return False
        refused = stores.r2.delete(stores.settings.r2.video_bucket, [file_key])
    if refused:
        log.warning("R2 refuses to delete the upload of video %d: %s", video_id, refused[file_key])
        return False
    log.info(logtokens.RAW_DELETED_AFTER.format(video_id=video_id, key=file_key))
    return True


def after_ready(stores: Stores, video_id: int, file_key: str, token: str) -> None:
    """What becomes of the upload of a video that is READY now. Trouble is logged: the video is finished either way."""
    days = stores.settings.video.raw_retention_days
    try:
        if days == 0:
            remove(stores, video_id, file_key, days=0)
        else:
            log.info(logtokens.RAW_KEPT.text(video_id=video_id, key=file_key, days=days))
        # With 0 days too: a worker that died right after READY has left its upload.
        if _my_turn(stores, token):
            purge(stores, days, SWEEP_LIMIT)
    except StoreError as error:
        log.warning("the retention rule could not be applied after video %d and will be later: %s", video_id, error)


def _my_turn(stores: Stores, token: str) -> bool:
    """Once an hour, whatever the number of workers; never while Redis cannot tell."""
    try:
        return stores.redis.acquire(SWEEP_KEY, token, SWEEP_EVERY_S * 1000).mine
    except RedisAway:
        return False


def _old_uploads(stores: Stores, days: int) -> Iterator[str]:
    before = datetime.now(UTC) - timedelta(days=days)
    bucket = stores.settings.r2.video_bucket
    for row in stores.db.query("SELECT id FROM core_tenant ORDER BY id"):
        for head in stores.r2.list(bucket, keys.raw_prefix(row["id"])):
            if head.modified <= before:
                yield head.key


def _chunks(items: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
