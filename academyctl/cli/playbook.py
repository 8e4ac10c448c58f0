"""`academyctl playbook`: guides that run themselves, step by step, and stop where something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from academyctl.cli._common import OutputOption, Session, session
from academyctl.errors import EXIT_CANNOT_TELL, EXIT_INTERRUPTED, AcademyError, Both, UsageError
from academyctl.output import Format

if TYPE_CHECKING:
    from playbooks._model import Playbook
    from playbooks._run import Done, Ended, Execute

app = typer.Typer(help="Guides that run: what to look at when, and what to do then.", no_args_is_help=True)

STEP_LIMIT_S = 300.0
"""One command of a playbook takes seconds; one that hangs must not hang the night."""


def _names(incomplete: str) -> list[str]:
    from playbooks import names

    return [name for name in names() if name.startswith(incomplete)]


Name = Annotated[str, typer.Argument(help="Which playbook; `playbook list` shows them.", autocompletion=_names)]
Var = Annotated[list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="A value, as id=111; repeatable.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be run; run nothing.")]
FromStep = Annotated[int, typer.Option("--from-step", metavar="N", help="Begin at this step.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do what the fixes propose (they are dry runs otherwise).")]
File = Annotated[Path | None, typer.Option("--transcript", metavar="FILE", help="Where the record of this run goes.")]


@app.command("list")
def list_(ctx: typer.Context, fmt: OutputOption = Format.table) -> None:
    """Every playbook and what it is for; your own from the folders of ACADEMYCTL_PLAYBOOKS."""
    import playbooks
    from academyctl import output

    here = session(ctx)
    own = _own(here)
    found = playbooks.names(own)
    books = []
    for name in found:
        try:
            books.append(playbooks.load(name, here.lang, own))
        except AcademyError as error:
            # One file with a mistake must not hide the others at night.
            output.note(f"warn  {error}")
    output.emit(
        {"version": 1, "playbooks": [_about(book, found[book.name]) for book in books]},
        fmt=fmt,
        table=lambda: output.rows(
            Both("name title", "이름 제목").pick(here.lang).split(), [(book.name, book.title) for book in books]
        ),
    )


@app.command()
def show(ctx: typer.Context, name: Name, fmt: OutputOption = Format.table) -> None:
    """A playbook's text."""
    import playbooks
    from academyctl import output

    here = session(ctx)
    own = _own(here)
    book = playbooks.load(name, here.lang, own)
    about = _about(book, playbooks.names(own)[name])
    output.emit({"version": 1, **about, "text": book.text}, fmt=fmt, table=lambda: book.text)


@app.command()
def run(
    ctx: typer.Context,
    name: Name,
    var: Var = None,
    dry_run: DryRun = False,
    from_step: FromStep = 1,
    apply: Apply = False,
    transcript: File = None,
    fmt: OutputOption = Format.table,
) -> None:
    """Run a playbook step by step; stop at the first that is not as it should be, and say what to do.

    Exit code 0 all steps are fine, 1 one is not, 2 usage, 3 something could not be seen, 130 interrupted.
    """
    import playbooks
    from playbooks import _run

    here = session(ctx)
    book = playbooks.load(name, here.lang, _own(here))
    people = fmt is Format.table and _someone_is_there()
    if dry_run and apply:
        raise UsageError("--dry-run and --apply exclude each other")
    values = _run.values(book, _pairs(var or []), ask=_ask if people and not dry_run else None)
    if dry_run:
        _show_plan(here, book, values, from_step, fmt)
        return
    code = _recorded(here, book, values, from_step, transcript, fmt, _decision(here, apply=apply, people=people))
    raise typer.Exit(code)


def _recorded(
    here: Session, book: Playbook, values: dict[str, str], from_step: int, file: Path | None, fmt: Format,
    decide: Callable[[Done], bool],
) -> int:  # fmt: skip
    from datetime import UTC, datetime

    from academyctl import output
    from academyctl.cli._playbook_show import as_json, ending, step_head, step_tail
    from playbooks import _run
    from playbooks._transcript import Transcript, default_path

    lang, table, options = here.lang, fmt is Format.table, _options(here)
    done: list[Done] = []

    def say(text: str) -> None:
        if table:
            output.emit({}, table=lambda: text)

    path = (file or default_path(book.name, datetime.now(UTC))).resolve()
    with Transcript(path, secrets=_secrets(here)) as record:
        record.begin(book, values)
        say(f"{book.title}\n")
        steps = _run.steps(
            book, values, executor(here), from_step=from_step, apply=decide,
            before=lambda section, words: say(step_head(section, words, options)),
        )  # fmt: skip
        try:
            for one in steps:
                done.append(one)
                record.step(one)
                say(step_tail(one, book, values, lang, options))
        except KeyboardInterrupt:
            output.note(f"{Both('transcript', '기록').pick(lang)}: {path}")
            raise
        end = ending(book, done, values, lang, options)
        record.end(end)
    say(f"{end}\n{Both('transcript', '기록').pick(lang)}: {path}")
    if not table:
        output.emit(as_json(book, done, values, path, lang, options), fmt=fmt)
    return _run.exit_code(done)


