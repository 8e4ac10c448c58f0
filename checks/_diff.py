"""What changed between two diagnoses, and whether it is better or worse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from checks._model import Diagnosis, Finding, State
from checks._paper import ENDLESS, Paper, columns
from checks._texts import words

_RANK = {State.skip: 0, State.ok: 0, State.warn: 1, State.unknown: 2, State.crash: 2, State.fail: 3}


class What(StrEnum):
    """`new` and `gone` are of findings that are not fine; `state` and `values` of what both diagnoses have."""

    new = "new"
    gone = "gone"
    state = "state"
    values = "values"


class Change(NamedTuple):
    """One difference; `values` are (name, before, after)."""

    what: What
    key: str
    before: Finding | None
    after: Finding | None
    values: tuple[tuple[str, str, str], ...] = ()

    @property
    def finding(self) -> Finding:
        """The finding as it is now, or as it was when it is gone."""
        found = self.after or self.before
        assert found is not None
        return found


class Outcome(StrEnum):
    """`worse`: something bad is new, or a state is worse, whatever else got better."""

    same = "same"
    better = "better"
    worse = "worse"


@dataclass(frozen=True)
class Difference:
    """Two worded diagnoses compared in the topics that both looked at."""

    before: Diagnosis
    after: Diagnosis
    changes: tuple[Change, ...]
    outcome: Outcome

    @property
    def only(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The topics that only the first, and only the second, looked at."""
        first, second = self.before.snapshot.topics, self.after.snapshot.topics
        return tuple(one for one in first if one not in second), tuple(one for one in second if one not in first)


def compare(before: Diagnosis, after: Diagnosis) -> Difference:
    """Match the findings by their key, CODE=subject."""
    topics = set(before.snapshot.topics) & set(after.snapshot.topics)
    old = {one.key: one for one in before.findings if one.topic in topics}
    new = {one.key: one for one in after.findings if one.topic in topics}
    changes = tuple(_changes(old, new))
    return Difference(before, after, changes, _outcome(changes))


def _changes(old: dict[str, Finding], new: dict[str, Finding]) -> Iterator[Change]:
    for key, one in new.items():
        was = old.get(key)
        if was is None:
            if _RANK[one.state]:
                yield Change(What.new, key, None, one)
        elif was.state is not one.state:
            yield Change(What.state, key, was, one)
        elif was.values != one.values:
            yield Change(What.values, key, was, one, _values(was, one))
    for key, one in old.items():
        if key not in new and _RANK[one.state]:
            yield Change(What.gone, key, one, None)


def _values(was: Finding, now: Finding) -> tuple[tuple[str, str, str], ...]:
    first, second = dict(was.values), dict(now.values)
    names = sorted(first.keys() | second.keys())
    return tuple(
        (name, first.get(name, ""), second.get(name, "")) for name in names if first.get(name) != second.get(name)
    )


def _outcome(changes: tuple[Change, ...]) -> Outcome:
    steps = [_step(one) for one in changes]
    if any(step > 0 for step in steps):
        return Outcome.worse
    return Outcome.better if any(step < 0 for step in steps) else Outcome.same


def _step(one: Change) -> int:
    was = _RANK[one.before.state] if one.before else 0
    return (_RANK[one.after.state] if one.after else 0) - was


def as_json(difference: Difference) -> dict[str, Any]:
    first, second = difference.only
    return {
        "version": 1,
        "outcome": str(difference.outcome),
        "before": _head(difference.before),
        "after": _head(difference.after),
        "only_before": list(first),
        "only_after": list(second),
        "changes": [change_json(one) for one in difference.changes],
    }


def change_json(one: Change) -> dict[str, Any]:
    """One change, for machines."""
    return {
        "change": str(one.what),
        "key": one.key,
        "code": one.finding.code,
        "subject": one.finding.subject,
        "topic": one.finding.topic,
        "summary": one.finding.summary,
        "before": None if one.before is None else str(one.before.state),
        "after": None if one.after is None else str(one.after.state),
        "values": [{"name": name, "before": was, "after": now} for name, was, now in one.values],
    }


def _head(diagnosis: Diagnosis) -> dict[str, str]:
    return {
        "verdict": str(diagnosis.verdict),
        "state": str(diagnosis.state),
        "taken_at": diagnosis.snapshot.taken_at,
        "root": "" if diagnosis.root is None else diagnosis.root.key,
    }


def as_text(difference: Difference, lang: str, paper: Paper = ENDLESS) -> str:
    """For people: what it was, what it is, and a line a change; the outcome stands last, where the eye is."""

    def say(name: str, **values: object) -> str:
        return words(f"diff-{name}", lang).format(**values)

    before, after = difference.before, difference.after
    lines = [
        say("verdict", before=words(str(before.verdict), lang), after=words(str(after.verdict), lang)),
        f"  {say('between', before=before.snapshot.taken_at, after=after.snapshot.taken_at)}",
    ]
    for when, topics in zip(("before", "after"), difference.only, strict=True):
        if topics:
            lines.append(f"  {say('only', when=say(when), topics=', '.join(topics))}")
    lines += [""] if difference.changes else []
    lines += [line for one in difference.changes for line in change_lines(one, lang, paper)]
    lines += ["", paper.ink(say(str(difference.outcome)), "bold")]
    return "\n".join(lines)


def change_lines(one: Change, lang: str, paper: Paper = ENDLESS) -> list[str]:
    """One change, for people."""
    word = words(f"diff-{one.what}", lang)
    width = max(columns(words(f"diff-{what}", lang)) for what in What) + 2
    state = State.ok if one.after is None else one.after.state
    text = f"{one.finding.summary}  [{one.key}]"
    if one.before and one.after and one.what is What.state:
        text = f"{one.before.state} -> {one.after.state}: {text}"
    first, *rest = paper.wrapped(text, width + 2)
    lead = paper.state(word, state) if one.what is not What.values else word
    lines = [f"  {lead}{'':<{width - columns(word)}}{first}"]
    lines += [f"{'':<{width + 2}}{line}" for line in rest]
    return lines + [f"{'':<{width + 2}}{name}: {was} -> {now}" for name, was, now in one.values]
