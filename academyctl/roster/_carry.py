"""Values of cells that are merged downwards: every row of the merge has the value that Excel keeps in the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from academyctl.roster._headers import Row
from academyctl.roster.model import Merge, Value

NOTHING_CARRIED: Mapping[int, int] = {}


class Carry:
    """Walks a sheet's rows in their order."""

    def __init__(self, merged: Sequence[Merge]) -> None:
        self._waiting = sorted((one for one in merged if one.bottom > one.top), key=lambda one: -one.top)
        self._active: dict[int, tuple[int, int, Value]] = {}
        self.is_needed = bool(self._waiting)

    def into(self, row: Row) -> tuple[Row, Mapping[int, int]]:
        """The row with what is carried into it, and column -> the row (Excel's number) where the value stands."""
        number, values = row
        line = number - 1
        while self._waiting and self._waiting[-1].top <= line:
            merge = self._waiting.pop()
            if merge.top == line and merge.left < len(values) and values[merge.left] is not None:
                self._active[merge.left] = (line, merge.bottom, values[merge.left])
        if not self._active:
            return row, NOTHING_CARRIED
        values, origins = self._carried(line, values)
        return (number, values), origins

    def _carried(self, line: int, values: list[Value]) -> tuple[list[Value], Mapping[int, int]]:
        origins: dict[int, int] = {}
        for column, (top, bottom, value) in list(self._active.items()):
            if line > bottom:
                del self._active[column]
            elif line > top:
                if column >= len(values):
                    values = [*values, *[None] * (column + 1 - len(values))]
                if values[column] is None:
                    values = [*values[:column], value, *values[column + 1 :]]
                    origins[column] = top + 1
        return values, origins
