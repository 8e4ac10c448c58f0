"""`academyctl logs tail`."""

from __future__ import annotations

import difflib
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.errors import AwsError, Both, UsageError, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.settings import Settings
    from academyctl.stores import Stores
    from academyctl.stores._fleet_types import LogLine

EVERY_S = 2.0
"""Between two looks: FilterLogEvents is allowed ten times a second for a whole account."""
# What would move a terminal's cursor or colour: a log may hold what an outsider sent.
_CONTROL = {code: "?" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if code not in (0x09, 0x0A)}


@dataclass(frozen=True)
class Asked:
    """The command's options."""

    group: str
    follow: bool = False
    since: str = "10m"
    grep: str = ""
    ignore_case: bool = False
    stream: str = ""
    lines: int | None = None
    wait_s: float | None = None


def tail(here: Session, asked: Asked, *, fmt: Format) -> None:
    """Print a group's lines. Raises WorkFailed when it does not exist, UsageError for options that make no sense."""
    from academyctl import output

    since, pattern = moment(asked.since), _pattern(asked)
    if asked.follow and fmt == Format.json:
        raise UsageError(
            Both("--follow has no end, a JSON object has one", "--follow는 끝이 없어 JSON으로 낼 수 없습니다"),
            remedy=Both("leave --output json or --follow out", "--output json이나 --follow 중 하나를 빼세요"),
        )
    known = words(here.loaded.settings)
    name = known.get(asked.group, asked.group)
    stores = here.stores()
    try:
        if not asked.follow:
            found: Iterable[LogLine] = stores.logs.tail(name, since=since, pattern=pattern, prefix=asked.stream)
            found = found if asked.lines is None else deque(found, asked.lines)
            if fmt == Format.json:
                # Asked for the first line before anything is said: a group that is missing is told as an error.
                told = _ahead(found)
                output.stream({"version": 1, "group": name, "since": since, "lines": (_json(one) for one in told)})
            else:
                _print(found, name, asked, here.lang)
            return
        _follow(stores, name, asked, since, pattern)
    except AwsError as error:
        if error.cause == "missing":
            raise _missing(stores, name, tuple(known)) from error
        raise


def moment(said: str) -> datetime:
    """`30m` (ago) or a date, with or without a time; without a zone it is this machine's. Raises UsageError."""
    from academyctl.cli import _words

    try:
        return datetime.fromisoformat(said.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        return _words.moment(said or "10m") or datetime.now(UTC)


def words(settings: Settings) -> dict[str, str]:
    """Word -> log group of the platform."""
    fleet, analysis = settings.fleet, settings.analysis
    return {
        "depth": f"/aws/lambda/{fleet.depth_lambda}",
        "autoscale": f"/aws/lambda/{fleet.autoscale_lambda}",
        "sqs-to-batch": f"/aws/lambda/{fleet.batch_lambda}",
        "analysis": f"/aws/lambda/{analysis.function}",
        "video-batch": fleet.batch_log_group,
        "analysis-batch": analysis.batch_log_group,
    }


def shown(line: LogLine) -> str:
    """A line for people: this machine's time, and what cannot be printed replaced."""
    at = line.at.astimezone()
    # A function's traceback comes as one event whose lines end with CR.
    text = line.text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROL)
    head, *rest = text.split("\n")
    stamp = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"
    return "".join(f"{one}\n" for one in (f"{stamp}  {head}", *(f"    {more}" for more in rest)))


def _follow(stores: Stores, name: str, asked: Asked, since: datetime, pattern: re.Pattern[str] | None) -> None:
    from academyctl import output

    def trouble(error: AwsError) -> None:
        output.note(f"warn  {error}")

    if asked.lines is not None:
        last = deque(stores.logs.tail(name, since=since, pattern=pattern, prefix=asked.stream), asked.lines)
        since = last[0].at if last else datetime.now(UTC)
    found = stores.logs.follow(
        name, since=since, pattern=pattern, prefix=asked.stream, pause=_pauses(asked.wait_s), on_trouble=trouble
    )
    for line in found:
        output.emit({}, table=lambda line=line: shown(line))  # type: ignore[misc]


def _pauses(limit_s: float | None) -> Callable[[], bool]:
    ends = None if limit_s is None else time.monotonic() + limit_s

    def pause() -> bool:
        left = EVERY_S if ends is None else min(EVERY_S, ends - time.monotonic())
        if left <= 0:
            return False
        time.sleep(left)
        return True

    return pause


def _print(found: Iterable[LogLine], name: str, asked: Asked, lang: str) -> None:
    """Page by page as it comes: a long log begins at once."""
    from academyctl import output

    some, held = False, list[str]()
    for line in found:
        some = True
        held.append(shown(line))
        if len(held) >= output.STREAM_PARTS:
            output.emit({}, table=lambda: "".join(held))
            held.clear()
    if held:
        output.emit({}, table=lambda: "".join(held))
    if not some:
        what = f" --grep {asked.grep}" if asked.grep else ""
        none = Both(
            f"{name} has no such line since {asked.since}{what}; further back: --since 1d",
            f"{name}: {asked.since} 이후{what} 해당하는 줄이 없습니다. 더 이전: --since 1d",
        )
        output.note(none.pick(lang))


def _ahead(found: Iterable[LogLine]) -> Iterator[LogLine]:
    iterator = iter(found)
    first = next(iterator, None)

    def rest() -> Iterator[LogLine]:
        if first is not None:
            yield first
            yield from iterator

    return rest()


def _pattern(asked: Asked) -> re.Pattern[str] | None:
    if not asked.grep:
        return None
    try:
        return re.compile(asked.grep, re.IGNORECASE if asked.ignore_case else 0)
    except re.error as error:
        raise UsageError(
            Both(f"--grep is no regular expression: {asked.grep}", f"--grep이 올바른 정규식이 아닙니다: {asked.grep}"),
            why=str(error),
            remedy=Both("put \\ before ( [ * + ? .", "( [ * + ? . 앞에 \\를 붙이세요"),
        ) from error


def _missing(stores: Stores, name: str, ours: tuple[str, ...]) -> WorkFailed:
    """There is no such group, and which name comes near."""
    try:
        known = stores.logs.groups(name.rpartition("/")[0]) or stores.logs.groups()
    except AwsError:
        known = ()
    near = difflib.get_close_matches(name, (*ours, *known), n=3)
    listed = ", ".join(near or ours)
    hint = (
        Both(f"; there is: {listed}", f" 있는 그룹: {listed}")
        if near
        else Both(f"; words: {listed}", f" 쓸 수 있는 이름: {listed}")
    )
    return WorkFailed(
        Both(f"there is no log group {name}", f"로그 그룹 {name}이(가) 없습니다"),
        why=Both(
            "nothing has ever logged there, or the name or region is another",
            "기록된 적이 없거나 이름 또는 리전이 다릅니다",
        ),
        remedy=Both(
            f"a function's group is made when it first runs{hint.en}",
            f"함수의 로그 그룹은 처음 실행될 때 만들어집니다.{hint.ko}",
        ),
        code="missing",
    )


def _json(line: LogLine) -> dict[str, Any]:
    return {"at": line.at.isoformat(), "stream": line.stream, "text": line.text}