def _show_plan(here: Session, book: Playbook, values: dict[str, str], from_step: int, fmt: Format) -> None:
    from academyctl import output
    from academyctl.cli._playbook_show import planned

    steps = planned(book, values, from_step, _options(here))
    note = Both("nothing was run", "아무것도 실행하지 않았습니다").pick(here.lang)
    output.emit(
        {"version": 1, "name": book.name, "lang": book.lang, "dry_run": True, "variables": values, "steps": steps},
        fmt=fmt,
        table=lambda: "\n".join(
            [book.title, *(f"{one['number']:>2}. {one['title']}\n    {one['command']}" for one in steps), note]
        ),
    )


def executor(here: Session) -> Execute:
    """Runs `academyctl WORDS` in a process of its own, with this run's settings and language, and no stdin."""
    from playbooks._run import Ended

    def execute(words: Sequence[str]) -> Ended:
        # A person's yes comes during the run.
        options = [*_options(here), "--lang", here.lang, *(["--yes"] if here.yes else [])]
        # The pipe would otherwise have the console's code page, which lacks characters that our texts have.
        env = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "academyctl", *options, *words], stdin=subprocess.DEVNULL, capture_output=True,
                check=False, timeout=STEP_LIMIT_S, env=env,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Ended(EXIT_CANNOT_TELL, err=f"no answer within {STEP_LIMIT_S:.0f} s; stopped\n")
        except OSError as error:
            return Ended(EXIT_CANNOT_TELL, err=f"could not be started: {error}\n")
        code = EXIT_INTERRUPTED if done.returncode == -2 else done.returncode
        return Ended(code, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    return execute


def _options(here: Session) -> list[str]:
    """This run's global options, so that every command it shows looks at the same settings."""
    given = (("--profile", here.profile), ("--config", here.config))
    return [word for option in given if option[1] for word in option]


def _decision(here: Session, *, apply: bool, people: bool) -> Callable[[Done], bool]:
    """Whether a fix is applied once its plan was shown: --apply says yes, a person may, nobody else."""

    def decide(_plan: Done) -> bool:
        if apply or not people:
            return apply
        question = Both("do this now?", "지금 실행할까요?").pick(here.lang)
        if not typer.confirm(question, default=False, err=True):
            return False
        # The person said yes to this very plan; the command must not ask again where it has no terminal.
        here.yes = True
        return True

    return decide


def _ask(name: str, text: str) -> str:
    return str(typer.prompt(f"{name} ({text})", err=True))


def _someone_is_there() -> bool:
    return bool(sys.stdin) and sys.stdin.isatty()


def _pairs(given: Sequence[str]) -> dict[str, str]:
    for word in given:
        if not word.partition("=")[1]:
            raise UsageError(f"'--var {word}' has no value", remedy="--var id=111")
    return {word.partition("=")[0]: word.partition("=")[2] for word in given}


def _own(here: Session) -> list[Path]:
    """The operator's folders; one that is not there is told and left out."""
    from academyctl import output

    try:
        said = here.loaded.settings.general.playbooks
    except AcademyError:
        # Wrong settings are what a playbook is run for: it must not need right ones.
        said = os.environ.get("ACADEMYCTL_PLAYBOOKS", "")
    folders = [Path(part).expanduser() for part in said.split(os.pathsep) if part.strip()]
    for folder in folders:
        if not folder.is_dir():
            output.note(f"warn  ACADEMYCTL_PLAYBOOKS: {folder} is no folder")
    return [folder for folder in folders if folder.is_dir()]


def _secrets(here: Session) -> list[str]:
    from academyctl.settings import leaves, secret_values

    names = [name for leaf in leaves() if leaf.secret for name in leaf.env]
    from_env = [os.environ[name] for name in names if os.environ.get(name)]
    try:
        settings = here.loaded.settings
    except AcademyError:
        return from_env
    return from_env + secret_values(settings)


def _about(book: Playbook, langs: Sequence[str]) -> dict[str, Any]:
    return {
        "name": book.name,
        "lang": book.lang,
        "langs": list(langs),
        "title": book.title,
        "when": book.when,
        "file": book.path,
        "variables": [{"name": one.name, "text": one.text, "default": one.default} for one in book.variables],
        "steps": [
            {"number": section.number, "title": section.title, "id": step.id, "sort": step.sort}
            for section, step in book.numbered()
        ],
    }
