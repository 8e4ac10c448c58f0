"""SMS or LMS by EUC-KR bytes, its subject, its sender, its Alimtalk: contract 6.3 to 6.7 with 11 #25 and #48 mended."""

from __future__ import annotations

import pytest

from academyctl.messaging.compose import compose, receiver, subject
from academyctl.messaging.model import Composed, Ending, Refused, Tenant
from tests.messaging.drafting import ACADEMY, PLAIN, TO, academy, composed, ending, settings, text

ATA = {"mode": "alimtalk", "template_id": "KA01TP"}
BOTH = {"mode": "both", "template_id": "KA01TP"}


@pytest.mark.parametrize(
    ("said", "kind", "size"),
    [
        ("a", "SMS", 1),
        ("가", "SMS", 2),
        ("가" * 45, "SMS", 90),
        ("가" * 45 + "a", "LMS", 91),
        ("a" * 90, "SMS", 90),
        ("a" * 91, "LMS", 91),
        ("가" * 1000, "LMS", 2000),
        ("가" * 44 + "😀a ", "SMS", 90),
        ("가\r\n" * 30, "SMS", 90),
    ],
)
def test_the_bytes_in_euc_kr_decide_between_sms_and_lms(said: str, kind: str, size: int) -> None:
    """contract 6.3: the old worker counted a syllable as three bytes."""
    made = composed(text(said))
    assert (made.kind, made.text_bytes, bool(made.subject)) == (kind, size, kind == "LMS")


def test_a_text_over_2000_bytes_is_refused_with_its_size() -> None:
    made = compose(text("가" * 1000 + "a"), ACADEMY, PLAIN)
    assert made == Refused(Ending.TOO_LONG, "2001 bytes in EUC-KR; an LMS takes 2000")


@pytest.mark.parametrize(
    ("said", "cut"),
    [
        ("[한빛학원] 공지\n본문", "[한빛학원] 공지"),
        ("\n \n  첫 줄 \n본문", "첫 줄"),
        ("가" * 20, "가" * 20),
        ("가" * 20 + "나", "가" * 19 + "…"),
        ("a" * 40, "a" * 40),
        ("a" * 41, "a" * 38 + "…"),
        ("a" + "가" * 20, "a" + "가" * 18 + "…"),
        ("가" * 18 + "   나다라", "가" * 18 + "…"),
    ],
)
def test_the_subject_is_the_first_line_cut_between_characters_to_40_bytes(said: str, cut: str) -> None:
    assert subject(said) == cut
    assert len(cut.encode("euc_kr")) <= 40


def test_the_subjects_line_stays_in_the_text() -> None:
    said = "[한빛학원] 공지\n" + "내용 " * 40
    made = composed(text(said))
    assert (made.subject, made.text) == ("[한빛학원] 공지", said)


@pytest.mark.parametrize("said", [" ", "\n\t ", "😀", "\u200b", " 😀 \n", "\x07"])
def test_a_text_of_which_nothing_is_left_is_empty(said: str) -> None:
    assert ending(text(said)) == Ending.EMPTY


def test_what_cannot_be_encoded_is_named_with_its_code() -> None:
    made = compose(text("서설믜 학생과 뷁"), ACADEMY, PLAIN)
    assert made == Refused(Ending.NOT_ENCODABLE, "EUC-KR (KS X 1001) does not have '믜' U+BBDC, '뷁' U+BDC1")


def test_signs_are_replaced_unless_the_setting_refuses_them() -> None:
    made = composed(text("축하 🎉 — 합격"))
    assert (made.text, made.replaced, made.text_bytes) == ("축하 - 합격", "🎉—", 11)
    assert ending(text("축하 🎉"), under=settings(MESSAGING_UNENCODABLE="refuse")) == Ending.NOT_ENCODABLE


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("01077351902", TO), ("010-7735-1902", TO), (" 010 7735.1902 ", TO), ("(010)7735-1902", TO),
        ("+82 10-7735-1902", TO), ("+82-010-7735-1902", TO), ("+8201077351902", TO), ("821077351902", TO),
        ("0082 10 7735 1902", TO),
        ("０１０７７３５１９０２", TO), ("010–7735–1902", TO), ("010\u20117735\u20111902", TO),
        ("011-123-4567", "0111234567"), ("019-1234-5678", "01912345678"),
        ("02-123-4567", "021234567"), ("02-1234-5678", "0212345678"), ("031-123-4567", "0311234567"),
        ("064-1234-5678", "06412345678"), ("070-1234-5678", "07012345678"), ("0505-123-4567", "05051234567"),
        ("0507-1234-5678", "050712345678"), ("+82 2 1234 5678", "0212345678"),
    ],
)  # fmt: skip
def test_a_number_that_can_receive_is_taken_however_it_is_written(written: str, digits: str) -> None:
    assert receiver(written) == digits
    assert composed(text(to=written)).to == digits


@pytest.mark.parametrize(
    "written",
    [
        "010", "0107735190", "010773519022", "0101234", "015-1234-5678", "1588-1234", "112", "02-12-3456",
        "060-700-1234", "010-7735-1902(엄마)", "01077351902,01077351903", "01077351902 / 01077351903",
        "+1 212 555 1234", "+82", "x", " ", "00821077351902x", "٠١٠٧٧٣٥١٩٠٢٣",
        "082-10-7735-1902", "+81 90 1234 5678", "공일공",
    ],
)  # fmt: skip
def test_any_other_number_is_refused_and_not_repeated(written: str) -> None:
    assert ending(text(to=written)) == Ending.BAD_NUMBER


