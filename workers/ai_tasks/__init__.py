"""The AI worker's job types: one file a job type, one line here. A type that is not listed is left to other workers."""

from __future__ import annotations

TASKS = {
    "excel_parsing": "workers.ai_tasks.excel_parsing",
    "attendance_excel_export": "workers.ai_tasks.attendance_excel_export",
    "staff_excel_export": "workers.ai_tasks.staff_excel_export",
    "ocr": "workers.ai_tasks.ocr",
}
"""job_type -> module with a `TASK`. Imported when the first job of its type comes, so that a missing extra of one type
never fails another (contract 5.1)."""
