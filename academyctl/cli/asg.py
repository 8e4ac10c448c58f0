"""`academyctl asg`: the Auto Scaling groups of the workers, and their sizes set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from academyctl.cli._common import OutputOption, Session, session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.asg_plans import Plan
    from academyctl.stores._fleet_types import Group

app = typer.Typer(help="Look at the workers' Auto Scaling groups, set their sizes.", no_args_is_help=True)

MOST = 1000
Role = Annotated[str, typer.Argument(metavar="ROLE", help="video, ai or messaging.")]
SomeRole = Annotated[
    str, typer.Argument(metavar="[ROLE]", help="video, ai or messaging; all of them without it.", show_default=False)
]


@app.command()
def show(ctx: typer.Context, role: SomeRole = "", fmt: OutputOption = Format.table) -> None:
    """Show sizes and instances.

    Exit code 1 when a group does not exist.
    """
    from academyctl import output
    from academyctl.asg_plans import ROLES, name_of

    here = session(ctx)
    names = {word: name_of(here.loaded.settings.fleet, word) for word in ([role] if role else ROLES)}
    groups = here.stores().fleet.groups(list(names.values()))
    output.emit(
        {"version": 1, "groups": [_json(word, name, groups.get(name)) for word, name in names.items()]},
        fmt=fmt,
        table=lambda: _table(names, groups, here.lang),
    )
    raise typer.Exit(EXIT_OK if all(name in groups for name in names.values()) else EXIT_FAILED)


@app.command("set")
def set_(
    ctx: typer.Context,
    role: Role,
    desired: Annotated[int | None, typer.Option("--desired", min=0, max=MOST, help="Instances to run now.")] = None,
    least: Annotated[int | None, typer.Option("--min", min=0, max=MOST, help="Never fewer.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=0, max=MOST, help="Never more.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this the change is only shown.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Set a group's sizes.

    Shows the change, and does it with --apply.
    """
    from academyctl import output
    from academyctl.asg_plans import name_of, plan
    from academyctl.errors import UsageError, WorkFailed
    from academyctl.repairs import apply as do
    from academyctl.repairs import audit_path

    if desired is None and least is None and most is None:
        raise UsageError(
            "nothing to set", remedy=Both("give --desired, --min or --max", "--desired, --min, --max 중에서 지정하세요")
        )
    here = session(ctx)
    name = name_of(here.loaded.settings.fleet, role)
    stores = here.stores()
    group = stores.fleet.groups([name]).get(name)
    if group is None:
        remedy = Both(
            "see which groups exist: academyctl diagnose scaling",
            "어떤 그룹이 있는지 확인하세요: academyctl diagnose scaling",
        )
        raise WorkFailed(f"there is no Auto Scaling group {name}", remedy=remedy, code="missing")
    planned = plan(role, group, least=least, desired=desired, most=most, options=_options(here))
    if apply and planned.repairs:
        here.confirm_production([str(repair) for repair in planned.repairs])
        do(planned.repairs, stores, audit_path())
    output.emit(
        {
            "version": 1,
            "applied": apply,
            "group": name,
            "changes": [{"change": str(repair), "undo": repair.undo} for repair in planned.repairs],
            "remarks": [remark.pick(here.lang) for remark in planned.remarks],
        },
        fmt=fmt,
        table=lambda: _said(name, planned, here.lang, apply=apply),
    )


def _options(here: Session) -> tuple[str, ...]:
    """This run's global options: an undo without them would change another account's group."""
    given = (("--profile", here.profile), ("--config", here.config))
    return tuple(word for option in given if option[1] for word in option)


def _json(role: str, name: str, group: Group | None) -> dict[str, Any]:
    if group is None:
        return {"role": role, "name": name, "exists": False}
    instances = [
        {"id": one.id, "state": one.state, "health": one.health, "protected": one.protected} for one in group.instances
    ]
    sizes = {"min": group.min, "desired": group.desired, "max": group.max, "in_service": group.in_service}
    return {"role": role, "name": name, "exists": True, **sizes, "instances": instances}


def _table(names: Mapping[str, str], groups: Mapping[str, Group], lang: str) -> str:
    missing = Both("does not exist", "없음").pick(lang)
    width = max(len(name) for name in names.values())
    lines = []
    for role, name in names.items():
        group = groups.get(name)
        if group is None:
            lines.append(f"{role:<9}  {name:<{width}}  {missing}")
            continue
        sizes = f"min {group.min}  desired {group.desired}  max {group.max}  in service {group.in_service}"
        lines.append(f"{role:<9}  {name:<{width}}  {sizes}")
        for one in group.instances:
            protected = "  protected" if one.protected else ""
            lines.append(f"           {one.id}  {one.state}  {one.health}{protected}")
    return "\n".join(lines)


def _said(name: str, planned: Plan, lang: str, *, apply: bool) -> str:
    if not planned.repairs:
        return Both(f"{name} has these sizes already", f"{name}은(는) 이미 그 크기입니다").pick(lang)
    lines = []
    for repair in planned.repairs:
        lines += [f"{'done' if apply else 'would'}  {repair}", f"undo  {repair.undo}"]
    lines += [f"note  {remark.pick(lang)}" for remark in planned.remarks]
    if not apply:
        lines.append(
            Both("nothing was changed; to do it: --apply", "바뀐 것은 없습니다. 실행하려면: --apply").pick(lang)
        )
    return "\n".join(lines)
