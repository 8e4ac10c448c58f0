"""Rows that are no students (contract 5.4.6): examples, numbered empty lines, sums, labels of sections, notes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from academyctl.roster._columns import NAME_LIKE
from academyctl.roster._phones import Phone
from academyctl.roster._values import is_blank, plain, words
from academyctl.roster.model import CellError, Value

EXAMPLE, EMPTY, TOTAL, NOT_A_STUDENT = "example", "no-name-no-phone", "total-row", "not-a-student"
LONGEST_NAME = 20

_EXAMPLE = re.compile(
    r"[\W_]*(?:예[):]|ex[):]|(?:작성|입력|기재)?(?:예시|샘플|example|sample))(?:행|데이터|자료|학생)?(?:임|입니다)?"
    r"(?:[\s(.,!:]*(?:삭제|지우|지워|참고|참조|무시|따라).*)?[\W_0-9]*",
    re.IGNORECASE,
)
_EXAMPLE_MARK = re.compile(r"예[시):]|샘플|[aA][mM][pP][lL]|[eE][xX][):]|^\s*(?:예|[eE][xX]|e\.g\.)\s*$")
_EXAMPLE_NAME = re.compile(
    r"^\W*(?:예시?|ex|example)\s*[):.\]>]|[(\[<]\s*(?:예시?|example|샘플)\s*[)\]>]|예시", re.IGNORECASE
)
_EXAMPLE_TITLE = re.compile(r"(?:작성|입력|기재)\s*예|^\W*예시\W*$|^\W*예시\s*[:)]", re.IGNORECASE)
_GUIDE_SHEET = re.compile(
    r"예시|샘플|안내|작성\s*방법|작성\s*요령|작성법|가이드|설명|읽어|사용\s*법|사용\s*방법|도움말|공지|주의\s*사항|필독"
    r"|guide|example|sample|readme|how\s*to",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"(?:총\s?|전체\s?)?(?:합\s*계|총\s*계|소\s*계|총\s*원|총\s*인원|인원|인원수|재적|총|계|total|sum)"
    r"\s*:?\s*(?:[0-9,]+\s*명?)?",
    re.IGNORECASE,
)
_TALLY = re.compile(r"(?:재원|휴원|퇴원|신규|등록|대기|졸업|결석|남|여)(?:생|자)?\s*:?\s*[0-9]+\s*명?")
_PERIOD = re.compile(r"[0-9]{1,2}\s*[/.]\s*[0-9]{1,2}(?![0-9]).*|[0-9]{1,2}\s*월.*|[0-9]{4}\s*[-./년].*")
_LABEL = re.compile(
    r".*반|(?:초등|중등|고등|중학|고학|오전|오후|주말|평일|저학|[0-9])부|.*[0-9]\s?(?:조|팀|학년|교시|기)"
    r"|(?:휴원|퇴원|신규|재원|대기|휴강|등록|미등록|졸업|편입|전입|전출|환불|결석|탈퇴)(?:자|생|생들|명단)?"
)  # fmt: skip
NOBODY = words(
    "필수 선택 필수입력 선택입력 필수항목 선택항목 텍스트 문자 숫자 입력 직접입력 담당 담당자 담당강사 담임 "
    "담임강사 강사 선생님 문의 문의처 원장 작성자 작성일 확인 확인자 결재 비고 참고 "
    "주의 안내 연락처 전화번호 이하여백 이하빈칸 여백 이상 끝 이름 성명 학생명 학부모 보호자 합계 총계 소계 총원 "
    "인원 없음 미정 공란"
)
_OFFICE = re.compile(
    r"대표\s*(?:번호|전화)|행정실|상담실|교무실|데스크|사무실|고객센터|학원\s*(?:전화|연락처|번호|대표)|문의"
)
_COLON = re.compile(r"[:：]")
_LEADING = re.compile(r"[ :：)]")
_PLACEHOLDER = re.compile(r"010-?[0xX*○0-9]{4}-?[0xX*○0-9]{4}")


def is_guide(sheet: str) -> bool:
    """Whether a sheet's name says that it explains how to fill the others in."""
    return bool(_GUIDE_SHEET.search(sheet))


def is_example_title(title: str) -> bool:
    """Whether the title above a table says that its rows are examples."""
    return len(title) <= 30 and bool(_EXAMPLE_TITLE.search(title))


def may_mark_example(value: Value) -> bool:
    """A quick look before `is_marked_example`."""
    return isinstance(value, str) and _EXAMPLE_MARK.search(value) is not None


def is_marked_example(values: Sequence[Value]) -> bool:
    """Whether a cell of the row says nothing but `예시`, or its first one `예` or `ex`."""
    if values and isinstance(values[0], str) and values[0].strip().lower() in ("예", "ex", "e.g."):
        return True
    return any(isinstance(value, str) and len(value) <= 30 and bool(_EXAMPLE.fullmatch(value)) for value in values)


def is_example_row(values: Sequence[Value]) -> bool:
    """Whether a row is empty or an example, in a table whose columns are not known."""
    return is_marked_example(values) or all(
        is_blank(value) or (isinstance(value, str) and bool(_EXAMPLE_NAME.search(value))) for value in values[:2]
    )


def why_skipped(name: Value, parent: Phone, student: Phone, remark: Value, values: Sequence[Value]) -> str:
    """Why a row is no student's; '' when it is one, right or wrong. `values` are all of the row's cells."""
    said = plain(name)
    if "예시" in plain(remark) or _EXAMPLE_NAME.search(said) or is_marked_example(values):
        return EXAMPLE
    if (
        said == "홍길동"
        and parent.flaw
        and _PLACEHOLDER.fullmatch("".join(plain(v) for v in values if "010" in plain(v)))
    ):
        return EXAMPLE
    if said and not parent.flaw:
        return NOT_A_STUDENT if _is_no_student(said, parent, student, len(values)) else ""
    texts = [plain(value) for value in values if not is_blank(value)]
    if (
        parent.flaw
        and texts
        and any(rule.fullmatch(one) for rule in (_TOTAL, _TALLY) for one in (texts[0], said or "-"))
    ):
        return TOTAL
    if isinstance(name, CellError):
        return ""
    if not said and parent.flaw in ("missing", "ditto") and student.flaw == "missing":
        return EMPTY
    nobody = not said and any(_LEADING.split(text, maxsplit=1)[0] in NOBODY for text in texts)
    return NOT_A_STUDENT if nobody or _is_no_student(said, parent, student, len(texts)) else ""


def _is_no_student(name: str, parent: Phone, student: Phone, cells: int) -> bool:
    joined = name.replace(" ", "")
    if joined in NOBODY or _PERIOD.fullmatch(name) or joined.isdigit() or len(name) > LONGEST_NAME:
        return True
    if _OFFICE.search(name) or (_COLON.search(name) and _COLON.split(name)[0].strip() in NOBODY):
        return True
    if cells == 1 and _LABEL.fullmatch(name):
        return True
    if NAME_LIKE.fullmatch(joined):
        return False
    # The contract drops a row here that has no right number; one with a wrong number is a student to be corrected.
    return len(parent.digits) < 7 and len(student.digits) < 7 and "several" not in (parent.flaw, student.flaw)
