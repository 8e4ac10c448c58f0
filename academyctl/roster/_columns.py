"""Which column is which field. Between two columns that could be the parent's phone nobody but a person decides.

Rules: contract 5.4.4 (aliases, in the order of `FIELDS`) and 5.4.5, without its score and without its guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from academyctl.roster._headers import Header, Heading
from academyctl.roster._headwords import (
    BLANK,
    CONTESTED,
    FOREIGN,
    GENERIC,
    OLD,
    OTHER,
    PARENT,
    PARENT_BARE,
    PLAIN_NAME,
    STUDENT,
    STUDENT_BARE,
    STUDENT_NAME,
    STUDENT_NUMBER,
    SURNAME,
    is_spare,
    normal,
    says_student,
)  # fmt: skip
from academyctl.roster._phones import read_phone
from academyctl.roster._values import clean, gender, is_blank, says_nothing
from academyctl.roster.model import FIELDS, CellError, Value

NAME_LIKE = re.compile(r"[가-힣]{2,5}[A-Za-z0-9]*\*?")
"""contract 5.4.5: what a student's name looks like."""
_PHONE_LIKE = ("", "short", "eight", "landline", "old-prefix", "several", "placeholder", "rounded")
ERROR_COLUMN = "오류"


@dataclass(frozen=True)
class Content:
    """What a sample of a column holds, in cells: any value, phone-like ones, mobile ones, names, and no genders."""

    filled: int
    phones: int
    mobiles: int
    names: int
    distinct_names: int
    surnames: int

    def looks_like_phones(self) -> bool:
        """An empty column may still become one."""
        return self.phones * 2 >= self.filled

    def looks_like_mobiles(self) -> bool:
        return self.mobiles >= 1 and self.mobiles * 2 >= self.filled

    def looks_like_names(self) -> bool:
        return self.names >= 1 and self.names * 2 >= self.filled


@dataclass(frozen=True)
class Layout:
    """A table's columns. `mapping` field -> 0-based column; `open` field -> the columns a person must choose from."""

    header: Header
    mapping: Mapping[str, int]
    open: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    width: int = 0

    def text(self, index: int) -> str:
        """A column's header as people read it."""
        return next((one.text for one in self.header.headings if one.index == index), "")


def in_order(mapping: Mapping[str, int]) -> dict[str, int]:
    """In the order of `FIELDS`, as reports show it."""
    return {field_: mapping[field_] for field_ in FIELDS if field_ in mapping}


def content_of(rows: Iterable[Sequence[Value]], index: int) -> Content:
    """The sample's cells of one column."""
    cells = [row[index] for row in rows if index < len(row) and not is_blank(row[index])]
    cells = [cell for cell in cells if not (isinstance(cell, str) and says_nothing(clean(cell)))]
    cells = [cell for cell in cells if not isinstance(cell, CellError)]
    flaws = [(read_phone(cell).flaw, isinstance(cell, int | float) and not isinstance(cell, bool)) for cell in cells]
    names = [
        text for text in (clean(cell) for cell in cells if isinstance(cell, str)) if NAME_LIKE.fullmatch(_joined(text))
    ]
    return Content(
        len(cells),
        sum(flaw in _PHONE_LIKE for flaw, _ in flaws) + sum(map(_has_phone_inside, cells)),
        sum(flaw in ("", "short") for flaw, _ in flaws),
        len(names),
        len(set(names)),
        sum(isinstance(cell, str) and gender(cell)[1] != "" for cell in cells),
    )


def _joined(text: str) -> str:
    return text.replace(" ", "")


def _has_phone_inside(cell: Value) -> bool:
    """A number with something else about it (`김미영 010-1234-5678`, 12 digits): wrong, but a phone was meant."""
    found = read_phone(cell)
    return found.flaw in ("text", "invalid") and (
        len(found.digits) >= 7 or (isinstance(cell, str) and cell[:3] == "010")
    )


def assign(
    header: Header, rows: Sequence[Sequence[Value]], hidden: frozenset[int], remembered: Sequence[Mapping[str, str]]
) -> Layout:
    """The columns of a table by its header, checked by the sample `rows` below it."""
    width = max([len(row) for row in rows] + [one.index + 1 for one in header.headings], default=0)
    heads = {one.index: one for one in header.headings}
    columns = [heads.get(index) or Heading(index, "", "", "", BLANK) for index in range(width) if index not in hidden]
    contents = {one.index: content_of(rows, one.index) for one in columns}
    choice = _Choice(columns, contents, remembered, hides_parent=header.hides_parent)
    choice.parent_phone()
    choice.student_phone()
    choice.name()
    choice.plain_fields()
    return Layout(header, in_order(choice.mapping), choice.open, width)


