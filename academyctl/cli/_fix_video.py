"""`fix video`: look, judge, plan each id; show or do it; report every id, one exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import EXIT_OK, AcademyError, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.dead_letters import Letter, Pair
    from academyctl.repairs import Halfway
    from academyctl.stores import Stores
    from academyctl.video_fixes import Stuck
    from academyctl.video_plans import Plan
    from academyctl.video_state import Video
    from checks._stuck_facts import Facts

LETTERS = 10_000


@dataclass(frozen=True)
class Result:
    """What became of one id: its verdict, its plan (None when refused), whether it was done, what went wrong."""

    video_id: int
    code: str
    plan: Plan | None = None
    done: bool = False
    error: AcademyError | None = None


def fix(here: Session, ids: Sequence[int], *, apply: bool, force: bool, fmt: Format) -> None:
    """Plan, ask in production, do, report. One that fails stops no other; the first error's code is ours."""
    from academyctl import output

    stores = here.stores()
    results = [_planned(one, force=force) for one in look(stores, list(dict.fromkeys(ids)))]
    wanted = [str(repair) for result in results if result.plan for repair in result.plan.repairs]
    if apply and wanted:
        here.confirm_production(wanted)
        results = [_done(stores, result) for result in results]
    output.emit(
        {"version": 1, "applied": apply, "videos": [_json(result, here.lang) for result in results]},
        fmt=fmt,
        table=lambda: _text(results, here.lang, apply=apply),
    )
    errors = [result.error for result in results if result.error is not None]
    if fmt == Format.table:
        for error in errors:
            output.fail(error)
    raise typer.Exit(errors[0].exit_code if errors else EXIT_OK)


def look(stores: Stores, ids: Sequence[int]) -> list[Stuck]:
    """The verdicts of `video stuck` on these videos, with what their mending needs to know. Raises StoreError."""
    from academyctl import video_state
    from academyctl.dead_letters import pair
    from checks._engine import utc_now
    from checks._stuck import gather
    from checks._stuck_table import judge

    # Also the first call to AWS: clients are made one after the other, `gather` calls them from threads.
    queue = pair(stores, stores.settings.queues.video)
    facts = gather(stores, ids)
    found = video_state.gather(stores, ids, objects=False)
    if "database" in found.away:
        raise found.away["database"]
    letters = _letters(stores, queue, facts)
    now = utc_now()
    return [
        _stuck(stores, judge(one, now), one, video, queue, letters)
        for one, video in zip(facts, found.videos, strict=True)
    ]


def _letters(stores: Stores, queue: Pair, facts: Sequence[Facts]) -> tuple[Letter, ...]:
    from academyctl.dead_letters import sample

    return sample(stores, queue.dlq, LETTERS).letters if any(one.dead for one in facts) else ()


def _stuck(stores: Stores, case: Any, facts: Facts, video: Video, queue: Pair, letters: Sequence[Letter]) -> Stuck:
    from academyctl.contract.messages import VideoEncode
    from academyctl.contract.states import JOB_CLAIMABLE, VideoState
    from academyctl.video_fixes import Stuck
    from checks._engine import utc_now
    from checks._stuck_facts import OBJECTS
    from checks._stuck_view import View

    upload: bool | None = facts.upload is not None
    if video.row is not None and video.row.status == VideoState.READY and case.code == "video.broken":
        upload = stores.r2.head(stores.settings.r2.video_bucket, video.row.file_key) is not None
    elif OBJECTS in facts.unknown:
        upload = None
    return Stuck(
        code=case.code.removeprefix("video."),
        video=video,
        queue=queue,
        letters=tuple(
            one for one in letters if isinstance(one.message, VideoEncode) and one.message.video_id == facts.id
        ),
        upload=upload,
        no_message=None if facts.queue is None else View(facts, utc_now()).no_message,
        job_open=facts.job is None or facts.job.state in JOB_CLAIMABLE,
        verdict=_said(case, lambda text: text.summary or text.ok or text.title),
        remedy=_with(_said(case, lambda text: text.remedy), case.commands),
    )


