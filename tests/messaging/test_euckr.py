"""What a text message can carry, and what becomes of the rest."""

from __future__ import annotations

import unicodedata

import pytest

from academyctl.messaging import euckr
from academyctl.messaging._signs import SIGNS

EMOJI = {
    "smile": "\U0001f600", "with a variation selector": "⚠\ufe0f", "skin tone": "\U0001f44d\U0001f3fd",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467", "runner": "\U0001f3c3\U0001f3fb\u200d\u2640\ufe0f",
    "flag": "\U0001f1f0\U0001f1f7",
    "flag of Wales": "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    "heart on fire": "❤\ufe0f\u200d\U0001f525", "newer than this Python": "\U0001fae9",
}  # fmt: skip


def cleaned(text: str) -> str:
    made = euckr.clean(text, replace=True)
    assert made.bad == ()
    return made.text


@pytest.mark.parametrize(
    "text", ["", "안녕하세요", "Hello\n\t~!", "℃ ☎ ※ ㉠ ① Ⅲ ½ 漢字 ぁ Я α ─ ㈜", "€5 ®", "『』…“”‘’·"]
)
def test_what_ks_x_1001_has_goes_out_as_it_is(text: str) -> None:
    assert euckr.clean(text, replace=True) == euckr.clean(text, replace=False) == euckr.Cleaned(text)
    assert euckr.size(text) == len(text.encode("euc_kr"))


@pytest.mark.parametrize("syllable", ["뷁", "믜", "똠", "햏", "펲", "쀍"])
def test_a_syllable_that_pythons_codec_spells_in_eight_bytes_cannot_go(syllable: str) -> None:
    assert len(syllable.encode("euc_kr")) == 8
    for replace in (True, False):
        assert euckr.clean(f"서설{syllable} 학생", replace=replace).bad == (syllable,)


def test_every_syllable_is_sendable_or_bad_and_none_is_changed() -> None:
    syllables = [chr(code) for code in range(0xAC00, 0xD7A4)]
    good = [one for one in syllables if euckr.sendable(one)]
    assert len(good) == 2350
    assert {one for one in syllables if euckr.clean(one, replace=True).bad} == set(syllables) - set(good)


def test_hangul_in_pieces_is_put_together() -> None:
    """macOS sends it so."""
    pieces = unicodedata.normalize("NFD", "각막 훈련")
    assert len(pieces) > 10
    assert euckr.clean(pieces, replace=False) == euckr.Cleaned("각막 훈련")


@pytest.mark.parametrize("emoji", EMOJI.values(), ids=EMOJI)
def test_an_emoji_is_one_character_and_goes_with_the_space_it_leaves(emoji: str) -> None:
    assert euckr.clean(f"축하 {emoji} 합니다", replace=True) == euckr.Cleaned("축하 합니다", (emoji,))
    assert euckr.clean(f"축하{emoji}합니다{emoji}", replace=True) == euckr.Cleaned("축하합니다", (emoji,))
    assert cleaned(f"{emoji} 축하 {emoji}\n{emoji} 합니다 {emoji} ") == "축하\n합니다"
    assert cleaned(f"축하 {emoji} {emoji} 합니다") == "축하 합니다"


