"""What an import says of itself: the document in ai_result (contract 5.5 first, then ours), and why it was not done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from academyctl.errors import Both
from academyctl.log import mask
from academyctl.roster.model import Document, Problem, Reading
from academyctl.roster.report import mapping_hint
from academyctl.roster.words import FIELD_NAMES

LISTED = 1_000
COUNTS = ("created", "restored", "updated", "unchanged", "skipped", "failed")
"""With `read` before them, which is their sum, always."""
_WHICH = Both(
    "the column of the parents' phones cannot be told; name it 학부모전화, 부모핸드폰 or 보호자 전화 in the header.",
    "학부모 전화번호 컬럼을 자동으로 식별할 수 없습니다. 헤더에 '학부모전화', '부모핸드폰', '보호자 전화' 등을 명확히 "
    "표기해 주세요.",
)
_NONE = Both(
    "no column holds the parents' phones; name it 학부모전화, 부모핸드폰 or 보호자 전화 in the header.",
    "학부모 전화번호 컬럼을 찾을 수 없습니다. 헤더에 '학부모전화', '부모핸드폰', '보호자 전화' 등이 있어야 합니다.",
)
NOTES: Mapping[str, tuple[str, Both]] = {
    "student-phone-in-use": (
        "student_phone",
        Both(
            "somebody of this academy uses this number already: the student was made without a phone",
            "이미 이 학원에서 쓰는 번호라서 학생 전화번호 없이 등록했습니다.",
        ),
    ),
    "same-name-other-phone": (
        "parent_phone",
        Both(
            "a student of this name is there with another parent's phone: if it is the same one, it is there twice now",
            "같은 이름의 학생이 다른 학부모 번호로 이미 있습니다. 같은 학생이면 중복 등록입니다.",
        ),
    ),
    "parent-account-taken": (
        "parent_phone",
        Both(
            "the account of this number belongs to another parent: the parent was made without an account",
            "이 번호의 계정을 다른 학부모가 쓰고 있어 계정 없이 학부모를 등록했습니다.",
        ),
    ),
    "parent-account-inactive": (
        "parent_phone",
        Both("the parent's account is blocked and stays so", "학부모 계정이 비활성 상태입니다. 그대로 두었습니다."),
    ),
    "student-account-inactive": (
        "name",
        Both("the student's account is blocked and stays so", "학생 계정이 비활성 상태입니다. 그대로 두었습니다."),
    ),
}
"""Code of students.Note -> the field it is about, and its words."""
NOBODY = Both(
    "no row can be enrolled: a student needs a name and the parent's phone (010, 11 digits)",
    "등록할 수 있는 학생이 없습니다. 이름·학부모 전화번호(010 11자리)를 확인해 주세요.",
)
_EMPTY = Both("there is no student in the file", "등록할 학생 데이터가 없습니다.")


class Note(Protocol):
    """See stores.students.Note."""

    @property
    def sheet(self) -> int: ...
    @property
    def row(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def value(self) -> str: ...


class Repeated(Protocol):
    """See stores.students.Repeated."""

    @property
    def sheet(self) -> int: ...
    @property
    def row(self) -> int: ...
    @property
    def first_row(self) -> int: ...


class Done(Protocol):
    """What of enrolment.Enrolled is told."""

    @property
    def staged(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def created(self) -> int: ...
    @property
    def restored(self) -> int: ...
    @property
    def updated(self) -> int: ...
    @property
    def unchanged(self) -> int: ...
    @property
    def session_id(self) -> int | None: ...
    @property
    def notes(self) -> Sequence[Note]: ...
    @property
    def notes_total(self) -> int: ...
    @property
    def repeated(self) -> Sequence[Repeated]: ...


def obstacle(reading: Reading, *, partial: bool) -> Both | None:
    """Why this file is not enrolled, the platform's own words first (contract 5.4, 5.5); None = it can be."""
    if reading.refused is not None:
        return reading.refused.message
    if reading.status == "needs_mapping":
        return _open_columns(reading)
    if reading.status == "errors" and not partial:
        return _bad_rows(reading)
    if not reading.counts.get("good"):
        if reading.problems:
            return _bad_rows(reading)
        return NOBODY if reading.counts.get("read") else _EMPTY
    return None


def result(reading: Reading, enrolled: Done | None, *, lecture: bool, partial: bool = False) -> Document:
    """`ai_result.payload`. Of a file that was not enrolled (`enrolled` None) every row but the skipped ones failed."""
    counts = _counts(reading, enrolled)
    warnings = [*map(problem, reading.warnings), *(_notes(reading, enrolled) if enrolled else ())]
    warned = reading.counts.get("warnings", len(reading.warnings)) + (enrolled.notes_total if enrolled else 0)
    told: Document = _contract(reading, enrolled, counts, lecture)
    if reading.lecture_title:
        told["lecture_title"] = reading.lecture_title
    told |= {
        "processed_by": "worker",
        "counts": counts,
        "kind": reading.kind,
        "partial": partial,
        "sheets": [
            {
                "sheet": table.sheet,
                "header_row": table.header_row,
                "title": table.title,
                "mapping": dict(table.mapping),
                "headers": dict(table.headers),
                "rows": table.rows,
            }
            for table in reading.tables
        ],
        "skipped": _skipped(reading, enrolled)[:LISTED],
        "errors": [problem(one) for one in reading.problems[:LISTED]],
        "errors_total": reading.counts.get("problems", len(reading.problems)),
        "rows_with_errors": reading.counts.get("failed", 0),
        "warnings": warnings[:LISTED],
        "warnings_total": warned,
    }
    if reading.refused is not None:
        told["refused"] = {"code": reading.refused.code, **_texts(reading.refused.message)}
    if reading.candidates:
        told["candidates"] = {field: list(letters) for field, letters in reading.candidates.items()}
        told["mapping_hint"] = mapping_hint(reading)
    return told


