"""Some hundred rosters made at random from what academies write: right in every field, or a question; never a guess."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from academyctl.roster.model import Value
from tests.roster.rosters import Student, read_rows

NAMES = ["김민수", "이서연", "박지훈", "최유진", "정하윤", "강도현", "조은우", "윤서아", "남궁민", "Amy Kim"]
HEADERS = {
    "name": ["이름", "성명", "학생명", "이 름", "학생 이름*", "이름(학생)", "수강생", "성함", "Student Name", "원생명"],
    "parent": [
        "학부모 전화번호", "학부모전화", "부모 핸드폰", "보호자 연락처", "연락처(학부모)", "학부모\n휴대폰",
        "어머니 연락처", "모 HP", "H.P(모)",
        "Parent Phone", "학부모님 연락처(필수)", "보호자 휴대전화번호", "부모님 번호",
    ],
    "student": ["학생 전화번호", "학생HP", "연락처(학생)", "본인 연락처", "학생\n연락처", "Student Mobile",
                "HP(학)", "자녀 휴대폰"],
    "generic": ["연락처", "전화번호", "휴대폰", "핸드폰 번호", "H.P", "Mobile", "연락처1", "연락처2"],
    "foreign": ["담임 연락처", "추천인 전화", "형제 연락처", "이전 연락처"],
    "parent_name": ["학부모 성함", "보호자명", "부모 이름", "어머니 성함"],
    "school": ["학교", "학교명", "출신학교", "School"],
    "grade": ["학년", "Grade"],
    "gender": ["성별", "성별(남/여)"],
    "noise": ["번호", "주소", "등록일", "수강료", "형제 여부", "생년월일"],
}  # fmt: skip
SPELLINGS = [
    "010-{a}-{b}",
    "010{a}{b}",
    "010 {a} {b}",
    "010.{a}.{b}",
    "+82 10-{a}-{b}",
    "82-10-{a}-{b}",
    "(010){a}-{b}",
]


def phone(rng: random.Random, digits: str) -> Value:
    a, b = digits[3:7], digits[7:]
    if rng.random() < 0.2:
        return rng.choice([int(digits), float(int(digits))])
    text = rng.choice(SPELLINGS).format(a=a, b=b)
    return text.translate({ord("0") + n: 0xFF10 + n for n in range(10)}) if rng.random() < 0.1 else text


@dataclass
class Made:
    """A roster and its truth. `students` numbers begin 0101, `parents` 0103, other people's 0109."""

    columns: list[str]
    rows: list[list[Value]]
    truth: list[Student]


def made(seed: int) -> Made:
    rng = random.Random(seed)
    kinds = ["name", *rng.sample(["school", "grade", "gender", "noise", "foreign", "parent_name"], rng.randrange(5))]
    kinds += rng.choice(
        [["parent"], ["parent", "student"], ["parent", "generic"], ["generic"], ["generic", "student"], ["student"],
         ["parent", "parent"], ["generic", "generic"]]
    )  # fmt: skip
    rng.shuffle(kinds)
    names = rng.sample(NAMES, rng.randrange(2, 9))
    header: list[Value] = []
    for kind in kinds:
        header.append(rng.choice([text for text in HEADERS[kind] if text not in header]))
    rows: list[list[Value]] = [[rng.choice(["2026 봄 특강 명단", "고2 A반"])], []] if rng.random() < 0.5 else []
    rows.append(header)
    truth = []
    for place, name in enumerate(names):
        student = Student(len(rows) + 1, name, f"0103{seed:04}{place:03}", None, gender=None)
        row: list[Value] = []
        for kind in kinds:
            header_text = header[kinds.index(kind)]
            spare = kind == "generic" and str(header_text)[-1:].isdigit()
            value, student = cell(rng, "foreign" if spare and "parent" in kinds else kind, kinds, seed, place, student)
            row.append(value)
        truth.append(student)
        rows.append(row)
    return Made(kinds, rows, truth)


def cell(
    rng: random.Random, kind: str, kinds: list[str], seed: int, place: int, student: Student
) -> tuple[Value, Student]:
    own, foreign = f"0101{seed:04}{place:03}", f"0109{seed:04}{place:03}"
    lone_generic = kind == "generic" and "parent" not in kinds and kinds.count("generic") == 1
    if kind == "name":
        return student.name, student
    if kind == "parent" or lone_generic:
        return phone(rng, student.parent_phone), student
    if kind == "student" or (kind == "generic" and "parent" in kinds):
        return phone(rng, own), student._replace(student_phone=own, uses_identifier=False)
    if kind in ("generic", "foreign"):
        return phone(rng, foreign), student
    if kind == "parent_name":
        return rng.choice(["김영희", "이철수"]), student
    if kind == "school":
        school, school_type = rng.choice([("한빛고", "HIGH"), ("고척중", "MIDDLE"), ("누리여자고등학교", "HIGH")])
        return school, student._replace(school=school, school_type=school_type)
    if kind == "grade":
        number = rng.randrange(1, 4)
        grades: list[Value] = [number, str(number), f"{number}학년", float(number)]
        return rng.choice(grades), student._replace(grade=number)
    if kind == "gender":
        said, sex = rng.choice([("남", "M"), ("여자", "F"), ("F", "F"), ("male", "M")])
        return said, student._replace(gender=sex)
    noise: list[Value] = [place + 1, "서울시 강남구", 250_000, 20100304]
    return rng.choice(noise), student


@pytest.mark.parametrize("block", range(8))
def test_a_random_roster_is_read_right_or_asked_about(block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        roster = made(seed)
        found = read_rows(*roster.rows)
        phones = [kind for kind in roster.columns if kind in ("parent", "generic")]
        unclear = phones in ([], ["parent", "parent"], ["generic", "generic"]) or (
            phones == ["generic"] and "이전 연락처" in roster.rows[-len(roster.truth) - 1]
        )
        where = f"seed {seed}: {roster.rows}"
        assert (found.reading.status == "needs_mapping") == unclear, where
        assert found.students == ([] if unclear else roster.truth), where
        assert all(one.parent_phone.startswith("0103") for one in found.students), where


def test_a_students_number_is_never_taken_for_the_parents() -> None:
    """Whatever the other column is called: once one column says student, its numbers never become a parent's."""
    others = [
        *HEADERS["parent"],
        *HEADERS["generic"],
        *HEADERS["foreign"],
        *HEADERS["parent_name"],
        "학부모",
        "",
        "아이디",
    ]
    for student in HEADERS["student"]:
        for other in others:
            for swap in (False, True):
                header, row = ["이름", student, other or None], ["김민수", "010-1111-0001", "010-3333-0001"]
                if swap:
                    header[1:], row[1:] = header[:0:-1], row[:0:-1]
                for one in read_rows(header, row, row).students:
                    assert one.parent_phone == "01033330001", (header, one)