@pytest.mark.parametrize("emoji", EMOJI.values(), ids=EMOJI)
def test_without_rules_an_emoji_is_bad_as_one_character(emoji: str) -> None:
    assert euckr.clean(f"가 {emoji} 나", replace=False).bad == (emoji,)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("1\ufe0f\u20e3번 #\u20e3", "1번 #"),
        ("☎\ufe0f 02-1", "☎ 02-1"),
        ("♥\ufe0f", "♥"),
        ("❤\ufe0f", "♥"),
        ("⭐ ✅ ❌", "★ V X"),
        ("2026\u201303\u201302 \u2014 \u2212", "2026-03-02 - -"),
        ("•하나\u2023둘\u30fb셋\u119e넷", "·하나·둘·셋·넷"),
        ("\u00a0\u2003\u202f\u3164", "    "),
        ("\u201e가\u201f \u201a나\u201b", "\"가\" '나'"),
        ("₩5,000", "￦5,000"),
        ("5㎏ 10°C \u212b \u00c5", "5㎏ 10°C \u212b \u212b"),
        ("가\u200b나\u200d다\ufeff라\u00ad마", "가나다라마"),
        ("가\ufe0f나\U000e0100", "가나"),
        ("a\r\nb\rc\u2028d\x0be", "a\nb\nc\nd\ne"),
        ("\x1b[1m\x07굵게\x00\x7f", "[1m굵게"),
        ("⑯ ㉑ ❶ ➉ ⓪", "(16) (21) ① ⑩ (0)"),
        ("1⅕시간", "1 1/5시간"),
        ("10⁵ H₂O₇", "10^5 H₂O7"),
        ("\U0001d407\U0001d422 Ⓐ ﬁ", "Hi A fi"),
        ("Ⅺ ㋀ ℅ ⁇", "XI 1月 c/o ??"),
        ("5 ≈ 6 ⩽ 7", "5 ≒ 6 ≤ 7"),
        ("⟶ ➡\ufe0f ⇄", "→ → ↔"),
    ],
)
def test_signs_go_by_rule(text: str, sent: str) -> None:
    assert cleaned(text) == sent
    assert euckr.sendable(sent)


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("café", ("é",)), ("José Müller José", ("é", "ü")), ("नमस्ते", tuple("नमस्ते")), ("שלום", tuple("שלום")),
        ("٣개", ("٣",)), ("₿1 ₹2", ("₿", "₹")), ("简漢", ("简",)), ("가\u0336", ("\u0336",)),
        ("깨진\ufffd글", ("\ufffd",)),
        ("\ue000", ("\ue000",)), ("xᵃ", ("ᵃ",)), ("\U0001d7d8\U0001d54f", ()), ("∱", ("∱",)), ("㍿", ("㍿",)),
        ("ᄀ", ("ᄀ",)), ("가\U000e0001나", ()),
    ],
)  # fmt: skip
def test_letters_digits_money_and_what_is_broken_are_refused_and_never_dropped(text: str, bad: tuple[str, ...]) -> None:
    made = euckr.clean(text, replace=True)
    assert made.bad == bad
    assert all(one in made.text for one in bad)


def test_no_letter_and_no_digit_vanishes() -> None:
    """Of all scripts but the tens of thousands of Han and Hangul characters, of which every hundredth has to do."""
    kept, blanks = ("L", "N", "Sc"), "\u3164\uffa0\u115f\u1160"
    for code in (*range(0x3400), *range(0x3400, 0xF900, 100), *range(0xFA00, 0x14000), *range(0x1D000, 0x1FB00)):
        character = chr(code)
        if unicodedata.category(character).startswith(kept) and character not in blanks:
            made = euckr.clean(character, replace=True)
            assert made.bad or made.text.strip(), hex(code)


def test_every_rule_replaces_what_cannot_go_by_what_can() -> None:
    assert [sign for sign, becomes in SIGNS.items() if euckr.sendable(sign) or not euckr.sendable(becomes)] == []


def test_the_replaced_are_told_once_each_and_can_be_told_apart_again() -> None:
    family = EMOJI["family"]
    made = euckr.clean(f"—{family}— {family}\u200b", replace=True)
    assert made.replaced == ("—", family, "\u200b")
    assert euckr.replacements("".join(made.replaced)) == [("—", "-"), (family, ""), ("\u200b", "")]


def test_characters_are_named_so_that_they_can_be_found() -> None:
    assert euckr.named(("뷁", "\u200b", "\u0301")) == "'뷁' U+BDC1, U+200B, U+0301"
    assert euckr.named(tuple("뷁믜똠햏펲쀍뜌"), most=2) == "'뷁' U+BDC1, '믜' U+BBDC and 5 more"


@pytest.mark.parametrize(("most", "kept"), [(0, ""), (1, "a"), (2, "a"), (3, "a가"), (4, "a가b"), (99, "a가b")])
def test_a_prefix_never_ends_within_a_character(most: int, kept: str) -> None:
    assert euckr.prefix("a가b", most) == kept
