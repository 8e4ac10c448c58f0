"""What is said about a cell, a column or a file, by its code. No text holds a phone number."""

from __future__ import annotations

from academyctl.errors import Both
from academyctl.roster.model import RosterRefused

TEXTS: dict[str, Both] = {
    "name-missing": Both("the student's name is missing", "학생 이름이 없습니다."),
    "cell-error": Both(
        "the cell holds an error or a formula without a result ({said}); type the value in",
        "셀에 오류 값이나 결과가 없는 수식({said})이 있습니다. 값을 직접 입력해 주세요.",
    ),
    "merged-name-two-phones": Both(
        "one merged name stands beside two parent numbers; keep one row and one number for the student",
        "병합된 이름 하나에 학부모 전화번호가 두 개 있습니다. 학생 한 명당 한 행, 번호 하나만 남겨 주세요.",
    ),
    "parent-phone-missing": Both(
        "the parent's phone number is missing; it is never filled in from the student's",
        "학부모 전화번호가 없습니다. 학생 번호로 대신하지 않으니 학부모 번호를 입력해 주세요.",
    ),
    "parent-phone-short": Both(
        "the parent's number has 10 digits; registration needs 010 and 8 more digits",
        "학부모 전화번호가 10자리입니다. 010으로 시작하는 11자리 번호를 입력해 주세요.",
    ),
    "parent-phone-eight": Both(
        "the parent's number has 8 digits; write it with 010 in front",
        "학부모 전화번호가 8자리입니다. 010을 포함한 11자리로 입력해 주세요.",
    ),
    "parent-phone-landline": Both(
        "this is a landline or internet number; a parent needs a mobile number beginning with 010",
        "일반 전화(유선·인터넷) 번호입니다. 학부모는 010으로 시작하는 휴대폰 번호가 필요합니다.",
    ),
    "parent-phone-old-prefix": Both(
        "this is an old mobile prefix (011, 016, ...); a parent needs a number beginning with 010",
        "011·016 등 예전 번호입니다. 010으로 시작하는 11자리 번호로 바꿔 주세요.",
    ),
    "parent-phone-several": Both(
        "the cell holds more than one number; leave the one to be used",
        "한 셀에 번호가 여러 개 있습니다. 사용할 번호 하나만 남겨 주세요.",
    ),
    "parent-phone-rounded": Both(
        "the spreadsheet has rounded the number and its last digits are lost; type it in again as text",
        "지수 표기로 반올림되어 끝자리가 사라진 번호입니다. 셀 서식을 텍스트로 바꾸고 다시 입력해 주세요.",
    ),
    "parent-phone-placeholder": Both(
        "010-0000-0000 is no number of a parent",
        "010-0000-0000은 실제 학부모 번호가 아닙니다. 실제 번호를 입력해 주세요.",
    ),
    "parent-phone-ditto": Both(
        "the cell refers to another one; write the number itself",
        "'상동'처럼 다른 칸을 가리키는 표시입니다. 번호를 직접 입력해 주세요.",
    ),
    "parent-phone-of-student": Both(
        "the cell says that this is the student's own number; write the parent's",
        "학생 본인 번호라고 적혀 있습니다. 학부모 번호를 입력해 주세요.",
    ),
    "parent-phone-text": Both(
        "there is text beside the number; leave nothing but the number",
        "번호 외에 다른 글자가 있습니다. 전화번호만 남겨 주세요.",
    ),
    "parent-phone-invalid": Both(
        "this is no mobile number of 11 digits beginning with 010",
        "학부모 전화번호 형식이 잘못되었습니다. 010으로 시작하는 11자리 번호를 입력해 주세요.",
    ),
    "student-phone-unusable": Both(
        "the student's number cannot be used and is left empty: {reason}",
        "학생 전화번호를 쓸 수 없어 비워 둡니다: {reason}",
    ),
    "gender-unknown": Both("no gender could be read; left empty", "성별을 알 수 없어 비워 둡니다. (남/여)"),
    "grade-not-1-3": Both("the grade is not 1 to 3; left empty", "학년이 1~3이 아니어서 비워 둡니다."),
    "grade-primary": Both(
        "a primary school's grade is not kept; left empty", "초등학교 학년은 저장하지 않으므로 비워 둡니다."
    ),
    "grade-unclear": Both("no grade from 1 to 3 could be read; left empty", "학년(1~3)을 알 수 없어 비워 둡니다."),
    "date-as-text": Both(
        "the spreadsheet had made a date of it; read as {said}", "엑셀이 날짜로 바꾼 값을 {said}(으)로 읽었습니다."
    ),
    "text-cut": Both("too long; cut to {said} characters", "너무 길어 {said}자까지만 저장합니다."),
    "sheet-passed-over": Both(
        "sheet '{said}' has names but no phone column; it was not read",
        "'{said}' 시트에는 이름만 있고 전화번호 열이 없어 읽지 않았습니다.",
    ),
    "sheet-of-former-students": Both(
        "sheet '{said}' lists those who left; it was not read (--sheet reads it alone)",
        "'{said}' 시트는 그만둔 학생 명단이라 읽지 않았습니다. 이 시트만 읽으려면 --sheet로 지정하세요.",
    ),
    "sheet-without-header": Both(
        "sheet '{said}' has names and numbers but no header row in its first 30 rows; it was not read",
        "'{said}' 시트에는 이름과 전화번호가 있지만 30행 안에 헤더 행이 없어 읽지 않았습니다.",
    ),
    "parent-column-missing": Both(
        "no column for the parent's phone was found; the header must say 학부모전화, 부모핸드폰, 보호자 전화 or the "
        "like",
        "학부모 전화번호 컬럼을 찾을 수 없습니다. 헤더에 '학부모전화', '부모핸드폰', '보호자 전화' 등이 있어야 합니다.",
    ),
    "parent-column-ambiguous": Both(
        "the parent's phone column cannot be told by itself; name it clearly in the header (학부모전화) or choose: "
        "{said}",
        "학부모 전화번호 컬럼을 자동으로 식별할 수 없습니다. 헤더에 '학부모전화', '부모핸드폰', '보호자 전화' 등을 "
        "명확히 표기해 주세요. "
        "(후보: {said})",
    ),
    "name-column-missing": Both(
        "no column for the student's name was found; the header must say 이름, 성명 or 학생명",
        "학생 이름 컬럼을 찾을 수 없습니다. 헤더에 '이름', '성명', '학생명' 중 하나가 있어야 합니다.",
    ),
    "name-column-ambiguous": Both(
        "several columns could hold the student's name; head one 학생명 or choose: {said}",
        "학생 이름일 수 있는 컬럼이 여러 개입니다. 헤더에 '학생명'을 명확히 표기해 주세요. (후보: {said})",
    ),
}

