"""Sample class lists and AI jobs: what an operator meets, made so that it can be practised on."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

ROSTER_KEY = "excel/1/sample-roster.xlsx"
ROSTER_FILE = "roster.xlsx"
"""The same list as a file in the stack's folder."""
# Named as the API names an upload: 32 hex digits.
TWO_PHONES_KEY = "excel/1/5a3d1e00000000000000000000000002.xlsx"
_FINISHED_KEY = "excel/1/5a3d1e00000000000000000000000001.xlsx"
AGE = timedelta(days=2)
"""What failed days ago is nobody's trouble today: a fresh stack is healthy."""
_WHICH = (
    "학부모 전화번호 컬럼을 자동으로 식별할 수 없습니다. 헤더에 '학부모전화', '부모핸드폰', '보호자 전화' 등을 명확히 "
    "표기해 주세요. 학부모 전화번호 후보 (1반): B(연락처1), C(연락처2). 열 지정: --map parent_phone=B"
)


def roster() -> bytes:
    """A class list as academies send them: a title, numbers without their zero, a repeated row, and one bad phone."""
    head = ("이름", "학부모전화번호", "학생전화번호", "학교", "학년", "성별", "메모")
    rows: list[Sequence[Any]] = [("데모 학원 고2 수학 수강생 명단",), (), head]
    phones: dict[int, Any] = {2: 1000010002, 4: "+82 10-0001-0004", 6: "０１０-０００１-０００６", 7: "010-0001-00"}
    names = ("한지우", "오태윤", "서예린", "문가온", "남도현", "배수빈", "유하람", "신재이", "권나윤", "임서준")
    for index, name in enumerate(names):
        phone = phones.get(index, f"010-0001-{index:04d}")
        rows.append((name, phone, f"010-0002-{index:04d}", "데모고등학교", "고2", "남여"[index % 2], ""))
    rows.append((names[0], "010-0001-0000", "", "데모고등학교", "고2", "남", "두 번 적힘"))
    # A student who is there already.
    rows.append(("이도윤", "010-0000-0001", "", "데모고등학교", "고2", "여", ""))
    return _workbook("명단", rows)


def two_phones() -> bytes:
    """A list whose columns do not say which phone is the parents'."""
    rows: list[Sequence[Any]] = [("이름", "연락처1", "연락처2", "학교", "학년")]
    for index, name in enumerate(("백이안", "노은우", "하리안", "구다온")):
        rows.append((name, f"010-0003-{index:04d}", f"010-0004-{index:04d}", "데모고등학교", "고1"))
    return _workbook("1반", rows)


def jobs(tenant_id: int, lecture_id: int, session_id: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Columns of ai_job with the result of each: an import that went well, and one that waits for a decision."""
    asks = {"bucket": "academy-excel", "tenant_id": tenant_id, "lecture_id": lecture_id}
    counts = {"read": 8, "created": 8, "restored": 0, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 0}
    done = {
        "enrolled_count": 8, "created_students_count": 8, "session_id": session_id, "lecture_title": "고2 수학",
        "processed_by": "worker", "counts": counts, "errors": [], "errors_total": 0,
    }  # fmt: skip
    yield _job(tenant_id, lecture_id, "5a3d1e00-0000-4000-8000-000000000001", "DONE", asks, _FINISHED_KEY), done
    open_columns: dict[str, Any] = {
        "enrolled_count": 0, "created_students_count": 0, "session_id": None, "processed_by": "worker",
        "counts": {**dict.fromkeys(counts, 0), "read": 4, "failed": 4}, "errors": [], "errors_total": 0,
        "candidates": {"parent_phone": ["B", "C"]}, "mapping_hint": "--map parent_phone=B",
    }  # fmt: skip
    failed = _job(tenant_id, lecture_id, "5a3d1e00-0000-4000-8000-000000000002", "FAILED", asks, TWO_PHONES_KEY)
    yield failed | {"error_message": _WHICH, "last_error": _WHICH}, open_columns


def _job(
    tenant_id: int, lecture_id: int, job_id: str, status: str, asks: dict[str, Any], file_key: str
) -> dict[str, Any]:
    then = datetime.now(UTC) - AGE
    return {
        "created_at": then, "updated_at": then, "job_id": job_id, "job_type": "excel_parsing", "status": status,
        "payload": json.dumps({**asks, "file_key": file_key}), "error_message": "", "tenant_id": str(tenant_id),
        "source_domain": "enrollment", "source_id": str(lecture_id), "tier": "basic", "attempt_count": 1,
        "max_attempts": 5, "next_run_at": then, "last_error": "", "idempotency_key": f"excel:{file_key}",
        "force_rerun": False, "rerun_reason": "",
    }  # fmt: skip


def _workbook(title: str, rows: Sequence[Sequence[Any]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
