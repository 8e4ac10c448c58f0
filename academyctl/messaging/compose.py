"""From a queue message to what Solapi is asked to send, or why it cannot be sent (contract 6.3-6.7)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from academyctl.contract.texts import Text
from academyctl.messaging import euckr
from academyctl.messaging.model import Composed, Ending, Refused, Tenant

if TYPE_CHECKING:
    from academyctl.settings import Settings

SMS_BYTES = 90
LMS_BYTES = 2000
SUBJECT_BYTES = 40
"""Solapi refuses a longer one with 1014, and any on an SMS with 1013."""
_BETWEEN_DIGITS = re.compile(r"[\s\-.()\u2010-\u2015\u2212]+")
_ABROAD = re.compile(r"(?:\+|00)82(?=[1-7]|0)0?|82(?=10\d{8}$)")
# Mobile numbers of eleven digits begin with 010; ten digits remain to 011 and 016 to 019 alone.
_RECEIVES = re.compile(r"010\d{8}|01[16789]\d{7,8}|02\d{7,8}|0(?:[3-6][1-9]|70)\d{7,8}|050\d{8,9}")
# A registered sender may also be a service's number without area code (1588-1234) or toll-free.
_SENDS = re.compile(r"0\d{8,11}|1\d{7}")


def compose(text: Text, tenant: Tenant, settings: Settings) -> Composed | Refused:
    """What goes out, or the stable reason why nothing can; pure, and the same answer for the same arguments.

    An Alimtalk of mode `both` carries the SMS or LMS that replaces it if Solapi refuses it; when `text` cannot be
    sent as one (too long, say), it has no fallback and goes all the same.
    """
    if not tenant.active or (settings.messaging.require_active and not tenant.messaging_active):
        what = "messaging_is_active is off" if tenant.active else "is_active is off"
        return Refused(Ending.MESSAGING_INACTIVE, f"{what} for this academy")
    to = receiver(text.to)
    if not to:
        return Refused(Ending.BAD_NUMBER, "to is no Korean phone number that can receive a text")
    sender = _sender(text, tenant, settings)
    if isinstance(sender, Refused):
        return sender
    written = Composed("SMS", to, sender)
    if text.mode == "sms":
        return _written(written, text, settings)
    alimtalk = _alimtalk(written, text, tenant, settings)
    if text.mode == "alimtalk":
        return alimtalk
    instead = _written(written, text, settings)
    if isinstance(alimtalk, Refused):
        return instead
    return replace(alimtalk, disable_sms=False, fallback=None if isinstance(instead, Refused) else instead)


def receiver(raw: str) -> str:
    """Digits of a number that can receive a text, as 01012345678; '' for anything else.

    Written with dashes, dots, spaces or brackets, or with +82. Mobile (010: exactly eleven digits), area, 070 and 050x
    numbers.
    """
    digits = _digits(raw)
    return digits if _RECEIVES.fullmatch(digits) else ""


def subject(text: str) -> str:
    """Of an LMS: the first line of a cleaned text that says something, at most 40 bytes; longer ones end in `…`.

    The API writes a message's subject into its text as the first line. That line stays there: nothing is lost.
    """
    line = next((line.strip() for line in text.split("\n") if line.strip()), "")
    if euckr.size(line) <= SUBJECT_BYTES:
        return line
    return euckr.prefix(line, SUBJECT_BYTES - euckr.size("…")).rstrip() + "…"


def _digits(raw: str) -> str:
    """National digits, or what was written when it is no number: letters are not dropped from it."""
    plain = _BETWEEN_DIGITS.sub("", unicodedata.normalize("NFKC", raw))
    plain = _ABROAD.sub("0", plain, count=1) if _ABROAD.match(plain) else plain
    return plain if plain.isascii() and plain.isdigit() else ""


def _sender(text: Text, tenant: Tenant, settings: Settings) -> str | Refused:
    """The message's, else the academy's, else the platform's. One that is no number is told, not passed over."""
    for whose, raw in (
        ("the message's sender", text.sender),
        ("messaging_sender of this academy", tenant.sender),
        ("SOLAPI_SENDER", settings.solapi.sender),
    ):
        if raw.strip():
            digits = _digits(raw)
            return digits if _SENDS.fullmatch(digits) else Refused(Ending.NO_SENDER, f"{whose} is no phone number")
    return Refused(Ending.NO_SENDER, "neither the message nor the academy nor SOLAPI_SENDER has a sender number")


def _written(to: Composed, text: Text, settings: Settings) -> Composed | Refused:
    cleaned = euckr.clean(text.text, replace=settings.messaging.unencodable == "replace")
    if cleaned.bad:
        return Refused(Ending.NOT_ENCODABLE, f"EUC-KR (KS X 1001) does not have {euckr.named(cleaned.bad)}")
    if not cleaned.text.strip():
        return Refused(Ending.EMPTY, "nothing is left to send" if cleaned.replaced else "the text is blank")
    size = euckr.size(cleaned.text)
    if size > LMS_BYTES:
        return Refused(Ending.TOO_LONG, f"{size} bytes in EUC-KR; an LMS takes {LMS_BYTES}")
    made = replace(to, text=cleaned.text, text_bytes=size, replaced="".join(cleaned.replaced))
    return made if size <= SMS_BYTES else replace(made, kind="LMS", subject=subject(cleaned.text))


def _alimtalk(to: Composed, text: Text, tenant: Tenant, settings: Settings) -> Composed | Refused:
    """The template has the text, so neither EUC-KR nor its limits bind; a name given twice has its last value."""
    pf_id = tenant.pf_id.strip() or settings.solapi.kakao_pf_id.strip()
    template_id = text.template_id.strip() or settings.solapi.kakao_template_id.strip()
    if not (pf_id and template_id):
        lacking = " and ".join(name for name, value in (("pf_id", pf_id), ("template_id", template_id)) if not value)
        return Refused(Ending.NO_TEMPLATE, f"no {lacking}: neither the message, the academy nor the settings have one")
    variables = {f"#{{{name}}}": value for name, value in text.replacements}
    return replace(to, kind="ATA", pf_id=pf_id, template_id=template_id, variables=tuple(variables.items()))