REFUSALS: dict[str, Both] = {
    "no-roster": Both(
        "no header row was found; the first row needs column names such as 이름 (name) and 학부모전화 (parent's phone)",
        "헤더 행을 찾을 수 없습니다. 첫 행에 '이름'(또는 성명/학생명), '연락처'(또는 학부모전화/전화번호) 등 "
        "컬럼명이 있어야 합니다.",
    ),
    "no-students": Both(
        "there are no students to register; fill in rows below the header",
        "등록할 학생 데이터가 없습니다. 헤더 아래에 학생을 입력해 주세요."
    ),
    "too-many-rows": Both(
        "the file has more than {limit} rows; split it into smaller files",
        "{limit}행을 넘는 파일입니다. 여러 파일로 나누어 올려 주세요.",
    ),
    "bad-mapping": Both(
        "the column mapping {said} does not fit the file; there is: {exists}",
        "컬럼 지정 {said}이(가) 파일과 맞지 않습니다. 사용할 수 있는 값: {exists}",
    ),
    "no-sheet": Both(
        "there is no sheet '{said}'; there is: {exists}", "'{said}' 시트가 없습니다. 있는 시트: {exists}"
    ),
}  # fmt: skip

_REASONS = {
    "short": Both("it has 10 digits", "10자리입니다"),
    "landline": Both("it is a landline", "휴대폰 번호가 아닙니다"),
    "old-prefix": Both("it does not begin with 010", "010으로 시작하지 않습니다"),
    "several": Both("there is more than one number", "번호가 여러 개입니다"),
    "rounded": Both("the spreadsheet has rounded it", "반올림되어 끝자리가 사라졌습니다"),
    "of-parent": Both("the cell says it is the parent's", "학부모 번호라고 적혀 있습니다"),
}
_UNREADABLE = Both("it is no mobile number", "010 11자리 번호가 아닙니다")


def told(code: str, said: str = "") -> Both:
    """The text of a problem or warning; `said` is what the code names (never a number in full)."""
    text = TEXTS[code]
    if code == "student-phone-unusable":
        reason = _REASONS.get(said, _UNREADABLE)
        return Both(text.en.format(reason=reason.en), text.ko.format(reason=reason.ko))
    return Both(text.en.format(said=said), text.ko.format(said=said)) if "{" in text.en else text


def refusal(code: str, *, kind: str = "", **said: object) -> RosterRefused:
    """Why the whole file is refused, with the way out in both languages."""
    text = REFUSALS[code]
    return RosterRefused(code, Both(text.en.format(**said), text.ko.format(**said)), kind=kind)
