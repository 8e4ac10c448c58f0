"""`scaling plan|apply|rollback`: plan from what is there, save it, change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from academyctl.cli._changes import DRY, carry_out, undo_options
from academyctl.cli._common import Session
from academyctl.errors import Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.saves import Save
    from academyctl.ops.scaling_plans import Asked, Plan
    from academyctl.ops.scaling_state import State
    from academyctl.repairs import Repair

Done = Callable[["Repair"], None]

IN_FORCE = Both(
    "{group} is scaled by {policy} already; there is nothing to do",
    "{group}은(는) 이미 {policy} 정책입니다. 할 일이 없습니다",
)
BACK = Both(
    "everything is as the save {save} holds it; there is nothing to do",
    "모두 저장 {save}의 상태와 같습니다. 할 일이 없습니다",
)


def state_folder(here: Session, group: Mapping[str, Any]) -> Path:
    """Where this user's saves of the account are that this group (as AWS describes it) is in."""
    from academyctl.ops import saves
    from academyctl.repairs import audit_path

    *_, region, account, _rest = str(group["AutoScalingGroupARN"]).split(":", 5)
    where = saves.folder(here.loaded.settings.fleet.state_dir, audit_path())
    return saves.of_account(where, region, account)


def put_in_force(
    here: Session,
    role: str,
    asked: Asked,
    *,
    apply: bool,
    fmt: Format,
    dry: Both = DRY,
    on_done: Done = lambda _repair: None,
) -> None:
    """`scaling plan` and `apply`. Raises UsageError, WorkFailed, AwsError, Halfway."""
    from academyctl.ops import saves
    from academyctl.ops.scaling_around import around
    from academyctl.ops.scaling_plans import plan_apply, undo_command
    from academyctl.ops.scaling_state import gather, names
    from academyctl.ops.scaling_words import UNFINISHED, filled

    stores = here.stores()
    these = names(here.loaded.settings, role)
    now = gather(stores, these)
    where = state_folder(here, now.raw)
    planned = plan_apply(asked, now, around(stores), undo=undo_command(undo_options(here), role))
    left = saves.unfinished(saves.listed(where, these.group))
    remarks = planned.remarks if planned.repairs else ()
    if left and left.by == saves.APPLY and planned.repairs:
        remarks = (*remarks, filled(UNFINISHED, save=left.name))
    carry_out(
        here,
        planned.repairs,
        apply=apply,
        fmt=fmt,
        remarks=remarks,
        nothing=filled(IN_FORCE, group=these.group, policy=asked.policy),
        dry=dry,
        told={"role": role, "group": these.group, "policy": asked.policy},
        before=lambda: _save(here, now, planned, saves.APPLY, asked.policy),
        on_done=on_done,
    )
    if apply:
        saves.mark_ended(where, these.group, saves.APPLY)


def apply_line(here: Session, role: str, asked: Asked) -> Both:
    """How what `scaling plan` showed is done: plan itself has no --apply."""
    import shlex

    given = {"--role": role, "--size": asked.size, "--min": asked.least, "--max": asked.most,
             "--per-worker": asked.per_worker}  # fmt: skip
    options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    options += ["--workers-protect"] if asked.workers_protect else []
    line = shlex.join(("academyctl", *undo_options(here), "scaling", "apply", asked.policy, *options, "--apply"))
    return Both(f"nothing was changed; to do it: {line}", f"바뀐 것은 없습니다. 실행하려면: {line}")


def put_back(
    here: Session, role: str, to: str, *, apply: bool, fmt: Format, on_done: Done = lambda _repair: None
) -> None:
    """`scaling rollback`. Raises as `put_in_force`, and UsageError when nothing is saved."""
    from academyctl.ops import saves, scaling_shared
    from academyctl.ops.scaling_plans import plan_rollback, undo_command
    from academyctl.ops.scaling_state import gather, names
    from academyctl.ops.scaling_words import filled

    these = names(here.loaded.settings, role)
    now = gather(here.stores(), these)
    where = state_folder(here, now.raw)
    save = saves.to_restore(where, these.group, to)
    again = _rollback_save(here, now, save)
    planned = plan_rollback(save, now, where, undo=undo_command(undo_options(here), role, again.name))
    carry_out(
        here,
        planned.repairs,
        apply=apply,
        fmt=fmt,
        remarks=planned.remarks,
        nothing=filled(BACK, save=save.name),
        told={"role": role, "group": these.group, "save": save.name, "saved_at": save.at, "replaced_by": save.what},
        before=lambda: _keep(here, now, again, planned),
        on_done=on_done,
    )
    if apply:
        # Before the save is marked: a run that is killed in between does it again.
        if save.by == saves.APPLY:
            for heir in scaling_shared.heirs(save, saves.all_of(where), these.function):
                saves.write(heir)
        saves.mark_ended(where, these.group, saves.ROLLBACK)
        saves.mark_restored(where, save)


def _save(here: Session, now: State, planned: Plan, by: str, what: str) -> None:
    from academyctl.ops import saves

    made = saves.new(
        state_folder(here, now.raw), role=now.names.role, group=now.names.group, by=by, what=what, sizes=planned.sizes,
        size=now.sizes, parts=now.parts, now=datetime.now(UTC),
    )  # fmt: skip
    _keep(here, now, made, planned)


def _rollback_save(here: Session, now: State, save: Save) -> Save:
    """What the rollback itself replaces, under a name that its undo can tell before it is written."""
    from academyctl.ops import saves

    where = state_folder(here, now.raw)
    found = saves.listed(where, now.names.group)
    left = saves.unfinished(found)
    if left and left.by == saves.ROLLBACK:
        return left
    return saves.new(
        where, role=now.names.role, group=now.names.group, by=saves.ROLLBACK, what=save.name,
        sizes=save.sizes, size=now.sizes, parts=now.parts, now=datetime.now(UTC),
    )  # fmt: skip


def _keep(here: Session, now: State, save: Save, planned: Plan) -> None:
    """The code that is replaced first: a save without it could not be put back."""
    from academyctl.ops import saves
    from academyctl.ops.package import sha256
    from academyctl.ops.scaling_plans import replaced_code
    from academyctl.repairs import Changed

    for name, sha in replaced_code(planned.repairs, now):
        if not saves.code_path(save.path.parent, sha).exists():
            code = here.stores().functions.code(name)
            if sha256(code) != sha:
                raise Changed(f"the code of {name} could not be kept", why="somebody replaced it in this moment")
            saves.keep_code(save.path.parent, sha, code)
    saves.begun(save.path.parent, save)
