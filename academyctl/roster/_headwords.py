"""What a header's words say: whose column it is, and what stands in it (contract 5.4.2 and 5.4.4, made safe).

The contract's aliases match inside longer headers, so that `학생 전화번호` was once taken for the parent's. Here a
header is read as words: an owner (학부모, 학생), a thing (전화번호, 성명), and what makes it neither (관계, 담임).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from academyctl.roster._values import HALF_WIDTH, words

# Kinds a header can be of. Phones:
PARENT, STUDENT, GENERIC, CONTESTED, OLD, PARENT_BARE, STUDENT_BARE, STUDENT_NUMBER = (
    "parent", "student", "generic", "contested", "old", "parent-bare", "student-bare", "student-number",
)  # fmt: skip
# Names, and the rest; a plain field's kind is the field itself (school, grade, ...).
STUDENT_NAME, PLAIN_NAME, SURNAME, PARENT_NAME, FOREIGN, OTHER, BLANK = (
    "student-name", "plain-name", "surname", "parent-name", "foreign", "other", "blank",
)  # fmt: skip
NAME_KINDS = frozenset({STUDENT_NAME, PLAIN_NAME, STUDENT_BARE})
PHONE_KINDS = frozenset({PARENT, STUDENT, GENERIC, CONTESTED, OLD, PARENT_BARE, STUDENT_NUMBER})

_FIELDS = {
    "school": "학교 학교명 학교이름 학교명학년 학교및학년 출신교 재학교 재적학교 학교학년 school schoolname",
    "grade": "학년 학년도 현학년 현재학년 학년반 grade schoolyear",
    "gender": "성별 남자 여자 남성 여성 남 여 녀 남녀 남여 성별남여 gender sex",
    "school_class": "반 학급 학급명 학교반 학급반 class homeroom",
    "major": "계열 선택계열 이과 문과 문이과 문과이과 전공 계열문이과 major track",
    "memo": "메모 비고 비고란 메모비고 비고메모 요청사항 비고2 특이사항 참고 참고사항 전달사항 기타사항 memo note "
    "notes comment comments",
    "remark": "구분 체크 출석 현장 remark remarks check",
}
_FIELD_OF = {alias: field for field, aliases in _FIELDS.items() for alias in aliases.split()}
# What may stand before a plain field without changing it: `재학 중인 학교`, `학생 성별`.
_QUALIFIER = re.compile(r"^(?:(?:재학중인|재학|현재|다니는|소속|출신|(?:학생|자녀|원생|수강생|본인)의?)+)(?=..)")
_PARENT = re.compile(
    r"학부모|부모|보호자|법정대리인|양육자|어머니|아버지|어머님|아버님|엄마|아빠|모친|부친|parent|guardian|mother|father|mom|dad|[父母]"
    r"|(?:^|\W)(?:[부모]님?|학[부모])(?=$|\W)"
    r"|(?:^|\W)학?[부모](?=연락|전화|휴대|핸드|핸폰|폰|번호|모바일|h\.?p|c\.?p|tel|mobile|cell|☎|성명|이름|성함|\()"
    r"|(?:연락처|전화|전화번호|휴대폰|핸드폰|번호|폰|hp)[부모]$"
)
_STUDENT = re.compile(
    r"학생|본인|수강생|원생|자녀|아이(?!디)|수험생|재원생|회원|수련생|교육생|학습자|원아|아동|어린이|student|pupil|child|learner"
    r"|(?:^|\W)학(?=$|\W|연락|전화|휴대|핸드|핸폰|폰|모바일|h\.?p|c\.?p|tel|mobile|cell|☎)|(?:연락처|전화|전화번호|휴대폰|핸드폰|폰|hp)학$"
)
_PHONE = re.compile(
    r"전화|연락처|연락번호|모바일|셀폰|휴대폰|핸드폰|휴대번호|핸폰|폰번호|폰$|폰\W|^폰|핸드$|h\.?p(?![a-z])|c\.?p\.?$|mobile|phone|tel(?![a-z])"
    r"|tel(?:ephone|no|number)|cell|contact|☎|☏"
)
_NUMBER = re.compile(r"번호$|번호\W|number$|no\.?$")
_NAME = re.compile(r"이름|성명|성함|name|명$|명\W")
_NOT_A_PHONE = re.compile(
    r"상담|여부|일자|날짜|일시|시간|동의|메일|mail|주소|address|관계|relation|직업|통신사|기종|비밀|수신|확인|결과|내용|뒷|뒤|끝|last"
    r"|가능|방법|횟수|학번|고유|카톡|카카오"
)
_FOREIGN = re.compile(
    r"담임|강사|선생|교사|교수|쌤|원장|학원|기사|차량|셔틀|추천|형제|자매|남매|동생|친구|담당|직원|팩스|fax|계좌|은행|회사|직장|학교전화|학교연락처"
    r"|teacher|tutor|sibling|friend|office|driver|조교|매니저|실장"
)
_OLD = re.compile(r"이전|예전|변경전|구번호|구연락처|구전화|\W구\W|^구\W|\(구\)|previous|former|\bold|old$")
# What may stand in a phone's header beside its owner and its phone words without making it another phone.
_HARMLESS = re.compile(
    r"번호|비상|긴급|emergency|대표|^주|main|primary|number|no\.?$|님|의|'s|휴대|핸드|핸폰|연락|전화|문자|숫자만?|하이픈|없이|제외|[0-9]|및|s$|(?<=^)주$|\W|_"
)
_HARMLESS_HINT = re.compile(
    r"필수|선택|숫자|하이픈|없이|제외|포함|010|예시|예[:)]|ex|형식|format|자리|^주$|대표|우선|휴대|핸드|mobile|문자|수신|로그인|가입|등록"
    r"|변경$|변경후|최근|최신|신규|^신$|^새|현재|^new$|current|latest|^[\W\d_]*$"
)
_HOME = re.compile(r"자택|집전화|^집|집연락처|가정|home|유선")
_EMERGENCY = re.compile(r"비상|긴급|emergency")
_NOT_A_NAME = re.compile(
    r"영문|영어|english|닉네임|nick|별명|한자|파일|과목|강의|수업|반이름|반명|상품|교재|지점|캠퍼스|아이디|username|입금"
)
_SURNAME = words("성 성씨 lastname surname familyname")
_PLAIN_NAME = words(
    "firstname givenname "
    "이름 성명 성함 name fullname 한글이름 한글성명 국문성명 국문이름 한글명 이름한글 성명한글 koreanname"
)
_STUDENT_BARE = words("학생 수강생 원생 재원생 student students")
_PARENT_BARE = re.compile(
    r"(?:학부모|부모|보호자|어머니|아버지|어머|아버|엄마|아빠|모친|부친|모|부|[父母]|parents?|guardian|mother|father|mom|dad)님?[0-9]?"
)
_SENTENCE = re.compile(
    r"입력|하세요|주세요|니다$|마세요|바랍|십시오|할것|하기|작성|안내|예시|명단|현황|리스트|목록|연락망|출석부|:"
)
_HINT = re.compile(r"[(\[<{]([^()\[\]<>{}]*)[)\]>}]")
# What a form's question adds to a heading: `Q1. 이름`, `3) 학부모 연락처를 입력해 주세요`, `이름 필수`.
_FORM = re.compile(
    r"^q?[0-9]{1,2}[.):]|^q[0-9]{1,2}|[을를]?(?:입력|기재|작성|적어)(?:해|하여|하)?(?:주세요|주십시오|세요|바랍니다)[.!]*$"
    r"|(?:필수|선택)(?:입력|항목)?$"
)
_STAFF = re.compile(r"직책|직위|직급|사번|입사|급여|담당과목|담당반|position|salary")
_MARKS = re.compile(r"^[\W_]+|[^\w)\]☎.]+$")


def normal(text: str) -> str:
    """contract 5.4.2: no white space, full-width to half-width, lower case; NFC and without unseen characters."""
    text = unicodedata.normalize("NFC", text).translate(HALF_WIDTH).lower()
    return "".join(char for char in text if not char.isspace() and unicodedata.category(char) not in ("Cf", "Cc"))


@lru_cache(4096)
def kind_of(own: str, group: str = "") -> str:
    """A column's kind by its own normal text; the text of the group above it counts where its own leaves a gap."""
    text = _without_hints(own)
    if not text:
        return BLANK
    if not is_heading(text):
        return OTHER
    letters = re.sub(r"[\W_]", "", text)
    field = _FIELD_OF.get(letters) or _FIELD_OF.get(_QUALIFIER.sub("", letters))
    if field is not None:
        return field
    if letters in _SURNAME:
        return SURNAME
    if _FOREIGN.search(text) or (_FOREIGN.search(group) and not _owner(text)):
        return FOREIGN
    owner = _owner(text) or _owner(group)
    bare = bool(_PARENT_BARE.fullmatch(letters)) or letters in _STUDENT_BARE or letters in ("본인", "자녀")
    phone = bool(_PHONE.search(text)) or (bare and bool(_PHONE.search(group)))
    if _NOT_A_PHONE.search(text):
        return PARENT_NAME if owner == "parent" and _NAME.search(text) and not phone else OTHER
    if phone:
        kind = _phone_kind(text, group, owner)
        return CONTESTED if kind in (PARENT, GENERIC) and not _is_pure(own, text) else kind
    if bare:
        return PARENT_BARE if _owner(text) == "parent" else STUDENT_BARE
    if _NAME.search(text):
        return _name_kind(text, letters, owner)
    if _NUMBER.search(text) and owner and _owner(text):
        return {"parent": PARENT, "student": STUDENT_NUMBER}.get(owner, CONTESTED)
    return OTHER


