"""An academy's rows, rosters as the parser leaves them, and what a test wants to know of the tables afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from academyctl.enrolment import Enrolled, Request, enrol
from academyctl.local import sample
from academyctl.roster.model import Reading, Table
from academyctl.stores.postgres import Postgres, Row

TABLES = (
    "core_tenant", "accounts_user", "core_tenantmembership", "parents_parent", "students_student", "lectures_lecture",
    "lectures_session", "enrollment_enrollment", "enrollment_sessionenrollment", "attendance_attendance", "ai_job",
    "ai_result",
)  # fmt: skip
PASSWORD = "hanbit1234"


@dataclass(frozen=True)
class Pupil:
    """A good row, as the spool has it; None is NULL."""

    name: str = "김하늘"
    parent_phone: str = "01011112222"
    student_phone: str | None = None
    school: str | None = None
    grade: int | None = None
    school_type: str | None = None
    gender: str | None = None
    school_class: str | None = None
    major: str | None = None
    memo: str | None = None
    uses_identifier: bool = False


def pupils(count: int) -> list[Pupil]:
    """Different students, two of ten being siblings, with everything given."""
    return [
        Pupil(
            f"학생{number}", f"010{20_000_000 + number // 10 * 9 + number % 9:08d}", f"010{50_000_000 + number:08d}",
            "한빛고등학교", number % 3 + 1, "HIGH", "MF"[number % 2], f"{number % 9 + 1}반", "이과", "메모",
        )
        for number in range(count)
    ]  # fmt: skip


def write_spool(path: Path, rows: Iterable[Pupil], *, first_row: int = 2) -> Path:
    """COPY's text format, as model.SPOOL_COLUMNS says; the first pupil stands in Excel's row `first_row`."""
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for number, row in enumerate(rows, first_row):
            values = [0, number, *(getattr(row, one.name) for one in fields(row))]
            out.write("\t".join(map(_copied, values)) + "\n")
    return path


def _copied(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


@dataclass(frozen=True)
class Academy:
    """A tenant with a lecture, and the way to import a roster into it."""

    db: Postgres
    folder: Path
    tenant_id: int
    lecture_id: int

    def request(self, rows: Iterable[Pupil], **changes: Any) -> Request:
        given = list(rows)
        spool = write_spool(self.folder / f"spool{len(list(self.folder.iterdir()))}", given)
        count = len(given)
        reading = Reading(
            "ok", "xlsx", tables=(Table("1반", 1, "", {"name": "A", "parent_phone": "B", "student_phone": "C"}),),
            counts={"read": count, "good": count, "skipped": 0, "failed": 0, "duplicates": 0, "problems": 0},
        )  # fmt: skip
        request = Request(self.tenant_id, self.lecture_id, None, spool, reading, PASSWORD, iterations=1000)
        return replace(request, **changes)

    def take(self, *rows: Pupil, finish: Callable[[Any, Any], None] | None = None, **changes: Any) -> Enrolled:
        return enrol(self.db, self.request(rows, **changes), finish=finish)

    def student(self, name: str = "김하늘") -> Row:
        rows = self.db.query(
            "SELECT * FROM students_student WHERE tenant_id = %s AND name = %s", (self.tenant_id, name)
        )
        assert len(rows) == 1
        return rows[0]

    def change(self, sql: Any, *args: Any) -> None:
        assert self.db.execute(sql, args), "nothing was changed"


def make_academy(db: Postgres, folder: Path, code: str = "hanbit") -> Academy:
    folder.mkdir(exist_ok=True)
    with db.tx() as cursor:
        tenant_id = sample.make_tenant(cursor, code=code)
        return Academy(db, folder, tenant_id, sample.make_lecture(cursor, tenant_id, title="고2 수학"))


def make_user(
    db: Postgres, username: str, *, phone: str = "", tenant_id: int | None = None, active: bool = True
) -> int:
    with db.tx() as cursor:
        return sample.insert(
            cursor, "accounts_user", password="!", is_superuser=False, username=username, first_name="", last_name="",
            email="", is_staff=False, is_active=active, date_joined=datetime.now(UTC), name="누구", phone=phone,
            tenant_id=tenant_id,
        )  # fmt: skip


def hashes(db: Postgres) -> dict[str, str]:
    """Of every table an import may touch: its rows as one number."""
    return {
        table: db.query(f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t.id), '')) AS h FROM {table} t")[0]["h"]
        for table in TABLES
    }


def count(db: Postgres, table: str) -> int:
    return int(db.query(f"SELECT count(*)::int AS n FROM {table}")[0]["n"])


def books(enrolled: Enrolled) -> tuple[int, int, int, int]:
    """(created, restored, updated, unchanged)."""
    return enrolled.created, enrolled.restored, enrolled.updated, enrolled.unchanged
