"""JSON in a command line that is typed again, on Windows too: PowerShell 5 takes the double quotes out of it."""

from __future__ import annotations

import base64
import os

_PACKED = "base64:"


def packed(text: str, *, windows: bool = os.name == "nt") -> str:
    """A text as a word that the shells of this system hand on as it is."""
    if windows and '"' in text:
        return _PACKED + base64.b64encode(text.encode("utf-8")).decode("ascii")
    return text


def unpacked(word: str) -> str:
    """The text of a word, packed or not. Raises ValueError for a packed one that is cut."""
    if not word.startswith(_PACKED):
        return word
    text = base64.b64decode(word.removeprefix(_PACKED), validate=True).decode("utf-8")
    if not text:
        raise ValueError("nothing is packed in it")
    return text
