"""What Solapi refuses of a single message, by its own status codes (1xxx: not registered, not sent, not billed)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

OK = "2000"
WORDS = {
    "1010": "필수 입력 값 미입력", "1011": "형식에 맞지 않는 입력 값", "1013": "SMS에는 제목을 쓸 수 없음",
    "1014": "제목 길이 초과(40바이트)", "1025": "지원하지 않는 메시지 타입", "1026": "중복 수신번호",
    "1028": "출력할 수 없는 문자 포함", "1029": "EUC-KR(KS X 1001)에 없는 문자 포함", "1030": "잔액 부족",
    "1031": "내용 길이 초과", "1032": "customFields 형식 오류", "1041": "카카오 pfId 오류",
    "1042": "카카오 templateId 오류", "1043": "템플릿과 변수가 다름", "1060": "수신 차단", "1061": "080 수신거부",
    "1062": "발신번호 미등록", "1064": "수신 차단", OK: "정상 접수",
}  # fmt: skip
TYPES = frozenset({"SMS", "LMS", "MMS", "ATA", "CTA", "CTI", "NSA", "FAX", "VOICE"})
MOST = {"SMS": 90, "LMS": 2000, "MMS": 2000}
MOST_ATA = 1000
MOST_SUBJECT = 40
_VARIABLE = re.compile(r"#\{[^}]+\}")


@dataclass(frozen=True)
class Template:
    """An approved Alimtalk template of a channel: its text with #{variables}; text '' = whatever it says."""

    pf_id: str
    text: str = ""


@dataclass(frozen=True)
class Book:
    """What an account has registered. No senders or no templates: none is checked."""

    senders: Collection[str] = ()
    templates: Mapping[str, Template] | None = None
    blocked: Mapping[str, str] | None = None
    """Phone -> the code (1060, 1061, 1064) that a message to it is refused with."""


def euckr(text: str) -> int | None:
    """Bytes in EUC-KR, None where a character is not in KS X 1001 (Python writes those as eight bytes)."""
    size = 0
    for char in text:
        try:
            length = len(char.encode("euc_kr"))
        except UnicodeEncodeError:
            return None
        if length > 2:
            return None
        size += length
    return size


def kind(message: object) -> str:
    """The type as given, else as Solapi detects it: ATA with a Kakao template, SMS up to 90 EUC-KR bytes, else LMS."""
    if not isinstance(message, dict):
        return "SMS"
    if message.get("type"):
        return str(message["type"])
    if message.get("kakaoOptions"):
        return "ATA"
    return "SMS" if len(str(message.get("text") or "").encode("euc-kr", "replace")) <= MOST["SMS"] else "LMS"


def problem(message: object, book: Book) -> tuple[str, str]:
    """(code, which field) of the first thing wrong with a message, ('', '') when it is fine."""
    if not isinstance(message, dict):
        return "1011", "message"
    return _envelope(message, book) or (
        _alimtalk(message, book) if kind(message) == "ATA" else _text(message, kind(message))
    ) or ("", "")  # fmt: skip


def rendered(message: Mapping[str, Any], book: Book) -> str:
    """The text as the phone shows it: an Alimtalk's is its template's."""
    options = message.get("kakaoOptions") or {}
    template = (book.templates or {}).get(str(options.get("templateId"))) if kind(message) == "ATA" else None
    if template is None or not template.text:
        return str(message.get("text") or "")
    variables = options.get("variables") or {}
    return _VARIABLE.sub(lambda found: str(variables.get(found[0], found[0])), template.text)


def _envelope(message: Mapping[str, Any], book: Book) -> tuple[str, str] | None:
    to, sender, of = message.get("to"), message.get("from"), kind(message)
    options = message.get("kakaoOptions")
    silent = of == "ATA" and isinstance(options, dict) and bool(options.get("disableSms"))
    if not to:
        return "1010", "to"
    if not (isinstance(to, str) and re.fullmatch(r"\d{8,15}", to)):
        return "1011", "to"
    if not sender and not silent:
        return "1010", "from"
    if sender and not (isinstance(sender, str) and re.fullmatch(r"\d{4,15}", sender)):
        return "1011", "from"
    if not re.fullmatch(r"\d{1,4}", str(message.get("country", "82"))):
        return "1011", "country"
    if of not in TYPES:
        return "1025", "type"
    if not _custom_fields(message.get("customFields")):
        return "1032", "customFields"
    if sender and book.senders and sender not in book.senders:
        return "1062", "from"
    if book.blocked and to in book.blocked:
        return book.blocked[to], "to"
    return None


def _text(message: Mapping[str, Any], of: str) -> tuple[str, str] | None:
    text, subject = message.get("text"), message.get("subject")
    if not text:
        return "1010", "text"
    if not isinstance(text, str) or not isinstance(subject, str | None):
        return "1011", "text"
    if subject and of == "SMS":
        return "1013", "subject"
    for word, said in (("text", text), ("subject", subject or "")):
        if any((char < " " and char not in "\r\n\t") or char == "\x7f" for char in said):
            return "1028", word
        if euckr(said) is None:
            return "1029", word
    if (euckr(subject or "") or 0) > MOST_SUBJECT:
        return "1014", "subject"
    if (euckr(text) or 0) > MOST.get(of, MOST["LMS"]):
        return "1031", "text"
    return None


def _alimtalk(message: Mapping[str, Any], book: Book) -> tuple[str, str] | None:
    options = message.get("kakaoOptions")
    if not isinstance(options, dict) or not options.get("pfId"):
        return "1010", "kakaoOptions.pfId"
    if not options.get("templateId"):
        return "1010", "kakaoOptions.templateId"
    variables = options.get("variables") or {}
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        return "1011", "kakaoOptions.variables"
    if book.templates is not None:
        template = book.templates.get(str(options["templateId"]))
        if options["pfId"] not in {one.pf_id for one in book.templates.values()}:
            return "1041", "kakaoOptions.pfId"
        if template is None or template.pf_id != options["pfId"]:
            return "1042", "kakaoOptions.templateId"
        if template.text and set(variables) != set(_VARIABLE.findall(template.text)):
            return "1043", "kakaoOptions.variables"
    return ("1031", "text") if len(rendered(message, book)) > MOST_ATA else None


def _custom_fields(fields: object) -> bool:
    if fields is None:
        return True
    return isinstance(fields, dict) and all(
        isinstance(name, str) and isinstance(value, str) and len(name) <= 30 and len(value) <= 100
        for name, value in fields.items()
    )
