"""Findings that somebody has decided to live with: from --ignore, or with reason and expiry from the settings file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from academyctl.errors import Both, ConfigError, UsageError
from checks._model import Diagnosis, Finding, State
from checks._verdict import decide

_KEYS = frozenset({"code", "subject", "reason", "until", "profile"})
_BAD = frozenset({State.warn, State.fail, State.unknown, State.crash})


@dataclass(frozen=True)
class Rule:
    """What is ignored: `*` in code and subject stands for anything. `until` (ISO date) is the last day it counts."""

    code: str
    subject: str = "*"
    reason: str = ""
    until: str = ""

    @property
    def name(self) -> str:
        return self.code if self.subject == "*" else f"{self.code}={self.subject}"

    def fits(self, one: Finding) -> bool:
        return fnmatchcase(one.code, self.code) and fnmatchcase(one.subject, self.subject)


class Ignored(NamedTuple):
    """A finding that is not counted, and the rule that says so."""

    finding: Finding
    rule: Rule


class Quiet(NamedTuple):
    """A diagnosis without what is ignored. `expired` are rules that would have counted once."""

    diagnosis: Diagnosis
    ignored: tuple[Ignored, ...]
    expired: tuple[Rule, ...]


def apply(diagnosis: Diagnosis, rules: Sequence[Rule]) -> Quiet:
    """Take out what the rules name, with what follows from it, and judge the rest anew.

    Rules expire against the day on which the facts were taken, so that a saved diagnosis reads the same in a year.
    """
    today = diagnosis.snapshot.taken_at[:10]
    live = [rule for rule in rules if not rule.until or rule.until >= today]
    expired = tuple(rule for rule in rules if rule not in live)
    hit: dict[str, Rule] = {}
    for one in diagnosis.findings:
        rule = next((rule for rule in live if rule.fits(one)), None)
        if rule is not None and one.state in _BAD:
            hit[one.key] = rule
    for one in diagnosis.findings:
        if one.state in _BAD and one.because_of in hit:
            hit.setdefault(one.key, hit[one.because_of])
    if not hit:
        return Quiet(diagnosis, (), expired)
    ignored = tuple(Ignored(one, hit[one.key]) for one in diagnosis.findings if one.key in hit)
    kept = tuple(one for one in diagnosis.findings if one.key not in hit)
    verdict, state, root = decide(kept)
    return Quiet(replace(diagnosis, verdict=verdict, state=state, root=root, findings=kept), ignored, expired)


def from_words(words: Iterable[str], codes: Iterable[str]) -> list[Rule]:
    """`CODE` or `CODE=subject` as rules. Raises UsageError for a code that no finding of these topics has."""
    known, rules = list(codes), []
    for word in words:
        code, _, subject = word.partition("=")
        if code.strip("*.") == "":
            raise UsageError(
                f"--ignore {word} would ignore everything",
                remedy=Both("name a code: --ignore sqs.dead-letters", "코드를 적으세요: --ignore sqs.dead-letters"),
            )
        if not any(fnmatchcase(one, code) for one in known):
            near = difflib.get_close_matches(code, known, 1)
            raise UsageError(
                f"there is no finding called '{code}' here" + (f" (did you mean {near[0]}?)" if near else ""),
                remedy=Both(
                    "the code stands in [brackets] behind a finding",
                    "코드는 각 결과 뒤 [대괄호] 안에 있습니다",
                ),
            )
        rules.append(Rule(code, subject or "*"))
    return rules


def from_file(section: Mapping[str, Any], profile: str, file: object) -> list[Rule]:
    """The `[[diagnose.ignore]]` tables that count for a profile.

    Raises ConfigError for an unknown key, and where code, reason or expiry are missing: a silence without a reason
    and an end is how a real fault is overlooked in a year.
    """
    listed = section.get("ignore", [])
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise _bad(file, "diagnose.ignore is not a list of tables")
    rules = [(one, _rule(one, number, file)) for number, one in enumerate(listed, 1)]
    return [rule for one, rule in rules if one.get("profile", profile) == profile]


def _rule(one: Mapping[str, Any], number: int, file: object) -> Rule:
    where = f"[[diagnose.ignore]] number {number}"
    stray = sorted(set(one) - _KEYS)
    if stray:
        near = difflib.get_close_matches(stray[0], _KEYS, 1)
        raise _bad(file, f"{where}: unknown key '{stray[0]}'" + (f" (did you mean {near[0]}?)" if near else ""))
    for key in _KEYS - {"until"}:
        if key in one and not isinstance(one[key], str):
            raise _bad(file, f"{where}: `{key}` is not a text")
    missing = [key for key in ("code", "reason", "until") if not str(one.get(key, "")).strip()]
    if missing:
        raise _bad(file, f"{where} has no `{missing[0]}`")
    if str(one["code"]).strip("*.") == "":
        raise _bad(file, f"{where} would ignore everything")
    return Rule(str(one["code"]), str(one.get("subject", "*")), str(one["reason"]), _day(one["until"], where, file))


def _day(value: object, where: str, file: object) -> str:
    try:
        if isinstance(value, datetime | date):
            return value.isoformat()[:10]
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise _bad(file, f"{where}: until = {value!r} is no date") from error


def _bad(file: object, what: str) -> ConfigError:
    example = 'code = "sqs.dead-letters"  subject = "academy-*"  reason = "..."  until = 2027-01-31'
    return ConfigError(
        f"{file}: {what}",
        remedy=Both(f"write under [[diagnose.ignore]]: {example}", f"[[diagnose.ignore]] 아래에 적으세요: {example}"),
    )
