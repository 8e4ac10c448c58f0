"""What a cell's value means: text without the dirt of spreadsheets, gender, grade, school. Never raises.

Rules: contract 5.4.7 and 5.4.8, except that a school's kind follows how its name ends (고척중 is a middle school).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time
from typing import NamedTuple

from academyctl.roster.model import CellError, Value

# Full-width forms to ASCII, as the contract's headers; the ideographic space with them.
HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def words(text: str) -> frozenset[str]:
    """A set from a text with spaces between its words."""
    return frozenset(text.split())


_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ud800-\udfff]"
)
# A table written by a program may have made text of a float: `2.0`.
_WHOLE = re.compile(r"(?<=^[0-9])\.0$|(?<=^[0-9]{2})\.0$")
_SPACES = re.compile(r"\s+")
_BLANKS = words(
    "- -- --- . .. x X 없음 무 미정 모름 해당없음 미기재 미입력 n/a N/A na NA none None null NULL nan NaN ? / 〃"
)


def clean(text: str) -> str:
    """NFC, full-width to half-width, unseen and control characters out, runs of white space to one space."""
    text = unicodedata.normalize("NFC", _UNSEEN.sub("", text).translate(HALF_WIDTH))
    return _SPACES.sub(" ", text).strip()


def lines(text: str) -> str:
    """As `clean`, with the line breaks kept: a memo may have several lines."""
    return "\n".join(map(clean, text.splitlines())).strip() if "\n" in text or "\r" in text else clean(text)


def is_blank(value: Value) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def says_nothing(text: str) -> bool:
    """What a clerk types into a cell that has nothing to say."""
    return not text or text in _BLANKS


def plain(value: Value) -> str:
    """Any value as text; '' for an empty cell and an error cell."""
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, CellError):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat(" ").removesuffix(" 00:00:00") if isinstance(value, datetime) else value.isoformat()
    return str(value)


def class_text(value: Value) -> tuple[str, str]:
    """A class, and a warning code: Excel makes a date of `2-3` (year 2, class 3), which is turned back."""
    if isinstance(value, datetime | date):
        return f"{value.month}-{value.day}", "date-as-text"
    return _WHOLE.sub("", plain(value)), ""


_NAME_SPACED = re.compile(r"[가-힣](?: [가-힣]){1,4}")
_NAME_SPLIT = re.compile(r"([가-힣]{1,2}) ([가-힣]{1,3})")
_NUMBERED = re.compile(r"^[0-9]{1,3}[.)] ?(?=[^\W\d])")
_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류나진지엄채원천방공현함변염여추도소석선설마길"
    "연위표명기반왕금옥육인맹제모탁국어은편용"
) | {"남궁", "황보", "제갈", "선우", "사공", "서문", "독고", "동방"}


def person(text: str) -> str:
    """A cleaned name. Spaces that only set it (`홍 길 동`) or part surname and given name (`김 민수`) are taken out,
    so that a student is the same one on every list; other spaces belong to the name. A number before it goes."""
    text = _NUMBERED.sub("", text)
    if " " not in text:
        return text
    if _NAME_SPACED.fullmatch(text):
        return text.replace(" ", "")
    split = _NAME_SPLIT.fullmatch(text)
    return split[1] + split[2] if split and split[1] in _SURNAMES else text


_GENDERS = {"남": "M", "여": "F", "녀": "F", "♂": "M", "♀": "F", "1": "M", "2": "F", "3": "M", "4": "F"} | {
    word: sex
    for sex, words in (("M", "m male man boy b"), ("F", "f female woman girl w g"))
    for word in words.split()
}  # fmt: skip
_GENDER_KOREAN = re.compile(r"([남여녀])(?:자|성|학생|아|자아이)?(?:\([a-z남여녀]*\))?")


def gender(value: Value) -> tuple[str, str]:
    """`M`, `F` or '', and a warning code. 1..4 as in a resident number: odd is male."""
    text = plain(value).lower().replace(" ", "")
    if says_nothing(text):
        return "", ""
    korean = _GENDER_KOREAN.fullmatch(text)
    found = _GENDERS.get(korean[1] if korean else text.removesuffix(".").partition("(")[0], "")
    return found, "" if found else "gender-unknown"


_GRADE = re.compile(
    r"(?:(?P<kind>초등학교|초등|초|중학교|중등|중|고등학교|고등|고)(?:학생|부)?)?[ -]?(?:제 ?)?"
    r"(?P<number>[0-9]{1,2})(?: ?학년)?(?: ?[-/] ?[0-9]{1,2}| ?[0-9]{1,2} ?반)?(?: ?반)?"
)
_GRADE_WORD = re.compile(r"^(?:grade|year|g)\.? ?(?=[0-9])", re.IGNORECASE)
_KINDS = {"초": "PRIMARY", "중": "MIDDLE", "고": "HIGH"}


class Grade(NamedTuple):
    number: int | None
    kind: str
    """HIGH, MIDDLE, PRIMARY or '': what the grade's own text says of the school."""
    warning: str


