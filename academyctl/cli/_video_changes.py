"""Commands that change videos: plan each id, show or do it, report every id, one exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import AcademyError, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.repairs import Halfway
    from academyctl.stores import Stores
    from academyctl.video_plans import Plan
    from academyctl.video_state import Video

Planner = Callable[["Video", datetime], "Plan"]


@dataclass(frozen=True)
class Result:
    """What became of one id: its plan (None when refused), whether it was done, what went wrong."""

    video_id: int
    plan: Plan | None = None
    done: bool = False
    error: AcademyError | None = None


def change(
    here: Session,
    ids: Sequence[int],
    planner: Planner,
    *,
    fmt: Format,
    apply: bool = True,
    confirm: bool = False,
    undo: bool = False,
) -> None:
    """Plan, ask in production, do, report. A refused id does not stop the others; the first error's code is ours."""
    from academyctl import output
    from academyctl.video_state import gather

    stores = here.stores()
    found = gather(stores, list(dict.fromkeys(ids)), objects=False)
    if "database" in found.away:
        raise found.away["database"]
    results = [_planned(video, found.seen_at, planner) for video in found.videos]
    wanted = [str(repair) for result in results if result.plan for repair in result.plan.repairs]
    if apply and confirm and wanted:
        here.confirm_production(wanted)
    if apply:
        results = [_done(stores, result) for result in results]
    output.emit(
        {"version": 1, "applied": apply, "videos": [_json(result, here.lang) for result in results]},
        fmt=fmt,
        table=lambda: _text(results, here.lang, apply=apply, undo=undo),
    )
    errors = [result.error for result in results if result.error is not None]
    if fmt == Format.table:
        for error in (*found.away.values(), *errors):
            output.fail(error)
    if errors:
        raise typer.Exit(errors[0].exit_code)


def _planned(video: Video, now: datetime, planner: Planner) -> Result:
    try:
        return Result(video.id, planner(video, now))
    except AcademyError as error:
        return Result(video.id, error=error)


def _done(stores: Stores, result: Result) -> Result:
    from academyctl.repairs import Halfway, apply, audit_path

    if result.plan is None:
        return result
    try:
        apply(result.plan.repairs, stores, audit_path())
    except Halfway as error:
        return Result(result.video_id, result.plan, error=_say_how_to_go_on(result.video_id, error))
    return Result(result.video_id, result.plan, done=True)


def _say_how_to_go_on(video_id: int, error: Halfway) -> Halfway:
    """A retry whose message could not be sent leaves a video that nobody will take: the one thing left is to send."""
    from academyctl.repairs import ResetVideo, SendEncode

    reset = any(isinstance(repair, ResetVideo) for repair in error.done)
    if reset and any(isinstance(repair, SendEncode) for repair in error.left):
        error.remedy = Both(
            f"video {video_id} is UPLOADED now and has no message; when that works again: "
            f"academyctl video enqueue {video_id}",
            f"비디오 {video_id}는 UPLOADED이며 메시지가 없습니다. 복구되면: academyctl video enqueue {video_id}",
        )
    return error


def _text(results: Sequence[Result], lang: str, *, apply: bool, undo: bool) -> str:
    lines = []
    for result in results:
        if result.plan is None:
            lines.append(f"video {result.video_id}: {Both('refused', '거부됨').pick(lang)}")
            continue
        if not result.plan.repairs:
            lines.append(f"video {result.video_id}: {Both('nothing is held', '잡고 있는 것이 없습니다').pick(lang)}")
        for repair in result.plan.repairs if result.done or not apply else ():
            lines.append(f"{'done' if result.done else 'would'}  {repair}")
            if undo:
                lines.append(f"undo  {repair.undo}")
        lines += [f"note  {remark.pick(lang)}" for remark in result.plan.remarks]
    if not apply and any(result.plan and result.plan.repairs for result in results):
        lines.append(
            Both("nothing was changed; to do it: --apply", "바뀐 것은 없습니다. 실행하려면: --apply").pick(lang)
        )
    return "\n".join(lines) + "\n"


def _json(result: Result, lang: str) -> dict[str, Any]:
    error = result.error
    return {
        "id": result.video_id,
        "done": result.done,
        "changes": [
            {"change": str(repair), "undo": repair.undo} for repair in (result.plan.repairs if result.plan else ())
        ],
        "remarks": [remark.pick(lang) for remark in (result.plan.remarks if result.plan else ())],
        "error": None
        if error is None
        else {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy_in(lang)},
    }
