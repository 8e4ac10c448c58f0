"""`academyctl scaling`: who decides how many workers there are; changed by plan, taken back exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from academyctl.cli._changes import ApplyOption
from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Who decides how many workers there are: show, plan, apply, roll back.", no_args_is_help=True)

_POLICY_HELP = "outstanding, batch, tt-backlog, lambda-rule, tt-total, step-alarm or fixed."
Policy = Annotated[str, typer.Argument(metavar="POLICY", help=_POLICY_HELP)]
Role = Annotated[str, typer.Option("--role", help="video, ai or messaging.")]
SomeRole = Annotated[str, typer.Argument(metavar="[ROLE]", help="video, ai or messaging.")]
Size = Annotated[int | None, typer.Option("--size", min=0, max=1000, help="Of fixed: so many instances, always.")]
Least = Annotated[int | None, typer.Option("--min", min=0, max=1000, help="The group's minimum from now on.")]
Most = Annotated[int | None, typer.Option("--max", min=0, max=1000, help="The group's maximum from now on.")]
PerWorker = Annotated[
    int | None,
    typer.Option("--per-worker", min=1, max=1000, help="Messages for each instance (video: setting fleet.per_worker)."),
]
Protect = Annotated[
    bool, typer.Option("--workers-protect", help="The workers protect their instance while busy (for tt-backlog).")
]


@app.command()
def show(ctx: typer.Context, role: SomeRole = "video", fmt: OutputOption = Format.table) -> None:
    """Show what scales a group now, on one screen.

    Exit code 1 when the group does not exist.
    """
    from academyctl.cli._scaling_show import show as shown

    shown(session(ctx), role, fmt)


@app.command()
def plan(
    ctx: typer.Context,
    policy: Policy,
    role: Role = "video",
    size: Size = None,
    least: Least = None,
    most: Most = None,
    per_worker: PerWorker = None,
    workers_protect: Protect = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Show what a policy would change; changes nothing."""
    from academyctl.cli._scaling_changes import apply_line, put_in_force
    from academyctl.ops.scaling_plans import Asked

    here, asked = session(ctx), Asked(policy, least, most, size, workers_protect, per_worker)
    put_in_force(here, role, asked, apply=False, fmt=fmt, dry=apply_line(here, role, asked))


@app.command()
def apply(
    ctx: typer.Context,
    policy: Policy,
    role: Role = "video",
    size: Size = None,
    least: Least = None,
    most: Most = None,
    per_worker: PerWorker = None,
    workers_protect: Protect = False,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Put a policy in force.

    Shows the changes, and does them with --apply. What is replaced is saved first; `scaling rollback` puts it back.
    """
    from academyctl.cli._scaling_changes import put_in_force
    from academyctl.ops.scaling_plans import Asked

    asked = Asked(policy, least, most, size, workers_protect, per_worker)
    put_in_force(session(ctx), role, asked, apply=apply, fmt=fmt)


@app.command()
def rollback(
    ctx: typer.Context,
    role: Role = "video",
    to: Annotated[str, typer.Option("--to", help="A save by its name; without it the newest one.")] = "",
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Put back what the last apply replaced.

    Shows the changes, and does them with --apply.
    """
    from academyctl.cli._scaling_changes import put_back

    put_back(session(ctx), role, to, apply=apply, fmt=fmt)


@app.command()
def doctor(ctx: typer.Context, role: SomeRole = "video", fmt: OutputOption = Format.table) -> None:
    """Find what keeps a group from scaling.

    Each finding has its evidence and the command that mends it.
    Exit code 1 when something is wrong, 3 when something could not be seen.
    """
    from academyctl.cli._scaling_doctor import doctor as examined

    examined(session(ctx), role, fmt)


@app.command()
def simulate(
    ctx: typer.Context,
    policies: Annotated[
        list[str] | None, typer.Argument(metavar="[POLICY]...", help="Only these; all without.", show_default=False)
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=90, help="Days of uploads.")] = 14,
    load: Annotated[str, typer.Option("--load", help="usual, double or exam.")] = "usual",
    seed: Annotated[int, typer.Option("--seed", help="Of the uploads: the same number, the same uploads.")] = 1,
    trace: Annotated[
        Path | None, typer.Option("--trace", help="Uploads from a CSV file: time, encode seconds.", show_default=False)
    ] = None,
    least: Annotated[int, typer.Option("--min", min=0, max=1000, help="The group's minimum.")] = 1,
    most: Annotated[int, typer.Option("--max", min=1, max=1000, help="The group's maximum.")] = 10,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write the charts there.", show_default=False)] = None,
    fmt: OutputOption = Format.table,
) -> None:
    """Compare the policies over days of uploads.

    Waiting, instance-hours, encodes that were killed. Touches nothing and needs no account.
    """
    from academyctl.cli._scaling_simulate import Asked, compare

    compare(session(ctx), Asked(tuple(policies or ()), days, load, seed, trace, least, most, svg), fmt)
