"""Which column is whose: what decides, what asks, and what the operator and earlier imports settle."""

from __future__ import annotations

import pytest

from academyctl.roster._headwords import kind_of, normal
from academyctl.roster.model import Ask
from tests.roster.rosters import Read, Student, read, read_rows, sheet

A = Student(2, "김민수", "01033330001")
S, P, Q = "010-1111-0001", "010-3333-0001", "010-3333-0009"


def asked(found: Read, **candidates: tuple[str, ...]) -> None:
    assert found.reading.status == "needs_mapping"
    assert dict(found.reading.candidates) == candidates
    assert found.reading.ask_sheet == "Sheet1"
    assert found.students == []


KINDS = {
    "parent": "학부모전화번호 부모핸드폰 보호자전화 학부모연락처 연락처(학부모) 전화(학부모) 부모핸드 모연락처 "
    "부(HP) 모H.P. 어머니HP 학부모번호 "
    "연락처(부모님) 학부모휴대폰번호(-없이) parentphone guardianmobile mother'smobile 주보호자연락처 학모연락처 "
    "보호자(부/모)전화",
    "student": "학생전화번호 학생핸드폰 학생폰 본인연락처 수강생연락처 자녀전화 연락처(학생) 전화(본인) HP(학) "
    "학H.P studentphone 학생전화(StudentPhone)",
    "generic": "연락처 전화번호 휴대폰 핸드폰번호 전화 폰 폰번호 HP H.P. Tel 연락처(숫자만) 연락처1 비상연락처 "
    "emergencycontact",
    "contested": "학생학부모연락처 연락처(학생/학부모) 개인연락처 HP(K) 보호자외연락처 학부모연락처(동생) 집전화 "
    "학부모성함/연락처",
    "old": "학부모연락처(구) (구)연락처 이전연락처 예전전화번호",
    "foreign": "담임연락처 강사전화 선생님연락처 형제연락처 학원전화 추천인연락처 기사연락처",
    "parent-name": "학부모성함 학부모명 보호자성명 모친성함 부모이름 어머니성함",
    "parent-bare": "학부모 보호자 학부모님 어머니 모 보호자1",
    "student-name": "학생명 학생이름(StudentName) 이름(학생) 학생성명 원생명 수강생이름 studentname",
    "student-bare": "학생 수강생 원생",
    "plain-name": "이름 성명 성함 *이름 이름(한글) name",
    "other": "학부모관계 학부모이메일 상담전화일 전화뒷자리 영문이름 학생학번 카톡 모의고사 부서 "
    "전화번호는숫자만씁니다 2025학년도",
    "school": "학교 학교명 출신학교 학교(학년) 학교/학년 school",
    "grade": "학년 grade",
    "gender": "성별 성별(남/여) gender",
    "school_class": "반 학급 class",
    "major": "계열 문/이과",
    "memo": "메모 비고 특이사항 notes",
    "remark": "구분 체크",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_header_is_read_by_its_words(kind: str) -> None:
    assert {header: kind_of(normal(header)) for header in KINDS[kind].split(" ")} == dict.fromkeys(
        KINDS[kind].split(" "), kind
    )


@pytest.mark.parametrize(
    ("group", "own", "kind"),
    [
        ("학부모", "전화번호", "parent"), ("학부모", "성명", "parent-name"), ("연락처", "학생", "student"),
        ("연락처", "모", "parent"), ("학생", "이름", "student-name"), ("학부모", "학생폰", "student"),
        ("학생정보", "학부모전화", "parent"), ("담임", "연락처", "foreign"), ("학생", "전화번호", "student"),
    ],
)  # fmt: skip
def test_a_heading_goes_before_the_group_above_it(group: str, own: str, kind: str) -> None:
    assert kind_of(own, group) == kind


@pytest.mark.parametrize(
    "headers",
    [
        ["연락처1", "연락처2"], ["어머니 연락처", "아버지 연락처"], ["보호자1", "보호자2"], ["부", "모"],
        ["휴대폰", "연락처"], ["학부모 연락처", "어머니 연락처"], ["연락처", "비상연락처"], ["휴대폰", "집전화"],
        ["연락처", None], ["연락처", "아이디"],
    ],
)  # fmt: skip
def test_between_two_possible_columns_nobody_guesses(headers: list[str | None]) -> None:
    asked(read_rows(["이름", *headers], ["김민수", P, Q], ["이서연", "010-3333-0002", None]), parent_phone=("B", "C"))


def test_the_question_says_both_columns_and_is_no_half_import() -> None:
    found = read_rows(["이름", "연락처1", "연락처2"], ["김민수", P, Q])
    (problem,) = found.reading.problems
    assert (problem.cell, problem.field, problem.code) == ("B1", "parent_phone", "parent-column-ambiguous")
    assert "B 연락처1, C 연락처2" in problem.message.ko
    assert found.reading.tables[0].mapping == {"name": "A"}


@pytest.mark.parametrize(
    "header",
    ["개인 연락처", "HP(K)", "학생 보호자 연락처", "이전 연락처", "보호자 외 연락처", "학부모 연락처(동생)", "ID"],
)
def test_a_lone_column_of_doubtful_owner_is_asked_about(header: str) -> None:
    asked(read_rows(["이름", header], ["김민수", P], ["이서연", "010-3333-0002"]), parent_phone=("B",))


@pytest.mark.parametrize(
    "header", ["학생 연락처", "본인 연락처", "HP(학)", "담임 연락처", "학생 모바일", "자녀 아이디"]
)
def test_a_students_or_teachers_column_is_never_even_offered(header: str) -> None:
    found = read_rows(["이름", header], ["김민수", S], ["이서연", "010-1111-0002"])
    asked(found, parent_phone=())
    (problem,) = found.reading.problems
    assert problem.code == "parent-column-missing"
    assert problem.message.ko.startswith("학부모 전화번호 컬럼을 찾을 수 없습니다.")


def test_a_hidden_parents_column_makes_a_plain_phone_doubtful() -> None:
    asked(read_rows(["이름", "연락처", "학부모 연락처"], ["김민수", S, P], hidden="C"), parent_phone=("B",))


def test_a_header_merged_over_two_columns_of_numbers_is_asked_about() -> None:
    rows = ["이름", "학부모 연락처", None, "비고"]
    asked(read_rows(rows, ["김민수", P, Q], merged="B1:C1"), parent_phone=("B", "C"))
    assert read_rows(rows, ["김민수", P, None], merged="B1:C1").students == [A]


def test_a_parents_column_without_phones_in_it_leaves_the_question_open() -> None:
    asked(
        read_rows(["이름", "학부모 전화", "연락처"], ["김민수", "a@b.kr", S], ["이서연", "c@d.kr", S]),
        parent_phone=("C",),
    )


def test_columns_beside_a_clear_parents_column_are_not_asked_about() -> None:
    found = read_rows(
        ["이름", "담임 연락처", "이전 연락처", "집전화", "학부모 연락처", "오류"],
        ["김민수", "010-9999-9999", "010-8888-8888", "02-555-1234", P, "010-7777-7777"],
    )
    assert found.students == [A]


@pytest.mark.parametrize("headers", [["이름", "성명"], ["학생명", "학생이름"]])
def test_two_columns_of_names_are_asked_about(headers: list[str]) -> None:
    found = read_rows([*headers, "학부모전화"], ["김민수", "김영희", P], ["이서연", "이영희", "010-3333-0002"])
    asked(found, name=("A", "B"))
    assert found.reading.problems[0].code == "name-column-ambiguous"


def test_a_column_of_names_without_a_header_is_the_name() -> None:
    found = read_rows(["번호", None, "학부모전화"], [1, "김민수", P], [2, "이서연", "010-3333-0002"])
    assert [one.name for one in found.students] == ["김민수", "이서연"]


def test_half_a_name_never_passes_for_a_whole_one() -> None:
    for headers in (["성", "이름"], ["Last Name", "First Name"]):
        asked(read_rows([*headers, "학부모전화"], ["김", "민수", P], ["이", "서연", "010-3333-0002"]), name=("A", "B"))
    sexes = read_rows(["성", "이름", "학부모전화"], ["남", "김민수", P])
    assert sexes.students == [A]


@pytest.mark.parametrize(
    "headers",
    [
        ["학생 이름을 입력해 주세요", "학부모님 연락처를 입력해 주세요", "학생 연락처를 입력해 주세요"],
        ["Q1. 이름", "Q2. 학부모 휴대폰 번호", "Q3. 학생 휴대폰 번호"],
        ["1) 회원명", "2) 보호자 연락처 (필수)", "3) 회원 휴대폰"],
    ],
)
def test_the_questions_of_a_form_are_headers(headers: list[str]) -> None:
    assert read_rows(headers, ["김민수", P, S]).students == [
        A._replace(student_phone="01011110001", uses_identifier=False)
    ]


def test_without_any_column_of_names_the_name_is_missing() -> None:
    found = read_rows(["번호", "점수", "학부모전화"], [1, 90, P], [2, 80, "010-3333-0002"])
    asked(found, name=())
    assert found.reading.problems[0].code == "name-column-missing"


@pytest.mark.parametrize("said", ["C", "c", "연락처2", " 연락처 2 "])
def test_the_operator_names_a_column_by_letter_or_header(said: str) -> None:
    found = read_rows(["이름", "연락처1", "연락처2"], ["김민수", Q, P], ask=Ask(mapping={"parent_phone": said}))
    assert found.students == [A]


def test_the_operator_wins_over_the_headers() -> None:
    found = read_rows(
        ["이름", "학부모 연락처", "어머니"], ["김민수", Q, P], ask=Ask(mapping={"parent_phone": "C", "memo": "B"})
    )
    assert found.students == [A._replace(memo=Q)]


def test_without_a_header_the_operators_columns_are_enough() -> None:
    rows = (["김민수", "한빛고", P], ["이서연", "누리중", "010-3333-0002"])
    assert read_rows(*rows).reading.refused is not None
    found = read_rows(*rows, ask=Ask(mapping={"name": "A", "parent_phone": "C", "school": "B"}))
    assert [(one.row, one.name, one.school) for one in found.students] == [
        (1, "김민수", "한빛고"),
        (2, "이서연", "누리중"),
    ]
    assert found.reading.tables[0].header_row == 0


def test_headers_nobody_knows_can_be_named_by_their_text() -> None:
    found = read_rows(["Nom", "Ruf"], ["김민수", P], ask=Ask(mapping={"name": "Nom", "parent_phone": "Ruf"}))
    assert found.students == [A]


def test_a_letter_means_its_header_on_the_other_sheets() -> None:
    sheets = (
        sheet(["이름", "연락처1", "연락처2"], ["김민수", Q, P], name="A반"),
        sheet(["연락처2", "이름", "연락처1"], ["010-3333-0002", "이서연", Q], name="B반"),
    )
    found = read(*sheets, ask=Ask(mapping={"parent_phone": "C"}))
    assert [(one.name, one.parent_phone) for one in found.students] == [
        ("김민수", "01033330001"),
        ("이서연", "01033330002"),
    ]


def test_a_letter_never_turns_a_clear_sheets_student_column_into_the_parents() -> None:
    clear = sheet(["이름", "학부모 연락처", "학생 연락처"], ["이서연", "010-3333-0002", S], name="A반")
    unclear = sheet(["이름", "연락처1", "연락처2"], ["김민수", Q, P], name="B반")
    found = read(clear, unclear, ask=Ask(mapping={"parent_phone": "C"}))
    assert [one.parent_phone for one in found.students] == ["01033330002", "01033330001"]


def test_a_letter_is_not_spent_on_a_list_of_names_beside_the_roster() -> None:
    names = sheet(["이름", "학교", "3/2"], ["이서연", "한빛고", "O"], ["박지훈", "한빛고", "X"], name="출석부")
    roster = sheet(["이름", "학부모 연락처", "어머니"], ["김민수", Q, P], name="명단")
    found = read(names, roster, ask=Ask(mapping={"parent_phone": "C"}))
    assert found.students == [A]
    assert [one.code for one in found.reading.warnings] == ["sheet-passed-over"]


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        ({"parent_phone": "Z"}, "B 연락처1"), ({"parent_phone": "없는 열"}, "C 연락처2"),
        ({"phone": "B"}, "parent_phone"),
        ({"parent_phone": "B", "name": "B"}, "A, B, C"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_fit_says_what_exists(mapping: dict[str, str], named: str) -> None:
    reading = read_rows(["이름", "연락처1", "연락처2"], ["김민수", Q, P], ask=Ask(mapping=mapping)).reading
    assert reading.refused is not None
    assert (reading.status, reading.refused.code) == ("refused", "bad-mapping")
    assert named in reading.refused.message.ko
    assert named in reading.refused.message.en


def test_an_earlier_import_settles_what_is_ambiguous() -> None:
    rows = (["이름", "연락처1", "연락처2"], ["김민수", Q, P])
    earlier = ({"parent_phone": "어머니 연락처"}, {"parent_phone": "연락처 2"}, {"parent_phone": "연락처1"})
    assert read_rows(*rows, ask=Ask(remembered=earlier)).students == [A]


def test_an_earlier_import_settles_nothing_that_is_clear_or_the_students() -> None:
    earlier = ({"parent_phone": "연락처"}, {"parent_phone": "학생 연락처"})
    clear = read_rows(["이름", "학부모 연락처", "연락처"], ["김민수", P, S], ask=Ask(remembered=earlier))
    assert [one.parent_phone for one in clear.students] == ["01033330001"]
    asked(read_rows(["이름", "학생 연락처"], ["김민수", S], ask=Ask(remembered=earlier)), parent_phone=())
    twice = read_rows(["이름", "연락처", "연락처"], ["김민수", Q, P], ask=Ask(remembered=earlier))
    asked(twice, parent_phone=("B", "C"))


def test_a_plain_phone_right_of_somebody_elses_name_is_neither_the_parents_nor_the_students() -> None:
    staff = [("박강사", "010-9090-9090"), ("최강사", "010-9090-9091")]
    beside = [("구름이", P, None), ("하늘이", Q, None)]
    rows = [(*student, *teacher) for student, teacher in zip(beside, staff, strict=True)]
    found = read_rows(("이름", "학부모전화", None, "강사", "연락처"), *rows)
    assert [(one.name, one.student_phone) for one in found.students] == [("구름이", None), ("하늘이", None)]
    asked(read_rows(("이름", "담임", "연락처"), ("구름이", *staff[0]), ("하늘이", *staff[1])), parent_phone=("C",))


@pytest.mark.parametrize(
    ("header", "kind"),
    [("재학 중인 학교", "school"), ("다니는 학교", "school"), ("학교명(학년)", "school"), ("학생 성별", "gender"),
     ("보호자 전화(변경)", "parent"), ("학부모 연락처(최신)", "parent"), ("학부모 연락처(변경 전)", "old")],
)  # fmt: skip
def test_what_stands_about_a_word_does_not_hide_it(header: str, kind: str) -> None:
    assert kind_of(normal(header)) == kind
