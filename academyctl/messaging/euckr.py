"""What a text message can carry: EUC-KR, that is ASCII and KS X 1001 (Solapi refuses the rest with 1028 and 1029).

Python's codec knows more than that: it writes the 8,822 Hangul syllables outside KS X 1001 (믜, 똠, 뷁 ...) as eight
bytes each, which no phone shows. So what counts is one byte or two. The euro and the registered sign are in KS X 1001
since 1998 and may go.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from academyctl.messaging._signs import SIGNS

_PICTURE = (
    "[\u2139\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\u00a9\u00ae\u2122\U0001f000-\U0001faff]"
)
# Variation selectors, skin tones, the keycap's frame, and the letters of a flag of England, Scotland or Wales.
_MARK = "[\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
# An emoji is one character, whatever it consists of: a flag, a keycap, a family joined by zero-width joiners.
_CHARACTER = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_PICTURE}{_MARK}*(?:\u200d{_PICTURE}{_MARK}*)*|.", re.DOTALL
)
_ZERO_WIDTH_JOINER = "\u200d"
# Two bytes in the codec and yet nothing to send: the soft hyphen, and the filler that begins the eight bytes.
_UNSENDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u00ad\u3164]")
_SUPERSCRIPT_LETTERS = ("<super>", "<sub>")


@dataclass(frozen=True, repr=False)
class Cleaned:
    """`replaced`: each character that a rule replaced or removed, once, as it was, in order of appearance.

    `bad`: each that no rule may touch; the text cannot be sent while there is one, and `text` still holds them.
    """

    text: str
    replaced: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()


def size(text: str) -> int:
    """Bytes in EUC-KR of a text that was cleaned: one for ASCII, two for everything else."""
    return len(text) + sum(letter > "\x7f" for letter in text)


def sendable(text: str) -> bool:
    """Whether a text message can carry every character of it as it is."""
    if _UNSENDABLE.search(text):
        return False
    try:
        return len(text.encode("euc_kr")) == size(text)
    except UnicodeEncodeError:
        return False


def clean(text: str, *, replace: bool) -> Cleaned:
    """The text as it can be sent: composed (macOS sends Hangul in pieces), with line feeds alone between its lines.

    `replace`: signs go by rule (`_signs`, Unicode's own compatibility forms), emoji, zero-width and control characters
    are removed together with a space that would be left over. Letters, digits and money signs are never lost: what
    has no equal in KS X 1001 is `bad`. Without `replace` everything that cannot be sent is.
    """
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    if sendable(text):
        return Cleaned(text)
    out: list[str] = []
    replaced: dict[str, None] = {}
    bad: dict[str, None] = {}
    # Whether something vanished between what is written and what comes.
    gap = False
    for character in _CHARACTER.findall(text):
        became = _became(character) if replace or _fits(character) else None
        if became is None:
            bad[character] = None
            became = character
        elif became != character:
            replaced[character] = None
        if not became:
            gap = gap or not _is_invisible(character)
            continue
        if gap and _is_left_over(out, became):
            became = ""
        gap = gap and not became
        out += became
    if gap:
        _is_left_over(out, "\n")
    return Cleaned("".join(out), tuple(replaced), tuple(bad))


def _is_left_over(out: list[str], then: str) -> bool:
    """Whether what follows a removed picture is the second of the two spaces around it; one at a line's end goes."""
    before = out[-1] if out else "\n"
    if then == "\n" and before == " ":
        out.pop()
    return then == " " and before in " \n"


def _is_invisible(character: str) -> bool:
    return len(character) == 1 and unicodedata.category(character) in ("Cf", "Cc", "Mn")


@functools.lru_cache(maxsize=16384)
def _fits(character: str) -> bool:
    return sendable(character)


@functools.lru_cache(maxsize=16384)
def _became(character: str) -> str | None:
    return character if sendable(character) else _instead(character)


def _instead(character: str) -> str | None:
    """What goes out for a character that cannot: '' for nothing, None when it may not be replaced."""
    if len(character) > 1 and _ZERO_WIDTH_JOINER in character:
        return ""
    if len(character) > 1:
        return character[0] if sendable(character[0]) else _instead(character[0])
    if character in SIGNS:
        return SIGNS[character]
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category in ("Cf", "Cc") or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return ""
    if category == "No":
        return _number(character)
    return _compatible(character, category)


def _number(character: str) -> str | None:
    """16 in a circle, one fifth, to the fifth power: the digits stay, and nothing before them can be read with them."""
    value, form = unicodedata.numeric(character), unicodedata.decomposition(character).split(" ")[0]
    if form == "<fraction>":
        return _all_sent(" " + unicodedata.normalize("NFKC", character))
    if form == "<super>":
        return f"^{value:.0f}"
    if form in ("<sub>", "<compat>", "<font>"):
        return _all_sent(unicodedata.normalize("NFKC", character))
    if not value.is_integer() or value < 0:
        return None
    return chr(ord("①") + int(value) - 1) if 1 <= value <= 15 else f"({value:.0f})"


def _compatible(character: str, category: str) -> str | None:
    form = unicodedata.decomposition(character)
    if form.startswith("<") and not form.startswith(_SUPERSCRIPT_LETTERS):
        return _all_sent(unicodedata.normalize("NFKC", character))
    # Pictures newer than this Python's Unicode have no category yet.
    newer = category == "Cn" and "\U0001f000" <= character <= "\U0001faff"
    # The replacement character says that a text was broken before it came to us.
    return "" if (category in ("So", "Sk") or newer) and character != "\ufffd" and not form else None


def _all_sent(text: str) -> str | None:
    out = "".join(SIGNS.get(letter, letter) for letter in text)
    return out if sendable(out) else None


def replacements(replaced: str) -> list[tuple[str, str]]:
    """Each of a text's replaced characters, and what went out for it; '' for nothing."""
    return [(character, _instead(character) or "") for character in _CHARACTER.findall(replaced)]


def named(characters: tuple[str, ...], most: int = 5) -> str:
    """Characters for people and logs: `'뷁' U+BDC1`, the first few."""
    more = f" and {len(characters) - most} more" if len(characters) > most else ""
    return ", ".join(name(character) for character in characters[:most]) + more


def name(character: str) -> str:
    """One character, with its code where it cannot be seen or many look like it."""
    code = f"U+{ord(character[0]):04X}"
    shown = character.isprintable() and not unicodedata.category(character[0]).startswith(("M", "C"))
    return f"'{character}' {code}" if shown else code


def prefix(text: str, most: int) -> str:
    """The characters of a cleaned text from its start that together take at most `most` bytes."""
    for count, letter in enumerate(text):
        most -= 1 if letter <= "\x7f" else 2
        if most < 0:
            return text[:count]
    return text
