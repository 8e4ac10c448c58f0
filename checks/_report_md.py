"""A report for a chat or an issue: the Markdown that Slack and GitHub both show, so no tables and no headings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks._model import Finding, State
from checks._paper import clean
from checks._report_words import Report, age, cause, follows, footer, lead, skips, tail, verdict, word

_SPECIAL = re.compile(r"([\\*`\[\]])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def as_md(report: Report) -> str:
    """The verdict and its remedy, what is not ok by topic, and a line for all that is."""
    root = report.diagnosis.root
    lines = [f"**{report.say('verdict')}: {_text(verdict(report))}.** {_text(cause(report))}", ""]
    lines += [f"_{_text(one)}_  " for one in lead(report)]
    if root is not None:
        lines += [*_next(report, root), ""]
    for topic, findings in report.topics.items():
        fine = sum(one.state is State.ok for one in findings)
        ok = f" ({fine} ok)" if fine else ""
        lines.append(f"**{_text(report.topic_title(topic))}**{ok}")
        lines += [line for one in findings for line in _finding(report, one)]
        for reason, skipped in skips(findings).items():
            titles = "; ".join(one.title for one in skipped)
            lines.append(f"- skip: {_text(report.say('not-judged', root=reason))}: {_text(titles)}")
        lines.append("")
    lines += [f"_{_text(one)}_  " for one in (*tail(report), footer(report))]
    return "\n".join(lines) + "\n"


def _finding(report: Report, one: Finding) -> Iterator[str]:
    if one.state in (State.ok, State.skip):
        return
    if follows(one):
        yield f"- {_text(one.summary)} ({_text(report.say('also', root=one.because_of))})"
        return
    yield f"- **{word(one)}** {_text(one.summary)} `{one.code}`"
    for evidence in one.evidence:
        aged = age(report, evidence.at)
        yield f"  - {_code(f'{evidence.source}: {evidence.value}')}" + (f" ({aged})" if aged else "")
    if one is not report.diagnosis.root:
        yield f"  - {report.say('next')}: {_text(one.remedy)}"
        # A fence inside a list is text to a chat.
        yield from (f"  - {_code(command)}" for command in one.commands)


def _next(report: Report, one: Finding) -> Iterator[str]:
    yield f"{report.say('next')}: {_text(one.remedy)}"
    if one.commands:
        yield from ("```", *(_line(command) for command in one.commands), "```")


def _text(text: str) -> str:
    """Words that stay words: a queue's name must not become a link, a mention or a tag."""
    return _SPECIAL.sub(r"\\\1", "".join(_HTML.get(char, char) for char in _line(text)))


def _code(text: str) -> str:
    return f"`{_line(text).replace('`', chr(39))}`"


def _line(text: str) -> str:
    return clean(" ".join(text.split()))
