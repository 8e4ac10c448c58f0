"""A job's first link ends; its file, and a fresh link to it, do not."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from academyctl import export_links
from academyctl.contract import keys
from academyctl.errors import WorkFailed
from academyctl.stores import Stores, ai_requests
from academyctl.stores.ai_requests import JobRow
from tests.platform_rows import make_ai_job

TENANT = "7"


def make(stores: Stores, result: dict[str, Any], *, job_type: str = "attendance_excel_export", **values: Any) -> JobRow:
    job = make_ai_job(stores, job_type=job_type, tenant_id=TENANT, result=True, **({"status": "DONE"} | values))
    stores.db.execute(
        "UPDATE ai_result SET payload = %s WHERE job_id = (SELECT id FROM ai_job WHERE job_id = %s)",
        (json.dumps(result), job),
    )
    return row_of(stores, job)


def row_of(stores: Stores, job_id: str) -> JobRow:
    return ai_requests.rows(stores.db, [job_id])[job_id]


def store(stores: Stores, row: JobRow, name: str) -> str:
    key = keys.export_key(TENANT, row.job_id, name)
    stores.r2.put(stores.settings.r2.excel_bucket, key, b"PK")
    return key


def test_a_result_of_the_old_worker_names_its_file_too(excel_platform: Stores) -> None:
    row = make(excel_platform, {"download_url": "https://dead", "filename": "출결_수학A_1.xlsx"})
    key = store(excel_platform, row, "출결_수학A_1.xlsx")
    link = export_links.fresh_link(excel_platform, row)
    assert (link.key, link.filename) == (key, "출결_수학A_1.xlsx")
    assert link.url not in repr(link)
    with urllib.request.urlopen(link.url) as answer:
        assert answer.read() == b"PK"


def test_a_renewed_link_stands_where_the_platform_reads_it(excel_platform: Stores) -> None:
    row = make(excel_platform, {"download_url": "https://dead", "filename": "a.xlsx", "more": 1})
    store(excel_platform, row, "a.xlsx")
    link = export_links.renew(excel_platform, row)
    assert row_of(excel_platform, row.job_id).result == {
        "download_url": link.url, "expires_at": link.expires_at.isoformat(), "filename": "a.xlsx", "more": 1,
    }  # fmt: skip
    # `row` is as it was before: whoever renewed meanwhile is not overwritten.
    export_links.renew(excel_platform, row)
    assert row_of(excel_platform, row.job_id).result["download_url"] == link.url


def test_the_error_workbook_of_a_roster_has_links_too(excel_platform: Stores) -> None:
    row = make(
        excel_platform, {"created": 0, "error_file": {"download_url": "https://dead", "filename": "오류.xlsx"}},
        job_type="excel_parsing", status="FAILED",
    )  # fmt: skip
    store(excel_platform, row, "오류.xlsx")
    link = export_links.renew(excel_platform, row)
    result = row_of(excel_platform, row.job_id).result
    assert (result["created"], result["error_file"]["download_url"]) == (0, link.url)


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"filename": ""},
        {"filename": "a.xlsx", "key": "exports/8/another-academys.xlsx"},
        {"filename": "a.xlsx", "key": "exports/7/another-jobs_a.xlsx"},
    ],
)
def test_no_link_to_what_is_not_the_jobs(excel_platform: Stores, result: dict[str, Any]) -> None:
    with pytest.raises(WorkFailed) as failed:
        export_links.fresh_link(excel_platform, make(excel_platform, result))
    assert failed.value.code == "no-file"


def test_a_file_that_is_gone_is_told_with_the_way_to_a_new_one(excel_platform: Stores) -> None:
    row = make(excel_platform, {"filename": "a.xlsx"})
    with pytest.raises(WorkFailed) as failed:
        export_links.fresh_link(excel_platform, row)
    assert failed.value.code == "file-gone"
    assert f"academyctl job retry {row.job_id} --again" in failed.value.remedy_in("ko")
