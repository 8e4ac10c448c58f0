"""`academyctl config`: what is set, where it comes from, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.output import Format

app = typer.Typer(help="Show, check and create settings.", no_args_is_help=True)


@app.command()
def show(
    ctx: typer.Context,
    fmt: OutputOption = Format.table,
    section: Annotated[str, typer.Option("--section", help="Only this section.")] = "",
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not at its default.")] = False,
) -> None:
    """Every value with its source; secrets are masked."""
    from academyctl import output
    from academyctl.errors import UsageError
    from academyctl.settings import leaves, shown, value_of

    loaded = session(ctx).loaded
    sections = sorted({leaf.path.split(".")[0] for leaf in leaves()})
    if section and section not in sections:
        raise UsageError(f"there is no section '{section}'", remedy=f"one of: {', '.join(sections)}")
    values: list[dict[str, Any]] = [
        {
            "setting": leaf.path,
            "value": shown(value_of(loaded.settings, leaf.path), secret=leaf.secret),
            "source": loaded.sources[leaf.path],
            "env": list(leaf.env),
        }
        for leaf in leaves()
        if leaf.path.startswith(f"{section}." if section else "")
        and (not changed or loaded.sources[leaf.path] != "default")
    ]
    lines = [(one["setting"], one["value"], one["source"]) for one in values]
    head = {"profile": loaded.profile, "file": loaded.file, "warnings": list(loaded.warnings)}
    output.emit({**head, "settings": values}, fmt=fmt, table=lambda: output.rows(("setting", "value", "source"), lines))
    if fmt == Format.table:
        for warning in loaded.warnings:
            output.note(f"warn  {warning}")


@app.command()
def check(
    ctx: typer.Context,
    worker: Annotated[str, typer.Argument(help="video, ai or messaging.")],
    fmt: OutputOption = Format.table,
) -> None:
    """Say every required setting of a worker that is missing. Exit code 2 when one is."""
    import os

    from academyctl import output
    from academyctl.contract.logtokens import CONFIG_ERROR
    from academyctl.errors import EXIT_USAGE, UsageError
    from academyctl.settings import REQUIRED, contradictions, missing

    if worker not in REQUIRED:
        raise UsageError(f"there is no worker '{worker}'", remedy=f"one of: {', '.join(REQUIRED)}")
    loaded = session(ctx).loaded
    absent = missing(loaded, worker)
    warnings = [*loaded.warnings, *contradictions(loaded, os.environ)]

    def table() -> str:
        lines = [CONFIG_ERROR.format(name=name) for name in absent] or [
            f"ok  nothing is missing for the {worker} worker"
        ]
        return "\n".join([*lines, *(f"warn  {warning}" for warning in warnings)])

    output.emit({"worker": worker, "missing": absent, "warnings": warnings, "ok": not absent}, fmt=fmt, table=table)
    if absent:
        raise typer.Exit(EXIT_USAGE)


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("academyctl.toml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a starter settings file in which every setting stands at its default."""
    from academyctl import output
    from academyctl.errors import Both, UsageError
    from academyctl.starter import text

    if file.exists() and not force:
        raise UsageError(
            f"{file} exists already", remedy=Both("overwrite it with --force", "덮어쓰려면 --force를 붙이세요")
        )
    file.write_text(text(), encoding="utf-8")
    output.note(f"wrote {file}; see the result: academyctl config show --changed")


@app.command()
def path(ctx: typer.Context, fmt: OutputOption = Format.table) -> None:
    """The settings file in use."""
    from academyctl import output

    loaded = session(ctx).loaded
    found = str(loaded.file) if loaded.file else None
    output.emit({"file": found, "profile": loaded.profile}, fmt=fmt, table=lambda: found or "no settings file is used")
