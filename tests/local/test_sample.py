"""What a newcomer finds in a fresh stack is what the platform would have left there."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import m3u8
import pytest
from openpyxl import load_workbook

from academyctl.contract import keys
from academyctl.local import sample_jobs, sample_media
from academyctl.local.stack import LocalStack
from academyctl.media_tools import find_ffprobe
from academyctl.settings import load
from academyctl.stores import Stores


@pytest.fixture(scope="module")
def demo(stack: LocalStack) -> Iterator[Stores]:
    """The stack's own stores: nobody writes to them in a test."""
    stores = Stores(load(stack.env()).settings)
    yield stores
    stores.close()


def test_there_is_one_academy_with_credit_and_a_sender(demo: Stores) -> None:
    [tenant] = demo.db.query("SELECT * FROM core_tenant")
    assert (tenant["code"], tenant["messaging_is_active"], tenant["messaging_sender"]) == ("demo", True, "0212345678")
    assert tenant["credit_balance"] > 0
    assert tenant["messaging_base_price"] > 0


def test_there_is_a_video_in_every_state_with_the_objects_of_that_state(demo: Stores) -> None:
    rows = demo.db.query("SELECT * FROM video_video ORDER BY id")
    assert [row["status"] for row in rows] == ["PENDING", "UPLOADED", "PROCESSING", "READY", "FAILED"]
    bucket = demo.settings.r2.video_bucket
    uploaded = {row["status"] for row in rows if demo.r2.head(bucket, row["file_key"])}
    assert uploaded == {"UPLOADED", "PROCESSING", "READY", "FAILED"}


def test_the_ready_video_is_published_whole(demo: Stores, tmp_path: Path) -> None:
    [row] = demo.db.query("SELECT * FROM video_video WHERE status = 'READY'")
    bucket, folder = demo.settings.r2.video_bucket, row["hls_path"].removesuffix("master.m3u8")
    [tenant] = demo.db.query("SELECT id FROM core_tenant")
    assert folder == keys.hls_folder(tenant["id"], row["id"])
    master = m3u8.loads(demo.r2.read(bucket, row["hls_path"]).decode())
    [rendition] = master.playlists
    media = m3u8.loads(demo.r2.read(bucket, folder + rendition.uri).decode())
    assert media.is_endlist
    assert sum(segment.duration for segment in media.segments) == pytest.approx(row["duration"], abs=0.1)
    for segment in media.segments:
        data = demo.r2.read(bucket, f"{folder}v1/{segment.uri}")
        assert len(data) * 8 / segment.duration <= rendition.stream_info.bandwidth
        (tmp_path / segment.uri).write_bytes(data)
    streams = _streams(tmp_path / "index0.ts")
    assert {one["codec_type"]: one["codec_name"] for one in streams} == {"video": "h264", "audio": "aac"}
    assert demo.r2.head(bucket, folder + "thumbnail.jpg") is not None


def test_the_failed_upload_is_truly_broken(demo: Stores, tmp_path: Path) -> None:
    [row] = demo.db.query("SELECT * FROM video_video WHERE status = 'FAILED'")
    path = tmp_path / "broken.mp4"
    path.write_bytes(demo.r2.read(demo.settings.r2.video_bucket, row["file_key"]))
    with pytest.raises(subprocess.CalledProcessError):
        _streams(path)


def _streams(path: Path) -> list[dict[str, str]]:
    argv = [str(find_ffprobe()), "-v", "error", "-show_streams", "-of", "json", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", check=True)
    found: list[dict[str, str]] = json.loads(done.stdout)["streams"]
    return found


def test_every_student_has_parent_accounts_enrolment_and_attendance(demo: Stores) -> None:
    sql = """
    SELECT s.name, p.phone = s.parent_phone AS same, u.tenant_id IS NOT NULL AS has_tenant,
           count(DISTINCT e.id) AS enrolled, count(DISTINCT se.id) AS sessions, count(DISTINCT a.id) AS attended
    FROM students_student s JOIN parents_parent p ON p.id = s.parent_id JOIN accounts_user u ON u.id = s.user_id
    JOIN enrollment_enrollment e ON e.student_id = s.id
    JOIN enrollment_sessionenrollment se ON se.enrollment_id = e.id
    JOIN attendance_attendance a ON a.enrollment_id = e.id GROUP BY s.id, p.id, u.id
    """
    rows = demo.db.query(sql)
    assert len(rows) == 8
    seen = {(row["same"], row["has_tenant"], row["enrolled"], row["sessions"], row["attended"]) for row in rows}
    assert seen == {(True, True, 1, 2, 2)}


def test_the_roster_is_a_workbook_with_the_platforms_headers(demo: Stores) -> None:
    data = demo.r2.read(demo.settings.r2.excel_bucket, sample_jobs.ROSTER_KEY)
    rows = list(load_workbook(io.BytesIO(data), read_only=True).active.iter_rows(values_only=True))
    assert rows[2][:3] == ("이름", "학부모전화번호", "학생전화번호")
    assert len(rows) == 15


def test_one_sample_job_is_done_and_one_waits_for_a_decision_with_its_file(demo: Stores) -> None:
    rows = demo.db.query("SELECT status, payload->>'file_key' AS file_key FROM ai_job ORDER BY id")
    assert [row["status"] for row in rows] == ["DONE", "FAILED"]
    bucket = demo.settings.r2.excel_bucket
    assert [demo.r2.head(bucket, row["file_key"]) is not None for row in rows] == [False, True]
    results = demo.db.query("SELECT payload FROM ai_result ORDER BY job_id")
    assert results[1]["payload"]["mapping_hint"] == "--map parent_phone=B"


def test_of_one_sample_text_nobody_knows_whether_it_was_sent_and_its_books_agree(demo: Stores) -> None:
    [row] = demo.db.query("SELECT state, billed, price_cents FROM academyctl_message_delivery")
    assert (row["state"], row["billed"]) == ("UNKNOWN", True)
    [entry] = demo.db.query("SELECT won, balance_after FROM academyctl_credit_entry")
    [tenant] = demo.db.query("SELECT credit_balance FROM core_tenant")
    assert (entry["won"], entry["balance_after"]) == (-9, tenant["credit_balance"])


def test_the_sample_clip_is_made_once_a_folder(tmp_path: Path, stack: LocalStack) -> None:
    nowhere = tmp_path / "no-ffmpeg"
    made = sample_media.make(nowhere, stack.folder)
    assert set(made[1]) == {"master.m3u8", "thumbnail.jpg", "v1/index.m3u8", "v1/index0.ts", "v1/index1.ts"}
