"""What `academyctl video stuck` says: the verdict first, then each video with its cause, its evidence, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from academyctl.errors import EXIT_CANNOT_TELL, EXIT_FAILED, EXIT_OK, Both
from checks._model import Evidence, Finding, State, Verdict, ok
from checks._paper import ENDLESS, MARKS, Paper, columns
from checks._stuck import Picture
from checks._stuck_facts import DATABASE
from checks._stuck_table import Case, findings
from checks._texts import Shell, text_of, words
from checks._verdict import decide

_ASCII = {State.ok: "ok", State.warn: "warn", State.fail: "FAIL"}
_SOURCE = 8
_FINE: Mapping[str, Both] = {
    "video.encoding": Both("is being encoded", "인코딩 중"),
    "video.uploading": Both("is being uploaded", "업로드 중"),
    "video.ready": Both("READY, everything it needs is published", "READY. 재생에 필요한 파일이 모두 있습니다"),
    "video.may-be-queued": Both("waits for its turn ({minutes} min)", "차례를 기다리는 중 ({minutes}분)"),
}


@dataclass(frozen=True)
class Report:
    """The cases of one look. `found`: nobody named the videos, so only what is not fine is listed."""

    picture: Picture
    cases: tuple[Case, ...]
    took_s: float
    lang: str
    found: bool
    shell: Shell

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """One a case; a later video with the cause of an earlier one follows from that."""
        return tuple(findings(self.cases))

    @cached_property
    def verdict(self) -> tuple[Verdict, State]:
        """Whose fault it is and how bad; when nothing is listed, whether that is because nothing could be seen."""
        blind = self.found and DATABASE in self.picture.unknown
        if not self.cases:
            return (Verdict.cannot_tell, State.unknown) if blind else (Verdict.healthy, State.ok)
        found, state, _ = decide(self.findings or (ok("video.moving"),))
        return (Verdict.cannot_tell, State.unknown) if blind and state is State.ok else (found, state)

    @property
    def exit_code(self) -> int:
        """1 when a video is stuck, 3 when that cannot be told, 0 when nothing is wrong."""
        if any(case.state in (State.fail, State.warn) for case in self.cases):
            return EXIT_FAILED
        return EXIT_OK if self.verdict[1] is State.ok else EXIT_CANNOT_TELL

    @property
    def listed(self) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if not (self.found and case.state is State.ok))

    def root_of(self, case: Case) -> str:
        """The id of an earlier video with the same cause; '' for a cause of its own."""
        found = next(one for one in self.findings if one.subject == case.subject)
        return found.because_of.partition("=")[2]

    def summary(self, case: Case) -> str:
        """The cause in one sentence."""
        if case.code not in _FINE:
            return text_of(case.code, self.lang).summary.format_map(case.values)
        told = _FINE[case.code].pick(self.lang).format_map(case.values)
        percent, eta = case.values["percent"], case.values["eta"]
        if case.code == "video.encoding" and percent != "-":
            told += f" {percent} %"
            told += self.say(f", about {eta} left", f", 약 {eta} 남음") if eta != "-" else ""
        return told

    def remedy(self, case: Case) -> str:
        return "" if case.code in _FINE else text_of(case.code, self.lang).remedy.format_map(case.values)

    def commands(self, case: Case) -> tuple[str, ...]:
        return tuple(self.shell.command(line) for line in case.commands)

    def say(self, en: str, ko: str) -> str:
        return Both(en, ko).pick(self.lang)


def headline(report: Report) -> str:
    """`verdict: not settings, but data (2 of 3 videos)`, or that nothing is stuck."""
    verdict, state = report.verdict
    named = words(str(verdict), report.lang)
    bad = [case for case in report.cases if case.state is not State.ok]
    if verdict not in (Verdict.settings, Verdict.healthy, Verdict.cannot_tell):
        named = report.say(f"not settings, but {named}", f"설정 문제 아님 · {named}")
    if state is State.warn:
        named += f" ({words('only-warnings', report.lang)})"
    counted = report.say(f"{len(bad)} of {len(report.cases)} videos", f"영상 {len(report.cases)}개 중 {len(bad)}개")
    told = f"{words('verdict', report.lang)}: {named} ({counted})"
    if not report.cases and state is State.ok:
        told = f"{words('verdict', report.lang)}: {named}. " + report.say("no video is stuck", "멈춘 영상이 없습니다")
    evidence = sum(len(case.evidence) for case in report.listed)
    facts = report.say(f"evidence {evidence}", f"근거 {evidence}개")
    changed = words("read-only", report.lang)
    if report.picture.received:
        changed = report.say(
            "nothing was changed but the receive counts of dead letters", "DLQ 메시지의 수신 횟수 외에는 바꾸지 않음"
        )
    return f"{told} | {facts} | {report.took_s:.1f} s | {changed}"


def as_text(report: Report, paper: Paper = ENDLESS) -> str:
    """The whole report for people."""
    verdict = paper.ink(paper.state(headline(report), report.verdict[1]), "bold")
    lines = [verdict]
    for case in report.listed:
        lines += _block(report, case, paper)
    return "\n".join([*lines, *_tail(report)])


def line(report: Report, case: Case, paper: Paper = ENDLESS) -> str:
    """One video with its cause; on narrow paper the sentence goes on below."""
    mark = MARKS[case.state] if paper.marks else _ASCII.get(case.state, "?")
    lead = f"{case.id} {mark:<{1 if paper.marks else 4}} {case.code}"
    root = report.root_of(case)
    told = _same(report, case, root) if root else report.summary(case)
    first, *rest = paper.wrapped(told, columns(lead) + 2)
    return "\n".join([f"{paper.state(lead, case.state)}  {first}", *(f"    {text}" for text in rest)])


def as_json(report: Report) -> dict[str, Any]:
    """Everything, also of the videos that are fine."""
    picture, queue = report.picture, report.picture.queue
    verdict, state = report.verdict
    return {
        "version": 1,
        "verdict": str(verdict),
        "state": str(state),
        "headline": headline(report),
        "exit_code": report.exit_code,
        "took_ms": round(report.took_s * 1000),
        "read_only": not picture.received,
        "more": picture.more,
        "unknown": dict(picture.unknown),
        "workers": len(picture.workers),
        "queue": None if queue is None else {
            "name": queue.name, "visible": queue.visible, "in_flight": queue.in_flight, "delayed": queue.delayed,
            "dlq": queue.dlq or None, "dead_letters": queue.dead,
        },
        "videos": [_json(report, case) for case in report.cases],
    }  # fmt: skip


def _json(report: Report, case: Case) -> dict[str, Any]:
    root = report.root_of(case)
    return {
        "id": case.id,
        "code": case.code,
        "state": str(case.state),
        "cause": None if case.verdict is None else str(case.verdict),
        "same_as": int(root) if root else None,
        "summary": report.summary(case),
        "remedy": report.remedy(case),
        "evidence": [one._asdict() for one in case.evidence],
        "commands": list(report.commands(case)),
        "fix": case.fix or None,
    }


def _block(report: Report, case: Case, paper: Paper) -> Iterator[str]:
    yield line(report, case, paper)
    root = report.root_of(case)
    # Who asks about a video that is fine wants that word; the evidence for it is in the JSON.
    if not root and case.state is not State.ok:
        yield from (paper.ink(text, "dim") for one in case.evidence for text in _told(one, paper))
    said = report.remedy(case)
    texts = paper.wrapped(said, 4 + _SOURCE) if said and not root else []
    for i, text in enumerate((*texts, *report.commands(case))):
        label = words("next", report.lang) if i == 0 else ""
        yield f"    {label}{' ' * (_SOURCE - columns(label))}{text}"


def _told(one: Evidence, paper: Paper) -> Iterator[str]:
    source = one.source
    for text in paper.wrapped(one.value, 4 + _SOURCE):
        yield f"    {source:<{_SOURCE}}{text}"
        source = ""


def _same(report: Report, case: Case, root: str) -> str:
    owner = case.values["owner"] if "lock" in case.code else ""
    what = f": {owner}" if owner not in ("", "-") else ""
    return report.say(f"same cause as {root}{what}", f"원인이 {root}과(와) 같음{what}")


def _tail(report: Report) -> Iterator[str]:
    hidden = len(report.cases) - len(report.listed)
    if hidden:
        yield report.say(f"{hidden} more were looked at and are fine", f"그 밖에 확인한 영상 {hidden}개는 정상입니다")
    if report.picture.more:
        yield report.say("there are more: --limit N looks at more of them", "더 있습니다. --limit N으로 늘려서 보세요")
    for part, why in sorted(report.picture.unknown.items()):
        yield report.say(f"not read: {part}: {why}", f"읽지 못함: {part}: {why}")
    queue = report.picture.queue
    if queue is not None and queue.dead and any(case.state is not State.ok for case in report.cases):
        told = f"academyctl queue peek {queue.name} --dlq"
        yield report.say(
            f"{queue.dead} dead letters in {queue.dlq}: {told}", f"{queue.dlq} 에 메시지 {queue.dead}개: {told}"
        )
