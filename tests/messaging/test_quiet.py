"""Quiet hours by academy, in Korean time, over midnight, and their errors told with the way to write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from academyctl.errors import ConfigError
from academyctl.messaging.quiet import Quiet


def at(korean: str) -> datetime:
    """That time in Korea, as UTC: nine hours earlier."""
    return datetime.fromisoformat(f"2026-03-02T{korean}+09:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("setting", "code", "korean", "wait_s"),
    [
        ("", "a", "03:00:00", 0),
        ("off", "a", "23:00:00", 0),
        ("21:00-08:00", "a", "20:59:59", 0),
        ("21:00-08:00", "a", "21:00:00", 11 * 3600),
        ("21:00-08:00", "a", "23:30:00", 8.5 * 3600),
        ("21:00-08:00", "a", "00:00:00", 8 * 3600),
        ("21:00-08:00", "a", "07:59:59.5", 0.5),
        ("21:00-08:00", "a", "08:00:00", 0),
        ("*=21:00-08:00", "a", "22:00:00", 10 * 3600),
        ("*=21:00-08:00,night=off", "night", "22:00:00", 0),
        ("*=21:00-08:00,night=off", "other", "22:00:00", 10 * 3600),
        ("b=22:00-07:30", "a", "23:00:00", 0),
        ("b=22:00-07:30", "b", "23:00:00", 8.5 * 3600),
        (" * = 9:00 - 10:00 , b = OFF ,", "a", "09:30:00", 1800),
        ("12:00-13:00", "a", "12:00:00", 3600),
        ("12:00-13:00", "a", "13:00:00", 0),
        ("12:00-13:00", "a", "11:00:00", 0),
        ("22:00-24:00", "a", "23:59:00", 60),
        ("22:00-00:00", "a", "23:59:00", 60),
        ("22:00-00:00", "a", "00:00:00", 0),
        ("00:00-06:00", "a", "00:00:00", 6 * 3600),
        ("24:00-06:00", "a", "05:00:00", 3600),
        ("code-x=21:00-22:00", "code-x", "21:30:00", 1800),
    ],
)
def test_a_text_waits_until_the_hours_end(setting: str, code: str, korean: str, wait_s: float) -> None:
    assert Quiet.parse(setting).wait_s(code, at(korean)) == pytest.approx(wait_s)


def test_the_hours_are_korean_whatever_the_zone_of_now() -> None:
    quiet = Quiet.parse("21:00-08:00")
    assert quiet.wait_s("a", datetime(2026, 3, 2, 12, 0, tzinfo=UTC)) == 11 * 3600
    assert quiet.wait_s("a", datetime(2026, 3, 2, 23, 0, tzinfo=UTC)) == 0
    assert quiet.wait_s("a", datetime.fromisoformat("2026-03-02T07:00:00-05:00")) == 11 * 3600


def test_the_hours_are_shown_as_they_were_written() -> None:
    quiet = Quiet.parse("*=21:00-8:00,a=off")
    assert (str(quiet.of("b")), quiet.of("a"), Quiet().of("b")) == ("21:00-08:00", None, None)


@pytest.mark.parametrize(
    ("setting", "part", "why"),
    [
        ("21-8", "21-8", "HH:MM-HH:MM"),
        ("*=21:00", "*=21:00", "HH:MM-HH:MM"),
        ("*=25:00-08:00", "*=25:00-08:00", "HH:MM-HH:MM"),
        ("*=21:60-08:00", "*=21:60-08:00", "HH:MM-HH:MM"),
        ("a=on", "a=on", "HH:MM-HH:MM"),
        ("*=21:00-08:00;a=off", "*=21:00-08:00;a=off", "HH:MM-HH:MM"),
        ("=21:00-08:00", "=21:00-08:00", "names no academy"),
        ("a=off, a=21:00-08:00", "a=21:00-08:00", "a has hours already"),
        ("21:00-08:00,*=off", "*=off", "all academies has hours already"),
        ("08:00-08:00", "08:00-08:00", "no text would ever go out"),
        ("00:00-24:00", "00:00-24:00", "no text would ever go out"),
        ("22:00-24:30", "22:00-24:30", "ends at 24:00"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_setting_and_an_example(setting: str, part: str, why: str) -> None:
    with pytest.raises(ConfigError) as told:
        Quiet.parse(setting)
    assert told.value.what == f"config error: MESSAGING_QUIET_HOURS has {part!r}"
    assert why in told.value.why
    for lang in ("en", "ko"):
        assert "MESSAGING_QUIET_HOURS='*=21:00-08:00,CODE=off'" in told.value.remedy_in(lang)
