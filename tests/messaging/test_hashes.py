"""Fingerprints: equal for the same text to the same phone, different for everything else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from academyctl.messaging.hashes import content_sha256, text_sha256
from tests.messaging.drafting import composed, text

ONE = text("안녕", template_id="T", replacements=(("a", "1"), ("b", "2")))


def test_the_texts_hash_is_of_what_solapi_is_given() -> None:
    made = composed(text("안녕 🎉"))
    assert text_sha256(made) == hashlib.sha256("안녕".encode()).hexdigest()


def test_an_alimtalk_has_the_hash_of_no_text() -> None:
    assert text_sha256(composed(replace(ONE, mode="alimtalk"))) == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    "same",
    [
        {"to": "010-7735-1902"}, {"to": "+82 10 7735 1902"}, {"business_key": "k"}, {"sender": "0212345678"},
        {"reservation_id": 5}, {"replacements": (("b", "2"), ("a", "1"))},
    ],
)  # fmt: skip
def test_a_second_click_has_the_first_ones_content(same: dict[str, Any]) -> None:
    assert content_sha256(replace(ONE, **same)) == content_sha256(ONE)


@pytest.mark.parametrize(
    "other",
    [
        {"tenant_id": 4}, {"to": "01077351903"}, {"to": "x"}, {"text": "안녕!"}, {"mode": "both"}, {"template_id": ""},
        {"replacements": (("a", "1"),)}, {"replacements": (("a", "2"), ("b", "1"))}, {"replacements": ()},
    ],
)  # fmt: skip
def test_another_text_has_another_content(other: dict[str, Any]) -> None:
    assert content_sha256(replace(ONE, **other)) != content_sha256(ONE)


def test_fields_do_not_run_into_each_other() -> None:
    assert content_sha256(text("a", template_id="bc")) != content_sha256(text("ab", template_id="c"))