def grade(value: Value) -> Grade:
    """Grade 1..3 or None, of `2`, `2.0`, `2학년`, `고2`, `고등 2`, `２`, `2-3` (year 2, class 3; also as a date)."""
    if isinstance(value, datetime | date):
        return Grade(value.month, "", "date-as-text") if value.month <= 3 else Grade(None, "", "grade-unclear")
    text = _GRADE_WORD.sub("", unicodedata.normalize("NFKC", plain(value)))
    if says_nothing(text):
        return Grade(None, "", "")
    found = _GRADE.fullmatch(_WHOLE.sub("", text))
    if not found:
        return Grade(None, "", "grade-unclear")
    kind = _KINDS.get((found["kind"] or " ")[0], "")
    number = int(found["number"])
    if kind == "PRIMARY":
        return Grade(None, kind, "grade-primary")
    return Grade(number, kind, "") if 1 <= number <= 3 else Grade(None, kind, "grade-not-1-3")


_SCHOOL_GRADE = re.compile(
    r"(?P<school>.+?)(?: ?\( ?(?:[중고]등?)? ?(?P<inside>[0-9])(?: ?학년)? ?\)"
    r"|(?<=[교중고등])[ /-]?(?:[중고])?(?P<after>[0-9])(?: ?학년)?| (?:[중고])?(?P<year>[0-9]) ?학년)"
)
_TAIL = re.compile(r"\([^()]*\)$")
_HIGH = ("고등학교", "고등", "고교", "고", "highschool", "high")
_MIDDLE = ("중학교", "중등학교", "중등", "중", "middleschool", "middle", "juniorhigh")
_PRIMARY = ("초등학교", "초등", "초교", "초", "elementaryschool", "elementary")


def school_kind(name: str) -> str:
    """HIGH, MIDDLE, PRIMARY or '' by how the name ends; `중고등학교` and a bare name leave it open."""
    bare = _TAIL.sub("", name.replace(" ", "").lower())
    if bare.endswith(("중고등학교", "중고", "중·고등학교", "중고교")):
        return ""
    for kind, ends in (("PRIMARY", _PRIMARY), ("MIDDLE", _MIDDLE), ("HIGH", _HIGH)):
        if bare.endswith(ends) and not (kind == "HIGH" and bare.endswith("juniorhigh")):
            return kind
    return "" if not bare else next((kind for word, kind in _WITHIN if word in bare), "")


_WITHIN = (("중학교", "MIDDLE"), ("고등학교", "HIGH"), ("초등학교", "PRIMARY"))
SCHOOL_CHARS = 100


class School(NamedTuple):
    name: str
    grade: int | None
    kind: str
    """HIGH or MIDDLE."""
    warnings: tuple[tuple[str, str], ...]
    """(field, code)."""


def school_and_grade(cell: Value, grade_cell: Value) -> School:
    """A row's school, grade and kind of school from its two cells: a grade inside the school's cell goes first."""
    name, inside = plain(cell), None
    if says_nothing(name):
        name = ""
    split = _SCHOOL_GRADE.fullmatch(name)
    if split:
        name, inside = split["school"].strip(), split["inside"] or split["after"] or split["year"]
    said = grade(inside) if inside else grade(grade_cell)
    kind = school_kind(name) or said.kind
    number = None if kind == "PRIMARY" else said.number
    code = "grade-primary" if kind == "PRIMARY" and (said.number or said.warning) else said.warning
    warnings = [("school" if inside else "grade", code)] if code else []
    if len(name) > SCHOOL_CHARS:
        name = name[:SCHOOL_CHARS]
        warnings.append(("school", "text-cut"))
    return School(name, number, "MIDDLE" if kind == "MIDDLE" else "HIGH", tuple(warnings))
