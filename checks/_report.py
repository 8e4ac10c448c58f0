"""A worded diagnosis as JSON, as a table and as a few lines to paste. The exit code is the same for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from checks._model import Diagnosis, Finding, State, Verdict
from checks._texts import words
from checks._verdict import exit_code, roots

VERSION = 1
_WORDS = {State.ok: "ok", State.warn: "warn", State.fail: "FAIL", State.skip: "skip"}
_WIDTH = 8


def as_json(diagnosis: Diagnosis, lang: str, *, fail_on_warn: bool = False) -> dict[str, Any]:
    """Everything, for machines; `findings` keep the order of the topics and their checks."""
    snapshot = diagnosis.snapshot
    root = diagnosis.root
    return {
        "version": VERSION,
        "verdict": str(diagnosis.verdict),
        "state": str(diagnosis.state),
        "headline": headline(diagnosis, lang),
        "root": None if root is None else {"code": root.code, "subject": root.subject, "key": root.key},
        "roots": [one.key for one in roots(diagnosis.findings)],
        "exit_code": exit_code(diagnosis.state, fail_on_warn=fail_on_warn),
        "counts": counts(diagnosis),
        "taken_at": snapshot.taken_at,
        "took_ms": snapshot.took_ms,
        "profile": snapshot.profile,
        "tool": snapshot.tool,
        "read_only": True,
        "topics": list(snapshot.topics),
        "findings": [_json(one) for one in diagnosis.findings],
    }


def counts(diagnosis: Diagnosis) -> dict[str, int]:
    """Findings by state. What follows from another finding counts as `follows` alone, so one fault is one FAIL."""
    found = Counter("follows" if _follows(one) else str(one.state) for one in diagnosis.findings)
    return {name: found[name] for name in (*map(str, State), "follows")}


def headline(diagnosis: Diagnosis, lang: str) -> str:
    """The verdict and its root cause, one line."""
    named = words(str(diagnosis.verdict), lang)
    if diagnosis.state is State.warn:
        named += f" ({words('only-warnings', lang)})"
    if diagnosis.root is not None:
        said = diagnosis.root.summary
    else:
        said = words("all-fine" if diagnosis.verdict is Verdict.healthy else "nothing-seen", lang)
    return f"{words('verdict', lang)}: {named}. {said}"


def as_table(diagnosis: Diagnosis, lang: str, *, replayed: bool = False) -> str:
    """For people: the verdict, the findings by topic, the evidence of what is not ok, and what to do next."""
    lines = [headline(diagnosis, lang), *_lead(diagnosis, lang)]
    if replayed:
        lines.append("  " + words("replayed", lang).format(at=diagnosis.snapshot.taken_at))
    for topic in diagnosis.snapshot.topics:
        lines += ["", topic]
        of_topic = [one for one in diagnosis.findings if one.topic == topic]
        for one in of_topic:
            lines += _lines(one, lang, told=one is diagnosis.root)
        lines += _skipped([one for one in of_topic if one.state is State.skip], lang)
    return "\n".join([*lines, "", footer(diagnosis, lang)])


def as_short(diagnosis: Diagnosis, lang: str) -> str:
    """The verdict and one line a root cause, to paste into a chat."""
    lines = [headline(diagnosis, lang)]
    for one in roots(diagnosis.findings):
        lines.append(f"{_word(one):<{_WIDTH}}{one.code}  {one.summary}")
        lines += [f"{'':<{_WIDTH}}{command}" for command in one.commands]
    return "\n".join(lines)


def footer(diagnosis: Diagnosis, lang: str) -> str:
    """How many of each, how long it took, and that nothing was changed."""
    have = counts(diagnosis)
    shown = [f"{have[state]} {_WORDS.get(State(state), state)}" for state in map(str, State) if have[state]]
    return f"{', '.join(shown)} | {diagnosis.snapshot.took_ms / 1000:.2f} s | {words('read-only', lang)}"


def _lead(diagnosis: Diagnosis, lang: str) -> Iterator[str]:
    root = diagnosis.root
    if root is None:
        return
    following = sum(one.because_of == root.key for one in diagnosis.findings)
    if following:
        yield "  " + words("consequences", lang).format(count=following)
    others = len(roots(diagnosis.findings)) - 1
    if others:
        yield "  " + words("more-causes", lang).format(count=others)
    yield from _next(root, lang, "  ")


def _lines(one: Finding, lang: str, *, told: bool) -> Iterator[str]:
    if one.state is State.ok:
        yield f"  {_word(one):<{_WIDTH}}{one.summary}"
    elif _follows(one):
        # One fault, one red line: what follows from it is told, not shouted.
        yield f"  {'-':<{_WIDTH}}{one.summary} ({words('also', lang).format(root=one.because_of)})"
    elif one.state is not State.skip:
        indent = "  " + " " * _WIDTH
        yield f"  {_word(one):<{_WIDTH}}{one.summary}  [{one.code}]"
        yield from (f"{indent}{source}: {value}" for source, value, _at in one.evidence)
        # The root's remedy stands under the verdict already.
        if not told:
            yield from _next(one, lang, indent)


def _skipped(skips: Sequence[Finding], lang: str) -> Iterator[str]:
    """One line for all that was skipped for the same reason."""
    for root in dict.fromkeys(one.because_of for one in skips):
        titles = "; ".join(one.title for one in skips if one.because_of == root)
        reason = words("not-judged", lang).format(root=root)
        yield f"  {_WORDS[State.skip]:<{_WIDTH}}{reason}: {titles}"


def _next(one: Finding, lang: str, indent: str) -> Iterator[str]:
    if one.remedy:
        yield f"{indent}{words('next', lang)}: {one.remedy}"
    yield from (f"{indent}  {command}" for command in one.commands)


def _word(one: Finding) -> str:
    return _WORDS.get(one.state, str(one.state))


def _follows(one: Finding) -> bool:
    return bool(one.because_of) and one.state is not State.skip


def _json(one: Finding) -> dict[str, Any]:
    return {
        "code": one.code,
        "state": str(one.state),
        "topic": one.topic,
        "check": one.check,
        "title": one.title,
        "subject": one.subject,
        "summary": one.summary,
        "evidence": [evidence._asdict() for evidence in one.evidence],
        "cause": None if one.cause is None else str(one.cause),
        "because_of": one.because_of,
        "remedy": one.remedy,
        "commands": list(one.commands),
        "took_ms": one.took_ms,
    }
