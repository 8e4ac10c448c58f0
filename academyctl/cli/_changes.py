"""How a command that changes something shows its plan, asks, does it, and says what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from academyctl.cli._common import Session
from academyctl.errors import Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.repairs import Repair

ApplyOption = Annotated[bool, typer.Option("--apply", help="Do it; without this the changes are only shown.")]
NOTHING = Both("it is so already; there is nothing to do", "이미 그 상태입니다. 할 일이 없습니다")
DRY = Both("nothing was changed; to do it: --apply", "바뀐 것은 없습니다. 실행하려면: --apply")


def carry_out(
    here: Session,
    repairs: Sequence[Repair],
    *,
    apply: bool,
    fmt: Format,
    remarks: Sequence[Both] = (),
    nothing: Both = NOTHING,
    dry: Both = DRY,
    told: Mapping[str, Any] | None = None,
    on_done: Callable[[Repair], None] = lambda _repair: None,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Show these repairs; with `apply` ask before production, then do them in order, one audit line each.

    `before` runs after the yes and before the first change (what is replaced is saved there). `told` are more fields of
    the JSON document. `dry` ends a plan: how it is done. Raises Halfway at the first repair that fails: run the command
    again, its plan is what is left.
    """
    from academyctl import output
    from academyctl.repairs import apply as do
    from academyctl.repairs import audit_path

    done = apply and bool(repairs)
    if done:
        here.confirm_production([str(repair) for repair in repairs])
        before()
        do(repairs, here.stores(), audit_path(), on_done=on_done)
    output.emit(
        {
            "version": 1,
            "applied": done,
            **(told or {}),
            "changes": [{"change": str(repair), "undo": repair.undo} for repair in repairs],
            "remarks": [remark.pick(here.lang) for remark in remarks],
        },
        fmt=fmt,
        table=lambda: text(repairs, remarks, nothing, here.lang, done=done, dry=dry),
    )


def text(
    repairs: Sequence[Repair], remarks: Sequence[Both], nothing: Both, lang: str, *, done: bool, dry: Both = DRY
) -> str:
    """The plan, or what was done, for people."""
    from academyctl.output import as_typed

    lines = [] if repairs else [as_typed(nothing.pick(lang))]
    # Where one command takes all of them back, it is said once.
    for undo, together in groupby(repairs, lambda repair: repair.undo):
        lines += [*(f"{'done' if done else 'would'}  {repair}" for repair in together), f"undo  {undo}"]
    lines += [f"note  {as_typed(remark.pick(lang))}" for remark in remarks]
    if repairs and not done:
        lines.append(dry.pick(lang))
    return "\n".join(lines) + "\n"


def undo_options(here: Session) -> tuple[str, ...]:
    """This run's global options: an undo without them would change another account."""
    return here.options
