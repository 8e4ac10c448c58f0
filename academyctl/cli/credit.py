"""`academyctl credit`: what academies can pay for, and every change of their balances that academyctl made."""

from __future__ import annotations

from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Message credit: balances, and every change that was made.", no_args_is_help=True)


@app.callback()
def credit() -> None:
    """Message credit: balances, and every change that was made."""


@app.command()
def show(
    ctx: typer.Context,
    tenant: Annotated[str, typer.Argument(metavar="[TENANT]", help="The academy's id or code; default: all.")] = "",
    fmt: OutputOption = Format.table,
) -> None:
    """Show balances, prices and charges.

    How many texts a balance pays for, what was charged today (in Korea) and in 30 days, and whether ledger, account
    and texts agree. Exit code 1 when they do not.
    """
    from academyctl.cli._credit_show import show

    raise typer.Exit(show(session(ctx), tenant, fmt=fmt))


@app.command()
def ledger(
    ctx: typer.Context,
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="The academy's id or code.")],
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Only of the last 90m, 24h, 7d.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, the newest.")] = 50,
    fmt: OutputOption = Format.table,
) -> None:
    """List an academy's charges and refunds.

    Oldest first, with the balance after each. `outside` is a change that academyctl did not make, as credit that was
    bought. Exit code 1 when ledger, account and texts do not agree.
    """
    from academyctl.cli._credit_ledger import ledger

    raise typer.Exit(ledger(session(ctx), tenant, since, limit, fmt=fmt))
