"""What every format of a report says alike: the verdict's line, the counts, what is listed, how old it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from academyctl.errors import EXIT_INTERRUPTED
from checks._ignore import Ignored, Rule
from checks._model import Diagnosis, Finding, State, Verdict
from checks._texts import words
from checks._verdict import exit_code, roots

# As whole words, for greps and for consoles without marks.
WORDS = {State.ok: "ok", State.warn: "warn", State.fail: "FAIL", State.skip: "skip"}


class Show(StrEnum):
    """What is listed. The verdict, the counts and the exit code are of everything, whatever is listed."""

    all = "all"
    warn = "warn"
    fail = "fail"


# What could not be seen is never hidden.
_SHOWN = {
    Show.all: frozenset(State),
    Show.warn: frozenset({State.warn, State.fail, State.unknown, State.crash}),
    Show.fail: frozenset({State.fail, State.unknown, State.crash}),
}


@dataclass(frozen=True)
class Report:
    """A worded diagnosis and how it is to be told.

    `ignored` were found and are not in the diagnosis, on request; `expired` are rules that no longer count.
    `plugins` are the topics that others wrote. `now` gives the evidence its age.
    """

    diagnosis: Diagnosis
    lang: str
    fail_on_warn: bool = False
    show: Show = Show.all
    replayed: bool = False
    interrupted: bool = False
    ignored: tuple[Ignored, ...] = ()
    expired: tuple[Rule, ...] = ()
    plugins: frozenset[str] = frozenset()
    now: datetime | None = field(default=None, compare=False)

    @property
    def exit_code(self) -> int:
        """The same for every format."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        return exit_code(self.diagnosis.state, fail_on_warn=self.fail_on_warn)

    @property
    def listed(self) -> tuple[Finding, ...]:
        """The findings that `show` lets through, in the order of topics and checks."""
        return tuple(one for one in self.diagnosis.findings if one.state in _SHOWN[self.show])

    @property
    def topics(self) -> Mapping[str, tuple[Finding, ...]]:
        """Topic -> its listed findings; a topic without any is left out unless everything is shown."""
        listed = self.listed
        grouped = {name: tuple(one for one in listed if one.topic == name) for name in self.diagnosis.snapshot.topics}
        return {name: group for name, group in grouped.items() if group or self.show is Show.all}

    def say(self, name: str, **values: object) -> str:
        """A word of the report in its language."""
        return words(name, self.lang).format(**values)

    def topic_title(self, name: str) -> str:
        """The topic's word; others' topics are labelled as such."""
        return f"{name} ({self.say('plugin')})" if name in self.plugins else name


def follows(one: Finding) -> bool:
    """Whether another finding explains this one. What was skipped explains itself."""
    return bool(one.because_of) and one.state is not State.skip


def word(one: Finding) -> str:
    return WORDS.get(one.state, str(one.state))


def counts(diagnosis: Diagnosis) -> dict[str, int]:
    """Findings by state. What follows from another finding counts as `follows` alone, so one fault is one FAIL."""
    found = Counter("follows" if follows(one) else str(one.state) for one in diagnosis.findings)
    return {name: found[name] for name in (*map(str, State), "follows")}


def count_words(diagnosis: Diagnosis) -> str:
    """`19 ok, 1 FAIL, 6 skip`."""
    have = counts(diagnosis)
    return ", ".join(f"{have[state]} {WORDS.get(State(state), state)}" for state in map(str, State) if have[state])


def verdict(report: Report) -> str:
    """Whose fault it is, in one word, with `(warning)` when nothing worse was found."""
    diagnosis = report.diagnosis
    named = report.say(str(diagnosis.verdict))
    return f"{named} ({report.say('only-warnings')})" if diagnosis.state is State.warn else named


def headline(report: Report) -> str:
    """The verdict and its root cause, one line."""
    return f"{report.say('verdict')}: {verdict(report)}. {cause(report)}"


def cause(report: Report) -> str:
    """The root cause as a sentence, or that there is none."""
    diagnosis = report.diagnosis
    if diagnosis.root is not None:
        return diagnosis.root.summary
    return report.say("all-fine" if diagnosis.verdict is Verdict.healthy else "nothing-seen")


def lead(report: Report) -> list[str]:
    """What a reader must know besides the root: what follows from it, what else there is, how the facts were had."""
    diagnosis, out = report.diagnosis, []
    if diagnosis.root is not None:
        following = sum(one.because_of == diagnosis.root.key for one in diagnosis.findings)
        others = len(roots(diagnosis.findings)) - 1
        out += [report.say("consequences", count=following)] if following else []
        out += [report.say("more-causes", count=others)] if others else []
    if report.replayed:
        out.append(report.say("replayed", at=diagnosis.snapshot.taken_at))
    if report.interrupted:
        out.append(report.say("interrupted"))
    return out


def tail(report: Report) -> list[str]:
    """What was left out, and why: ignored findings, rules that expired, findings below the threshold."""
    out = []
    if report.ignored:
        listed = ", ".join(f"{one.finding.key}{_reason(one.rule)}" for one in report.ignored)
        out.append(report.say("ignored", count=len(report.ignored), listed=listed))
    out += [report.say("expired", rule=one.name, until=one.until, reason=one.reason) for one in report.expired]
    hidden = len(report.diagnosis.findings) - len(report.listed)
    if hidden:
        out.append(report.say("hidden", count=hidden, show=str(report.show)))
    return out


def footer(report: Report) -> str:
    """How many of each, how long it took, and that nothing was changed."""
    took = f"{report.diagnosis.snapshot.took_ms / 1000:.2f} s"
    return f"{count_words(report.diagnosis)} | {took} | {report.say('read-only')}"


_UNITS = ((86400, "age-d"), (3600, "age-h"), (60, "age-m"), (1, "age-s"))


def age(report: Report, at: str) -> str:
    """How long ago that was: `47 s ago`; '' when nobody knows."""
    if not at or report.now is None:
        return ""
    return age_of(report, (report.now - datetime.fromisoformat(at)).total_seconds())


def age_of(report: Report, seconds: float) -> str:
    """`47 s ago`, `3 min ago`: one unit is enough to know what to think of it."""
    for length, name in _UNITS:
        if seconds >= length:
            return report.say(name, n=int(seconds // length))
    return report.say("age-now")


def skips(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """What was not judged, by the finding that is the reason."""
    grouped: dict[str, list[Finding]] = {}
    for one in findings:
        if one.state is State.skip:
            grouped.setdefault(one.because_of, []).append(one)
    return grouped


def _reason(rule: Rule) -> str:
    if not rule.reason:
        return ""
    return f" ({rule.reason}; -> {rule.until})"