def _without_hints(own: str) -> str:
    """Without marks around it and without brackets that only hint (`(필수)`, `(010-0000-0000)`), not whose it is."""
    kept = _FORM.sub("", _MARKS.sub("", _HINT.sub(_kept_hint, own)))
    return _MARKS.sub("", kept)


def _kept_hint(hint: re.Match[str]) -> str:
    told = (_PHONE, _NAME, _OLD, _NOT_A_NAME)
    tells = _owner(hint[0]) or hint[1] == "학년" or any(word.search(hint[0]) for word in told)
    return hint[0] if tells and is_heading(hint[1]) else ""


def is_heading(text: str) -> bool:
    """Short, no sentence, no title: only such a text can head a column."""
    width = sum(1 if char < "\u1100" else 2 for char in text)
    return width <= 36 and not _SENTENCE.search(text) and sum(char.isdigit() for char in text) < 5


def _owner(text: str) -> str:
    parent, student = bool(_PARENT.search(text)), bool(_STUDENT.search(text))
    return "both" if parent and student else "parent" if parent else "student" if student else ""


def _phone_kind(text: str, group: str, owner: str) -> str:
    if _OLD.search(text) or _OLD.search(group):
        return OLD
    if _NAME.search(text):
        return CONTESTED if owner in ("parent", "both") else OTHER
    if owner == "both":
        return CONTESTED
    if owner:
        return PARENT if owner == "parent" else STUDENT
    return CONTESTED if _HOME.search(text) else GENERIC


