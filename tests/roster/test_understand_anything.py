"""Whatever stands in a file: it is read, asked about or refused, the rows add up, and nothing is raised."""

from __future__ import annotations

import random
import re
from datetime import date, time

import pytest

from academyctl.roster.model import Ask, CellError, Merge, Sheet, Value
from tests.roster.rosters import read, sheet

HEADS: list[Value] = [
    "이름", "성명", "학생명", "학부모", "학부모 전화번호", "연락처", "연락처1", "학생 연락처", "학생", "보호자 성함",
    "학교", "학년", "비고", "구분", "직책", "오류", "성", None,
]  # fmt: skip
CELLS: list[Value] = [
    *HEADS, "예시", "합계", "김민수", "이서연", "Amy", "010-3333-0001", "01033330002", 1033330001, 1033330002.0, 2, 3.5,
    "", " ", CellError("#N/A"), True, date(2026, 3, 2), time(1, 2), "한빛고(2)", "02-123-4567",
    "010-1-2\n010-3333-0001",
    "가" * 200, "\t\\N", "\ud800", "0" * 50, 10**20,
    "김민수" + "A" * 60, float("nan"), "1.0E+999", "9.99E99", "남", -5, "010-3333-0003",
    "박지훈", "김민수", "김민수", "010-3333-0004",
]  # fmt: skip


def anything(rng: random.Random) -> Sheet:
    width = rng.randrange(1, 7)
    rows = [[rng.choice(HEADS) for _ in range(width)]] if rng.random() < 0.8 else []
    rows += [[rng.choice(CELLS) for _ in range(width)] for _ in range(rng.randrange(10))]
    made = sheet(*rows, name=rng.choice(["A반", "안내", "명단"]), visible=rng.random() > 0.1)
    merged = tuple(
        Merge(rng.randrange(9), rng.randrange(width), 9 + rng.randrange(2), width) for _ in range(rng.randrange(3))
    )
    return Sheet(made.name, made.visible, made.rows, frozenset(rng.sample(range(7), rng.randrange(2))), merged)


def asking(rng: random.Random) -> Ask:
    fields = rng.sample(["name", "parent_phone", "memo", "nonsense"], rng.randrange(3)) if rng.random() < 0.4 else []
    return Ask(
        {field: rng.choice(["A", "B", "Z", "이름", "HP", ""]) for field in fields},
        ({"parent_phone": "연락처"},) if rng.random() < 0.3 else (),
        rng.choice(["", "", "", "A반", "없는 시트"]),
    )


@pytest.mark.parametrize("block", range(4))
def test_no_content_breaks_the_reading(block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        rng = random.Random(seed)
        found = read(*[anything(rng) for _ in range(rng.randrange(3))], ask=asking(rng))
        for student in found.students:
            assert re.fullmatch(r"010[0-9]{8}", student.parent_phone), seed
            assert 0 < len(student.name.encode("utf-8")) <= 60, seed
