"""A lecture's attendance as a workbook: a student a row, a session a column (contract 5.7)."""

from __future__ import annotations

from typing import Any

from academyctl.contract import logtokens
from academyctl.stores import exports
from academyctl.workbook import safe_filename
from academyctl.workbook_child import Layout, filled, write_spool
from workers.ai_tasks import _exports
from workers.ai_tasks._model import JobFailed, Result, Task, Work

SHEET = "출결"
HEADER = ("학생명", "학생번호", "학부모번호")
MARKS = {
    "PRESENT": ("현장", "C6EFCE"),
    "LATE": ("지각", "FFEB9C"),
    "ONLINE": ("영상", "BDD7EE"),
    "SUPPLEMENT": ("보강", "B7DEE8"),
    "EARLY_LEAVE": ("조퇴", "FFEB9C"),
    "ABSENT": ("결석", "FFC7CE"),
    "RUNAWAY": ("출튀", "FFC7CE"),
    "MATERIAL": ("자료", "D9D9D9"),
    "INACTIVE": ("부재", "F2F2F2"),
    "SECESSION": ("퇴원", "BDBCBC"),
}
"""Status -> its word and its colour."""
_REQUIRED = "payload.lecture_id and tenant_id required"
_UNKNOWN = "lecture not found"


def run(work: Work) -> Result:
    with _exports.told(
        work, done=logtokens.ATTENDANCE_EXPORT_DONE, failed=logtokens.ATTENDANCE_EXPORT_FAILED
    ) as result:
        result.update(_exports.publish(work, _spool(work)))
    return result


def _spool(work: Work) -> str:
    """Read the rows into the spool; returns the file's name."""
    lecture_id = _exports.number(work.payload.get("lecture_id"))
    if lecture_id is None:
        raise JobFailed(_REQUIRED)
    tenant_id = _exports.tenant_of(work, _REQUIRED)
    work.progress(_exports.READING.name, 10)
    with exports.attendance(work.stores.db, tenant_id, lecture_id) as lecture:
        if lecture is None:
            raise JobFailed(_UNKNOWN)
        header = HEADER + tuple(_column(session) for session in lecture.sessions)
        layout = Layout(SHEET, header, (_exports.WIDTH,) * len(header), freeze="D2")

        def look(done: int) -> None:
            work.check()
            share = min(1.0, done / max(1, lecture.count))
            work.progress(_exports.READING.name, 10 + int(40 * share), step_percent=int(100 * share))

        write_spool(_exports.spool_of(work), layout, map(_row, lecture.rows), look)
    return f"{safe_filename(f'{SHEET}_{lecture.title}')}_{lecture_id}.xlsx"


def _column(session: exports.Session) -> str:
    return f"{session.order}차시" + (f" ({session.day.isoformat()})" if session.day else "")


def _row(student: exports.Attendance) -> list[Any]:
    return [student.name, student.number, student.parent_phone, *map(_mark, student.marks)]


def _mark(status: str) -> list[str] | str | None:
    """A status that the contract does not know is shown as it is."""
    word = MARKS.get(status)
    return filled(*word) if word else status or None


TASK = Task("attendance_excel_export", run, steps=_exports.STEPS)