@pytest.mark.parametrize(
    ("message", "tenant", "default", "sender"),
    [
        ("031-111-2222", "02-1234-5678", "0299998888", "0311112222"),
        ("", "02-1234-5678", "0299998888", "0212345678"),
        (" ", "+82-2-1234-5678", "0299998888", "0212345678"),
        ("", "1588-1234", "0299998888", "15881234"),
        ("", "", "0299998888", "0299998888"),
        ("", "", "", None),
        ("", "", "-", None),
        ("학원", "02-1234-5678", "0299998888", None),
        ("", "111", "0299998888", None),
    ],
)
def test_the_sender_is_the_messages_else_the_academys_else_the_platforms(
    message: str, tenant: str, default: str, sender: str | None
) -> None:
    """contract 6.4; one that is no number is told, not passed over."""
    of, who, under = text(sender=message), academy(sender=tenant), settings(SOLAPI_SENDER=default)
    if sender is None:
        assert ending(of, who, under) == Ending.NO_SENDER
    else:
        assert composed(of, who, under).sender == sender


@pytest.mark.parametrize(
    ("active", "messaging", "required", "goes"),
    [
        (True, True, "true", True),
        (True, False, "true", False),
        (True, False, "false", True),
        (False, True, "true", False),
        (False, True, "false", False),
    ],
)
def test_an_academy_whose_messaging_is_off_sends_nothing(
    active: bool, messaging: bool, required: str, goes: bool
) -> None:
    """contract 11 #48."""
    who, under = academy(active=active, messaging_active=messaging), settings(MESSAGING_REQUIRE_ACTIVE=required)
    made = compose(text(), who, under)
    assert isinstance(made, Composed) if goes else made.ending == Ending.MESSAGING_INACTIVE  # type: ignore[union-attr]


def test_an_alimtalk_fills_its_template_and_leaves_no_fallback_to_solapi() -> None:
    """contract 11 #25."""
    made = composed(text("쓰이지 않는 글", **ATA, replacements=(("name", "길동"), ("n", "3"), ("name", "뷁🎉"))))
    assert made == Composed(
        "ATA", TO, "0212345678", pf_id="KA01PF", template_id="KA01TP",
        variables=(("#{name}", "뷁🎉"), ("#{n}", "3")), disable_sms=True,
    )  # fmt: skip


def test_mode_both_has_one_fallback_the_text_as_sms_or_lms() -> None:
    made = composed(text("안녕 —", **BOTH))
    assert (made.kind, made.disable_sms, made.text) == ("ATA", False, "")
    assert made.fallback == Composed("SMS", TO, "0212345678", text="안녕 -", text_bytes=6, replaced="—")
    long = composed(text("가" * 50, **BOTH)).fallback
    assert long is not None
    assert (long.kind, long.subject) == ("LMS", "가" * 19 + "…")


@pytest.mark.parametrize("said", ["가" * 1001, "뷁", "😀"])
def test_an_alimtalk_whose_text_cannot_go_goes_without_a_fallback(said: str) -> None:
    assert composed(text(said, **BOTH)).fallback is None
    assert composed(text(said, **ATA)).kind == "ATA"


@pytest.mark.parametrize(
    ("pf_id", "template", "env", "used"),
    [
        ("PF", "T", {"SOLAPI_KAKAO_PF_ID": "P0", "SOLAPI_KAKAO_TEMPLATE_ID": "T0"}, ("PF", "T")),
        ("", "T", {"SOLAPI_KAKAO_PF_ID": "P0"}, ("P0", "T")),
        ("PF", "", {"SOLAPI_KAKAO_TEMPLATE_ID": "T0"}, ("PF", "T0")),
        ("", "", {"SOLAPI_KAKAO_PF_ID": "P0", "SOLAPI_KAKAO_TEMPLATE_ID": "T0"}, ("P0", "T0")),
        ("PF", "", {}, None),
        ("", "T", {}, None),
        (" ", " ", {}, None),
    ],
)
def test_channel_and_template_come_from_academy_and_message_else_from_the_settings(
    pf_id: str, template: str, env: dict[str, str], used: tuple[str, str] | None
) -> None:
    who, under = academy(pf_id=pf_id), settings(**env)
    if used is None:
        assert ending(text(mode="alimtalk", template_id=template), who, under) == Ending.NO_TEMPLATE
        assert composed(text(mode="both", template_id=template), who, under).kind == "SMS"
    else:
        made = composed(text(mode="alimtalk", template_id=template), who, under)
        assert (made.pf_id, made.template_id) == used


def test_without_template_and_without_a_text_that_can_go_the_text_is_the_reason() -> None:
    assert ending(text("뷁", mode="both"), academy(pf_id="")) == Ending.NOT_ENCODABLE


def test_nothing_composed_shows_itself() -> None:
    made = composed(text("비밀번호1234", **BOTH))
    assert TO not in repr(made) + str(made)
    assert "비밀번호" not in repr(made)


@pytest.mark.parametrize("tenant", [ACADEMY, academy(sender=""), academy(pf_id="")])
@pytest.mark.parametrize("mode", ["sms", "alimtalk", "both"])
def test_the_same_arguments_have_the_same_answer(tenant: Tenant, mode: str) -> None:
    of = text("가나다 🎉", mode=mode)
    assert compose(of, tenant, PLAIN) == compose(of, tenant, PLAIN)