class _Choice:
    """The decisions for one table, in this order: parent's phone, student's phone, name, the rest."""

    def __init__(
        self,
        columns: list[Heading],
        contents: Mapping[int, Content],
        remembered: Sequence[Mapping[str, str]],
        *,
        hides_parent: bool,
    ) -> None:
        self.columns = columns
        self.contents = contents
        self.remembered = remembered
        self.hides_parent = hides_parent
        self.mapping: dict[str, int] = {}
        self.open: dict[str, tuple[int, ...]] = {}

    def of(self, *kinds: str) -> list[Heading]:
        """The columns of these kinds, from the left."""
        return [one for one in self.columns if one.kind in kinds]

    def parent_phone(self) -> None:
        said = [one for one in self.of(PARENT) if self._phones(one)]
        said += [one for one in self.of(PARENT_BARE) if self._phones(one) and self.contents[one.index].phones]
        if len(said) == 1 and not (said[0].kind == PARENT_BARE and self._misled()):
            self.mapping["parent_phone"] = said[0].index
            return
        if said:
            self._ask("parent_phone", said)
            return
        possible = [one for one in self.of(GENERIC) if self._phones(one)]
        doubtful = [one for one in self.of(CONTESTED, OLD) if self._phones(one)]
        unsaid = [one for one in self.of(BLANK, OTHER) if one.own != ERROR_COLUMN and self._mobiles(one)]
        unsaid = [one for one in unsaid if not says_student(one.own, one.group)]
        every = sorted([*possible, *doubtful, *unsaid], key=lambda one: one.index)
        lone = every[0] if len(every) == 1 and not self._misled() else None
        alone = (
            lone is not None
            and not self.hides_parent
            and not self._of_others(lone)
            and (lone.kind == GENERIC or (lone.kind == BLANK and not self.of(STUDENT, STUDENT_NUMBER, FOREIGN)))
        )
        if lone is not None and alone:
            self.mapping["parent_phone"] = lone.index
        else:
            self._ask("parent_phone", every)

    def _misled(self) -> bool:
        """Whether a column says parent's phone but holds none: every other column is a guess then."""
        return any(self.contents[one.index].filled and not self._phones(one) for one in self.of(PARENT))

    def _of_others(self, one: Heading) -> bool:
        """Whether a plain phone stands right of somebody else: `강사 | 연락처` is the teacher's."""
        left = one.index - 1
        return self._kind(left) == FOREIGN and self.contents[left].looks_like_names()

    def student_phone(self) -> None:
        said = [one for one in self.of(STUDENT) if self._phones(one)]
        said += [one for one in self.of(STUDENT_NUMBER, STUDENT_BARE) if self._mobiles(one)]
        by_header = self._kind(self.mapping.get("parent_phone")) in (PARENT, PARENT_BARE)
        if not said and by_header:
            # Beside a column that says parent, a lone `전화번호` is the student's.
            plain = [one for one in self.of(GENERIC) if self._mobiles(one) and not is_spare(one.own)]
            plain = [one for one in plain if not self._of_others(one)]
            said = plain if len(plain) == 1 else []
        if said:
            self.mapping["student_phone"] = said[0].index

    def name(self) -> None:
        students = [one for one in self.of(STUDENT_NAME) if not one.echo]
        students += [one for one in self.of(STUDENT_BARE) if not one.echo and one.index not in self.mapping.values()]
        surnames = [one for one in self.of(SURNAME) if self.contents[one.index].surnames]
        if surnames:
            # Half a name must not pass for a whole one.
            self.open["name"] = tuple(sorted(one.index for one in [*surnames, *students, *self.of(PLAIN_NAME)]))
            return
        for group in (students, [one for one in self.of(PLAIN_NAME) if not one.echo]):
            named = [one for one in group if self.contents[one.index].looks_like_names()] or group
            if len(named) == 1:
                self.mapping["name"] = named[0].index
                return
            if named:
                self._ask("name", named)
                return
        like = [
            one
            for one in self.of(BLANK, OTHER)
            if one.own != ERROR_COLUMN and self.contents[one.index].looks_like_names()
            and self.contents[one.index].distinct_names >= 2
        ]  # fmt: skip
        # contract 5.4.5: without a header a column of names is taken; two such columns are asked about.
        if len(like) == 1:
            self.mapping["name"] = like[0].index
        else:
            self._ask("name", like)

    def plain_fields(self) -> None:
        for one in self.columns:
            if one.kind not in FIELDS or one.index in self.mapping.values():
                continue
            field_ = "remark" if one.kind == "memo" and "memo" in self.mapping else one.kind
            self.mapping.setdefault(field_, one.index)

    def _ask(self, field_: str, columns: Sequence[Heading]) -> None:
        settled = _settled(field_, columns, self.remembered)
        if settled is not None:
            self.mapping[field_] = settled
            return
        self.open[field_] = tuple(sorted(one.index for one in columns))

    def _phones(self, one: Heading) -> bool:
        if one.echo and not self.contents[one.index].phones:
            return False
        return self.contents[one.index].looks_like_phones()

    def _mobiles(self, one: Heading) -> bool:
        return self.contents[one.index].looks_like_mobiles()

    def _kind(self, index: int | None) -> str:
        return next((one.kind for one in self.columns if one.index == index), "")


def _settled(field_: str, columns: Sequence[Heading], remembered: Sequence[Mapping[str, str]]) -> int | None:
    """The one column whose header an earlier import of this academy used for the field; the newest that fits."""
    for earlier in remembered:
        wanted = normal(earlier.get(field_, ""))
        found = [one.index for one in columns if wanted and normal(one.text) == wanted]
        if len(found) == 1:
            return found[0]
    return None
