"""`academyctl asg`: the Auto Scaling groups of the workers: sizes, activities, refresh, protection."""

from __future__ import annotations

from typing import Annotated

import typer

from academyctl.cli._changes import ApplyOption
from academyctl.cli._common import OutputOption, session
from academyctl.errors import Both
from academyctl.output import Format

app = typer.Typer(
    help="The workers' Auto Scaling groups: sizes, activities, refresh, protection.", no_args_is_help=True
)

MOST = 1000
Role = Annotated[str, typer.Argument(metavar="ROLE", help="video, ai or messaging.")]
SomeRole = Annotated[
    str, typer.Argument(metavar="[ROLE]", help="video, ai or messaging; all of them without it.", show_default=False)
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[INSTANCE]...", help="Instance ids.")]
Every = Annotated[bool, typer.Option("--all", help="Every instance of the group.")]


@app.command()
def show(ctx: typer.Context, role: SomeRole = "", fmt: OutputOption = Format.table) -> None:
    """Show sizes and instances; of one group also policies, hooks and refreshes.

    Exit code 1 when a group does not exist.
    """
    from academyctl.cli._asg_show import show

    show(session(ctx), role, fmt=fmt)


@app.command()
def activities(
    ctx: typer.Context,
    role: SomeRole = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="At most so many.")] = 20,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """List what the groups have launched and ended, newest first, and why.

    Exit code 1 when a group does not exist.
    """
    from academyctl.cli._asg_show import activities

    activities(session(ctx), role, limit, failed=failed, fmt=fmt)


@app.command("set")
def set_(
    ctx: typer.Context,
    role: Role,
    desired: Annotated[int | None, typer.Option("--desired", min=0, max=MOST, help="Instances to run now.")] = None,
    least: Annotated[int | None, typer.Option("--min", min=0, max=MOST, help="Never fewer.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=0, max=MOST, help="Never more.")] = None,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Set a group's sizes.

    Shows the change, and does it with --apply.
    """
    from academyctl.asg_plans import plan
    from academyctl.cli._asg_find import group_of
    from academyctl.cli._changes import carry_out, undo_options
    from academyctl.errors import UsageError

    if desired is None and least is None and most is None:
        raise UsageError(
            Both("nothing to set", "설정할 크기가 없습니다"),
            remedy=Both("give --desired, --min or --max", "--desired, --min, --max 중에서 지정하세요"),
        )
    here = session(ctx)
    group = group_of(here, role)
    planned = plan(role, group, least=least, desired=desired, most=most, options=undo_options(here))
    nothing = Both(f"{group.name} has these sizes already", f"{group.name}은(는) 이미 그 크기입니다")
    carry_out(
        here, planned.repairs, apply=apply, fmt=fmt, remarks=planned.remarks, nothing=nothing,
        told={"group": group.name},
    )  # fmt: skip


@app.command()
def refresh(
    ctx: typer.Context,
    role: Role,
    protected: Annotated[
        str, typer.Option("--protected", metavar="wait|ignore", help="What becomes of protected instances.")
    ] = "",
    min_healthy: Annotated[
        int, typer.Option("--min-healthy", min=0, max=100, help="Percent of the group that stays in service.")
    ] = 90,
    warmup: Annotated[
        int | None,
        typer.Option("--warmup", min=0, help="Seconds until a new instance counts; the group's own without."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also instances of the template's present version: a new image, same tag.")
    ] = False,
    status: Annotated[bool, typer.Option("--status", help="Only say how the refreshes went and go.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop the refresh that runs.")] = False,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Replace a group's instances, a few at a time.

    Shows what would be replaced, and starts it with --apply. With --status: exit code 1 when the last one failed.
    """
    from academyctl.cli import _asg_refresh
    from academyctl.errors import UsageError

    if status and (cancel or apply or force or protected):
        raise UsageError(
            Both("--status only looks", "--status는 조회만 합니다"),
            remedy=Both("leave the other options out", "다른 옵션은 빼세요"),
        )
    here = session(ctx)
    if status:
        _asg_refresh.status(here, role, fmt=fmt)
    elif cancel:
        _asg_refresh.cancel(here, role, apply=apply, fmt=fmt)
    else:
        _asg_refresh.start(
            here, role, protected=protected, min_healthy=min_healthy, warmup_s=warmup, force=force, apply=apply, fmt=fmt
        )


@app.command()
def protect(
    ctx: typer.Context,
    role: Role,
    ids: Ids = None,
    every: Every = False,
    busy: Annotated[bool, typer.Option("--busy", help="Those whose worker has a job in hand.")] = False,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Protect instances from scale-in.

    Shows the change, and does it with --apply.
    """
    from academyctl.cli._asg_protect import change

    change(
        session(ctx), role, ids or (), every=every, busy=True if busy else None, protected=True, apply=apply, fmt=fmt
    )


@app.command()
def unprotect(
    ctx: typer.Context,
    role: Role,
    ids: Ids = None,
    every: Every = False,
    idle: Annotated[bool, typer.Option("--idle", help="Those whose worker beats and has no job.")] = False,
    apply: ApplyOption = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Lift instances' protection from scale-in.

    Shows the change, and does it with --apply.
    """
    from academyctl.cli._asg_protect import change

    change(
        session(ctx), role, ids or (), every=every, busy=False if idle else None, protected=False, apply=apply, fmt=fmt
    )
