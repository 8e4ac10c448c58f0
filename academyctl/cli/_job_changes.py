"""Commands that change AI jobs: plan each, show or do it, report each, one exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli import PROGRAM
from academyctl.cli._common import Session
from academyctl.errors import AcademyError, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.job_plans import Asked, Plan
    from academyctl.job_state import Gathered, Job
    from academyctl.repairs import Halfway
    from academyctl.stores import Stores


@dataclass(frozen=True)
class Result:
    """What became of one job: its plan (None when refused), whether it was done, what went wrong."""

    job_id: str
    plan: Plan | None = None
    done: bool = False
    error: AcademyError | None = None


def retry(here: Session, ids: Sequence[str], asked: Asked, *, stdin: bool, apply: bool, fmt: Format) -> None:
    """Plan, ask for the password where a row has lost it, do, report."""
    from dataclasses import replace

    from academyctl.cli._password import first_password
    from academyctl.job_plans import plan_retry
    from academyctl.job_state import queue_name

    stores = here.stores()
    found = _gathered(stores, ids)

    def planner(wanted: Asked) -> Callable[[Job], Plan]:
        def plan(job: Job) -> Plan:
            return plan_retry(job, wanted, queue=queue_name(stores, job.row.tier if job.row else ""))

        return plan

    results = [_planned(job, planner(asked)) for job in found.jobs]
    if apply and any(result.plan and result.plan.needs_password for result in results):
        given = replace(asked, password=first_password(here, stdin=stdin))
        results = [_planned(job, planner(given)) for job in found.jobs]
    carry_out(here, results, apply=apply, fmt=fmt, away=tuple(found.away.values()))


def cancel(here: Session, ids: Sequence[str], *, apply: bool, fmt: Format) -> None:
    """Plan, do, report."""
    from academyctl.job_plans import plan_cancel

    found = _gathered(here.stores(), ids)
    results = [_planned(job, plan_cancel) for job in found.jobs]
    carry_out(here, results, apply=apply, fmt=fmt, away=tuple(found.away.values()))


def carry_out(
    here: Session,
    results: Sequence[Result],
    *,
    apply: bool,
    fmt: Format,
    away: Sequence[AcademyError] = (),
    notes: Sequence[Both] = (),
) -> None:
    """Show the plans, or do them after asking in production. A refused job does not stop the others."""
    from academyctl import output

    stores = here.stores()
    wanted = [str(repair) for result in results if result.plan for repair in result.plan.repairs]
    if apply and wanted:
        here.confirm_production(wanted)
        results = [_done(stores, result) for result in results]
    output.emit(
        {
            "version": 1,
            "applied": apply,
            "jobs": [_json(result, here.lang) for result in results],
            "notes": [note.pick(here.lang) for note in notes],
        },
        fmt=fmt,
        table=lambda: _text(results, notes, here.lang, apply=apply),
    )
    errors = [result.error for result in results if result.error is not None]
    if fmt == Format.table:
        for error in (*away, *errors):
            output.fail(error)
    if errors:
        raise typer.Exit(errors[0].exit_code)


def _gathered(stores: Stores, ids: Sequence[str]) -> Gathered:
    from academyctl.job_state import gather

    found = gather(stores, list(dict.fromkeys(ids)))
    if "database" in found.away:
        raise found.away["database"]
    return found


def _planned(job: Job, planner: Callable[[Job], Plan]) -> Result:
    try:
        return Result(job.id, planner(job))
    except AcademyError as error:
        return Result(job.id, error=error)


def _done(stores: Stores, result: Result) -> Result:
    from academyctl.repairs import Halfway, apply, audit_path

    if result.plan is None:
        return result
    try:
        apply(result.plan.repairs, stores, audit_path())
    except Halfway as error:
        return Result(result.job_id, result.plan, error=_without_message(stores, result.job_id, error))
    return Result(result.job_id, result.plan, done=True)


def _without_message(stores: Stores, job_id: str, error: Halfway) -> Halfway:
    """A row that is PENDING without a message would wait for ever: it ends FAILED, as the API ends it."""
    from academyctl.job_repairs import CreateJob, ReopenJob, SendJob, take_back, unsent_remedy

    waits = any(isinstance(repair, CreateJob | ReopenJob) for repair in error.done)
    if waits and any(isinstance(repair, SendJob) for repair in error.left):
        try:
            take_back(stores, job_id)
        except AcademyError:
            error.remedy = unsent_remedy(job_id, taken_back=False)
        else:
            error.remedy = unsent_remedy(job_id, taken_back=True)
    return error


def _text(results: Sequence[Result], notes: Sequence[Both], lang: str, *, apply: bool) -> str:
    lines = []
    for result in results:
        if result.plan is None:
            lines.append(f"job {result.job_id}: {Both('refused', '거부됨').pick(lang)}")
            continue
        shown = result.plan.repairs if result.done or not apply else ()
        lines += [f"{'done' if result.done else 'would'}  {repair}" for repair in shown]
        # One command takes a whole plan back.
        lines += [f"undo  {undo}" for undo in dict.fromkeys(one.undo for one in shown) if undo.startswith(PROGRAM)]
        lines += [f"note  {remark.pick(lang)}" for remark in result.plan.remarks]
        if result.plan.needs_password:
            lines.append(f"note  {_PASSWORD.pick(lang)}")
    lines += [f"note  {note.pick(lang)}" for note in notes]
    if not apply and any(result.plan for result in results):
        lines.append(
            Both("nothing was changed; to do it: --apply", "바뀐 것은 없습니다. 실행하려면: --apply").pick(lang)
        )
    return "\n".join(lines) + "\n"


_PASSWORD = Both(
    "its first password was removed when it ended: with --apply it is asked for, or read with --password-stdin",
    "초기 비밀번호는 작업이 끝날 때 지워졌습니다. --apply 때 다시 묻거나 --password-stdin으로 받습니다",
)


def _json(result: Result, lang: str) -> dict[str, Any]:
    plan, error = result.plan, result.error
    return {
        "id": result.job_id,
        "done": result.done,
        "changes": [{"change": str(repair), "undo": repair.undo} for repair in (plan.repairs if plan else ())],
        "remarks": [remark.pick(lang) for remark in (plan.remarks if plan else ())],
        "needs_password": bool(plan and plan.needs_password),
        "error": None
        if error is None
        else {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy_in(lang)},
    }
