"""What an excel_parsing job may ask for, and how its file comes from R2: bounded, whole, of one version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from academyctl.errors import AwsError, WorkFailed
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.r2 import R2
from tests.ai_worker.working import make_work, run_job
from tests.excel_world import PASSWORD, World, excel_env, excel_stores, pupils, world
from tests.video_worker.tools import RecordingStores
from workers._model import Done
from workers.ai_tasks import _excel_source, excel_parsing
from workers.ai_tasks._excel_payload import Upload, parse
from workers.ai_tasks._model import JobFailed

__all__ = ["excel_env", "excel_stores", "world"]

SETTINGS = load({}).settings
KEY = f"excel/7/{'a' * 32}.xlsx"
PAYLOAD: dict[str, Any] = {"file_key": KEY, "tenant_id": 7, "initial_password": PASSWORD}


def test_a_plain_payload_is_taken_as_the_api_sends_it() -> None:
    told = {**PAYLOAD, "bucket": "other", "lecture_id": 3, "session_id": 4}
    assert parse(told, tenant_id="7", settings=SETTINGS) == Upload("other", KEY, 7, PASSWORD, 3, 4)
    assert parse(PAYLOAD, tenant_id="7", settings=SETTINGS).bucket == SETTINGS.r2.excel_bucket
    assert parse(PAYLOAD, tenant_id="", settings=SETTINGS).tenant_id == 7
    assert PASSWORD not in repr(parse(PAYLOAD, tenant_id="7", settings=SETTINGS))


def test_our_own_wishes_are_optional() -> None:
    told = {**PAYLOAD, "mapping": {"parent_phone": " C "}, "sheet": "1반", "partial": True}
    wanted = parse(told, tenant_id="7", settings=SETTINGS)
    assert (wanted.mapping, wanted.sheet, wanted.partial) == ({"parent_phone": "C"}, "1반", True)
    partial = SETTINGS.model_copy(update={"excel": SETTINGS.excel.model_copy(update={"partial": True})})
    assert parse(PAYLOAD, tenant_id="7", settings=partial).partial
    assert not parse({**PAYLOAD, "partial": False}, tenant_id="7", settings=partial).partial


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"file_key": None}, "payload.file_key required"),
        ({"file_key": "  "}, "payload.file_key required"),
        ({"tenant_id": None}, "payload.tenant_id required"),
        ({"initial_password": None}, "payload.initial_password 4자 이상 필요"),
        ({"initial_password": "abc"}, "payload.initial_password 4자 이상 필요"),
        ({"initial_password": 12345}, "payload.initial_password 4자 이상 필요"),
        ({"tenant_id": 8, "file_key": "excel/8/a.xlsx"}, "작업과 요청의 학원이 서로 다릅니다"),
        ({"file_key": "excel/8/a.xlsx"}, "이 학원의 업로드 파일이 아닙니다"),
        ({"file_key": "excel/70/a.xlsx"}, "이 학원의 업로드 파일이 아닙니다"),
        ({"file_key": "exports/7/a.xlsx"}, "이 학원의 업로드 파일이 아닙니다"),
        ({"lecture_id": "drei"}, "payload.lecture_id"),
        ({"lecture_id": True}, "payload.lecture_id"),
        ({"lecture_id": 2**63}, "payload.lecture_id"),
        ({"session_id": -1}, "payload.session_id"),
        ({"mapping": ["C"]}, "payload.mapping"),
        ({"mapping": {"phone": "C"}}, "payload.mapping"),
        ({"mapping": {"parent_phone": ""}}, "payload.mapping"),
        ({"sheet": 3}, "payload.sheet"),
        ({"bucket": "b" * 300}, "payload.bucket"),
    ],
)
def test_what_cannot_be_worked_on_is_told_in_words(change: dict[str, Any], text: str) -> None:
    with pytest.raises(JobFailed) as told:
        parse({**PAYLOAD, **change}, tenant_id="7", settings=SETTINGS)
    assert told.value.reason.startswith(text)


def test_another_academys_file_is_never_read(world: World) -> None:
    other, _ = world.academy()
    job_id = world.job(world.upload(world.file(pupils(1)), tenant_id=other))
    outcome = run_job(world.stores, job_id, {"excel_parsing": excel_parsing.TASK}, world.folder / "work")
    assert isinstance(outcome, Done)
    assert world.row(job_id)["error_message"].startswith("이 학원의 업로드 파일이 아닙니다")
    assert world.students() == world.students(other) == []


def test_a_missing_object_fails_with_what_to_do(world: World) -> None:
    job_id = world.job(f"excel/{world.tenant_id}/{'0' * 32}.xlsx")
    run_job(world.stores, job_id, {"excel_parsing": excel_parsing.TASK}, world.folder / "work")
    row = world.row(job_id)
    assert row["status"] == "FAILED"
    assert "찾을 수 없습니다" in row["error_message"]
    assert "다시 올려 주세요" in row["error_message"]
    assert "initial_password" not in row["payload"]


def test_a_file_over_the_limit_is_refused_before_it_is_fetched(world: World) -> None:
    class Unread(R2):
        def stream(self, *_words: Any, **_more: Any) -> Iterator[bytes]:
            raise AssertionError("it was fetched")

    stores = RecordingStores(world.stores, settings=load({**world.env, "EXCEL_MAX_BYTES": "1000"}).settings)
    stores._made["r2"] = Unread(world.settings.r2)
    job_id = world.job(world.upload(b"x" * 1001))
    run_job(stores, job_id, {"excel_parsing": excel_parsing.TASK}, world.folder / "work")
    assert world.row(job_id)["error_message"].startswith("파일이 너무 큽니다")


class Cutting(R2):
    """A connection that is cut after every `after` bytes (0 = without one)."""

    after = 1000
    asked = 0

    def stream(self, bucket: str, key: str, *, start: int = 0, etag: str = "", chunk: int = 1 << 20) -> Iterator[bytes]:
        self.asked += 1
        whole = b"".join(super().stream(bucket, key, start=start, etag=etag))
        yield whole[: self.after]
        if len(whole) > self.after:
            raise AwsError("r2:GetObject failed", cause="unreachable")


def downloading(world: World, r2: R2, body: bytes) -> tuple[Any, Upload]:
    """A work whose R2 is this one, and what it is to fetch."""
    stores: Stores = RecordingStores(world.stores, r2=r2)
    job_id = world.job(world.upload(body))
    work = make_work(stores, job_id, excel_parsing.TASK, world.folder / "job")
    return work, parse(work.payload, tenant_id=work.tenant_id, settings=work.settings)


def test_a_cut_download_goes_on_where_it_ended(world: World) -> None:
    r2, body = Cutting(world.settings.r2), bytes(range(256)) * 10
    work, upload = downloading(world, r2, body)
    assert _excel_source.download(work, upload).read_bytes() == body
    assert r2.asked == 3


def test_a_connection_that_brings_nothing_means_that_r2_is_away(world: World) -> None:
    r2 = Cutting(world.settings.r2)
    r2.after = 0
    work, upload = downloading(world, r2, b"x" * 10)
    with pytest.raises(AwsError):
        _excel_source.download(work, upload)
    assert r2.asked == _excel_source.CUTS


def test_a_file_replaced_while_it_is_read_is_never_mixed(world: World) -> None:
    class Replaced(Cutting):
        def stream(self, bucket: str, key: str, **how: Any) -> Iterator[bytes]:
            if self.asked:
                self.put(bucket, key, b"b" * 1500)
            yield from super().stream(bucket, key, **how)

    work, upload = downloading(world, Replaced(world.settings.r2), b"a" * 1500)
    with pytest.raises(WorkFailed, match="was replaced"):
        _excel_source.download(work, upload)


def test_while_r2_is_away_the_job_waits_and_keeps_its_password(world: World) -> None:
    away = R2(world.settings.r2.model_copy(update={"endpoint": "http://127.0.0.1:9"}), attempts=1)
    stores = RecordingStores(world.stores, r2=away)
    job_id = world.job(world.upload(world.file(pupils(1))))
    with pytest.raises(AwsError):
        run_job(stores, job_id, {"excel_parsing": excel_parsing.TASK}, world.folder / "work")
    row = world.row(job_id)
    assert (row["status"], row["locked_by"]) == ("PENDING", None)
    assert row["payload"]["initial_password"] == PASSWORD
