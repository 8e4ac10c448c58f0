"""Looking at stuck videos again and again, and saying only what changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from checks._model import State
from checks._paper import ENDLESS, Paper
from checks._stuck_report import Report, headline, line

PERCENT_STEP = 10


def watch(
    look: Callable[[], Report], pause: Callable[[], bool], tell: Callable[[str], None], paper: Paper = ENDLESS
) -> Report:
    """Look until every video is READY (or, when nobody named any, none is stuck) or `pause` says no; the last report.

    `tell` is given the headline once, and then a line for each video that changes.
    """
    last: dict[int, tuple[object, ...]] = {}
    report = look()
    tell(headline(report))
    while True:
        for text in _changes(report, last, paper):
            tell(text)
        if _well(report) or not pause():
            return report
        report = look()


def _changes(report: Report, last: dict[int, tuple[object, ...]], paper: Paper) -> Iterator[str]:
    now = {case.id: case for case in report.listed}
    for video_id in [one for one in last if one not in now]:
        del last[video_id]
        yield report.say(f"{video_id} no longer stuck", f"{video_id} 더는 멈춰 있지 않음")
    for case in now.values():
        percent = case.values["percent"]
        # A bar's every step is no change; a tenth of the way is.
        share = int(percent) // PERCENT_STEP if percent.isdigit() and case.code == "video.encoding" else None
        key = (case.code, case.state, share)
        if last.get(case.id) != key:
            last[case.id] = key
            yield line(report, case, paper)


def _well(report: Report) -> bool:
    if report.found:
        return report.verdict[1] is State.ok
    return all(case.code == "video.ready" for case in report.cases)
