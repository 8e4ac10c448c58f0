"""A month's confirmed payroll as a workbook: an employee a row (contract 5.7)."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

from academyctl.contract import logtokens
from academyctl.stores import exports
from academyctl.workbook_child import Layout, moment, write_spool
from workers.ai_tasks import _exports
from workers.ai_tasks._model import JobFailed, Result, Task, Work

HEADER = ("직원명", "연도", "월", "근무시간", "급여", "승인된 비용", "총 지급액", "확정자", "확정일시")
# Korea has had no summer time since 1988, and Windows has no zone files.
SEOUL = timezone(timedelta(hours=9), "KST")
_REQUIRED = "payload.year, month and tenant_id required"


def run(work: Work) -> Result:
    with _exports.told(work, done=logtokens.STAFF_EXPORT_DONE, failed=logtokens.STAFF_EXPORT_FAILED) as result:
        result.update(_exports.publish(work, _spool(work)))
    return result


def _spool(work: Work) -> str:
    """Read the rows into the spool; returns the file's name."""
    year, month = (_exports.number(work.payload.get(name)) for name in ("year", "month"))
    if year is None or month is None or year > 9999 or month > 12:
        raise JobFailed(_REQUIRED)
    tenant_id = _exports.tenant_of(work, _REQUIRED)
    work.progress(_exports.READING.name, 10)
    layout = Layout(f"{year}-{month} 급여정산", HEADER, (_exports.WIDTH,) * len(HEADER))
    with exports.payroll(work.stores.db, tenant_id, year, month) as rows:
        write_spool(_exports.spool_of(work), layout, map(_row, rows), lambda _done: work.check())
    return f"payroll_{year}_{month}.xlsx"


def _row(paid: exports.Payroll) -> list[Any]:
    return [
        paid.name, paid.year, paid.month, float(paid.hours), paid.pay, paid.expenses, paid.total, paid.by,
        moment(paid.at.astimezone(SEOUL)),
    ]  # fmt: skip


TASK = Task("staff_excel_export", run, steps=_exports.STEPS)
