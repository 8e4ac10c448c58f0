"""`academyctl excel`: class lists from spreadsheets, checked on a laptop, imported like the worker does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.cli._excel_import import import_
from academyctl.cli._excel_purge import purge
from academyctl.output import Format

app = typer.Typer(help="Check class lists, import them, make empty ones.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="xlsx, xlsm, xls, xlsb, ods or csv.")]
Maps = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="Say which column a field is, e.g. parent_phone=C."),
]
Sheet = Annotated[str, typer.Option("--sheet", metavar="NAME", help="Only this sheet.")]


@app.command()
def check(
    ctx: typer.Context,
    file: File,
    maps: Maps = None,
    sheet: Sheet = "",
    reveal: Annotated[bool, typer.Option("--reveal", help="Show whole phone numbers.")] = False,
    rows: Annotated[int, typer.Option("--rows", min=0, metavar="N", help="Good rows in the table.")] = 5,
    fmt: OutputOption = Format.table,
) -> None:
    """Say what a class list holds, and every cell that is wrong.

    Needs no server and changes nothing. Exit code 1 when a row has errors, a column must be chosen or the file is no
    class list.
    """
    from academyctl.cli._excel_check import check

    raise typer.Exit(check(session(ctx), file, maps or (), sheet, reveal=reveal, shown=rows, fmt=fmt))


@app.command()
def template(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="[FILE.xlsx]", help="Where to write it.")] = Path("roster.xlsx"),
    with_example: Annotated[
        bool, typer.Option("--with-example", help="With a row that shows how, skipped later.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Write an empty class list to fill in.

    Phone columns are text, so that leading zeros stay.
    """
    from academyctl.cli._excel_template import template

    template(session(ctx), file, with_example=with_example, force=force, fmt=fmt)


app.command("import")(import_)
app.command()(purge)
