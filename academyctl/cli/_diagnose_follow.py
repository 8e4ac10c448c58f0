"""`academyctl diagnose --wait` and `--watch`: the same look again and again."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from academyctl.cli._common import Session
from academyctl.cli._diagnose_run import Asked, deliver, guarded, look, plan
from academyctl.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from checks._report import Report
    from checks._watch import Round

WAIT_S = 300.0
_UP = "\x1b[1A\x1b[2K"


def run(here: Session, asked: Asked) -> int:
    """Look again and again; the exit code."""
    return guarded(asked, lambda: _follow(here, asked))


def _follow(here: Session, asked: Asked) -> int:
    """The exit code of the last look; 130 after Ctrl-C, which ends --watch."""
    prepared = plan(here, asked)
    last: list[Report] = []

    def once() -> Report:
        report = look(here, asked, prepared)
        last[:] = [report]
        if report.interrupted:
            raise KeyboardInterrupt
        return report

    try:
        if asked.wait:
            _wait(once, asked)
        else:
            _watch(once, asked)
    except KeyboardInterrupt:
        # What was seen last is worth more than the word `interrupted`.
        if asked.wait and last:
            deliver(last[0], asked)
        return EXIT_INTERRUPTED
    return last[0].exit_code


def pauses(asked: Asked, limit_s: float | None) -> Callable[[], bool]:
    """Wait `every_s` between two looks, as long as the next one still begins in time."""
    ends = None if limit_s is None else time.monotonic() + limit_s

    def pause() -> bool:
        if ends is not None and time.monotonic() + asked.every_s > ends:
            return False
        time.sleep(asked.every_s)
        return True

    return pause


def _wait(once: Callable[[], Report], asked: Asked) -> None:
    from academyctl import output
    from checks._report import headline
    from checks._watch import until_well

    said = ""

    def tell(report: Report) -> None:
        nonlocal said
        if headline(report) != said:
            said = headline(report)
            output.note(said)

    limit = WAIT_S if asked.for_s is None else asked.for_s
    deliver(until_well(once, pauses(asked, limit), tell), asked)


def _watch(once: Callable[[], Report], asked: Asked) -> None:
    from academyctl import output
    from checks._watch import rounds

    drawn = False
    for number, one in enumerate(rounds(once, pauses(asked, asked.for_s))):
        if number == 0:
            deliver(one.report, asked)
        elif asked.fmt == "ndjson":
            output.document(_json_lines(one))
        lines, status = _lines(one), _status(one.report, asked)
        text = (_UP if drawn else "") + "".join(f"{line}\n" for line in [*lines, *status])
        if asked.fmt != "ndjson" and (lines or status):
            output.emit({}, table=lambda text=text: text)  # type: ignore[misc]
        drawn = bool(status) and asked.fmt != "ndjson"


def _lines(one: Round) -> list[str]:
    from checks._diff import change_lines
    from checks._paper import paper_of
    from checks._report import headline

    if not one.changes:
        return []
    paper, lang = paper_of(sys.stdout), one.report.lang
    stamp = paper.ink(f"{_clock(one.report)}  {headline(one.report)}", "bold")
    return [stamp, *(line for change in one.changes for line in change_lines(change, lang, paper))]


def _status(report: Report, asked: Asked) -> list[str]:
    """One line that is drawn anew at each look, where a terminal can; a log file gets the changes alone."""
    from checks._paper import paper_of
    from checks._report import headline

    paper = paper_of(sys.stdout)
    if not paper.colour:
        return []
    said = report.say("watching", at=_clock(report), every=f"{asked.every_s:g}", headline=headline(report))
    # A second line would not be erased.
    return [paper.ink(paper.cut(said), "dim")]


def _json_lines(one: Round) -> str:
    from checks._diff import change_json

    at = one.report.diagnosis.snapshot.taken_at
    lines = [{"type": "change", "at": at, **change_json(change)} for change in one.changes]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _clock(report: Report) -> str:
    from datetime import datetime

    return datetime.fromisoformat(report.diagnosis.snapshot.taken_at).astimezone().strftime("%H:%M:%S")
