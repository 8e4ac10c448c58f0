"""Text as cells hold it, made fit to compare, to show and to store."""

from __future__ import annotations

import unicodedata

_SPACES = dict.fromkeys(map(ord, "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"), " ")
_SPACES |= dict.fromkeys(map(ord, "\u200a\u202f\u205f\u3000\u3164\uffa0\t"), " ")
_BREAKS = dict.fromkeys(map(ord, "\u2028\u2029\x0b\x0c\x85\r"), "\n")
_REMOVED = ("Cc", "Cf", "Cs")
"""Control characters (a NUL ends a PostgreSQL insert), zero-width and direction marks, half surrogates."""


def clean(text: str, most: int) -> str:
    """NFC, at most `most` characters, without what no eye sees; any blank is a space, any break a newline."""
    if text.isprintable() and len(text) <= most and (text.isascii() or unicodedata.is_normalized("NFC", text)):
        return text
    text = text[: most * 2].replace("\r\n", "\n").translate(_SPACES | _BREAKS)
    if not text.isprintable():
        text = "".join(c for c in text if c == "\n" or c.isprintable() or unicodedata.category(c) not in _REMOVED)
    return unicodedata.normalize("NFC", text)[:most]
