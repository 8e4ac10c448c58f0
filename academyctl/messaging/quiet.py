"""Quiet hours: when no text goes out, by academy. Korean time, which has no summer time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from academyctl.errors import Both, ConfigError

KST = timezone(timedelta(hours=9), "KST")
SETTING = "MESSAGING_QUIET_HOURS"
ALL = "*"
_DAY_S = 24 * 3600
_HOURS = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True)
class Hours:
    """From and until, in seconds since midnight; `until` is not in it. Over midnight when it ends before it starts."""

    start_s: int
    end_s: int

    def left_s(self, second: float) -> float:
        """Seconds until the end for a time within, else 0."""
        if self.start_s < self.end_s:
            return self.end_s - second if self.start_s <= second < self.end_s else 0.0
        return (self.end_s - second) % _DAY_S if second >= self.start_s or second < self.end_s else 0.0

    def __str__(self) -> str:
        ends = (f"{at // 3600:02}:{at % 3600 // 60:02}" for at in (self.start_s, self.end_s))
        return "-".join(ends)


@dataclass(frozen=True)
class Quiet:
    """Hours by the academy's code (core_tenant.code); None for one that has none. `*` is everybody else."""

    hours: Mapping[str, Hours | None] = field(default_factory=dict)

    @classmethod
    def parse(cls, setting: str) -> Quiet:
        """Read `*=21:00-08:00,CODE=off,CODE2=22:00-07:30`, or `21:00-08:00` for all. '' and `off` mean never.

        Raises ConfigError naming the setting and the part that is wrong.
        """
        hours: dict[str, Hours | None] = {}
        for part in filter(None, (part.strip() for part in setting.split(","))):
            name, given, span = part.partition("=")
            code = name.strip() if given else ALL
            if not code:
                raise _wrong(part, "it names no academy")
            if code in hours:
                whose = "all academies" if code == ALL else code
                raise _wrong(part, f"{whose} has hours already")
            said = (span if given else name).strip()
            hours[code] = None if said.lower() == "off" else _hours(part, said)
        return cls(hours)

    def of(self, code: str) -> Hours | None:
        """The hours that hold for an academy."""
        return self.hours[code] if code in self.hours else self.hours.get(ALL)

    def wait_s(self, code: str, now: datetime) -> float:
        """Seconds until this academy's texts may go; 0 when they may now. `now` has a time zone."""
        hours = self.of(code)
        if hours is None:
            return 0.0
        local = now.astimezone(KST)
        second = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
        return hours.left_s(second)


def _hours(part: str, span: str) -> Hours:
    found = _HOURS.fullmatch(span)
    if found is None:
        raise _wrong(part, "the hours are no HH:MM-HH:MM")
    start, end = (int(found[i]) * 3600 + int(found[i + 1]) * 60 for i in (1, 3))
    if max(start, end) > _DAY_S:
        raise _wrong(part, "a day ends at 24:00")
    if start % _DAY_S == end % _DAY_S:
        raise _wrong(part, "they begin when they end: no text would ever go out")
    return Hours(start % _DAY_S, end)


def _wrong(part: str, why: str) -> ConfigError:
    return ConfigError(
        f"config error: {SETTING} has {part!r}",
        why=why,
        remedy=Both(
            f"write it as CODE=HH:MM-HH:MM or CODE=off, with commas between, * for all others: "
            f"{SETTING}='*=21:00-08:00,CODE=off'",
            f"CODE=HH:MM-HH:MM 또는 CODE=off를 쉼표로 나열하고 나머지 학원은 *로 쓰세요: "
            f"{SETTING}='*=21:00-08:00,CODE=off'",
        ),
    )
