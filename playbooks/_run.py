"""Running a playbook: step after step until one's result is not the expected one. Knows no terminal and no process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from academyctl.errors import EXIT_CANNOT_TELL, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, Both, UsageError
from playbooks._expect import differs
from playbooks._model import Playbook, Section, Sort, Step


@dataclass(frozen=True)
class Ended:
    """How one command ended."""

    code: int
    out: str = ""
    err: str = ""


Execute = Callable[[Sequence[str]], Ended]
"""Runs the words after `academyctl`."""


class Result(StrEnum):
    ok = "ok"
    planned = "planned"
    applied = "applied"
    failed = "failed"
    unknown = "unknown"


STOPS = frozenset((Result.failed, Result.unknown))


@dataclass(frozen=True)
class Done:
    """One step that was run: its words, how it ended, and `why` it was not what was expected ('' when it was)."""

    section: Section
    step: Step
    words: tuple[str, ...]
    ended: Ended
    result: Result
    took_s: float
    why: str = ""


def values(book: Playbook, given: Mapping[str, str], ask: Callable[[str, str], str] | None = None) -> dict[str, str]:
    """The value of every variable: given, else its default, else asked for with `ask(name, text)`.

    Raises UsageError for one that is unknown, missing with nobody to ask, or would be read as an option.
    """
    known = {variable.name for variable in book.variables}
    if unknown := sorted(set(given) - known):
        raise UsageError(
            f"the playbook {book.name} has no variable '{unknown[0]}'",
            remedy=Both(
                f"its variables: {', '.join(sorted(known)) or 'none'}", f"변수: {', '.join(sorted(known)) or '없음'}"
            ),
        )
    missing = [one for one in book.variables if one.name not in given and one.default is None]
    if missing and ask is None:
        options = " ".join(f"--var {one.name}=..." for one in missing)
        raise UsageError(
            f"the playbook {book.name} needs {', '.join(one.name for one in missing)}",
            why="; ".join(f"{one.name}: {one.text}" for one in missing),
            remedy=f"academyctl playbook run {book.name} {options}",
        )
    asked = {one.name: ask(one.name, one.text) for one in missing if ask is not None}
    found = {one.name: one.default for one in book.variables if one.default is not None} | dict(given) | asked
    for name, value in found.items():
        if not value.strip() or any(word.startswith("-") for word in value.split()):
            raise UsageError(
                f"{name} cannot be '{value}'",
                remedy=Both("give a value that is not empty and no option", "빈 값이나 옵션이 아닌 값을 주세요"),
            )
    return found


def steps(
    book: Playbook,
    filled: Mapping[str, str],
    execute: Execute,
    *,
    from_step: int = 1,
    apply: Callable[[Done], bool] = lambda _plan: False,
    before: Callable[[Section, tuple[str, ...]], None] = lambda _section, _words: None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Done]:
    """Run the numbered sections from `from_step` on, yielding each step; the first unexpected result is the last.

    A `fix:` runs as its dry run. When `apply` says yes to that plan, it runs once more with --apply. What an advice
    offers as fixes is run after the step that led there, in the same way. Raises UsageError for a number too high.
    """
    last = max(section.number for section in book.sections)
    if not 1 <= from_step <= last:
        raise UsageError(
            f"the playbook {book.name} has steps 1 to {last}, not {from_step}",
            remedy=f"academyctl playbook show {book.name}",
        )

    def once(section: Section, step: Step, *, really: bool) -> Done:
        words = step.command(filled, apply=really)
        before(section, words)
        started = clock()
        ended = execute(words)
        took = clock() - started
        if ended.code == EXIT_INTERRUPTED:
            raise KeyboardInterrupt
        why = differs(step, ended.code, ended.out, ended.err)
        return Done(section, step, words, ended, _result(step, ended.code, why, really=really), took, why)

    def both(section: Section, step: Step) -> Iterator[Done]:
        plan = once(section, step, really=False)
        yield plan
        if step.sort is Sort.fix and plan.result is Result.planned and apply(plan):
            yield once(section, step, really=True)

    for section, step in book.numbered():
        if section.number < from_step:
            continue
        for done in both(section, step):
            yield done
            if done.result in STOPS:
                advice = book.advice(step.advice)
                for mending in advice.steps if advice else ():
                    yield from both(advice or section, mending)
                return


def _result(step: Step, code: int, why: str, *, really: bool) -> Result:
    if why:
        unseen = code == EXIT_CANNOT_TELL and code not in step.expect
        return Result.unknown if unseen else Result.failed
    if step.sort is Sort.check:
        return Result.ok
    return Result.applied if really else Result.planned


def stopped(done: Sequence[Done]) -> Done | None:
    """The step whose result was not the expected one; None when the playbook ran to its end."""
    return next((one for one in done if one.result in STOPS), None)


def exit_code(done: Sequence[Done]) -> int:
    """0 to the end; 1 stopped; 3 stopped because something could not be seen."""
    last = stopped(done)
    if last is None:
        return EXIT_OK
    return EXIT_CANNOT_TELL if last.result is Result.unknown else EXIT_FAILED
