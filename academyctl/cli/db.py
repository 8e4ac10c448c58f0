"""`academyctl db`: academyctl's own tables in the platform's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.errors import Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.db_repairs import CreateTables

app = typer.Typer(help="academyctl's own tables in the platform's database.", no_args_is_help=True)


@app.callback()
def db() -> None:
    """academyctl's own tables in the platform's database."""


@app.command()
def migrate(
    ctx: typer.Context,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this it is only shown.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Create the tables that messaging needs.

    Deliveries, credit accounts and their ledger, beside the platform's tables, which stay as they are. What exists
    stays; running it again does nothing.
    """
    from academyctl import output, repairs
    from academyctl.db_repairs import CreateTables
    from academyctl.stores import own_tables

    here = session(ctx)
    stores = here.stores()
    missing = tuple(own_tables.missing(stores.db))
    change = CreateTables(stores.db.where, missing) if missing else None
    if apply and change is not None:
        here.confirm_production([str(change)])
        try:
            repairs.apply([change], stores, repairs.audit_path())
        except repairs.Halfway as error:
            # One change in one transaction: there is no half of it to tell.
            raise error.cause from error
    document = {
        "version": 1,
        "where": stores.db.where,
        "applied": apply and change is not None,
        "missing": [] if apply else [{"kind": part.kind, "name": part.name} for part in missing],
        "created": [{"kind": part.kind, "name": part.name} for part in missing] if apply else [],
        "undo": change.undo if change else "",
    }
    output.emit(document, fmt=fmt, table=lambda: _text(change, stores.db.where, here.lang, apply=apply))


def _text(change: CreateTables | None, where: str, lang: str, *, apply: bool) -> str:
    if change is None:
        return Both(
            f"{where} has all of academyctl's tables; there is nothing to do",
            f"{where}에 academyctl 테이블이 모두 있습니다. 할 일이 없습니다",
        ).pick(lang)
    lines = [f"{'done' if apply else 'would'}  create {part} in {where}" for part in change.parts]
    if apply:
        lines.append(f"undo  {change.undo}")
    else:
        lines.append(
            Both(
                "nothing was changed; the platform's tables stay as they are; to do it: --apply",
                "바뀐 것은 없습니다. 플랫폼 테이블은 건드리지 않습니다. 실행하려면: --apply",
            ).pick(lang)
        )
    return "\n".join(lines) + "\n"
