"""What people see of a playbook's run, and the same as JSON."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from academyctl.errors import Both

if TYPE_CHECKING:
    from playbooks._model import Playbook, Section
    from playbooks._run import Done

_MARKS = {"ok": "ok", "planned": "would", "applied": "done", "failed": "FAIL", "unknown": "?"}
_UNKNOWN = Both(
    "This could not be seen, so nothing is known about it yet: no sign that it is broken, none that it is not. "
    "What the command says above comes first.",
    "확인하지 못했습니다. 고장이라는 뜻도, 정상이라는 뜻도 아닙니다. 위 출력에 나온 이유부터 해결하세요.",
)


def command(words: Sequence[str], options: Sequence[str] = ()) -> str:
    """As it can be copied into a terminal; `options` are this run's global ones."""
    return f"academyctl {shlex.join([*options, *words])}"


def step_head(section: Section, words: Sequence[str], options: Sequence[str]) -> str:
    """Said before a step is run."""
    number = f"{section.number:>2}." if section.number else " ->"
    return f"{number} {section.title}\n    {command(words, options)}"


def step_tail(done: Done, book: Playbook, values: Mapping[str, str], lang: str, options: Sequence[str] = ()) -> str:
    """Said after it: the mark, what took how long; the output when it is wanted or wrong, with the advice."""
    # An exit code that is expected and not 0 (a fix that refused one of three) is told as well.
    remark = done.why or (f"exit code {done.ended.code}" if done.ended.code else "")
    lines = [f"    {_MARKS[done.result]:<5} {done.took_s:.1f} s{'   ' + remark if remark else ''}"]
    said = (done.ended.out + done.ended.err).rstrip("\n")
    if said and (done.why or done.step.show or done.result in ("planned", "applied")):
        lines += [f"    | {line}".rstrip() for line in said.splitlines()]
    if done.result == "unknown":
        lines += ["", _UNKNOWN.pick(lang)]
    advice = book.advice(done.step.advice) if done.why else None
    if advice is not None:
        lines += ["", f"== {advice.title}", "", readable(advice.text, values, options), ""]
    return "\n".join(lines)


def ending(
    book: Playbook, done: Sequence[Done], values: Mapping[str, str], lang: str, options: Sequence[str] = ()
) -> str:
    """The last lines: all is well, or where it stopped and how to go on."""
    from playbooks._run import stopped

    last = stopped(done)
    if last is None:
        return Both("every step is as it should be", "모든 단계가 정상입니다").pick(lang)
    where = Both(
        f"stopped at step {last.section.number} ({last.step.id})",
        f"{last.section.number}단계({last.step.id})에서 멈췄습니다",
    ).pick(lang)
    go_on = Both("when that is done, go on with", "조치한 뒤 이어서 실행").pick(lang)
    return f"{where}\n{go_on}: {resume(book, last, values, options)}"


def resume(book: Playbook, last: Done, values: Mapping[str, str], options: Sequence[str] = ()) -> str:
    """The command that goes on where the run stopped."""
    given = [word for name, value in values.items() for word in ("--var", f"{name}={value}")]
    number = last.section.number or 1
    return command(["playbook", "run", book.name, *given, "--from-step", str(number)], options)


def readable(markdown: str, values: Mapping[str, str], options: Sequence[str] = ()) -> str:
    """Markdown for a terminal: blocks indented, rows of tables unfolded, marks of emphasis and links gone.

    Our own commands get this run's global options: a copied one must not act on other settings.
    """
    from playbooks._model import filled

    if options:
        start = command((), options)
        markdown = re.sub(r"(?m)(^|`)academyctl (?=[a-z])", lambda found: f"{found[1]}{start} ", markdown)
    lines: list[str] = []
    header: list[str] = []
    inside = False
    for line in markdown.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside:
            lines.append(f"    {filled(line, values)}".rstrip())
        elif line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
            if not header:
                header = cells
            elif not all(re.fullmatch("[-: ]+", cell) for cell in cells):
                lines += _unfolded(header, [_plain(cell, values) for cell in cells])
        else:
            header = []
            lines.append(_plain(line, values))
    return "\n".join(lines).strip("\n")


def _unfolded(header: Sequence[str], cells: Sequence[str]) -> list[str]:
    """A row that no terminal is too narrow for: its first cell, and the others under it with their names."""
    return [f"  * {cells[0]}", *(f"      {name}: {cell}" for name, cell in zip(header[1:], cells[1:], strict=False))]


def _plain(line: str, values: Mapping[str, str]) -> str:
    from playbooks._model import filled

    return filled(re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", line).replace("**", "").replace("\\|", "|"), values)


def planned(
    book: Playbook, values: Mapping[str, str], from_step: int, options: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The steps that a run would begin with, as values."""
    return [
        {
            "number": section.number, "title": section.title, "id": step.id, "sort": str(step.sort),
            "command": command(step.command(values), options),
        }
        for section, step in book.numbered()
        if section.number >= from_step
    ]  # fmt: skip


def as_json(
    book: Playbook,
    done: Sequence[Done],
    values: Mapping[str, str],
    transcript: Path,
    lang: str,
    options: Sequence[str] = (),
) -> dict[str, Any]:
    """A run as one object; secrets and phone numbers are masked, for it goes where logs go."""
    from academyctl.log import mask
    from playbooks._run import exit_code, stopped

    last = stopped(done)
    advice = book.advice(last.step.advice) if last else None
    return {
        "version": 1,
        "name": book.name,
        "lang": book.lang,
        "variables": dict(values),
        "exit_code": exit_code(done),
        "steps": [
            {
                "number": one.section.number,
                "title": one.section.title,
                "id": one.step.id,
                "sort": str(one.step.sort),
                "command": command(one.words, options),
                "exit_code": one.ended.code,
                "result": str(one.result),
                "why": one.why,
                "took_s": round(one.took_s, 3),
                "output": mask(one.ended.out + one.ended.err),
            }
            for one in done
        ],
        "stopped": None
        if last is None
        else {
            "number": last.section.number,
            "id": last.step.id,
            "advice": last.step.advice,
            "advice_title": advice.title if advice else "",
            "advice_text": readable(advice.text, values, options) if advice else _UNKNOWN.pick(lang),
            "resume": resume(book, last, values, options),
        },
        "transcript": str(transcript),
    }