def _is_pure(own: str, text: str) -> bool:
    """Whether a phone's header says an owner and a phone alone: `보호자 외 연락처`, `HP(K)` are left to people."""
    rest = _HARMLESS.sub("", _PHONE.sub("", _PARENT.sub("", text)))
    return not rest and all(
        _owner(hint[0]) or _PHONE.search(hint[0]) or _HARMLESS_HINT.search(hint[1]) for hint in _HINT.finditer(own)
    )


def _name_kind(text: str, letters: str, owner: str) -> str:
    if _NOT_A_NAME.search(text):
        return OTHER
    if owner == "parent":
        return PARENT_NAME
    if owner == "student":
        return STUDENT_NAME
    return PLAIN_NAME if not owner and letters in _PLAIN_NAME else OTHER


def tells(text: str) -> bool:
    """Whether a normal text, as a heading or a group, speaks of a person, a name or a phone."""
    kept = _without_hints(text)
    return is_heading(kept) and bool(_owner(kept) or _PHONE.search(kept) or _NAME.search(kept))


def says_student(own: str, group: str) -> bool:
    """Whether a column's head speaks of the student and of no parent."""
    return (_owner(_without_hints(own)) or _owner(group)) == "student"


def is_of_staff(text: str) -> bool:
    """Whether a heading shows that the people of its table are an academy's staff."""
    return bool(_STAFF.search(text))


_LIST = r"\s*(?:명단|명부|연락처|연락망|목록|리스트|정보|현황|list)?"
_STAFF_LIST = re.compile(r"(?:강사진?|직원|교직원|교사|선생님?|스태프|조교|staff|teachers?)" + _LIST, re.IGNORECASE)
_FORMER_LIST = re.compile(r"(?:퇴원|졸업|환불|탈퇴|former)\s*(?:생|자|생들)?" + _LIST, re.IGNORECASE)


def is_staff_list(text: str) -> bool:
    """Whether a sheet's name or a table's title says that no student is in it: `강사 연락망`, not `김선생님반`."""
    return bool(_STAFF_LIST.fullmatch(text.strip()))


def is_former_list(text: str) -> bool:
    """Whether a sheet's name says that its students have left."""
    return bool(_FORMER_LIST.fullmatch(text.strip()))


def names_others(own: str) -> bool:
    """Whether a heading names people who are neither students nor parents: `강사명`, `담임`."""
    return bool(_FOREIGN.search(own)) and not _PHONE.search(own)


def is_spare(own: str) -> bool:
    """Whether a phone header speaks of a second or an emergency number: never the student's own by itself."""
    return bool(_EMERGENCY.search(own)) or any(char.isdigit() for char in _without_hints(own))
