"""`academyctl rule`: EventBridge rules, shown and switched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from academyctl.cli._changes import ApplyOption
from academyctl.cli._common import OutputOption, Session, session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

app = typer.Typer(help="EventBridge rules: the clocks of the platform's functions.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="RULE", help="depth, autoscale, or a rule's own name.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Every rule of the account, not only the platform's.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """List the platform's rules: schedule, on or off, what they run.

    Exit code 1 when a rule of the settings does not exist, unless it is the older generation's (autoscale).
    """
    from academyctl import output
    from academyctl.ops.rule_plans import words

    here = session(ctx)
    known = words(here.loaded.settings.fleet)
    found = {name: here.stores().rules.raw(name) for name in known.values()}
    rows = [_json(word, name, *(found[name] or (None, ()))) for word, name in known.items()]
    if every:
        rows += [
            _json("", str(one["Name"]), one, None) for one in here.stores().rules.all() if one["Name"] not in found
        ]
    output.emit({"version": 1, "rules": rows}, fmt=fmt, table=lambda: _table(rows, here.lang))
    raise typer.Exit(EXIT_OK if found[known["depth"]] else EXIT_FAILED)


@app.command()
def show(ctx: typer.Context, rule: Name, fmt: OutputOption = Format.table) -> None:
    """Show a rule and its targets.

    Exit code 1 when it does not exist.
    """
    from academyctl import output

    here = session(ctx)
    word, raw, targets = _found(here, rule)
    told = _json(word, str(raw["Name"]), raw, targets)
    output.emit({"version": 1, "rule": told}, fmt=fmt, table=lambda: _text(told, here.lang))


@app.command()
def enable(ctx: typer.Context, rule: Name, apply: ApplyOption = False, fmt: OutputOption = Format.table) -> None:
    """Switch a rule on.

    Shows the change, and does it with --apply.
    """
    _switch(session(ctx), rule, on=True, apply=apply, fmt=fmt)


@app.command()
def disable(ctx: typer.Context, rule: Name, apply: ApplyOption = False, fmt: OutputOption = Format.table) -> None:
    """Switch a rule off.

    Shows the change, and does it with --apply.
    """
    _switch(session(ctx), rule, on=False, apply=apply, fmt=fmt)


def _switch(here: Session, said: str, *, on: bool, apply: bool, fmt: Format) -> None:
    from academyctl.cli._changes import carry_out, undo_options
    from academyctl.ops.rule_plans import plan

    word, raw, targets = _found(here, said)
    repairs, remarks = plan(word, raw, targets, on=on, options=undo_options(here))
    carry_out(here, repairs, apply=apply, fmt=fmt, remarks=remarks, told={"rule": raw["Name"]})


def _found(here: Session, said: str) -> tuple[str, Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """(the word that names it, the rule, its targets). Raises WorkFailed when it does not exist."""
    from academyctl.errors import WorkFailed
    from academyctl.ops.rule_plans import words

    name = words(here.loaded.settings.fleet).get(said, said)
    found = here.stores().rules.raw(name)
    if found is None:
        remedy = Both("see which rules exist: academyctl rule list --all", "규칙 목록: academyctl rule list --all")
        raise WorkFailed(Both(f"there is no rule {name}", f"규칙 {name}이(가) 없습니다"), remedy=remedy, code="missing")
    return said, *found


def _json(
    word: str, name: str, raw: Mapping[str, Any] | None, targets: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    if raw is None:
        return {"word": word, "name": name, "exists": False}
    told: dict[str, Any] = {
        "word": word,
        "name": name,
        "exists": True,
        "state": str(raw.get("State", "")),
        "schedule": str(raw.get("ScheduleExpression") or ""),
        "pattern": str(raw.get("EventPattern") or ""),
        "description": str(raw.get("Description") or ""),
        "arn": str(raw.get("Arn", "")),
    }
    if targets is not None:
        told["targets"] = [{"id": str(one.get("Id", "")), "arn": str(one.get("Arn", ""))} for one in targets]
    return told


def _table(rows: Sequence[Mapping[str, Any]], lang: str) -> str:
    from academyctl.cli._columns import columns

    gone = Both("does not exist", "없음").pick(lang)
    return columns(
        Both("word\trule\tstate\twhen\truns", "이름\t규칙\t상태\t주기\t실행 대상").pick(lang).split("\t"),
        [
            (one["word"] or "-", one["name"], one["state"], one["schedule"] or one["pattern"], _aims(one))
            if one["exists"]
            else (one["word"], one["name"], gone, "", "")
            for one in rows
        ],
    )


def _aims(one: Mapping[str, Any]) -> str:
    return ", ".join(target["arn"].rsplit(":", 1)[-1] for target in one.get("targets", ()))


def _text(one: Mapping[str, Any], lang: str) -> str:
    lines = [
        f"rule      {one['name']}",
        f"state     {one['state']}",
        f"when      {one['schedule'] or one['pattern']}",
        *([f"what for  {one['description']}"] if one["description"] else []),
        *(f"runs      {target['arn']} (id {target['id']})" for target in one["targets"]),
    ]
    if not one["targets"]:
        lines.append(f"runs      {Both('nothing', '없음').pick(lang)}")
    return "\n".join(lines)
