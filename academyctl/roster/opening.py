"""The one door to a file's rows, whatever kind of spreadsheet it is."""

from __future__ import annotations

from pathlib import Path

from academyctl.roster._kinds import kind_of
from academyctl.roster.model import Book, Limits, RosterRefused, Sheet


def open_book(path: Path, limits: Limits) -> Book:
    """The file's kind and its sheets, with all bounds checked that can be checked before rows are read.

    No file stays open: each `Sheet.rows()` opens it anew. Raises RosterRefused, here and while rows are read; meant
    for `academyctl.roster.child`, because an xls, xlsb or ods file may end the process that reads it.
    """
    kind = kind_of(path, limits)
    try:
        return Book(kind, _sheets(path, kind, limits))
    except RosterRefused as refused:
        if refused.code != "not-a-spreadsheet":
            refused.kind = refused.kind or kind
        raise


def _sheets(path: Path, kind: str, limits: Limits) -> tuple[Sheet, ...]:
    if kind == "csv":
        from academyctl.roster import _csv

        return (_csv.sheet(path, limits),)
    if kind in ("xlsx", "xlsm"):
        from academyctl.roster import _xlsx

        return _xlsx.sheets(path, limits)
    from academyctl.roster import _calamine

    return _calamine.sheets(path, kind, limits)
