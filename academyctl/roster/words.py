"""What people call a roster's columns, and why a row was left out: in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from academyctl.errors import Both

FIELD_NAMES: Mapping[str, Both] = {
    "name": Both("name", "이름"),
    "parent_phone": Both("parent's phone", "학부모 전화번호"),
    "student_phone": Both("student's phone", "학생 전화번호"),
    "school": Both("school", "학교"),
    "grade": Both("grade", "학년"),
    "gender": Both("gender", "성별"),
    "school_class": Both("class", "반"),
    "major": Both("major", "계열"),
    "memo": Both("memo", "메모"),
    "remark": Both("remark", "구분"),
}
"""Field -> its name; the Korean ones are headers that the parser knows (contract 5.4.4)."""

SKIPPED_BECAUSE: Mapping[str, Both] = {
    "example": Both("example rows", "예시 행"),
    "not-a-student": Both("rows that are no student", "학생이 아닌 행"),
    "no-name-no-phone": Both("rows without name and phone", "이름과 전화번호가 없는 행"),
    "duplicate": Both("repeated students", "중복된 학생"),
    "same-student": Both("repeated students whose other columns differ", "다른 내용으로 중복된 학생"),
    "total-row": Both("totals", "합계 행"),
    "header": Both("repeated headers", "반복된 머리글 행"),
}
"""Skipped.why -> what such rows are called; a code that is not here is shown as it is."""


def field_name(field: str, lang: str) -> str:
    """The field as people call it; the field itself when it is none of ours."""
    return FIELD_NAMES[field].pick(lang) if field in FIELD_NAMES else field


def skipped_because(why: str, lang: str) -> str:
    """The reason in words."""
    return SKIPPED_BECAUSE[why].pick(lang) if why in SKIPPED_BECAUSE else why
