"""What `academyctl diagnose` does once its words are understood: look, judge, tell."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, AcademyError, Both, UsageError

if TYPE_CHECKING:
    from checks._ignore import Rule
    from checks._model import Diagnosis, Snapshot, Topic
    from checks._report import Report


@dataclass(frozen=True)
class Asked:
    """The command's words."""

    topics: tuple[str, ...] = ()
    timeout_s: float = 10.0
    fail_on_warn: bool = False
    show: str = "all"
    ignore: tuple[str, ...] = ()
    fmt: str = "table"
    to: Path | None = None
    save: Path | None = None
    replay: Path | None = None
    wait: bool = False
    watch: bool = False
    for_s: float | None = None
    every_s: float = 5.0
    against: str = ""


@dataclass(frozen=True)
class Plan:
    """What is looked at and what is left out, known before anything is."""

    topics: tuple[Topic, ...]
    plugins: frozenset[str]
    rules: tuple[Rule, ...]
    snapshot: Snapshot | None
    """The saved facts, when nothing is looked at."""


def run(here: Session, asked: Asked) -> int:
    """Look once; the exit code."""

    def once() -> int:
        import gc

        # A tenth of the whole CPU time: the client libraries make many objects, and the process ends in a moment.
        gc.disable()
        try:
            report = look(here, asked, plan(here, asked))
        finally:
            gc.enable()
        deliver(report, asked)
        return report.exit_code

    return guarded(asked, once)


def guarded(asked: Asked, work: Callable[[], int]) -> int:
    """The exit code of the work. Raises what goes wrong, after a build server's report has said so too."""
    _consistent(asked)
    try:
        return work()
    except (Exception, KeyboardInterrupt) as error:
        if asked.fmt == "junit":
            _abort(error, asked)
        raise


def plan(here: Session, asked: Asked) -> Plan:
    """Raises UsageError for a topic or a code that is none, ConfigError for a rule of the file that is off."""
    from academyctl import settings_file
    from checks import _ignore, _snapshot
    from checks._engine import kinds
    from checks._topics import ALL, chosen, words

    snapshot = None
    file = settings_file.find(os.environ, here.file)
    section: Any = settings_file.read(file).diagnose if file else {}
    strange = [word for word in asked.topics if word != ALL and word not in words()]
    others: tuple[Topic, ...] = ()
    if strange or section.get("plugins"):
        from checks import _plugins

        everything = section.get("plugins") and (not asked.topics or ALL in asked.topics)
        others = _plugins.everyone(os.environ) if everything else _plugins.named(strange, os.environ)
    names = {one.name for one in others}
    if asked.replay is not None:
        # The words that the file knows are known: its plug-ins need not be installed here.
        saved: dict[str, Topic] = {}
        snapshot = _snapshot.read(asked.replay, (*chosen(()), *others), strangers=lambda name: _stranger(name, saved))
        names |= set(saved)
        others = (*others, *(one for one in saved.values() if not asked.topics or one.name in asked.topics))
    ours = [word for word in asked.topics if word not in names]
    topics = (*(chosen(ours) if ours or not asked.topics else ()), *others)
    profile = here.profile_name if snapshot is None else snapshot.profile
    rules = [*_ignore.from_words(asked.ignore, kinds(topics)), *_ignore.from_file(section, profile, file)]
    return Plan(topics, frozenset(names), tuple(rules), snapshot)


def look(here: Session, asked: Asked, prepared: Plan) -> Report:
    """Look once and judge. Ctrl-C ends the looking: what was seen by then is the report."""
    from checks import _snapshot
    from checks._engine import Interrupted, take

    interrupted, snapshot = False, prepared.snapshot
    if snapshot is None:
        try:
            snapshot = take(prepared.topics, here.loaded, os.environ, timeout_s=asked.timeout_s, other=_other(asked))
        except Interrupted as stopped:
            interrupted, snapshot = True, stopped.snapshot
    if asked.save is not None:
        _snapshot.save(snapshot, asked.save)
    return told(here, asked, prepared, snapshot, interrupted=interrupted)


def _other(asked: Asked) -> Any:
    if not asked.against:
        return None
    from checks import _against

    return _against.read(asked.against)


def as_the_script(here: Session, topics: Sequence[str], timeout_s: float) -> int:
    """What the platform's own SQS check would print, and its exit code. Raises UsageError for another topic."""
    from academyctl import output
    from checks import _compat
    from checks._engine import take
    from checks._topics import chosen

    if set(topics) - {"sqs"}:
        raise UsageError(
            "--compat is the platform's SQS check and nothing else",
            remedy=Both("academyctl diagnose sqs --compat", "academyctl diagnose sqs --compat"),
        )
    seen = take(chosen(("sqs",)), here.loaded, os.environ, timeout_s=timeout_s)
    lines, code = _compat.lines(seen, here.loaded.settings.aws)
    output.emit({}, table=lambda: "\n".join(lines))
    return code


