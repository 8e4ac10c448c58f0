"""`academyctl excel purge`: what outlived its job goes, what may still be needed stays."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from academyctl.contract import keys
from academyctl.errors import WorkFailed
from academyctl.excel_retention import DeleteFiles, Expired, Rule, judge
from academyctl.local import sample
from academyctl.repairs import Changed
from academyctl.stores import Stores
from academyctl.stores.ai_files import JobEnd
from academyctl.stores.r2 import R2, Head
from tests.excel_world import World, excel_env, excel_stores, world
from tests.platform_rows import make_ai_job
from tests.video_commands.conftest import Cli
from tests.video_worker.tools import RecordingStores

__all__ = ["excel_env", "excel_stores", "world"]

NOW = datetime(2026, 11, 21, tzinfo=UTC)
RULE = Rule(done=3, failed=30)
UPLOAD = f"excel/1/{'0' * 32}.xlsx"
EXPORT = f"exports/1/{uuid.UUID(int=7)}_오류.xlsx"
OPEN = JobEnd(open=True)


def ended(days: float, *, failed: bool = False) -> JobEnd:
    return JobEnd(failed=failed, ended_at=NOW - timedelta(days=days))


@pytest.mark.parametrize(
    ("key", "job", "age", "why"),
    [
        (UPLOAD, ended(3), 3, "done"),
        (UPLOAD, ended(2.9), 60, None),
        (UPLOAD, ended(3, failed=True), 60, None),
        (UPLOAD, ended(30, failed=True), 60, "failed"),
        (UPLOAD, OPEN, 900, None),
        (UPLOAD, None, 30, "no-job"),
        (UPLOAD, None, 29.9, None),
        (EXPORT, ended(60), 30, "export"),
        (EXPORT, ended(60), 29.9, None),
        (EXPORT, ended(1), 60, None),
        (EXPORT, OPEN, 900, None),
        (EXPORT, None, 30, "export"),
        ("excel/1/sample-roster.xlsx", None, 900, None),
        ("excel/1/sample-roster.xlsx", ended(3), 900, "done"),
        ("excel/1/archive/" + "0" * 32 + ".xlsx", None, 900, None),
        ("exports/readme.txt", None, 900, None),
    ],
)
def test_a_file_goes_when_its_own_rule_says_so(key: str, job: JobEnd | None, age: float, why: str | None) -> None:
    found = judge(Head(key, 10, "e", NOW - timedelta(days=age)), job, RULE, NOW)
    assert (found.why if found else None) == why


def test_zero_days_let_an_upload_go_with_its_job() -> None:
    assert judge(Head(UPLOAD, 10, "e", NOW), ended(0), Rule(done=0, failed=30), NOW) is not None


class Academy:
    """Uploads and exports of one academy, each with a job."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.bucket = stores.settings.r2.excel_bucket

    def upload(self, status: str, *, days: float, tenant: int = 1, linked: bool = True) -> str:
        key = f"{keys.excel_folder(tenant)}{uuid.uuid4().hex}.xlsx"
        self.stores.r2.put(self.bucket, key, b"roster")
        named: dict[str, Any] = {"idempotency_key": f"excel:{key}"} if linked else {}
        payload = json.dumps({"file_key": key, "tenant_id": tenant})
        make_ai_job(self.stores, status=status, age=timedelta(days=days), payload=payload, **named)
        return key

    def keys(self) -> set[str]:
        return {head.key for folder in ("excel/", "exports/") for head in self.stores.r2.list(self.bucket, folder)}


@pytest.fixture
def academy(world: World) -> Academy:
    found = Academy(world.stores)
    world.stores.r2.delete(found.bucket, sorted(found.keys()))
    return found


@pytest.fixture
def cli(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "LOCALAPPDATA": str(tmp_path / "state")}
    return Cli({**world.env, **state}, monkeypatch, capsys)


def test_purge_lists_first_and_deletes_with_apply_what_no_job_needs(academy: Academy, cli: Cli, tmp_path: Path) -> None:
    old = {academy.upload("DONE", days=4), academy.upload("FAILED", days=31), academy.upload("DONE", days=4, tenant=2)}
    kept = {
        academy.upload("DONE", days=2),
        academy.upload("FAILED", days=4),
        academy.upload("RUNNING", days=90),
        academy.upload("PENDING", days=90, linked=False),
    }
    job_id = make_ai_job(academy.stores, status="DONE", age=timedelta(days=90))
    export = keys.export_key(1, job_id, "오류.xlsx")
    academy.stores.r2.put(academy.bucket, export, b"marked")
    kept.add(export)  # it was made just now
    shown = cli("excel", "purge", "-o", "json").json
    assert {one["key"] for one in shown["files"]} == old
    assert (shown["applied"], shown["count"], shown["bytes"]) == (False, 3, 18)
    assert academy.keys() == old | kept
    told = cli("excel", "purge", "--apply")
    assert told.code == 0, told.err
    assert "3 files deleted" in told.err
    assert academy.keys() == kept
    audit = (tmp_path / "state" / "academyctl" / "audit.jsonl").read_text(encoding="utf-8")
    assert all(key in audit for key in old)
    assert "no file is old enough" in cli("excel", "purge").out


def test_purge_of_one_academy_leaves_the_others_alone(academy: Academy, cli: Cli) -> None:
    with academy.stores.db.tx() as cursor:
        mine = sample.make_tenant(cursor, code="mine")
    academy.upload("DONE", days=4, tenant=mine)
    other = academy.upload("DONE", days=4, tenant=mine + 1)
    ten = academy.upload("DONE", days=4, tenant=mine * 10)
    assert cli("excel", "purge", "--tenant", "mine", "--apply").code == 0
    assert academy.keys() == {other, ten}


def test_a_job_that_is_tried_again_keeps_its_file(academy: Academy) -> None:
    gone, again = academy.upload("FAILED", days=40), academy.upload("FAILED", days=40)
    repair = DeleteFiles(academy.bucket, tuple(Expired(key, 6, "failed", 40) for key in (gone, again)), RULE)
    academy.stores.db.execute("UPDATE ai_job SET status = 'PENDING' WHERE idempotency_key = %s", (f"excel:{again}",))
    with pytest.raises(Changed, match="1 of 2 files stay"):
        repair.do(academy.stores)
    assert academy.keys() == {again}


class Stingy(R2):
    """Refuses to delete one key."""

    refused = ""

    def delete(self, bucket: str, keys: Sequence[str]) -> Mapping[str, str]:
        told = super().delete(bucket, [key for key in keys if key != self.refused])
        return {**told, **({self.refused: "AccessDenied: no"} if self.refused in keys else {})}


def test_what_r2_refuses_is_named_and_the_rest_is_gone(academy: Academy) -> None:
    gone, stays = academy.upload("DONE", days=40), academy.upload("DONE", days=40)
    stingy = Stingy(academy.stores.settings.r2)
    stingy.refused = stays
    repair = DeleteFiles(academy.bucket, tuple(Expired(key, 6, "done", 40) for key in (gone, stays)), RULE)
    with pytest.raises(WorkFailed) as told:
        repair.do(RecordingStores(academy.stores, r2=stingy))
    assert stays in str(told.value)
    assert "AccessDenied" in str(told.value)
    assert academy.keys() == {stays}
