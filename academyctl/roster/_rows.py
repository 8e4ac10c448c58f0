"""One table's rows, judged: a good one goes to the spool, any other is told with all that is wrong about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from academyctl.roster._columns import NAME_LIKE, Layout
from academyctl.roster._filters import LONGEST_NAME, NOBODY, NOT_A_STUDENT, may_mark_example, why_skipped
from academyctl.roster._headwords import normal
from academyctl.roster._letters import letter
from academyctl.roster._phones import MISSING, Phone, read_phone, tidy_mobile
from academyctl.roster._repeats import Known, Repeats, is_worth_keeping
from academyctl.roster._spool import NULL, escaped
from academyctl.roster._tally import Tally, TooManyRows
from academyctl.roster._values import is_blank, lines, person, plain
from academyctl.roster.model import CellError, Table, Value

_NAME = re.compile(rf"{NAME_LIKE.pattern}|(?!(?i:ex|sam))[A-Za-z]+(?: [A-Za-z]+){{0,3}}")
"""Names that need no closer look."""


class Rows:
    """The judge of one table. `none_because`: the table itself shows that its rows are no students, and why."""

    def __init__(
        self, sheet: str, layout: Layout, place: int, tally: Tally, *, none_because: str, bounds: tuple[int, int]
    ) -> None:
        get = layout.mapping.get
        self.sheet, self.layout, self.place, self.tally, self.none_because = sheet, layout, place, tally, none_because
        self.left, self.right = bounds
        self.read = 0
        self.name, self.parent = layout.mapping["name"], layout.mapping["parent_phone"]
        self.student, self.school, self.grade = get("student_phone", -1), get("school", -1), get("grade", -1)
        self.gender, self.class_, self.major = get("gender", -1), get("school_class", -1), get("major", -1)
        self.memo, self.remark = get("memo", -1), get("remark", -1)
        # A row's cells are followed by one empty cell: index -1, a field without a column, reads it.
        self.last = max(layout.mapping.values()) + 1
        used = {self.name, self.parent, self.student, self.school, self.grade, self.gender, self.class_, self.major}
        self.loose = tuple(index for index in range(max(self.last, layout.width)) if index not in used)
        self.repeats = Repeats((self.school, self.grade), (self.gender, self.class_, self.major))
        self.unmarked: set[str] = set()
        self.notes: dict[Value, str] = {}
        self.last_parent = ""

    def table(self) -> Table:
        """What the report says of this table."""
        header = self.layout.header
        mapping = {field: letter(index) for field, index in self.layout.mapping.items()}
        texts = {field: self.layout.text(index) for field, index in self.layout.mapping.items()}
        return Table(self.sheet, header.row, header.title, mapping, {f: t for f, t in texts.items() if t}, self.read)

    def row(self, number: int, values: list[Value], carried: Mapping[int, int]) -> bool:
        """Judge one row. False: it is no plain student's and was not judged: `odd_row` does, unless it is a header."""
        cells = self._padded(values)
        name, number_cell, student, memo = cells[self.name], cells[self.parent], cells[self.student], cells[self.memo]
        digits = tidy_mobile(number_cell) or _mended(number_cell)
        known = self.repeats.of(cells)
        if (
            not digits
            or carried
            or self.none_because
            or known[0].odd
            or known[1].odd
            or name.__class__ is not str
            or not _is_name(name)
            or name in NOBODY
            or student.__class__ is CellError
            or memo.__class__ is CellError
            or self._may_be_odd(cells)
        ):
            return self._is_empty(values, carried)
        self._count()
        self._keep(number, cells, name, digits, known, carried)
        return True

    def _padded(self, values: list[Value]) -> tuple[Value, ...]:
        missing = self.last - len(values)
        return (*values, *[None] * (missing + 1)) if missing > 0 else (*values, None)

    def odd_row(self, number: int, values: list[Value], carried: Mapping[int, int]) -> None:
        """Judge a row that is no plain student's, and no header."""
        cells = self._padded(values)
        phone = read_phone(cells[self.parent])
        why = self._why_skipped(values, cells, phone, carried)
        if why:
            self.leave_out(number, why)
            return
        self._count()
        name = person(plain(cells[self.name]))
        if self._wrong(number, cells, name, phone, carried):
            self.tally.failed += 1
            self.last_parent = phone.digits
            return
        self._keep(number, cells, name, phone.digits, self.repeats.of(cells), carried)

    def _keep(
        self,
        number: int,
        cells: Sequence[Value],
        name: str,
        digits: str,
        known: tuple[Known, Known],
        carried: Mapping[int, int],
    ) -> None:
        """A good row goes to the spool, if it is the first of its student."""
        tally, mark = self.tally, self.place << 32 | number
        self.last_parent = digits
        first = tally.students.setdefault(hash((name.casefold(), digits)), mark)
        if first != mark:
            tally.repeated(self.sheet, number, first)
            return
        student, identifier, note = NULL, "t", NULL
        given, memo = cells[self.student], cells[self.memo]
        if given is not None:
            student, identifier = tidy_mobile(given), "f"
            if not student:
                student, identifier = self._student(number, given, carried)
        if memo is not None:
            note = self.notes.get(memo) or self._note(memo)
        place, rest = known
        if place.warnings or rest.warnings:
            self._warn(number, cells, place.warnings + rest.warnings, carried)
        tally.good += 1
        fields = (
            name if name.isalnum() else escaped(name),
            digits,
            student,
            place.written,
            rest.written,
            note,
            identifier,
        )
        tally.spool.add(f"{self.place}\t{number}\t" + "\t".join(fields) + "\n")

    def _note(self, memo: Value) -> str:
        note = escaped(lines(memo) if isinstance(memo, str) else plain(memo))
        if is_worth_keeping(memo, self.notes):
            self.notes[memo] = note
        return note

    def _warn(
        self,
        number: int,
        cells: Sequence[Value],
        warnings: tuple[tuple[str, str, str], ...],
        carried: Mapping[int, int],
    ) -> None:
        for field, code, said in warnings:
            index = self.layout.mapping.get(field, self.school)
            at = carried.get(index, 0)
            self.tally.warn(self.sheet, number, index, field, code, cells[index], said=said, at=at)

    def leave_out(self, number: int, why: str) -> None:
        """Count a row that is no student's."""
        self._count()
        self.tally.skip(self.sheet, number, why)

    def _count(self) -> None:
        self.read += 1
        self.tally.read += 1
        if self.tally.read > self.tally.limit:
            raise TooManyRows

    def _may_be_odd(self, cells: Sequence[Value]) -> bool:
        """Whether a cell might say `예시`; the cells of `repeats` were looked at when they were cached."""
        last = len(cells) - 1
        for index in self.loose:
            if index >= last:
                return False
            value = cells[index]
            if value.__class__ is str and value not in self.unmarked:
                if may_mark_example(value):
                    return True
                if is_worth_keeping(value, self.unmarked):
                    self.unmarked.add(value)
        return False

    def _is_empty(self, values: Sequence[Value], carried: Mapping[int, int]) -> bool:
        """Whether this table's part of the row has nothing of its own: no value, or only what a merge carries."""
        if self.name < len(values) and not is_blank(values[self.name]) and self.name not in carried:
            return False
        own = enumerate(values[: self.right])
        return all(is_blank(value) or place in carried for place, value in own if place >= self.left)

    def _why_skipped(
        self, values: list[Value], cells: Sequence[Value], phone: Phone, carried: Mapping[int, int]
    ) -> str:
        if self.none_because:
            return self.none_because
        if self.name in carried and phone.flaw == "missing":
            return "same-student"
        student = MISSING if self.student < 0 else read_phone(cells[self.student])
        own = [value for place, value in enumerate(values) if self.left <= place < self.right and place not in carried]
        why = why_skipped(cells[self.name], phone, student, cells[self.remark], own)
        heads = self.layout.header.headings
        if why in ("", NOT_A_STUDENT) and phone.flaw and any(
            one.index == self.name and one.own and one.own == normal(plain(cells[self.name])) for one in heads
        ):  # fmt: skip
            return "header"
        return why

    def _wrong(self, number: int, cells: Sequence[Value], name: str, phone: Phone, carried: Mapping[int, int]) -> bool:
        """Tell everything that keeps the row out; whether there was anything."""
        found: list[tuple[int, str, str]] = []
        raw = cells[self.name]
        if not name:
            found.append((self.name, "name", "cell-error" if isinstance(raw, CellError) else "name-missing"))
        if phone.flaw:
            code = "cell-error" if phone.flaw == "error" else f"parent-phone-{phone.flaw}"
            found.append((self.parent, "parent_phone", code))
        elif phone.whose == "student":
            found.append((self.parent, "parent_phone", "parent-phone-of-student"))
        elif self.name in carried and self.last_parent and phone.digits != self.last_parent:
            found.append((self.parent, "parent_phone", "merged-name-two-phones"))
        for field, index in self.layout.mapping.items():
            if field not in ("name", "parent_phone", "remark") and cells[index].__class__ is CellError:
                found.append((index, field, "cell-error"))
        for index, field, code in found:
            self.tally.problem(self.sheet, number, index, field, code, cells[index], at=carried.get(index, 0))
        return bool(found)

    def _student(self, number: int, value: Value, carried: Mapping[int, int]) -> tuple[str, str]:
        """contract 5.4.7: 8 digits are the number without its 010 and an identifier; else a whole number, or none."""
        phone = read_phone(value)
        flaw = phone.flaw or ("of-parent" if phone.whose == "parent" else "")
        if not flaw:
            return phone.digits, "f"
        if flaw == "eight" and phone.whose != "parent":
            return "010" + phone.digits, "t"
        if flaw != "missing":
            at = carried.get(self.student, 0)
            code = "student-phone-unusable"
            self.tally.warn(self.sheet, number, self.student, "student_phone", code, value, said=flaw, at=at)
        return NULL, "t"


def _is_name(text: str) -> bool:
    return 2 <= len(text) <= LONGEST_NAME and _NAME.fullmatch(text) is not None


def _mended(value: Value) -> str:
    """The digits of a number in an unusual spelling; '' when anything about it is to be told."""
    phone = MISSING if value is None else read_phone(value)
    return "" if phone.flaw or phone.whose == "student" else phone.digits
