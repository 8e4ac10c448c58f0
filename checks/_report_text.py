"""A report for people: as a table, and as the few lines that are pasted into a chat."""

from __future__ import annotations

from collections.abc import Iterator

from checks import _report_words as said
from checks._model import Finding, State
from checks._paper import ENDLESS, KEPT, MARKS, Paper, clean
from checks._report_words import Report, follows, word
from checks._verdict import roots

_WORD, _MARK = 8, 2


def as_table(report: Report, paper: Paper = ENDLESS) -> str:
    """The verdict, what to do, the findings by topic with the evidence of what is not ok, and what was left out."""
    return "\n".join(_Table(report, paper).lines())


def as_short(report: Report) -> str:
    """The verdict and one line a root cause, in words that every chat and every grep understands."""
    lines = [said.headline(report)]
    for one in roots(report.listed):
        lines.append(f"{word(one):<{_WORD}}{one.code}  {one.summary}")
        lines += [f"{'':<{_WORD}}{command}" for command in one.commands]
    return "\n".join(map(clean, [*lines, *said.tail(report)]))


class _Table:
    """One table being written; `told` are remedies that stand in it already, for one is enough."""

    def __init__(self, report: Report, paper: Paper) -> None:
        self.report = report
        self.paper = paper
        self.told: set[tuple[str, tuple[str, ...]]] = set()
        self.indent = 2 + (_MARK if paper.marks else _WORD)

    def lines(self) -> Iterator[str]:
        root = self.report.diagnosis.root
        first, *rest = self.paper.wrapped(said.headline(self.report), 2)
        state = State.ok if root is None else root.state
        yield self.paper.state(first, state, "bold")
        yield from (f"  {self.paper.state(line, state, 'bold')}" for line in rest)
        yield from (line for text in said.lead(self.report) for line in self._text(text, 2))
        if root is not None:
            yield from self._next(root, 2)
        for topic, findings in self.report.topics.items():
            yield ""
            yield self.paper.ink(self.report.topic_title(topic), "bold")
            for one in findings:
                yield from self._finding(one)
            for reason, skipped in said.skips(findings).items():
                titles = "; ".join(one.title for one in skipped)
                text = f"{self.report.say('not-judged', root=reason)}: {titles}"
                yield from self._marked(skipped[0], text)
        yield ""
        yield from (line for text in said.tail(self.report) for line in self._text(text, 0))
        yield from self._text(said.footer(self.report), 0, "dim")

    def _finding(self, one: Finding) -> Iterator[str]:
        if one.state is State.ok:
            yield from self._marked(one, one.summary)
        elif follows(one):
            # One fault, one red line: what follows from it is told, not shouted.
            yield from self._marked(one, f"{one.summary} ({self.report.say('also', root=one.because_of)})", mark="-")
        elif one.state is not State.skip:
            yield from self._marked(one, f"{one.summary}  [{one.code}]")
            for evidence in one.evidence:
                aged = said.age(self.report, evidence.at)
                text = f"{evidence.source}: {evidence.value}" + (f"  ({aged.replace(' ', KEPT)})" if aged else "")
                yield from self._text(text, self.indent, "dim")
            yield from self._next(one, self.indent)

    def _marked(self, one: Finding, text: str, *, mark: str = "") -> Iterator[str]:
        if not mark:
            mark = MARKS[one.state] if self.paper.marks else word(one)
        first, *rest = self.paper.wrapped(text, self.indent)
        loud = one.state in (State.fail, State.warn) and mark != "-"
        lead = f"{mark:<{self.indent - 2}}"
        state = one.state if mark != "-" else State.skip
        code = f"[{one.code}]"
        lines = [self._dimmed(line, code, bold=loud) for line in (first, *rest)]
        yield f"  {self.paper.state(lead, state)}{lines[0]}"
        yield from (f"{'':<{self.indent}}{line}" for line in lines[1:])

    def _dimmed(self, line: str, code: str, *, bold: bool) -> str:
        if not self.paper.colour or not bold:
            return line
        text, found, _ = line.partition(code)
        return self.paper.ink(text, "bold") + self.paper.ink(found, "dim")

    def _next(self, one: Finding, indent: int) -> Iterator[str]:
        if (one.remedy, one.commands) in self.told:
            return
        self.told.add((one.remedy, one.commands))
        if one.remedy:
            yield from self._text(f"{self.report.say('next')}: {one.remedy}", indent)
        # A command is one line, however long, or it cannot be copied.
        yield from (f"{'':<{indent + 2}}{self.paper.ink(clean(command), 'cyan')}" for command in one.commands)

    def _text(self, text: str, indent: int, *ink: str) -> Iterator[str]:
        first, *rest = self.paper.wrapped(text, indent + 2)
        yield f"{'':<{indent}}{self.paper.ink(first, *ink) if ink else first}"
        yield from (f"{'':<{indent + 2}}{self.paper.ink(line, *ink) if ink else line}" for line in rest)
