"""Excel's letters of columns."""

from __future__ import annotations


def letter(index: int) -> str:
    """Excel's name of a 0-based column: 0 = A, 26 = AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def index_of(name: str) -> int:
    """The 0-based column of Excel's letters; -1 for anything else."""
    index = 0
    for one in name:
        if not "A" <= one <= "Z":
            return -1
        index = index * 26 + ord(one) - 64
    return index - 1