def told(here: Session, asked: Asked, prepared: Plan, snapshot: Snapshot, *, interrupted: bool = False) -> Report:
    """The snapshot judged, without what is ignored, in words."""
    from checks import _ignore
    from checks._engine import diagnose, utc_now
    from checks._report import Report, Show

    quiet = _ignore.apply(diagnose(prepared.topics, snapshot), prepared.rules)
    ignored = _worded(here, prepared.topics, [one.finding for one in quiet.ignored], snapshot)
    return Report(
        worded(here, prepared.topics, quiet.diagnosis),
        here.lang,
        fail_on_warn=asked.fail_on_warn,
        show=Show(asked.show),
        replayed=prepared.snapshot is not None,
        interrupted=interrupted,
        ignored=tuple(_ignore.Ignored(finding, one.rule) for finding, one in zip(ignored, quiet.ignored, strict=True)),
        expired=quiet.expired,
        plugins=frozenset(prepared.plugins & set(snapshot.topics)),
        now=utc_now(),
    )


def worded(here: Session, topics: Sequence[Topic], judged: Diagnosis) -> Diagnosis:
    """The diagnosis in this run's language, with commands for this machine's shell."""
    return judged.with_findings(_worded(here, topics, judged.findings, judged.snapshot))


def _worded(here: Session, topics: Sequence[Topic], findings: Sequence[Any], snapshot: Snapshot) -> list[Any]:
    from checks._engine import kinds
    from checks._texts import Shell, worded

    shell = Shell(os.name == "nt", _options(here))
    out = worded(findings, here.lang, kinds(topics), shell=shell, local=snapshot.local)
    if "checks._plugins" in sys.modules:
        from checks import _plugins

        out = [_plugins.worded(one, here.lang) for one in out]
    return out


def deliver(report: Report, asked: Asked) -> None:
    """Print the report, or write it to its file and say so."""
    from academyctl import output
    from checks._paper import Paper, paper_of
    from checks._report import headline, render

    if asked.to is not None:
        from checks import _files

        # The file is UTF-8, whatever the console is.
        _files.write(asked.to, render(asked.fmt, report, Paper(marks=True)))
        output.note(f"{headline(report)}\n{asked.to}")
    elif asked.fmt == "json":
        from checks._report_json import as_json

        output.emit(as_json(report), fmt="json")
    elif asked.fmt in ("table", "short"):
        output.emit({}, table=lambda: render(asked.fmt, report, paper_of(sys.stdout)))
    else:
        output.document(render(asked.fmt, report))


def diff(here: Session, before: Path, after: Path, fmt: str) -> int:
    """0 when nothing is worse. Raises UsageError for a file that is no saved diagnosis."""
    from academyctl import output
    from checks import _diff, _snapshot
    from checks._engine import diagnose
    from checks._paper import paper_of
    from checks._topics import chosen

    known = chosen(())
    sides = []
    for path in (before, after):
        saved: dict[str, Topic] = {}
        snapshot = _snapshot.read(path, known, strangers=lambda name, saved=saved: _stranger(name, saved))  # type: ignore[misc]
        topics = (*known, *saved.values())
        sides.append(worded(here, topics, diagnose(topics, snapshot)))
    found = _diff.compare(*sides)
    output.emit(_diff.as_json(found), fmt=fmt, table=lambda: _diff.as_text(found, here.lang, paper_of(sys.stdout)))
    return EXIT_FAILED if found.outcome is _diff.Outcome.worse else EXIT_OK


def _stranger(name: str, saved: dict[str, Topic]) -> Topic:
    from checks import _plugins

    saved[name] = _plugins.replayed(name)
    return saved[name]


def _abort(error: BaseException, asked: Asked) -> None:
    from academyctl import output
    from academyctl.log import mask
    from checks import _files
    from checks._report_junit import aborted

    stopped = isinstance(error, KeyboardInterrupt)
    why = str(EXIT_INTERRUPTED) if stopped else error.remedy_in("en") if isinstance(error, AcademyError) else ""
    text = aborted(mask("interrupted" if stopped else f"{type(error).__name__}: {error}"), mask(why))
    if asked.to is None:
        output.document(text)
    else:
        _files.write(asked.to, text)


def _consistent(asked: Asked) -> None:
    repeated = "--wait" if asked.wait else "--watch" if asked.watch else ""
    wrong = ""
    if asked.wait and asked.watch:
        wrong = "--wait and --watch"
    elif repeated and asked.replay:
        wrong = f"{repeated} and --from"
    elif asked.against and asked.replay:
        wrong = "--against and --from"
    elif asked.watch and asked.to:
        wrong = "--watch and --to"
    elif asked.for_s is not None and not repeated:
        wrong = "--for without --wait or --watch"
    elif asked.watch and asked.fmt not in ("table", "short", "ndjson"):
        wrong = f"--watch and --output {asked.fmt}"
    if wrong:
        raise UsageError(
            f"{wrong} do not go together",
            remedy=Both(
                "leave one of them out: academyctl diagnose --help", "둘 중 하나를 빼세요: academyctl diagnose --help"
            ),
        )


def _options(here: Session) -> tuple[str, ...]:
    """This run's global options, so that the commands it proposes look at the same settings."""
    given = (("--profile", here.profile), ("--config", here.config))
    return tuple(word for option in given if option[1] for word in option)
