"""The platform's API for one lecture upload, for the local stack: init, upload, complete, enqueue (contract 3.2)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from academyctl.contract import keys
from academyctl.contract.messages import encode_body
from academyctl.errors import Both, WorkFailed
from academyctl.stores import Stores

_TARGET = """
SELECT s.id AS session_id, t.id AS tenant_id, t.code AS tenant_code
FROM lectures_session s JOIN lectures_lecture l ON l.id = s.lecture_id JOIN core_tenant t ON t.id = l.tenant_id
WHERE t.is_active ORDER BY s.id LIMIT 1
"""
_INIT = """
INSERT INTO video_video (created_at, updated_at, title, file_key, "order", thumbnail, status, allow_skip, max_speed,
                         show_watermark, policy_version, error_reason, hls_path, leased_by, session_id)
VALUES (now(), now(), %(title)s, %(file_key)s,
        (SELECT coalesce(max("order"), 0) + 1 FROM video_video WHERE session_id = %(session_id)s),
        '', 'PENDING', false, 1.0, true, 1, '', '', '', %(session_id)s)
RETURNING id
"""
_COMPLETE = "UPDATE video_video SET status = 'UPLOADED', error_reason = '', updated_at = now() WHERE id = %s"


@dataclass(frozen=True)
class Upload:
    """What the API knows after an upload."""

    video_id: int
    tenant_id: int
    file_key: str


def upload_lecture(stores: Stores, clip: Path, *, title: str) -> Upload:
    """Store a clip and enqueue its encode. Raises WorkFailed when the database has no session to put it in."""
    bucket = stores.settings.r2.video_bucket
    targets = stores.db.query(_TARGET)
    if not targets:
        raise WorkFailed(
            "there is no lecture session to upload to",
            remedy=Both(
                "load the sample data: academyctl --yes local reset",
                "샘플 데이터를 넣으세요: academyctl --yes local reset",
            ),
        )
    target = targets[0]
    file_key = keys.raw_key(target["tenant_id"], target["session_id"], f"{uuid.uuid4()}{clip.suffix}")
    with stores.db.tx() as cursor:
        row = cursor.execute(
            _INIT, {"title": title, "file_key": file_key, "session_id": target["session_id"]}
        ).fetchone()
        assert row is not None
    stores.r2.upload(bucket, file_key, clip)
    with stores.db.tx() as cursor:
        cursor.execute(_COMPLETE, (row["id"],))
        # The API sends before its transaction commits; the row lock is what makes the worker wait (contract 3.2).
        stores.sqs.send(
            stores.settings.queues.video,
            encode_body(
                video_id=row["id"], tenant_id=target["tenant_id"], file_key=file_key,
                tenant_code=target["tenant_code"], now=datetime.now(UTC),
            ),
        )  # fmt: skip
    return Upload(row["id"], target["tenant_id"], file_key)