def problem(one: Problem) -> Document:
    """A bad cell, or one that was mended."""
    place = {"sheet": one.sheet, "cell": one.cell, "row": one.row, "field": one.field, "code": one.code}
    return {**place, **_texts(one.message), "value": mask(one.value)}


def _contract(reading: Reading, enrolled: Done | None, counts: Mapping[str, int], lecture: bool) -> Document:
    if lecture:
        return {
            "enrolled_count": enrolled.rows if enrolled else 0,
            "created_students_count": counts["created"],
            "session_id": enrolled.session_id if enrolled else None,
        }
    failed = [
        {"row": one.row, "name": "", "error": one.message.ko, "conflict_student_id": None}
        for one in _first_of_rows(reading.problems[:LISTED])
    ]
    return {"created": counts["created"], "failed": failed, "total": counts["read"] - counts["skipped"]}


def _counts(reading: Reading, enrolled: Done | None) -> dict[str, int]:
    read, skipped = reading.counts.get("read", 0), reading.counts.get("skipped", 0)
    if enrolled is None:
        return {"read": read, **dict.fromkeys(COUNTS, 0), "skipped": skipped, "failed": read - skipped}
    done = {
        "created": enrolled.created,
        "restored": enrolled.restored,
        "updated": enrolled.updated,
        "unchanged": enrolled.unchanged,
        "skipped": skipped + enrolled.staged - enrolled.rows,
        "failed": reading.counts.get("failed", 0),
    }
    return {"read": read, **done}


def _skipped(reading: Reading, enrolled: Done | None) -> list[Document]:
    told = [
        {"sheet": one.sheet, "row": one.row, "why": one.why, **({"first_row": one.first_row} if one.first_row else {})}
        for one in reading.skipped
    ]
    for again in enrolled.repeated if enrolled else ():
        sheet = reading.tables[again.sheet].sheet
        told.append({"sheet": sheet, "row": again.row, "why": "duplicate", "first_row": again.first_row})
    return told


def _notes(reading: Reading, done: Done) -> Iterator[Document]:
    for note in done.notes:
        field, message = NOTES.get(note.code, ("name", Both(note.code, note.code)))
        table = reading.tables[note.sheet]
        cell = f"{table.mapping[field]}{note.row}" if field in table.mapping else ""
        yield problem(Problem(table.sheet, cell, note.row, field, note.code, message, note.value))


def _first_of_rows(problems: Sequence[Problem]) -> Iterator[Problem]:
    seen: set[tuple[str, int]] = set()
    for one in problems:
        if (one.sheet, one.row) not in seen:
            seen.add((one.sheet, one.row))
            yield one


def _bad_rows(reading: Reading) -> Both:
    """The platform's sentence about parents' phones first, where there are such errors; then how to go on."""
    total = reading.counts.get("problems", len(reading.problems))
    phones = reading.bad_parent_phones
    others = total - phones
    en, ko = [], []
    if phones:
        en.append(f"the parent's phone of {phones} rows is no mobile number (010 and 8 digits).")
        ko.append(f"학부모 전화번호 검증 실패: {phones}건. 010 10~11자리 형식이어야 합니다.")
    if others:
        en.append(f"{others} {'other ' if phones else ''}cells are wrong.")
        ko.append(f"{'그 밖의 오류' if phones else '명단 오류'}: {others}건.")
    if reading.problems:
        first = reading.problems[0]
        en.append(f"The first: {first.sheet}!{first.cell} {first.message.en}")
        ko.append(f"첫 오류: {first.sheet}!{first.cell} {first.message.ko}")
    en.append("Correct the marked cells of the error file and upload it again.")
    ko.append("오류 파일을 받아 표시된 셀만 고친 뒤 다시 올려 주세요.")
    return Both(" ".join(en), " ".join(ko))


def _open_columns(reading: Reading) -> Both:
    """The platform's sentence, the candidates, and the words that settle it."""
    letters = reading.candidates.get("parent_phone", ())
    en, ko = [], []
    if "parent_phone" in reading.candidates:
        sentence = _WHICH if letters else _NONE
        en.append(sentence.en)
        ko.append(sentence.ko)
    sheet = f" ({reading.ask_sheet})" if reading.ask_sheet else ""
    for field, found in reading.candidates.items():
        if found:
            columns = ", ".join(_column(reading, letter) for letter in found)
            en.append(f"Candidates for {FIELD_NAMES[field].en}{sheet}: {columns}.")
            ko.append(f"{FIELD_NAMES[field].ko} 후보{sheet}: {columns}.")
        elif field != "parent_phone":
            en.append(f"No column holds the {FIELD_NAMES[field].en}{sheet}.")
            ko.append(f"{FIELD_NAMES[field].ko} 컬럼을 찾을 수 없습니다{sheet}.")
    if hint := mapping_hint(reading):
        en.append(f"Choose one: {hint}")
        ko.append(f"열 지정: {hint}")
    return Both(" ".join(en), " ".join(ko))


def _column(reading: Reading, letter: str) -> str:
    header = " ".join(reading.candidate_headers.get(letter, "").split())
    return f"{letter}({header[:30]})" if header else letter


def _texts(both: Both) -> Document:
    return {"text_ko": both.ko, "text_en": both.en}
