"""Phone numbers as academies type them. A number is used only when the whole cell leaves no doubt about it."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from academyctl.roster._values import clean, says_nothing, words
from academyctl.roster.model import CellError, Value


class Phone(NamedTuple):
    digits: str
    """010 and 8 more when `flaw` is ''; else what could be read, perhaps ''."""
    flaw: str
    """'' or one of: missing error short eight landline old-prefix several rounded placeholder ditto text invalid."""
    whose: str
    """`student` or `parent` when the cell itself says so (`010-1234-5678(본인)`)."""


PLACEHOLDER = "01000000000"
MISSING = Phone("", "missing", "")
_TIDY = re.compile(r"(?:0|(?:\+|00)?82[-. ]?0?)?10[-. ]?([0-9]{4})[-. ]?([0-9]{4})")
_DASHES = re.compile("[‐‑‒–—―−－─━ㅡー~∼〜·ㆍ・]")
_FLOAT = re.compile(r"^([0-9]{8,12})\.0$")
_WORDS = re.compile(r"[^\W\d_]+")
_STUDENTS = words("본인 학생 학생폰 본인폰 학생본인 자녀 원생 수강생 student self")
_PARENTS = words(
    "모 부 母 父 어머니 아버지 어머님 아버님 엄마 아빠 모친 부친 맘 보호자 학부모 학부모님 부모 부모님 조모 조부 "
    "할머니 할아버지 이모 고모 삼촌 mom dad mother father "
    "parent guardian"
)
_MARKS = words("hp h p t tel c m cp 휴대폰 핸드폰 전화 연락처 폰 mobile phone")
_DITTO = words('〃 " 상동 동일 위와같음 위와동일 학생과동일 본인과동일 같음')
_SCIENTIFIC = re.compile(r"[0-9](?:\.([0-9]+))?[eE]\+?([0-9]{1,2})")
_BETWEEN = re.compile(r"[/,;&\n\r|]+|(?<=[0-9]{4}) +(?=0)")
_ALLOWED = re.compile(r"[0-9+().\-'_:☎#/, ]*")
_LANDLINE = re.compile(r"0(?:2[0-9]{7,8}|[3-6][0-9]{8,9}|70[0-9]{7,8}|50[0-9]{8,9}|80[0-9]{6,8})")
_OLD = re.compile(r"01[16789][0-9]{7,8}")


def tidy_mobile(value: Value) -> str:
    """The 11 digits of a number as it should be, or of one whose zero Excel took; '' if it needs a closer look."""
    if value.__class__ is str:
        if len(value) == 13 and value[:4] == "010-" and value[8] == "-":
            rest = value[4:8] + value[9:]
            if rest.isdecimal() and rest.isascii() and rest != "00000000":
                return "010" + rest
        tidy = _TIDY.fullmatch(value)
        digits = f"010{tidy[1]}{tidy[2]}" if tidy else ""
    elif value.__class__ is int and 1_000_000_000 <= value < 1_100_000_000:
        digits = f"0{value}"
    else:
        return ""
    return "" if digits == PLACEHOLDER else digits


def read_phone(value: Value) -> Phone:
    """A cell's phone number with its flaw, if it has one; spells of a whole number lead to 010 and 8 digits."""
    tidy = tidy_mobile(value)
    if tidy:
        return Phone(tidy, "", "")
    if isinstance(value, str):
        return _of_text(value)
    if value is None:
        return MISSING
    if isinstance(value, CellError):
        return Phone("", "error", "")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Phone("", "invalid", "")
    if value != value or abs(value) >= 1e15 or int(value) != value or value < 0:
        return Phone("", "invalid", "")
    return MISSING if value == 0 else _of_number(str(int(value)))


def _of_number(digits: str) -> Phone:
    """A number in a number's cell: Excel dropped the zeros before it."""
    if len(digits) <= 8:
        return Phone(digits, "eight" if len(digits) == 8 else "invalid", "")
    if digits.startswith("82"):
        return _judged(_national(digits))
    return _judged(digits if digits.startswith("0") else "0" + digits)


def _of_text(raw: str) -> Phone:
    parts = _BETWEEN.split(raw.strip())
    if len(parts) > 1 and sum(len(re.sub(r"[^0-9]", "", clean(part))) >= 7 for part in parts) > 1:
        return Phone("", "several", "")
    text = _FLOAT.sub(r"\1", _DASHES.sub("-", clean(raw)))
    if says_nothing(text):
        return Phone("", "ditto" if text == "〃" else "missing", "")
    if text.replace(" ", "") in _DITTO:
        return Phone("", "ditto", "")
    rounded = _SCIENTIFIC.fullmatch(text)
    if rounded:
        return _of_scientific(text, rounded)
    words = [word.lower() for word in _WORDS.findall(text)]
    whose = _owner(words)
    if words and not all(word in _MARKS or word in _PARENTS or word in _STUDENTS for word in words):
        return Phone(re.sub(r"[^0-9]", "", text), "text", whose)
    text = _WORDS.sub("", text)
    if not _ALLOWED.fullmatch(text):
        return Phone("", "invalid", whose)
    digits = re.sub(r"[^0-9]", "", text)
    if not digits:
        return Phone("", "text" if words else "invalid", whose)
    return _judged(_national(digits, foreign="+" in text), whose)


def _owner(words: list[str]) -> str:
    if any(word in _STUDENTS for word in words):
        return "student"
    return "parent" if any(word in _PARENTS for word in words) else ""


def _of_scientific(text: str, found: re.Match[str]) -> Phone:
    # 1.01235E+09 has lost its last digits for good; only a text that still holds every one of them is a number.
    if len(found[1] or "") != int(found[2]):
        return Phone("", "rounded", "")
    try:
        return _of_number(str(int(Decimal(text))))
    except (InvalidOperation, OverflowError, ValueError):
        return Phone("", "invalid", "")


def _national(digits: str, *, foreign: bool = False) -> str:
    """The number as dialled inside Korea; '' for a number of another country."""
    for code in ("0082", "82"):
        rest = digits.removeprefix(code)
        if rest != digits and (foreign or len(digits) >= 11) and rest[:1] in "01":
            return "0" + rest.lstrip("0")
    if foreign:
        return ""
    # 10 or 9 digits that begin with 10: a mobile number whose zero Excel took before the cell became text.
    return "0" + digits if digits.startswith("10") and len(digits) in (9, 10) else digits


def _judged(digits: str, whose: str = "") -> Phone:
    return Phone(digits, _flaw(digits), whose)


def _flaw(digits: str) -> str:
    if len(digits) > 13 and digits.count("010") > 1:
        return "several"
    if digits.startswith("010") and len(digits) != 8:
        if len(digits) == 11:
            return "placeholder" if digits == PLACEHOLDER else ""
        return "short" if len(digits) == 10 else "invalid"
    if len(digits) == 8:
        return "eight"
    if _OLD.fullmatch(digits):
        return "old-prefix"
    return "landline" if _LANDLINE.fullmatch(digits) else "invalid"


_LONG_NUMBER = re.compile(r"[0-9](?:[^0-9A-Za-z가-힣]*[0-9]){6,}")


def masked(text: str, most: int = 40) -> str:
    """A text for people, cut at `most`: of every number of 7 digits or more only the first 4 (`0101****`)."""
    short = _LONG_NUMBER.sub(lambda found: re.sub(r"[^0-9]", "", found[0])[:4] + "****", clean(text))
    return short if len(short) <= most else short[: most - 1] + "~"