def _said(case: Any, part: Callable[[Any], str]) -> Both:
    """The diagnosis's own words about a case."""
    from checks._texts import text_of

    return Both(*(part(text_of(case.code, lang)).format_map(case.values) for lang in ("en", "ko")))


def _with(remedy: Both, commands: Sequence[str]) -> Both:
    """A remedy with the commands that it names, but for the one that has just refused."""
    told = "; ".join(command for command in commands if not command.startswith("academyctl fix"))
    return Both(f"{remedy.en}: {told}", f"{remedy.ko}: {told}") if told else remedy


def _planned(stuck: Stuck, *, force: bool) -> Result:
    from academyctl.video_fixes import plan_fix

    try:
        return Result(stuck.video.id, stuck.code, plan_fix(stuck, force=force))
    except AcademyError as error:
        return Result(stuck.video.id, stuck.code, error=error)


def _done(stores: Stores, result: Result) -> Result:
    from academyctl.repairs import Halfway, apply, audit_path

    if result.plan is None or not result.plan.repairs:
        return result
    try:
        apply(result.plan.repairs, stores, audit_path())
    except Halfway as error:
        return replace(result, error=_say_how_to_go_on(result.video_id, error))
    return replace(result, done=True)


def _say_how_to_go_on(video_id: int, error: Halfway) -> Halfway:
    """What was done stays done: where the message is all that is left, `fix` would take it for one on its way."""
    from academyctl.repairs import ResetVideo

    if any(isinstance(repair, ResetVideo) for repair in error.done):
        error.remedy = Both(
            f"video {video_id} is UPLOADED now and has no message; when that works again: "
            f"academyctl video enqueue {video_id}",
            f"비디오 {video_id}는 UPLOADED이며 메시지가 없습니다. 복구되면: academyctl video enqueue {video_id}",
        )
    return error


def _text(results: Sequence[Result], lang: str, *, apply: bool) -> str:
    from academyctl.video_repairs import StillSo

    lines = []
    for result in results:
        plan = result.plan
        state = (
            Both("refused", "거부됨")
            if plan is None
            else Both("nothing to do", "할 일이 없습니다")
            if not plan.repairs
            else Both("mended", "고쳤습니다")
            if result.done
            else Both("stopped", "중단됨")
            if apply
            else Both("can be mended", "고칠 수 있습니다")
        )
        lines.append(f"video {result.video_id}: {result.code}: {state.pick(lang)}")
        if plan is None:
            continue
        lines += [f"  note  {remark.pick(lang)}" for remark in plan.remarks if remark.pick(lang)]
        for repair in plan.repairs if result.done or not apply else ():
            looks = isinstance(repair, StillSo)
            lines.append(f"  {'only' if looks else 'done' if result.done else 'would'}  {repair}")
            lines += [] if looks else [f"  undo  {repair.undo}"]
    if not apply and any(result.plan and result.plan.repairs for result in results):
        lines.append(
            Both("nothing was changed; to do it: --apply", "바뀐 것은 없습니다. 실행하려면: --apply").pick(lang)
        )
    return "\n".join(lines) + "\n"


def _json(result: Result, lang: str) -> dict[str, Any]:
    error, plan = result.error, result.plan
    return {
        "id": result.video_id,
        "verdict": f"video.{result.code}",
        "done": result.done,
        "nothing_to_do": plan is not None and not plan.repairs,
        "changes": [{"change": str(repair), "undo": repair.undo} for repair in (plan.repairs if plan else ())],
        "remarks": [remark.pick(lang) for remark in (plan.remarks if plan else ()) if remark.pick(lang)],
        "error": None
        if error is None
        else {"code": error.code, "what": error.what, "why": error.why, "remedy": error.remedy_in(lang)},
    }
