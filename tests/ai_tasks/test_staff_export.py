"""staff_excel_export, cell by cell as contract 5.7 has it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from academyctl.stores import Stores
from tests.ai_tasks.export_work import HeldWork, add_payroll, make_academy, texts, workbook_of
from workers.ai_tasks._model import JobFailed
from workers.ai_tasks.staff_excel_export import TASK

HEADER = ["직원명", "연도", "월", "근무시간", "급여", "승인된 비용", "총 지급액", "확정자", "확정일시"]


def run(stores: Stores, folder: Path, tenant: int, **payload: Any) -> dict[str, Any]:
    result = TASK.run(HeldWork(stores, folder, {"tenant_id": str(tenant), **payload}, str(tenant)))
    assert isinstance(result, dict)
    return result


def test_the_months_snapshots_are_the_contracts_sheet(excel_platform: Stores, tmp_path: Path) -> None:
    stores = excel_platform
    (tenant, _), (foreign, _) = make_academy(stores), make_academy(stores)
    # An hour before midnight of the 1st in Seoul is the 28th in UTC.
    at = datetime(2026, 2, 28, 15, 30, 59, 123456, tzinfo=UTC)
    add_payroll(stores, tenant, "한직원", year=2026, month=2, at=at, by=None, total_amount=1)
    add_payroll(
        stores, tenant, "=강사", year=2026, month=2, at=at, work_hours=Decimal("120.25"), work_amount=1_900_000,
        approved_expense_amount=35_000, total_amount=1_935_000,
    )  # fmt: skip
    add_payroll(stores, tenant, "지난달", year=2026, month=1, at=at)
    add_payroll(stores, tenant, "지난해", year=2025, month=2, at=at)
    add_payroll(stores, foreign, "남의직원", year=2026, month=2, at=at)
    result = run(stores, tmp_path, tenant, year=2026, month=2)

    book = workbook_of(stores, result)
    assert book.sheetnames == ["2026-2 급여정산"]
    sheet = book.active
    confirmed = datetime(2026, 3, 1, 0, 30, 59)  # noqa: DTZ001 - a cell has no zone; it shows Seoul's clock
    rows = texts(sheet)
    assert rows[0] == HEADER
    assert sorted(rows[1:], key=str) == [
        ["=강사", 2026, 2, 120.25, 1_900_000, 35_000, 1_935_000, "원장", confirmed],
        ["한직원", 2026, 2, 0, 0, 0, 1, None, confirmed],
    ]
    assert {sheet.cell(row, 1).data_type for row in (2, 3)} == {"s"}
    assert all(cell.font.bold and cell.alignment.horizontal == "center" for cell in sheet[1])
    assert result["filename"] == "payroll_2026_2.xlsx"
    assert result["key"].startswith(f"exports/{tenant}/")


def test_a_month_without_snapshots_is_a_header(excel_platform: Stores, tmp_path: Path) -> None:
    tenant, _ = make_academy(excel_platform)
    assert texts(
        workbook_of(excel_platform, run(excel_platform, tmp_path, tenant, year="2026", month="12")).active
    ) == [HEADER]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"tenant_id": "7", "year": 2026}, "payload.year, month and tenant_id required"),
        ({"tenant_id": "7", "month": 2}, "payload.year, month and tenant_id required"),
        ({"year": 2026, "month": 2}, "payload.year, month and tenant_id required"),
        ({"tenant_id": "7", "year": 2026, "month": 13}, "payload.year, month and tenant_id required"),
        ({"tenant_id": "7", "year": 2026, "month": "a"}, "payload.year, month and tenant_id required"),
        ({"tenant_id": "8", "year": 2026, "month": 2}, "payload.tenant_id is not the tenant of the job"),
    ],
)
def test_a_bad_payload_fails_in_the_contracts_words(
    excel_platform: Stores, tmp_path: Path, payload: dict[str, Any], words: str
) -> None:
    with pytest.raises(JobFailed) as failed:
        TASK.run(HeldWork(excel_platform, tmp_path, payload, "7"))
    assert failed.value.reason == words
