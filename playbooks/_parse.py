"""Markdown -> Playbook. Every error names the file and the line, and says what is expected there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from playbooks import _expect
from playbooks._model import MENDING, READING, BadPlaybook, Playbook, Section, Sort, Step, Variable

VARIABLES = "variables"
_HEADING = re.compile(r'^##\s+(?:<a id="([a-z0-9-]+)"></a>)?\s*(?:(\d+)\.\s+)?(.*\S)\s*$')
_FENCE = re.compile(r"^(`{3,}|~{3,})\s*(.*)$")
_VARIABLE = re.compile(r"^- `(\w+)`(?:\s*=\s*`([^`]*)`)?\s*:\s*(.*\S)\s*$")
_ATTRIBUTES = ("id", "expect", "else", "match", "without", "json")
_PROGRAM = "academyctl"


@dataclass
class _Open:
    """The section being read."""

    title: str
    anchor: str
    number: int
    line: int
    text: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def parse(text: str, *, name: str, lang: str, path: str) -> Playbook:
    """The playbook of a Markdown text. Raises BadPlaybook."""
    lines = text.splitlines()
    title = lines[0].removeprefix("# ").strip() if lines and lines[0].startswith("# ") else ""
    if not title:
        raise _bad(path, 1, "the first line must be a title: # ...")
    head, sections = _sections(lines, path)
    when = _first_paragraph(head)
    if not when:
        raise _bad(path, 2, "a paragraph that says when to use it must follow the title")
    variables = tuple(_variables(sections, path))
    sections = [section for section in sections if section.anchor != VARIABLES]
    book = Playbook(name, lang, title, when, variables, tuple(sections), text, path)
    _check(book)
    return book


def _sections(lines: list[str], path: str) -> tuple[list[str], list[Section]]:
    head: list[str] = []
    found: list[_Open] = []
    rest = iter(enumerate(lines[1:], 2))
    for at, line in rest:
        fence = _FENCE.match(line)
        heading = _HEADING.match(line)
        if fence:
            body = list(_block(rest, fence[1], at, path))
            if found:
                found[-1].text += [line, *body, fence[1]]
            if _is_step(fence[2]):
                if not found:
                    raise _bad(path, at, "a step must stand under a heading: ## 1. ...")
                found[-1].steps.append(_step(fence[2], body, at, path))
        elif heading:
            found.append(_Open(heading[3], heading[1] or "", int(heading[2] or 0), at))
        elif line.startswith("## "):
            raise _bad(path, at, 'a heading reads: ## 1. Title, or ## <a id="name"></a>Title')
        elif found:
            found[-1].text.append(line)
        else:
            head.append(line)
    return head, [
        Section(one.title, one.anchor, one.number, "\n".join(one.text).rstrip("\n"), tuple(one.steps), one.line)
        for one in found
    ]


def _block(rest: Iterator[tuple[int, str]], fence: str, at: int, path: str) -> Iterator[str]:
    for _, line in rest:
        if line.strip() == fence:
            return
        yield line
    raise _bad(path, at, f"the block that opens here is never closed with {fence}")


def _is_step(info: str) -> bool:
    return any(word in ("check:", "fix:", "check", "fix") for word in info.split()[1:2])


def _step(info: str, body: list[str], at: int, path: str) -> Step:
    try:
        _, sort, *given = shlex.split(info)
    except ValueError as error:
        raise _bad(path, at, f"the attributes cannot be read: {error}") from error
    if sort not in ("check:", "fix:"):
        raise _bad(path, at, f"write '{sort}:' with its colon")
    values: dict[str, str] = {}
    for word in given:
        key, equals, value = word.partition("=")
        if (key not in _ATTRIBUTES or not equals) and word != "show":
            raise _bad(path, at, f"'{word}' is no attribute; known: {', '.join(_ATTRIBUTES)}, show")
        values[key] = value
    step = Step(
        Sort(sort.removesuffix(":")), values.get("id", ""), _words(body, at, path), advice=_anchor(values, at, path),
        match=values.get("match", ""), without=values.get("without", ""), json=values.get("json", ""),
        show="show" in values, line=at,
    )  # fmt: skip
    if not re.fullmatch(r"[a-z0-9-]+", step.id):
        raise _bad(path, at, "a step needs id=name (small letters, digits, -)")
    codes = values.get("expect", "0").split(",")
    if not all(code.isdecimal() for code in codes):
        raise _bad(path, at, f"expect={values['expect']} is no list of exit codes")
    try:
        re.compile(step.match)
        re.compile(step.without)
        _expect.check(step.json)
    except (re.error, ValueError) as error:
        raise _bad(path, at, f"the condition cannot be read: {error}") from error
    return replace(step, expect=frozenset(map(int, codes)))


def _words(body: list[str], at: int, path: str) -> tuple[str, ...]:
    lines = [line for line in body if line.strip()]
    if len(lines) != 1:
        raise _bad(path, at, f"a step is one command line, here are {len(lines)}")
    try:
        program, *words = shlex.split(lines[0])
    except ValueError as error:
        raise _bad(path, at + 1, f"the command cannot be read: {error}") from error
    if program != _PROGRAM or not words:
        raise _bad(path, at + 1, f"a step runs {_PROGRAM}, not '{program}'; drop check:/fix: to show another command")
    return tuple(words)


def _anchor(values: dict[str, str], at: int, path: str) -> str:
    said = values.get("else", "")
    if said and not said.startswith("#"):
        raise _bad(path, at, f"else={said} must name a section: else=#name")
    return said.removeprefix("#")


def _variables(sections: list[Section], path: str) -> Iterator[Variable]:
    for section in sections:
        if section.anchor != VARIABLES:
            continue
        for offset, line in enumerate(section.text.splitlines(), 1):
            found = _VARIABLE.match(line)
            if line.startswith("- ") and not found:
                raise _bad(
                    path, section.line + offset, "a variable reads: - `name`: text, or - `name` = `default`: text"
                )
            if found:
                yield Variable(found[1], found[3], found[2])


def _check(book: Playbook) -> None:
    """What only the whole shows: numbers in order, names once, sections and variables that exist."""
    numbers = [section.number for section in book.sections if section.number]
    for wanted, section in enumerate((one for one in book.sections if one.number), 1):
        if section.number != wanted:
            raise _bad(book.path, section.line, f"this section is number {section.number}, expected {wanted}")
    if not numbers:
        raise _bad(book.path, 1, "there is nothing to run: no section is numbered (## 1. ...)")
    seen: set[str] = set()
    known = {variable.name for variable in book.variables}
    for step in book.steps():
        if step.id in seen:
            raise _bad(book.path, step.line, f"two steps are called '{step.id}'")
        seen.add(step.id)
        if step.advice and book.advice(step.advice) is None:
            raise _bad(book.path, step.line, f'no section has <a id="{step.advice}"></a>')
        unknown = {name for word in step.words for name in re.findall(r"{(\w+)}", word)} - known
        if unknown:
            raise _bad(book.path, step.line, f"{{{min(unknown)}}} is not declared under Variables")
        _check_command(step, book.path)


def _check_command(step: Step, path: str) -> None:
    if "--apply" in step.words:
        raise _bad(path, step.line + 1, "write the command without --apply: the runner adds it when it was asked to")
    reads = step.words[0] in READING or " ".join(step.words[:2]) in READING
    if step.sort is Sort.check and not reads:
        raise _bad(path, step.line + 1, f"'{' '.join(step.words[:2])}' may change something: make it a fix: block")
    if step.sort is Sort.fix and " ".join(step.words[:2]) not in MENDING:
        known = ", ".join(sorted(MENDING))
        raise _bad(path, step.line + 1, f"'{' '.join(step.words[:2])}' has no dry run; a fix: is one of: {known}")
    if step.sort is Sort.check and not step.advice:
        raise _bad(path, step.line, "a check needs else=#section: what to do when it fails")


def _first_paragraph(lines: list[str]) -> str:
    said: list[str] = []
    for line in lines:
        if line.strip():
            said.append(line.strip())
        elif said:
            break
    return " ".join(said)


def _bad(path: str, line: int, why: str) -> BadPlaybook:
    return BadPlaybook(f"{path}:{line}", why=why)
